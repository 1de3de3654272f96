/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets as rules and chains of iptables-legacy see them, and what becomes of them there. After
 * cmocka.h. */
#ifndef UNTRACK_TESTS_LEGACY_PACKETS_H
#define UNTRACK_TESTS_LEGACY_PACKETS_H

#include "kernel/ipt_layout.h"
#include "random_rules.h"

/* ---- packets -----------------------------------------------------------------------------------
 */

struct tuple {
	uint8_t proto;
	uint16_t sport, dport;
	uint8_t src[16], dst[16];
};

struct sent {
	enum family family;
	struct tuple t;
	const char *in, *out;
	bool local, opening;
	enum icmp_kind icmp;
	struct tuple quoted; /* of ICMP_IS_ERROR */
};

static inline bool holds_address(const struct addrs *l, const uint8_t *addr, enum family f)
{
	struct prefix p = { .family = f, .len = f == FAMILY_V4 ? 32 : 128 };

	memcpy(p.addr, addr, f == FAMILY_V4 ? 4 : 16);
	return addrs_hold(l, &p);
}

static inline bool holds_tuple(const struct match *m, const struct tuple *t, enum family f)
{
	return (!m->proto || m->proto == t->proto) && ports_contains(&m->sport, t->sport) &&
	       ports_contains(&m->dport, t->dport) &&
	       (!m->src.n || holds_address(&m->src, t->src, f)) &&
	       (!m->dst.n || holds_address(&m->dst, t->dst, f)) &&
	       !holds_address(&m->not_src, t->src, f) && !holds_address(&m->not_dst, t->dst, f);
}

static inline bool holds(const struct match *m, const struct sent *p)
{
	if (!(m->families & 1u << p->family) || (m->icmp != ICMP_ANY && m->icmp != p->icmp))
		return false;
	if (m->tcp != TCP_ANY && (m->tcp == TCP_OPENING) != p->opening)
		return false;
	if (m->dst_kind != DST_ANY && (m->dst_kind == DST_LOCAL) != p->local)
		return false;
	if ((m->in.n && !ifaces_hold(&m->in, p->in)) || ifaces_hold(&m->not_in, p->in) ||
	    (m->out.n && !ifaces_hold(&m->out, p->out)) || ifaces_hold(&m->not_out, p->out))
		return false;
	return holds_tuple(m, m->icmp == ICMP_IS_ERROR ? &p->quoted : &p->t, p->family);
}

/* As the rules say it: RETURN rules come first. */
static inline bool rules_untrack(const struct ruleset *rs, enum hook hook, const struct sent *p)
{
	for (size_t i = 0; i < rs->n_rules; i++)
		if (rs->rules[i].hook == hook && holds(&rs->rules[i].match, p))
			return rs->rules[i].verdict == VERDICT_NOTRACK;
	return false;
}

static inline const struct ipt_rules *chain_of(const struct ipt_layout *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->chains[i].name, name))
			return &l->chains[i];
	fail_msg("no chain %s", name);
	return NULL;
}

/* As the kernel goes through them; *steps counts the rules that are looked at. */
static inline bool chain_untracks(const struct ipt_layout *l, const struct ipt_rules *c,
				  const struct sent *p, size_t *steps)
{
	bool untracked = false;

	for (size_t i = 0; i < c->n; i++) {
		const struct ipt_rule *r = &c->v[i];

		++*steps;
		if (!holds(&r->match, p))
			continue;
		if (r->does == IPT_RETURN)
			return untracked;
		if (r->does == IPT_NOTRACK)
			untracked = true;
		else
			untracked |= chain_untracks(l, chain_of(l, r->name), p, steps);
	}
	return untracked;
}

static inline bool layout_untracks(const struct ipt_layout *l, enum hook hook, const struct sent *p,
				   size_t *steps)
{
	*steps = 0;
	return l->n && chain_untracks(l, &l->chains[hook == HOOK_OUTPUT], p, steps);
}

/* ---- packets that matter to the rules ----------------------------------------------------------
 */

static inline uint16_t near_port(uint64_t *seed, const struct ports *p)
{
	const struct port_range *r;

	if (!p->n || !random_below(seed, 6))
		return (uint16_t)random_below(seed, 65536);
	r = &p->v[random_below(seed, (unsigned)p->n)];
	return (uint16_t)(r->lo + random_below(seed, r->hi - r->lo + 2u) - !random_below(seed, 8));
}

static inline void near_address(uint64_t *seed, const struct addrs *in, const struct addrs *not_in,
				uint8_t *out)
{
	const struct addrs *l = not_in->n && !random_below(seed, 3) ? not_in : in;
	const struct prefix *p = l->n ? &l->v[random_below(seed, (unsigned)l->n)] : NULL;

	for (unsigned i = 0; i < 128; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);
		bool set = p && i < p->len ? p->addr[i / 8] & bit : random_below(seed, 2);

		if (set)
			out[i / 8] |= bit;
	}
	if (p && p->len && !random_below(seed, 8)) /* just beside it */
		out[(p->len - 1) / 8] ^= (uint8_t)(0x80 >> (p->len - 1) % 8);
}

static inline const char *near_interface(uint64_t *seed, const struct ifaces *in,
					 const struct ifaces *not_in, char *room)
{
	const struct ifaces *l = not_in->n && !random_below(seed, 3) ? not_in : in;
	size_t len;

	if (!l->n || !random_below(seed, 8))
		return random_below(seed, 2) ? "eth0" : "lo";
	memcpy(room, l->v[random_below(seed, (unsigned)l->n)], IFNAMSIZ);
	len = strlen(room);
	if (len && room[len - 1] == '*')
		room[len - 1] = '7';
	return room;
}

static inline void random_tuple(uint64_t *seed, const struct match *m, struct tuple *t)
{
	t->proto = m->proto && random_below(seed, 8) ? m->proto : IPPROTO_TCP;
	t->sport = near_port(seed, &m->sport);
	t->dport = near_port(seed, &m->dport);
	near_address(seed, &m->src, &m->not_src, t->src);
	near_address(seed, &m->dst, &m->not_dst, t->dst);
}

struct room {
	char in[IFNAMSIZ], out[IFNAMSIZ];
};

static inline void random_sent(uint64_t *seed, const struct ruleset *rs, struct sent *p,
			       struct room *room)
{
	const struct match *m = &rs->rules[random_below(seed, (unsigned)rs->n_rules)].match;

	memset(p, 0, sizeof(*p));
	p->family = m->families == FAMILIES_BOTH ? random_below(seed, 2)
		    : m->families == FAMILIES_V4 ? FAMILY_V4
						 : FAMILY_V6;
	p->in = near_interface(seed, &m->in, &m->not_in, room->in);
	p->out = near_interface(seed, &m->out, &m->not_out, room->out);
	p->local =
		random_below(seed, 4) ? m->dst_kind != DST_NOT_LOCAL : m->dst_kind == DST_NOT_LOCAL;
	random_tuple(seed, m, &p->t);
	if (p->t.proto == IPPROTO_TCP)
		p->opening = random_below(seed, 2);
	p->icmp = m->icmp;
	if (p->icmp != ICMP_IS_ERROR)
		return;
	p->quoted = p->t;
	memset(&p->t, 0, sizeof(p->t));
	p->t.proto = p->family == FAMILY_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	p->opening = false;
}

#endif
