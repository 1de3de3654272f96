/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets and maps of nf_tables, with their elements as ranges of keys. */
#ifndef UNTRACK_NFT_SETS_H
#define UNTRACK_NFT_SETS_H

#include "kernel/nft_wire.h"
#include "rules/fw.h"

struct nft_element; /* as the kernel tells it */

struct nft_set_row { /* one set of one table */
	enum table_family family;
	char *table;
	struct fw_set *set; /* storage belongs to a fw */
	char **objects;	    /* object maps: parallel to set->v, NULL entries allowed; else NULL */
	bool objects_map, interval;
	struct nft_element *elements; /* between nft_set_add_elements and nft_set_take_elements */
	size_t n_elements;
	bool bad;    /* an element that makes no sense: the set stays unknown */
	char *attrs; /* anonymous: the definition in hexadecimal, the first half of set->body */
};

/* Ours: in our table, or named like it in the table of a twin. */
bool nft_is_own_set(const struct nft_set_row *row);

/* From a NFT_MSG_NEWSET message; false: malformed, or of a family that is left out. */
bool nft_set_read(struct nft_set_row *row, const struct nlmsghdr *h);

/* Fetches the elements: sets v, known, and body of an anonymous set. As nft_wire_dump. */
int nft_set_read_elements(struct nft_set_row *row, struct nft_wire *w);

/* Its two halves: the elements of one message; then what all of them mean. */
void nft_set_add_elements(struct nft_set_row *row, const struct nlmsghdr *h);
void nft_set_take_elements(struct nft_set_row *row);

/* Addresses are many and say nothing about ports: their sets are read only where asked for. */
bool nft_set_has_addresses(const struct fw_set *s);

/* All but the set itself. */
void nft_set_row_free(struct nft_set_row *row);

/* NFPROTO_* and the families with twins. false: another one. */
bool nft_family_read(uint8_t nfproto, enum table_family *out);
uint8_t nft_family_number(enum table_family f);

#endif
