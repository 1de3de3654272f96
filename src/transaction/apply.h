/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transaction of DESIGN 6. Knows only backend_ops; never libmnl, libnftnl or libiptc. */
#ifndef UNTRACK_APPLY_H
#define UNTRACK_APPLY_H

#include "config/policy.h"
#include "kernel/backend.h"
#include "rules/compile.h"
#include "rules/twin.h"
#include "transaction/journal.h"

enum apply_result {
	APPLY_UNCHANGED,   /* kernel already equal; nothing written */
	APPLY_CHANGED,	   /* committed, read back, verified */
	APPLY_REFUSED,	   /* nothing touched */
	APPLY_ROLLED_BACK, /* failed; the rules before were read back and are equal */
	APPLY_UNKNOWN,	   /* failed, and the state before could not be proven */
};

struct apply_look { /* what one read of the backend gave; start from {0}; apply_look_free */
	struct ruleset ours;
	struct fw fw;
	bool fresh; /* read, and nobody has taken it yet */
};

struct apply_options {
	struct state_paths paths;
	const char *sysctls;	   /* CT_SYSCTL_DIR; NULL: [conntrack] is left alone */
	struct settings *settings; /* gets what became of them; the caller frees. NULL: not asked */
	bool force; /* go on over findings that would refuse, and over foreign objects */
	struct generation_header *said; /* for the record: what was said before, and here; NULL:
					 * nobody asks */
	struct apply_look *look; /* what the caller has read last from the backend: apply_policy
				  * takes it, and does not read the same again. NULL: nothing */
	bool recorded; /* the newest generation says so already: nothing of it needs writing */
	bool anyway;   /* go on where nothing can be put on record, too: a full disk must not keep
			* somebody locked out */
	/* Called once, before the kernel changes, with what it holds; -1: it must not. NULL: nobody
	 * asks. */
	int (*before_change)(void *ctx, const struct ruleset *before, struct diag *d);
	/* Called with the verified rules before max of [conntrack] becomes less, at most once:
	 * stale entries should go first, for a table that holds more than it may takes nothing new.
	 * NULL: nobody asks. */
	void (*before_less)(void *ctx, const struct ruleset *ours);
	void *ctx; /* of before_change and before_less */
};

/* Read, derive, compare, journal, commit, read, compare, journal; on failure commit(before), read,
 * compare. The settings of [conntrack] come last: one that fails takes everything back. The policy
 * may be empty: that is removal. Where somebody changes the rules at the same time (a STALE commit,
 * a firewall that reloads before the read-back), it derives anew and tries again, at most 10 times,
 * then it says that somebody is fighting us. after (may be NULL) gets the verified ruleset of
 * CHANGED and UNCHANGED. The caller holds the lock and has called apply_recover. CHANGED leaves the
 * generation prepared, for generation_write to publish, and the evidence in place until then, for
 * apply_end. */
enum apply_result apply_policy(const struct backend_ops *ops, struct backend *b,
			       const struct policy *p, const struct host_params *h,
			       const struct apply_options *o, struct ruleset *after,
			       struct diag *d);

void apply_look_free(struct apply_look *l);

/* Ends the evidence. Where that fails it is a warning: the outcome stands. */
void apply_end(const struct apply_options *o, struct diag *d);

/* Finishes the evidence of a run that did not end; a finding "recovered" says which it is, and the
 * caller goes on. UNCHANGED: no evidence, or the kernel equals its before. CHANGED: it equals its
 * want, which is on record now. UNKNOWN: neither; it was half done, or somebody changed rules
 * since. REFUSED: unreadable evidence. */
enum apply_result apply_recover(const struct backend_ops *ops, struct backend *b,
				const struct apply_options *o, struct diag *d);

#endif
