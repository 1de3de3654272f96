/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A match as a rule of nf_tables, and the sets that it looks things up in as a snapshot has them.
 */
#ifndef UNTRACK_TESTS_NFT_WRITTEN_H
#define UNTRACK_TESTS_NFT_WRITTEN_H

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include "kernel/nft_body.h"
#include "kernel/nft_rule.h"

struct written { /* the caller frees h, too */
	struct nlmsghdr *h;
	struct nlattr *nest; /* of the expressions; open */
	struct fw_set *sets[NFT_SLOTS];
	size_t n_sets;
};

static inline struct fw_set *written_set(const struct nft_list *l, const char *name)
{
	struct fw_set *s = xcalloc(1, sizeof *s);

	s->name = xstrdup(name);
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

static inline bool written_inline(const struct nft_list *l)
{
	bool types = l->kind == NFT_ICMP_TYPES || l->kind == NFT_ICMPV6_TYPES;

	return !types && nft_list_is_single(l);
}

/* Names of sets sort as the slots do. */
static inline void write_match(const struct match *m, enum table_family table, struct written *w)
{
	struct nft_set_ref refs[NFT_SLOTS] = { 0 };
	struct nft_term terms[NFT_SLOTS];
	size_t n = nft_terms(m, table, terms);

	*w = (struct written){ .h = mnl_nlmsg_put_header(xcalloc(1, NFT_RULE_ROOM)) };
	for (enum nft_slot slot = 0; slot < NFT_SLOTS; slot++)
		for (size_t i = 0; i < n; i++)
			if (terms[i].slot == slot && !written_inline(&terms[i].list)) {
				const char name[] = { 's', (char)('a' + (int)slot), 0 };

				w->sets[w->n_sets] = written_set(&terms[i].list, name);
				refs[slot].name = w->sets[w->n_sets++]->name;
			}
	w->nest = mnl_attr_nest_start(w->h, NFTA_RULE_EXPRESSIONS);
	nft_match_put(w->h, m, table, refs);
}

static inline void written_set_free(struct fw_set *s)
{
	free(s->name);
	free(s->v);
	free(s);
}

static inline void written_free(struct written *w)
{
	for (size_t i = 0; i < w->n_sets; i++)
		written_set_free(w->sets[i]);
	free(w->h);
}

static inline void expr_free(struct fw_expr *e)
{
	free(e->name);
	free(e->body);
	free(e->object);
	free(e->target.chain);
}

#endif
