/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a transaction has to do with a pending confirmation, step by step under the lock. At each
 * instant one that is pending has a timer that knows it, so a run killed anywhere goes back. */
#ifndef UNTRACK_CONFIRMATION_H
#define UNTRACK_CONFIRMATION_H

#include "command/command.h"
#include "transaction/apply.h"
#include "transaction/pending.h"

enum confirmation_kind {
	CONFIRMATION_NONE,  /* apply: not while one is pending */
	CONFIRMATION_ASKED, /* apply --confirm: begins one, or extends it */
	CONFIRMATION_ENDED, /* rollback, remove: ways out, and then none is pending */
	CONFIRMATION_DUE,   /* the timer: the time is over */
	CONFIRMATION_ASIDE, /* watch: one that is pending stays as it is, and so do the rules that
			     * wait; rules that were never confirmed in time are not its concern */
};

struct confirmation { /* start with s and kind; confirmation_free */
	const struct session *s;
	enum confirmation_kind kind;
	unsigned seconds;    /* ASKED: how long */
	const char *token;   /* DUE: of this one only */
	const char *wanted;  /* the policy's text; borrowed from the transaction */
	bool recorded;	     /* and is it the newest generation already? */
	struct pending old;  /* pending when we came; token NULL: none */
	struct pending mine; /* which this run began; token NULL: none */
	bool damaged;	     /* one was pending, but it cannot be read */
	bool over;	     /* DUE: confirmed, or another took its place: nothing is to be done.
			      * ASIDE: somebody has decided otherwise */
};

/* First of all, the lock is held. 0, or -1: refused (findings), or over. */
int confirmation_look(struct confirmation *c, struct diag *d);
/* Before the kernel changes, which holds this: what is pending from now on. 0, or -1: the kernel
 * must not change. ctx is the confirmation. */
int confirmation_begin(void *ctx, const struct ruleset *before, struct diag *d);
/* The outcome is known: one that is not needed ends. now: what the kernel holds. 0 or -1. */
int confirmation_settle(struct confirmation *c, enum apply_result result, const struct ruleset *now,
			struct diag *d);
/* The last step where all went well. 0 or -1. */
int confirmation_close(struct confirmation *c, struct diag *d);
/* Is one pending, after all that? Then the generation is unconfirmed. */
bool confirmation_is_pending(const struct confirmation *c);
void confirmation_free(struct confirmation *c);

/* The policy that a pending confirmation goes back to. Where its file is damaged: that of the last
 * good generation, if the newest one is unconfirmed, or due. 0 with *back its number; 1: none is
 * pending; -1 with findings. */
int confirmation_way_back(const struct session *s, bool due, long *back, struct policy *p);

/* "14:03:22 (in 120 s)" */
char *confirmation_when(const struct pending *p);

#endif
