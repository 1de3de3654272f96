/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fewest edits that make the chains of ours in a table raw of iptables-legacy those of a
 * layout. Rules that stay are not touched, so that they keep their counters. Pure. */
#ifndef UNTRACK_IPT_RAW_PLAN_H
#define UNTRACK_IPT_RAW_PLAN_H

#include "kernel/ipt_entry.h"
#include "kernel/ipt_layout.h"
#include "kernel/ipt_table.h"

enum ipt_raw_op {
	IPT_RAW_CREATE, /* the chain */
	IPT_RAW_INSERT,
	IPT_RAW_DELETE,
	IPT_RAW_FLUSH, /* every rule of the chain */
	IPT_RAW_DROP,  /* the chain, which is empty, and nothing jumps to it */
};

struct ipt_raw_edit { /* borrows from the table and the layout */
	enum ipt_raw_op op;
	const char *chain; /* 32 bytes */
	size_t place;	   /* in the chain as the edits before this one leave it */
	const struct ipt_rule
		*rule;	      /* IPT_RAW_INSERT: of the layout; NULL: the jump to our chain */
	struct counter count; /* what it begins with; no name */
	struct ipt_written written;
};

struct ipt_raw_plan { /* start from {0}; no edits: the table is as wanted */
	struct ipt_raw_edit *v;
	size_t n;
};

/* Deleted rules leave their counts to the first rule of their exemption and direction that is new,
 * or if there is none to one that is written anew for it. Exemptions that were not there have those
 * of the layout. -1 with findings: no entry can hold a rule. */
int ipt_raw_plan_make(struct ipt_raw_plan *p, const struct ipt_table *t,
		      const struct ipt_layout *want, struct diag *d);
void ipt_raw_plan_free(struct ipt_raw_plan *p);

/* "a rule in chain UNTRACK-PRE of the iptables-legacy table ip raw": what the edit is about, with
 * the rule's own text. */
void ipt_raw_edit_text(const struct ipt_table *t, const struct ipt_raw_edit *e, struct text *out);

#endif
