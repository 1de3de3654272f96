/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Matches that ask connection tracking, as net/netfilter/xt_conntrack.c, xt_state.c and the like
 * match them. nf_tables ends a rule where it loads something of a packet without an entry; each
 * match of iptables has its own idea of such packets. */
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_ipvs.h>
#include <linux/netfilter/xt_state.h>
#include <string.h>
#include "kernel/xt_ops.h"

#define NFT_STATE_UNTRACKED 64 /* nft_ct.c, NF_CT_STATE_UNTRACKED_BIT */

/* The flags of XT_CONNTRACK_* that say more than the state */
#define BEYOND_STATE                                                                               \
	(XT_CONNTRACK_PROTO | XT_CONNTRACK_ORIGSRC | XT_CONNTRACK_ORIGDST | XT_CONNTRACK_REPLSRC | \
	 XT_CONNTRACK_REPLDST | XT_CONNTRACK_STATUS | XT_CONNTRACK_EXPIRES |                       \
	 XT_CONNTRACK_ORIGSRC_PORT | XT_CONNTRACK_ORIGDST_PORT | XT_CONNTRACK_REPLSRC_PORT |       \
	 XT_CONNTRACK_REPLDST_PORT | XT_CONNTRACK_DIRECTION)

struct ct_test { /* what all revisions say */
	unsigned match, invert, state, status, proto;
};

static bool read_test(const struct xt_lowering *l, struct ct_test *t)
{
	struct xt_conntrack_mtinfo1 one;
	struct xt_conntrack_mtinfo2 two;

	_Static_assert(offsetof(struct xt_conntrack_mtinfo3, state_mask) ==
				       offsetof(struct xt_conntrack_mtinfo2, state_mask) &&
			       offsetof(struct xt_conntrack_mtinfo3, match_flags) ==
				       offsetof(struct xt_conntrack_mtinfo2, match_flags) &&
			       offsetof(struct xt_conntrack_mtinfo3, l4proto) ==
				       offsetof(struct xt_conntrack_mtinfo2, l4proto),
		       "revision 2 is the start of revision 3");
	if (l->x->revision == 1) {
		if (!xt_info(l, &one, sizeof one))
			return false;
		*t = (struct ct_test){ one.match_flags, one.invert_flags, one.state_mask,
				       one.status_mask, one.l4proto };
		return true;
	}
	if (!xt_info(l, &two, sizeof two) ||
	    (l->x->revision == 3 && l->x->len < sizeof(struct xt_conntrack_mtinfo3)))
		return false;
	*t = (struct ct_test){ two.match_flags, two.invert_flags, two.state_mask, two.status_mask,
			       two.l4proto };
	return true;
}

/* The lower bits are the same. Those that say that an address was translated add nothing: exempt
 * flows have no NAT. */
static uint32_t state_bits(unsigned mask)
{
	const unsigned same =
		XT_CONNTRACK_STATE_INVALID | XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |
		XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) | XT_CONNTRACK_STATE_BIT(IP_CT_NEW);

	return (mask & same) | (mask & XT_CONNTRACK_STATE_UNTRACKED ? NFT_STATE_UNTRACKED : 0);
}

static void lower_state(const struct xt_lowering *l, bool inverted, uint32_t bits)
{
	xt_load(l, FW_F_CT_STATE, "ct state", sizeof bits);
	xt_any_bit(l, inverted, bits);
}

static void lower_values(const struct xt_lowering *l, const struct ct_test *t)
{
	static const struct {
		unsigned flag;
		const char *name;
		uint8_t len;
	} values[] = {
		{ XT_CONNTRACK_ORIGSRC, "ct original saddr", 16 },
		{ XT_CONNTRACK_ORIGDST, "ct original daddr", 16 },
		{ XT_CONNTRACK_REPLSRC, "ct reply saddr", 16 },
		{ XT_CONNTRACK_REPLDST, "ct reply daddr", 16 },
		{ XT_CONNTRACK_ORIGSRC_PORT, "ct original proto-src", 2 },
		{ XT_CONNTRACK_ORIGDST_PORT, "ct original proto-dst", 2 },
		{ XT_CONNTRACK_REPLSRC_PORT, "ct reply proto-src", 2 },
		{ XT_CONNTRACK_REPLDST_PORT, "ct reply proto-dst", 2 },
		{ XT_CONNTRACK_EXPIRES, "ct expiration", 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (!(t->match & values[i].flag))
			continue;
		xt_load(l, FW_F_CT_OTHER, values[i].name, values[i].len);
		xt_op(l, FW_MAYBE, values[i].name);
	}
}

bool xt_lower_conntrack(const struct xt_lowering *l)
{
	uint8_t direction; /* IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY: there is no third */
	bool state, not_state;
	struct ct_test t;
	uint8_t proto;

	if (!read_test(l, &t))
		return false;
	state = t.match & XT_CONNTRACK_STATE;
	not_state = t.invert & XT_CONNTRACK_STATE;
	proto = (uint8_t)t.proto;
	/* Without an entry the state alone decides: nothing that comes after is looked at. That is
	 * no matter where an untracked packet does not come so far. */
	if (state && t.match & BEYOND_STATE &&
	    !(t.state & XT_CONNTRACK_STATE_UNTRACKED) == not_state)
		return false;
	if (state)
		lower_state(l, not_state, state_bits(t.state));
	else if (!(t.match & BEYOND_STATE)) /* nothing asked: whatever has an entry */
		xt_load(l, FW_F_CT_OTHER, "ct status", sizeof(uint32_t));
	if (t.match & XT_CONNTRACK_DIRECTION) {
		direction = (t.invert & XT_CONNTRACK_DIRECTION) != 0;
		xt_load(l, FW_F_CT_OTHER, "ct direction", sizeof direction);
		xt_cmp(l, false, &direction, sizeof direction);
	}
	if (t.match & XT_CONNTRACK_PROTO) {
		xt_load(l, FW_F_CT_OTHER, "ct protocol", sizeof proto);
		xt_cmp(l, t.invert & XT_CONNTRACK_PROTO, &proto, sizeof proto);
	}
	lower_values(l, &t);
	if (t.match & XT_CONNTRACK_STATUS) {
		xt_load(l, FW_F_CT_OTHER, "ct status", sizeof(uint32_t));
		xt_any_bit(l, t.invert & XT_CONNTRACK_STATUS, t.status);
	}
	return true;
}

bool xt_lower_state(const struct xt_lowering *l)
{
	struct xt_state_info s;
	unsigned bits;

	if (!xt_info(l, &s, sizeof s))
		return false;
	bits = s.statemask & ~(unsigned)XT_STATE_UNTRACKED;
	if (s.statemask & XT_STATE_UNTRACKED)
		bits |= XT_CONNTRACK_STATE_UNTRACKED;
	lower_state(l, false, state_bits(bits));
	return true;
}

bool xt_lower_connmark(const struct xt_lowering *l)
{
	struct xt_connmark_mtinfo1 m;

	if (!xt_info(l, &m, sizeof m))
		return false;
	xt_load(l, FW_F_CT_OTHER, "ct mark", sizeof m.mark);
	xt_masked(l, m.invert, m.mask, m.mark);
	return true;
}

/* helper_mt() asks for the helper of the connection that expected this one. Nothing expects exempt
 * flows, so the inverted match is true of all of them, tracked or not. */
bool xt_lower_helper(const struct xt_lowering *l)
{
	struct xt_helper_info h;

	if (!xt_info(l, &h, sizeof h))
		return false;
	if (h.invert)
		return true;
	h.name[sizeof h.name - 1] = '\0';
	xt_load(l, FW_F_CT_OTHER, "ct helper", 16);
	if (*h.name) {
		char name[16] = "";

		memcpy(name, h.name, strnlen(h.name, sizeof name));
		xt_cmp(l, false, name, sizeof name);
	}
	return true;
}

/* Inverted, it is true of packets without an entry: nothing that nf_tables could say. */
bool xt_lower_connlabel(const struct xt_lowering *l)
{
	struct xt_connlabel_mtinfo c;

	if (!xt_info(l, &c, sizeof c) || c.options & XT_CONNLABEL_OP_INVERT)
		return false;
	xt_load(l, FW_F_CT_OTHER, "ct label", 16);
	xt_op(l, FW_MAYBE, l->x->name);
	return true;
}

/* False without an entry, inverted or not: connbytes, cluster. */
bool xt_lower_ct_data(const struct xt_lowering *l)
{
	xt_load(l, FW_F_CT_OTHER, strcmp(l->x->name, "connbytes") ? "ct id" : "ct bytes", 4);
	xt_op(l, FW_MAYBE, l->x->name);
	return true;
}

/* Which way the packet goes is all that it asks conntrack for. */
bool xt_lower_ipvs(const struct xt_lowering *l)
{
	struct xt_ipvs_mtinfo i;

	if (!xt_info(l, &i, sizeof i))
		return false;
	if (i.bitmask & XT_IPVS_DIR)
		xt_load(l, FW_F_CT_OTHER, "ct id", 4);
	xt_op(l, FW_MAYBE, l->x->name);
	return true;
}
