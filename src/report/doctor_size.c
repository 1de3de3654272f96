/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the table of connection tracking large enough, and what does it cost? */
#include <inttypes.h>
#include "report/doctor.h"
#include "report/quantity.h"
#include "util.h"

#define NEARLY_FULL 0.9	 /* of max */
#define SOON_SECONDS 60	 /* until it is full, at this rate, */
#define SOON_FROM 0.5	 /* if it is half full already */
#define LOAD_MOST 0.7	 /* entries a bucket: each hangs in two */
#define MEMORY_MOST 0.25 /* of the host's */

uint64_t doctor_memory(uint64_t entry_bytes, uint64_t entries, uint64_t buckets)
{
	return entry_bytes * entries + DOCTOR_BUCKET_BYTES * buckets;
}

static bool has_dropped(const struct doctor_facts *f)
{
	return f->log_lines || (f->stats && (f->stats->drop || f->stats->early_drop));
}

static bool is_nearly_full(const struct doctor_facts *f)
{
	return f->max && (double)f->count >= NEARLY_FULL * (double)f->max;
}

/* Seconds until the table is full; 0: never, or nobody knows. */
static double seconds_left(const struct doctor_facts *f)
{
	if (!f->max || f->count >= f->max || f->growth < 1)
		return 0;
	return (double)(f->max - f->count) / f->growth;
}

static bool is_soon_full(const struct doctor_facts *f)
{
	double left = seconds_left(f);

	return left > 0 && left < SOON_SECONDS && (double)f->count >= SOON_FROM * (double)f->max;
}

uint64_t doctor_proposed_max(const struct doctor_facts *f)
{
	if (!f->max || !(is_nearly_full(f) || is_soon_full(f) || has_dropped(f)))
		return 0;
	return 2 * (f->max > f->count ? f->max : f->count);
}

/* "256 B x 262144 entries + 8 B x 262144 buckets = 66 MiB" */
static char *arithmetic(const struct doctor_facts *f, uint64_t entries, uint64_t buckets)
{
	auto_free char *sum = bytes_text(doctor_memory(f->entry_bytes, entries, buckets));

	return xasprintf("%" PRIu64 " B x %" PRIu64 " entries + %d B x %" PRIu64 " buckets = %s",
			 f->entry_bytes, entries, DOCTOR_BUCKET_BYTES, buckets, sum);
}

/* Exempting costs nothing, a larger table costs memory. */
static void cure_size(const struct doctor_facts *f, struct diag *d)
{
	uint64_t max = doctor_proposed_max(f);
	auto_free char *cost = f->entry_bytes ? arithmetic(f, max, max) : NULL;

	diag_cure(d,
		  "'untrack suggest' says what to exempt; or set max = %" PRIu64
		  " and buckets = %" PRIu64 " in [conntrack]%s%s%s",
		  max, max, f->fixed ? " of the host: this network namespace cannot" : "",
		  cost ? ", which costs " : "", cost ? cost : "");
}

static void add_to_cure(struct diag *d, const char *more)
{
	auto_free char *cure = xstrdup(d->v[d->n - 1].cure);

	diag_cure(d, "%s%s", cure, more);
}

static void check_fill(const struct doctor_facts *f, struct diag *d)
{
	double part = f->max ? 100.0 * (double)f->count / (double)f->max : 0;
	double left = seconds_left(f);
	auto_free char *when = left > 0 ? duration_text((uint64_t)left) : NULL;

	if (f->max && f->count >= f->max)
		diag_error(d, NULL, "table-full", 0,
			   "the table is full: %" PRIu64 " of %" PRIu64
			   " entries. New connections are dropped, those of SSH sessions too",
			   f->count, f->max);
	else if (is_nearly_full(f) && when)
		diag_warn(d, NULL, "table-full",
			  "the table is nearly full: %" PRIu64 " of %" PRIu64
			  " entries (%.0f %%), %.0f more a second: full in %s",
			  f->count, f->max, part, f->growth, when);
	else if (is_nearly_full(f))
		diag_warn(d, NULL, "table-full",
			  "the table is nearly full: %" PRIu64 " of %" PRIu64 " entries (%.0f %%)",
			  f->count, f->max, part);
	else if (is_soon_full(f))
		diag_warn(d, NULL, "table-growing",
			  "the table is at %.0f %% and grows by %.0f entries a second: at this "
			  "rate it is full in %s",
			  part, f->growth, when);
	else
		return;
	cure_size(f, d);
}

static void check_buckets(const struct doctor_facts *f, struct diag *d)
{
	double now, full;
	uint64_t want = doctor_proposed_max(f);

	if (!f->buckets)
		return;
	if (!want)
		want = f->max > f->buckets ? f->max : 2 * f->buckets;
	now = (double)f->count / (double)f->buckets;
	full = (double)f->max / (double)f->buckets;
	if (now > LOAD_MOST)
		diag_warn(d, NULL, "table-buckets",
			  "too few buckets: %" PRIu64 " entries in %" PRIu64
			  " buckets are %.2f a bucket, and each hangs in two: every packet "
			  "searches chains of %.1f entries",
			  f->count, f->buckets, now, 2 * now);
	else if (f->stats && f->stats->chain_toolong)
		diag_warn(d, NULL, "table-buckets",
			  "%" PRIu64
			  " new connections since boot were dropped because the chain of "
			  "their bucket was too long",
			  f->stats->chain_toolong);
	else if (full > 1)
		diag_note(d, NULL, "table-buckets",
			  "when the table is full, its %" PRIu64 " buckets have chains of %.1f "
			  "entries (max is %" PRIu64 "): the kernel's own choice is as many "
			  "buckets as max",
			  f->buckets, 2 * full, f->max);
	else
		return;
	diag_cure(d, "set buckets = %" PRIu64 " in [conntrack]%s", want,
		  f->fixed ? " of the host: this network namespace cannot" : "");
}

static void check_memory(const struct doctor_facts *f, struct diag *d)
{
	uint64_t full = doctor_memory(f->entry_bytes, f->max, f->buckets);
	auto_free char *sum = NULL, *memory = NULL;

	if (!f->entry_bytes || !f->memory || !f->max ||
	    (double)full <= MEMORY_MOST * (double)f->memory)
		return;
	sum = arithmetic(f, f->max, f->buckets);
	memory = bytes_text(f->memory);
	diag_warn(d, NULL, "table-memory",
		  "a full table takes %.0f %% of this host's memory (%s), which the kernel cannot "
		  "swap: %s",
		  100.0 * (double)full / (double)f->memory, memory, sum);
	diag_cure(d, "lower max in [conntrack], and exempt what need not be tracked: 'untrack "
		     "suggest'");
}

static void check_drops(const struct doctor_facts *f, struct diag *d)
{
	const struct ct_stats *s = f->stats, *r = f->recent;

	if (!s)
		return;
	if (s->drop || s->early_drop) {
		diag_warn(d, NULL, "table-drops",
			  "since boot %" PRIu64 " packets were dropped, and %" PRIu64
			  " connections thrown out early, because there was no room for them%s",
			  s->drop, s->early_drop,
			  r && (r->drop || r->early_drop) ? "; right now as well" : "");
		cure_size(f, d);
		if (!is_nearly_full(f) && !(r && (r->drop || r->early_drop)))
			add_to_cure(d,
				    ". If the table was made larger since, nothing is to be done: "
				    "the counts begin with the boot");
	}
	if (!s->insert_failed)
		return;
	if (r && r->insert_failed)
		diag_warn(d, NULL, "insert-failed",
			  "%" PRIu64 " connections could not be entered since boot, %" PRIu64
			  " of them right now: their first packet was lost",
			  s->insert_failed, r->insert_failed);
	else
		diag_note(d, NULL, "insert-failed",
			  "%" PRIu64 " connections could not be entered since boot: their first "
			  "packet was lost",
			  s->insert_failed);
	diag_cure(d, "two packets of one flow at the same time do this, DNS over UDP above all: "
		     "exempt it ('untrack suggest'); or source ports run out behind a translated "
		     "address: give it more addresses");
}

static void check_log(const struct doctor_facts *f, struct diag *d)
{
	auto_free char *age = duration_text(f->log_age);

	if (!f->log_lines)
		return;
	diag_warn(
		d, NULL, "table-full-logged",
		"the kernel's log has %lu line%s \"nf_conntrack: table full\", the last of %s ago "
		"(few are written of many)",
		f->log_lines, f->log_lines == 1 ? "" : "s", age);
	cure_size(f, d);
}

void doctor_size(const struct doctor_facts *f, struct diag *d)
{
	check_fill(f, d);
	check_buckets(f, d);
	check_memory(f, d);
	check_drops(f, d);
	check_log(f, d);
}
