/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What untrack watch found missing, in words, and who probably took it. */
#ifndef UNTRACK_REPAIR_H
#define UNTRACK_REPAIR_H

#include "command/command.h"
#include "kernel/nft_watch.h"
#include "util.h"

struct suspects { /* who has changed rules since the last look */
	struct nft_news nft;
	struct text legacy; /* tables of iptables-legacy: "ip filter, ip6 raw" */
};

/* One finding, "repaired", of what was put back. Pure. late_ms: after the last change; 0: nobody
 * told of any. */
void repair_tell(const struct change_seen *seen, const struct suspects *who, unsigned long late_ms,
		 struct diag *d);
/* "6 rules, 4 twins" */
void repair_count(const struct ruleset *rs, struct text *t);

#endif
