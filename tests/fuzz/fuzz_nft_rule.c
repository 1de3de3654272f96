/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A match as expressions of nf_tables with other bytes in it: what is read as a match is written
 * and read as the same. */
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

#include "kernel/nft_body.h"
#include "kernel/nft_rule.h"
#include "random_nft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct written { /* a rule as a message, with the sets that it looks things up in */
	struct nlmsghdr *h;
	struct nlattr *nest;
	struct fw_set *sets[NFT_SLOTS];
	size_t n_sets;
};

struct read { /* as expressions */
	struct fw_expr *v;
	size_t n;
};

/* The list as a snapshot reads it; names sort as the slots do. */
static struct fw_set *make_set(const struct nft_list *l, enum nft_slot slot)
{
	struct fw_set *s = xcalloc(1, sizeof *s);

	s->name = xasprintf("s%c", 'a' + (int)slot);
	s->known = true;
	s->elements_do = FW_LOAD;
	s->key_type = nft_kind_info(l->kind)->key_type;
	s->key_len = nft_kind_info(l->kind)->key_len;
	for (size_t i = 0; i < l->n; i++) {
		struct fw_element e = { 0 };

		if (nft_list_range(l, i, e.lo, e.hi))
			*ARRAY_ADD(s->v, s->n) = e;
	}
	return s;
}

static bool single(const struct nft_list *l)
{
	bool types = l->kind == NFT_ICMP_TYPES || l->kind == NFT_ICMPV6_TYPES;

	return !types && nft_list_is_single(l);
}

static void write_match(const struct match *m, enum table_family table, struct written *w)
{
	struct nft_set_ref refs[NFT_SLOTS] = { 0 };
	struct nft_term terms[NFT_SLOTS];
	size_t n = nft_terms(m, table, terms);

	*w = (struct written){ .h = mnl_nlmsg_put_header(xcalloc(1, NFT_RULE_ROOM)) };
	for (enum nft_slot slot = 0; slot < NFT_SLOTS; slot++)
		for (size_t i = 0; i < n; i++)
			if (terms[i].slot == slot && !single(&terms[i].list)) {
				w->sets[w->n_sets] = make_set(&terms[i].list, slot);
				refs[slot].name = w->sets[w->n_sets++]->name;
			}
	w->nest = mnl_attr_nest_start(w->h, NFTA_RULE_EXPRESSIONS);
	nft_match_put(w->h, m, table, refs);
	mnl_attr_nest_end(w->h, w->nest);
}

static void read_exprs(const struct written *w, struct read *r)
{
	const struct nlattr *a;

	*r = (struct read){ 0 };
	if (w->h->nlmsg_len < NLMSG_HDRLEN + w->nest->nla_len || w->nest->nla_len < NLA_HDRLEN)
		return; /* its own length is among the bytes that changed */
	mnl_attr_for_each_nested(a, w->nest)
	{
		nft_expr_parse(a, w->sets, w->n_sets, ARRAY_ADD(r->v, r->n));
	}
}

static void read_free(struct read *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].name);
		free(r->v[i].body);
		free(r->v[i].object);
		free(r->v[i].target.chain);
	}
	free(r->v);
}

static void written_free(struct written *w)
{
	for (size_t i = 0; i < w->n_sets; i++) {
		free(w->sets[i]->name);
		free(w->sets[i]->v);
		free(w->sets[i]);
	}
	free(w->h);
}

static void check_again(const struct match *m, enum table_family table)
{
	struct written w;
	struct match again;
	struct read r;
	size_t used;

	if (!nft_match_fits(m, table))
		abort();
	write_match(m, table, &w);
	read_exprs(&w, &r);
	if (!nft_match_get(r.v, r.n, table, &again, &used) || used != r.n ||
	    match_compare(m, &again) != 0)
		abort();
	match_free(&again);
	read_free(&r);
	written_free(&w);
}

/* Three bytes are the match; then each change is a place in two bytes, and what stands there. */
static void change(struct written *w, const uint8_t *data, size_t size)
{
	uint8_t *v = (uint8_t *)w->nest;
	size_t room = w->nest->nla_len;

	for (; size >= 3; data += 3, size -= 3)
		v[(data[0] | (size_t)data[1] << 8) % room] = data[2];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum table_family tables[] = { TABLE_IP, TABLE_IP6, TABLE_INET };
	enum table_family table;
	struct written w;
	struct match m;
	struct read r;
	uint64_t seed;
	size_t used;

	if (size < 3)
		return 0;
	table = tables[data[0] % 3];
	seed = 1 + data[1] + 256u * data[2];
	nft_random_match(&seed, table, data[0] & 0x80, &m);
	write_match(&m, table, &w);
	match_free(&m);
	change(&w, data + 3, size - 3);
	read_exprs(&w, &r);
	if (nft_match_get(r.v, r.n, table, &m, &used)) {
		match_normalise(&m);
		check_again(&m, table);
		match_free(&m);
	}
	read_free(&r);
	written_free(&w);
	return 0;
}
