/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one canonical form of a ruleset. */
#include "rules/ruleset.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* Rules that differ in one list only are one rule with the union. Which rules meet must not depend
 * on their order: first all rules that differ in the first list only are united, then all that
 * differ in the second only, and so on and round again, until nothing moves. An index for each list
 * holds the rules that have been looked at and did not change since, so that a long cascade of
 * unions costs n log n and not n squared. */
static const enum match_list lists[] = { LIST_DPORT, LIST_SPORT, LIST_FAMILIES, LIST_IN,
					 LIST_OUT,   LIST_SRC,	 LIST_DST };
#define N_LISTS ARRAY_SIZE(lists)

struct candidate {
	struct rule *rule;
	unsigned indexed, queued; /* masks of lists */
	bool changed, gone;
};

struct merger {		      /* by the place of a list in lists */
	void *index[N_LISTS]; /* trees of candidates, no two of which can be united in that list */
	struct candidate **queue[N_LISTS]; /* those that are not in the index */
	size_t n[N_LISTS];
};

/* Equal: the rules differ in this list at most, and both or neither have something in it. */
static int compare_but(const struct candidate *a, const struct candidate *b, enum match_list list)
{
	bool has_a = match_list_size(&a->rule->match, list);
	bool has_b = match_list_size(&b->rule->match, list);

	return has_a != has_b ? has_a - has_b : rule_compare_but(a->rule, b->rule, list);
}

#define COMPARE_BUT(name, list)                       \
	static int name(const void *a, const void *b) \
	{                                             \
		return compare_but(a, b, list);       \
	}
COMPARE_BUT(but_dport, LIST_DPORT)
COMPARE_BUT(but_sport, LIST_SPORT)
COMPARE_BUT(but_families, LIST_FAMILIES)
COMPARE_BUT(but_in, LIST_IN)
COMPARE_BUT(but_out, LIST_OUT)
COMPARE_BUT(but_src, LIST_SRC)
COMPARE_BUT(but_dst, LIST_DST)

static const __compar_fn_t comparisons[N_LISTS] = { but_dport, but_sport, but_families, but_in,
						    but_out,   but_src,	  but_dst };

static void enqueue(struct merger *m, struct candidate *e, size_t list)
{
	if (!(e->queued & lists[list]))
		m->queue[list][m->n[list]++] = e;
	e->queued |= lists[list];
}

/* Its key in the other indices is about to change. */
static void forget(struct merger *m, struct candidate *e, size_t but)
{
	for (size_t i = 0; i < N_LISTS; i++) {
		if (i == but)
			continue;
		if (e->indexed & lists[i])
			tdelete(e, &m->index[i], comparisons[i]);
		e->indexed &= ~(unsigned)lists[i];
	}
}

static void absorb(struct merger *m, struct candidate *into, struct candidate *e, size_t list)
{
	forget(m, e, list);
	forget(m, into, list);
	match_join(&into->rule->match, &e->rule->match, lists[list]);
	e->gone = true;
	into->changed = true;
}

/* Unites what is in the queue of this list, with each other and with those of its index. */
static void unite(struct merger *m, size_t list)
{
	struct candidate **work = m->queue[list];
	size_t n = m->n[list], n_changed = 0;

	m->n[list] = 0;
	for (size_t i = 0; i < n; i++) {
		struct candidate *e = work[i], *into;
		struct candidate **node;

		e->queued &= ~(unsigned)lists[list];
		node = e->gone ? NULL : tsearch(e, &m->index[list], comparisons[list]);
		if (!node) /* or no memory: left alone; verification would notice */
			continue;
		into = *node;
		e->indexed |= into == e ? (unsigned)lists[list] : 0;
		if (into == e)
			continue;
		if (!into->changed)
			work[n_changed++] = into; /* in place: e has gone for it */
		absorb(m, into, e, list);
	}
	for (size_t i = 0; i < n_changed; i++) {
		match_normalise(&work[i]->rule->match);
		work[i]->changed = false;
		for (size_t k = 0; k < N_LISTS; k++)
			if (k != list && m->queue[k])
				enqueue(m, work[i], k);
	}
}

static void keep_node(void *node)
{
	(void)node;
}

/* Is there anything to unite in this list? The first one finds duplicates, too. */
static bool matters(const struct ruleset *rs, enum match_list list)
{
	size_t usual = list == LIST_FAMILIES ? 2 : 0;

	for (size_t i = 0; i < rs->n_rules; i++)
		if (match_list_size(&rs->rules[i].match, list) != usual)
			return true;
	return list == lists[0];
}

static void unite_all(struct merger *m)
{
	for (bool moved = true; moved;) {
		moved = false;
		for (size_t list = 0; list < N_LISTS; list++)
			if (m->n[list]) {
				unite(m, list);
				moved = true;
			}
	}
}

static void merge_rules(struct ruleset *rs)
{
	auto_free struct candidate *all = xcalloc(rs->n_rules, sizeof *all);
	struct merger m = { 0 };
	size_t kept = 0;

	for (size_t list = 0; list < N_LISTS; list++) {
		if (!matters(rs, lists[list]))
			continue;
		m.queue[list] = xcalloc(rs->n_rules, sizeof *m.queue[list]);
		for (size_t i = 0; i < rs->n_rules; i++) {
			all[i].rule = &rs->rules[i];
			enqueue(&m, &all[i], list);
		}
	}
	unite_all(&m);
	for (size_t list = 0; list < N_LISTS; list++) {
		tdestroy(m.index[list], keep_node);
		free(m.queue[list]);
	}
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
