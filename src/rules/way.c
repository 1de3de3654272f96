/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of exempt packets through the hooks. */
#include "rules/way.h"

#include <string.h>
#include "rules/packet.h"

enum { PRIORITY_RAW = -300, PRIORITY_CONNTRACK = -200 }; /* linux/netfilter_ipv4.h */

static bool hook_on_way(enum hook traffic, enum hook hook)
{
	switch (hook) {
	case HOOK_PREROUTING:
		return traffic != HOOK_OUTPUT;
	case HOOK_INPUT:
	case HOOK_FORWARD:
	case HOOK_OUTPUT:
		return traffic == hook;
	case HOOK_POSTROUTING:
		return traffic != HOOK_INPUT;
	}
	return false;
}

/* Where packets enter the stack, our rules and conntrack stand between the chains. */
static bool is_raw_hook(const struct fw_chain *c)
{
	return c->hook == HOOK_PREROUTING || c->hook == HOOK_OUTPUT;
}

bool way_has_chain(const struct fw_chain *c, const struct traffic *t, enum family f)
{
	if (!c->base || !hook_on_way(t->hook, c->hook))
		return false;
	if (is_raw_hook(c) &&
	    c->priority < PRIORITY_RAW) /* before our rules: nothing has changed */
		return false;
	return c->family == TABLE_INET || (c->family == TABLE_IP) == (f == FAMILY_V4);
}

bool chain_is_nat(const struct fw_chain *c)
{
	return c->type && !strcmp(c->type, "nat");
}

/* Before conntrack has looked at it every packet is invalid, nf_ct_get() finding nothing. */
uint32_t way_state(const struct fw_chain *c, enum packet_class class)
{
	static const uint32_t states[] = { STATE_NEW, STATE_ESTABLISHED, STATE_RELATED };

	return is_raw_hook(c) && c->priority <= PRIORITY_CONNTRACK ? STATE_INVALID : states[class];
}
