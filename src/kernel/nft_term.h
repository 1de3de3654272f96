/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A match as the terms of an nft rule: "load a field, compare it with a list of values". One table
 * of fields serves the text, the encoder and the decoder, so that they cannot drift apart. Pure. */
#ifndef UNTRACK_NFT_TERM_H
#define UNTRACK_NFT_TERM_H

#include "rules/fw.h"

/* A rule has at most one term of each; NOT_x directly follows x */
enum nft_slot {
	NFT_IN,
	NFT_NOT_IN,
	NFT_OUT,
	NFT_NOT_OUT,
	NFT_NFPROTO,
	NFT_L4PROTO,
	NFT_ICMP_TYPE,
	NFT_QUOTED_IHL, /* a quoted IPv4 header without options: the quoted ports are where
			   we look */
	NFT_QUOTED_PROTO,
	NFT_SPORT, /* ports and addresses of the quoted packet in ICMP errors */
	NFT_DPORT,
	NFT_SRC,
	NFT_NOT_SRC,
	NFT_DST,
	NFT_NOT_DST,
	NFT_TCP_FLAGS,
	NFT_DST_KIND,
	NFT_SLOTS
};

/* What a list holds, which decides the set that can hold it */
enum nft_kind {
	NFT_NUMBER, /* one number, never in a set */
	NFT_PORTS,  /* struct port_range */
	NFT_QUOTED_PORTS,
	NFT_ADDRS4, /* struct prefix */
	NFT_ADDRS6,
	NFT_QUOTED_ADDRS4,
	NFT_QUOTED_ADDRS6,
	NFT_IFACES,	/* char[IFNAMSIZ] */
	NFT_ICMP_TYPES, /* uint8_t */
	NFT_ICMPV6_TYPES,
	NFT_KINDS
};

struct nft_kind_info {
	uint32_t key_type; /* nft's datatype number */
	uint8_t key_len;   /* bytes */
	bool interval;
	const char *type;    /* as nft writes it: "type inet_service" */
	uint16_t raw_offset; /* bits; of "typeof @th,OFFSET,BITS"; 0: has a type */
	uint8_t per_line;    /* elements on a line of nft's listing */
};

struct nft_list {
	enum nft_kind kind;
	const void *v; /* borrowed */
	size_t n;
	uint32_t number; /* of NFT_NUMBER */
};

struct nft_field { /* what one expression loads */
	enum nft_slot slot;
	enum fw_field load;
	unsigned families; /* that have it here */
	bool quoted;	   /* in the packet that an ICMP error quotes */
	uint16_t offset;
	uint8_t len; /* bytes */
	const char
		*text; /* "iifname"; "sport" follows the protocol's name; NULL: "@th,OFFSET,BITS" */
};

struct nft_term {
	const struct nft_field *field;
	enum nft_slot slot; /* the field's, or its NOT_ */
	bool negated;
	bool implied; /* nft's text does not write it: another term says it */
	struct nft_list list;
};

/* Can one rule of a table of this family hold the match? Not: ICMP or addresses of both families,
 * families that the table does not see, ports without a protocol. */
bool nft_match_fits(const struct match *m, enum table_family table);

/* The terms of a match that fits, in the order of the rule. Lists are borrowed from m. Their
 * number, at most NFT_SLOTS. */
size_t nft_terms(const struct match *m, enum table_family table, struct nft_term out[NFT_SLOTS]);

/* The field of a load, NULL: none of ours. len may be shorter than the field's (prefixes). */
const struct nft_field *nft_field_find(enum fw_field load, uint16_t offset, uint8_t len);

const struct nft_kind_info *nft_kind_info(enum nft_kind k);
enum nft_kind nft_field_kind(const struct nft_field *f);

/* Element i as its first and last key in network order; false: another element covers it. */
bool nft_list_range(const struct nft_list *l, size_t i, uint8_t lo[16], uint8_t hi[16]);

/* Can a comparison stand for the list, without a set? One element can, but for "*", which is every
 * name, and for a quoted prefix of no bits, which nft's language has no words for. */
bool nft_list_is_single(const struct nft_list *l);

int nft_list_compare(const struct nft_list *a, const struct nft_list *b); /* total order */

/* Same name as `nft list` gives it, into t: "tcp", "ipv6-icmp", "99". */
void nft_proto_text(uint8_t proto, struct text *t);

#endif
