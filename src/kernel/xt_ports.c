/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protocols with ports, as net/netfilter/xt_tcpudp.c, xt_sctp.c, xt_dccp.c and xt_multiport.c match
 * them. The protocol itself is in the rule's header: the kernel takes these matches with nothing
 * else. */
#include <arpa/inet.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <string.h>
#include "kernel/xt_ops.h"

enum side { SOURCE = 0, DESTINATION = 2 }; /* where the port lies in the header */

#define INET_SERVICE 13 /* nft's datatype number */

static void lower_range(const struct xt_lowering *l, uint16_t lo, uint16_t hi, bool inverted)
{
	uint16_t from = htons(lo), to = htons(hi);

	if (lo == hi)
		xt_cmp(l, inverted, &from, sizeof from);
	else
		xt_range(l, inverted, &from, &to, sizeof from);
}

static void lower_ports(const struct xt_lowering *l, enum side side, const uint16_t range[2],
			bool inverted)
{
	if (range[0] == 0 && range[1] == UINT16_MAX && !inverted)
		return;
	xt_load_header(l, FW_F_TRANSPORT, side, sizeof range[0]);
	lower_range(l, range[0], range[1], inverted);
}

static void lower_flags(const struct xt_lowering *l, const struct xt_tcp *t)
{
	bool inverted = t->invflags & XT_TCP_INV_FLAGS;

	if (!t->flg_mask && !t->flg_cmp && !inverted)
		return;
	xt_load_header(l, FW_F_TRANSPORT, 13, 1);
	xt_mask(l, &t->flg_mask, 1);
	xt_cmp(l, inverted, &t->flg_cmp, 1);
}

bool xt_lower_tcp(const struct xt_lowering *l)
{
	struct xt_tcp t;

	if (!xt_info(l, &t, sizeof t))
		return false;
	lower_ports(l, SOURCE, t.spts, t.invflags & XT_TCP_INV_SRCPT);
	lower_ports(l, DESTINATION, t.dpts, t.invflags & XT_TCP_INV_DSTPT);
	lower_flags(l, &t);
	if (t.option)
		xt_op(l, FW_MAYBE, "tcp option");
	return true;
}

bool xt_lower_udp(const struct xt_lowering *l)
{
	struct xt_udp u;

	if (!xt_info(l, &u, sizeof u))
		return false;
	lower_ports(l, SOURCE, u.spts, u.invflags & XT_UDP_INV_SRCPT);
	lower_ports(l, DESTINATION, u.dpts, u.invflags & XT_UDP_INV_DSTPT);
	return true;
}

bool xt_lower_sctp(const struct xt_lowering *l)
{
	struct xt_sctp_info s;

	if (!xt_info(l, &s, sizeof s))
		return false;
	if (s.flags & XT_SCTP_SRC_PORTS)
		lower_ports(l, SOURCE, s.spts, s.invflags & XT_SCTP_SRC_PORTS);
	if (s.flags & XT_SCTP_DEST_PORTS)
		lower_ports(l, DESTINATION, s.dpts, s.invflags & XT_SCTP_DEST_PORTS);
	if (s.flags & XT_SCTP_CHUNK_TYPES)
		xt_op(l, FW_MAYBE, "sctp chunk");
	return true;
}

bool xt_lower_dccp(const struct xt_lowering *l)
{
	struct xt_dccp_info d;

	if (!xt_info(l, &d, sizeof d))
		return false;
	if (d.flags & XT_DCCP_SRC_PORTS)
		lower_ports(l, SOURCE, d.spts, d.invflags & XT_DCCP_SRC_PORTS);
	if (d.flags & XT_DCCP_DEST_PORTS)
		lower_ports(l, DESTINATION, d.dpts, d.invflags & XT_DCCP_DEST_PORTS);
	if (d.flags & (XT_DCCP_TYPE | XT_DCCP_OPTION))
		xt_op(l, FW_MAYBE, "dccp type");
	return true;
}

/* A range takes two of the slots; false: more slots than there are. Revision 0 knows no ranges, and
 * its pflags are zero here. */
static bool multiport_ports(const struct xt_multiport_v1 *m, struct ports *p)
{
	if (m->count > XT_MULTI_PORTS)
		return false;
	for (size_t i = 0; i < m->count; i++) {
		uint16_t lo = m->ports[i], hi = lo;

		if (m->pflags[i] && ++i == XT_MULTI_PORTS)
			return false;
		hi = m->ports[i];
		if (lo <= hi)
			ports_add(p, lo, hi);
	}
	ports_normalise(p);
	return true;
}

static void lower_list(const struct xt_lowering *l, enum side side, const struct ports *p,
		       bool inverted)
{
	struct fw_set *s;

	xt_load_header(l, FW_F_TRANSPORT, side, sizeof p->v->lo);
	if (p->n == 1) {
		lower_range(l, p->v[0].lo, p->v[0].hi, inverted);
		return;
	}
	s = xt_set(l, INET_SERVICE, sizeof p->v->lo);
	for (size_t i = 0; i < p->n; i++) {
		uint16_t lo = htons(p->v[i].lo), hi = htons(p->v[i].hi);

		xt_set_add(s, &lo, &hi);
	}
	xt_lookup(l, inverted, s);
}

bool xt_lower_multiport(const struct xt_lowering *l)
{
	struct xt_multiport_v1 m = { 0 };
	struct ports p = { 0 };
	bool good = xt_info(l, &m, l->x->revision ? sizeof m : sizeof(struct xt_multiport)) &&
		    m.flags <= XT_MULTIPORT_EITHER && multiport_ports(&m, &p);

	_Static_assert(offsetof(struct xt_multiport_v1, pflags) == sizeof(struct xt_multiport),
		       "revision 0 is the start of revision 1");
	if (good && m.flags == XT_MULTIPORT_EITHER)
		xt_op(l, FW_MAYBE, "multiport");
	else if (good)
		lower_list(l, m.flags == XT_MULTIPORT_SOURCE ? SOURCE : DESTINATION, &p, m.invert);
	free(p.v);
	return good;
}
