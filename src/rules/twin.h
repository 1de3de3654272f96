/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins: walk the host's firewall for each class of exempt packets, tracked and untracked, and
 * where the verdicts differ derive the copies of its state rules that make them equal. Pure.
 * DESIGN 4. */
#ifndef UNTRACK_TWIN_H
#define UNTRACK_TWIN_H

#include "rules/compile.h"
#include "rules/fw.h"

/* What a base chain means to one class of exempt packets */
enum twin_need {
	NEED_NONE,    /* same verdicts tracked and untracked: nothing is written */
	NEED_TWINS,   /* twins make them the same */
	NEED_FIRST,   /* accept = first: one plain accept rule at the head */
	NEED_CLOSED,  /* the firewall accepts no new connection: nothing is opened */
	NEED_REFUSED, /* twins cannot make them the same: a finding says why */
	NEED_IGNORED, /* accept = none, and verdicts differ: the administrator's own rules
			 decide */
};

struct chain_need {		      /* for status */
	const struct fw_chain *chain; /* borrowed from the fw */
	char *names;
	enum packet_class class;
	enum family family;
	enum twin_need need;
	char *part; /* the ports it is about, where these are not all of the service's: "80,443" */
	const char *finding; /* of NEED_REFUSED: the finding's id, a string literal */
	char *why; /* one phrase: "accepts it in either state (rule 5: tcp dport 80 accept)" */
};

struct twin_plan { /* start from {0} */
	struct chain_need *needs;
	size_t n_needs;
};

/* Adds the twins that policy p needs on firewall fw to rs (which holds the raw rules) and
 * normalises it. Findings go to d: errors mean that applying would break or open something.
 * plan may be NULL. 0, or -1 if an error was reported (the twins that could be derived are there
 * all the same, for those who force it). */
int twin_derive(const struct policy *p, const struct host_params *h, const struct fw *fw,
		struct ruleset *rs, struct twin_plan *plan, struct diag *d);
void twin_plan_free(struct twin_plan *plan);

#endif
