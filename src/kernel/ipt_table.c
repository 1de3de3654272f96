/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table of iptables-legacy as it was read. */
#include "kernel/ipt_table.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "kernel/ipt_entry.h"
#include "kernel/ipt_rule.h"

char *ipt_table_names(const struct ipt_family *f, bool *failed)
{
	size_t len;
	char *names = read_file(AT_FDCWD, f->proc, &len);

	*failed = !names && errno != ENOENT; /* no such file: a kernel without these tables */
	return names;
}

bool ipt_table_exists(const struct ipt_family *f, const char *name)
{
	bool failed;
	auto_free char *names = ipt_table_names(f, &failed);
	char *save = NULL;

	for (char *s = names ? strtok_r(names, "\n", &save) : NULL; s;
	     s = strtok_r(NULL, "\n", &save))
		if (strcmp(s, name) == 0)
			return true;
	return false;
}

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
	if (i->own)
		ipt_rule_free(i->own);
	free(i->own);
	if (!i->twin)
		return;
	free(i->twin->table);
	free(i->twin->chain);
	free(i->twin->names);
	free(i->twin->body);
	match_free(&i->twin->match);
	free(i->twin);
}

static bool is_own_name(const struct ipt_table *t, const char *chain)
{
	return strcmp(t->name, IPT_OWN_TABLE) == 0 &&
	       strncmp(chain, IPT_OWN_PREFIX, strlen(IPT_OWN_PREFIX)) == 0;
}

static void read_twin(const struct ipt_table *t, const struct ipt_chain *c,
		      const struct ipt_entry_parts *p, struct ipt_item *item)
{
	struct twin w = { .form = FORM_LEGACY, .family = t->family->table_family };

	if (!ipt_entry_twin(p, &w))
		return;
	w.table = xstrdup(t->name);
	w.chain = xstrdup(c->name);
	item->twin = xmemdup(&w, sizeof(w));
}

static void read_own(const struct ipt_entry_parts *p, const void *entry, struct ipt_item *item)
{
	struct ipt_rule r;

	item->ours = true;
	if (ipt_rule_read(p, entry, &r))
		item->own = xmemdup(&r, sizeof(r));
}

/* Takes the entry apart; what tells it from others goes to *b. false: it is no entry, and nothing
 * is to be freed. */
static bool read_entry(const struct ipt_family *f, const void *entry, struct xtc_handle *h,
		       struct blob *b, struct ipt_entry_parts *p)
{
	size_t size = ipt_entry_size(f->family, entry);

	b->n = 0;
	if (!ipt_entry_read(f->family, entry, size, f->get_target(entry, h), p)) {
		blob_add(b, entry, size);
		return false;
	}
	ipt_entry_canon(b, p, entry);
	return true;
}

static void add_fw_rule(struct fw *fw, struct fw_chain *fc, const struct ipt_entry_parts *p,
			const struct ipt_item *item)
{
	struct fw_rule *r = ARRAY_ADD(fc->rules, fc->n_rules);

	r->twin = item->twin ? 0 : -1;
	if (p) {
		ipt_entry_rule(fw, p, r);
	} else {
		struct fw_expr *e = ARRAY_ADD(r->exprs, r->n_exprs);

		*e = (struct fw_expr){ .op = FW_UNKNOWN, .once = true };
		e->name = xstrdup("entry");
	}
}

static void add_rule(struct ipt_table *t, struct ipt_chain *c, const void *entry,
		     struct xtc_handle *h, struct fw *fw, struct fw_chain *fc)
{
	struct ipt_item *item = ARRAY_ADD(c->items, c->n);
	struct ipt_entry_parts p;
	struct blob b = { 0 };
	bool is_entry = read_entry(t->family, entry, h, &b, &p);

	if (is_entry && (c->own || (p.standard && is_own_name(t, p.verdict))))
		read_own(&p, entry, item);
	else if (is_entry)
		read_twin(t, c, &p, item);
	item->ours = item->ours || c->own;
	if (fc && !item->ours)
		add_fw_rule(fw, fc, is_entry ? &p : NULL, item);
	if (is_entry)
		free(p.matches);
	item->canon = xmemdup(b.v, b.n);
	item->len = b.n;
	free(b.v);
}

/* Rules are numbered without ours, and a twin's anchor is the next that is not ours. */
static void number_rules(struct ipt_chain *c, struct fw_chain *fc)
{
	size_t number = 0, rule = fc ? fc->n_rules : 0;
	uint64_t anchor = 0;

	for (size_t i = 0; i < c->n; i++)
		number += !c->items[i].twin && !c->items[i].ours;
	for (size_t i = c->n; i--;) {
		if (c->items[i].ours)
			continue;
		if (fc)
			rule--;
		if (c->items[i].twin) {
			c->items[i].twin->anchor = anchor;
			continue;
		}
		anchor = number--;
		if (fc)
			fc->rules[rule].handle = anchor;
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
		c->own = !*c->policy && is_own_name(t, s);
		fc = fw && !c->own ? add_fw_chain(fw, t, c) : NULL;
		for (const void *e = family->first_rule(s, h); e; e = family->next_rule(e, h))
			add_rule(t, c, e, h, fw, fc);
		number_rules(c, fc);
	}
	for (size_t i = 0; i < t->n; i++)
		ipt_names_add(&t->names, t->chains[i].name, i);
	ipt_names_sort(&t->names);
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
		struct ipt_entry_parts p;

		if (read_entry(t->family, e, h, &b, &p))
			free(p.matches);
		same = b.n == c->items[i].len && memcmp(b.v, c->items[i].canon, b.n) == 0;
	}
	free(b.v);
	return same && !e && i == c->n;
}

const struct ipt_chain *ipt_table_chain(const struct ipt_table *t, const char *name)
{
	size_t place = ipt_names_find(&t->names, name);

	return place == IPT_NO_NAME ? NULL : &t->chains[place];
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
	ipt_names_free(&t->names);
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
