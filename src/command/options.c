/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command line parsing and help from option tables. */
#include "command/options.h"

#include <string.h>
#include "util.h"

#define HELP_COLUMN 28
#define LISTED "'untrack help COMMAND' lists the options"

struct tables {
	const struct option_def *const *v;
	size_t n;
};

const char *options_nearest(const char *word, const char *(*next)(const void *ctx, size_t i),
			    const void *ctx)
{
	unsigned best = 3; /* two slips of the finger, not another word */
	const char *nearest = NULL, *candidate;

	for (size_t i = 0; (candidate = next(ctx, i)); i++) {
		unsigned distance = edit_distance(word, candidate, best);

		if (distance < best && distance < strlen(word)) {
			best = distance;
			nearest = candidate;
		}
	}
	return nearest;
}

static const struct option_def *option_at(const struct tables *t, size_t i)
{
	for (size_t k = 0; k < t->n; k++)
		for (const struct option_def *o = t->v[k]; o->name; o++)
			if (i-- == 0)
				return o;
	return NULL;
}

static const char *option_name_at(const void *ctx, size_t i)
{
	const struct option_def *o = option_at(ctx, i);

	return o ? o->name : NULL;
}

static const struct option_def *option_by_letter(const struct tables *t, char letter)
{
	const struct option_def *o;

	for (size_t i = 0; (o = option_at(t, i)); i++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static const struct option_def *option_by_name(const struct tables *t, const char *name, size_t len)
{
	const struct option_def *o;

	for (size_t i = 0; (o = option_at(t, i)); i++)
		if (strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

/* Place of word in "a|b|c", from 1; 0: not there. */
static unsigned choice_find(const char *choices, const char *word)
{
	size_t len = strlen(word);
	unsigned place = 1;

	for (const char *at = choices; *at; place++) {
		size_t n = strcspn(at, "|");

		if (n == len && !memcmp(at, word, n))
			return place;
		at += n + (at[n] == '|');
	}
	return 0;
}

static int option_set(const struct option_def *o, const char *value, struct request *req,
		      struct diag *d)
{
	char *field = (char *)req + o->offset;
	struct words *words;
	unsigned place;

	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_MAYBE:
		*(const char **)field = value ? value : "";
		if (!value || *value)
			return 0;
		return diag_error(d, NULL, "usage", 0, "--%s= needs %s, not nothing", o->name,
				  o->arg);
	case OPTION_TEXT:
		*(const char **)field = value;
		if (*value)
			return 0;
		return diag_error(d, NULL, "usage", 0, "--%s needs %s, not nothing", o->name,
				  o->arg);
	case OPTION_WORDS:
		words = (struct words *)(void *)field;
		*ARRAY_ADD(words->v, words->n) = value;
		if (*value)
			return 0;
		return diag_error(d, NULL, "usage", 0, "--%s needs %s, not nothing", o->name,
				  o->arg);
	case OPTION_CHOICE:
		place = choice_find(o->arg, value);
		if (!place)
			return diag_error(d, NULL, "usage", 0, "--%s takes %s, not '%s'", o->name,
					  o->arg, value);
		*(unsigned *)field = place;
		return 0;
	}
	return -1;
}

/* "--name", "--name=value" or "--name value"; word is without the dashes. */
static int parse_long(const struct tables *t, const char *word, char *const **argv,
		      struct request *req, struct diag *d)
{
	size_t len = strcspn(word, "=");
	const struct option_def *o = option_by_name(t, word, len);
	auto_free char *name = xasprintf("%.*s", (int)len, word);

	if (!o) {
		const char *nearest = options_nearest(name, option_name_at, t);

		diag_error(d, NULL, "usage", 0, "unknown option --%s", name);
		if (nearest)
			diag_cure(d, "did you mean --%s?", nearest);
		else
			diag_cure(d, LISTED);
		return -1;
	}
	if (o->kind == OPTION_FLAG && word[len])
		return diag_error(d, NULL, "usage", 0, "--%s takes no value", o->name);
	if (o->kind == OPTION_FLAG || (o->kind == OPTION_MAYBE && !word[len]))
		return option_set(o, NULL, req, d);
	if (word[len])
		return option_set(o, word + len + 1, req, d);
	if (!**argv)
		return diag_error(d, NULL, "usage", 0, "--%s needs %s", o->name, o->arg);
	return option_set(o, *(*argv)++, req, d);
}

/* "-qv"; the letters of this program are flags. */
static int parse_letters(const struct tables *t, const char *word, struct request *req,
			 struct diag *d)
{
	int rc = 0;

	for (; *word; word++) {
		const struct option_def *o = option_by_letter(t, *word);

		if (o && o->kind == OPTION_FLAG) {
			rc |= option_set(o, NULL, req, d);
			continue;
		}
		rc = diag_error(d, NULL, "usage", 0, "unknown option -%c", *word);
		diag_cure(d, LISTED);
	}
	return rc;
}

int options_parse(const struct option_def *const *tables, size_t n, char *const **argv, bool stop,
		  struct request *req, struct diag *d)
{
	struct tables t = { tables, n };
	bool only_operands = false;
	int rc = 0;

	while (**argv) {
		const char *word = **argv;
		bool operand = only_operands || word[0] != '-' || !word[1];

		if (operand && stop)
			break;
		(*argv)++;
		if (operand)
			*ARRAY_ADD(req->operands, req->n_operands) = word;
		else if (word[1] != '-')
			rc |= parse_letters(&t, word + 1, req, d);
		else if (word[2])
			rc |= parse_long(&t, word + 2, argv, req, d);
		else
			only_operands = true;
	}
	return rc;
}

/* "  -q, --quiet        text", or the text on the next line where the option is long. */
static void option_help(const struct option_def *o, FILE *out)
{
	bool maybe = o->kind == OPTION_MAYBE;
	const char *arg = o->arg ? o->arg : "";
	const char *before = maybe ? "[=" : o->arg ? " " : "";
	auto_free char *letter = o->letter ? xasprintf("-%c,", o->letter) : xstrdup("");
	auto_free char *left =
		xasprintf("  %-3s --%s%s%s%s", letter, o->name, before, arg, maybe ? "]" : "");
	auto_free char *label = xasprintf("%-*s", HELP_COLUMN, left);

	if (strlen(label) == HELP_COLUMN && label[HELP_COLUMN - 1] == ' ') {
		print_wrapped(label, o->help, out);
		return;
	}
	fprintf(out, "%s\n", left);
	free(label);
	label = xasprintf("%*s", HELP_COLUMN, "");
	print_wrapped(label, o->help, out);
}

void options_help(const struct option_def *table, FILE *out)
{
	for (const struct option_def *o = table; o->name; o++)
		option_help(o, out);
}
