/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of connection tracking, for people and for programs. */
#ifndef UNTRACK_TABLE_TEXT_H
#define UNTRACK_TABLE_TEXT_H

#include <jansson.h>
#include <stdio.h>
#include "report/census.h"
#include "rules/table.h"

struct table_status { /* start from {0}; borrows */
	bool absent;  /* no connection tracking in this kernel, or its module is not loaded */
	uint64_t count, max, buckets;
	bool grows;		      /* growth is known */
	double growth;		      /* entries a second, since the reading before */
	const struct ct_stats *stats; /* since boot; NULL: not known, stats_why */
	const struct census *census;  /* NULL: not known, census_why; or nothing to count */
	const char *stats_why, *census_why;
};

/* bar: somebody sees it. */
void table_text(const struct table_status *t, bool bar, FILE *out);
json_t *table_json(const struct table_status *t);

/* "0 dropped, 0 thrown out early, ...\n" */
void table_stats_text(const struct ct_stats *s, FILE *out);
json_t *table_stats_json(const struct ct_stats *s); /* NULL: null */

#endif
