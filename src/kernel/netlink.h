/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libmnl leaves to its caller. */
#ifndef UNTRACK_NETLINK_H
#define UNTRACK_NETLINK_H

#include <endian.h>
#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Does a whole message begin here, in the left bytes of a buffer? mnl_nlmsg_ok() takes the length
 * for an int, and lets one of 2^31 pass. */
static inline bool netlink_ok(const struct nlmsghdr *h, int left)
{
	return left >= (int)sizeof(*h) && h->nlmsg_len >= sizeof(*h) &&
	       h->nlmsg_len <= (uint32_t)left;
}

/* The attributes of one message or nest, as mnl_attr_for_each() and its like walk them. Those are
 * calls into a library, some three for each attribute, and a dump of connection tracking has 30
 * attributes for an entry. */

/* The attribute that begins at at; NULL: no whole one does. */
static inline const struct nlattr *netlink_attr(const void *at, const void *end)
{
	const ptrdiff_t left = (const char *)end - (const char *)at;
	const struct nlattr *a = at;

	return left >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN && a->nla_len <= left ? a : NULL;
}

static inline const void *netlink_after(const struct nlattr *a)
{
	return (const char *)a + NLA_ALIGN(a->nla_len);
}

static inline uint16_t netlink_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

static inline size_t netlink_len(const struct nlattr *a)
{
	return a->nla_len - (size_t)NLA_HDRLEN;
}

static inline const void *netlink_payload(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

/* Numbers in network order; the caller has asked for the length. */
static inline uint8_t netlink_u8(const struct nlattr *a)
{
	return *(const uint8_t *)netlink_payload(a);
}

static inline uint16_t netlink_be16(const struct nlattr *a)
{
	uint16_t n;

	memcpy(&n, netlink_payload(a), sizeof(n));
	return be16toh(n);
}

static inline uint32_t netlink_be32(const struct nlattr *a)
{
	uint32_t n;

	memcpy(&n, netlink_payload(a), sizeof(n));
	return be32toh(n);
}

static inline uint64_t netlink_be64(const struct nlattr *a)
{
	uint64_t n;

	memcpy(&n, netlink_payload(a), sizeof(n));
	return be64toh(n);
}

#define netlink_each(a, from, end)                                  \
	for (const struct nlattr *a = netlink_attr(from, end); (a); \
	     (a) = netlink_attr(netlink_after(a), end))
#define netlink_each_nested(a, nest) \
	netlink_each(a, netlink_payload(nest), (const char *)(nest) + (nest)->nla_len)

#endif
