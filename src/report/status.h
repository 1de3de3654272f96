/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How things stand: a value, and its two printers. */
#ifndef UNTRACK_STATUS_H
#define UNTRACK_STATUS_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include "config/policy.h"
#include "report/table_text.h"
#include "rules/ruleset.h"
#include "rules/twin.h"
#include "rules/walk_text.h"

struct exemption_status {
	const char *name, *kind, *description; /* kind: "service", "interface", "loopback" */
	size_t want, have; /* raw rules of it; have counts those of want that are loaded */
	const struct counter *in, *out;		      /* NULL: none in the kernel */
	const struct counter *in_before, *out_before; /* in a reading before; NULL: none */
};

struct status { /* start from {0}; borrows the policy, the rulesets and the plan */
	const struct policy *policy; /* what was applied last */
	const struct ruleset *want, *have;
	const struct twin_plan *plan;
	const struct walk_accounts *walks; /* NULL: nobody asked for them */
	const char *backend;
	long generation; /* 0: none */
	time_t applied;	 /* when; 0: unknown */
	bool blocked;	 /* the host's firewall does not allow these exemptions; findings say why */
	const struct table_status *table; /* of connection tracking; NULL: nobody asks */
	const struct ruleset *before;	  /* a reading before this one; NULL: there is none */
	double elapsed;			  /* seconds since it, above 0 */
	bool bars;			  /* somebody sees it */
	const char *pending; /* what is up with the configuration files; NULL: they are applied */
	struct {
		long generation;  /* unconfirmed; 0: none is */
		bool timer;	  /* it goes back by itself, */
		long back;	  /* to this one */
		unsigned seconds; /* from now; 0: its time is over */
	} unconfirmed;
	const char *settings; /* of conntrack: lines of a difference; NULL: none */
	size_t n_settings;
	/* the rest comes from status_compare */
	struct exemption_status *exemptions;
	size_t n_exemptions;
	enum twin_standing *of_want, *of_have; /* each twin of want and of have */
	char *drift;			       /* lines of ruleset_diff, and of settings */
	size_t n_drift;
};

struct counter_rate { /* a second */
	double packets, bytes;
};

/* false: not known. */
bool counter_rate(const struct counter *now, const struct counter *before, double elapsed,
		  struct counter_rate *rate);

/* Fills in what follows from policy, want and have. */
void status_compare(struct status *st);
void status_free(struct status *st); /* what status_compare made */

void status_text(const struct status *st, bool verbose, bool colour, FILE *out);
void status_json(const struct status *st, FILE *out);

/* Text of ruleset_diff: lines that begin with + in green, with - in red. */
void status_print_diff(const char *lines, const char *indent, bool colour, FILE *out);
void status_print_twins(const struct status *st, bool verbose, FILE *out); /* chain by chain */

/* What diff found, for a program; lines are those of ruleset_diff. */
void status_diff_json(const char *lines, const char *backend, const struct ruleset *have,
		      bool blocked, FILE *out);
const char *twin_need_name(enum twin_need need);

#endif
