/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When untrack watch looks at the rules: soon after somebody has changed them, but not while he is
 * still at it, and ever more slowly where somebody takes away what is put back. Pure: times are
 * milliseconds of any one clock, from 1. */
#ifndef UNTRACK_PACE_H
#define UNTRACK_PACE_H

#include <stdint.h>

#define PACE_QUIET_MS 10u	 /* without a change: whoever was at it is done */
#define PACE_HOLD_MS 1000u	 /* but who is never done must not keep us away */
#define PACE_ROUTINE_MS 60000u	 /* for what nobody tells: an interface, a port range */
#define PACE_FREE 5u		 /* repairs a minute without a pause */
#define PACE_PAUSE_MS 100u	 /* the first pause; each is four times the one before, */
#define PACE_PAUSE_MAX_MS 30000u /* up to this */
#define PACE_RETRY_MS 1000u	 /* after a failure, and twice that after another one */
#define PACE_MEMORY 16u

enum pace_outcome { PACE_EQUAL, PACE_REPAIRED, PACE_FAILED };

struct pace {		      /* start from {0}: due at once */
	uint64_t first, last; /* changes since the last look; 0: none */
	uint64_t looked;
	uint64_t tries[PACE_MEMORY]; /* the last ones that were not PACE_EQUAL, the newest first */
	unsigned failures;	     /* in a row */
	uint64_t not_before;
};

void pace_changed(struct pace *p, uint64_t now);
/* The time of the next look. */
uint64_t pace_due(const struct pace *p);
/* Returns the pause that has to be now, in milliseconds; 0: none. */
unsigned pace_looked(struct pace *p, uint64_t now, enum pace_outcome outcome);

#endif
