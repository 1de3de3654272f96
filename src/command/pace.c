/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When untrack watch looks at the rules. */
#include "command/pace.h"

#include <string.h>

#define MINUTE_MS 60000u

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void pace_changed(struct pace *p, uint64_t now)
{
	if (!p->first)
		p->first = now;
	p->last = now;
}

/* start, times factor n times over, up to max */
static unsigned grown(unsigned start, unsigned factor, unsigned n, unsigned max)
{
	while (n-- && start < max)
		start *= factor;
	return start < max ? start : max;
}

uint64_t pace_due(const struct pace *p)
{
	uint64_t due = p->looked + PACE_ROUTINE_MS;

	if (!p->looked)
		return 0;
	if (p->failures)
		due = earlier(
			due, p->looked + grown(PACE_RETRY_MS, 2, p->failures - 1, PACE_ROUTINE_MS));
	if (p->first)
		due = earlier(due, earlier(p->last + PACE_QUIET_MS, p->first + PACE_HOLD_MS));
	return due > p->not_before ? due : p->not_before;
}

static unsigned tries_of_minute(const struct pace *p, uint64_t now)
{
	unsigned n = 0;

	while (n < PACE_MEMORY && p->tries[n] && p->tries[n] + MINUTE_MS > now)
		n++;
	return n;
}

unsigned pace_looked(struct pace *p, uint64_t now, enum pace_outcome outcome)
{
	unsigned n, pause = 0;

	p->first = p->last = 0;
	p->looked = now;
	p->failures = outcome == PACE_FAILED ? p->failures + 1 : 0;
	if (outcome == PACE_EQUAL)
		return 0;
	memmove(p->tries + 1, p->tries, sizeof p->tries - sizeof *p->tries);
	p->tries[0] = now;
	n = tries_of_minute(p, now);
	if (n > PACE_FREE)
		pause = grown(PACE_PAUSE_MS, 4, n - PACE_FREE - 1, PACE_PAUSE_MAX_MS);
	p->not_before = now + pause;
	return pause;
}
