/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random matches and rulesets out of a small world, so that they meet; from a seed, so that a
 * failure comes back. Strings hold what names in a kernel may hold. */
#ifndef UNTRACK_TESTS_RANDOM_RULES_H
#define UNTRACK_TESTS_RANDOM_RULES_H

#include <netinet/in.h>
#include <string.h>
#include "rules/ruleset.h"

static inline unsigned random_below(uint64_t *seed, unsigned n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (unsigned)(*seed >> 33) % n;
}

static inline void random_ports(uint64_t *seed, struct ports *p)
{
	static const uint16_t edges[] = { 0, 1, 2, 3, 4, 5, 80, 81, 65534, 65535 };

	for (unsigned n = random_below(seed, 4); n; n--) {
		unsigned lo = random_below(seed, ARRAY_SIZE(edges));
		unsigned hi = lo + random_below(seed, ARRAY_SIZE(edges) - lo);

		ports_add(p, edges[lo], edges[hi]);
	}
	ports_normalise(p);
}

static inline void random_ifaces(uint64_t *seed, struct ifaces *l)
{
	static const char *const names[] = {
		"eth0", "eth1", "bond*", "*", "", "a,b", "a b", "100%", "\x01", "fifteen-letters",
	};

	if (!random_below(seed, 4))
		for (unsigned n = random_below(seed, 3); n; n--)
			ifaces_add(l, names[random_below(seed, ARRAY_SIZE(names))]);
	ifaces_normalise(l);
}

static inline void random_addrs(uint64_t *seed, enum family f, struct addrs *l)
{
	for (unsigned n = random_below(seed, 3); n; n--) {
		struct prefix p = { .family = f };
		unsigned bits = f == FAMILY_V4 ? 32 : 128;

		p.len = (uint8_t)random_below(seed, bits + 1);
		for (unsigned i = 0; i < p.len; i++)
			if (random_below(seed, 2))
				p.addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
		addrs_add(l, &p);
	}
	addrs_normalise(l);
}

static inline void random_kinds(uint64_t *seed, struct match *m)
{
	static const uint8_t protos[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_GRE, 200 };

	m->families = 1 + random_below(seed, FAMILIES_BOTH);
	m->proto = protos[random_below(seed, ARRAY_SIZE(protos))];
	m->dst_kind = random_below(seed, 3);
	if (!random_below(seed, 3))
		m->icmp = ICMP_IS_ERROR;
	else if (m->families != FAMILIES_BOTH && !random_below(seed, 3))
		m->proto = m->families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	if (m->proto == IPPROTO_ICMP || m->proto == IPPROTO_ICMPV6)
		m->icmp = random_below(seed, 4);
	if (m->proto == IPPROTO_TCP && m->icmp != ICMP_IS_ERROR)
		m->tcp = random_below(seed, 3);
}

static inline void random_match(uint64_t *seed, struct match *m)
{
	struct addrs *const lists[] = { &m->src, &m->not_src, &m->dst, &m->not_dst };

	memset(m, 0, sizeof *m);
	random_kinds(seed, m);
	random_ports(seed, &m->sport);
	random_ports(seed, &m->dport);
	random_ifaces(seed, &m->in);
	random_ifaces(seed, &m->not_in);
	random_ifaces(seed, &m->out);
	random_ifaces(seed, &m->not_out);
	if (m->families == FAMILIES_BOTH)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!random_below(seed, 3))
			random_addrs(seed, m->families == FAMILIES_V4 ? FAMILY_V4 : FAMILY_V6,
				     lists[i]);
}

static inline char *random_name(uint64_t *seed)
{
	static const char *const names[] = {
		"web", "dns",	 "web,api,+12", "a b", "%",	      "",
		"::",  "before", "in",		"\n",  "z\xc3\xa4hl",
	};

	return xstrdup(names[random_below(seed, ARRAY_SIZE(names))]);
}

static inline void random_twin(uint64_t *seed, struct twin *w)
{
	static const char *const bodies[] = { "",	"cmp:00ff", "immediate:01 counter:",
					      " a  b ", "%",	    ":: x" };

	w->family = random_below(seed, 3);
	w->table = random_name(seed);
	w->chain = random_name(seed);
	w->anchor = random_below(seed, 3) * UINT64_C(0x7fffffffffffffff);
	w->names = random_name(seed);
	w->body = xstrdup(bodies[random_below(seed, ARRAY_SIZE(bodies))]);
	w->handle = random_below(seed, 100);
	random_match(seed, &w->match);
	w->match.answers = random_below(seed, 2);
}

static inline void random_ruleset(uint64_t *seed, struct ruleset *rs)
{
	memset(rs, 0, sizeof *rs);
	for (unsigned n = random_below(seed, 6); n; n--) {
		struct rule *r = ruleset_add_rule(rs);

		r->form = random_below(seed, 4) ? FORM_NFT : FORM_LEGACY;
		r->hook = random_below(seed, 2) ? HOOK_PREROUTING : HOOK_OUTPUT;
		r->verdict = random_below(seed, 4) ? VERDICT_NOTRACK : VERDICT_RETURN;
		r->name = random_name(seed);
		random_match(seed, &r->match);
	}
	for (unsigned n = random_below(seed, 6); n; n--)
		random_twin(seed, ruleset_add_twin(rs));
	for (unsigned n = random_below(seed, 3); n; n--) {
		struct counter *c = ARRAY_ADD(rs->counters, rs->n_counters);

		c->name = random_name(seed);
		c->hook = random_below(seed, 2) ? HOOK_PREROUTING : HOOK_OUTPUT;
		c->packets = random_below(seed, 2) * UINT64_MAX;
		c->bytes = random_below(seed, 1000);
	}
}

#endif
