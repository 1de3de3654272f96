/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule asks of one number of a packet are spans, those of many rules an interval tree. Among
 * the rules that ask of the same numbers a packet goes by the one for which the fewest remain, and
 * these are asked in full: the index leaves out rules that cannot match, and keeps some that do
 * not. */
#include "rules/flow_index.h"

#include <stdlib.h>
#include <string.h>

enum { BY_SPORT, BY_DPORT, BY_SRC, BY_DST, BY_IFACE, N_WAYS };
#define N_RAW 2 /* hooks */

struct span { /* of numbers that rule takes */
	uint64_t lo, hi;
	uint64_t most; /* the greatest hi of this subtree */
	uint32_t rule;
};

struct tree {		/* one way to go by */
	struct span *v; /* by lo; the middle of a range is the root of its subtree */
	uint64_t *ends; /* the same spans' hi, sorted */
	size_t n;
};

struct group { /* the rules that ask of the same numbers: a packet may go by any of these */
	struct tree trees[N_WAYS];
	uint32_t *rules;
	size_t n;
};

struct flow_index {
	const struct ruleset *rs;
	struct group groups[N_RAW][1 << N_WAYS]; /* by the mask of the ways that are asked */
};

static size_t raw_place(enum hook h)
{
	return h == HOOK_OUTPUT;
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

/* Of IPv4 all of it, of IPv6 the first half; that both meet in small numbers does no harm. */
static uint64_t address_number(enum family f, const uint8_t *addr)
{
	uint64_t n = 0;

	for (size_t i = 0; i < (f == FAMILY_V4 ? 4 : 8); i++)
		n = n << 8 | addr[i];
	return n;
}

/* FNV-1a */
static uint64_t name_number(const char *name)
{
	uint64_t n = 0xcbf29ce484222325;

	for (; *name; name++)
		n = (n ^ (unsigned char)*name) * 0x100000001b3;
	return n;
}

/* false: rules that ask of it are not told apart by it. The ends of what an ICMP error quotes are
 * not those of the packet, and rules may mean either. */
static bool flow_number(const struct flow *f, size_t way, enum hook raw, uint64_t *n)
{
	switch (way) {
	case BY_SPORT:
		*n = f->sport;
		return true;
	case BY_DPORT:
		*n = f->dport;
		return true;
	case BY_SRC:
		*n = address_number(f->family, f->src);
		return !f->error;
	case BY_DST:
		*n = address_number(f->family, f->dst);
		return !f->error;
	}
	*n = name_number(raw == HOOK_OUTPUT ? f->out : f->in);
	return true;
}

/* ---- made --------------------------------------------------------------------------------------
 */

static void add_span(struct tree *t, size_t rule, uint64_t lo, uint64_t hi)
{
	*ARRAY_ADD(t->v, t->n) = (struct span){ lo, hi, hi, (uint32_t)rule };
}

static void add_ports(struct tree *t, size_t rule, const struct ports *p)
{
	for (size_t i = 0; i < p->n; i++)
		add_span(t, rule, p->v[i].lo, p->v[i].hi);
}

static void add_addrs(struct tree *t, size_t rule, const struct addrs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct prefix *p = &l->v[i];
		unsigned bits = p->family == FAMILY_V4 ? 32 : 64;
		uint64_t lo = address_number(p->family, p->addr), rest = 0;

		if (p->len < bits)
			rest = UINT64_MAX >> (64 - bits + p->len);
		add_span(t, rule, lo, lo | rest);
	}
}

/* Patterns are no numbers. */
static bool are_numbers(const struct ifaces *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (strchr(l->v[i], '*'))
			return false;
	return l->n;
}

static void add_rule(struct flow_index *ix, size_t rule)
{
	const struct rule *r = &ix->rs->rules[rule];
	const struct match *m = &r->match;
	const struct ifaces *names = r->hook == HOOK_OUTPUT ? &m->out : &m->in;
	unsigned mask = (m->sport.n != 0) << BY_SPORT | (m->dport.n != 0) << BY_DPORT |
			(m->src.n != 0) << BY_SRC | (m->dst.n != 0) << BY_DST |
			are_numbers(names) << BY_IFACE;
	struct group *g = &ix->groups[raw_place(r->hook)][mask];

	*ARRAY_ADD(g->rules, g->n) = (uint32_t)rule;
	add_ports(&g->trees[BY_SPORT], rule, &m->sport);
	add_ports(&g->trees[BY_DPORT], rule, &m->dport);
	add_addrs(&g->trees[BY_SRC], rule, &m->src);
	add_addrs(&g->trees[BY_DST], rule, &m->dst);
	for (size_t i = 0; mask & 1u << BY_IFACE && i < names->n; i++)
		add_span(&g->trees[BY_IFACE], rule, name_number(names->v[i]),
			 name_number(names->v[i]));
}

static int compare_spans(const void *va, const void *vb)
{
	const struct span *a = va, *b = vb;

	return (a->lo > b->lo) - (a->lo < b->lo);
}

static int compare_numbers(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

/* The greatest end of the subtree of [from, to). */
static uint64_t note_most(struct span *v, size_t from, size_t to)
{
	size_t root = from + (to - from) / 2;
	uint64_t sub;

	if (from == to)
		return 0;
	sub = note_most(v, from, root);
	if (sub > v[root].most)
		v[root].most = sub;
	sub = note_most(v, root + 1, to);
	if (sub > v[root].most)
		v[root].most = sub;
	return v[root].most;
}

static void finish_tree(struct tree *t)
{
	if (!t->n)
		return;
	qsort(t->v, t->n, sizeof(*t->v), compare_spans);
	note_most(t->v, 0, t->n);
	t->ends = xcalloc(t->n, sizeof(*t->ends));
	for (size_t i = 0; i < t->n; i++)
		t->ends[i] = t->v[i].hi;
	qsort(t->ends, t->n, sizeof(*t->ends), compare_numbers);
}

struct flow_index *flow_index_make(const struct ruleset *rs)
{
	struct flow_index *ix = xcalloc(1, sizeof(*ix));

	ix->rs = rs;
	for (size_t i = 0; i < rs->n_rules; i++)
		add_rule(ix, i);
	for (size_t h = 0; h < N_RAW; h++)
		for (size_t mask = 0; mask < 1 << N_WAYS; mask++)
			for (size_t way = 0; way < N_WAYS; way++)
				finish_tree(&ix->groups[h][mask].trees[way]);
	return ix;
}

static void group_free(struct group *g)
{
	for (size_t way = 0; way < N_WAYS; way++) {
		free(g->trees[way].v);
		free(g->trees[way].ends);
	}
	free(g->rules);
}

void flow_index_free(struct flow_index *ix)
{
	for (size_t h = 0; ix && h < N_RAW; h++)
		for (size_t mask = 0; mask < 1 << N_WAYS; mask++)
			group_free(&ix->groups[h][mask]);
	free(ix);
}

/* ---- asked -------------------------------------------------------------------------------------
 */

struct search {
	const struct flow_index *ix;
	const struct flow *flow;
	enum hook raw;
	const struct addrs *local;
	uint64_t number;
	const struct rule *found;
};

/* As in flow_rule: the first RETURN, else the first NOTRACK. */
static void try_rule(struct search *s, uint32_t rule)
{
	const struct rule *r = &s->ix->rs->rules[rule], *f = s->found;
	bool better = !f || (r->verdict == f->verdict ? r < f : r->verdict == VERDICT_RETURN);

	if (better && flow_matches(s->flow, &r->match, s->raw, s->local))
		s->found = r;
}

static void stab(struct search *s, const struct span *v, size_t from, size_t to)
{
	while (from < to) {
		size_t root = from + (to - from) / 2;

		if (v[root].most < s->number)
			return;
		stab(s, v, from, root);
		if (v[root].lo > s->number)
			return;
		if (v[root].hi >= s->number)
			try_rule(s, v[root].rule);
		from = root + 1;
	}
}

/* How many spans begin at or before n, and how many end before it. */
static size_t count_spans(const struct tree *t, uint64_t n)
{
	size_t begun = 0, ended = 0;

	for (size_t lo = 0, hi = t->n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->v[mid].lo <= n)
			lo = begun = mid + 1;
		else
			hi = mid;
	}
	for (size_t lo = 0, hi = t->n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->ends[mid] < n)
			lo = ended = mid + 1;
		else
			hi = mid;
	}
	return begun - ended;
}

/* By the number that the fewest rules of the group take. */
static void ask_group(struct search *s, const struct group *g, unsigned mask)
{
	const struct tree *best = NULL;
	size_t fewest = SIZE_MAX;

	for (size_t way = 0; way < N_WAYS; way++) {
		uint64_t number;
		size_t n;

		if (!(mask & 1u << way) || !flow_number(s->flow, way, s->raw, &number))
			continue;
		n = count_spans(&g->trees[way], number);
		if (n >= fewest)
			continue;
		fewest = n;
		best = &g->trees[way];
		s->number = number;
	}
	if (best)
		stab(s, best->v, 0, best->n);
	for (size_t i = 0; !best && i < g->n; i++)
		try_rule(s, g->rules[i]);
}

const struct rule *flow_index_rule(const struct flow_index *ix, const struct flow *f, enum hook raw,
				   const struct addrs *local)
{
	const struct group *groups = ix->groups[raw_place(raw)];
	struct search s = { .ix = ix, .flow = f, .raw = raw, .local = local };

	for (unsigned mask = 0; mask < 1 << N_WAYS; mask++)
		if (groups[mask].n)
			ask_group(&s, &groups[mask], mask);
	return s.found;
}
