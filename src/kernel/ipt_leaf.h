/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of a ruleset as single rules of iptables-legacy that have no place yet, in the order in
 * which ipt_layout.c takes them. Pure. */
#ifndef UNTRACK_IPT_LEAF_H
#define UNTRACK_IPT_LEAF_H

#include "kernel/ipt_layout.h"

enum ipt_key { IPT_BY_NOTHING, IPT_BY_DPORT, IPT_BY_SPORT };

struct ipt_leaf {
	struct ipt_rule rule;
	enum hook hook;
	const struct rule *from; /* the first of the ruleset's rules that it is of; borrowed */
	uint8_t proto;		 /* of the packet itself; 0: any */
	struct match excluded; /* of the ruleset's rule, what it excludes; lists borrowed. icmp: the
				* addresses are those of quoted packets */
	bool excludes;	       /* anything */
	enum ipt_key key;      /* the ports by which the leaf is found */
	uint16_t lo, hi;       /* of these ports */
};

/* The leaves of one family, by hook and in the order of ipt_leaf_compare. NULL and *n == 0: there
 * are none, or findings say why not. */
struct ipt_leaf *ipt_leaves_make(const struct ruleset *rs, enum family f, size_t *n,
				 struct diag *d);
void ipt_leaves_free(struct ipt_leaf *v, size_t n);

/* Of two leaves of one hook: rules that RETURN, then by protocol, by what is excluded, by cluster
 * and by ports. */
int ipt_leaf_compare(const struct ipt_leaf *a, const struct ipt_leaf *b);
int ipt_leaf_compare_excluded(const struct ipt_leaf *a, const struct ipt_leaf *b);
/* 0: found by the same ports of packets of the same kind. */
int ipt_leaf_compare_cluster(const struct ipt_leaf *a, const struct ipt_leaf *b);

/* The rule that excludes the i-th thing; it borrows. false: there are not that many. */
bool ipt_leaf_excluding(const struct ipt_leaf *l, size_t i, struct ipt_rule *out);

#endif
