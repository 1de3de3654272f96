/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generations: the configurations that were applied and verified, one plain INI file each. */
#include "transaction/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "transaction/store.h"
#include "util.h"

#define GENERATION_NEW "generation.new"
#define GENERATION_FORMAT 1
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

/* Newest number in an open directory, 0: none. Removes those up to drop_to (0: none). */
static long scan(const struct store *s, long drop_to, struct diag *d)
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

		if (n > newest)
			newest = n;
		if (n && n <= drop_to)
			unlinkat(s->fd, e->d_name, 0);
	}
	closedir(dir);
	return newest;
}

long generation_newest(const struct state_paths *sp, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	int rc = store_open(&s, sp->state_dir, d);

	if (rc)
		return rc < 0 ? -1 : 0;
	return scan(&s, 0, d);
}

/* Where the policy begins in a generation's text, or NULL with a finding. */
static const char *check_header(const char *text, size_t len, const char *name, struct diag *d)
{
	const char *body = strstr(text, "\n\n");
	unsigned long format = 0, bytes = 0;

	if (sscanf(text, "# untrack generation %*[0-9], format %9lu, %9lu bytes", &format, &bytes) <
	    1) {
		diag_error(d, NULL, "generation", 0, "%s was not written by untrack", name);
		diag_cure(d, "see who wrote it, and move it away");
		return NULL;
	}
	if (format > GENERATION_FORMAT) {
		diag_error(d, NULL, "generation", 0,
			   "%s was written by a newer untrack (format %lu)", name, format);
		diag_cure(d, "use the newer version, or choose another generation");
		return NULL;
	}
	if (!body || (size_t)(body + 2 - text) + bytes != len || memchr(text, '\0', len)) {
		diag_error(d, NULL, "generation", 0, "%s is truncated, or was edited", name);
		diag_cure(d, "apply a configuration of your own instead, or choose another one");
		return NULL;
	}
	return body + 2;
}

static char *read_checked(const struct state_paths *sp, long n, const char **body, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *file = file_name(n), *name = NULL;
	char *text = NULL;
	size_t len = 0;
	int rc = store_open(&s, sp->state_dir, d);

	if (!rc)
		rc = store_read(&s, file, &text, &len, d);
	if (rc > 0) {
		diag_error(d, NULL, "generation", 0, "there is no generation %ld in %s", n,
			   sp->state_dir);
		diag_cure(d, "ls %s shows those that there are", sp->state_dir);
	}
	if (rc)
		return NULL;
	name = xasprintf("%s/%s", sp->state_dir, file);
	*body = check_header(text, len, name, d);
	if (*body)
		return text;
	free(text);
	return NULL;
}

char *generation_read(const struct state_paths *sp, long n, struct diag *d)
{
	const char *body;

	return read_checked(sp, n, &body, d);
}

static bool is_listed(const char *list, const char *id)
{
	size_t len = strlen(id);

	for (const char *s = list; s && (s = strstr(s, id)); s += len)
		if ((s == list || s[-1] == ' ') && (!s[len] || s[len] == ','))
			return true;
	return false;
}

void generation_findings_force(struct generation_findings *f, const char *id)
{
	char *longer;

	if (is_listed(f->forced, id))
		return;
	longer = xasprintf("%s%s%s", f->forced ? f->forced : "", f->forced ? ", " : "", id);
	free(f->forced);
	f->forced = longer;
}

void generation_findings_add(struct generation_findings *f, const struct diag *d)
{
	f->errors += d->errors;
	f->warnings += d->warnings;
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].severity == SEVERITY_ERROR)
			generation_findings_force(f, d->v[i].id);
}

int generation_findings(const struct state_paths *sp, long n, struct generation_findings *out,
			struct diag *d)
{
	static const char forced[] = "# forced: ";
	struct generation_findings f = { 0 };
	const char *body;
	auto_free char *text = read_checked(sp, n, &body, d);

	if (!text)
		return -1;
	for (char *line = text, *end; line < body - 1; line = end + 1) {
		end = strchr(line, '\n'); /* the header ends with one */
		*end = '\0';
		sscanf(line, "# findings: %9u %*[a-z], %9u", &f.errors, &f.warnings);
		if (!f.forced && !strncmp(line, forced, strlen(forced)))
			f.forced = xstrdup(line + strlen(forced));
	}
	*out = f;
	return 0;
}

void generation_findings_free(struct generation_findings *f)
{
	free(f->forced);
	*f = (struct generation_findings){ 0 };
}

time_t generation_time(const struct state_paths *sp, long n)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *file = file_name(n);
	struct diag quiet = { 0 };
	struct stat st;
	bool known = !store_open(&s, sp->state_dir, &quiet) &&
		     !fstatat(s.fd, file, &st, AT_SYMLINK_NOFOLLOW);

	diag_free(&quiet);
	return known ? st.st_mtime : 0;
}

bool generation_is_newest(const struct state_paths *sp, const char *policy_text)
{
	struct diag quiet = { 0 };
	long n = generation_newest(sp, &quiet);
	const char *body = NULL;
	auto_free char *text = n > 0 ? read_checked(sp, n, &body, &quiet) : NULL;

	diag_free(&quiet);
	return text && strcmp(body, policy_text) == 0;
}

/* "# findings: 1 error, 2 warnings", and what was forced. */
static void findings_text(const struct generation_findings *f, struct text *t)
{
	text_add(t, "# findings: %u %s, %u %s\n", f->errors, f->errors == 1 ? "error" : "errors",
		 f->warnings, f->warnings == 1 ? "warning" : "warnings");
	if (f->forced)
		text_add(t, "# forced: %s\n", f->forced);
}

long generation_prepare(const struct state_paths *sp, const char *policy_text, const char *backend,
			const struct generation_findings *said, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	struct text t = { 0 };
	char date[32] = "";
	struct tm tm;
	time_t now = time(NULL);
	long n;
	int rc;

	if (store_make(&s, sp->state_dir, 0755, d))
		return -1;
	n = scan(&s, 0, d);
	if (n < 0)
		return -1;
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	text_add(&t, "# untrack generation %ld, format %d, %zu bytes\n# applied %s by %s\n", n + 1,
		 GENERATION_FORMAT, strlen(policy_text), date, backend);
	findings_text(said, &t);
	text_add(&t, "\n%s", policy_text);
	rc = store_write(&s, GENERATION_NEW, t.s, t.len, true, d);
	free(t.s);
	return rc ? -1 : n + 1;
}

int generation_publish(const struct state_paths *sp, long n, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *file = file_name(n);

	if (store_make(&s, sp->state_dir, 0755, d) ||
	    store_rename(&s, GENERATION_NEW, file, true, d))
		return -1;
	if (n > GENERATIONS_KEPT)
		scan(&s, n - GENERATIONS_KEPT, d);
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

/* The number of the prepared generation if it has this text, else 0. */
static long find_prepared(const struct state_paths *sp, const char *policy_text)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *text = NULL;
	struct diag quiet = { 0 };
	const char *body = NULL;
	unsigned long n = 0;
	size_t len;

	if (!store_open(&s, sp->state_dir, &quiet) &&
	    !store_read(&s, GENERATION_NEW, &text, &len, &quiet))
		body = check_header(text, len, GENERATION_NEW, &quiet);
	if (!body || strcmp(body, policy_text) != 0 ||
	    sscanf(text, "# untrack generation %9lu", &n) != 1 ||
	    (long)n != scan(&s, 0, &quiet) + 1)
		n = 0;
	diag_free(&quiet);
	return (long)n;
}

long generation_write(const struct state_paths *sp, const char *policy_text, const char *backend,
		      const struct generation_findings *said, struct diag *d)
{
	long n = find_prepared(sp, policy_text);

	if (!n)
		n = generation_prepare(sp, policy_text, backend, said, d);
	if (n > 0 && !generation_publish(sp, n, d))
		return n;
	if (n > 0)
		generation_discard(sp);
	return -1;
}
