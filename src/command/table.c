/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the table of connection tracking while somebody waits. */
#include "command/command.h"

#include <time.h>
#include "kernel/conntrack_table.h"

#define QUIET_SECONDS 0.3 /* what is over by then needs no word */

struct watched { /* a reader, and who waits for it */
	const struct ct_reader *reader;
	const struct session *s;
	struct timespec start;
	bool shown;
};

static void see_entry(void *ctx, const struct ct_entry *e)
{
	struct watched *w = ctx;

	w->reader->entry(w->reader->ctx, e);
}

static void see_progress(void *ctx, unsigned long seen, unsigned long count)
{
	struct watched *w = ctx;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!w->shown && (double)(now.tv_sec - w->start.tv_sec) +
					 (double)(now.tv_nsec - w->start.tv_nsec) / 1e9 <
				 QUIET_SECONDS)
		return;
	w->shown = true;
	w->s->progress("reading the table of connection tracking", seen, count);
}

static void see_restart(void *ctx)
{
	struct watched *w = ctx;

	w->reader->restart(w->reader->ctx);
}

int session_table(struct session *s, const struct ct_reader *reader, struct ct_reading *reading,
		  struct diag *d)
{
	struct watched w = { .reader = reader, .s = s };
	const struct ct_reader watching = {
		.entry = see_entry,
		.progress = s->progress ? see_progress : NULL,
		.restart = reader->restart ? see_restart : NULL,
		.ctx = &w,
	};
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &w.start);
	rc = ct_table_read(&watching, reading, d);
	if (w.shown)
		s->progress(NULL, 0, 0);
	return rc;
}
