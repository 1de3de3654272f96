/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock, and the open transaction: the evidence that a killed run leaves behind. */
#include "transaction/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "transaction/store.h"
#include "util.h"

#define LOCK_FILE "lock"
#define TRANSACTION_FILE "transaction"
#define TRANSACTION_NEW "transaction.new"
#define STOPPED_FILE "stopped"
#define TRANSACTION_MAGIC "untrack transaction "
#define TRANSACTION_FORMAT 2 /* 1: without settings, and still written where there are none */
#define LOCK_POLL_MS 10

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int error_locked(const struct store *s, int fd, int wait_ms, struct diag *d)
{
	char text[32] = "";
	unsigned long pid;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	if (parse_uint(text, 1, 1ul << 30, &pid)) {
		diag_error(d, NULL, "locked", 0,
			   "another untrack, process %lu, holds %s/" LOCK_FILE " (waited %d.%d s)",
			   pid, s->dir, wait_ms / 1000, wait_ms % 1000 / 100);
		diag_cure(d, "run it again when that one has ended; ps -fp %lu says what it is",
			  pid);
	} else {
		diag_error(d, NULL, "locked", 0, "another process holds %s/" LOCK_FILE, s->dir);
		diag_cure(d,
			  "run it again when that one has ended; fuser %s/" LOCK_FILE
			  " says which it is",
			  s->dir);
	}
	return -1;
}

static int wait_for_lock(const struct store *s, int fd, int wait_ms, struct diag *d)
{
	const struct timespec pause = { .tv_nsec = LOCK_POLL_MS * 1000000l };
	int64_t end = now_ms() + wait_ms;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return diag_error(d, NULL, "state-file", errno, "cannot lock %s/" LOCK_FILE,
					  s->dir);
		if (now_ms() >= end)
			return error_locked(s, fd, wait_ms, d);
		nanosleep(&pause, NULL);
	}
	return 0;
}

int journal_lock(const struct state_paths *sp, int wait_ms, struct diag *d)
{
	auto_store struct store state = STORE_CLOSED, run = STORE_CLOSED;
	char text[32];
	int fd, len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (store_make(&state, sp->state_dir, 0755, d) || store_make(&run, sp->run_dir, 0700, d))
		return -1;
	fd = store_open_file(&run, LOCK_FILE, O_RDWR | O_CREAT, d);
	if (fd < 0)
		return -1;
	if (wait_for_lock(&run, fd, wait_ms, d)) {
		close(fd);
		return -1;
	}
	/* The pid only serves the next one's message: a full disk is reported where it matters. */
	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) != len)
		(void)!ftruncate(fd, 0);
	return fd;
}

static void print_section(const char *title, const char *text, size_t len, FILE *out)
{
	fprintf(out, "%s %zu\n", title, len);
	fwrite(text, 1, len, out);
}

static void print_rules(const char *title, const struct ruleset *rs, FILE *out)
{
	auto_free char *text = NULL;
	size_t len = 0;
	FILE *f = xmemstream(&text, &len);

	ruleset_print(rs, f);
	fclose(f);
	print_section(title, text, len, out);
}

void transaction_print(const struct transaction *t, FILE *out)
{
	auto_free char *text = NULL;
	size_t len = 0;
	FILE *f = xmemstream(&text, &len);

	settings_print(&t->settings, f);
	fclose(f);
	fprintf(out, TRANSACTION_MAGIC "%d\nbackend %s\n", len ? TRANSACTION_FORMAT : 1,
		t->backend);
	print_rules("before", &t->before, out);
	print_rules("want", &t->want, out);
	if (len)
		print_section("settings", text, len, out);
	fputs("end\n", out);
}

struct cursor { /* what is left to parse */
	const char *p, *end;
};

/* "title value\n" at the cursor: the value, which the caller frees; NULL: it is not that. */
static char *take_line(struct cursor *c, const char *title)
{
	const char *nl = memchr(c->p, '\n', (size_t)(c->end - c->p));
	size_t n = strlen(title), len = nl ? (size_t)(nl - c->p) : 0;
	char *value;

	if (len <= n || memcmp(c->p, title, n) != 0 || c->p[n] != ' ')
		return NULL;
	value = xcalloc(len - n, 1);
	memcpy(value, c->p + n + 1, len - n - 1);
	c->p = nl + 1;
	return value;
}

static int error_damaged(const char *name, struct diag *d)
{
	diag_error(d, NULL, "journal", 0,
		   "%s, the evidence of a killed run, is truncated or damaged", name);
	diag_cure(d, "see what the kernel holds with untrack diff, then remove %s", name);
	return -1;
}

/* The text of a section, which the caller frees; NULL with a finding. */
static char *take_section(struct cursor *c, const char *title, const char *name, struct diag *d)
{
	auto_free char *value = take_line(c, title);
	unsigned long len;
	char *text;

	if (!value || !parse_uint(value, 0, (unsigned long)(c->end - c->p), &len)) {
		error_damaged(name, d);
		return NULL;
	}
	text = xcalloc(len + 1, 1);
	memcpy(text, c->p, len);
	c->p += len;
	return text;
}

static int take_rules(struct cursor *c, const char *title, const char *name, struct ruleset *rs,
		      struct diag *d)
{
	auto_free char *text = take_section(c, title, name, d), *where = NULL;

	if (!text)
		return -1;
	where = xasprintf("%s (%s)", name, title);
	return ruleset_parse(rs, text, where, d) ? error_damaged(name, d) : 0;
}

static int take_settings(struct cursor *c, const char *name, struct settings *s, struct diag *d)
{
	auto_free char *text = take_section(c, "settings", name, d);

	if (!text)
		return -1;
	return settings_parse(s, text) || !s->n ? error_damaged(name, d) : 0;
}

/* The first line says what it is and in which format. */
static int take_magic(struct cursor *c, const char *name, unsigned long *number, struct diag *d)
{
	const size_t n = strlen(TRANSACTION_MAGIC), have = (size_t)(c->end - c->p);
	auto_free char *format = NULL;

	if (memcmp(c->p, TRANSACTION_MAGIC, have < n ? have : n) != 0 || memchr(c->p, '\0', have)) {
		diag_error(d, NULL, "journal", 0, "%s was not written by untrack", name);
		diag_cure(d, "see who wrote it, and move it away");
		return -1;
	}
	format = take_line(c, "untrack transaction");
	if (!format || !parse_uint(format, 1, 1000000, number))
		return error_damaged(name, d);
	if (*number <= TRANSACTION_FORMAT)
		return 0;
	diag_error(d, NULL, "journal", 0, "%s was written by a newer untrack (format %lu)", name,
		   *number);
	diag_cure(d, "run the newer version once, or remove %s", name);
	return -1;
}

int transaction_parse(const char *text, size_t len, const char *name, struct transaction *t,
		      struct diag *d)
{
	struct cursor c = { text, text + len };
	struct transaction new = { .open = true };
	static const char end[] = "end\n";
	unsigned long format;

	if (take_magic(&c, name, &format, d))
		return -1;
	new.backend = take_line(&c, "backend");
	if (!new.backend) {
		error_damaged(name, d);
	} else if (!take_rules(&c, "before", name, &new.before, d) &&
		   !take_rules(&c, "want", name, &new.want, d) &&
		   (format == 1 || !take_settings(&c, name, &new.settings, d))) {
		if ((size_t)(c.end - c.p) == strlen(end) && !memcmp(c.p, end, strlen(end))) {
			*t = new;
			return 0;
		}
		error_damaged(name, d);
	}
	transaction_free(&new);
	return -1;
}

int journal_load(const struct state_paths *sp, struct transaction *t, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *text = NULL, *name = NULL;
	size_t len = 0;
	int rc = store_open(&s, sp->run_dir, d);

	if (!rc)
		rc = store_read(&s, TRANSACTION_FILE, &text, &len, d);
	if (rc > 0) {
		*t = (struct transaction){ 0 };
		return 0;
	}
	if (rc < 0)
		return -1;
	name = xasprintf("%s/" TRANSACTION_FILE, sp->run_dir);
	return transaction_parse(text, len, name, t, d);
}

int journal_begin(const struct state_paths *sp, const struct transaction *t, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *text = NULL;
	size_t len = 0;
	FILE *f = xmemstream(&text, &len);

	transaction_print(t, f);
	fclose(f);
	if (store_make(&s, sp->run_dir, 0700, d) ||
	    store_write(&s, TRANSACTION_NEW, text, len, false, d))
		return -1;
	return store_rename(&s, TRANSACTION_NEW, TRANSACTION_FILE, false, d);
}

int journal_end(const struct state_paths *sp, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	int rc = store_open(&s, sp->run_dir, d);

	if (rc)
		return rc < 0 ? -1 : 0;
	return store_remove(&s, TRANSACTION_FILE, d);
}

bool journal_is_open(const struct state_paths *sp)
{
	auto_free char *name = xasprintf("%s/" TRANSACTION_FILE, sp->run_dir);

	return access(name, F_OK) == 0;
}

bool journal_is_stopped(const struct state_paths *sp)
{
	auto_free char *name = xasprintf("%s/" STOPPED_FILE, sp->run_dir);

	return access(name, F_OK) == 0;
}

int journal_mark_stopped(const struct state_paths *sp, bool stopped, struct diag *d)
{
	auto_store struct store run = STORE_CLOSED;

	if (journal_is_stopped(sp) == stopped)
		return 0;
	if (store_make(&run, sp->run_dir, 0700, d))
		return -1;
	if (stopped)
		return store_write(&run, STOPPED_FILE, "", 0, false, d);
	return store_remove(&run, STOPPED_FILE, d);
}

void transaction_free(struct transaction *t)
{
	free((char *)t->backend);
	ruleset_free(&t->before);
	ruleset_free(&t->want);
	settings_free(&t->settings);
	*t = (struct transaction){ 0 };
}
