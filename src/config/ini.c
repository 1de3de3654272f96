/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INI text to items with positions: the line reader in front of inih. */
#include "config/ini.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "utf8.h"
#include "util.h"

/* What inih 55 holds as packaged: fixed, so that a file is right or wrong on every host. A build of
 * inih with a smaller buffer lowers the first one. */
#define LINE_BYTES 198
#define SECTION_BYTES 49

#define IGNORED "the settings up to the next section header are ignored until then"

struct reader {
	const char *name;
	ini_fn *fn;
	void *ctx;
	struct diag *d;
	struct text whole; /* the file, kept for findings */
	size_t next;	   /* line in it */
	int errnum;	   /* why there is no more of it; 0: this is all */
	bool begun;	   /* inih has had its first line */
	unsigned line;
	bool failed;
	bool headless; /* no section header so far, and no setting complained of it */
	bool ignoring; /* no section header so far, or the last one is broken */
	bool orphans;  /* the last setting was refused or ignored: its indented lines go with it */
	char section[SECTION_BYTES + 1];
	/* the line that inih has been given */
	bool continues;
	unsigned value_col;
	bool collects; /* a setting: the memory of the last one is used again */
	struct text key, value;
	struct origin key_at;
	struct ini_piece *pieces;
	size_t n_pieces, room;
};

/* One physical line without its comment, the blanks before that, and its end. */
struct line {
	const char *s;
	size_t len, indent;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct origin ini_value_at(const struct ini_item *it, size_t offset)
{
	struct origin at = it->value_at;
	size_t lo = 0, hi = it->n_pieces;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (it->pieces[mid].start <= offset)
			lo = mid;
		else
			hi = mid;
	}
	if (hi) {
		at.line = it->pieces[lo].line;
		at.col = it->pieces[lo].col + (unsigned)(offset - it->pieces[lo].start);
	}
	return at;
}

/* Hands over the setting being collected: its last line has been seen. */
static void flush(struct reader *r)
{
	struct ini_item it = {
		.key_at = r->key_at,
		.value_at = { .file = r->name },
		.section = r->section,
		.key = r->key.s,
		.value = r->value.s,
		.pieces = r->pieces,
		.n_pieces = r->n_pieces,
	};

	if (r->collects) {
		it.value_at = ini_value_at(&it, 0);
		r->fn(r->ctx, &it, r->d);
	}
	r->collects = false;
	r->key.len = r->value.len = r->n_pieces = 0;
}

/* Reports an error of the current line and gives the line up. */
static bool refuse(struct reader *r, size_t offset, const char *cure, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static bool refuse(struct reader *r, size_t offset, const char *cure, const char *fmt, ...)
{
	struct origin at = { r->name, r->line, (unsigned)offset + 1 };
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	r->failed = true;
	diag_error(r->d, &at, "config", 0, "%s", text);
	if (cure)
		diag_cure(r->d, "%s", cure);
	return false;
}

/* What follows a broken header must not land in the section before it. */
static bool break_section(struct reader *r)
{
	flush(r);
	r->headless = false;
	r->ignoring = r->orphans = true;
	return false;
}

/* What continues a broken setting must not continue the setting before it. */
static bool break_setting(struct reader *r)
{
	flush(r);
	r->orphans = true;
	return false;
}

static bool has_text_only(struct reader *r, const struct line *l)
{
	for (size_t i = 0; i < l->len;) {
		unsigned char c = (unsigned char)l->s[i];
		size_t n;

		if (c >= ' ' && c < 0x7f) {
			i++;
			continue;
		}
		n = utf8_length(l->s + i, l->len - i);
		if (!n)
			return refuse(r, i, "save the file as UTF-8", "byte 0x%02x is not UTF-8",
				      c);
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return refuse(r, i, "remove it", "control character 0x%02x", c);
		i += n;
	}
	return true;
}

/* Neither of a comment nor anything that is looked at twice: most lines have nothing else. */
static bool is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c < ' ' && c != '\t') || c >= 0x7f || c == '#' || c == ';')
			return false;
	}
	return true;
}

/* Looks for what is wrong with n bytes, and for a comment, which is cut off. */
static bool check_line(struct reader *r, size_t n, struct line *l)
{
	const char *bad = memchr(l->s, 0, n);
	size_t len = 0;

	if (bad)
		return refuse(r, (size_t)(bad - l->s), "save the file as plain UTF-8 text",
			      "NUL byte");
	bad = memchr(l->s, '\r', n);
	if (bad)
		return refuse(r, (size_t)(bad - l->s), "end lines with a newline, or with CR LF",
			      "carriage return that does not end a line");
	while (len < n &&
	       !((l->s[len] == '#' || l->s[len] == ';') && (!len || is_blank(l->s[len - 1]))))
		len++;
	while (len && is_blank(l->s[len - 1]))
		len--;
	l->len = len;
	return has_text_only(r, l);
}

/* Checks that the n bytes at s are one line of text, and cuts them down to what means something. */
static bool cut_line(struct reader *r, const char *s, size_t n, struct line *l)
{
	l->s = s;
	if (n && s[n - 1] == '\n') {
		n--;
		if (n && s[n - 1] == '\r')
			n--;
	}
	if (r->line == 1 && n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) {
		l->s += 3;
		n -= 3;
	}
	while (l->indent < n && is_blank(l->s[l->indent]))
		l->indent++;
	if (!is_plain(l->s, n))
		return check_line(r, n, l);
	while (n && is_blank(l->s[n - 1]))
		n--;
	l->len = n;
	return true;
}

static bool is_short_enough(struct reader *r, const struct line *l, size_t room)
{
	size_t max = room < LINE_BYTES + 2 ? room - 2 : LINE_BYTES;

	if (l->len <= max)
		return true;
	return refuse(r, max,
		      l->s[l->indent] == '[' ? "shorten it; " IGNORED
					     : "continue the value on further, indented lines",
		      "line of %zu bytes, at most %zu can be read", l->len, max);
}

/* The text between the brackets, each run of blanks as one. Its length, or 0 and a finding. */
static size_t fold_section(struct reader *r, const struct line *l, char folded[SECTION_BYTES + 1])
{
	const char *end = memchr(l->s, ']', l->len);
	size_t n = 0;

	if (!end)
		return refuse(r, l->len, "close the header; " IGNORED,
			      "section header without ']'");
	if ((size_t)(end - l->s) + 1 < l->len) {
		size_t junk = (size_t)(end - l->s) + 1;

		while (is_blank(l->s[junk]))
			junk++;
		return refuse(r, junk, "remove it; " IGNORED, "text after the ']' of a header");
	}
	for (const char *s = l->s + 1; s < end; s++) {
		if (is_blank(*s) && (!n || is_blank(s[1]) || s + 1 == end))
			continue;
		if (n == SECTION_BYTES)
			return refuse(r, 1, "shorten it; " IGNORED,
				      "section name of more than %d bytes", SECTION_BYTES);
		folded[n++] = is_blank(*s) ? ' ' : *s;
	}
	folded[n] = '\0';
	if (!n)
		return refuse(r, 1, "name the section; " IGNORED, "empty section header");
	return n;
}

static size_t second_word(const struct line *l)
{
	size_t i = 1;

	while (i < l->len && is_blank(l->s[i]))
		i++;
	while (i < l->len && !is_blank(l->s[i]) && l->s[i] != ']')
		i++;
	while (i < l->len && is_blank(l->s[i]))
		i++;
	return i < l->len && l->s[i] != ']' ? i : 0;
}

/* Inih need not know of it. */
static bool take_header(struct reader *r, const struct line *l)
{
	struct ini_item it = { .key_at = { r->name, r->line, 1 }, .section = r->section };
	char folded[SECTION_BYTES + 1];
	size_t n;

	break_section(r);
	n = fold_section(r, l, folded);
	if (!n)
		return false;
	memcpy(r->section, folded, n + 1);
	r->ignoring = r->orphans = false;
	it.value_at = (struct origin){ r->name, r->line, (unsigned)second_word(l) + 1 };
	r->fn(r->ctx, &it, r->d);
	return false;
}

static bool looks_like_setting(const struct line *l)
{
	size_t i = l->indent;

	while (i < l->len &&
	       (strchr("-_", l->s[i]) || (l->s[i] >= '0' && l->s[i] <= '9') ||
		(l->s[i] >= 'a' && l->s[i] <= 'z') || (l->s[i] >= 'A' && l->s[i] <= 'Z')))
		i++;
	if (i == l->indent)
		return false;
	while (i < l->len && is_blank(l->s[i]))
		i++;
	return i < l->len && l->s[i] == '=';
}

/* An indented line goes to inih as "=TEXT": what inih itself makes of indented lines depends on its
 * version and on how it was built. */
static bool take_indented(struct reader *r, const struct line *l, char *dst)
{
	size_t n = l->len - l->indent;

	if (l->s[l->indent] == '[') {
		break_section(r);
		return refuse(r, l->indent, "remove the indent; " IGNORED,
			      "indented section header");
	}
	if (looks_like_setting(l))
		return refuse(r, l->indent, "remove the indent",
			      "indented setting: it would continue the value above");
	if (r->orphans)
		return false;
	if (!r->collects) {
		refuse(r, l->indent, "remove the indent", "indented, but no value above it");
		return break_setting(r);
	}
	r->continues = true;
	r->value_col = (unsigned)l->indent + 1;
	dst[0] = '=';
	memcpy(dst + 1, l->s + l->indent, n);
	memcpy(dst + 1 + n, "\n", 2);
	return true;
}

static bool take_setting(struct reader *r, const struct line *l, char *dst)
{
	size_t sep = 0, value;

	while (sep < l->len && l->s[sep] != '=' && l->s[sep] != ':')
		sep++;
	break_setting(r);
	if (sep == l->len)
		return refuse(r, 0, "write KEY = VALUE, or indent a line that continues a list",
			      "neither a setting nor a section header");
	if (l->s[sep] == ':')
		return refuse(r, sep, "write KEY = VALUE", "':' where '=' is expected");
	if (!sep)
		return refuse(r, 0, "write KEY = VALUE", "no key before the '='");
	if (r->headless) {
		r->headless = false;
		return refuse(r, 0,
			      "put it under a header such as [service NAME]; the settings up to "
			      "the first header are ignored until then",
			      "setting before the first section header");
	}
	if (r->ignoring)
		return false;
	for (value = sep + 1; value < l->len && is_blank(l->s[value]);)
		value++;
	r->continues = r->orphans = false;
	r->value_col = (unsigned)value + 1;
	memcpy(dst, l->s, l->len);
	memcpy(dst + l->len, "\n", 2);
	return true;
}

/* False: nothing of this line, n bytes at s, goes to inih. A line that does not continue a value
 * ends it: then the value's own findings come before those of this line. */
static bool take_line(struct reader *r, const char *s, size_t n, char *dst, size_t room)
{
	struct line l = { 0 };

	if (!strchr(" \t#;\r\n", s[0]))
		flush(r);
	if (!cut_line(r, s, n, &l) || !is_short_enough(r, &l, room)) {
		if (l.s[l.indent] == '[')
			break_section(r);
		return l.indent ? false : break_setting(r);
	}
	if (!l.len)
		return false;
	if (l.indent)
		return take_indented(r, &l, dst);
	if (l.s[0] == '[')
		return take_header(r, &l);
	return take_setting(r, &l, dst);
}

/* The reader of ini_parse_stream: comments, blank lines and broken ones never reach inih. */
static char *next_line(char *dst, int room, void *user)
{
	struct reader *r = user;

	if (!r->begun) { /* inih would skip a mark of UTF-8 in the first line that it sees */
		r->begun = true;
		memcpy(dst, "\n", 2);
		return dst;
	}
	while (r->next < r->whole.len) {
		const char *s = r->whole.s + r->next;
		const char *end = memchr(s, '\n', r->whole.len - r->next);
		size_t n = end ? (size_t)(end - s) + 1 : r->whole.len - r->next;

		r->next += n;
		r->line++;
		if (take_line(r, s, n, dst, (size_t)room))
			return dst;
	}
	return NULL;
}

static void read_whole(struct reader *r, FILE *f)
{
	char block[16384];
	size_t n;

	errno = 0;
	while ((n = fread(block, 1, sizeof(block), f)))
		text_put(&r->whole, block, n);
	if (ferror(f))
		r->errnum = errno ? errno : EIO;
}

/* inih found a key and a value in the line it was given. */
static int take_item(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;

	(void)section;
	if (!key) /* some builds call for headers, too */
		return 1;
	if (!r->continues) {
		flush(r);
		r->collects = true;
		r->key_at = (struct origin){ r->name, r->line, 1 };
		text_put(&r->key, key, strlen(key));
	} else if (r->value.len) {
		text_add(&r->value, " ");
	}
	if (r->n_pieces == r->room)
		r->pieces = xgrow(r->pieces, r->room++, sizeof *r->pieces);
	r->pieces[r->n_pieces++] = (struct ini_piece){
		.start = r->value.len,
		.line = r->line,
		.col = r->value_col,
	};
	text_put(&r->value, value, strlen(value));
	return 1;
}

int ini_read(FILE *f, const char *name, ini_fn *fn, void *ctx, struct diag *d)
{
	struct reader r = {
		.name = name,
		.fn = fn,
		.ctx = ctx,
		.d = d,
		.headless = true,
		.ignoring = true,
	};
	struct origin at = { .file = name };
	int rc;

	read_whole(&r, f);
	rc = ini_parse_stream(next_line, &r, take_item, &r);
	if (r.errnum) {
		r.failed = true;
		diag_error(d, &at, "config", r.errnum, "cannot read");
	}
	if (rc && !r.failed) {
		r.failed = true;
		diag_error(d, &at, "config", rc == -2 ? ENOMEM : 0, "inih cannot read it");
	}
	flush(&r);
	free(r.key.s);
	free(r.value.s);
	free(r.pieces);
	diag_source(d, name, r.whole.s, r.whole.len);
	return r.failed ? -1 : 0;
}
