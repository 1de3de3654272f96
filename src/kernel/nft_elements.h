/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists as sets of nf_tables: the messages that create and fill them. */
#ifndef UNTRACK_NFT_ELEMENTS_H
#define UNTRACK_NFT_ELEMENTS_H

#include "kernel/nft_layout.h"
#include "kernel/nft_wire.h"

/* NEWSET and as many NEWSETELEM as it takes. An anonymous set (name NULL) is for one rule, which
 * refers to it as NFT_ANONYMOUS_NAME with the same id. l is needed for maps. */
#define NFT_ANONYMOUS_NAME "__set%d"
void nft_set_put(struct nft_batch *b, enum table_family family, const char *table,
		 const struct nft_set *set, uint32_t id, const struct nft_layout *l);

#endif
