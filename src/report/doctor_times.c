/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do the timeouts fit what the table holds, and what is declared? */
#include <inttypes.h>
#include <string.h>
#include "report/doctor.h"
#include "report/quantity.h"
#include "rules/preflight_part.h"
#include "util.h"

#define SHARE_LEAST 5	      /* percent of the entries: less is not worth a change */
#define FILL_LEAST 10	      /* percent of max: an empty table needs no shorter timeouts */
#define FIVE_DAYS (5 * 86400) /* the kernel's default of established connections */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Is this part of the table worth a finding? */
static bool is_worth(const struct doctor_facts *f, uint64_t entries)
{
	return f->max && percent(f->count, f->max) >= FILL_LEAST && f->census->entries &&
	       percent(entries, f->census->entries) >= SHARE_LEAST;
}

static void propose(const struct doctor_facts *f, enum lifetime_id id, struct diag *d)
{
	const struct lifetime *l = lifetime(id);
	const struct lifetime_plan *p = &f->plan[id];
	const struct census_lifetime *c = &f->census->lifetimes[id];
	auto_free char *now = duration_text(p->now), *then = duration_text(p->proposed);

	if (!p->proposed || !is_worth(f, c->freed))
		return;
	diag_warn(d, NULL, "timeout-long",
		  "%" PRIu64 " entries wait for %s (%s); %" PRIu64
		  " of them had no packet for more than %s: %.0f %% of the table",
		  c->entries, l->sysctl, now, c->freed, then,
		  percent(c->freed, f->census->entries));
	diag_cure(d, "set %s = %us in [conntrack], which would free them: %s", l->key, p->proposed,
		  l->why);
}

/* Dead peers of connections with keepalives are known long before five days. */
static void check_established(const struct doctor_facts *f, struct diag *d)
{
	const struct lifetime_plan *p = &f->plan[LIFE_ESTABLISHED];
	auto_free char *now = duration_text(p->now), *alive = duration_text(f->keepalive);

	if (p->now < FIVE_DAYS || !f->keepalive || !p->proposed)
		return;
	if (f->census && is_worth(f, f->census->lifetimes[LIFE_ESTABLISHED].freed))
		return; /* timeout-long says more */
	diag_note(
		d, NULL, "timeout-keepalive",
		"an idle connection is remembered for %s "
		"(nf_conntrack_tcp_timeout_established), while TCP with keepalives knows after %s "
		"that a peer is gone: entries of connections that ended without a word stay for "
		"days",
		now, alive);
	diag_cure(d, "where such entries pile up: timeout-tcp-established = %us in [conntrack]",
		  p->proposed);
}

static void check_loose(const struct doctor_facts *f, struct diag *d)
{
	const uint64_t *loose = host_sysctl(f->host, "nf_conntrack_tcp_loose");
	const struct census_lifetime *c =
		f->census ? &f->census->lifetimes[LIFE_ESTABLISHED] : NULL;

	if (loose && *loose && c && is_worth(f, c->unreplied)) {
		diag_warn(d, NULL, "tcp-loose",
			  "%" PRIu64 " established connections (%.0f %% of the table) had packets "
			  "in one direction only: with nf_conntrack_tcp_loose = 1 any stray packet "
			  "makes such an entry",
			  c->unreplied, percent(c->unreplied, f->census->entries));
		diag_cure(d,
			  "find who sends them ('untrack status' names the busiest addresses); or "
			  "sysctl -w net.netfilter.nf_conntrack_tcp_loose=0, if no connection "
			  "has to survive a restart of this host or 'untrack remove', or takes "
			  "another way back");
	} else if (loose && !*loose && f->policy && !policy_is_empty(f->policy)) {
		diag_note(
			d, NULL, "tcp-loose",
			"nf_conntrack_tcp_loose = 0: live connections whose exemption is taken "
			"away are invalid from then on, and a firewall that drops what is invalid "
			"cuts them");
		diag_cure(d, "before 'untrack remove' or 'rollback': sysctl -w "
			     "net.netfilter.nf_conntrack_tcp_loose=1");
	}
}

void doctor_timeouts(const struct doctor_facts *f, struct diag *d)
{
	for (unsigned id = 0; f->census && id < LIFETIMES; id++)
		if (lifetime((enum lifetime_id)id)->key)
			propose(f, (enum lifetime_id)id, d);
	check_established(f, d);
	check_loose(f, d);
	if (f->policy)
		preflight_times(f->policy, f->host, d);
}
