/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The canonical form of what a rule holds: what the kernel gives back is written in the order of
 * types, and what packets have done to it (counters, quotas) is left out. */
#ifndef UNTRACK_NFT_CANON_H
#define UNTRACK_NFT_CANON_H

#include "kernel/nft_attr.h"

/* Where an expression names a set; attribute types. */
struct nft_set_ref {
	const char *expr;
	uint16_t name, id;
};
const struct nft_set_ref *nft_set_ref(const struct nlattr *expr_name); /* NULL: names none */
const struct nft_set_ref *nft_set_ref_of(const char *expr_name, size_t len);

/* The attributes of an expression's NFTA_EXPR_DATA. without: a type to leave out, 0: none. */
void nft_canon_data(struct blob *b, const struct nlattr *expr_name, const struct nlattr *data,
		    uint16_t without);
/* An attribute that holds one expression (NFTA_EXPR_NAME and _DATA), as an attribute of this type.
 */
void nft_canon_expr(struct blob *b, uint16_t type, const struct nlattr *expr);
/* An attribute that holds a list of them. */
void nft_canon_exprs(struct blob *b, uint16_t type, const struct nlattr *list);
/* The attributes of a set that its definition is made of, and of one element of it. */
void nft_canon_set(struct blob *b, const struct nft_attrs *set);
void nft_canon_element(struct blob *b, const struct nft_attrs *element);

/* Names in body text: everything but letters, digits, '_', '-' and '.' as %XX. */
void nft_name_text(struct text *t, const char *name);
char *nft_name_parse(const char *s, size_t len); /* fresh; NULL: not such a name */

#endif
