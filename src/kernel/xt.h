/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The matches and targets of iptables (x_tables extensions), as they lie in nf_tables through
 * nft_compat and in the entries of iptables-legacy: the same structs, linux/netfilter/xt_*.h. */
#ifndef UNTRACK_XT_H
#define UNTRACK_XT_H

#include "rules/fw.h"
#include "rules/ruleset.h"

struct xt_ext {
	const char *name; /* borrowed, as data */
	uint8_t revision;
	bool target;
	const uint8_t *data;
	size_t len; /* of data; never trusted */
};

/* The text of an extension in a rule's body, "match:HEX" or "target:HEX" as nft_body.h has it: the
 * same for both homes of iptables' rules. The caller frees. */
char *xt_body(const struct xt_ext *x);

/* Appends to r what the extension means, as operations without a body: what the walks need, and
 * FW_UNKNOWN where we do not know it. An extension that is known to decide by things that we cannot
 * know (an ipset, a mark) is FW_MAYBE, and no obstacle. Sets are added to fw->sets. Total. */
void xt_lower(struct fw *fw, struct fw_rule *r, enum family f, const struct xt_ext *x);

#endif
