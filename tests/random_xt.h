/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random matches that one rule of iptables can hold. */
#ifndef UNTRACK_TESTS_RANDOM_XT_H
#define UNTRACK_TESTS_RANDOM_XT_H

#include "random_nft.h"
#include "rules/iptables.h"

static inline void xt_keep_one(struct ifaces *in, struct ifaces *not_in)
{
	if (in->n)
		not_in->n = 0;
	in->n = in->n ? 1 : 0;
	not_in->n = not_in->n ? 1 : 0;
}

/* in: a rule of INPUT, which has no outgoing interface; else of OUTPUT. */
static inline void xt_random_match(uint64_t *seed, enum table_family table, bool in,
				   struct match *m)
{
	for (;;) {
		nft_random_match(seed, table, in, m);
		xt_keep_one(&m->in, &m->not_in);
		xt_keep_one(&m->out, &m->not_out);
		m->src.n = m->src.n ? 1 : 0;
		m->dst.n = m->dst.n ? 1 : 0;
		if (iptables_match_fits(m))
			return;
		match_free(m);
	}
}

#endif
