/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics of connection tracking in this network namespace. */
#ifndef UNTRACK_CONNTRACK_STATS_H
#define UNTRACK_CONNTRACK_STATS_H

#include "report/diag.h"
#include "rules/table.h"

/* Sums of all processors, since boot. *fn, unless NULL, gets each processor's own before. -1 with
 * an error (conntrack-unread) in d: not to be had, or not without loading nf_conntrack_netlink. */
typedef void ct_stats_fn(void *ctx, unsigned cpu, const struct ct_stats *of_one);
int ct_stats_read(struct ct_stats *out, ct_stats_fn *fn, void *ctx, struct diag *d);

/* Entries of this namespace and how many it may have, from nf_conntrack_count and
 * nf_conntrack_max, which loads nothing. false: no connection tracking here. */
bool ct_limits_read(unsigned long *entries, unsigned long *max);

#endif
