/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The raw rules by what they ask of ports, addresses and interfaces, so that the one which decides
 * about a packet is found without asking all of them. For many packets and many rules. Pure. */
#ifndef UNTRACK_FLOW_INDEX_H
#define UNTRACK_FLOW_INDEX_H

#include "rules/flow.h"

struct flow_index;

/* Of the raw rules of rs, which must outlive it unchanged. */
struct flow_index *flow_index_make(const struct ruleset *rs);

/* The same as flow_rule. */
const struct rule *flow_index_rule(const struct flow_index *ix, const struct flow *f, enum hook raw,
				   const struct addrs *local);
void flow_index_free(struct flow_index *ix); /* NULL is safe */

#endif
