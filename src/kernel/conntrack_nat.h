/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Live connections whose addresses are translated, counted by what an exemption could match. */
#ifndef UNTRACK_CONNTRACK_NAT_H
#define UNTRACK_CONNTRACK_NAT_H

#include "rules/host.h"

/* Into h->nat, sorted; memory is bounded by what they have in common, not by their number. For a
 * host that has entries (nf_conntrack_count). No module is loaded. -1 with errno: they could not be
 * had. */
int conntrack_nat_read(struct host *h);

#endif
