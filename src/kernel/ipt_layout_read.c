/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains of the iptables-legacy table raw back to rules, and what is not laid out as
 * ipt_layout.c does it. */
#include <string.h>

#include "kernel/ipt_names.h"
#include "kernel/ipt_own.h"
#include "kernel/ipt_rule.h"

struct reader {
	const struct ipt_layout *l;
	const struct ipt_names *names;
	struct ruleset *out;
	bool *seen; /* chains: a jump back, or a second one, leads nowhere */
	enum hook hook;
};

static void add_exclusions(struct match *to, const struct match *from)
{
	for (size_t i = 0; i < from->not_in.n; i++)
		ifaces_add(&to->not_in, from->not_in.v[i]);
	for (size_t i = 0; i < from->not_out.n; i++)
		ifaces_add(&to->not_out, from->not_out.v[i]);
	for (size_t i = 0; i < from->not_src.n; i++)
		addrs_add(&to->not_src, &from->not_src.v[i]);
	for (size_t i = 0; i < from->not_dst.n; i++)
		addrs_add(&to->not_dst, &from->not_dst.v[i]);
}

/* What a RETURN without a name asks for is excluded from the rules behind it. */
static void exclude(struct match *excluded, const struct match *m)
{
	const struct match more = {
		.not_in = m->in, .not_out = m->out, .not_src = m->src, .not_dst = m->dst
	};

	add_exclusions(excluded, &more);
}

static void add_rule(struct reader *x, const struct ipt_rule *r, const struct match *excluded)
{
	struct rule *to = ruleset_add_rule(x->out);

	to->form = FORM_LEGACY;
	to->hook = x->hook;
	to->verdict = r->does == IPT_RETURN ? VERDICT_RETURN : VERDICT_NOTRACK;
	to->name = xstrdup(r->name);
	match_copy(&to->match, &r->match);
	add_exclusions(&to->match, excluded);
	match_normalise(&to->match);
	*ARRAY_ADD(x->out->counters, x->out->n_counters) =
		(struct counter){ xstrdup(r->name), x->hook, r->count.packets, r->count.bytes };
}

/* Depth is bounded: each chain is read once. outer: NULL in the chains of the hooks. */
static void read_chain(struct reader *x, size_t chain, const struct match *outer)
{
	const struct ipt_rules *c;
	struct match excluded = { 0 };
	bool head = outer != NULL; /* of a chain that may exclude something */

	if (chain == IPT_NO_NAME || x->seen[chain])
		return;
	x->seen[chain] = true;
	c = &x->l->chains[chain];
	if (outer)
		add_exclusions(&excluded, outer);
	for (size_t i = 0; i < c->n; i++) {
		const struct ipt_rule *r = &c->v[i];

		head = head && r->does == IPT_RETURN && !r->name;
		switch (r->does) {
		case IPT_NOTRACK:
			add_rule(x, r, &excluded);
			break;
		case IPT_RETURN:
			if (r->name)
				add_rule(x, r, &excluded);
			else if (head)
				exclude(&excluded, &r->match);
			break;
		case IPT_JUMP:
			read_chain(x, ipt_names_find(x->names, r->name), &excluded);
			break;
		}
	}
	match_free(&excluded);
}

static void read_rules(const struct ipt_layout *l, const struct ipt_names *names,
		       struct ruleset *out)
{
	static const struct {
		const char *chain;
		enum hook hook;
	} hooks[] = { { IPT_OWN_PRE, HOOK_PREROUTING }, { IPT_OWN_OUT, HOOK_OUTPUT } };
	auto_free bool *seen = xcalloc(l->n, sizeof(*seen));
	struct reader x = { l, names, out, seen, HOOK_PREROUTING };

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		x.hook = hooks[i].hook;
		read_chain(&x, ipt_names_find(names, hooks[i].chain), NULL);
	}
}

/* ---- what is foreign ---------------------------------------------------------------------------
 */

struct differences {
	const struct ipt_layout *got, *want;
	const struct ipt_names *got_names, *want_names;
	struct ruleset *out;
};

/* place: of a rule, from 1; 0: the chain as a whole. */
static void tell(const struct differences *x, const char *chain, size_t place, const char *what,
		 const struct ipt_rule *r)
{
	struct text t = { 0 };

	if (place)
		text_add(&t, "rule %zu of ", place);
	text_add(&t, "chain %s of the iptables-legacy table %s %s, %s", chain,
		 x->got->family == FAMILY_V4 ? "ip" : "ip6", IPT_OWN_TABLE, what);
	if (r) {
		text_add(&t, ": ");
		ipt_rule_text(r, &t);
	}
	*ARRAY_ADD(x->out->foreign, x->out->n_foreign) = t.s;
}

/* The place of r in c, from a place on; c->n: it is not there. */
static size_t find_rule(const struct ipt_rules *c, size_t from, const struct ipt_rule *r)
{
	while (from < c->n && ipt_rule_compare(&c->v[from], r) != 0)
		from++;
	return from;
}

/* Rules that the chain of got has more, has less, or has in another order. */
static void compare_chains(const struct differences *x, const struct ipt_rules *got,
			   const struct ipt_rules *want)
{
	size_t at = 0;

	for (size_t i = 0; i < got->n; i++) {
		size_t k = find_rule(want, at, &got->v[i]);

		if (k < want->n) {
			for (; at < k; at++)
				tell(x, got->name, 0, "which lacks a rule", &want->v[at]);
			at = k + 1;
		} else {
			tell(x, got->name, i + 1, "which is not ours or not in its place",
			     &got->v[i]);
		}
	}
	for (; at < want->n; at++)
		tell(x, got->name, 0, "which lacks a rule", &want->v[at]);
}

static void compare_layouts(const struct differences *x)
{
	for (size_t i = 0; i < x->got->n; i++) {
		size_t k = ipt_names_find(x->want_names, x->got->chains[i].name);

		if (k == IPT_NO_NAME)
			tell(x, x->got->chains[i].name, 0, "which nothing needs", NULL);
		else
			compare_chains(x, &x->got->chains[i], &x->want->chains[k]);
	}
	for (size_t k = 0; k < x->want->n; k++)
		if (ipt_names_find(x->got_names, x->want->chains[k].name) == IPT_NO_NAME)
			tell(x, x->want->chains[k].name, 0, "which is missing", NULL);
}

static bool is_empty(const struct ipt_layout *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->chains[i].n)
			return false;
	return true;
}

static int compare_counters(const void *va, const void *vb)
{
	const struct counter *a = va, *b = vb;

	return a->hook != b->hook ? (a->hook < b->hook ? -1 : 1) : strcmp(a->name, b->name);
}

/* One for each exemption and direction. */
static void sum_counters(struct ruleset *rs)
{
	size_t last = 0;

	if (!rs->n_counters)
		return;
	qsort(rs->counters, rs->n_counters, sizeof(*rs->counters), compare_counters);
	for (size_t i = 1; i < rs->n_counters; i++) {
		struct counter *to = &rs->counters[last], *c = &rs->counters[i];

		if (compare_counters(to, c) != 0) {
			rs->counters[++last] = *c;
			continue;
		}
		to->packets += c->packets;
		to->bytes += c->bytes;
		free(c->name);
	}
	rs->n_counters = last + 1;
}

void ipt_layout_read(const struct ipt_layout *l, struct ruleset *ours)
{
	struct ipt_names names, again_names;
	struct ruleset rules = { 0 };
	struct ipt_layout again;
	struct diag d = { 0 };

	if (!l->n)
		return;
	if (is_empty(l)) {
		ours->husk = true;
		return;
	}
	ipt_own_names(l, &names);
	read_rules(l, &names, &rules);
	ruleset_normalise(&rules); /* many become one, and what follows is faster */
	ipt_layout_make(&again, &rules, l->family, &d);
	ipt_own_names(&again, &again_names);
	compare_layouts(&(struct differences){ l, &again, &names, &again_names, ours });
	ipt_names_free(&names);
	ipt_names_free(&again_names);
	ipt_layout_free(&again);
	diag_free(&d);
	for (size_t i = 0; i < rules.n_rules; i++)
		*ruleset_add_rule(ours) = rules.rules[i];
	for (size_t i = 0; i < rules.n_counters; i++)
		*ARRAY_ADD(ours->counters, ours->n_counters) = rules.counters[i];
	sum_counters(ours);
	free(rules.rules);
	free(rules.counters);
}
