/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nf_tables as one of the two homes of rules: table inet untrack and the twins in nft's tables,
 * read as a whole and written as one batch. */
#ifndef UNTRACK_NFT_H
#define UNTRACK_NFT_H

#include "kernel/nft_wire.h"
#include "rules/fw.h"
#include "rules/ruleset.h"

struct nft; /* a socket, and what was read last */

/* -1 with a finding; *absent: because this kernel has no nf_tables at all. */
int nft_open(struct nft **out, bool *absent, struct diag *d);
void nft_close(struct nft *n); /* NULL is fine */

/* Everything of ours in nf_tables, normalised, into *ours; the tables into *fw (may be NULL), with
 * fw_rule.twin 0 everywhere until nft_number_twins. One consistent snapshot. 0, or -1. */
int nft_read(struct nft *n, struct ruleset *ours, struct fw *fw, struct diag *d);

/* Makes what is of nf_tables in want so (FORM_LEGACY is left out), in one batch; writes nothing
 * where nothing differs. dry: only asks the kernel. Findings for all but NFT_SENT and NFT_STALE. */
enum nft_send nft_commit(struct nft *n, const struct ruleset *want, bool dry, struct diag *d);

#endif
