/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs "untrack expire TOKEN DEADLINE" when the time is over, whatever ends the session it was
 * asked from: a transient timer of systemd, or a process of our own in a session of its own. */
#ifndef UNTRACK_TIMER_H
#define UNTRACK_TIMER_H

#include "report/diag.h"
#include "transaction/pending.h"

/* Starts it for p, whose token and deadline are set, and notes in p what it is. options: what
 * stands before "expire", NULL-terminated, paths absolute. Where systemd runs but does not take the
 * timer, a warning says so and a process of ours waits. 0, or -1: nothing was started. */
int timer_start(struct pending *p, const struct state_paths *sp, const char *const *options,
		struct diag *d);

/* Ends it. One that is left over does no harm: its token is not the pending one any more. */
void timer_stop(const struct pending *p);

#endif
