/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet on its way through the host's firewall, chain by chain, with the twins that are to
 * stand there: what becomes of it, and by which rule. Pure. */
#ifndef UNTRACK_FLOW_WALK_H
#define UNTRACK_FLOW_WALK_H

#include "rules/flow.h"
#include "rules/fw.h"
#include "rules/walk.h"

struct flow_end {		      /* a way in which a chain ends for it */
	enum outcome outcome;	      /* never OUT_MIXED */
	const struct fw_chain *chain; /* of the rule */
	const struct fw_rule *rule;   /* NULL: the policy of the base chain */
	const struct twin *twin; /* a twin of the rule (of none: an accept at the head); or NULL */
};

#define FLOW_ENDS 4

struct flow_passage { /* through a base chain */
	const struct fw_chain *chain;
	uint32_t state; /* STATE_*: what "ct state" is there */
	struct flow_end ends[FLOW_ENDS];
	size_t n_ends;	 /* 1: it is certain */
	bool translated; /* its address may be changed here, and all that follows is not certain */
};

struct flow_walk { /* start from {0} */
	struct flow_passage
		*v; /* in the order in which the packet meets them; the last may drop it */
	size_t n;
	bool untracked;	      /* in the end: by us, by another rule, or by nature */
	enum outcome outcome; /* OUT_MIXED: depends */
};

struct flow_host { /* what the packet meets */
	const struct fw *fw;
	const struct ruleset *want; /* twins */
	const struct addrs *local;
	const struct flow_index *index; /* of the raw rules of want; NULL: all are asked */
};

struct flow_known {  /* of a packet, besides what it is */
	bool exempt; /* our raw rules untrack it */
	bool reply;  /* it answers the packet that opened the flow */
	bool alone;  /* what its flow, or the one that it quotes, has had before it was not tracked
		      */
};

void flow_walk(const struct flow *f, const struct flow_known *k, const struct flow_host *h,
	       struct flow_walk *out);
void flow_walk_free(struct flow_walk *w);

#endif
