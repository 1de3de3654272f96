/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Somebody's text as a terminal may have it. */
#include "report/glyph.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include "utf8.h"

static struct glyph ascii(char c)
{
	struct glyph g = { .n = 1, .shown = { c }, .width = 1 };

	if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f)
		g.width = (unsigned)snprintf(g.shown, sizeof g.shown, "\\x%02x", (unsigned char)c);
	return g;
}

/* C1 controls; and what has no shape of its own but turns, joins or hides what is around it, so
 * that a line would not look like what it says. */
static bool is_hidden(uint32_t code)
{
	return code < 0xa0 || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
	       code == 0xfeff;
}

static unsigned width_of(uint32_t code, locale_t utf8)
{
	locale_t before;
	int width;

	if (!utf8)
		return 1;
	before = uselocale(utf8);
	width = wcwidth((wchar_t)code);
	uselocale(before);
	return width < 0 ? 1 : (unsigned)width;
}

struct glyph glyph_at(const char *s, size_t left, locale_t utf8)
{
	size_t n = utf8_length(s, left);
	struct glyph g = { .n = n };
	uint32_t code;

	if (n < 2)
		return ascii(*s);
	code = utf8_code(s, n);
	if (is_hidden(code)) {
		g.width = (unsigned)snprintf(g.shown, sizeof g.shown, "<U+%04X>", (unsigned)code);
		return g;
	}
	memcpy(g.shown, s, n);
	g.width = width_of(code, utf8);
	return g;
}

locale_t glyph_locale(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80)
			return newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return (locale_t)0;
}
