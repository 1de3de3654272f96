/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pending confirmation: its file, its token, its clock. */
#include "transaction/pending.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "transaction/store.h"
#include "util.h"

#define PENDING_NEW "pending.new"
#define PENDING_MAGIC "untrack pending 1\n"
#define TOKEN_BYTES 8
#define WORD_MAX 200 /* of a terminal's or a unit's name */

bool pending_is_token(const char *s)
{
	return strlen(s) == 2 * TOKEN_BYTES && s[strspn(s, "0123456789abcdef")] == '\0';
}

char *pending_token(struct diag *d)
{
	unsigned char bytes[TOKEN_BYTES];
	struct text t = { 0 };

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
		diag_error(d, NULL, "timer", errno, "the kernel gives no random number");
		return NULL;
	}
	for (size_t i = 0; i < sizeof bytes; i++)
		text_add(&t, "%02x", bytes[i]);
	return t.s;
}

uint64_t pending_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

unsigned pending_seconds_left(const struct pending *p)
{
	uint64_t now = pending_now_ms();

	return p->deadline_ms > now ? (unsigned)((p->deadline_ms - now + 999) / 1000) : 0;
}

void pending_sleep_until(uint64_t deadline_ms)
{
	const struct timespec t = {
		.tv_sec = (time_t)(deadline_ms / 1000),
		.tv_nsec = (long)(deadline_ms % 1000) * 1000000,
	};

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

char *pending_string(const struct pending *p)
{
	struct text t = { 0 };

	text_add(&t, PENDING_MAGIC "token %s\ngeneration %ld\nback %ld\ndeadline %" PRIu64 "\n",
		 p->token, p->generation, p->back, p->deadline_ms);
	text_add(&t, "terminal %s\nunit %s\nprocess %ld %" PRIu64 "\n",
		 p->terminal ? p->terminal : "-", p->unit ? p->unit : "-", p->pid, p->started);
	text_add(&t, "policy %zu\n%send\n", strlen(p->policy), p->policy);
	return t.s;
}

struct cursor { /* what is left to parse */
	const char *p, *end;
};

/* "title value\n" at the cursor: the value, which the caller frees; NULL: it is not that. */
static char *take(struct cursor *c, const char *title)
{
	const char *nl = memchr(c->p, '\n', (size_t)(c->end - c->p));
	size_t n = strlen(title), len = nl ? (size_t)(nl - c->p) : 0;
	char *value;

	if (len <= n + 1 || memcmp(c->p, title, n) != 0 || c->p[n] != ' ')
		return NULL;
	value = xasprintf("%.*s", (int)(len - n - 1), c->p + n + 1);
	c->p = nl + 1;
	return value;
}

static bool take_number(struct cursor *c, const char *title, uint64_t max, uint64_t *out)
{
	auto_free char *value = take(c, title);

	return value && parse_u64(value, 0, max, out);
}

/* A name, or "-" for none. */
static bool take_name(struct cursor *c, const char *title, const char *head, char **out)
{
	auto_free char *value = take(c, title);

	if (!value)
		return false;
	if (!strcmp(value, "-"))
		return true;
	if (strlen(value) > WORD_MAX || strncmp(value, head, strlen(head)) != 0)
		return false;
	for (const char *s = value; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	*out = value;
	value = NULL;
	return true;
}

static bool take_token(struct cursor *c, char **out)
{
	auto_free char *value = take(c, "token");

	if (!value || !pending_is_token(value))
		return false;
	*out = value;
	value = NULL;
	return true;
}

static bool take_process(struct cursor *c, struct pending *p)
{
	auto_free char *value = take(c, "process");
	char *blank = value ? strchr(value, ' ') : NULL;
	uint64_t pid, started;

	if (!blank)
		return false;
	*blank = '\0';
	if (!parse_u64(value, 0, 1ul << 30, &pid) || !parse_u64(blank + 1, 0, UINT64_MAX, &started))
		return false;
	p->pid = (long)pid;
	p->started = started;
	return true;
}

static bool take_policy(struct cursor *c, char **out)
{
	static const char end[] = "end\n";
	uint64_t len;

	if (!take_number(c, "policy", (uint64_t)(c->end - c->p), &len) ||
	    (size_t)(c->end - c->p) != len + strlen(end) || memcmp(c->p + len, end, strlen(end)))
		return false;
	*out = xasprintf("%.*s", (int)len, c->p);
	return true;
}

static bool take_all(struct cursor *c, uint64_t now_ms, struct pending *p)
{
	uint64_t generation, back, deadline;

	if (!take_token(c, &p->token) || !take_number(c, "generation", 1ul << 30, &generation) ||
	    !take_number(c, "back", 1ul << 30, &back) || !generation || back >= generation ||
	    !take_number(c, "deadline", now_ms + PENDING_MAX_S * 1000ull, &deadline) ||
	    !take_name(c, "terminal", "/dev/", &p->terminal) ||
	    !take_name(c, "unit", "untrack-confirm-", &p->unit) || !take_process(c, p) ||
	    !take_policy(c, &p->policy))
		return false;
	p->generation = (long)generation;
	p->back = (long)back;
	p->deadline_ms = deadline;
	return true;
}

/* As we write it, to the byte: no blanks, no leading zeros. */
static bool prints_as(const struct pending *p, const char *text, size_t len)
{
	auto_free char *again = pending_string(p);

	return strlen(again) == len && !memcmp(again, text, len);
}

int pending_parse(const char *text, size_t len, const char *name, uint64_t now_ms,
		  struct pending *p, struct diag *d)
{
	static const char magic[] = PENDING_MAGIC;
	struct cursor c = { text, text + len };
	struct pending new = { 0 };

	if (len >= strlen(magic) && !memcmp(text, magic, strlen(magic)) &&
	    !memchr(text, '\0', len)) {
		c.p += strlen(magic);
		if (take_all(&c, now_ms, &new) && prints_as(&new, text, len)) {
			*p = new;
			return 0;
		}
		pending_free(&new);
	}
	diag_error(d, NULL, "confirm", 0,
		   "%s, which says what waits for a confirmation, is truncated, damaged or edited",
		   name);
	diag_cure(d, "untrack rollback goes back and takes it away; to keep the rules as they are, "
		     "remove the file, then untrack apply");
	return -1;
}

int pending_load(const struct state_paths *sp, struct pending *p, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *text = NULL, *name = NULL;
	size_t len = 0;
	int rc = store_open(&s, sp->run_dir, d);

	if (!rc)
		rc = store_read(&s, PENDING_FILE, &text, &len, d);
	if (rc)
		return rc;
	name = xasprintf("%s/" PENDING_FILE, sp->run_dir);
	return pending_parse(text, len, name, pending_now_ms(), p, d);
}

int pending_save(const struct state_paths *sp, const struct pending *p, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *text = pending_string(p);

	if (store_make(&s, sp->run_dir, 0700, d) ||
	    store_write(&s, PENDING_NEW, text, strlen(text), false, d))
		return -1;
	return store_rename(&s, PENDING_NEW, PENDING_FILE, false, d);
}

int pending_remove(const struct state_paths *sp, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	int rc = store_open(&s, sp->run_dir, d);

	if (rc)
		return rc < 0 ? -1 : 0;
	return store_remove(&s, PENDING_FILE, d);
}

static char *copy_text(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

void pending_copy(struct pending *to, const struct pending *from)
{
	struct pending new = *from;

	new.token = copy_text(from->token);
	new.policy = copy_text(from->policy);
	new.terminal = copy_text(from->terminal);
	new.unit = copy_text(from->unit);
	*to = new;
}

void pending_free(struct pending *p)
{
	free(p->token);
	free(p->policy);
	free(p->terminal);
	free(p->unit);
	*p = (struct pending){ 0 };
}
