/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The raw rules in nft's language, as `nft list table inet untrack` prints them. */
#ifndef UNTRACK_NFT_TEXT_H
#define UNTRACK_NFT_TEXT_H

#include "kernel/nft_layout.h"

/* The whole table; nothing for a ruleset without rules. `nft -f` loads it, and what nft then lists
 * is the same text. Twins are not in it: they belong to other tables. */
void nft_text(const struct ruleset *rs, FILE *out);

/* One rule of a layout, without newline. */
void nft_rule_text(const struct nft_layout *l, const struct nft_rule *r, struct text *t);

#endif
