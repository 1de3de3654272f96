/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace for one test program, and nft in it. After cmocka.h. */
#ifndef UNTRACK_TESTS_NFT_LAB_H
#define UNTRACK_TESTS_NFT_LAB_H

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util.h"

static inline bool write_file(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A network namespace of our own; as somebody else than root, with the rights that it needs. */
static inline bool enter_namespace(void)
{
	char map[64];

	if (unshare(CLONE_NEWNET) == 0)
		return true;
	snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && write_file("/proc/self/uid_map", map);
}

/* Runs nft with this input; its output (fresh) if it succeeded, else NULL. */
static inline char *nft(const char *argument, const char *input)
{
	FILE *in = tmpfile(), *out = tmpfile();
	int status = -1, quiet;
	char *s = NULL;
	size_t n = 0;
	pid_t pid;

	assert_non_null(in);
	assert_non_null(out);
	fputs(input, in);
	rewind(in);
	pid = fork();
	if (pid == 0) {
		quiet = open("/dev/null", O_WRONLY);
		if (dup2(fileno(in), 0) < 0 || dup2(fileno(out), 1) < 0 || dup2(quiet, 2) < 0)
			_exit(126);
		execlp("nft", "nft", "-s", "-n", "-f", argument, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rewind(out);
	if (status == 0 && getdelim(&s, &n, '\0', out) < 0) {
		free(s);
		s = xstrdup("");
	}
	fclose(in);
	fclose(out);
	return s;
}

/* The same of a few words put together. */
static inline char *nft_words(const char *a, const char *b, const char *c)
{
	struct text t = { 0 };
	char *s;

	text_add(&t, "%s %s %s", a, b, c);
	s = nft("/dev/stdin", t.s);
	free(t.s);
	return s;
}

#endif
