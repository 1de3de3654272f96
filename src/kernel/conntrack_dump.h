/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to ctnetlink about the entries of connection tracking. */
#ifndef UNTRACK_CONNTRACK_DUMP_H
#define UNTRACK_CONNTRACK_DUMP_H

#include "kernel/conntrack_entry.h"

struct ct_question {
	uint8_t family;	       /* AF_INET, AF_INET6; AF_UNSPEC: both */
	uint32_t status, mask; /* IPS_*: only entries with these of these bits; mask 0: any. A
				* filter of the kernel's, if it has one: look again */
};

/* NULL with errno. Loads no module if module_may_be_asked("nf_conntrack_netlink"). */
struct mnl_socket *ct_open(void);

/* The start of a message; the caller adds attributes. */
struct nlmsghdr *ct_header(char *buf, uint16_t type, uint16_t flags, uint8_t family, uint32_t seq);

/* Feeds every entry to fn, none twice (where the last entry of one piece of a dump is deleted, the
 * kernel begins the next piece with that hash bucket again), and counts into *r: entries, again,
 * unread, strange, interrupted. *seq is moved on. 0; -1 with errno: EINTR if the kernel says that
 * entries may have been missed. Memory does not depend on the number of entries. */
typedef void ct_fn(const struct ct_entry *e, const struct ct_raw *raw, void *ctx);
int ct_dump(struct mnl_socket *nl, const struct ct_question *q, uint32_t *seq, ct_fn *fn, void *ctx,
	    struct ct_reading *r);

/* Feeds the messages that answer a question without attributes to fn. As ct_dump. */
typedef void ct_message_fn(const struct nlmsghdr *h, void *ctx);
int ct_ask(struct mnl_socket *nl, uint16_t type, uint16_t flags, uint32_t *seq, ct_message_fn *fn,
	   void *ctx);

#endif
