/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in one ruleset and not in the other. */
#include "rules/ruleset.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

/* detail: of the body; NULL: it says nothing new. */
static void say_twin(struct differences *d, const char *sign, enum twin_standing standing,
		     const struct twin *w, const char *detail)
{
	struct text line = { 0 };

	if (d->out) {
		text_add(&line, "%s ", twin_standing_name(standing));
		twin_text(w, &line);
	}
	if (d->out && detail)
		text_add(&line, " :: %s", detail);
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

/* ---- twins ------------------------------------------------------------------------------------
 */

#define NO_PARTNER SIZE_MAX
#define DETAIL_MAX 120 /* characters of a changed body */

struct standings { /* of two rulesets' twins */
	const struct ruleset *want, *got;
	enum twin_standing *of_want, *of_got;
	size_t *partner; /* of each of want: its place in got */
};

/* How alike two twins must be to be taken for the same one */
enum likeness { IN_CHAIN, IN_PLACE, SAME_BODY, SAME };

static int compare_likeness(const struct twin *a, const struct twin *b, enum likeness how)
{
	int c;

	if (how == SAME)
		return twin_compare(a, b);
	c = twin_compare_chains(a, b);
	if (!c)
		c = strcmp(a->names ? a->names : "", b->names ? b->names : "");
	if (!c)
		c = match_compare(&a->match, &b->match);
	if (!c && how == IN_PLACE)
		c = a->anchor < b->anchor ? -1 : a->anchor > b->anchor;
	if (!c && how == SAME_BODY)
		c = strcmp(a->body ? a->body : "", b->body ? b->body : "");
	return c;
}

static int order_twins(const void *va, const void *vb, void *how)
{
	const struct twin *a = *(struct twin *const *)va, *b = *(struct twin *const *)vb;
	int c = compare_likeness(a, b, *(enum likeness *)how);

	return c ? c : (a > b) - (a < b);
}

/* Those of standing only, in order. */
static const struct twin **sorted_twins(const struct ruleset *rs, const enum twin_standing *is,
					enum twin_standing only, enum likeness how, size_t *n)
{
	const struct twin **order = xcalloc(rs->n_twins + 1, sizeof *order);

	*n = 0;
	for (size_t i = 0; i < rs->n_twins; i++)
		if (is[i] == only)
			order[(*n)++] = &rs->twins[i];
	qsort_r(order, *n, sizeof *order, order_twins, &how);
	return order;
}

/* Gives those that have no partner yet one that is so much alike. */
static void pair_twins(struct standings *s, enum likeness how, enum twin_standing found)
{
	size_t n, m, i = 0, j = 0;
	auto_free const struct twin **a = sorted_twins(s->want, s->of_want, TWIN_MISSING, how, &n);
	auto_free const struct twin **b = sorted_twins(s->got, s->of_got, TWIN_UNNEEDED, how, &m);

	while (i < n && j < m) {
		int c = compare_likeness(a[i], b[j], how);

		if (!c) {
			size_t k = (size_t)(b[j] - s->got->twins);

			s->partner[a[i] - s->want->twins] = k;
			s->of_want[a[i] - s->want->twins] = s->of_got[k] = found;
		}
		i += c <= 0;
		j += c >= 0;
	}
}

/* Twins that are the same in number and kind, chain by chain, may stand in another order: each
 * place that holds another one is a difference. */
static void pair_places(struct standings *s)
{
	size_t j = 0;

	for (size_t i = 0; i < s->want->n_twins; i++) {
		if (s->partner[i] == NO_PARTNER)
			continue;
		while (s->of_got[j] == TWIN_UNNEEDED)
			j++;
		s->partner[i] = j;
		if (twin_compare(&s->want->twins[i], &s->got->twins[j]))
			s->of_want[i] = s->of_got[j] = TWIN_DISPLACED;
		j++;
	}
}

static void standings_find(struct standings *s, const struct ruleset *want,
			   const struct ruleset *got)
{
	*s = (struct standings){ .want = want, .got = got };
	s->of_want = xcalloc(want->n_twins + 1, sizeof *s->of_want);
	s->of_got = xcalloc(got->n_twins + 1, sizeof *s->of_got);
	s->partner = xcalloc(want->n_twins + 1, sizeof *s->partner);
	for (size_t i = 0; i < want->n_twins; i++) {
		s->of_want[i] = TWIN_MISSING;
		s->partner[i] = NO_PARTNER;
	}
	for (size_t i = 0; i < got->n_twins; i++)
		s->of_got[i] = TWIN_UNNEEDED;
	pair_twins(s, SAME, TWIN_PRESENT);
	pair_places(s);
	pair_twins(s, SAME_BODY, TWIN_DISPLACED);
	pair_twins(s, IN_PLACE, TWIN_STALE);
	pair_twins(s, IN_CHAIN, TWIN_STALE);
}

void ruleset_twin_standings(const struct ruleset *want, const struct ruleset *got,
			    enum twin_standing **of_want, enum twin_standing **of_got)
{
	struct standings s;

	standings_find(&s, want, got);
	free(s.partner);
	*of_want = s.of_want;
	*of_got = s.of_got;
}

const char *twin_standing_name(enum twin_standing standing)
{
	switch (standing) {
	case TWIN_PRESENT:
		return "present";
	case TWIN_MISSING:
		return "missing";
	case TWIN_DISPLACED:
		return "displaced";
	case TWIN_STALE:
		return "stale";
	case TWIN_UNNEEDED:
		return "unneeded";
	}
	return "";
}

/* What of body is not in other: whole words, from the first that differs to the last. */
static char *body_change(const char *body, const char *other)
{
	size_t n = strlen(body), m = strlen(other), from = 0, to = 0, len;
	struct text t = { 0 }, shown = { 0 };

	for (size_t i = 0; i < n && i < m && body[i] == other[i]; i++)
		if (body[i] == ' ')
			from = i + 1;
	for (size_t i = 1; i <= n - from && i <= m - from && body[n - i] == other[m - i]; i++)
		if ((i == n || body[n - i - 1] == ' ') && (i == m || other[m - i - 1] == ' '))
			to = i;
	len = n - from - to;
	if (len && body[from + len - 1] == ' ')
		len--;
	if (!len)
		return xstrdup("...");
	text_put(&t, body + from, len < DETAIL_MAX ? len : DETAIL_MAX);
	text_add(&shown, from ? "... " : "");
	word_escape(t.s, "", &shown);
	text_add(&shown, len > DETAIL_MAX || to ? " ..." : "");
	free(t.s);
	return shown.s;
}

/* The same twin before and after. */
static void say_change(const struct standings *s, size_t i, struct differences *d)
{
	const struct twin *want = &s->want->twins[i], *got = &s->got->twins[s->partner[i]];
	auto_free char *is = NULL, *should = NULL;

	if (d->out && s->of_want[i] == TWIN_STALE) {
		is = body_change(got->body ? got->body : "", want->body ? want->body : "");
		should = body_change(want->body ? want->body : "", got->body ? got->body : "");
	}
	say_twin(d, "-", s->of_want[i], got, is);
	say_twin(d, "+", s->of_want[i], want, should);
}

static void diff_twins(const struct ruleset *want, const struct ruleset *got, struct differences *d)
{
	struct standings s;

	standings_find(&s, want, got);
	for (size_t i = 0; i < want->n_twins; i++) {
		if (s.of_want[i] == TWIN_MISSING)
			say_twin(d, "+", TWIN_MISSING, &want->twins[i], NULL);
		else if (s.of_want[i] != TWIN_PRESENT)
			say_change(&s, i, d);
	}
	for (size_t i = 0; i < got->n_twins; i++)
		if (s.of_got[i] == TWIN_UNNEEDED)
			say_twin(d, "-", TWIN_UNNEEDED, &got->twins[i], NULL);
	free(s.of_want);
	free(s.of_got);
	free(s.partner);
}

/* ---- all of it --------------------------------------------------------------------------------
 */

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
	if (got->husk && !want->husk && (!want->n_rules || got->n_rules)) {
		struct text line = { 0 };

		text_add(&line, got->n_rules ? "chains of untrack's own that are out of order"
					     : "what is left of untrack's own table");
		say(&d, "-", &line);
		free(line.s);
	}
	return d.n;
}

void ruleset_diff_text(struct text *t, const struct ruleset *want, const struct ruleset *got,
		       size_t max)
{
	auto_free char *lines = NULL;
	size_t len = 0, n, shown = 0;
	FILE *f = xmemstream(&lines, &len);

	n = ruleset_diff(want, got, f);
	fclose(f);
	for (const char *l = lines, *nl; (nl = strchr(l, '\n')) && shown < max; l = nl + 1) {
		text_add(t, "\n    %.*s", (int)(nl - l), l);
		shown++;
	}
	if (n > shown)
		text_add(t, "\n    and %zu more", n - shown);
}
