/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one canonical form of a ruleset. */
#include "rules/ruleset.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* Rules that differ in the ports of one side only are one rule with the union. Which rules meet
 * must not depend on their order: first all rules that differ in dport only are united, then all
 * that differ in sport only, then dport again, until nothing moves. An index for each side holds
 * the rules that have been looked at and did not change since, so that a long cascade of unions
 * costs n log n and not n squared. */
enum side { SIDE_SPORT, SIDE_DPORT };

struct candidate {
	struct rule *rule;
	bool changed, gone;
};

struct merger {
	void *index[2]; /* by side: trees of candidates, no two of which can be united on that side
			 */
};

static enum side other_side(enum side s)
{
	return s == SIDE_SPORT ? SIDE_DPORT : SIDE_SPORT;
}

static struct ports *side_ports(struct rule *r, enum side s)
{
	return s == SIDE_SPORT ? &r->match.sport : &r->match.dport;
}

/* Equal: the rules differ in the ports of this side at most, and both or neither have some. */
static int compare_but(const struct candidate *a, const struct candidate *b, enum side s)
{
	bool has_a = side_ports(a->rule, s)->n, has_b = side_ports(b->rule, s)->n;
	int c = ports_compare(side_ports(a->rule, other_side(s)),
			      side_ports(b->rule, other_side(s)));

	if (!c)
		c = has_a - has_b;
	return c ? c : rule_compare_but_ports(a->rule, b->rule);
}

static int compare_but_sport(const void *a, const void *b)
{
	return compare_but(a, b, SIDE_SPORT);
}

static int compare_but_dport(const void *a, const void *b)
{
	return compare_but(a, b, SIDE_DPORT);
}

static __compar_fn_t comparison(enum side s)
{
	return s == SIDE_SPORT ? compare_but_sport : compare_but_dport;
}

static void absorb(struct merger *m, struct candidate *into, struct candidate *e, enum side s)
{
	enum side other = other_side(s);
	const struct ports *more = side_ports(e->rule, s);

	/* Both lose their place in the other index: one is gone, the other changes its key. */
	tdelete(e, &m->index[other], comparison(other));
	if (!into->changed)
		tdelete(into, &m->index[other], comparison(other));
	for (size_t i = 0; i < more->n; i++)
		ports_add(side_ports(into->rule, s), more->v[i].lo, more->v[i].hi);
	e->gone = true;
	into->changed = true;
}

/* Unites the n rules of work, with each other and with those of the index of side s. Work becomes
 * the rules that changed; their number. */
static size_t unite(struct merger *m, struct candidate **work, size_t n, enum side s)
{
	size_t n_changed = 0;

	for (size_t i = 0; i < n; i++) {
		struct candidate *e = work[i], *into;
		struct candidate **node = tsearch(e, &m->index[s], comparison(s));

		if (!node) /* no memory: left alone; verification would notice */
			continue;
		into = *node;
		if (into == e)
			continue;
		if (!into->changed)
			work[n_changed++] = into; /* in place: e has gone for it */
		absorb(m, into, e, s);
	}
	for (size_t i = 0; i < n_changed; i++) {
		ports_normalise(side_ports(work[i]->rule, s));
		work[i]->changed = false;
	}
	return n_changed;
}

static void keep_node(void *node)
{
	(void)node;
}

static void merge_rules(struct ruleset *rs)
{
	auto_free struct candidate *all = xcalloc(rs->n_rules, sizeof *all);
	auto_free struct candidate **work = xcalloc(rs->n_rules, sizeof *work);
	struct merger m = { 0 };
	enum side s = SIDE_SPORT;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < rs->n_rules; i++) {
		all[i].rule = &rs->rules[i];
		work[i] = &all[i];
	}
	unite(&m, work, rs->n_rules, SIDE_DPORT);
	for (size_t i = 0; i < rs->n_rules; i++)
		if (!all[i].gone)
			work[n++] = &all[i];
	for (; n; s = other_side(s))
		n = unite(&m, work, n, s);
	tdestroy(m.index[SIDE_SPORT], keep_node);
	tdestroy(m.index[SIDE_DPORT], keep_node);

	for (size_t i = 0; i < rs->n_rules; i++) {
		if (all[i].gone)
			rule_free(&rs->rules[i]);
		else
			rs->rules[kept++] = rs->rules[i];
	}
	rs->n_rules = kept;
}

static int compare_rules(const void *a, const void *b)
{
	return rule_compare(a, b);
}

/* qsort is not stable: twins of one chain are told apart by their place in the array. */
static int compare_places(const void *va, const void *vb)
{
	const struct twin *a = *(struct twin *const *)va, *b = *(struct twin *const *)vb;
	int c = twin_compare_chains(a, b);

	return c ? c : (a > b) - (a < b);
}

static void sort_twins(struct ruleset *rs)
{
	auto_free struct twin *old = xmemdup(rs->twins, rs->n_twins * sizeof *old);
	auto_free struct twin **order = xcalloc(rs->n_twins, sizeof *order);

	for (size_t i = 0; i < rs->n_twins; i++)
		order[i] = &old[i];
	qsort(order, rs->n_twins, sizeof *order, compare_places);
	for (size_t i = 0; i < rs->n_twins; i++)
		rs->twins[i] = *order[i];
}

static int compare_counters(const void *va, const void *vb)
{
	const struct counter *a = va, *b = vb;
	int c = strcmp(a->name ? a->name : "", b->name ? b->name : "");

	if (!c)
		c = (a->hook > b->hook) - (a->hook < b->hook);
	if (!c)
		c = (a->packets > b->packets) - (a->packets < b->packets);
	return c ? c : (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

void ruleset_normalise(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_rules; i++)
		match_normalise(&rs->rules[i].match);
	for (size_t i = 0; i < rs->n_twins; i++)
		match_normalise(&rs->twins[i].match);
	if (rs->n_rules) {
		merge_rules(rs);
		qsort(rs->rules, rs->n_rules, sizeof *rs->rules, compare_rules);
	}
	sort_twins(rs);
	if (rs->n_counters)
		qsort(rs->counters, rs->n_counters, sizeof *rs->counters, compare_counters);
}
