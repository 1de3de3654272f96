/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw rules to the shape of table inet untrack. */
#include "kernel/nft_layout.h"

#include <netinet/in.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nft_group.h"

static const struct nft_chain_info chains[NFT_CHAINS] = {
	[NFT_PREROUTING] = { "prerouting", HOOK_PREROUTING, true, FAMILY_V4, 0 },
	[NFT_OUTPUT] = { "output", HOOK_OUTPUT, true, FAMILY_V4, 0 },
	[NFT_ICMP_IN] = { "icmp_in", HOOK_PREROUTING, false, FAMILY_V4, IPPROTO_ICMP },
	[NFT_ICMPV6_IN] = { "icmpv6_in", HOOK_PREROUTING, false, FAMILY_V6, IPPROTO_ICMPV6 },
	[NFT_ICMP_OUT] = { "icmp_out", HOOK_OUTPUT, false, FAMILY_V4, IPPROTO_ICMP },
	[NFT_ICMPV6_OUT] = { "icmpv6_out", HOOK_OUTPUT, false, FAMILY_V6, IPPROTO_ICMPV6 },
};

const struct nft_chain_info *nft_chain_info(enum nft_chain_id c)
{
	return &chains[c];
}

char *nft_counter_name(const char *exemption, enum hook hook)
{
	return xasprintf("%s_%s", exemption, hook == HOOK_PREROUTING ? "in" : "out");
}

struct builder {
	const struct ruleset *rs;
	struct nft_layout *l;
	const struct nft_member *members;
	/* Trees, so that a thousand exemptions do not cost a million comparisons. */
	void *by_content, *by_name; /* of sets */
	void *counters;		    /* of indexed names */
};

struct indexed { /* a counter's name and its place */
	char *name;
	size_t index;
};

static int compare_indexed(const void *a, const void *b)
{
	return strcmp(((const struct indexed *)a)->name, ((const struct indexed *)b)->name);
}

static void *own(struct nft_layout *l, void *p)
{
	*ARRAY_ADD(l->owned, l->n_owned) = p;
	return p;
}

/* No memory in tsearch: the node is left out, as for a tree that is empty. */
static void *tree_add(void *key, void **tree, __compar_fn_t compare)
{
	void **node = tsearch(key, tree, compare);

	return node ? *node : key;
}

static size_t counter_index(struct builder *b, const struct rule *r)
{
	struct nft_layout *l = b->l;
	struct indexed *key = own(l, xcalloc(1, sizeof *key)), *found;
	struct nft_counter *c;

	key->name = own(l, nft_counter_name(r->name, r->hook));
	key->index = l->n_counters;
	found = tree_add(key, &b->counters, compare_indexed);
	if (found != key)
		return found->index;
	c = ARRAY_ADD(l->counters, l->n_counters);
	*c = (struct nft_counter){ xstrdup(key->name), r->name, r->hook };
	return key->index;
}

static int compare_contents(const void *va, const void *vb)
{
	const struct nft_set *a = va, *b = vb;
	int c = nft_list_compare(&a->list, &b->list);

	if (!c)
		c = !a->counters - !b->counters;
	if (!c && a->counters)
		c = memcmp(a->counters, b->counters, a->list.n * sizeof *a->counters);
	return c;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct nft_set *)a)->name, ((const struct nft_set *)b)->name);
}

#define SCATTERED_MIN 128 /* ranges; fewer are found as fast in a tree, and read better */

bool nft_set_is_scattered(const struct nft_set *s)
{
	const struct port_range *v = s->list.v;
	bool ports = s->list.kind == NFT_PORTS || s->list.kind == NFT_QUOTED_PORTS;
	size_t single = 0;

	for (size_t i = 0; ports && i < s->list.n; i++)
		single += v[i].hi - v[i].lo + 1u;
	return s->name && s->list.n > SCATTERED_MIN && single <= 2 * s->list.n;
}

bool nft_layout_names_set(const char *name)
{
	static const char *const last[] = { "quoted", "ports", "addr4",	 "addr6",    "ifaces",
					    "in",     "out",   "errors", "requests", "replies" };
	auto_free char *base = xstrdup(name);
	char *word = strrchr(base, '_');
	unsigned long number;
	uint8_t proto;

	if (word && parse_uint(word + 1, 2, UINT32_MAX, &number)) {
		*word = '\0';
		word = strrchr(base, '_');
	}
	for (size_t i = 0; word && i < ARRAY_SIZE(last); i++)
		if (!strcmp(word + 1, last[i]))
			return true;
	return word && proto_parse(word + 1, &proto) && proto_has_ports(proto) &&
	       !strcmp(word + 1, proto_name(proto));
}

/* The set that holds the list: one that there is already, or a new one, named after its first user;
 * another content under the same name gets a number. */
static const struct nft_set *set_for(struct builder *b, const struct nft_list *list,
				     const size_t *counters, const char *name)
{
	struct nft_set *s = own(b->l, xcalloc(1, sizeof *s)), *found;

	s->list = *list;
	s->counters = counters;
	found = tree_add(s, &b->by_content, compare_contents);
	if (found != s)
		return found;
	s->name = own(b->l, xstrdup(name));
	for (unsigned i = 2; tree_add(s, &b->by_name, compare_names) != s; i++)
		s->name = own(b->l, xasprintf("%s_%u", name, i));
	*ARRAY_ADD(b->l->sets, b->l->n_sets) = s;
	return s;
}

static const char *icmp_set_name(enum icmp_kind k, bool v4)
{
	switch (k) {
	case ICMP_REQUEST:
		return v4 ? "icmp_requests" : "icmpv6_requests";
	case ICMP_REPLY:
		return v4 ? "icmp_replies" : "icmpv6_replies";
	case ICMP_IS_ERROR:
		return v4 ? "icmp_errors" : "icmpv6_errors";
	case ICMP_ANY:
		break;
	}
	return "icmp_types";
}

/* "tcp_ports" where exemptions share it, "web_tcp" where one has it, "udp_local_ports" for the side
 * that all of a shape have in common, "web_tcp_quoted" in ICMP errors. */
static char *port_set_name(const struct nft_rule *r, const struct nft_term *t, bool shared)
{
	struct text name = { 0 };
	bool other_side = r->match.sport.n && r->match.dport.n && t->slot != r->map_slot;

	if (!shared && !other_side)
		text_add(&name, "%s_", r->origin->name);
	nft_proto_text(r->match.proto, &name);
	if (other_side)
		text_add(&name, "_local_ports");
	else if (shared)
		text_add(&name, "_ports");
	if (t->field->quoted)
		text_add(&name, "_quoted");
	return name.s;
}

static char *set_name(const struct nft_rule *r, const struct nft_term *t, bool shared)
{
	const char *exemption = r->origin->name, *no = t->negated ? "not_" : "";

	switch (t->list.kind) {
	case NFT_PORTS:
	case NFT_QUOTED_PORTS:
		return port_set_name(r, t, shared);
	case NFT_ADDRS4:
		return xasprintf("%s_%saddr4", exemption, no);
	case NFT_ADDRS6:
		return xasprintf("%s_%saddr6", exemption, no);
	case NFT_QUOTED_ADDRS4:
		return xasprintf("%s_%saddr4_quoted", exemption, no);
	case NFT_QUOTED_ADDRS6:
		return xasprintf("%s_%saddr6_quoted", exemption, no);
	case NFT_IFACES:
		return xasprintf("%s_%sifaces", exemption, no);
	case NFT_ICMP_TYPES:
		return xstrdup(icmp_set_name(r->match.icmp, true));
	case NFT_ICMPV6_TYPES:
		return xstrdup(icmp_set_name(r->match.icmp, false));
	case NFT_NUMBER:
	case NFT_KINDS:
		break;
	}
	return xstrdup("list");
}

/* One address or interface reads best where it is used; ports and types are always sets. */
static bool stands_inline(const struct nft_list *l)
{
	switch (l->kind) {
	case NFT_PORTS:
	case NFT_QUOTED_PORTS:
	case NFT_ICMP_TYPES:
	case NFT_ICMPV6_TYPES:
		return false;
	case NFT_NUMBER:
	case NFT_ADDRS4:
	case NFT_ADDRS6:
	case NFT_QUOTED_ADDRS4:
	case NFT_QUOTED_ADDRS6:
	case NFT_IFACES:
	case NFT_KINDS:
		break;
	}
	return nft_list_is_single(l);
}

static void choose_sets(struct builder *b, struct nft_rule *r, bool shared)
{
	struct nft_term terms[NFT_SLOTS];
	size_t n = nft_terms(&r->match, TABLE_INET, terms);

	for (size_t i = 0; i < n; i++) {
		char *name;

		if (stands_inline(&terms[i].list))
			continue;
		name = set_name(r, &terms[i], shared);
		r->sets[terms[i].slot] = set_for(b, &terms[i].list, NULL, name);
		free(name);
	}
}

struct claim { /* a port range of one exemption of a shared rule */
	struct port_range range;
	size_t counter;
};

static int compare_claims(const void *va, const void *vb)
{
	const struct claim *a = va, *b = vb;

	return (a->range.lo > b->range.lo) - (a->range.lo < b->range.lo);
}

/* "web, api, and 998 more": as many names as fit. */
static char *shared_comment(const struct builder *b, size_t first)
{
	const size_t most = NFT_COMMENT_MAX - strlen(", and 4294967295 more");
	struct text t = { 0 };
	size_t i = first, left = 0;

	text_add(&t, "%s", b->rs->rules[i].name);
	while ((i = b->members[i].next) && t.len + strlen(b->rs->rules[i].name) + 2 <= most)
		text_add(&t, ", %s", b->rs->rules[i].name);
	for (; i; i = b->members[i].next)
		left++;
	if (left)
		text_add(&t, ", and %zu more", left);
	return t.s;
}

static struct claim *shared_claims(struct builder *b, size_t first, bool by_sport, size_t *n)
{
	struct claim *v = NULL;
	size_t i = first;

	*n = 0;
	do {
		const struct rule *r = &b->rs->rules[i];
		const struct ports *p = by_sport ? &r->match.sport : &r->match.dport;
		size_t counter = counter_index(b, r);

		for (size_t k = 0; k < p->n; k++)
			*ARRAY_ADD(v, *n) = (struct claim){ p->v[k], counter };
	} while ((i = b->members[i].next));
	if (v)
		qsort(v, *n, sizeof *v, compare_claims);
	return v;
}

/* One lookup in a set decides, and a map with the same ports finds the counter. */
static void share_rule(struct builder *b, struct nft_rule *r, size_t first)
{
	bool by_sport = b->members[first].by_sport;
	struct ports *ports = by_sport ? &r->match.sport : &r->match.dport, all = { 0 };
	size_t n, *counters;
	struct claim *claims = shared_claims(b, first, by_sport, &n);
	struct port_range *ranges = own(b->l, xcalloc(n, sizeof *ranges));
	struct nft_list list = { .kind = NFT_PORTS, .v = ranges, .n = n };
	char *name;

	counters = own(b->l, xcalloc(n, sizeof *counters));
	for (size_t i = 0; i < n; i++) {
		ranges[i] = claims[i].range;
		counters[i] = claims[i].counter;
		ports_add(&all, ranges[i].lo, ranges[i].hi);
	}
	free(claims);
	ports_normalise(&all);
	own(b->l, all.v);
	*ports = all;
	choose_sets(b, r, true);
	name = xasprintf("%s_%s", r->sets[r->map_slot]->name,
			 r->origin->hook == HOOK_PREROUTING ? "in" : "out");
	r->map = set_for(b, &list, counters, name);
	free(name);
	r->comment = shared_comment(b, first);
}

static enum nft_chain_id chain_for(const struct rule *r, unsigned families)
{
	bool in = r->hook == HOOK_PREROUTING;

	if (r->verdict == VERDICT_RETURN || r->match.icmp != ICMP_IS_ERROR)
		return in ? NFT_PREROUTING : NFT_OUTPUT;
	if (families == FAMILIES_V4)
		return in ? NFT_ICMP_IN : NFT_ICMP_OUT;
	return in ? NFT_ICMPV6_IN : NFT_ICMPV6_OUT;
}

static void add_rule(struct builder *b, size_t index, unsigned families)
{
	const struct rule *origin = &b->rs->rules[index];
	struct nft_rule *r = ARRAY_ADD(b->l->rules, b->l->n_rules);

	r->chain = chain_for(origin, families);
	r->action = origin->verdict == VERDICT_RETURN ? NFT_DO_RETURN : NFT_DO_NOTRACK;
	r->match = origin->match;
	r->match.families = families;
	r->origin = origin;
	r->map_slot = b->members[index].by_sport ? NFT_SPORT : NFT_DPORT;
	b->l->chains[r->chain] = true;
	if (b->members[index].next) {
		share_rule(b, r, index);
		return;
	}
	choose_sets(b, r, false);
	r->comment = xstrdup(origin->name);
	if (r->action == NFT_DO_NOTRACK)
		r->counter = counter_index(b, origin);
}

static void add_origins(struct builder *b)
{
	for (size_t i = 0; i < b->rs->n_rules; i++) {
		const struct match *m = &b->rs->rules[i].match;

		if (b->members[i].first != i)
			continue;
		if (m->icmp == ICMP_ANY) {
			add_rule(b, i, m->families);
			continue;
		}
		if (m->families & FAMILIES_V4)
			add_rule(b, i, FAMILIES_V4);
		if (m->families & FAMILIES_V6)
			add_rule(b, i, FAMILIES_V6);
	}
}

static void add_jumps(struct nft_layout *l)
{
	for (enum nft_chain_id c = NFT_ICMP_IN; c < NFT_CHAINS; c++) {
		struct nft_rule *r;

		if (!l->chains[c])
			continue;
		r = ARRAY_ADD(l->rules, l->n_rules);
		r->chain = chains[c].hook == HOOK_PREROUTING ? NFT_PREROUTING : NFT_OUTPUT;
		r->action = NFT_DO_JUMP;
		r->target = c;
		r->match.families = FAMILIES_BOTH;
		r->match.proto = chains[c].proto;
		l->chains[r->chain] = true;
	}
}

/* In a chain: what stays tracked, then the jumps, then the exemptions in canonical order. */
static int compare_rules(const void *va, const void *vb)
{
	static const int order[] = {
		[NFT_DO_RETURN] = 0,
		[NFT_DO_JUMP] = 1,
		[NFT_DO_NOTRACK] = 2,
	};
	const struct nft_rule *a = va, *b = vb;

	if (a->chain != b->chain)
		return a->chain < b->chain ? -1 : 1;
	if (a->action != b->action)
		return order[a->action] - order[b->action];
	if (a->action == NFT_DO_JUMP)
		return (a->target > b->target) - (a->target < b->target);
	if (a->origin != b->origin)
		return a->origin < b->origin ? -1 : 1;
	return (int)a->match.families - (int)b->match.families;
}

static void keep_node(void *node)
{
	(void)node;
}

void nft_layout_build(const struct ruleset *rs, struct nft_layout *l)
{
	struct nft_member *members = nft_group(rs);
	struct builder b = { .rs = rs, .l = l, .members = members };

	*l = (struct nft_layout){ 0 };
	add_origins(&b);
	add_jumps(l);
	if (l->n_rules)
		qsort(l->rules, l->n_rules, sizeof *l->rules, compare_rules);
	tdestroy(b.by_content, keep_node);
	tdestroy(b.by_name, keep_node);
	tdestroy(b.counters, keep_node);
	free(members);
}

void nft_layout_free(struct nft_layout *l)
{
	for (size_t i = 0; i < l->n_counters; i++)
		free(l->counters[i].name);
	for (size_t i = 0; i < l->n_rules; i++)
		free(l->rules[i].comment);
	for (size_t i = 0; i < l->n_owned; i++)
		free(l->owned[i]);
	free(l->counters);
	free(l->sets);
	free(l->rules);
	free(l->owned);
	*l = (struct nft_layout){ 0 };
}
