/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of connection tracking, as status shows it. */
#ifndef UNTRACK_COMMAND_TABLE_H
#define UNTRACK_COMMAND_TABLE_H

#include "command/command.h"
#include "report/table_text.h"

struct table { /* start from {0}; table_free */
	struct table_status status;
	struct ct_stats stats;
	struct census census;
	char *stats_why, *census_why;
};

/* Never fails: what cannot be had is in words in t->status; findings are about what makes the
 * counts less than exact. */
void table_read(struct session *s, struct table *t);
void table_free(struct table *t);

/* The first finding as a reason, fresh; d is empty then. */
char *table_reason(struct diag *d);

#endif
