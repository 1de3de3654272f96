/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of its own for one function, in a child process that is gone afterwards:
 * nobody's rules, no interface but lo, and no right over anything of the host's (FACTS F). */
#ifndef UNTRACK_SANDBOX_H
#define UNTRACK_SANDBOX_H

#include <stdbool.h>
#include <stdio.h>
#include "util.h"

struct sandbox_fault {	/* start from {0} */
	bool forbidden; /* there can be no such namespace here; else the function did not end */
	char *why;	/* the caller frees it */
	const char *cure;
};

/* Runs fn(ctx, out) there, in a user namespace of its own, too (root does without where there can
 * be none); *said is what it has written to out (the caller frees s). It works on a copy of our
 * memory, with a lock of iptables of its own, and is killed after limit_ms or when we end. 0, or -1
 * with *f filled. */
int sandbox_run(void (*fn)(void *ctx, FILE *out), void *ctx, int limit_ms, struct text *said,
		struct sandbox_fault *f);

#endif
