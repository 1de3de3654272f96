/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of nf_tables as canonical text and back, verbatim. One expression is "NAME:HEX",
 * where HEX is the attributes of NFTA_EXPR_DATA in the order of their types, without flags and
 * padding attributes, so that what was written and what the kernel gives back are the same text.
 * Counters and other packet state (quota consumed, last) are left out: "counter:". Expressions
 * unknown to us are carried all the same.
 *
 * A lookup in an anonymous set carries the set's definition instead of its name:
 * "lookup:HEX{ATTRS/ELEMENTS}". An immediate verdict is neutral: "verdict:accept", "verdict:drop",
 * "verdict:continue", "verdict:return", "verdict:jump:CHAIN", "verdict:goto:CHAIN", CHAIN
 * percent-encoded (rules/twin_body.c writes them for the elements of verdict maps). Two comparisons
 * are neutral, too, for the keys of concatenations: "is:REG:HEX" (equal) and "within:REG:HEX:HEX"
 * (from, to), with REG in the numbering of fw.h. A rule's body is such texts joined by one blank.
 */
#ifndef UNTRACK_NFT_BODY_H
#define UNTRACK_NFT_BODY_H

#include <libmnl/libmnl.h>
#include "kernel/nft_wire.h"
#include "rules/fw.h"

/* Parses one NFTA_LIST_ELEM of NFTA_RULE_EXPRESSIONS. Total: never trusts a length. sets are those
 * of the rule's table, sorted by name. *out is overwritten. 0, or -1: malformed (then op is
 * FW_UNKNOWN, name and body set). */
int nft_expr_parse(const struct nlattr *elem, struct fw_set *const *sets, size_t n_sets,
		   struct fw_expr *out);
/* The same without the body, for rules that nobody copies. */
int nft_expr_read(const struct nlattr *elem, struct fw_set *const *sets, size_t n_sets,
		  struct fw_expr *out);

/* Bytes that nft_body_put adds to a message, at most; to be added to the room of nft_batch_msg. */
size_t nft_body_room(const char *body);

/* Appends the expressions of a body as NFTA_LIST_ELEMs to an open NFTA_RULE_EXPRESSIONS nest.
 * Anonymous sets must have been written before with nft_body_put_sets; first_set_id is where that
 * began. 0, or -1: not a body (nothing appended then). */
int nft_body_put(struct nlmsghdr *h, const char *body, uint32_t first_set_id);

/* Writes the anonymous sets of a body, in order, as NEWSET and NEWSETELEM messages for a table.
 * *set_id is the first id to use, unique in the batch, and is moved on. 0, or -1: not a body
 * (nothing written then). */
int nft_body_put_sets(struct nft_batch *b, uint8_t family, const char *table, const char *body,
		      uint32_t *set_id);

#endif
