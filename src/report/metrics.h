/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How things stand as the text format of Prometheus. Pure. Names begin with untrack_, units are
 * base units, counters end in _total; no metric has more than one series for an exemption and
 * direction. What is not known has no series. */
#ifndef UNTRACK_METRICS_H
#define UNTRACK_METRICS_H

#include "report/status.h"
#include "rules/table.h"

struct metrics { /* borrows everything */
	const char *version;
	const struct status *status;		 /* compared */
	const uint64_t *entries, *max, *buckets; /* of the table; NULL: not known */
	const struct ct_stats *stats;		 /* since boot; NULL: not known */
	const struct diag *findings;
};

void metrics_print(const struct metrics *m, FILE *out);

#endif
