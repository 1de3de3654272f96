/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has to be inserted into, and deleted from, one table of iptables-legacy. Pure. */
#ifndef UNTRACK_IPT_PLAN_H
#define UNTRACK_IPT_PLAN_H

#include "kernel/ipt_table.h"

struct ipt_edit {
	size_t chain, place;	 /* in the table as the edits before this one leave it */
	const struct twin *twin; /* of want; a deletion: NULL */
};

struct ipt_plan { /* start from {0}; the owner frees v */
	struct ipt_edit *v;
	size_t n;
};

/* The twins of want that t lacks, each before its anchor and in the order of want. Every one of
 * them must have a place: -1 with a finding where a chain or an anchor does not exist. */
int ipt_plan_add(struct ipt_plan *p, const struct ipt_table *t, const struct ruleset *want,
		 struct diag *d);
/* The twins of t that want lacks, or that are not in its order. */
void ipt_plan_remove(struct ipt_plan *p, const struct ipt_table *t, const struct ruleset *want);

#endif
