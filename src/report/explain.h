/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of one packet and of its reply, hook by hook: as a value, as text and as JSON. */
#ifndef UNTRACK_EXPLAIN_H
#define UNTRACK_EXPLAIN_H

#include <stdio.h>
#include "rules/flow_walk.h"

struct explained_hook { /* one of our two hooks */
	enum hook hook;
	const struct rule *rule; /* that decides there; NULL: none */
};

struct explained { /* one packet */
	struct flow flow;
	bool reply;
	struct explained_hook hooks[2]; /* loopback passes both, and the first one decides */
	size_t n_hooks;
	bool exempt, untracked; /* by us; at all */
	struct flow_walk walk;	/* n == 0 without a firewall */
};

struct explanation { /* start from {0} */
	struct explained packets[2];
	size_t n;
	bool walked;
};

/* h->fw NULL: the raw rules only. rs must outlive it. */
void explain_make(struct explanation *e, const struct flow *f, const struct ruleset *rs,
		  const struct flow_host *h);
/* In words, of one packet: "untracked by web, web.conf:2: protocol tcp ..."; "dropped: inet filter
 * input, new: dropped by policy", where a firewall was walked. */
void explain_tracking(const struct explained *x, struct text *t);
void explain_verdict(const struct explained *x, struct text *t);
void explain_text(const struct explanation *e, FILE *out);
/* A document for n flows. */
void explain_json(const struct explanation *v, size_t n, FILE *out);
void explain_free(struct explanation *e);

#endif
