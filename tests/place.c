/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A place on disk for one test. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "place.h"
#include "util.h"

void place_init(struct place *pl)
{
	char base[] = "/tmp/untrack-test.XXXXXX";

	*pl = (struct place){ 0 };
	assert_non_null(mkdtemp(base));
	pl->base = xstrdup(base);
	pl->state = xasprintf("%s/state", base);
	pl->run = xasprintf("%s/run", base);
	pl->sp = (struct state_paths){ pl->state, pl->run };
}

void place_free(struct place *pl)
{
	pid_t pid = fork();

	if (!pid) {
		execlp("rm", "rm", "-rf", pl->base, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	diag_free(&pl->d);
	free(pl->base);
	free(pl->state);
	free(pl->run);
}

int place_make(void **state)
{
	struct place *pl = xcalloc(1, sizeof(*pl));

	place_init(pl);
	*state = pl;
	return 0;
}

int place_remove(void **state)
{
	place_free(*state);
	free(*state);
	return 0;
}

const char *path(const char *dir, const char *name, char **keep)
{
	free(*keep);
	*keep = xasprintf("%s/%s", dir, name);
	return *keep;
}

void put(const char *dir, const char *name, const char *text, size_t len)
{
	auto_free char *p = xasprintf("%s/%s", dir, name);
	auto_close int fd = open(p, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
}

char *get(const char *dir, const char *name, size_t *len)
{
	auto_free char *p = xasprintf("%s/%s", dir, name);
	char *text = read_file(AT_FDCWD, p, len);

	assert_non_null(text);
	return text;
}

void assert_finding(struct diag *d, const char *id, const char *words)
{
	assert_true(d->errors > 0);
	assert_string_equal(d->v[d->n - 1].id, id);
	if (!strstr(d->v[d->n - 1].text, words))
		fail_msg("\"%s\" does not say \"%s\"", d->v[d->n - 1].text, words);
	assert_non_null(d->v[d->n - 1].cure);
	diag_free(d);
}
