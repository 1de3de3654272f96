/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random matches and rulesets that nf_tables can hold and configurations can ask for. */
#ifndef UNTRACK_TESTS_RANDOM_NFT_H
#define UNTRACK_TESTS_RANDOM_NFT_H

#include <netinet/in.h>
#include <string.h>
#include "random_rules.h"

static inline void nft_random_ports(uint64_t *seed, struct ports *p)
{
	for (unsigned n = 1 + random_below(seed, 7); n; n--) {
		unsigned lo = random_below(seed, 8) ? random_below(seed, 2000) : 65000;
		unsigned hi = random_below(seed, 3) ? lo : lo + random_below(seed, 536);

		ports_add(p, (uint16_t)lo, (uint16_t)hi);
	}
	ports_normalise(p);
}

static inline void nft_random_ifaces(uint64_t *seed, struct ifaces *l)
{
	static const char *const names[] = { "eth0",  "bond*", "veth*", "wg-1.2", "fifteen-letters",
					     "ppp0*", "br_0",  "a" };

	for (unsigned n = 1 + random_below(seed, 3); n; n--)
		ifaces_add(l, names[random_below(seed, ARRAY_SIZE(names))]);
	ifaces_normalise(l);
}

static inline void nft_random_addrs(uint64_t *seed, unsigned families, struct addrs *l)
{
	for (unsigned n = 1 + random_below(seed, 4); n; n--) {
		struct prefix p = { .family = families == FAMILIES_V4 ? FAMILY_V4 : FAMILY_V6 };
		unsigned bits = p.family == FAMILY_V4 ? 32 : 128;

		p.len = (uint8_t)(random_below(seed, 3) ? 8 * random_below(seed, bits / 8 + 1)
							: random_below(seed, bits + 1));
		for (unsigned i = 0; i < p.len; i++)
			if (random_below(seed, 2))
				p.addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
		addrs_add(l, &p);
	}
	addrs_normalise(l);
}

static inline void nft_random_kind(uint64_t *seed, struct match *m)
{
	static const uint8_t protos[] = {
		IPPROTO_TCP, IPPROTO_UDP,  IPPROTO_SCTP,    IPPROTO_DCCP, IPPROTO_GRE,
		IPPROTO_ESP, IPPROTO_IPIP, IPPROTO_UDPLITE, IPPROTO_ICMP, IPPROTO_ICMPV6,
		99
	};

	m->proto = protos[random_below(seed, ARRAY_SIZE(protos))];
	if (!random_below(seed, 8))
		m->proto = 0;
	if (proto_has_ports(m->proto) && random_below(seed, 8)) {
		unsigned sides = 1 + random_below(seed, 3);

		if (sides & 1)
			nft_random_ports(seed, &m->sport);
		if (sides & 2)
			nft_random_ports(seed, &m->dport);
	}
	if (m->families == FAMILIES_BOTH || random_below(seed, 2))
		return;
	if (random_below(seed, 2)) {
		m->icmp = ICMP_IS_ERROR;
	} else if (random_below(seed, 2)) {
		ports_subtract(&m->sport, &m->sport);
		ports_subtract(&m->dport, &m->dport);
		m->proto = m->families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		m->icmp = random_below(seed, 2) ? ICMP_REQUEST : ICMP_REPLY;
	}
}

/* A match that one rule of the table can hold. */
static inline void nft_random_match(uint64_t *seed, enum table_family table, bool in,
				    struct match *m)
{
	memset(m, 0, sizeof *m);
	m->families = table == TABLE_IP	   ? FAMILIES_V4
		      : table == TABLE_IP6 ? FAMILIES_V6
					   : 1 + random_below(seed, 3);
	nft_random_kind(seed, m);
	if (!random_below(seed, 3))
		nft_random_ifaces(seed, in ? &m->in : &m->out);
	if (!random_below(seed, 4))
		nft_random_ifaces(seed, in ? &m->not_in : &m->not_out);
	if (m->families != FAMILIES_BOTH)
		for (struct addrs *l = &m->src; l <= &m->not_dst; l++)
			if (!random_below(seed, 3))
				nft_random_addrs(seed, m->families, l);
	if (m->proto == IPPROTO_TCP && m->icmp == ICMP_ANY)
		m->tcp = random_below(seed, 3);
	m->dst_kind = in ? random_below(seed, 3) : DST_ANY;
}

static inline struct rule *nft_random_rule(uint64_t *seed, struct ruleset *rs, const char *name)
{
	struct rule *r = ruleset_add_rule(rs);
	bool in = random_below(seed, 2);

	r->hook = in ? HOOK_PREROUTING : HOOK_OUTPUT;
	r->verdict = VERDICT_NOTRACK;
	r->name = xstrdup(name);
	nft_random_match(seed, TABLE_INET, in, &r->match);
	return r;
}

/* Raw rules as configurations make them: loopback first, companions of both families in one. */
static inline void nft_random_ruleset(uint64_t *seed, struct ruleset *rs)
{
	static const char *const names[] = { "web", "api", "d-n.s",
					     "v_x", "in",  "tcp",
					     "Z9",  "x",   "a-name-of-thirty-two-characters_" };

	memset(rs, 0, sizeof *rs);
	for (unsigned n = 1 + random_below(seed, 12); n; n--) {
		const char *name = names[random_below(seed, ARRAY_SIZE(names))];
		struct rule *r = nft_random_rule(seed, rs, name);
		struct rule copy = *r, *twin;

		if (r->match.icmp == ICMP_IS_ERROR) {
			for (struct addrs *l = &r->match.src; l <= &r->match.not_dst; l++) {
				free(l->v);
				*l = (struct addrs){ 0 };
			}
			r->match.families = FAMILIES_BOTH;
		} else if (random_below(seed, 2)) { /* the same shape under another name */
			twin = ruleset_add_rule(rs);
			copy = rs->rules[rs->n_rules - 2];
			*twin = copy;
			twin->name = xstrdup(names[random_below(seed, ARRAY_SIZE(names))]);
			match_copy(&twin->match, &copy.match);
			if (twin->match.dport.n)
				nft_random_ports(seed, &twin->match.dport);
		}
	}
	for (int hook = 0; hook < 2 && random_below(seed, 2); hook++) {
		struct rule *r = ruleset_add_rule(rs);

		r->hook = hook ? HOOK_OUTPUT : HOOK_PREROUTING;
		r->verdict = VERDICT_RETURN;
		r->name = xstrdup("loopback");
		r->match.families = FAMILIES_BOTH;
		ifaces_add(hook ? &r->match.out : &r->match.in, "lo");
	}
	ruleset_normalise(rs);
}

#endif
