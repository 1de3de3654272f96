/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shape of table inet untrack: which chains, sets, counters and rules hold the raw rules of a
 * ruleset. Pure and deterministic; the text of `show --as nft` and what is written to the kernel
 * both come from it. Packet cost must not grow with ports and services, so lists are sets, equal
 * lists are one set, and exemptions that differ only in their ports share one rule and one lookup.
 * ICMP errors have chains of their own, so that nothing else pays for them; nft 1.0.6 has no map
 * from raw payload to counters, so there each exemption has its own rule. */
#ifndef UNTRACK_NFT_LAYOUT_H
#define UNTRACK_NFT_LAYOUT_H

#include "kernel/nft_term.h"
#include "rules/ruleset.h"

#define NFT_OWN_PRIORITY (-300) /* "raw"; notrack has no effect from -200 on (FACTS C1) */
#define NFT_COMMENT_MAX 120	/* nft reloads up to 128 */

/* In the order of the listing */
enum nft_chain_id {
	NFT_PREROUTING,
	NFT_OUTPUT,
	NFT_ICMP_IN,
	NFT_ICMPV6_IN,
	NFT_ICMP_OUT,
	NFT_ICMPV6_OUT,
	NFT_CHAINS
};

struct nft_counter { /* one per exemption and direction: "web_in" */
	char *name;
	const char *exemption;
	enum hook hook;
};

struct nft_set {
	char *name;
	struct nft_list list;
	const size_t *counters; /* a map: of each port range the index of its counter; else NULL */
};

/* Thousands of ports that are hardly ever neighbours: as single elements of a hash table they load
 * and are found faster than as intervals of a tree. */
bool nft_set_is_scattered(const struct nft_set *s);

enum nft_action { NFT_DO_NOTRACK, NFT_DO_RETURN, NFT_DO_JUMP };

struct nft_rule {
	enum nft_chain_id chain;
	enum nft_action action;
	enum nft_chain_id target; /* of a jump */
	struct match match;	  /* lists borrowed from the ruleset or the layout */
	const struct nft_set
		*sets[NFT_SLOTS];  /* the set of a term's list; NULL: it stands inline */
	size_t counter;		   /* of NFT_DO_NOTRACK without a map */
	const struct nft_set *map; /* counters by port */
	enum nft_slot map_slot;	   /* which port */
	char *comment;		   /* NULL: none */
	const struct rule *origin; /* the first exemption's; NULL: a jump */
};

struct nft_layout { /* borrows from the ruleset it was built from */
	struct nft_counter *counters;
	size_t n_counters;
	struct nft_set **sets;
	size_t n_sets;
	struct nft_rule *rules; /* sorted by chain */
	size_t n_rules;
	bool chains[NFT_CHAINS]; /* used */
	void **owned;
	size_t n_owned;
};

struct nft_chain_info {
	const char *name;
	enum hook hook; /* of its packets */
	bool base;
	enum family family; /* of ICMP chains */
	uint8_t proto;	    /* what jumps there: IPPROTO_*; 0: a base chain */
};

/* rs is normalised; every match of it fits (nft_match_fits) once ICMP errors are split by family.
 */
void nft_layout_build(const struct ruleset *rs, struct nft_layout *l);
void nft_layout_free(struct nft_layout *l);

const struct nft_chain_info *nft_chain_info(enum nft_chain_id c);
/* "web_in"; the caller frees. */
char *nft_counter_name(const char *exemption, enum hook hook);

/* Is this a name that a layout may give to one of its sets and maps? */
bool nft_layout_names_set(const char *name);

#endif
