/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reads the value of one key: words, numbers, times, descriptions. */
#include "config/values.h"

#include <stdarg.h>
#include <string.h>
#include "config/guess.h"
#include "util.h"

#define DESCRIPTION_BYTES 128 /* policy_print writes it on one line */
#define DAY_S (24 * 60 * 60)

int value_error(const struct value *v, size_t offset, const char *fmt, ...)
{
	struct origin at = ini_value_at(v->it, offset);
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return diag_error(v->d, &at, "config", 0, "%s: %s", v->option->name, text);
}

int word_find(const struct value *v, size_t offset, const char *word)
{
	const char *const *words = v->option->words;
	struct guess g = { .word = word };
	struct text all = { 0 };

	for (int i = 0; words[i]; i++) {
		if (!strcmp(word, words[i]))
			return i;
	}
	for (int i = 0; words[i]; i++) {
		guess_try(&g, words[i]);
		text_add(&all, "%s%s", i ? ", " : "", words[i]);
	}
	value_error(v, offset, "'%s' is not one of %s", word, all.s);
	if (g.best)
		diag_cure(v->d, "did you mean '%s'?", g.best);
	free(all.s);
	return -1;
}

int value_word(const struct value *v, void *out, void *out_not)
{
	int i = word_find(v, 0, v->it->value);

	(void)out_not;
	if (i < 0)
		return -1;
	*(unsigned *)out = (unsigned)i; /* what an enum without negative values is */
	return 0;
}

int value_bool(const struct value *v, void *out, void *out_not)
{
	int i = word_find(v, 0, v->it->value);

	(void)out_not;
	if (i < 0)
		return -1;
	*(bool *)out = i == 1;
	return 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_section_name(const char *s)
{
	size_t n = 0;

	while (is_letter(s[n]) ||
	       (n && s[n] && ((s[n] >= '0' && s[n] <= '9') || strchr("_.-", s[n]))))
		n++;
	return n && !s[n] && n <= SECTION_NAME_BYTES;
}

static bool is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789")];
}

int value_count(const struct value *v, void *out, void *out_not)
{
	const char *s = v->it->value;
	unsigned long n;

	(void)out_not;
	if (!is_number(s))
		return value_error(v, 0, "'%s' is not a number", s);
	if (!parse_uint(s, v->option->min, v->option->max, &n))
		return value_error(v, 0, "%s is out of range (%lu to %lu)", s, v->option->min,
				   v->option->max);
	*(unsigned *)out = (unsigned)n;
	return 0;
}

int value_time(const struct value *v, void *out, void *out_not)
{
	const char *s = v->it->value;
	unsigned long seconds = 0;
	int rc = parse_time(s, v->option->max, &seconds);

	(void)out_not;
	if (is_number(s)) {
		value_error(v, strlen(s) - 1, "'%s' has no unit", s);
		diag_cure(v->d, "write %ss, or m, h or d for minutes, hours or days", s);
		return -1;
	}
	if (rc == -1) {
		value_error(v, 0, "'%s' is not a time", s);
		diag_cure(v->d, "write one number and its unit s, m, h or d, such as 90s");
		return -1;
	}
	if (rc || seconds < v->option->min)
		return value_error(v, 0, "%s is out of range (%lus to %lud)", s, v->option->min,
				   v->option->max / DAY_S);
	*(unsigned *)out = (unsigned)seconds;
	return 0;
}

int value_description(const struct value *v, void *out, void *out_not)
{
	const char *s = v->it->value;

	(void)out_not;
	if (strlen(s) > DESCRIPTION_BYTES)
		return value_error(v, DESCRIPTION_BYTES, "%zu bytes, at most %d are allowed",
				   strlen(s), DESCRIPTION_BYTES);
	if (*s == ';' || *s == '#') {
		value_error(v, 0, "begins like a comment");
		diag_cure(v->d, "begin with another character");
		return -1;
	}
	free(*(char **)out);
	*(char **)out = xstrdup(s);
	return 0;
}
