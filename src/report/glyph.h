/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Somebody's text, one character after the other, as a terminal may have it: what the terminal
 * would obey, or what would show something else than it is, becomes words. */
#ifndef UNTRACK_GLYPH_H
#define UNTRACK_GLYPH_H

#include <locale.h>
#include <stddef.h>

struct glyph {
	size_t n;	/* bytes of the text that it stands for */
	char shown[16]; /* "a", "\x1b", "<U+202E>"; terminated */
	unsigned width; /* columns on a terminal */
};

/* The character at s, of which left bytes are there (at least one). utf8: of glyph_locale, for the
 * width of what is not ASCII; without one it is 1. A tab is a control character here. */
struct glyph glyph_at(const char *s, size_t left, locale_t utf8);

/* For this text. Free it with freelocale; (locale_t)0: all of it is ASCII, or this system has none.
 */
locale_t glyph_locale(const char *s, size_t len);

#endif
