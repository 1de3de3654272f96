/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets of iptables that mean more than one thing. */
#include <linux/netfilter/xt_CONNMARK.h>
#include <linux/netfilter/xt_CONNSECMARK.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_HMARK.h>
#include "kernel/xt_ops.h"

bool xt_lower_ct_target(const struct xt_lowering *l)
{
	struct xt_ct_target_info ct;

	_Static_assert(offsetof(struct xt_ct_target_info_v1, flags) ==
			       offsetof(struct xt_ct_target_info, flags),
		       "one start");
	if (!xt_info(l, &ct, sizeof ct))
		return false;
	if (ct.flags & XT_CT_NOTRACK)
		xt_op(l, FW_EFFECT, "notrack");
	else
		xt_op(l, FW_CT_WRITE, l->x->name);
	return true;
}

/* What is restored is lost to an untracked packet: it keeps the mark that it has, and the rule goes
 * on. Just as nft's "meta mark set ct mark". */
bool xt_lower_connmark_target(const struct xt_lowering *l)
{
	struct xt_connmark_tginfo1 one;
	struct xt_connmark_tginfo2 two;
	unsigned mode;

	if (l->x->revision == 1 ? !xt_info(l, &one, sizeof one) : !xt_info(l, &two, sizeof two))
		return false;
	mode = l->x->revision == 1 ? one.mode : two.mode;
	if (mode > XT_CONNMARK_RESTORE)
		return false;
	if (mode == XT_CONNMARK_RESTORE) {
		xt_load(l, FW_F_CT_OTHER, "ct mark", sizeof two.ctmark);
		xt_op(l, FW_EFFECT, "meta mark");
	} else {
		xt_op(l, FW_CT_WRITE, l->x->name);
	}
	return true;
}

bool xt_lower_connsecmark(const struct xt_lowering *l)
{
	struct xt_connsecmark_target_info c;

	if (!xt_info(l, &c, sizeof c))
		return false;
	xt_op(l, FW_CT_WRITE, l->x->name);
	if (c.mode == CONNSECMARK_RESTORE)
		xt_op(l, FW_EFFECT, "meta secmark");
	return true;
}

/* A mark from a hash of the addresses; of those in the conntrack entry, where it is told to. */
bool xt_lower_hmark(const struct xt_lowering *l)
{
	struct xt_hmark_info h;

	if (!xt_info(l, &h, sizeof h))
		return false;
	if (h.flags & XT_HMARK_FLAG(XT_HMARK_CT))
		xt_op(l, FW_CT_WRITE, l->x->name);
	xt_op(l, FW_EFFECT, "meta mark");
	return true;
}
