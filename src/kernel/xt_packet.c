/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Matches on what can be read off a packet besides its ports, as net/netfilter/xt_tcpudp.c (ICMP),
 * xt_iprange.c, xt_addrtype.c and xt_mark.c match them. */
#include "kernel/xt_ops.h"

#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/rtnetlink.h>

#define ICMP_ANY_TYPE 255 /* xt_tcpudp.c: every type and code, but only of ICMP for IPv4 */
#define FIB_ADDRTYPE 46	  /* nft's datatype number */

bool xt_lower_icmp(const struct xt_lowering *l)
{
	struct ipt_icmp i; /* struct ip6t_icmp is the same */
	bool inverted, all_codes;

	if (!xt_info(l, &i, sizeof i))
		return false;
	inverted = i.invflags & IPT_ICMP_INV;
	all_codes = i.code[0] == 0 && i.code[1] == UINT8_MAX;
	if (i.type == ICMP_ANY_TYPE && l->family == FAMILY_V4) {
		static const uint8_t first = 0, last = UINT8_MAX;

		if (!inverted)
			return true;
		xt_load_header(l, FW_F_TRANSPORT, 0, 1); /* none */
		xt_range(l, true, &first, &last, 1);
		return true;
	}
	if (inverted && !all_codes) { /* this type with another code, too */
		xt_op(l, FW_MAYBE, l->x->name);
		return true;
	}
	xt_load_header(l, FW_F_TRANSPORT, 0, 1);
	xt_cmp(l, inverted, &i.type, 1);
	if (all_codes)
		return true;
	xt_load_header(l, FW_F_TRANSPORT, 1, 1);
	if (i.code[0] == i.code[1])
		xt_cmp(l, false, &i.code[0], 1);
	else
		xt_range(l, false, &i.code[0], &i.code[1], 1);
	return true;
}

bool xt_lower_iprange(const struct xt_lowering *l)
{
	bool v4 = l->family == FAMILY_V4;
	uint8_t len = v4 ? 4 : 16;
	struct xt_iprange_mtinfo r;

	if (!xt_info(l, &r, sizeof r))
		return false;
	if (r.flags & IPRANGE_SRC) {
		xt_load_header(l, FW_F_NETWORK, v4 ? 12 : 8, len);
		xt_range(l, r.flags & IPRANGE_SRC_INV, &r.src_min, &r.src_max, len);
	}
	if (r.flags & IPRANGE_DST) {
		xt_load_header(l, FW_F_NETWORK, v4 ? 16 : 24, len);
		xt_range(l, r.flags & IPRANGE_DST_INV, &r.dst_min, &r.dst_max, len);
	}
	return true;
}

static void lower_types(const struct xt_lowering *l, bool inverted, unsigned types)
{
	struct fw_set *s;

	xt_load(l, FW_F_FIB_DADDR_TYPE, "fib", sizeof(uint32_t));
	s = xt_set(l, FIB_ADDRTYPE, sizeof(uint32_t));
	for (uint32_t t = RTN_UNSPEC; t < __RTN_MAX; t++) /* below 256: in order on any machine */
		if (types & 1u << t)
			xt_set_add(s, &t, &t);
	if (s->n == 1)
		xt_cmp(l, inverted, s->v[0].lo, sizeof(uint32_t));
	else
		xt_lookup(l, inverted, s);
}

/* addrtype_mt6() looks no single type up: every flag is a test of its own, unicast is whatever is
 * not multicast (the addresses of this host as well), and only some of them ask the routes. */
static bool lower_types6(const struct xt_lowering *l, bool inverted, unsigned types)
{
	switch (types) {
	case XT_ADDRTYPE_LOCAL:
	case XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_UNICAST:
		lower_types(l, inverted, XT_ADDRTYPE_LOCAL);
		return true;
	case XT_ADDRTYPE_MULTICAST:
		lower_types(l, inverted, types);
		return true;
	case XT_ADDRTYPE_UNICAST:
		lower_types(l, !inverted, XT_ADDRTYPE_MULTICAST);
		return true;
	}
	return false;
}

static void lower_destination(const struct xt_lowering *l, bool inverted, unsigned types)
{
	if (l->family == FAMILY_V4)
		lower_types(l, inverted, types);
	else if (!lower_types6(l, inverted, types))
		xt_op(l, FW_MAYBE, l->x->name);
}

bool xt_lower_addrtype(const struct xt_lowering *l)
{
	struct xt_addrtype_info_v1 a = { 0 };
	struct xt_addrtype_info old;

	if (l->x->revision == 0) {
		if (!xt_info(l, &old, sizeof old) || old.invert_source > 1 || old.invert_dest > 1)
			return false;
		a = (struct xt_addrtype_info_v1){ old.source, old.dest,
						  old.invert_source * XT_ADDRTYPE_INVERT_SOURCE |
							  old.invert_dest *
								  XT_ADDRTYPE_INVERT_DEST };
	} else if (!xt_info(l, &a, sizeof a)) {
		return false;
	}
	if (a.flags & (XT_ADDRTYPE_LIMIT_IFACE_IN | XT_ADDRTYPE_LIMIT_IFACE_OUT)) {
		xt_op(l, FW_MAYBE, l->x->name);
		return true;
	}
	if (a.dest)
		lower_destination(l, a.flags & XT_ADDRTYPE_INVERT_DEST, a.dest);
	if (a.source)
		xt_op(l, FW_MAYBE, l->x->name);
	return true;
}

bool xt_lower_mark(const struct xt_lowering *l)
{
	struct xt_mark_mtinfo1 m;

	if (!xt_info(l, &m, sizeof m))
		return false;
	xt_load(l, FW_F_META_MARK, "meta mark", sizeof m.mark);
	xt_masked(l, m.invert, m.mask, m.mark);
	return true;
}
