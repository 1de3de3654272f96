/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of iptables-legacy with any chains and any entries: what is read of ours can be written
 * down and read again, and a second look sees the same table. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "fuzz/journal_again.h"
#include "kernel/ipt_header.h"
#include "kernel/ipt_own.h"
#include "kernel/ipt_plan.h"
#include "kernel/ipt_table.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#undef ipt_table /* theirs is a macro */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct entry {
	uint8_t *v; /* of exactly its size, so that ASan sees one byte too many */
	const char *target;
};

struct chain {
	xt_chainlabel name;
	const char *policy; /* NULL: not a base chain */
	struct entry *entries;
	size_t n;
};

struct xtc_handle { /* what libiptc would have in it */
	enum family family;
	struct chain *chains;
	size_t n, next;
	const struct chain *chain; /* whose entries are read */
};

/* ---- libiptc -----------------------------------------------------------------------------------
 */

static const char *next_chain(struct xtc_handle *h)
{
	return h->next < h->n ? h->chains[h->next++].name : NULL;
}

static const char *first_chain(struct xtc_handle *h)
{
	h->next = 0;
	return next_chain(h);
}

static struct chain *find(const char *name, const struct xtc_handle *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->chains[i].name, name) == 0)
			return &h->chains[i];
	abort();
}

static int builtin(const char *name, struct xtc_handle *const h)
{
	return find(name, h)->policy != NULL;
}

static const char *get_policy(const char *name, struct xt_counters *counters, struct xtc_handle *h)
{
	memset(counters, 0, sizeof(*counters));
	return find(name, h)->policy;
}

static const void *first_rule(const char *name, struct xtc_handle *h)
{
	h->chain = find(name, h);
	return h->chain->n ? h->chain->entries[0].v : NULL;
}

static const struct entry *entry_of(const void *v, const struct xtc_handle *h)
{
	for (size_t i = 0; i < h->chain->n; i++)
		if (h->chain->entries[i].v == v)
			return &h->chain->entries[i];
	abort();
}

static const void *next_rule(const void *v, struct xtc_handle *h)
{
	const struct entry *e = entry_of(v, h) + 1;

	return e < h->chain->entries + h->chain->n ? e->v : NULL;
}

static const char *get_target(const void *v, struct xtc_handle *h)
{
	return entry_of(v, h)->target;
}

static const struct xtc_ops ops = { .first_chain = first_chain,
				    .next_chain = next_chain,
				    .builtin = builtin,
				    .get_policy = get_policy };

/* ---- the input ---------------------------------------------------------------------------------
 */

/* As the kernel takes them: the sizes fit, and what lies between them is anything. */
static void add_entry(struct xtc_handle *h, struct chain *c, struct input *in)
{
	static const char *const targets[] = { "ACCEPT", "DROP",	"RETURN",      "",
					       "web",	 "UNTRACK-PRE", "UNTRACK-tcp", "INPUT" };
	struct entry *e;
	size_t header = ipt_header_size(h->family), len;
	const char *target = targets[take(in) % ARRAY_SIZE(targets)];

	len = take(in);
	len += 256 * (size_t)take(in);
	len = len < in->n ? len : in->n;
	if (len < header)
		return;
	e = ARRAY_ADD(c->entries, c->n);
	e->v = xmemdup(in->v, len);
	e->target = target;
	in->v += len;
	in->n -= len;
	if (h->family == FAMILY_V4)
		((struct ipt_entry *)(void *)e->v)->next_offset = (uint16_t)len;
	else
		((struct ip6t_entry *)(void *)e->v)->next_offset = (uint16_t)len;
}

static void add_chain(struct xtc_handle *h, struct input *in)
{
	static const char *const names[] = {
		"PREROUTING", "INPUT",	     "FORWARD",	    "OUTPUT",
		"web",	      "UNTRACK-PRE", "UNTRACK-OUT", "UNTRACK-"
	};
	static const char *const policies[] = { "ACCEPT", "DROP" };
	uint8_t shape = take(in);
	size_t name = shape % ARRAY_SIZE(names);
	struct chain *c = ARRAY_ADD(h->chains, h->n);

	/* No two have one name. */
	snprintf(c->name, sizeof(c->name), "%s", names[name]);
	if (name == 4 || name == 7)
		snprintf(c->name, sizeof(c->name), "%s%u", names[name], take(in));
	c->policy = name < 4 ? policies[shape >> 3 & 1] : NULL;
	for (size_t i = 0; i + 1 < h->n; i++) {
		if (strcmp(h->chains[i].name, c->name) != 0)
			continue;
		h->n--;
		return;
	}
	for (unsigned n = shape >> 4; n && in->n; n--)
		add_entry(h, c, in);
}

static void handle_free(struct xtc_handle *h)
{
	for (size_t i = 0; i < h->n; i++) {
		for (size_t k = 0; k < h->chains[i].n; k++)
			free(h->chains[i].entries[k].v);
		free(h->chains[i].entries);
	}
	free(h->chains);
}

/* ---- what is held to be true -------------------------------------------------------------------
 */

/* Twins as they are read (ipt.c), and what making them so again would do. */
static void check_twins(const struct ipt_table *t, struct ruleset *ours)
{
	struct ipt_plan add = { 0 }, remove = { 0 };
	struct diag d = { 0 };

	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->chains[i].n; k++) {
			struct twin *w = t->chains[i].items[k].twin;

			if (!w)
				continue;
			w = ipt_twin_copy(w);
			*ruleset_add_twin(ours) = *w;
			free(w);
		}
	ruleset_normalise(ours);
	ipt_plan_remove(&remove, t, ours);
	ipt_plan_add(&add, t, ours, &d);
	ipt_plan_free(&add);
	ipt_plan_free(&remove);
	diag_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tables[] = { "raw", "filter", "mangle", "nat" };
	struct input in = { data, size };
	uint8_t first = take(&in);
	struct xtc_handle h = { .family = first & 1 ? FAMILY_V6 : FAMILY_V4 };
	struct ipt_family family = *ipt_family(h.family);
	struct ruleset ours = { 0 };
	struct ipt_table t;
	struct fw fw = { 0 };

	family.ops = &ops;
	family.first_rule = first_rule;
	family.next_rule = next_rule;
	family.get_target = get_target;
	while (in.n && h.n < 8)
		add_chain(&h, &in);
	ipt_table_read(&t, &family, tables[first >> 1 & 3], &h, &fw);
	if (!ipt_table_is(&t, &h))
		abort();
	if (strcmp(t.name, IPT_OWN_TABLE) == 0)
		ipt_own_read(&t, &ours);
	check_twins(&t, &ours);
	check_rules(&ours);
	ruleset_free(&ours);
	ipt_table_free(&t);
	fw_free(&fw);
	handle_free(&h);
	return 0;
}
