/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of iptables-legacy, both families through one table of libiptc's functions: the rules
 * as the walks need them, and the twins among them. Tables that do not exist are not created
 * (FACTS B5), other people's rules, counters and policies are never lost (B7). */
#ifndef UNTRACK_IPT_H
#define UNTRACK_IPT_H

#include "rules/fw.h"
#include "rules/ruleset.h"

struct ipt; /* what was read last, and the xtables lock while it is held */

struct ipt *ipt_new(void);
void ipt_free(struct ipt *x); /* releases the lock; NULL is fine */

/* Has this kernel iptables-legacy, as far as can be seen without loading a module? */
bool ipt_is_there(void);

/* Could the rules of FORM_LEGACY be written? 0: there are none; 1: it seems so, the kernel cannot
 * be asked; -1 with findings. */
int ipt_check(const struct ruleset *want, struct diag *d);

/* Appends the chains of every table that exists to fw (form FORM_LEGACY) and our twins in them to
 * ours (not normalised; fw_rule.twin is 0 for them, and numbered by the caller when ours is).
 * Releases the lock. 0, or -1 with a finding. */
int ipt_read(struct ipt *x, struct ruleset *ours, struct fw *fw, struct diag *d);

enum ipt_phase {
	IPT_ADD,    /* before the raw rules change: new twins come, none goes */
	IPT_RAW,    /* the rules of FORM_LEGACY become those of want */
	IPT_REMOVE, /* after: twins that are not wanted any more go */
};

/* Makes the legacy twins of want so, one commit for each table that changes, under the xtables lock
 * (bounded wait, XTABLES_LOCKFILE honoured), which is then held until the next ipt_read or
 * ipt_free, unless the result is 1. Writes nothing where nothing differs. 0; 1: a table is not what
 * was read last (nothing written by this call, or IPT_ADD has taken it back); -1 with a finding:
 * the state is unknown, read back. */
int ipt_commit(struct ipt *x, const struct ruleset *want, enum ipt_phase phase, struct diag *d);

/* Takes back what IPT_ADD has written since the last ipt_read, when what should follow it could not
 * be done. 0, or -1 with a finding: the state is unknown. */
int ipt_take_back(struct ipt *x, struct diag *d);

#endif
