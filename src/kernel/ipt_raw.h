/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains of ours in the table raw of one family of iptables-legacy: made what a layout says, in
 * one commit that is read back where it may not be what it says (FACTS B6). */
#ifndef UNTRACK_IPT_RAW_H
#define UNTRACK_IPT_RAW_H

#include "kernel/ipt_layout.h"
#include "kernel/ipt_raw_plan.h"
#include "kernel/ipt_table.h"

struct ipt_raw { /* start from family, want and look; the rest is this module's */
	const struct ipt_family *family;
	struct ipt_layout want;
	bool look; /* now matters after the write, too */
	struct xtc_handle *h;
	struct ipt_table now; /* what h holds */
	struct ipt_raw_plan plan;
	unsigned refusals;
	bool met; /* somebody has changed the table while we held the lock */
};

/* Does t hold what want says, and nothing else of ours? NULL: there is no table raw. */
bool ipt_raw_is(const struct ipt_table *t, const struct ipt_layout *want);

/* Under the lock. Creates the table if it has to. 0, or -1 with a finding: nothing is changed. */
int ipt_raw_open(struct ipt_raw *r, struct diag *d);
/* Under the lock, after ipt_raw_open. Tries again, a bounded number of times, while somebody
 * without the lock changes the table; other people's changes are kept. now is then what is there,
 * or without look perhaps nothing, and h NULL. -1 with a finding. */
int ipt_raw_write(struct ipt_raw *r, struct diag *d);
void ipt_raw_free(struct ipt_raw *r); /* want, too */

#endif
