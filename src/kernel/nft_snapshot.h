/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that nf_tables holds, read once and consistently, as values. */
#ifndef UNTRACK_NFT_SNAPSHOT_H
#define UNTRACK_NFT_SNAPSHOT_H

#include "kernel/nft_wire.h"
#include "rules/fw.h"

#define NFT_OWN_TABLE "untrack"	   /* inet */
#define NFT_TWIN_PREFIX "untrack:" /* of a twin's comment */

struct nft_object { /* in our own table */
	char *name;
	uint32_t type;		 /* NFT_OBJECT_* */
	uint64_t packets, bytes; /* of counters */
};

struct nft_set_info { /* every set and map of our own table, and our named sets elsewhere */
	enum table_family family;
	char *table;
	const struct fw_set *set; /* elements known; owned by the fw it was read into */
	char **objects; /* object maps: the object of each element, parallel to set->v; else NULL */
};

struct nft_snapshot { /* start from {0} */
	uint32_t genid;
	bool own_table;	    /* inet untrack exists */
	uint32_t own_flags; /* its table flags (dormant, owner): not 0 is foreign */
	struct fw own;	    /* its chains, base and other, in the same model */
	struct nft_set_info *sets;
	size_t n_sets;
	struct nft_object *objects;
	size_t n_objects;
	struct fw fw; /* ip, ip6 and inet tables but ours; bridge, arp, netdev are left out */
};

/* Tries again while dumps are interrupted or the generation id moves between first and last dump
 * (at most 10 times). want_fw false: our own table and the rules that may be twins only are needed,
 * which today are found by reading everything all the same. -1 with a finding. */
int nft_snapshot_read(struct nft_wire *w, struct nft_snapshot *s, struct diag *d);
void nft_snapshot_free(struct nft_snapshot *s);

/* Is this our own table? */
bool nft_is_own(enum table_family f, const char *table);

#endif
