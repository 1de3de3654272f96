/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to rtnetlink: one request, its answers to a callback. Reads only. */
#ifndef UNTRACK_RTNL_H
#define UNTRACK_RTNL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

/* A socket; the kernel checks requests strictly where it can, so that it also filters dumps by
 * what they ask for. -1 with errno. */
int rtnl_open(void);

/* Sends a request of this type (flags: NLM_F_DUMP, or 0 for the one answer to a question) with
 * this payload and feeds every answer to fn. 0, or -1 with errno. */
typedef void rtnl_fn(const struct nlmsghdr *h, void *ctx);
int rtnl_ask(int fd, uint16_t type, uint16_t flags, const void *payload, size_t len, rtnl_fn *fn,
	     void *ctx);

/* Attributes of an answer by type, up to max: NULL where there is none. skip is the size of the
 * fixed part, the header of netlink not counted. */
void rtnl_attributes(const struct nlmsghdr *h, size_t skip, const struct rtattr **v, size_t max);

#endif
