/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a snapshot of nf_tables means to us: our rules, our twins, and what is foreign among them.
 */
#ifndef UNTRACK_NFT_DECODE_H
#define UNTRACK_NFT_DECODE_H

#include "kernel/nft_snapshot.h"
#include "rules/ruleset.h"

/* *ours is overwritten, normalised. Rules of the firewall that are twins get their index in it. */
void nft_decode(struct nft_snapshot *s, struct ruleset *ours);

/* Gives the twins among the rules of fw their index in ours, once more twins have been read. */
void nft_number_twins(struct fw *fw, const struct ruleset *ours);

/* The chains, sets, objects and rules of table inet untrack; part of nft_decode. */
void nft_decode_own(const struct nft_snapshot *s, struct ruleset *ours);

#endif
