/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A match as expressions of nf_tables, and back. Pure: decode(encode(m)) == m. */
#ifndef UNTRACK_NFT_RULE_H
#define UNTRACK_NFT_RULE_H

#include <libmnl/libmnl.h>
#include "kernel/nft_term.h"

/* Bytes for everything that is written here into one rule, comment included. */
#define NFT_RULE_ROOM 8192

struct nft_set_ref {	  /* where a term's list stands */
	const char *name; /* NULL: inline, then the list has one element */
	uint32_t id;	  /* of a set of the same batch; 0: a set that was there before */
};

/* Append to an open NFTA_RULE_EXPRESSIONS nest. The match fits the table (nft_match_fits). */
void nft_match_put(struct nlmsghdr *h, const struct match *m, enum table_family table,
		   const struct nft_set_ref sets[NFT_SLOTS]);
/* ct state untracked, or untracked and invalid where m asks for answers, too */
void nft_untracked_put(struct nlmsghdr *h, const struct match *m);
uint32_t nft_untracked_bits(const struct match *m);
void nft_counter_put(struct nlmsghdr *h, const char *name);
/* The counter that map has for a port of the packet (NFT_SPORT or NFT_DPORT). */
void nft_counter_map_put(struct nlmsghdr *h, enum nft_slot port, const struct nft_set_ref *map);
void nft_notrack_put(struct nlmsghdr *h);
void nft_verdict_put(struct nlmsghdr *h, int verdict, const char *chain); /* NFT_RETURN, NFT_JUMP */
/* One expression each, all of them through register 1. */
void nft_meta_put(struct nlmsghdr *h, uint32_t key); /* NFT_META_* */
void nft_payload_put(struct nlmsghdr *h, uint32_t base, uint32_t offset, uint32_t len);
void nft_bitwise_put(struct nlmsghdr *h, const uint8_t *mask, uint32_t len); /* len <= 16 */
void nft_cmp_put(struct nlmsghdr *h, bool negated, const void *data, uint32_t len);
/* The rule's comment, outside the nest; one that does not fit is cut. */
void nft_comment_put(struct nlmsghdr *h, const char *comment);

/* Reads a match off the front of a rule: as many expressions as are terms, *used of them. false:
 * not a match that could have been written here; *out is untouched then. Total. */
bool nft_match_get(const struct fw_expr *v, size_t n, enum table_family table, struct match *out,
		   size_t *used);
/* Are these the three expressions of "ct state untracked"? */
bool nft_untracked_get(const struct fw_expr *v, size_t n, struct match *m);
#define NFT_UNTRACKED_EXPRS 3

/* The ports of a set, normalised; false: no plain set of ports. */
bool nft_set_ports(const struct fw_set *s, struct ports *out);

#endif
