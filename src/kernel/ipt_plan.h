/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has to be inserted into, and deleted from, one table of iptables-legacy. Pure. */
#ifndef UNTRACK_IPT_PLAN_H
#define UNTRACK_IPT_PLAN_H

#include "kernel/ipt_entry.h"
#include "kernel/ipt_table.h"

struct ipt_edit {
	size_t chain, place;	 /* in the table as the edits before this one leave it */
	const struct twin *twin; /* of want; a deletion: of the table, and written is empty */
	struct ipt_written written;
};

struct ipt_plan { /* start from {0} */
	struct ipt_edit *v;
	size_t n;
};

/* The twins of want that t lacks, each before its anchor and in the order of want. -1 with a
 * finding where one of them has no place, or no entry can hold it. */
int ipt_plan_add(struct ipt_plan *p, const struct ipt_table *t, const struct ruleset *want,
		 struct diag *d);
/* The twins of t that want lacks, or that are not in its order. */
void ipt_plan_remove(struct ipt_plan *p, const struct ipt_table *t, const struct ruleset *want);
void ipt_plan_free(struct ipt_plan *p);

/* "cannot add a rule to chain INPUT of the iptables-legacy table ip filter: WHY: the twin" */
void ipt_plan_tell(const struct ipt_table *t, const struct ipt_edit *e, bool adds, const char *why,
		   struct diag *d);

#endif
