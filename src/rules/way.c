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

static bool is_of_family(const struct fw_chain *c, enum family f)
{
	return c->family == TABLE_INET || (c->family == TABLE_IP) == (f == FAMILY_V4);
}

static bool is_before_ours(const struct fw_chain *c)
{
	return is_raw_hook(c) && c->priority < PRIORITY_RAW;
}

static bool is_on_way(const struct fw_chain *c, const struct traffic *t, enum family f)
{
	return c->base && hook_on_way(t->hook, c->hook) && is_of_family(c, f);
}

bool way_has_chain(const struct fw_chain *c, const struct traffic *t, enum family f)
{
	return is_on_way(c, t, f) && !is_before_ours(c);
}

bool way_begins_with(const struct fw_chain *c, const struct traffic *t, enum family f)
{
	return is_on_way(c, t, f) && is_before_ours(c);
}

bool chain_is_nat(const struct fw_chain *c)
{
	return c->type && !strcmp(c->type, "nat");
}

static bool is_notrack(const struct fw_rule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++)
		if (r->exprs[i].op == FW_EFFECT && !strcmp(r->exprs[i].name, "notrack"))
			return true;
	return false;
}

/* Jumps are not followed: what is not seen here is taken for tracked, and gets its twins. */
static const struct fw_rule *chain_untracks(const struct fw_chain *c, const struct packet *p)
{
	const struct fw_rule *found = NULL;
	bool ended = false;

	for (size_t i = 0; i < c->n_rules && !ended && !found; i++) {
		struct eval e;

		packet_eval(p, &c->rules[i], STATE_INVALID, &e);
		if (e.n && e.v[0].when == YES && is_notrack(&c->rules[i]))
			found = &c->rules[i];
		for (size_t k = 0; k < e.n; k++)
			ended = ended || e.v[k].target.verdict != FW_CONTINUE;
		eval_free(&e);
	}
	return found;
}

const struct fw_rule *way_untracked(const struct fw *fw, const struct traffic *t, enum family f,
				    const struct fw_chain **chain)
{
	const struct fw_rule *found = NULL;

	for (size_t i = 0; i < fw->n_chains && !found; i++) {
		const struct fw_chain *c = &fw->chains[i];
		struct packet p;

		if (!c->base || !is_raw_hook(c) || !hook_on_way(t->hook, c->hook) ||
		    c->priority >= PRIORITY_CONNTRACK || !is_of_family(c, f))
			continue;
		packet_init(&p, t, f, c->hook);
		found = chain_untracks(c, &p);
		packet_free(&p);
		*chain = c;
	}
	return found;
}

/* Before conntrack has looked at it every packet is invalid, nf_ct_get() finding nothing. */
uint32_t way_state(const struct fw_chain *c, enum packet_class class)
{
	static const uint32_t states[] = { STATE_NEW, STATE_ESTABLISHED, STATE_RELATED };

	return is_raw_hook(c) && c->priority <= PRIORITY_CONNTRACK ? STATE_INVALID : states[class];
}

bool way_needs_nat(const struct fw_chain *c, const struct traffic *t)
{
	bool loopback = ifaces_are_loopback(&t->match.in) || ifaces_are_loopback(&t->match.out);

	return !t->reply && t->class == CLASS_OPENING && (!loopback || c->hook == HOOK_OUTPUT);
}
