/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink attributes: reading without trust in a length, and values that are written once. */
#ifndef UNTRACK_NFT_ATTR_H
#define UNTRACK_NFT_ATTR_H

#include <linux/netlink.h>
#include "util.h"

#define NFT_ATTR_TYPES 32 /* nf_tables has fewer in every object; higher types are passed over */

struct nft_attrs { /* by type; NULL: absent. Points into the message */
	const struct nlattr *v[NFT_ATTR_TYPES];
};

void nft_attrs_read(struct nft_attrs *t, const void *data, size_t len);
void nft_attrs_nested(struct nft_attrs *t, const struct nlattr *nest); /* NULL: all absent */

/* All of these take NULL for an absent attribute. Numbers come in network order; fallback where
 * absent or too short. */
uint32_t nft_attr_u32(const struct nlattr *a, uint32_t fallback);
uint64_t nft_attr_u64(const struct nlattr *a, uint64_t fallback);
size_t nft_attr_len(const struct nlattr *a); /* of the payload */
bool nft_attr_is(const struct nlattr *a, const char *s);
char *nft_attr_string(const struct nlattr *a);	/* fresh; NULL where absent */
char *nft_attr_comment(const struct nlattr *a); /* of a rule's userdata; fresh, NULL: none */

struct blob { /* bytes that grow; start from {0}, the owner frees v */
	uint8_t *v;
	size_t n, cap;
};
void blob_add(struct blob *b, const void *data, size_t len);
/* One attribute, padded. */
void blob_attr(struct blob *b, uint16_t type, const void *data, size_t len);
size_t blob_nest(struct blob *b, uint16_t type);
void blob_nest_end(struct blob *b, size_t nest);

void text_hex(struct text *t, const void *data, size_t len);
/* len characters of hexadecimal to bytes appended to b; false: not hexadecimal. */
bool blob_unhex(struct blob *b, const char *hex, size_t len);

#endif
