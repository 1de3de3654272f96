/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules to the chains of the iptables-legacy table raw. */
#include "kernel/ipt_layout.h"

#include <search.h>
#include <string.h>

#include "kernel/ipt_leaf.h"

#define IN_PLACE 4 /* rules of a protocol; more of them are behind a jump */

/* How the rules of a protocol hang below jumps by ranges of ports. A packet looks at every jump of
 * the chains on its way, and at every rule of the last: CT does not end a chain. Measured with UDP
 * over veth as in tests/bench, ns a packet, median of 15 runs (other work ran: compare rows, not
 * figures; one port alone took 11,000, no rule at all 10,800):
 *
 *    jumps, rules    1,000 services    1,000 ports of one (67 rules)
 *     4, 8               13,700            13,200
 *     4, 4               14,100            14,400
 *     8, 8               15,400            15,400
 *    16, 16              16,400            15,900
 *    32, 32              20,100            18,300
 *    125, 8              31,100            16,100
 *    one chain          148,700            23,100
 *
 * Between four and eight jumps nothing much changes; fewer rules in a chain only make more chains.
 */
#define FAN_OUT 4
#define CHAIN_RULES 8

enum task { TASK_HOOK, TASK_PROTO, TASK_EXCLUDING, TASK_PORTS };

struct span { /* leaves */
	struct ipt_leaf *v;
	size_t n;
};

struct plan { /* of one chain: what has to go into it */
	enum task task;
	enum hook hook;
	struct span span;
};

struct builder {
	struct ipt_layout *l;
	struct plan *plans; /* one for each chain */
	size_t n_plans;
	unsigned named[HOOK_COUNT][UINT8_MAX + 1]; /* chains of a protocol */
};

/* ---- values ------------------------------------------------------------------------------------
 */

int ipt_rule_compare(const struct ipt_rule *a, const struct ipt_rule *b)
{
	int c;

	if (a->does != b->does)
		return a->does < b->does ? -1 : 1;
	if (!a->name != !b->name)
		return a->name ? 1 : -1;
	c = a->name ? strcmp(a->name, b->name) : 0;
	return c ? c : match_compare(&a->match, &b->match);
}

void ipt_rule_copy(struct ipt_rule *to, const struct ipt_rule *from)
{
	struct ipt_rule r = *from;

	r.name = from->name ? xstrdup(from->name) : NULL;
	match_copy(&r.match, &from->match);
	*to = r;
}

void ipt_rule_free(struct ipt_rule *r)
{
	free(r->name);
	r->name = NULL;
	match_free(&r->match);
}

void ipt_layout_free(struct ipt_layout *l)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->chains[i].n; k++)
			ipt_rule_free(&l->chains[i].v[k]);
		free(l->chains[i].v);
	}
	free(l->chains);
	*l = (struct ipt_layout){ .family = l->family };
}

/* ---- chains ------------------------------------------------------------------------------------
 */

static size_t add_chain(struct builder *b, enum task task, enum hook hook, struct span span)
{
	*ARRAY_ADD(b->plans, b->n_plans) = (struct plan){ task, hook, span };
	ARRAY_ADD(b->l->chains, b->l->n);
	return b->l->n - 1;
}

static struct ipt_rule *add_rule(struct builder *b, size_t chain)
{
	struct ipt_rules *c = &b->l->chains[chain];

	return ARRAY_ADD(c->v, c->n);
}

static void move_leaves(struct builder *b, size_t chain, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		*add_rule(b, chain) = s.v[i].rule;
		s.v[i].rule = (struct ipt_rule){ 0 };
	}
}

/* "UNTRACK-PRE-tcp", "UNTRACK-PRE-tcp-2" */
static void name_chain(struct builder *b, struct ipt_rules *c, enum hook hook, uint8_t proto)
{
	unsigned number = ++b->named[hook][proto];
	struct text t = { 0 };

	text_add(&t, "%s-", hook == HOOK_PREROUTING ? IPT_OWN_PRE : IPT_OWN_OUT);
	if (!proto)
		text_add(&t, "any");
	else if (proto_name(proto))
		text_add(&t, "%s", proto_name(proto));
	else
		text_add(&t, "%u", proto);
	if (number > 1)
		text_add(&t, "-%u", number);
	snprintf(c->name, sizeof(c->name), "%s", t.s);
	free(t.s);
}

/* Are all of them found by the same ports? */
static bool is_one_cluster(struct span s)
{
	size_t i = 0;

	while (i < s.n && !ipt_leaf_compare_cluster(&s.v[0], &s.v[i]))
		i++;
	return s.v[0].key != IPT_BY_NOTHING && i == s.n;
}

/* The ports below a jump, from the lowest to the highest. */
static void hull(struct span s, uint16_t *lo, uint16_t *hi)
{
	*lo = s.v[0].lo;
	*hi = s.v[0].hi;
	for (size_t i = 1; i < s.n; i++) {
		*lo = s.v[i].lo < *lo ? s.v[i].lo : *lo;
		*hi = s.v[i].hi > *hi ? s.v[i].hi : *hi;
	}
}

/* A jump to a new chain for leaves of one protocol, by as much as they have in common. */
static void add_jump(struct builder *b, size_t chain, enum task task, struct span s)
{
	const struct ipt_leaf *first = &s.v[0];
	enum hook hook = b->plans[chain].hook;
	size_t to = add_chain(b, task, hook, s);
	struct ipt_rule *r = add_rule(b, chain);
	struct match *m = &r->match;
	uint16_t lo, hi;

	name_chain(b, &b->l->chains[to], hook, first->proto);
	r->does = IPT_JUMP;
	r->name = xstrdup(b->l->chains[to].name);
	m->families = first->rule.match.families;
	m->proto = first->proto;
	if (!is_one_cluster(s))
		return;
	hull(s, &lo, &hi);
	m->proto = first->rule.match.proto;
	m->icmp = first->rule.match.icmp;
	ports_add(first->key == IPT_BY_DPORT ? &m->dport : &m->sport, lo, hi);
}

/* ---- what goes into them -----------------------------------------------------------------------
 */

/* The leaves at the head of s that compare as equal. */
static struct span take(struct span *s,
			int (*compare)(const struct ipt_leaf *, const struct ipt_leaf *))
{
	struct span head = { s->v, 0 };

	while (head.n < s->n && !compare(&s->v[0], &s->v[head.n]))
		head.n++;
	s->v += head.n;
	s->n -= head.n;
	return head;
}

static int compare_proto(const struct ipt_leaf *a, const struct ipt_leaf *b)
{
	return a->proto - b->proto;
}

/* Leaves of one cluster: a tree of jumps where they are many and their ports tell them apart. */
static void fill_ports(struct builder *b, size_t chain, struct span s)
{
	bool apart = s.v[0].lo != s.v[s.n - 1].lo || s.v[0].hi != s.v[s.n - 1].hi;
	size_t parts = (s.n + CHAIN_RULES - 1) / CHAIN_RULES;

	if (s.n <= CHAIN_RULES || !apart) {
		move_leaves(b, chain, s);
		return;
	}
	if (parts > FAN_OUT)
		parts = FAN_OUT;
	for (size_t i = 0; i < parts; i++) {
		size_t from = i * s.n / parts, to = (i + 1) * s.n / parts;

		add_jump(b, chain, TASK_PORTS, (struct span){ s.v + from, to - from });
	}
}

static void fill_clusters(struct builder *b, size_t chain, struct span s)
{
	while (s.n) {
		struct span cluster = take(&s, ipt_leaf_compare_cluster);

		if (cluster.v[0].key == IPT_BY_NOTHING)
			move_leaves(b, chain, cluster);
		else
			fill_ports(b, chain, cluster);
	}
}

/* Leaves of one protocol; those that exclude something are behind jumps. */
static void fill_proto(struct builder *b, size_t chain, struct span s)
{
	while (s.n) {
		struct span equal = take(&s, ipt_leaf_compare_excluded);

		if (equal.v[0].excludes)
			add_jump(b, chain, TASK_EXCLUDING, equal);
		else
			fill_clusters(b, chain, equal);
	}
}

static void fill_excluding(struct builder *b, size_t chain, struct span s)
{
	struct ipt_rule r;

	for (size_t i = 0; ipt_leaf_excluding(&s.v[0], i, &r); i++)
		ipt_rule_copy(add_rule(b, chain), &r);
	fill_clusters(b, chain, s);
}

/* How many rules the leaves of one protocol are where they stand. */
static size_t count_in_place(struct span s)
{
	size_t n = 0;

	while (s.n) {
		struct span equal = take(&s, ipt_leaf_compare_excluded);

		n += equal.v[0].excludes ? 1 : equal.n;
	}
	return n;
}

static void fill_hook(struct builder *b, size_t chain, struct span s)
{
	struct span first = { s.v, 0 };

	while (first.n < s.n && s.v[first.n].rule.does == IPT_RETURN)
		first.n++;
	s.v += first.n;
	s.n -= first.n;
	move_leaves(b, chain, first);
	while (s.n) {
		struct span proto = take(&s, compare_proto);

		if (proto.v[0].proto && count_in_place(proto) > IN_PLACE)
			add_jump(b, chain, TASK_PROTO, proto);
		else
			fill_proto(b, chain, proto);
	}
}

/* ---- counters ----------------------------------------------------------------------------------
 */

struct counted { /* the first rule of an exemption in one direction */
	const char *name;
	enum hook hook;
	struct ipt_rule *rule; /* NULL: its counter belongs to the other family */
};

static int compare_counted(const void *va, const void *vb)
{
	const struct counted *a = va, *b = vb;

	return a->hook != b->hook ? (a->hook < b->hook ? -1 : 1) : strcmp(a->name, b->name);
}

struct index { /* of counted, which it owns */
	void *tree;
	struct counted *v;
	size_t n;
};

/* Room for all must be there: the tree points into it. */
static void note(struct index *x, const char *name, enum hook hook, struct ipt_rule *r)
{
	struct counted *c = &x->v[x->n], **node;

	*c = (struct counted){ name, hook, r };
	node = tsearch(c, &x->tree, compare_counted);
	if (node && *node == c)
		x->n++;
}

static enum hook chain_hook(const struct ipt_rules *c)
{
	return strncmp(c->name, IPT_OWN_PRE, strlen(IPT_OWN_PRE)) == 0 ? HOOK_PREROUTING
								       : HOOK_OUTPUT;
}

static void keep_node(void *node)
{
	(void)node;
}

/* What was counted so far goes on with the first rule; all rules of an exemption add up. */
static void set_counters(struct ipt_layout *l, const struct ruleset *rs)
{
	struct index x = { 0 };
	size_t room = rs->n_rules;

	for (size_t i = 0; i < l->n; i++)
		room += l->chains[i].n;
	x.v = xcalloc(room, sizeof(*x.v));
	for (size_t i = 0; i < rs->n_rules && l->family == FAMILY_V6; i++)
		if (rs->rules[i].form == FORM_LEGACY && rs->rules[i].match.families & FAMILIES_V4)
			note(&x, rs->rules[i].name, rs->rules[i].hook, NULL);
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->chains[i].n; k++) {
			struct ipt_rule *r = &l->chains[i].v[k];

			if (r->name && r->does != IPT_JUMP)
				note(&x, r->name, chain_hook(&l->chains[i]), r);
		}
	for (size_t i = 0; i < rs->n_counters; i++) {
		const struct counter *c = &rs->counters[i];
		const struct counted key = { c->name, c->hook, NULL };
		struct counted **found = tfind(&key, &x.tree, compare_counted);

		if (found && (*found)->rule) {
			(*found)->rule->count.packets = c->packets;
			(*found)->rule->count.bytes = c->bytes;
		}
	}
	tdestroy(x.tree, keep_node);
	free(x.v);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static void fill(struct builder *b, size_t chain)
{
	const struct plan p = b->plans[chain];

	switch (p.task) {
	case TASK_HOOK:
		fill_hook(b, chain, p.span);
		break;
	case TASK_PROTO:
		fill_proto(b, chain, p.span);
		break;
	case TASK_EXCLUDING:
		fill_excluding(b, chain, p.span);
		break;
	case TASK_PORTS:
		fill_ports(b, chain, p.span);
		break;
	}
}

static void add_hook(struct builder *b, const char *name, enum hook hook, struct ipt_leaf *v,
		     size_t n)
{
	struct span s = { v, 0 };
	size_t chain;

	while (s.n < n && v[s.n].hook == hook)
		s.n++;
	chain = add_chain(b, TASK_HOOK, hook, s);
	snprintf(b->l->chains[chain].name, sizeof(b->l->chains[chain].name), "%s", name);
}

int ipt_layout_make(struct ipt_layout *l, const struct ruleset *rs, enum family f, struct diag *d)
{
	struct builder b = { .l = l };
	const unsigned errors = d->errors;
	struct ipt_leaf *v;
	size_t n;

	*l = (struct ipt_layout){ .family = f };
	v = ipt_leaves_make(rs, f, &n, d);
	if (n) {
		add_hook(&b, IPT_OWN_PRE, HOOK_PREROUTING, v, n);
		add_hook(&b, IPT_OWN_OUT, HOOK_OUTPUT, v + b.plans[0].span.n,
			 n - b.plans[0].span.n);
		/* Chains that a jump names come to the end, and so in the order of the jumps. */
		for (size_t i = 0; i < l->n; i++)
			fill(&b, i);
		set_counters(l, rs);
	}
	ipt_leaves_free(v, n);
	free(b.plans);
	return d->errors == errors ? 0 : -1;
}
