/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One entry of connection tracking, as ctnetlink has it. */
#ifndef UNTRACK_CONNTRACK_ENTRY_H
#define UNTRACK_CONNTRACK_ENTRY_H

#include <libmnl/libmnl.h>
#include "rules/table.h"

struct ct_raw {		/* what names the entry to the kernel; attributes point into the message */
	uint8_t family; /* AF_INET, AF_INET6 */
	const struct nlattr *tuple, *id, *zone;
};

/* false: not an entry of IPv4 or IPv6 with whole tuples. */
bool ct_entry_parse(const struct nlmsghdr *h, struct ct_entry *e, struct ct_raw *raw);

#endif
