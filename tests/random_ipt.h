/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random rules of ours for the iptables-legacy table raw. */
#ifndef UNTRACK_TESTS_RANDOM_IPT_H
#define UNTRACK_TESTS_RANDOM_IPT_H

#include <libiptc/xtcshared.h>
#include "kernel/ipt_rule.h"
#include "random_xt.h"

static inline void ipt_drop_excluded(struct match *m)
{
	m->not_in.n = m->not_out.n = 0;
	m->not_src.n = m->not_dst.n = 0;
}

/* Matches of the twins' world, and odder ones. */
static inline void ipt_random_match(uint64_t *seed, enum family f, struct match *m)
{
	if (random_below(seed, 3)) {
		xt_random_match(seed, f == FAMILY_V4 ? TABLE_IP : TABLE_IP6, random_below(seed, 2),
				m);
	} else {
		random_match(seed, m);
		m->families = f == FAMILY_V4 ? FAMILIES_V4 : FAMILIES_V6;
	}
	ipt_drop_excluded(m);
	if (!random_below(seed, 8)) /* an interface's */
		m->proto = 0;
}

static inline void ipt_random_rule(uint64_t *seed, enum family f, struct ipt_rule *r)
{
	for (;;) {
		*r = (struct ipt_rule){ .does = random_below(seed, 3) };
		ipt_random_match(seed, f, &r->match);
		r->count.packets = random_below(seed, 3) * UINT64_C(0x5555555555555555);
		r->count.bytes = random_below(seed, 1000);
		if (r->does == IPT_JUMP)
			r->name = xasprintf(IPT_OWN_PREFIX "%u", random_below(seed, 100));
		else if (r->does == IPT_NOTRACK || random_below(seed, 2))
			r->name = random_name(seed);
		if (!ipt_rule_fault(r))
			return;
		ipt_rule_free(r);
	}
}

/* As libiptc gives an entry back: verdicts and jumps have no name in it. */
static inline bool ipt_read_back(enum family f, const struct ipt_written *w, struct ipt_rule *out)
{
	auto_free char *label = xstrdup(w->target);
	auto_free uint8_t *copy = xmemdup(w->entry, w->len);
	struct ipt_entry_parts p;
	bool is;

	if (w->kind != IPT_EXTENSION)
		memset(copy + (w->target - (const char *)w->entry), 0, strlen(label));
	if (!ipt_entry_read(f, copy, w->len, label, &p))
		return false;
	is = ipt_rule_read(&p, copy, out);
	free(p.matches);
	return is;
}

#endif
