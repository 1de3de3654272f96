/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of connection tracking, asked of ctnetlink. */
#ifndef UNTRACK_CONNTRACK_ENTRY_H
#define UNTRACK_CONNTRACK_ENTRY_H

#include <libmnl/libmnl.h>
#include "kernel/conntrack.h"

struct ct_entry { /* of one dumped message; attributes point into it */
	struct ct_tuple orig, reply;
	const struct nlattr *tuple, *id, *zone;
	uint32_t status;
	bool helper;
};

struct ct_question {
	uint8_t family;	       /* AF_INET, AF_INET6 */
	uint32_t status, mask; /* IPS_*: only entries with these of these bits; mask 0: any. A
				* filter of the kernel's, if it has one: look again */
};

/* Is this namespace tracking? Asking ctnetlink would load it; so would asking about a table that
 * nobody uses. */
bool ct_is_tracking(void);

/* NULL with errno. */
struct mnl_socket *ct_open(void);

/* The start of a message; the caller adds attributes. */
struct nlmsghdr *ct_header(char *buf, uint16_t type, uint16_t flags, uint8_t family, uint32_t seq);

/* Feeds every entry's message to fn. *seq is moved on. 0; -1 with errno: EINTR if the kernel says
 * that entries may have been missed. */
typedef void ct_fn(const struct nlmsghdr *h, void *ctx);
int ct_dump(struct mnl_socket *nl, const struct ct_question *q, uint32_t *seq, ct_fn *fn,
	    void *ctx);

/* false: not an entry of IPv4 or IPv6 with whole tuples. */
bool ct_entry_parse(const struct nlmsghdr *h, struct ct_entry *e);

#endif
