/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a table raw of iptables-legacy holds of ours: the chains UNTRACK-* and the jumps to them.
 * Pure. */
#ifndef UNTRACK_IPT_OWN_H
#define UNTRACK_IPT_OWN_H

#include "kernel/ipt_layout.h"
#include "kernel/ipt_table.h"

struct ipt_own_base { /* a chain of the kernel, and ours that it jumps to first of all */
	const char *chain, *own;
	enum hook hook;
};
extern const struct ipt_own_base ipt_own_bases[2];

/* The jump that belongs at the head of the base chain. */
bool ipt_own_is_jump(const struct ipt_item *i, const struct ipt_own_base *base, enum family f);
void ipt_own_jump(const struct ipt_own_base *base, enum family f, struct ipt_rule *r);

void ipt_own_names(const struct ipt_layout *l, struct ipt_names *names);
/* Which hook's packets the rules of each chain meet. hooks has l->n places. */
void ipt_own_hooks(const struct ipt_layout *l, enum hook *hooks);

/* Our chains in the order of a layout, those that nothing of ours jumps to last, without what we do
 * not write. Rules are borrowed from t: ipt_own_layout_free, not ipt_layout_free. */
void ipt_own_layout(const struct ipt_table *t, struct ipt_layout *l);
void ipt_own_layout_free(struct ipt_layout *l);

/* Appends rules, counters and what is foreign to ours (not normalised). Chains that nothing jumps
 * to say nothing; a jump that is missing, not first or there twice is a husk: the next commit puts
 * it right. */
void ipt_own_read(const struct ipt_table *t, struct ruleset *ours);

#endif
