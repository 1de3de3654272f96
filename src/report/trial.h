/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An expectation held against what becomes of its packet; the results as text, TAP and JUnit. */
#ifndef UNTRACK_TRIAL_H
#define UNTRACK_TRIAL_H

#include <stdio.h>
#include "config/expect.h"
#include "config/policy.h"
#include "report/explain.h"

struct trial_fault {	  /* a key that is not as it says */
	struct origin at; /* its value; borrowed from the expectation, like what follows */
	char *text;	  /* "result: expected untracked, got tracked: no rule of ours in ..." */
};

struct trial {
	const struct expectation *expected;
	struct trial_fault *faults; /* none: it passed */
	size_t n_faults;
};

/* t is overwritten. x: of the expectation's flow, with a walk where a verdict is expected */
void trial_make(struct trial *t, const struct expectation *e, const struct explanation *x,
		const struct policy *p);
void trial_free(struct trial *t);
size_t trial_failures(const struct trial *v, size_t n);

/* brief: failures only, without a count. */
void trial_text(const struct trial *v, size_t n, bool brief, bool colour, FILE *out);
void trial_tap(const struct trial *v, size_t n, FILE *out);   /* version 14 */
void trial_junit(const struct trial *v, size_t n, FILE *out); /* a test suite for each file */

/* Results of a run that could not begin. */
void trial_tap_broken(const char *why, FILE *out);
void trial_junit_broken(const char *why, FILE *out);

#endif
