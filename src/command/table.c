/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the table of connection tracking while somebody waits. */
#include "command/table.h"

#include <time.h>
#include "kernel/conntrack_stats.h"
#include "kernel/conntrack_table.h"
#include "kernel/ct_sysctl.h"
#include "util.h"

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

/* ---- the whole picture -------------------------------------------------------------------------
 */

char *table_reason(struct diag *d)
{
	char *why = xstrdup(d->n ? d->v[0].text : "nobody says why");

	diag_free(d);
	return why;
}

static void count_entry(void *ctx, const struct ct_entry *e)
{
	struct table *t = ctx;

	census_add(&t->census, e);
}

static void count_anew(void *ctx)
{
	struct table *t = ctx;

	census_free(&t->census);
	census_begin(&t->census, NULL, NULL);
}

static void read_entries(struct session *s, struct table *t)
{
	const struct ct_reader reader = { .entry = count_entry, .restart = count_anew, .ctx = t };
	struct ct_reading reading = { 0 };
	struct diag d = { 0 };

	count_anew(t);
	if (session_table(s, &reader, &reading, &d)) {
		t->status.census_why = t->census_why = table_reason(&d);
		return;
	}
	ct_reading_say(&reading, s->d);
	t->status.census = &t->census;
}

static uint64_t limit(const char *name)
{
	unsigned long value;

	return ct_sysctl_get(CT_SYSCTL_DIR, name, &value) ? 0 : value;
}

void table_read(struct session *s, struct table *t)
{
	unsigned long count, max;
	struct diag d = { 0 };

	if (!ct_limits_read(&count, &max)) {
		t->status.absent = true;
		return;
	}
	t->status.count = count;
	t->status.max = max;
	t->status.buckets = limit("nf_conntrack_buckets");
	if (ct_stats_read(&t->stats, NULL, NULL, &d))
		t->status.stats_why = t->stats_why = table_reason(&d);
	else
		t->status.stats = &t->stats;
	read_entries(s, t);
}

void table_free(struct table *t)
{
	census_free(&t->census);
	free(t->stats_why);
	free(t->census_why);
	*t = (struct table){ 0 };
}
