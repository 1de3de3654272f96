/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libmnl leaves to its caller. */
#ifndef UNTRACK_NETLINK_H
#define UNTRACK_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>

/* Does a whole message begin here, in the left bytes of a buffer? mnl_nlmsg_ok() takes the length
 * for an int, and lets one of 2^31 pass. */
static inline bool netlink_ok(const struct nlmsghdr *h, int left)
{
	return mnl_nlmsg_ok(h, left) && h->nlmsg_len <= (uint32_t)left;
}

#endif
