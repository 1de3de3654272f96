/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands above the policy in a generation: printed, and parsed strictly. */
#include "transaction/journal.h"

#include <limits.h>
#include <string.h>
#include "util.h"

#define GENERATION_FORMAT 1
#define GENERATION_MAGIC "# untrack generation "
#define FORMAT_MAX 999999999ul

/* CRC-32 of everything below the first line: what a disk or an editor did to it is found out. */
static uint32_t checksum(const char *text, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)text[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void date_text(time_t when, char *buf, size_t size)
{
	struct tm tm;

	*buf = '\0';
	if (gmtime_r(&when, &tm))
		strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Only the form that we write ourselves. */
static bool parse_date(const char *s, time_t *out)
{
	struct tm tm = { 0 };
	char again[32];
	time_t t;

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		   &tm.tm_min, &tm.tm_sec) != 6)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	t = timegm(&tm);
	date_text(t, again, sizeof(again));
	if (t <= 0 || strcmp(s, again) != 0)
		return false;
	*out = t;
	return true;
}

static void add_date(struct text *t, const char *fmt, time_t when)
{
	char date[32];

	date_text(when, date, sizeof(date));
	text_add(t, "%s%s", fmt, date);
}

char *generation_print(const struct generation_header *h, const char *policy_text)
{
	struct text rest = { 0 };
	char *all;

	if (h->applied) {
		add_date(&rest, "# applied ", h->applied);
		text_add(&rest, " by %s\n", h->backend);
	}
	text_add(&rest, "# findings: %u %s, %u %s\n", h->errors,
		 h->errors == 1 ? "error" : "errors", h->warnings,
		 h->warnings == 1 ? "warning" : "warnings");
	if (h->forced)
		text_add(&rest, "# forced: %s\n", h->forced);
	if (h->unconfirmed)
		text_add(&rest, "# unconfirmed\n");
	if (h->good_at_boot) {
		add_date(&rest, "# good at boot: ", h->good_at_boot);
		text_add(&rest, "\n");
	}
	text_add(&rest, "\n%s", policy_text);
	all = xasprintf(GENERATION_MAGIC "%ld, format %d, %zu bytes, checksum %08lx\n%s", h->n,
			GENERATION_FORMAT, strlen(policy_text),
			(unsigned long)checksum(rest.s, rest.len), rest.s);
	free(rest.s);
	return all;
}

/* What stands in line after these words, or NULL. */
static char *after(char *line, const char *words)
{
	size_t n = strlen(words);

	return strncmp(line, words, n) != 0 ? NULL : line + n;
}

/* Takes a number off *s, and the words that follow it: both or neither. */
static bool take(char **s, unsigned long max, const char *words, unsigned long *out)
{
	char *end = strstr(*s, words);
	bool ok;

	if (!end)
		return false;
	*end = '\0';
	ok = parse_uint(*s, 0, max, out);
	*end = *words;
	if (ok)
		*s = end + strlen(words);
	return ok;
}

static bool parse_applied(char *s, struct generation_header *h)
{
	char *by = strstr(s, " by ");

	if (!by || h->backend || !by[4])
		return false;
	*by = '\0';
	h->backend = xstrdup(by + 4);
	return parse_date(s, &h->applied);
}

static bool parse_findings(char *s, struct generation_header *h)
{
	unsigned long e, w;

	if (!take(&s, UINT_MAX, " error", &e))
		return false;
	s += e != 1 && *s == 's';
	s = after(s, ", ");
	if (!s || !take(&s, UINT_MAX, " warning", &w) || strcmp(s, w == 1 ? "" : "s") != 0)
		return false;
	h->errors = (unsigned)e;
	h->warnings = (unsigned)w;
	return true;
}

static bool parse_forced(const char *s, struct generation_header *h)
{
	if (h->forced || !*s)
		return false;
	h->forced = xstrdup(s);
	return true;
}

/* Each line at most once, and no line that we do not know: it may say that this one is not to be
 * used. Dates are strict, or a damaged one would be no mark at all. */
static bool parse_line(char *line, struct generation_header *h)
{
	char *s;

	if ((s = after(line, "# applied ")))
		return parse_applied(s, h);
	if ((s = after(line, "# findings: ")))
		return parse_findings(s, h);
	if ((s = after(line, "# forced: ")))
		return parse_forced(s, h);
	if ((s = after(line, "# good at boot: ")))
		return !h->good_at_boot && parse_date(s, &h->good_at_boot);
	if (strcmp(line, "# unconfirmed") != 0 || h->unconfirmed)
		return false;
	return h->unconfirmed = true;
}

static int error_damaged(const char *name, const char *why, struct diag *d)
{
	diag_error(d, NULL, "generation", 0, "%s is truncated, or was edited: %s", name, why);
	diag_cure(d, "apply a configuration of your own instead, or choose another generation "
		     "(untrack history)");
	return -1;
}

struct first_line {
	unsigned long n, format, bytes, sum;
	bool has_sum; /* not in those of the time before */
};

static bool parse_first(char *line, struct first_line *f)
{
	char *s = after(line, GENERATION_MAGIC), *end;

	if (!s || !take(&s, LONG_MAX, ", format ", &f->n))
		return false;
	end = strchr(s, ',');
	if (end)
		*end = '\0';
	if (!parse_uint(s, 1, FORMAT_MAX, &f->format))
		return false;
	if (f->format > GENERATION_FORMAT) /* what follows is for others to read */
		return true;
	if (!end || end[1] != ' ')
		return false;
	s = end + 2;
	if (!take(&s, LONG_MAX, " bytes", &f->bytes))
		return false;
	if (!*s)
		return true;
	s = after(s, ", checksum ");
	f->has_sum = true;
	return s && strlen(s) == 8 && strspn(s, "0123456789abcdef") == 8 &&
	       sscanf(s, "%8lx", &f->sum) == 1;
}

/* Is this the first line of a file of ours, and of a version that we can read? */
static int check_first(char *line, const char *name, struct first_line *f, struct diag *d)
{
	if (!after(line, GENERATION_MAGIC)) {
		diag_error(d, NULL, "generation", 0, "%s was not written by untrack", name);
		diag_cure(d, "see who wrote it, and move it away");
		return -1;
	}
	if (!parse_first(line, f))
		return error_damaged(name, "its first line is not whole", d);
	if (f->format > GENERATION_FORMAT) {
		diag_error(d, NULL, "generation", 0,
			   "%s was written by a newer untrack (format %lu)", name, f->format);
		diag_cure(d, "use the newer version, or choose another generation");
		return -1;
	}
	return 0;
}

static bool is_plain(const char *line)
{
	for (; *line; line++)
		if (*line < ' ' || *line > '~')
			return false;
	return true;
}

/* The lines between the first one and the empty one. */
static int parse_lines(char *line, const char *name, struct generation_header *h, struct diag *d)
{
	unsigned number = 2;

	for (char *end; *line; line = end + 1, number++) {
		end = strchr(line, '\n');
		*end = '\0';
		if (!is_plain(line) || !parse_line(line, h)) {
			auto_free char *why = xasprintf("line %u is none of its header", number);

			return error_damaged(name, why, d);
		}
	}
	return 0;
}

int generation_parse(const char *text, size_t len, const char *name, struct generation_header *h,
		     const char **policy_text, struct diag *d)
{
	const char *nl = strchr(text, '\n'), *body = strstr(text, "\n\n");
	auto_free char *first = NULL, *rest = NULL;
	struct generation_header new = { 0 };
	struct first_line f = { 0 };

	first = xstrdup(text);
	if (nl)
		first[nl - text] = '\0';
	if (check_first(first, name, &f, d))
		return -1;
	if (!nl || !body || (size_t)(body + 2 - text) + f.bytes != len || memchr(text, '\0', len))
		return error_damaged(name, "it is not as long as it says", d);
	if (f.has_sum && f.sum != checksum(nl + 1, len - (size_t)(nl + 1 - text)))
		return error_damaged(name, "its checksum is another", d);
	rest = xstrdup(nl + 1);
	rest[body >= nl + 1 ? body + 1 - (nl + 1) : 0] = '\0';
	new.n = (long)f.n;
	if (parse_lines(rest, name, &new, d)) {
		generation_header_free(&new);
		return -1;
	}
	*h = new;
	*policy_text = body + 2;
	return 0;
}

static bool is_listed(const char *list, const char *id)
{
	size_t len = strlen(id);

	for (const char *s = list; s && (s = strstr(s, id)); s += len)
		if ((s == list || s[-1] == ' ') && (!s[len] || s[len] == ','))
			return true;
	return false;
}

void generation_header_force(struct generation_header *h, const char *id)
{
	char *longer;

	if (is_listed(h->forced, id))
		return;
	longer = xasprintf("%s%s%s", h->forced ? h->forced : "", h->forced ? ", " : "", id);
	free(h->forced);
	h->forced = longer;
}

void generation_header_add(struct generation_header *h, const struct diag *d)
{
	h->errors += d->errors;
	h->warnings += d->warnings;
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].severity == SEVERITY_ERROR)
			generation_header_force(h, d->v[i].id);
}

void generation_header_free(struct generation_header *h)
{
	free(h->backend);
	free(h->forced);
	*h = (struct generation_header){ 0 };
}
