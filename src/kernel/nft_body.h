/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One nf_tables expression as canonical text and back, verbatim: "NAME:HEX", where HEX is the
 * attributes of NFTA_EXPR_DATA sorted by type at every level, NLA_F_NESTED and padding normalised,
 * so that what was written and what the kernel gives back are the same text. Counters and other
 * packet state (counter, quota consumed, last) are zeroed. A lookup (or dynset, objref map) in an
 * anonymous set carries the set's definition instead of its name: "lookup:HEX{SETHEX}". A rule's
 * body is such texts joined by one blank. Expressions unknown to us are carried all the same. */
#ifndef UNTRACK_NFT_BODY_H
#define UNTRACK_NFT_BODY_H

#include <libmnl/libmnl.h>
#include "rules/fw.h"

/* Parses one NFTA_LIST_ELEM of NFTA_RULE_EXPRESSIONS. Total: never trusts a length. sets resolves a
 * set's name in the rule's table. 0, or -1: malformed (then op is FW_UNKNOWN, name and body set). */
int nft_expr_parse(const struct nlattr *elem, struct fw_set *const *sets, size_t n_sets,
		   struct fw_expr *out);

/* Appends the expressions of a body as NFTA_LIST_ELEMs to an open NFTA_RULE_EXPRESSIONS nest.
 * Anonymous sets must have been written before with nft_body_sets. ids is the first set id used
 * there. 0, or -1: not a body. */
int nft_body_put(struct nlmsghdr *h, const char *body, uint32_t first_set_id);

/* Calls fn for each anonymous set definition in the body, in order: SETHEX decoded. */
struct nft_anon_set {
	uint32_t flags, key_type, key_len, data_type, data_len;
	uint8_t desc_concat[16]; /* field lengths of a concatenation */
	size_t n_fields;
	const void *userdata;
	size_t userdata_len;
	const void *elements; /* NFTA_SET_ELEM_LIST_ELEMENTS content, canonical, ready to send */
	size_t elements_len;
};
int nft_body_sets(const char *body, void (*fn)(void *ctx, const struct nft_anon_set *s), void *ctx);

#endif
