/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generations: the configurations that were applied and verified, one plain INI file each. */
#include "transaction/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "transaction/store.h"
#include "util.h"

#define GENERATION_NEW "generation.new"
#define GENERATION_MARKED "generation.marked"
#define GENERATIONS_KEPT 50
#define GENERATION_MAX 1000000000l

static char *file_name(long n)
{
	return xasprintf("generation-%ld.conf", n);
}

/* The number in a file's name; 0: not a generation. Only names that we write ourselves count. */
static long number_of(const char *name)
{
	static const char head[] = "generation-";
	auto_free char *digits = NULL, *again = NULL;
	const char *dot = strchr(name, '.');
	unsigned long n;

	if (strncmp(name, head, strlen(head)) != 0 || !dot)
		return 0;
	digits = xstrdup(name + strlen(head));
	digits[dot - name - (ptrdiff_t)strlen(head)] = '\0';
	if (!parse_uint(digits, 1, GENERATION_MAX, &n))
		return 0;
	again = file_name((long)n);
	return strcmp(again, name) == 0 ? (long)n : 0;
}

/* Newest number below a limit in an open directory, 0: none. */
static long scan(const struct store *s, long limit, struct diag *d)
{
	int fd = dup(s->fd);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	long newest = 0;

	if (!dir) {
		diag_error(d, NULL, "state-file", 0, "cannot read the directory %s", s->dir);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	rewinddir(dir);
	while ((e = readdir(dir))) {
		long n = number_of(e->d_name);

		if (n > newest && n < limit)
			newest = n;
	}
	closedir(dir);
	return newest;
}

long generation_before(const struct state_paths *sp, long n, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	int rc = store_open(&s, sp->state_dir, d);

	if (rc)
		return rc < 0 ? -1 : 0;
	return scan(&s, n, d);
}

long generation_newest(const struct state_paths *sp, struct diag *d)
{
	return generation_before(sp, GENERATION_MAX + 1, d);
}

char *generation_load(const struct state_paths *sp, long n, struct generation_header *h,
		      const char **policy_text, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *file = file_name(n), *name = NULL, *text = NULL;
	char *result = NULL;
	size_t len = 0;
	int rc = store_open(&s, sp->state_dir, d);

	if (!rc)
		rc = store_read(&s, file, &text, &len, d);
	if (rc > 0) {
		diag_error(d, NULL, "generation", 0, "there is no generation %ld in %s", n,
			   sp->state_dir);
		diag_cure(d, "untrack history shows those that there are");
	}
	if (rc)
		return NULL;
	name = xasprintf("%s/%s", sp->state_dir, file);
	if (generation_parse(text, len, name, h, policy_text, d))
		return NULL;
	if (h->n == n) {
		result = text;
		text = NULL;
		return result;
	}
	diag_error(d, NULL, "generation", 0, "%s says that it is generation %ld", name, h->n);
	diag_cure(d, "somebody copied or renamed it: move it away");
	generation_header_free(h);
	return NULL;
}

char *generation_read(const struct state_paths *sp, long n, struct diag *d)
{
	struct generation_header h;
	const char *body;
	char *text = generation_load(sp, n, &h, &body, d);

	if (text)
		generation_header_free(&h);
	return text;
}

int generation_header(const struct state_paths *sp, long n, struct generation_header *out,
		      struct diag *d)
{
	const char *body;
	auto_free char *text = generation_load(sp, n, out, &body, d);

	return text ? 0 : -1;
}

time_t generation_time(const struct state_paths *sp, long n)
{
	struct generation_header h = { 0 };
	struct diag quiet = { 0 };
	time_t when = generation_header(sp, n, &h, &quiet) ? 0 : h.applied;

	generation_header_free(&h);
	diag_free(&quiet);
	return when;
}

bool generation_is_newest(const struct state_paths *sp, const char *policy_text)
{
	struct generation_header h = { 0 };
	struct diag quiet = { 0 };
	long n = generation_newest(sp, &quiet);
	const char *body = NULL;
	auto_free char *text = n > 0 ? generation_load(sp, n, &h, &body, &quiet) : NULL;

	generation_header_free(&h);
	diag_free(&quiet);
	return text && strcmp(body, policy_text) == 0;
}

/* The number of the prepared generation if it has this text, or, for NULL, another than the newest
 * one; else 0. */
static long find_prepared(const struct state_paths *sp, const char *policy_text,
			  struct generation_header *out)
{
	auto_store struct store s = STORE_CLOSED;
	struct generation_header h = { 0 };
	auto_free char *text = NULL;
	struct diag quiet = { 0 };
	const char *body = NULL;
	size_t len;
	long n = 0;

	if (!store_open(&s, sp->state_dir, &quiet) &&
	    !store_read(&s, GENERATION_NEW, &text, &len, &quiet) &&
	    !generation_parse(text, len, GENERATION_NEW, &h, &body, &quiet) &&
	    (policy_text ? !strcmp(body, policy_text) : !generation_is_newest(sp, body)) &&
	    h.n == scan(&s, GENERATION_MAX + 1, &quiet) + 1)
		n = h.n;
	if (n)
		*out = h;
	else
		generation_header_free(&h);
	diag_free(&quiet);
	return n;
}

long generation_find(const struct state_paths *sp, const char *policy_text,
		     struct generation_header *out)
{
	struct diag quiet = { 0 };
	long n = find_prepared(sp, policy_text, out);

	if (n > 0)
		return n;
	for (n = generation_newest(sp, &quiet); n > 0; n = generation_before(sp, n, &quiet)) {
		struct generation_header h = { 0 };
		const char *body;
		auto_free char *text = generation_load(sp, n, &h, &body, &quiet);

		if (text && !strcmp(body, policy_text)) {
			*out = h;
			break;
		}
		generation_header_free(&h);
	}
	diag_free(&quiet);
	return n > 0 ? n : 0;
}

bool generation_is_unconfirmed(const struct state_paths *sp, long n)
{
	struct generation_header h = { 0 };
	struct diag quiet = { 0 };
	bool unconfirmed = !generation_header(sp, n, &h, &quiet) && h.unconfirmed;

	generation_header_free(&h);
	diag_free(&quiet);
	return unconfirmed;
}

/* Those in between that were pruned are no finding; those that cannot be read are. */
long generation_good_before(const struct state_paths *sp, long n, struct diag *d)
{
	long good = generation_before(sp, n, d);

	for (; good > 0; good = generation_before(sp, good, d)) {
		struct generation_header h = { 0 };
		struct diag faults = { 0 };
		bool readable = !generation_header(sp, good, &h, &faults), wanted = !h.unconfirmed;

		generation_header_free(&h);
		diag_soften(&faults);
		diag_move(d, &faults);
		diag_free(&faults);
		if (readable && wanted)
			break;
	}
	return good;
}

long generation_last_good(const struct state_paths *sp, struct diag *d)
{
	return generation_good_before(sp, GENERATION_MAX + 1, d);
}

static bool add_mark(struct generation_header *h, enum generation_mark mark)
{
	switch (mark) {
	case GENERATION_UNCONFIRMED:
		return !h->unconfirmed && (h->unconfirmed = true);
	case GENERATION_CONFIRMED:
		return h->unconfirmed && !(h->unconfirmed = false);
	case GENERATION_GOOD_AT_BOOT:
		return !h->good_at_boot && (h->good_at_boot = time(NULL));
	}
	return false;
}

int generation_mark(const struct state_paths *sp, long n, enum generation_mark mark, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	struct generation_header h = { 0 };
	const char *body = NULL;
	auto_free char *text = generation_load(sp, n, &h, &body, d), *marked = NULL;
	auto_free char *file = file_name(n);
	int rc = text ? 0 : -1;

	if (text && add_mark(&h, mark)) {
		marked = generation_print(&h, body);
		rc = store_make(&s, sp->state_dir, 0755, d) ||
				     store_write(&s, GENERATION_MARKED, marked, strlen(marked),
						 true, d) ||
				     store_rename(&s, GENERATION_MARKED, file, true, d)
			     ? -1
			     : 0;
	}
	generation_header_free(&h);
	return rc;
}

long generation_prepare(const struct state_paths *sp, const char *policy_text, const char *backend,
			const struct generation_header *said, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	struct generation_header h = *said;
	auto_free char *text = NULL, *name = xstrdup(backend);
	long n;

	if (store_make(&s, sp->state_dir, 0755, d))
		return -1;
	n = scan(&s, GENERATION_MAX + 1, d);
	if (n < 0)
		return -1;
	h.n = n + 1;
	h.applied = time(NULL);
	h.backend = name;
	text = generation_print(&h, policy_text);
	if (store_write(&s, GENERATION_NEW, text, strlen(text), true, d))
		return -1;
	/* A boot must know what was never confirmed, wherever the power went. */
	if (!h.unconfirmed || !store_sync(&s, GENERATION_NEW, d))
		return n + 1;
	store_remove(&s, GENERATION_NEW, d);
	return -1;
}

/* Drops what is older than the newest 50: unless it was good at boot, is the one to go back to, or
 * cannot be read, for then nobody knows what it was. The new generation n is there already. */
static void prune(const struct state_paths *sp, const struct store *s, long n)
{
	struct diag quiet = { 0 };
	long old = n > GENERATIONS_KEPT ? scan(s, n - GENERATIONS_KEPT + 1, &quiet) : 0;
	long good = old > 0 ? generation_last_good(sp, &quiet) : 0;

	for (; old > 0; old = scan(s, old, &quiet)) {
		struct generation_header h = { 0 };

		if (!generation_header(sp, old, &h, &quiet) && !h.good_at_boot && old != good) {
			auto_free char *file = file_name(old);

			store_remove(s, file, &quiet);
		}
		generation_header_free(&h);
	}
	diag_free(&quiet);
}

int generation_publish(const struct state_paths *sp, long n, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *file = file_name(n);

	if (store_make(&s, sp->state_dir, 0755, d) ||
	    store_rename(&s, GENERATION_NEW, file, true, d))
		return -1;
	prune(sp, &s, n);
	return 0;
}

void generation_discard(const struct state_paths *sp)
{
	auto_store struct store s = STORE_CLOSED;
	struct diag quiet = { 0 };

	if (!store_open(&s, sp->state_dir, &quiet))
		store_remove(&s, GENERATION_NEW, &quiet);
	diag_free(&quiet);
}

long generation_write(const struct state_paths *sp, const char *policy_text, const char *backend,
		      const struct generation_header *said, struct diag *d)
{
	struct generation_header prepared = { 0 };
	long n = find_prepared(sp, policy_text, &prepared);

	generation_header_free(&prepared);
	if (!n)
		n = generation_prepare(sp, policy_text, backend, said, d);
	if (n > 0 && !generation_publish(sp, n, d))
		return n;
	if (n > 0)
		generation_discard(sp);
	return -1;
}

long generation_finish(const struct state_paths *sp, struct diag *d)
{
	struct generation_header prepared = { 0 };
	long n = find_prepared(sp, NULL, &prepared);

	generation_header_free(&prepared);
	return n && generation_publish(sp, n, d) ? -1 : n;
}
