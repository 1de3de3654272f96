/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of nft_expr_parse: one parser for each kind of expression. */
#ifndef UNTRACK_NFT_EXPR_H
#define UNTRACK_NFT_EXPR_H

#include "kernel/nft_attr.h"
#include "rules/fw.h"

struct nft_expr_in {
	struct nft_attrs data;	    /* of NFTA_EXPR_DATA */
	struct fw_set *const *sets; /* of the table, sorted by name */
	size_t n_sets;
};

/* Fills in what it knows; false: malformed, and the caller forgets what was filled in. */
typedef bool nft_expr_fn(const struct nft_expr_in *in, struct fw_expr *out);

/* nft_load.c: what puts something into a register */
nft_expr_fn nft_load_meta, nft_load_ct, nft_load_payload, nft_load_fib, nft_load_immediate;
nft_expr_fn nft_load_bitwise;
/* Others by their name: the value is unknown. false: not a loading expression */
bool nft_load_other(const char *name, const struct nft_expr_in *in, struct fw_expr *out,
		    bool *good);
/* nft_match.c: what looks at registers */
nft_expr_fn nft_match_cmp, nft_match_range, nft_match_lookup, nft_match_dynset, nft_match_objref;

/* A register in the numbering of fw.h, with len bytes from there on: false where there are not. */
bool nft_register(const struct nlattr *a, size_t len, uint8_t *out);
/* NFTA_DATA_VALUE in a nest, at most FW_DATA_MAX bytes; its length, or 0. */
size_t nft_value(const struct nlattr *nest, uint8_t *out);
/* NFTA_DATA_VERDICT in a nest. */
bool nft_verdict(const struct nlattr *nest, struct fw_target *out);
/* What an expression with state does to the packets that reach it: FW_LIMIT, FW_CT_LIMIT, or
 * FW_EFFECT. expr holds NFTA_EXPR_NAME. */
enum fw_op nft_stateful(const struct nlattr *expr);
/* The same of an object, by its type. */
enum fw_op nft_object_op(uint32_t type);
/* The stronger of two. */
enum fw_op nft_stronger(enum fw_op a, enum fw_op b);

#endif
