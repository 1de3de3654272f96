/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a table raw of iptables-legacy holds of ours. */
#include "kernel/ipt_own.h"

#include <string.h>

const struct ipt_own_base ipt_own_bases[2] = {
	{ "PREROUTING", IPT_OWN_PRE, HOOK_PREROUTING },
	{ "OUTPUT", IPT_OWN_OUT, HOOK_OUTPUT },
};

void ipt_own_jump(const struct ipt_own_base *base, enum family f, struct ipt_rule *r)
{
	*r = (struct ipt_rule){ .does = IPT_JUMP, .name = xstrdup(base->own) };
	r->match.families = f == FAMILY_V4 ? FAMILIES_V4 : FAMILIES_V6;
}

bool ipt_own_is_jump(const struct ipt_item *i, const struct ipt_own_base *base, enum family f)
{
	struct ipt_rule jump;
	bool is;

	if (!i->own)
		return false;
	ipt_own_jump(base, f, &jump);
	is = !ipt_rule_compare(&jump, i->own);
	ipt_rule_free(&jump);
	return is;
}

/* ---- the chains --------------------------------------------------------------------------------
 */

void ipt_own_names(const struct ipt_layout *l, struct ipt_names *names)
{
	*names = (struct ipt_names){ 0 };
	for (size_t i = 0; i < l->n; i++)
		ipt_names_add(names, l->chains[i].name, i);
	ipt_names_sort(names);
}

void ipt_own_hooks(const struct ipt_layout *l, enum hook *hooks)
{
	struct ipt_names names;

	ipt_own_names(l, &names);
	for (size_t i = 0; i < l->n; i++)
		hooks[i] = HOOK_OUTPUT;
	if (l->n)
		hooks[0] = HOOK_PREROUTING;
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->chains[i].n; k++) {
			const struct ipt_rule *r = &l->chains[i].v[k];
			size_t to = IPT_NO_NAME;

			if (r->does == IPT_JUMP)
				to = ipt_names_find(&names, r->name);
			if (to != IPT_NO_NAME && to > i) /* they come behind what jumps to them */
				hooks[to] = hooks[i];
		}
	ipt_names_free(&names);
}

/* c: NULL, it does not exist. */
static void add_chain(const char *name, const struct ipt_chain *c, struct ipt_layout *l)
{
	struct ipt_rules *out = ARRAY_ADD(l->chains, l->n);

	snprintf(out->name, sizeof(out->name), "%s", name);
	out->v = c ? xcalloc(c->n, sizeof(*out->v)) : NULL;
	for (size_t i = 0; c && i < c->n; i++)
		if (c->items[i].own)
			out->v[out->n++] = *c->items[i].own;
}

/* Each chain once. */
static void add_known(const struct ipt_table *t, const char *name, bool *taken,
		      struct ipt_layout *l)
{
	const struct ipt_chain *c = ipt_table_chain(t, name);

	if (!c || !c->own || taken[c - t->chains])
		return;
	taken[c - t->chains] = true;
	add_chain(name, c, l);
}

static bool has_own_chain(const struct ipt_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->chains[i].own)
			return true;
	return false;
}

void ipt_own_layout(const struct ipt_table *t, struct ipt_layout *l)
{
	auto_free bool *taken = xcalloc(t->n, sizeof(*taken));

	*l = (struct ipt_layout){ .family = t->family->family };
	if (!has_own_chain(t))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ipt_own_bases); i++) {
		add_known(t, ipt_own_bases[i].own, taken, l);
		if (l->n == i)
			add_chain(ipt_own_bases[i].own, NULL, l);
	}
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->chains[i].n; k++)
			if (l->chains[i].v[k].does == IPT_JUMP)
				add_known(t, l->chains[i].v[k].name, taken, l);
	for (size_t i = 0; i < t->n; i++)
		add_known(t, t->chains[i].name, taken, l);
}

void ipt_own_layout_free(struct ipt_layout *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->chains[i].v);
	free(l->chains);
	*l = (struct ipt_layout){ 0 };
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static void add_foreign(const struct ipt_table *t, const struct ipt_chain *c, size_t i,
			const char *what, struct ruleset *ours)
{
	*ARRAY_ADD(ours->foreign, ours->n_foreign) =
		xasprintf("rule %zu of chain %s of the iptables-legacy table %s %s%s", i + 1,
			  c->name, t->family->name, t->name, what);
}

/* What we do not write, in our chains and in others that jump to them. */
static void read_foreign(const struct ipt_table *t, struct ruleset *ours)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct ipt_chain *c = &t->chains[i];

		for (size_t k = 0; k < c->n; k++) {
			const struct ipt_item *item = &c->items[k];
			bool known = false;

			for (size_t b = 0; b < ARRAY_SIZE(ipt_own_bases); b++)
				known = known || (strcmp(c->name, ipt_own_bases[b].chain) == 0 &&
						  ipt_own_is_jump(item, &ipt_own_bases[b],
								  t->family->family));
			if (c->own && !item->own)
				add_foreign(t, c, k, "", ours);
			else if (!c->own && item->ours && !known)
				add_foreign(t, c, k, ", a jump to a chain of untrack", ours);
		}
	}
}

/* How often the base chain jumps to ours; *first: its first rule does. */
static size_t count_jumps(const struct ipt_table *t, const struct ipt_own_base *base, bool *first)
{
	const struct ipt_chain *c = ipt_table_chain(t, base->chain);
	size_t n = 0;

	for (size_t i = 0; c && i < c->n; i++)
		n += ipt_own_is_jump(&c->items[i], base, t->family->family);
	*first = n && ipt_own_is_jump(&c->items[0], base, t->family->family);
	return n;
}

/* One for each exemption and direction, whatever the family. */
static void move_counter(struct counter *from, struct ruleset *ours)
{
	for (size_t i = 0; i < ours->n_counters; i++) {
		struct counter *to = &ours->counters[i];

		if (to->hook != from->hook || strcmp(to->name, from->name) != 0)
			continue;
		to->packets += from->packets;
		to->bytes += from->bytes;
		free(from->name);
		return;
	}
	*ARRAY_ADD(ours->counters, ours->n_counters) = *from;
}

static void move_rules(struct ruleset *from, const bool *met, struct ruleset *ours)
{
	size_t kept = 0;

	for (size_t i = 0; i < from->n_rules; i++) {
		struct rule *r = &from->rules[i];

		if (met[r->hook == HOOK_OUTPUT])
			*ruleset_add_rule(ours) = *r;
		else
			from->rules[kept++] = *r;
	}
	from->n_rules = kept;
	for (size_t i = 0; i < from->n_counters; i++)
		move_counter(&from->counters[i], ours);
	from->n_counters = 0;
	for (size_t i = 0; i < from->n_foreign; i++)
		*ARRAY_ADD(ours->foreign, ours->n_foreign) = from->foreign[i];
	from->n_foreign = 0;
}

void ipt_own_read(const struct ipt_table *t, struct ruleset *ours)
{
	bool met[ARRAY_SIZE(ipt_own_bases)], in_order = true, empty = true;
	struct ruleset mine = { 0 };
	struct ipt_layout l;

	if (strcmp(t->name, IPT_OWN_TABLE) != 0)
		return;
	read_foreign(t, ours);
	ipt_own_layout(t, &l);
	for (size_t i = 0; i < ARRAY_SIZE(ipt_own_bases); i++) {
		bool first;
		size_t n = count_jumps(t, &ipt_own_bases[i], &first);

		met[i] = n > 0;
		in_order = in_order && n == 1 && first && ipt_table_chain(t, ipt_own_bases[i].own);
	}
	for (size_t i = 0; i < l.n; i++)
		empty = empty && !l.chains[i].n;
	if (!empty)
		ipt_layout_read(&l, &mine);
	if (l.n && (empty || !in_order))
		ours->husk = true;
	move_rules(&mine, met, ours);
	ruleset_free(&mine);
	ipt_own_layout_free(&l);
}
