/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Grouping of raw rules by shape. */
#include "kernel/nft_group.h"

#include <stdlib.h>

struct shape { /* a rule with one side's ports left out */
	const struct rule *rule;
	size_t index;
	bool by_sport;
};

static const struct ports *own_ports(const struct shape *s)
{
	return s->by_sport ? &s->rule->match.sport : &s->rule->match.dport;
}

static const struct ports *other_ports(const struct shape *s)
{
	return s->by_sport ? &s->rule->match.dport : &s->rule->match.sport;
}

static int compare_shapes(const struct shape *a, const struct shape *b)
{
	int c = (int)a->rule->hook - (int)b->rule->hook;

	if (!c)
		c = (int)a->by_sport - (int)b->by_sport;
	if (!c)
		c = match_compare_but_ports(&a->rule->match, &b->rule->match);
	return c ? c : ports_compare(other_ports(a), other_ports(b));
}

static int order_shapes(const void *va, const void *vb)
{
	const struct shape *a = va, *b = vb;
	int c = compare_shapes(a, b);

	return c ? c : (a->index > b->index) - (a->index < b->index);
}

static bool can_share(const struct rule *r)
{
	return r->verdict == VERDICT_NOTRACK && r->match.icmp == ICMP_ANY &&
	       (r->match.sport.n || r->match.dport.n);
}

static unsigned ports_covered(const struct ports *p)
{
	unsigned sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += p->v[i].hi - p->v[i].lo + 1u;
	return sum;
}

/* How many rules have the shape of v[i..n): those after it in the sorted array. */
static size_t run_length(const struct shape *v, size_t n)
{
	size_t k = 1;

	while (k < n && !compare_shapes(v, &v[k]))
		k++;
	return k;
}

/* A rule with ports on both sides varies on the side where more rules are like it; where neither
 * tells, on the side with fewer ports, since the other is a range of ephemeral ports. */
static void choose_sides(const struct ruleset *rs, bool *by_sport)
{
	auto_free struct shape *v = xcalloc(2 * rs->n_rules, sizeof *v);
	auto_free size_t *alike = xcalloc(2 * rs->n_rules, sizeof *alike);
	size_t n = 0;

	for (size_t i = 0; i < rs->n_rules; i++) {
		const struct match *m = &rs->rules[i].match;

		by_sport[i] = !m->dport.n;
		if (!can_share(&rs->rules[i]) || !m->sport.n || !m->dport.n)
			continue;
		v[n++] = (struct shape){ &rs->rules[i], i, false };
		v[n++] = (struct shape){ &rs->rules[i], i, true };
	}
	if (n)
		qsort(v, n, sizeof *v, order_shapes);
	for (size_t i = 0, run; i < n; i += run) {
		run = run_length(&v[i], n - i);
		for (size_t k = i; k < i + run; k++)
			alike[2 * v[k].index + v[k].by_sport] = run;
	}
	for (size_t i = 0; i < rs->n_rules; i++) {
		const struct match *m = &rs->rules[i].match;

		if (alike[2 * i] != alike[2 * i + 1])
			by_sport[i] = alike[2 * i + 1] > alike[2 * i];
		else if (alike[2 * i])
			by_sport[i] = ports_covered(&m->sport) < ports_covered(&m->dport);
	}
}

struct claim { /* a port range and the rule that has it */
	struct port_range range;
	size_t shape;
};

static int order_claims(const void *va, const void *vb)
{
	const struct claim *a = va, *b = vb;

	if (a->range.lo != b->range.lo)
		return a->range.lo < b->range.lo ? -1 : 1;
	return (a->shape > b->shape) - (a->shape < b->shape);
}

/* Of rules of one shape, moves those behind that overlap with an earlier one: a map has one counter
 * for a port. The number of those that stay in front, at least 1; order is kept. */
static size_t keep_disjoint(struct shape *v, size_t n)
{
	auto_free bool *out = xcalloc(n, sizeof *out);
	auto_free struct shape *behind = xcalloc(n, sizeof *behind);
	struct claim *claims = NULL;
	const struct claim *last = NULL;
	size_t n_claims = 0, kept = 0, n_behind = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < own_ports(&v[i])->n; k++)
			*ARRAY_ADD(claims, n_claims) = (struct claim){ own_ports(&v[i])->v[k], i };
	if (n_claims)
		qsort(claims, n_claims, sizeof *claims, order_claims);
	for (size_t i = 0; i < n_claims; i++) {
		if (out[claims[i].shape])
			continue;
		if (last && !out[last->shape] && claims[i].range.lo <= last->range.hi) {
			bool this_is_later = claims[i].shape > last->shape;

			out[this_is_later ? claims[i].shape : last->shape] = true;
			if (this_is_later)
				continue;
		}
		last = &claims[i];
	}
	free(claims);
	for (size_t i = 0; i < n; i++)
		if (out[i])
			behind[n_behind++] = v[i];
		else
			v[kept++] = v[i];
	for (size_t i = 0; i < n_behind; i++)
		v[kept + i] = behind[i];
	return kept;
}

struct nft_member *nft_group(const struct ruleset *rs)
{
	struct nft_member *members = xcalloc(rs->n_rules, sizeof *members);
	auto_free struct shape *v = xcalloc(rs->n_rules, sizeof *v);
	auto_free bool *by_sport = xcalloc(rs->n_rules, sizeof *by_sport);
	size_t n = 0;

	choose_sides(rs, by_sport);
	for (size_t i = 0; i < rs->n_rules; i++) {
		members[i] = (struct nft_member){ i, 0, by_sport[i] };
		if (can_share(&rs->rules[i]))
			v[n++] = (struct shape){ &rs->rules[i], i, by_sport[i] };
	}
	if (n)
		qsort(v, n, sizeof *v, order_shapes);
	for (size_t i = 0, run; i < n; i += run) {
		run = keep_disjoint(&v[i], run_length(&v[i], n - i));
		for (size_t k = i; k < i + run; k++) {
			members[v[k].index].first = v[i].index;
			members[v[k].index].next = k + 1 < i + run ? v[k + 1].index : 0;
		}
	}
	return members;
}
