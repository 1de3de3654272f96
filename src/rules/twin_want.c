/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The twins that the walks ask for, joined where one rule serves two families or two classes. */
#include "rules/twin_want.h"

#include <string.h>
#include "rules/iptables.h"
#include "rules/packet.h"

static struct want *add(struct twin_wants *w, const struct traffic *t, enum family f,
			enum hook hook, const struct fw_chain *chain, const struct fw_rule *place,
			const struct fw_rule *rule, unsigned element)
{
	struct want *x = ARRAY_ADD(w->v, w->n);

	x->chain = chain;
	x->place = place;
	x->rule = rule;
	x->element = element;
	x->names = xstrdup(t->names);
	x->at = t->at;
	match_copy(&x->match, &t->match);
	x->match.families = 1u << f;
	if (hook != HOOK_PREROUTING) /* the hook itself says where the packet goes */
		x->match.dst_kind = DST_ANY;
	return x;
}

void twin_want(struct twin_wants *w, const struct traffic *t, enum family f,
	       const struct fw_chain *base, const struct fw_chain *chain,
	       const struct fw_rule *place, const struct fw_rule *rule, unsigned element)
{
	add(w, t, f, base->hook, chain, place, rule, element);
}

void twin_want_verdict(struct twin_wants *w, const struct traffic *t, enum family f,
		       const struct fw_chain *base, const struct fw_chain *chain,
		       const struct fw_rule *rule, enum fw_verdict verdict)
{
	add(w, t, f, base->hook, chain, rule, NULL, 0)->verdict = verdict;
}

void twin_want_first(struct twin_wants *w, const struct traffic *t, enum family f,
		     const struct fw_chain *base)
{
	add(w, t, f, base->hook, base, NULL, NULL, 0)->verdict = FW_ACCEPT;
}

static bool same_place(const struct want *a, const struct want *b)
{
	return a->chain == b->chain && a->place == b->place && a->rule == b->rule &&
	       a->verdict == b->verdict;
}

static bool join_families(struct match *a, const struct match *b)
{
	struct match x = *b;

	x.families = a->families;
	if (match_compare(a, &x) || a->icmp != ICMP_ANY || /* ICMP and ICMPv6 are two protocols */
	    (a->src.n | a->not_src.n | a->dst.n | a->not_dst.n))
		return match_compare(a, b) == 0;
	a->families |= b->families;
	return true;
}

static bool join_classes(struct match *a, const struct match *b)
{
	struct match x = *b;

	x.tcp = a->tcp;
	if (a->tcp == b->tcp || a->tcp == TCP_ANY || b->tcp == TCP_ANY || match_compare(a, &x))
		return match_compare(a, b) == 0;
	a->tcp = TCP_ANY;
	return true;
}

/* Chains of one fw are one array, and so are the rules of a chain. */
static int order(const void *a, const void *b)
{
	const struct want *const *x = a, *const *y = b;

	if ((*x)->chain != (*y)->chain)
		return (*x)->chain < (*y)->chain ? -1 : 1;
	if ((*x)->place != (*y)->place)
		return (*x)->place < (*y)->place ? -1 : 1;
	if ((*x)->rule != (*y)->rule)
		return (*x)->rule < (*y)->rule ? -1 : 1;
	if ((*x)->verdict != (*y)->verdict)
		return (*x)->verdict < (*y)->verdict ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

static uint64_t first_handle(const struct fw_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (c->rules[i].twin < 0)
			return c->rules[i].handle;
	return 0;
}

static void add_twin(const struct want *x, struct ruleset *rs, const struct match *m,
		     const char *body)
{
	struct twin *t = ruleset_add_twin(rs);

	t->form = x->chain->form;
	t->family = x->chain->family;
	t->table = xstrdup(x->chain->table);
	t->chain = xstrdup(x->chain->name);
	t->anchor = x->place ? x->place->handle : first_handle(x->chain);
	t->names = xstrdup(x->names);
	t->body = xstrdup(body);
	match_copy(&t->match, m);
}

/* One rule of iptables holds less than one of nft: as many twins as it takes. */
static bool emit_iptables(const struct want *x, struct ruleset *rs)
{
	auto_free char *body = NULL;
	struct match m, *v;
	size_t n = 1;

	match_copy(&m, &x->match);
	body = x->rule ? iptables_twin_body(x->rule, &m)
		       : xstrdup(verdict_twin_body(x->chain->form, x->verdict));
	if (body) {
		v = iptables_match_split(&m, &n);
		for (size_t i = 0; i < n; i++) {
			add_twin(x, rs, &v[i], body);
			match_free(&v[i]);
		}
		free(v);
	}
	match_free(&m);
	return n != 0;
}

static bool emit(const struct want *x, struct ruleset *rs)
{
	auto_free char *body = NULL;

	if (x->chain->form != FORM_NFT)
		return emit_iptables(x, rs);
	body = x->rule ? rule_twin_body(x->rule, x->element, &x->match)
		       : xstrdup(verdict_twin_body(FORM_NFT, x->verdict));
	add_twin(x, rs, &x->match, body);
	return true;
}

/* The wants of one place, in their order: the classes of the shapes that meet there. */
static void join(struct want **v, size_t n, bool (*fn)(struct match *, const struct match *))
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; !v[i]->joined && k < n && same_place(v[i], v[k]); k++)
			if (!v[k]->joined && v[i]->element == v[k]->element &&
			    !strcmp(v[i]->names, v[k]->names) && fn(&v[i]->match, &v[k]->match))
				v[k]->joined = true;
}

const struct want *twin_wants_emit(struct twin_wants *w, struct ruleset *rs)
{
	const struct want *unsayable = NULL;
	struct want **sorted = xcalloc(w->n + 1, sizeof(*sorted));

	for (size_t i = 0; i < w->n; i++)
		sorted[i] = &w->v[i];
	qsort(sorted, w->n, sizeof(*sorted), order);
	join(sorted, w->n, join_families);
	join(sorted, w->n, join_classes);
	for (size_t i = 0; i < w->n; i++)
		if (!sorted[i]->joined && !emit(sorted[i], rs) && !unsayable)
			unsayable = sorted[i];
	free(sorted);
	return unsayable;
}

void twin_wants_free(struct twin_wants *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].names);
		match_free(&w->v[i].match);
	}
	free(w->v);
	*w = (struct twin_wants){ 0 };
}
