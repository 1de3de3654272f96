/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table of iptables-legacy as it was read. */
#include "kernel/ipt_table.h"

#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "kernel/ipt_entry.h"

/* ---- base chains -------------------------------------------------------------------------------
 */

/* Where the tables of the kernel register: net/ipv4/netfilter/iptable_*.c, ip6table_*.c. */
static int priority_of(const char *table, enum hook hook)
{
	static const struct {
		const char *table;
		int priority;
	} tables[] = {
		{ "raw", NF_IP_PRI_RAW },	{ "mangle", NF_IP_PRI_MANGLE },
		{ "filter", NF_IP_PRI_FILTER }, { "security", NF_IP_PRI_SECURITY },
		{ "nat", NF_IP_PRI_NAT_DST },
	};

	if (strcmp(table, "nat") == 0 && (hook == HOOK_INPUT || hook == HOOK_POSTROUTING))
		return NF_IP_PRI_NAT_SRC;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (strcmp(table, tables[i].table) == 0)
			return tables[i].priority;
	return NF_IP_PRI_FILTER;
}

static const char *type_of(const char *table, enum hook hook)
{
	if (strcmp(table, "nat") == 0)
		return "nat";
	return strcmp(table, "mangle") == 0 && hook == HOOK_OUTPUT ? "route" : "filter";
}

static void set_base(struct fw_chain *c, const char *policy)
{
	static const char *const names[HOOK_COUNT] = {
		[HOOK_PREROUTING] = "PREROUTING",   [HOOK_INPUT] = "INPUT",
		[HOOK_FORWARD] = "FORWARD",	    [HOOK_OUTPUT] = "OUTPUT",
		[HOOK_POSTROUTING] = "POSTROUTING",
	};

	for (unsigned i = 0; i < HOOK_COUNT; i++) {
		if (strcmp(c->name, names[i]) != 0)
			continue;
		c->base = true;
		c->hook = (enum hook)i;
		c->priority = priority_of(c->table, c->hook);
		c->type = xstrdup(type_of(c->table, c->hook));
		c->policy = strcmp(policy, "DROP") == 0 ? FW_DROP : FW_ACCEPT;
	}
}

static struct fw_chain *add_fw_chain(struct fw *fw, const struct ipt_table *t,
				     const struct ipt_chain *chain)
{
	struct fw_chain *c = ARRAY_ADD(fw->chains, fw->n_chains);

	c->form = FORM_LEGACY;
	c->family = t->family->table_family;
	c->table = xstrdup(t->name);
	c->name = xstrdup(chain->name);
	if (*chain->policy)
		set_base(c, chain->policy);
	return c;
}

/* ---- rules -------------------------------------------------------------------------------------
 */

struct twin *ipt_twin_copy(const struct twin *w)
{
	struct twin *copy = xmemdup(w, sizeof(*w));

	copy->table = xstrdup(w->table);
	copy->chain = xstrdup(w->chain);
	copy->names = xstrdup(w->names);
	copy->body = xstrdup(w->body ? w->body : "");
	match_copy(&copy->match, &w->match);
	return copy;
}

static void free_item(struct ipt_item *i)
{
	free(i->canon);
	if (!i->twin)
		return;
	free(i->twin->table);
	free(i->twin->chain);
	free(i->twin->names);
	free(i->twin->body);
	match_free(&i->twin->match);
	free(i->twin);
}

/* What the rule is, into *b; what it does, to r if there is one. A twin is not looked for where
 * twin is NULL. */
static bool read_entry(const struct ipt_family *f, const void *entry, struct xtc_handle *h,
		       struct blob *b, struct twin *twin, struct fw *fw, struct fw_rule *r)
{
	size_t size = ipt_entry_size(f->family, entry);
	struct ipt_entry_parts p;
	bool is_twin;

	b->n = 0;
	if (!ipt_entry_read(f->family, entry, size, f->get_target(entry, h), &p)) {
		blob_add(b, entry, size);
		if (r) {
			struct fw_expr *e = ARRAY_ADD(r->exprs, r->n_exprs);

			*e = (struct fw_expr){ .op = FW_UNKNOWN, .once = true };
			e->name = xstrdup("entry");
		}
		return false;
	}
	ipt_entry_canon(b, &p, entry);
	if (r)
		ipt_entry_rule(fw, &p, r);
	is_twin = twin && ipt_entry_twin(&p, twin);
	free(p.matches);
	return is_twin;
}

static void add_rule(struct ipt_table *t, struct ipt_chain *c, const void *entry,
		     struct xtc_handle *h, struct fw *fw, struct fw_chain *fc)
{
	struct twin w = { .form = FORM_LEGACY, .family = t->family->table_family };
	struct fw_rule *r = fc ? ARRAY_ADD(fc->rules, fc->n_rules) : NULL;
	struct ipt_item *item = ARRAY_ADD(c->items, c->n);
	struct blob b = { 0 };

	if (read_entry(t->family, entry, h, &b, &w, fw, r)) {
		w.table = xstrdup(t->name);
		w.chain = xstrdup(c->name);
		item->twin = xmemdup(&w, sizeof(w));
	}
	item->canon = xmemdup(b.v, b.n);
	item->len = b.n;
	free(b.v);
	if (r)
		r->twin = item->twin ? 0 : -1;
}

/* Rules are numbered without the twins, and a twin's anchor is the next that is none. */
static void number_rules(struct ipt_chain *c, struct fw_chain *fc)
{
	uint64_t number = 0, anchor;

	for (size_t i = 0; i < c->n; i++)
		number += !c->items[i].twin;
	anchor = 0;
	for (size_t i = c->n; i--;) {
		if (c->items[i].twin) {
			c->items[i].twin->anchor = anchor;
			continue;
		}
		anchor = number--;
		if (fc)
			fc->rules[i].handle = anchor;
	}
}

static void copy_label(xt_chainlabel to, const char *from)
{
	size_t len = strnlen(from, sizeof(xt_chainlabel) - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

void ipt_table_read(struct ipt_table *t, const struct ipt_family *family, const char *name,
		    struct xtc_handle *h, struct fw *fw)
{
	const struct xtc_ops *ops = family->ops;

	*t = (struct ipt_table){ .family = family };
	memcpy(t->name, name, strnlen(name, sizeof(t->name) - 1));
	for (const char *s = ops->first_chain(h); s; s = ops->next_chain(h)) {
		struct ipt_chain *c = ARRAY_ADD(t->chains, t->n);
		struct fw_chain *fc;
		struct xt_counters counters;

		copy_label(c->name, s);
		if (ops->builtin(s, h))
			copy_label(c->policy, ops->get_policy(s, &counters, h));
		fc = fw ? add_fw_chain(fw, t, c) : NULL;
		for (const void *e = family->first_rule(s, h); e; e = family->next_rule(e, h))
			add_rule(t, c, e, h, fw, fc);
		number_rules(c, fc);
	}
}

static bool chain_is(const struct ipt_table *t, const struct ipt_chain *c, struct xtc_handle *h)
{
	const struct xtc_ops *ops = t->family->ops;
	struct xt_counters counters;
	struct blob b = { 0 };
	const void *e;
	bool same = true;
	size_t i = 0;

	if (ops->builtin(c->name, h) ? strcmp(ops->get_policy(c->name, &counters, h), c->policy)
				     : *c->policy)
		return false;
	for (e = t->family->first_rule(c->name, h); e && same && i < c->n;
	     e = t->family->next_rule(e, h), i++) {
		read_entry(t->family, e, h, &b, NULL, NULL, NULL);
		same = b.n == c->items[i].len && memcmp(b.v, c->items[i].canon, b.n) == 0;
	}
	free(b.v);
	return same && !e && i == c->n;
}

bool ipt_table_is(const struct ipt_table *t, struct xtc_handle *h)
{
	const struct xtc_ops *ops = t->family->ops;
	size_t i = 0;
	const char *s;

	for (s = ops->first_chain(h); s && i < t->n; s = ops->next_chain(h), i++)
		if (strcmp(s, t->chains[i].name) != 0 || !chain_is(t, &t->chains[i], h))
			return false;
	return !s && i == t->n;
}

void ipt_table_free(struct ipt_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		for (size_t k = 0; k < t->chains[i].n; k++)
			free_item(&t->chains[i].items[k]);
		free(t->chains[i].items);
	}
	free(t->chains);
	*t = (struct ipt_table){ 0 };
}

static size_t next_foreign(const struct ipt_chain *c, size_t i)
{
	while (i < c->n && c->items[i].twin)
		i++;
	return i;
}

static bool same_foreign(const struct ipt_chain *a, const struct ipt_chain *b)
{
	size_t i = next_foreign(a, 0), k = next_foreign(b, 0);

	if (strcmp(a->name, b->name) != 0 || strcmp(a->policy, b->policy) != 0)
		return false;
	while (i < a->n && k < b->n) {
		if (a->items[i].len != b->items[k].len ||
		    memcmp(a->items[i].canon, b->items[k].canon, a->items[i].len) != 0)
			return false;
		i = next_foreign(a, i + 1);
		k = next_foreign(b, k + 1);
	}
	return i == a->n && k == b->n;
}

bool ipt_tables_differ_in_twins_only(const struct ipt_table *a, const struct ipt_table *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_foreign(&a->chains[i], &b->chains[i]))
			return false;
	return true;
}

bool ipt_twin_is_in(const struct twin *w, const struct ipt_table *t)
{
	return w->form == FORM_LEGACY && w->family == t->family->table_family &&
	       strcmp(w->table, t->name) == 0;
}
