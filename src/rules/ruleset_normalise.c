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
static bool matters(const struct rule *v, size_t n, enum match_list list)
{
	size_t usual = list == LIST_FAMILIES ? 2 : 0;

	for (size_t i = 0; i < n; i++)
		if (match_list_size(&v[i].match, list) != usual)
			return true;
	return list == lists[0];
}

#define FEW 8

/* Rules of few are told to differ in more than lists without an index: those of most services. */
static bool may_unite(const struct rule *v, size_t n)
{
	unsigned all = 0;

	for (size_t list = 0; list < N_LISTS; list++)
		all |= lists[list];
	for (size_t i = 0; i < n && n <= FEW; i++)
		for (size_t k = i + 1; k < n; k++)
			if (!match_compare_but(&v[i].match, &v[k].match, all))
				return true;
	return n > FEW;
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

static int compare_rules(const void *a, const void *b)
{
	return rule_compare(a, b);
}

/* The rules of one group; returns how many are left, at the beginning and in order. */
static size_t merge_group(struct rule *v, size_t n)
{
	auto_free struct candidate *all = NULL;
	struct merger m = { 0 };
	size_t kept = 0;

	if (!may_unite(v, n)) {
		if (n > 1)
			qsort(v, n, sizeof *v, compare_rules);
		return n;
	}
	all = xcalloc(n, sizeof *all);
	for (size_t list = 0; list < N_LISTS; list++) {
		if (!matters(v, n, lists[list]))
			continue;
		m.queue[list] = xcalloc(n, sizeof *m.queue[list]);
		for (size_t i = 0; i < n; i++) {
			all[i].rule = &v[i];
			enqueue(&m, &all[i], list);
		}
	}
	unite_all(&m);
	for (size_t list = 0; list < N_LISTS; list++) {
		tdestroy(m.index[list], keep_node);
		free(m.queue[list]);
	}
	for (size_t i = 0; i < n; i++) {
		if (all[i].gone)
			rule_free(&v[i]);
		else
			v[kept++] = v[i];
	}
	qsort(v, kept, sizeof *v, compare_rules);
	return kept;
}

/* Rules of different forms, verdicts, hooks or names are never united, and this is how rules are
 * ordered first of all. */
static int compare_groups(const void *va, const void *vb)
{
	const struct rule *a = va, *b = vb;
	int c = (int)a->form - (int)b->form;

	if (!c)
		c = (int)b->verdict - (int)a->verdict;
	if (!c)
		c = (int)a->hook - (int)b->hook;
	return c ? c : strcmp(a->name ? a->name : "", b->name ? b->name : "");
}

static void sort_groups(struct ruleset *rs)
{
	size_t i = 1;

	while (i < rs->n_rules && compare_groups(&rs->rules[i - 1], &rs->rules[i]) <= 0)
		i++;
	if (i < rs->n_rules)
		qsort(rs->rules, rs->n_rules, sizeof *rs->rules, compare_groups);
}

static void merge_rules(struct ruleset *rs)
{
	size_t kept = 0, end;

	sort_groups(rs);
	for (size_t i = 0; i < rs->n_rules; i = end) {
		struct rule *v = &rs->rules[i];
		size_t left;

		end = i + 1;
		while (end < rs->n_rules && !compare_groups(v, &rs->rules[end]))
			end++;
		left = merge_group(v, end - i);
		if (kept != i)
			memmove(&rs->rules[kept], v, left * sizeof *v);
		kept += left;
	}
	rs->n_rules = kept;
}

/* ---- rules that overlap ------------------------------------------------------------------------
 */

/* All but the addresses of the packet. */
static int compare_but_addrs(const void *va, const void *vb)
{
	struct rule a = **(struct rule *const *)va, b = **(struct rule *const *)vb;

	a.match.dst = b.match.dst = (struct addrs){ 0 };
	return rule_compare_but(&a, &b, LIST_SRC);
}

static bool share_prefix(const struct addrs *a, const struct addrs *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (!memcmp(&a->v[i], &b->v[k], sizeof(a->v[i])))
				return true;
	return false;
}

/* One rule for each pair of addresses is added; the rule itself becomes the first of them. */
static void split(struct ruleset *rs, size_t at)
{
	struct addrs src = rs->rules[at].match.src, dst = rs->rules[at].match.dst;

	rs->rules[at].match.src = rs->rules[at].match.dst = (struct addrs){ 0 };
	for (size_t i = src.n * dst.n; i-- > 0;) {
		size_t to = i ? rs->n_rules : at;

		if (i) {
			struct rule *r = ruleset_add_rule(rs), *from = &rs->rules[at];

			*r = *from;
			r->name = xstrdup(from->name);
			match_copy(&r->match, &from->match);
		}
		addrs_add(&rs->rules[to].match.src, &src.v[i / dst.n]);
		addrs_add(&rs->rules[to].match.dst, &dst.v[i % dst.n]);
	}
	free(src.v);
	free(dst.v);
}

/* More pairs than iptables is given (IPT_RULES_MAX) are left as they are, and refused later. */
#define PAIRS_MAX 100000

static bool is_list(const struct rule *r)
{
	size_t src = r->match.src.n, dst = r->match.dst.n;

	return src && dst && src * dst > 1 && src * dst <= PAIRS_MAX;
}

/* Iptables holds a rule for each pair of addresses, and whence they come cannot be told: rules with
 * a destination in common (the two directions of a router's service whose ends overlap) are taken
 * apart, so that what is put together again depends on the pairs alone. */
static void split_overlapping(struct ruleset *rs)
{
	size_t n = rs->n_rules, first = 0;
	auto_free struct rule **order = NULL;
	auto_free bool *apart = NULL;

	while (first < n && !(rs->rules[first].form == FORM_LEGACY && is_list(&rs->rules[first])))
		first++;
	if (first == n)
		return;
	order = xcalloc(n, sizeof *order);
	apart = xcalloc(n, sizeof *apart);
	for (size_t i = 0; i < n; i++)
		order[i] = &rs->rules[i];
	qsort(order, n, sizeof *order, compare_but_addrs);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && order[i]->form == FORM_LEGACY &&
				       (is_list(order[i]) || is_list(order[k])) &&
				       !compare_but_addrs(&order[i], &order[k]);
		     k++)
			if (share_prefix(&order[i]->match.dst, &order[k]->match.dst))
				apart[order[i] - rs->rules] = apart[order[k] - rs->rules] = true;
	for (size_t i = 0; i < n; i++)
		if (apart[i] && is_list(&rs->rules[i]))
			split(rs, i);
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
		split_overlapping(rs);
		merge_rules(rs);
	}
	sort_twins(rs);
	if (rs->n_counters)
		qsort(rs->counters, rs->n_counters, sizeof *rs->counters, compare_counters);
}
