/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that are made to fit one of some rules, or nearly. */
#ifndef UNTRACK_RANDOM_FLOW_H
#define UNTRACK_RANDOM_FLOW_H

#include "random_rules.h"
#include "rules/flow.h"

static inline uint16_t random_port(uint64_t *seed, const struct ports *p)
{
	static const uint16_t edges[] = { 0, 1, 4, 80, 443, 65535 };
	const struct port_range *r = p->n ? &p->v[random_below(seed, (unsigned)p->n)] : NULL;

	if (!r || !random_below(seed, 8))
		return edges[random_below(seed, ARRAY_SIZE(edges))];
	return random_below(seed, 2) ? r->lo : r->hi;
}

/* Inside a prefix of the list, or nearly. */
static inline void random_address(uint64_t *seed, enum family f, const struct addrs *l,
				  uint8_t addr[16])
{
	const struct prefix *p = l->n ? &l->v[random_below(seed, (unsigned)l->n)] : NULL;
	unsigned bits = f == FAMILY_V4 ? 32 : 128;

	for (unsigned i = 0; i < bits; i++) {
		bool of_prefix = p && p->family == f && i < p->len;
		bool bit = of_prefix ? p->addr[i / 8] & 0x80 >> i % 8 : random_below(seed, 2);

		if (of_prefix && !random_below(seed, 200))
			bit = !bit;
		if (bit)
			addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
}

static inline void random_name_of(uint64_t *seed, const struct ifaces *l, char name[IFNAMSIZ])
{
	const char *from = l->n ? l->v[random_below(seed, (unsigned)l->n)] : "eth0";
	size_t len = strcspn(from, "*");

	memcpy(name, from, len);
	if (!*name)
		memcpy(name, "eth1", 5);
	else if (from[len])
		name[len] = '7';
}

static inline void random_flow(uint64_t *seed, const struct ruleset *rs, struct flow *f)
{
	const struct match *m = &rs->rules[random_below(seed, (unsigned)rs->n_rules)].match;

	bool swap;

	memset(f, 0, sizeof(*f));
	f->family = m->families == FAMILIES_V4	 ? FAMILY_V4
		    : m->families == FAMILIES_V6 ? FAMILY_V6
						 : random_below(seed, 2);
	f->proto = m->proto ? m->proto : IPPROTO_TCP;
	f->error = m->icmp == ICMP_IS_ERROR ? random_below(seed, 8) : !random_below(seed, 8);
	f->options = f->error && !random_below(seed, 8);
	f->fragment = !f->error && !random_below(seed, 8);
	f->icmp_type = (uint8_t)random_below(seed, 150);
	f->stage = random_below(seed, 3);
	f->way = random_below(seed, 4);
	f->sport = random_port(seed, &m->sport);
	f->dport = random_port(seed, &m->dport);
	/* Rules may mean the packet, or what it quotes. */
	swap = f->error && random_below(seed, 2);
	random_address(seed, f->family, swap ? &m->dst : &m->src, f->src);
	random_address(seed, f->family, swap ? &m->src : &m->dst, f->dst);
	if (f->way != FLOW_OUT)
		random_name_of(seed, &m->in, f->in);
	if (f->way != FLOW_IN)
		random_name_of(seed, &m->out, f->out);
}

#endif
