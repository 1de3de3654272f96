/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connection tracking entries over ctnetlink: dump, match, exact delete. */
#ifndef UNTRACK_CONNTRACK_H
#define UNTRACK_CONNTRACK_H

#include <stdbool.h>
#include "rules/ruleset.h"

struct drain_report {
	unsigned long seen, deleted, kept_nat, kept_helper, failed;
};

/* Deletes exactly the entries whose packets the raw rules exempt in both directions and that carry
 * no NAT and no helper: dump (resumed when interrupted), match, exact delete by original tuple and
 * CTA_ID. Never a flush (FACTS E2). No conntrack in the kernel or none in use: 0 and an empty
 * report, and nothing is switched on or loaded. -1 with a finding on failure; entries left behind
 * are harmless to the exempt traffic itself. */
int conntrack_drain(const struct ruleset *rs, struct drain_report *report, struct diag *d);

/* Does an entry with this tuple belong to what rs exempts? Pure, for tests. */
struct ct_tuple {
	enum family family;
	uint8_t proto;
	uint8_t src[16], dst[16]; /* network order, 4 or 16 bytes */
	uint16_t sport, dport; /* host order; 0 for portless */
};

#endif
