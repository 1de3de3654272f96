/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known about the packets of one traffic class, as the domains of the fields they have. */
#include "rules/packet.h"

#include <netinet/in.h>
#include <string.h>
#include "rules/domain.h"

enum { NF_IPV4 = 2, NF_IPV6 = 10, ROUTE_LOCAL = 2 }; /* NFPROTO_*, RTN_LOCAL */

static void domain_any(struct domain *d, size_t len)
{
	uint8_t first[DOMAIN_BYTES] = { 0 }, last[DOMAIN_BYTES];

	memset(last, 0xff, sizeof(last));
	domain_add(d, first, last, len);
}

static void domain_ports(struct domain *d, const struct ports *p)
{
	for (size_t i = 0; i < p->n; i++) {
		uint8_t lo[2] = { p->v[i].lo >> 8, p->v[i].lo & 0xff };
		uint8_t hi[2] = { p->v[i].hi >> 8, p->v[i].hi & 0xff };

		domain_add(d, lo, hi, 2);
	}
	if (!p->n)
		domain_any(d, 2);
}

static void domain_addrs(struct domain *d, const struct addrs *l, enum family f)
{
	size_t bytes = f == FAMILY_V4 ? 4 : 16;

	for (size_t i = 0; i < l->n; i++) {
		uint8_t hi[16];

		if (l->v[i].family != f)
			continue;
		memcpy(hi, l->v[i].addr, sizeof(hi));
		for (size_t bit = l->v[i].len; bit < bytes * 8; bit++)
			hi[bit / 8] |= 0x80 >> bit % 8;
		domain_add(d, l->v[i].addr, hi, bytes);
	}
	if (!d->n)
		domain_any(d, bytes);
}

/* Names as nft compares them: 16 bytes, zero padded; a pattern is every name with its prefix. The
 * names are sorted as strings, which is also the order of their bytes. */
static void domain_ifaces(struct domain *d, const struct ifaces *l)
{
	char lo_name[DOMAIN_BYTES] = "lo";

	for (size_t i = 0; i < l->n; i++) {
		uint8_t lo[DOMAIN_BYTES] = { 0 }, hi[DOMAIN_BYTES] = { 0 };
		size_t len = strnlen(l->v[i], IFNAMSIZ);
		bool pattern = len && l->v[i][len - 1] == '*';

		memcpy(lo, l->v[i], pattern ? len - 1 : len);
		memcpy(hi, l->v[i], pattern ? len - 1 : len);
		if (pattern)
			memset(hi + len - 1, 0xff, DOMAIN_BYTES - (len - 1));
		domain_add(d, lo, hi, DOMAIN_BYTES);
	}
	/* The other exemptions never touch loopback, or loopback has a traffic of its own. */
	if (!l->n)
		domain_except(d, lo_name, DOMAIN_BYTES);
}

static void domain_ifindex(struct domain *d, const struct ifaces *l)
{
	uint32_t lo = 1; /* LOOPBACK_IFINDEX, include/net/flow.h */

	if (ifaces_are_loopback(l))
		domain_point(d, &lo, 4);
	else
		domain_except(d, &lo, 4);
}

static void packet_interfaces(struct packet *p, const struct match *m)
{
	const uint8_t none[DOMAIN_BYTES] = { 0 };
	bool in = p->hook == HOOK_PREROUTING || p->hook == HOOK_INPUT || p->hook == HOOK_FORWARD;
	bool out = p->hook == HOOK_OUTPUT || p->hook == HOOK_FORWARD || p->hook == HOOK_POSTROUTING;

	if (in) {
		domain_ifaces(&p->iifname, &m->in);
		domain_ifindex(&p->iif, &m->in);
	} else if (p->traffic->hook == HOOK_OUTPUT) {
		domain_point(&p->iifname, none, DOMAIN_BYTES);
	}
	if (out) {
		domain_ifaces(&p->oifname, &m->out);
		domain_ifindex(&p->oif, &m->out);
	} else {
		domain_point(&p->oifname, none, DOMAIN_BYTES);
	}
}

static void packet_icmp(struct packet *p, const struct match *m)
{
	const uint8_t *types;
	size_t n = icmp_kind_types(m->icmp, p->family, &types);

	for (size_t i = 0; i < n; i++)
		domain_u8(&p->icmp_type, types[i]);
}

/* The flags byte: FIN 1, SYN 2, RST 4, ACK 16; the other bits are anything. */
static void packet_tcp(struct packet *p, const struct match *m)
{
	for (unsigned x = 0; x < 256; x++) {
		bool opening = (x & 0x17) == 0x02;

		if (m->tcp == TCP_ANY || opening == (m->tcp == TCP_OPENING))
			domain_u8(&p->tcp_flags, (uint8_t)x);
	}
}

/* The next header field of IPv6 is the protocol, or an extension header before it. */
static void packet_next_header(struct packet *p, uint8_t proto)
{
	static const uint8_t extensions[] = { 0, 43, 44, 51, 60, 135, 139, 140 };
	bool image[256] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++)
		image[extensions[i]] = true;
	image[proto] = true;
	for (unsigned x = 0; x < 256; x++)
		if (image[x])
			domain_u8(&p->next_header, (uint8_t)x);
}

static void packet_fib(struct packet *p, const struct match *m)
{
	uint32_t local = ROUTE_LOCAL;

	if (p->traffic->hook == HOOK_INPUT || m->dst_kind == DST_LOCAL)
		domain_point(&p->fib_daddr, &local, 4);
	else if (p->traffic->hook == HOOK_FORWARD)
		domain_except(&p->fib_daddr, &local, 4);
}

void packet_init(struct packet *p, const struct traffic *t, enum family f, enum hook hook)
{
	const struct match *m = &t->match;
	bool error = m->icmp == ICMP_IS_ERROR, v4 = f == FAMILY_V4;
	uint8_t proto = error ? (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) : m->proto;

	*p = (struct packet){ .traffic = t, .family = f, .hook = hook };
	domain_u8(&p->nfproto, v4 ? NF_IPV4 : NF_IPV6);
	if (proto) {
		domain_u8(&p->proto, proto);
		packet_next_header(p, proto);
	}
	packet_interfaces(p, m);
	packet_fib(p, m);
	if (m->icmp != ICMP_ANY)
		packet_icmp(p, m);
	if (proto == IPPROTO_TCP)
		packet_tcp(p, m);
	if (!error) { /* otherwise ports and addresses are those of the quoted packet */
		domain_addrs(&p->saddr, &m->src, f);
		domain_addrs(&p->daddr, &m->dst, f);
		domain_ports(&p->sport, &m->sport);
		domain_ports(&p->dport, &m->dport);
	}
}

void packet_free(struct packet *p)
{
	struct domain *all[] = { &p->proto, &p->nfproto,   &p->iifname,	  &p->oifname,	  &p->iif,
				 &p->oif,   &p->fib_daddr, &p->saddr,	  &p->daddr,	  &p->sport,
				 &p->dport, &p->icmp_type, &p->tcp_flags, &p->next_header };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		domain_free(all[i]);
}
