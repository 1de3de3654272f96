/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in one ruleset and not in the other. */
#include "rules/ruleset.h"

#include <stdlib.h>
#include "rules/word.h"

struct differences {
	FILE *out; /* NULL: count only */
	size_t n;
};

static void say(struct differences *d, const char *sign, const struct text *line)
{
	d->n++;
	if (d->out)
		fprintf(d->out, "%s %s\n", sign, line->s);
}

static void say_rule(struct differences *d, const char *sign, const struct rule *r)
{
	struct text line = { 0 };

	if (d->out)
		rule_text(r, &line);
	say(d, sign, &line);
	free(line.s);
}

static void say_twin(struct differences *d, const char *sign, const struct twin *w)
{
	struct text line = { 0 };

	if (d->out)
		twin_text(w, &line);
	say(d, sign, &line);
	free(line.s);
}

static void diff_rules(const struct ruleset *want, const struct ruleset *got, struct differences *d)
{
	size_t i = 0, j = 0;

	while (i < want->n_rules || j < got->n_rules) {
		int c;

		if (i == want->n_rules || j == got->n_rules)
			c = i == want->n_rules ? 1 : -1;
		else
			c = rule_compare(&want->rules[i], &got->rules[j]);
		if (c < 0)
			say_rule(d, "+", &want->rules[i]);
		if (c > 0)
			say_rule(d, "-", &got->rules[j]);
		i += c <= 0;
		j += c >= 0;
	}
}

static int compare_twins(const void *va, const void *vb)
{
	const struct twin *a = *(struct twin *const *)va, *b = *(struct twin *const *)vb;
	int c = twin_compare(a, b);

	return c ? c : (a > b) - (a < b);
}

static struct twin **sorted_twins(const struct ruleset *rs)
{
	struct twin **order = xcalloc(rs->n_twins, sizeof *order);

	for (size_t i = 0; i < rs->n_twins; i++)
		order[i] = &rs->twins[i];
	qsort(order, rs->n_twins, sizeof *order, compare_twins);
	return order;
}

/* Marks the twins that have a partner in the other ruleset. */
static void pair_twins(const struct ruleset *want, const struct ruleset *got, bool *want_paired,
		       bool *got_paired)
{
	auto_free struct twin **a = sorted_twins(want), **b = sorted_twins(got);
	size_t i = 0, j = 0;

	while (i < want->n_twins && j < got->n_twins) {
		int c = twin_compare(a[i], b[j]);

		if (!c)
			want_paired[a[i] - want->twins] = got_paired[b[j] - got->twins] = true;
		i += c <= 0;
		j += c >= 0;
	}
}

/* The paired twins are the same in number and kind, chain by chain, but may stand in another order:
 * each place that holds another twin is a difference, told as one removed and one added. */
static void diff_places(const struct ruleset *want, const struct ruleset *got,
			const bool *want_paired, const bool *got_paired, struct differences *d)
{
	size_t j = 0;

	for (size_t i = 0; i < want->n_twins; i++) {
		if (!want_paired[i])
			continue;
		while (!got_paired[j])
			j++;
		if (twin_compare(&want->twins[i], &got->twins[j])) {
			say_twin(d, "-", &got->twins[j]);
			say_twin(d, "+", &want->twins[i]);
		}
		j++;
	}
}

static void diff_twins(const struct ruleset *want, const struct ruleset *got, struct differences *d)
{
	auto_free bool *want_paired = xcalloc(want->n_twins, sizeof *want_paired);
	auto_free bool *got_paired = xcalloc(got->n_twins, sizeof *got_paired);

	pair_twins(want, got, want_paired, got_paired);
	for (size_t i = 0; i < want->n_twins; i++)
		if (!want_paired[i])
			say_twin(d, "+", &want->twins[i]);
	for (size_t i = 0; i < got->n_twins; i++)
		if (!got_paired[i])
			say_twin(d, "-", &got->twins[i]);
	diff_places(want, got, want_paired, got_paired, d);
}

size_t ruleset_diff(const struct ruleset *want, const struct ruleset *got, FILE *out)
{
	struct differences d = { .out = out };

	diff_rules(want, got, &d);
	diff_twins(want, got, &d);
	for (size_t i = 0; i < got->n_foreign; i++) {
		struct text line = { 0 };

		text_add(&line, "foreign ");
		word_escape(got->foreign[i], "", &line);
		say(&d, "-", &line);
		free(line.s);
	}
	if (got->husk && !want->husk && !want->n_rules) {
		struct text line = { 0 };

		text_add(&line, "what is left of untrack's own table");
		say(&d, "-", &line);
		free(line.s);
	}
	return d.n;
}
