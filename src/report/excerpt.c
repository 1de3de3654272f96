/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of a file and a mark below one place of it. */
#include "report/excerpt.h"

#include <string.h>
#include "report/glyph.h"

#define INDENT "    "
#define TAB_STOP 8
#define WINDOW 100 /* columns of text at most */
#define BEFORE 60  /* of these before the mark, in a line that is too long */
#define CUT "..."

struct cell { /* one character and where it stands */
	struct glyph glyph;
	unsigned at; /* column from 0, of the whole line */
};

/* The character at offset, when the column is at. */
static struct cell cell_at(const char *s, size_t len, size_t offset, unsigned at, locale_t utf8)
{
	struct cell c = { .at = at };

	if (s[offset] != '\t') {
		c.glyph = glyph_at(s + offset, len - offset, utf8);
		return c;
	}
	c.glyph.n = 1;
	c.glyph.width = TAB_STOP - at % TAB_STOP;
	memset(c.glyph.shown, ' ', c.glyph.width);
	return c;
}

/* Columns before the byte at offset. */
static unsigned columns(const char *s, size_t len, size_t offset, locale_t utf8)
{
	unsigned at = 0;

	for (size_t i = 0; i < len;) {
		struct cell c = cell_at(s, len, i, at, utf8);

		if (i + c.glyph.n > offset)
			break;
		i += c.glyph.n;
		at += c.glyph.width;
	}
	return at;
}

static void put_text(const char *s, size_t len, unsigned from, unsigned to, locale_t utf8,
		     FILE *out)
{
	unsigned at = 0;

	for (size_t i = 0; i < len && at < to;) {
		struct cell c = cell_at(s, len, i, at, utf8);

		if (at >= from && at + c.glyph.width <= to)
			fputs(c.glyph.shown, out);
		else if (at + c.glyph.width > from) /* half of it is outside */
			for (unsigned k = at; k < at + c.glyph.width; k++)
				if (k >= from && k < to)
					fputc(' ', out);
		i += c.glyph.n;
		at += c.glyph.width;
	}
}

static size_t trimmed(const char *s, size_t len)
{
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return len;
}

void excerpt_print(const char *s, size_t len, unsigned col, const char *before, const char *after,
		   FILE *out)
{
	size_t text = trimmed(s, len), offset = col ? col - 1 : 0;
	unsigned width, mark, from = 0;
	locale_t utf8;

	if (!text)
		return;
	utf8 = glyph_locale(s, len);
	width = columns(s, text, text, utf8);
	mark = columns(s, len, offset < len ? offset : len, utf8);
	if (width > WINDOW && mark > BEFORE)
		from = mark - BEFORE;
	fprintf(out, INDENT "%s", from ? CUT : "");
	put_text(s, text, from, from + WINDOW, utf8, out);
	fprintf(out, "%s\n", width > from + WINDOW ? CUT : "");
	if (col)
		fprintf(out, INDENT "%*s%s^%s\n", (int)(mark - from + (from ? strlen(CUT) : 0)), "",
			before, after);
	if (utf8)
		freelocale(utf8);
}
