/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of connection tracking, read for who wants to know what is in it. */
#ifndef UNTRACK_CONNTRACK_TABLE_H
#define UNTRACK_CONNTRACK_TABLE_H

#include "report/diag.h"
#include "rules/table.h"

enum ct_presence {
	CT_ABSENT, /* no connection tracking in this kernel, or not loaded */
	CT_IDLE,   /* no entries: this network namespace need not be tracking at all */
	CT_IN_USE,
};

/* From nf_conntrack_count: asking ctnetlink would load it. */
enum ct_presence ct_presence(void);
/* Is this namespace tracking (CT_IN_USE)? */
bool ct_is_tracking(void);

struct ct_reader {
	void (*entry)(void *ctx, const struct ct_entry *e);
	/* Called now and then with what was met so far and nf_conntrack_count; NULL: nobody
	 * looks. */
	void (*progress)(void *ctx, unsigned long seen, unsigned long count);
	/* An interrupted reading begins again: forget all entries. NULL: it stands as it is. */
	void (*restart)(void *ctx);
	void *ctx;
};

/* One pass over the entries of both families, in bounded memory. Changes nothing and loads nothing:
 * CT_ABSENT and CT_IDLE are 0 with an empty *reading, and nothing is asked. -1 with an error
 * (conntrack-unread) in d. That it was interrupted to the last, or that entries could not be
 * understood, is in *reading: ct_reading_say, or the reader's own words. */
int ct_table_read(const struct ct_reader *reader, struct ct_reading *reading, struct diag *d);

/* Warnings (conntrack-changed, conntrack-strange) about what makes figures of this reading less
 * than exact: nothing where there is nothing. */
void ct_reading_say(const struct ct_reading *reading, struct diag *d);

#endif
