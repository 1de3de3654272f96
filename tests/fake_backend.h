/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A backend without a kernel, which fails on demand: at any call, before, in the middle of or after
 * taking effect; and a firewall that others change at the worst moment. */
#ifndef UNTRACK_FAKE_BACKEND_H
#define UNTRACK_FAKE_BACKEND_H

#include "kernel/backend.h"

#define FAKE_CALLS 64

enum fake_fault {
	FAKE_WORKS,
	FAKE_REFUSES,	 /* says no, and nothing is applied */
	FAKE_LATE_ERROR, /* says no, and all is applied (FACTS B6.iv) */
	FAKE_HALF_ERROR, /* says no, and half is applied */
	FAKE_LIES,	 /* says yes, and nothing is applied (FACTS C3) */
	FAKE_HALF,	 /* says yes, and half is applied */
	FAKE_STALE,	 /* says that somebody was faster */
	FAKE_DIES,	 /* the process ends, before anything is applied */
};

enum fake_kind { FAKE_ESTABLISHED, FAKE_PORT, FAKE_STATE_NEGATED };

struct fake_rule { /* of the one chain of the fake firewall: inet filter input, policy drop */
	enum fake_kind kind; /* "ct state established,related accept", "tcp dport N accept",
			      * "ct state != established drop" */
	uint16_t port;
	uint64_t handle;
};

struct backend { /* the kernel; zeroed: no firewall, no rules, no faults */
	struct ruleset ours;
	struct fake_rule *rules;
	size_t n_rules;
	uint64_t last_handle;
	unsigned genid, seen;	    /* as in FACTS C2: what is, and what was read last */
	unsigned reads, commits;    /* calls so far */
	bool fail_read[FAKE_CALLS]; /* by number of the call, from 0 */
	enum fake_fault fail_commit[FAKE_CALLS];
	/* Called before each read with its number: changes the kernel behind our back. */
	void (*meddle)(struct backend *b, unsigned read, void *ctx);
	void *ctx;
};

/* open gives a new one; a test may as well hand its own to the other functions. */
extern const struct backend_ops fake_backend;

/* What others do. Each moves the generation id. */
void fake_add_rule(struct backend *b, enum fake_kind kind, uint16_t port);
void fake_delete_rule(struct backend *b, size_t i); /* its twins stand before the next one then */
void fake_reload(struct backend *b); /* the same rules anew: other handles, and no twins */
void fake_add_foreign(struct backend *b, const char *what); /* in our own table */
void fake_reset_faults(struct backend *b);		    /* and the numbers of calls */
void fake_free(struct backend *b);			    /* what it holds, not b */

#endif
