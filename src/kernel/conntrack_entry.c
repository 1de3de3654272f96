/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One entry of connection tracking, as ctnetlink has it. */
#include "kernel/conntrack_entry.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>
#include "kernel/netlink.h"
#include "util.h"

_Static_assert(CT_ESTABLISHED == (enum ct_state)TCP_CONNTRACK_ESTABLISHED &&
		       CT_TIME_WAIT == (enum ct_state)TCP_CONNTRACK_TIME_WAIT &&
		       CT_SYN_SENT2 == (enum ct_state)TCP_CONNTRACK_SYN_SENT2 &&
		       CT_STATES == TCP_CONNTRACK_MAX,
	       "states are the kernel's");

static bool get_address(const struct nlattr *a, size_t len, uint8_t *out)
{
	if (netlink_len(a) != len)
		return false;
	memcpy(out, netlink_payload(a), len);
	return true;
}

static bool parse_ip(const struct nlattr *ip, struct ct_tuple *t)
{
	unsigned got = 0;

	netlink_each_nested(a, ip)
	{
		switch (netlink_type(a)) {
		case CTA_IP_V4_SRC:
			got |= get_address(a, 4, t->src) && t->family == FAMILY_V4 ? 1 : 0;
			break;
		case CTA_IP_V4_DST:
			got |= get_address(a, 4, t->dst) && t->family == FAMILY_V4 ? 2 : 0;
			break;
		case CTA_IP_V6_SRC:
			got |= get_address(a, 16, t->src) && t->family == FAMILY_V6 ? 1 : 0;
			break;
		case CTA_IP_V6_DST:
			got |= get_address(a, 16, t->dst) && t->family == FAMILY_V6 ? 2 : 0;
			break;
		}
	}
	return got == 3;
}

static bool parse_proto(const struct nlattr *proto, struct ct_tuple *t)
{
	unsigned got = 0;

	netlink_each_nested(a, proto)
	{
		const size_t len = netlink_len(a);

		switch (netlink_type(a)) {
		case CTA_PROTO_NUM:
			t->proto = len == 1 ? netlink_u8(a) : 0;
			break;
		case CTA_PROTO_SRC_PORT:
			t->sport = len == 2 ? netlink_be16(a) : 0;
			got |= len == 2 ? 1 : 0;
			break;
		case CTA_PROTO_DST_PORT:
			t->dport = len == 2 ? netlink_be16(a) : 0;
			got |= len == 2 ? 2 : 0;
			break;
		case CTA_PROTO_ICMP_TYPE:
		case CTA_PROTO_ICMPV6_TYPE:
			t->icmp_type = len == 1 ? netlink_u8(a) : 0;
			break;
		}
	}
	return t->proto && (got == 3 || !proto_has_ports(t->proto));
}

/* A whole tuple into a zeroed one: anything less must never be sent back, where it could mean "all"
 * (FACTS E2). */
static bool parse_tuple(const struct nlattr *tuple, enum family f, struct ct_tuple *t)
{
	const struct nlattr *ip = NULL, *proto = NULL;

	t->family = f;
	if (!tuple)
		return false;
	netlink_each_nested(a, tuple)
	{
		if (netlink_type(a) == CTA_TUPLE_IP)
			ip = a;
		if (netlink_type(a) == CTA_TUPLE_PROTO)
			proto = a;
	}
	return ip && proto && parse_ip(ip, t) && parse_proto(proto, t);
}

static uint32_t get_u32(const struct nlattr *a, struct ct_entry *e)
{
	if (netlink_len(a) == 4)
		return netlink_be32(a);
	e->flags |= CT_STRANGE;
	return 0;
}

static void parse_state(const struct nlattr *info, struct ct_entry *e)
{
	netlink_each_nested(tcp, info)
	{
		if (netlink_type(tcp) != CTA_PROTOINFO_TCP)
			continue;
		netlink_each_nested(a, tcp)
		{
			if (netlink_type(a) != CTA_PROTOINFO_TCP_STATE || netlink_len(a) != 1)
				continue;
			if (netlink_u8(a) < CT_STATES)
				e->state = (enum ct_state)netlink_u8(a);
			else
				e->flags |= CT_STRANGE;
		}
	}
}

static void parse_counters(const struct nlattr *counters, int direction, struct ct_entry *e)
{
	e->flags |= CT_COUNTED;
	netlink_each_nested(a, counters)
	{
		if (netlink_len(a) != 8)
			continue;
		if (netlink_type(a) == CTA_COUNTERS_PACKETS)
			e->packets[direction] = netlink_be64(a);
		if (netlink_type(a) == CTA_COUNTERS_BYTES)
			e->bytes[direction] = netlink_be64(a);
	}
}

static void parse_status(uint32_t status, struct ct_entry *e)
{
	static const struct {
		uint32_t status;
		uint16_t flag;
	} bits[] = {
		{ IPS_SEEN_REPLY, CT_SEEN_REPLY }, { IPS_ASSURED, CT_ASSURED },
		{ IPS_SRC_NAT, CT_SRC_NAT },	   { IPS_DST_NAT, CT_DST_NAT },
		{ IPS_EXPECTED, CT_EXPECTED },	   { IPS_OFFLOAD, CT_OFFLOADED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		e->flags |= status & bits[i].status ? bits[i].flag : 0;
}

/* What says nothing about the questions that are asked here is passed over by name, and what has
 * no name is strange. */
static void parse_other(const struct nlattr *a, struct ct_entry *e)
{
	switch (netlink_type(a)) {
	case CTA_STATUS:
		parse_status(get_u32(a, e), e);
		break;
	case CTA_PROTOINFO:
		parse_state(a, e);
		break;
	case CTA_TIMEOUT:
		e->timeout = get_u32(a, e);
		e->flags |= CT_TIMED;
		break;
	case CTA_MARK:
		e->mark = get_u32(a, e);
		break;
	case CTA_COUNTERS_ORIG:
	case CTA_COUNTERS_REPLY:
		parse_counters(a, netlink_type(a) == CTA_COUNTERS_REPLY, e);
		break;
	case CTA_HELP:
		e->flags |= CT_HELPER;
		break;
	case CTA_TUPLE_MASTER:
		e->flags |= CT_EXPECTED;
		break;
	case CTA_USE:
	case CTA_SEQ_ADJ_ORIG:
	case CTA_SEQ_ADJ_REPLY:
	case CTA_SECMARK:
	case CTA_SECCTX:
	case CTA_TIMESTAMP:
	case CTA_LABELS:
	case CTA_SYNPROXY:
		break;
	default: /* of the kernel's enumeration, which grows */
		e->flags |= CT_STRANGE;
	}
}

bool ct_entry_parse(const struct nlmsghdr *h, struct ct_entry *e, struct ct_raw *raw)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const struct nlattr *reply = NULL;
	enum family f;

	memset(e, 0, sizeof(*e));
	*raw = (struct ct_raw){ 0 };
	if (mnl_nlmsg_get_payload_len(h) < sizeof(*g) ||
	    (g->nfgen_family != AF_INET && g->nfgen_family != AF_INET6))
		return false;
	raw->family = g->nfgen_family;
	f = g->nfgen_family == AF_INET ? FAMILY_V4 : FAMILY_V6;
	netlink_each(a, g + 1, (const char *)h + h->nlmsg_len)
	{
		if (netlink_type(a) == CTA_TUPLE_ORIG)
			raw->tuple = a;
		else if (netlink_type(a) == CTA_TUPLE_REPLY)
			reply = a;
		else if (netlink_type(a) == CTA_ID)
			raw->id = a;
		else if (netlink_type(a) == CTA_ZONE)
			raw->zone = a;
		else
			parse_other(a, e);
	}
	if (!raw->id || netlink_len(raw->id) != 4 || (raw->zone && netlink_len(raw->zone) != 2))
		return false;
	e->id = netlink_be32(raw->id);
	e->zone = raw->zone ? netlink_be16(raw->zone) : 0;
	return parse_tuple(raw->tuple, f, &e->orig) && parse_tuple(reply, f, &e->reply);
}
