/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fewest edits that make the chains of ours those of a layout. */
#include "kernel/ipt_raw_plan.h"

#include <search.h>
#include <string.h>

#include "kernel/ipt_own.h"
#include "kernel/ipt_rule.h"
#include "kernel/ipt_sequence.h"

struct tally { /* of one exemption and direction */
	const char *name;
	enum hook hook;
	bool was_there;
	uint64_t packets, bytes;      /* of its rules that go */
	const struct ipt_rule *first; /* new rule; NULL: none */
};

struct side { /* a chain as it is or as it should be */
	const struct ipt_rule **rules;
	size_t n;
	enum hook hook;
};

struct pair { /* a wanted chain */
	const struct ipt_rules *want;
	struct side got;
	size_t *partner; /* of each wanted rule */
	enum hook hook;
	bool exists;
};

struct maker {
	const struct ipt_table *t;
	const struct ipt_layout *want;
	struct pair *pairs;   /* of each chain of want */
	struct ipt_layout is; /* what is there */
	enum hook *hooks;     /* of each chain of it */
	struct ipt_names is_names, want_names;
	void *tallies;	    /* a tree */
	struct tally **all; /* what the tree holds */
	size_t n_tallies;
	struct ipt_raw_plan *plan;
};

/* ---- what stays --------------------------------------------------------------------------------
 */

static bool is_wanted(const struct maker *m, const char *chain)
{
	return ipt_names_find(&m->want_names, chain) != IPT_NO_NAME;
}

static void read_side(const struct maker *m, const struct ipt_chain *c, struct side *s)
{
	s->rules = xcalloc(c->n, sizeof(*s->rules));
	s->n = c->n;
	s->hook = m->hooks[ipt_names_find(&m->is_names, c->name)];
	for (size_t i = 0; i < c->n; i++)
		s->rules[i] = c->items[i].own;
}

static void pair_chains(struct maker *m)
{
	auto_free enum hook *hooks = xcalloc(m->want->n, sizeof(*hooks));

	ipt_own_hooks(m->want, hooks);
	m->pairs = xcalloc(m->want->n, sizeof(*m->pairs));
	for (size_t i = 0; i < m->want->n; i++) {
		const struct ipt_rules *want = &m->want->chains[i];
		const struct ipt_chain *c = ipt_table_chain(m->t, want->name);
		struct pair *p = &m->pairs[i];

		*p = (struct pair){ .want = want, .hook = hooks[i], .exists = c };
		if (c)
			read_side(m, c, &p->got);
		p->partner = xcalloc(want->n, sizeof(*p->partner));
		ipt_sequence_pair(want->v, want->n, p->got.rules, p->got.n, p->partner);
	}
}

/* ---- counters ----------------------------------------------------------------------------------
 */

static int compare_tallies(const void *va, const void *vb)
{
	const struct tally *a = va, *b = vb;
	int c = strcmp(a->name, b->name);

	return c ? c : (a->hook > b->hook) - (a->hook < b->hook);
}

/* NULL: the rule counts for nobody. */
static struct tally *tally_of(struct maker *m, const struct ipt_rule *r, enum hook hook)
{
	struct tally key = { .name = r->name, .hook = hook }, *t, **node;

	if (!r->name || r->does == IPT_JUMP)
		return NULL;
	node = tfind(&key, &m->tallies, compare_tallies);
	if (node)
		return *node;
	t = xmemdup(&key, sizeof(key));
	tsearch(t, &m->tallies, compare_tallies);
	*ARRAY_ADD(m->all, m->n_tallies) = t;
	return t;
}

static void tally_rule(struct maker *m, const struct ipt_rule *r, enum hook hook, bool goes)
{
	struct tally *t = tally_of(m, r, hook);

	if (!t)
		return;
	t->was_there = true;
	t->packets += goes ? r->count.packets : 0;
	t->bytes += goes ? r->count.bytes : 0;
}

static void tally_pair(struct maker *m, const struct pair *p)
{
	auto_free bool *stays = xcalloc(p->got.n, sizeof(*stays));

	for (size_t i = 0; i < p->want->n; i++) {
		struct tally *t;

		if (p->partner[i] != IPT_NO_PARTNER) {
			stays[p->partner[i]] = true;
			continue;
		}
		t = tally_of(m, &p->want->v[i], p->hook);
		if (t && !t->first)
			t->first = &p->want->v[i];
	}
	for (size_t i = 0; i < p->got.n; i++)
		if (p->got.rules[i])
			tally_rule(m, p->got.rules[i], p->got.hook, !stays[i]);
}

/* A count without a new rule to go to: one that could stay is written anew with it. */
static void bequeath(struct maker *m, struct pair *p)
{
	for (size_t i = 0; i < p->want->n; i++) {
		const struct ipt_rule *r = &p->want->v[i], *is;
		struct tally *t = tally_of(m, r, p->hook);

		if (!t || t->first || !(t->packets || t->bytes))
			continue;
		is = p->got.rules[p->partner[i]];
		t->packets += is->count.packets;
		t->bytes += is->count.bytes;
		t->first = r;
		p->partner[i] = IPT_NO_PARTNER;
	}
}

static void tally_all(struct maker *m)
{
	for (size_t i = 0; i < m->want->n; i++)
		tally_pair(m, &m->pairs[i]);
	for (size_t i = 0; i < m->is.n; i++) {
		const struct ipt_rules *c = &m->is.chains[i];

		if (is_wanted(m, c->name))
			continue;
		for (size_t k = 0; k < c->n; k++)
			tally_rule(m, &c->v[k], m->hooks[i], true);
	}
	for (size_t i = 0; i < m->want->n; i++)
		bequeath(m, &m->pairs[i]);
}

static struct counter count_of(struct maker *m, const struct ipt_rule *r, enum hook hook)
{
	const struct tally *t = tally_of(m, r, hook);
	struct counter c = { 0 };

	if (!t)
		return c;
	if (!t->was_there) {
		c.packets = r->count.packets;
		c.bytes = r->count.bytes;
	} else if (t->first == r) {
		c.packets = t->packets;
		c.bytes = t->bytes;
	}
	return c;
}

/* ---- edits -------------------------------------------------------------------------------------
 */

static struct ipt_raw_edit *add_edit(struct maker *m, enum ipt_raw_op op, const char *chain,
				     size_t place)
{
	struct ipt_raw_edit *e = ARRAY_ADD(m->plan->v, m->plan->n);

	e->op = op;
	e->chain = chain;
	e->place = place;
	return e;
}

static void edit_chain(struct maker *m, const struct pair *p)
{
	const char *name = p->want->name;
	size_t at = 0, k = 0;

	for (size_t i = 0; i < p->want->n; i++, at++) {
		const struct ipt_rule *r = &p->want->v[i];

		if (p->partner[i] == IPT_NO_PARTNER) {
			struct ipt_raw_edit *e = add_edit(m, IPT_RAW_INSERT, name, at);

			e->rule = r;
			e->count = count_of(m, r, p->hook);
			continue;
		}
		for (; k < p->partner[i]; k++)
			add_edit(m, IPT_RAW_DELETE, name, at);
		k++;
	}
	for (; k < p->got.n; k++)
		add_edit(m, IPT_RAW_DELETE, name, at);
}

static const struct ipt_own_base *base_of(const struct ipt_chain *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(ipt_own_bases); i++)
		if (*c->policy && strcmp(c->name, ipt_own_bases[i].chain) == 0)
			return &ipt_own_bases[i];
	return NULL;
}

/* The one jump at the head of the base chain stays, all others go, from wherever they are. */
static void edit_jumps(struct maker *m, const struct ipt_chain *c)
{
	const struct ipt_own_base *base = m->want->n ? base_of(c) : NULL;
	bool first = base && c->n && ipt_own_is_jump(&c->items[0], base, m->want->family);

	for (size_t i = c->n; i-- > (first ? 1 : 0);)
		if (c->items[i].ours)
			add_edit(m, IPT_RAW_DELETE, c->name, i);
	if (base && !first)
		add_edit(m, IPT_RAW_INSERT, c->name, 0);
}

static void make_edits(struct maker *m)
{
	for (size_t i = 0; i < m->want->n; i++)
		if (!m->pairs[i].exists)
			add_edit(m, IPT_RAW_CREATE, m->pairs[i].want->name, 0);
	for (size_t i = 0; i < m->want->n; i++)
		edit_chain(m, &m->pairs[i]);
	for (size_t i = 0; i < m->t->n; i++)
		if (!m->t->chains[i].own)
			edit_jumps(m, &m->t->chains[i]);
	for (int dropping = 0; dropping < 2; dropping++)
		for (size_t i = 0; i < m->t->n; i++) {
			const struct ipt_chain *c = &m->t->chains[i];

			if (c->own && !is_wanted(m, c->name) && (dropping || c->n))
				add_edit(m, dropping ? IPT_RAW_DROP : IPT_RAW_FLUSH, c->name, 0);
		}
}

static const struct ipt_own_base *jump_of(const struct ipt_raw_edit *e)
{
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(ipt_own_bases) && strcmp(e->chain, ipt_own_bases[i].chain) != 0)
		i++;
	return &ipt_own_bases[i];
}

void ipt_raw_edit_text(const struct ipt_table *t, const struct ipt_raw_edit *e, struct text *out)
{
	static const char *const does[] = {
		[IPT_NOTRACK] = "notrack", [IPT_RETURN] = "return", [IPT_JUMP] = "jump"
	};

	text_add(out, "chain %s of the iptables-legacy table %s %s", e->chain, t->family->name,
		 t->name);
	if (e->op != IPT_RAW_INSERT)
		return;
	if (!e->rule) {
		text_add(out, ": jump %s", jump_of(e)->own);
		return;
	}
	text_add(out, ": %s %s%s", does[e->rule->does], e->rule->name ? e->rule->name : "",
		 e->rule->name ? " " : "");
	match_text(&e->rule->match, out);
}

static int write_entry(const struct maker *m, struct ipt_raw_edit *e, struct diag *d)
{
	struct ipt_rule r = { 0 };
	const char *why = NULL;
	struct text t = { 0 };

	if (e->rule)
		r = *e->rule;
	else
		ipt_own_jump(jump_of(e), m->want->family, &r);
	r.count = e->count;
	/* libiptc makes a jump of a target that has the name of a chain. */
	if (ipt_rule_write(&r, &e->written, &why) && e->written.kind == IPT_EXTENSION &&
	    ipt_table_chain(m->t, e->written.target))
		why = "a chain has the name of its target";
	if (!e->rule)
		ipt_rule_free(&r);
	if (!why)
		return 0;
	ipt_raw_edit_text(m->t, e, &t);
	diag_error(d, e->rule ? &e->rule->at : NULL, "iptables-legacy", 0,
		   "cannot add a rule: %s: %s", why, t.s);
	if (e->written.entry)
		diag_cure(d, "give the chain %s another name: iptables -E", e->written.target);
	free(t.s);
	return -1;
}

static void free_maker(struct maker *m)
{
	for (size_t i = 0; i < m->n_tallies; i++) {
		tdelete(m->all[i], &m->tallies, compare_tallies);
		free(m->all[i]);
	}
	free(m->all);
	for (size_t i = 0; i < m->want->n; i++) {
		free(m->pairs[i].got.rules);
		free(m->pairs[i].partner);
	}
	free(m->pairs);
	free(m->hooks);
	ipt_own_layout_free(&m->is);
	ipt_names_free(&m->is_names);
	ipt_names_free(&m->want_names);
}

int ipt_raw_plan_make(struct ipt_raw_plan *p, const struct ipt_table *t,
		      const struct ipt_layout *want, struct diag *d)
{
	struct maker m = { .t = t, .want = want, .plan = p };
	int rc = 0;

	ipt_own_layout(t, &m.is);
	m.hooks = xcalloc(m.is.n, sizeof(*m.hooks));
	ipt_own_hooks(&m.is, m.hooks);
	ipt_own_names(&m.is, &m.is_names);
	ipt_own_names(want, &m.want_names);
	pair_chains(&m);
	tally_all(&m);
	make_edits(&m);
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].op == IPT_RAW_INSERT && write_entry(&m, &p->v[i], d))
			rc = -1;
	free_maker(&m);
	return rc;
}

void ipt_raw_plan_free(struct ipt_raw_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].written.entry);
	free(p->v);
	*p = (struct ipt_raw_plan){ 0 };
}
