/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of ctnetlink, made for tests: as it would send them, and as it takes them. */
#ifndef UNTRACK_TESTS_CT_BUILD_H
#define UNTRACK_TESTS_CT_BUILD_H

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "rules/table.h"

/* "tcp 10.0.0.9 40000 192.0.2.1 80"; ICMP: the type in place of the first port. false: it is not
 * one. */
static inline bool ct_tuple_of(const char *text, struct ct_tuple *t)
{
	char proto[16], src[64], dst[64];
	unsigned sport, dport;

	memset(t, 0, sizeof(*t));
	if (sscanf(text, "%15s %63s %u %63s %u", proto, src, &sport, dst, &dport) != 5 ||
	    !proto_parse(proto, &t->proto))
		return false;
	t->family = strchr(src, ':') ? FAMILY_V6 : FAMILY_V4;
	if (inet_pton(t->family == FAMILY_V6 ? AF_INET6 : AF_INET, src, t->src) != 1 ||
	    inet_pton(t->family == FAMILY_V6 ? AF_INET6 : AF_INET, dst, t->dst) != 1)
		return false;
	if (proto_has_ports(t->proto)) {
		t->sport = (uint16_t)sport;
		t->dport = (uint16_t)dport;
	} else {
		t->icmp_type = (uint8_t)sport;
	}
	return true;
}

static inline struct nlmsghdr *ct_put_header(char *buf, uint16_t type, uint16_t flags, uint32_t seq,
					     enum family f)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = flags;
	h->nlmsg_seq = seq;
	g->nfgen_family = f == FAMILY_V4 ? AF_INET : AF_INET6;
	return h;
}

static inline void ct_put_tuple(struct nlmsghdr *h, uint16_t type, const struct ct_tuple *t)
{
	const bool v4 = t->family == FAMILY_V4;
	struct nlattr *tuple = mnl_attr_nest_start(h, type), *nest;

	nest = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	mnl_attr_put(h, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, v4 ? 4 : 16, t->src);
	mnl_attr_put(h, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, v4 ? 4 : 16, t->dst);
	mnl_attr_nest_end(h, nest);
	nest = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, t->proto);
	if (proto_has_ports(t->proto) || t->proto == 47) { /* GRE: its keys */
		mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(t->sport));
		mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(t->dport));
	} else if (t->icmp_type || t->proto == 1 || t->proto == 58) {
		mnl_attr_put_u16(h, v4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID, htons(7));
		mnl_attr_put_u8(h, v4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE, t->icmp_type);
		mnl_attr_put_u8(h, v4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE, 0);
	}
	mnl_attr_nest_end(h, nest);
	mnl_attr_nest_end(h, tuple);
}

static inline void ct_put_tcp_state(struct nlmsghdr *h, uint8_t state)
{
	struct nlattr *info = mnl_attr_nest_start(h, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, state);
	mnl_attr_nest_end(h, tcp);
	mnl_attr_nest_end(h, info);
}

static inline void ct_put_helper(struct nlmsghdr *h, const char *name)
{
	struct nlattr *help = mnl_attr_nest_start(h, CTA_HELP);

	mnl_attr_put_strz(h, CTA_HELP_NAME, name);
	mnl_attr_nest_end(h, help);
}

#endif
