/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of IP protocols, the same on every host. */
#include "rules/match.h"

#include <netinet/in.h>
#include <string.h>

struct proto_entry {
	uint8_t number;
	const char *name;
	const char *alias; /* also read, never printed; NULL: none */
};

static const struct proto_entry protos[] = {
	{ IPPROTO_ICMP, "icmp", NULL },
	{ IPPROTO_IGMP, "igmp", NULL },
	{ IPPROTO_IPIP, "ipip", "ipencap" },
	{ IPPROTO_TCP, "tcp", NULL },
	{ IPPROTO_UDP, "udp", NULL },
	{ IPPROTO_DCCP, "dccp", NULL },
	{ IPPROTO_IPV6, "ipv6", NULL },
	{ IPPROTO_RSVP, "rsvp", NULL },
	{ IPPROTO_GRE, "gre", NULL },
	{ IPPROTO_ESP, "esp", NULL },
	{ IPPROTO_AH, "ah", NULL },
	{ IPPROTO_ICMPV6, "icmpv6", "ipv6-icmp" },
	{ 88, "eigrp", NULL },
	{ 89, "ospf", NULL },
	{ 97, "etherip", NULL },
	{ IPPROTO_PIM, "pim", NULL },
	{ IPPROTO_COMP, "ipcomp", NULL },
	{ 112, "vrrp", NULL },
	{ 115, "l2tp", NULL },
	{ IPPROTO_SCTP, "sctp", NULL },
	{ IPPROTO_UDPLITE, "udplite", NULL },
};

const char *proto_name(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].number == proto)
			return protos[i].name;
	return NULL;
}

bool proto_parse(const char *name, uint8_t *out)
{
	unsigned long number;

	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		const struct proto_entry *p = &protos[i];

		if (!strcmp(name, p->name) || (p->alias && !strcmp(name, p->alias))) {
			*out = p->number;
			return true;
		}
	}
	if (!parse_uint(name, 1, 255, &number))
		return false;
	*out = (uint8_t)number;
	return true;
}

bool proto_has_ports(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return true;
	}
	return false;
}
