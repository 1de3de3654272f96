/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any string as one word of a line, and back: names in the kernel may hold blanks and worse. */
#include "rules/word.h"

#include <string.h>

#define EMPTY_WORD '%'

static bool is_plain(char c, const char *also)
{
	return (unsigned char)c >= ' ' && c != 0x7f && c != '%' && !strchr(also, c);
}

void word_escape(const char *s, const char *also, struct text *t)
{
	while (*s) {
		size_t n = 0;

		while (s[n] && is_plain(s[n], also))
			n++;
		if (n)
			text_add(t, "%.*s", (int)n, s);
		s += n;
		if (*s)
			text_add(t, "%%%02X", (unsigned char)*s++);
	}
}

void word_text(const char *s, const char *also, struct text *t)
{
	if (!s || !*s)
		text_add(t, "%c", EMPTY_WORD);
	else
		word_escape(s, also, t);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *word_parse(const char *word, size_t len)
{
	auto_free char *plain = xcalloc(len + 1, 1);
	char *out = plain;
	size_t n = 0;

	if (len == 1 && *word == EMPTY_WORD)
		len = 0;
	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (word[i] != '%') {
			plain[n++] = word[i];
			continue;
		}
		if (len - i < 3)
			return NULL;
		high = hex_digit(word[i + 1]);
		low = hex_digit(word[i + 2]);
		if (high < 0 || low < 0 || !(high | low))
			return NULL;
		plain[n++] = (char)(high << 4 | low);
		i += 2;
	}
	plain = NULL;
	return out;
}
