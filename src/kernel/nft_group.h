/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which exemptions share one nft rule: those that differ only in name and in the ports of one side.
 */
#ifndef UNTRACK_NFT_GROUP_H
#define UNTRACK_NFT_GROUP_H

#include "rules/ruleset.h"

struct nft_member {    /* what one raw rule shares with others; groups are in canonical order */
	size_t first;  /* index of the group's first rule; its own: it is the first or alone */
	size_t next;   /* of the next one; 0: it is the last or alone */
	bool by_sport; /* the side that differs within the group */
};

/* One for each rule of a normalised ruleset, fresh. Ports of a group's rules do not overlap. */
struct nft_member *nft_group(const struct ruleset *rs);

#endif
