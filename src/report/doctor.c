/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The health of the table of connection tracking: settings that did not take, entries that nothing
 * explains, and what could not be looked at. */
#include "report/doctor.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include "report/quantity.h"
#include "util.h"

#define BUCKETS_STEP 512 /* the kernel rounds up to whole pages of 8 bytes each */
#define NAMED 3		 /* addresses in one finding */

/* ---- sysctl.d ----------------------------------------------------------------------------------
 */

static const char *key_of(const char *sysctl)
{
	if (!strcmp(sysctl, "nf_conntrack_max"))
		return "max";
	if (!strcmp(sysctl, "nf_conntrack_buckets"))
		return "buckets";
	for (unsigned id = 0; id < LIFETIMES; id++) {
		const struct lifetime *l = lifetime((enum lifetime_id)id);

		if (l->sysctl && !strcmp(l->sysctl, sysctl))
			return l->key;
	}
	return NULL;
}

/* What [conntrack] sets on purpose is no surprise. */
static bool is_ours(const struct policy *p, const char *sysctl)
{
	const char *key = key_of(sysctl);

	for (size_t i = 0; p && key && i < p->n_conntrack; i++)
		if (!strcmp(p->conntrack[i].key, key))
			return true;
	return false;
}

static bool is_in_force(const char *name, const char *asked, uint64_t live)
{
	unsigned long value;

	if (!parse_uint(asked, 0, ULONG_MAX, &value))
		return false;
	if (!strcmp(name, "nf_conntrack_buckets"))
		value = (value + BUCKETS_STEP - 1) / BUCKETS_STEP * BUCKETS_STEP;
	return value == live;
}

static const char *cure_of(const char *sysctl)
{
	return key_of(sysctl) ? "or set it in [conntrack], which untrack applies once the module "
				"is there"
			      : "or apply it once the module is there";
}

static void check_setting(const struct doctor_facts *f, const struct sysctl_setting *s,
			  const struct host_sysctl *live, struct diag *d)
{
	const struct origin at = { s->file, s->line, 0 };

	if (live &&
	    (is_in_force(live->name, s->value, live->value) || is_ours(f->policy, live->name)))
		return;
	if (live)
		diag_warn(
			d, &at, "sysctl-ignored",
			"net.netfilter.%s = %s did not take: it is %" PRIu64
			". The settings of conntrack exist once its module is loaded, which may be "
			"after the boot has applied these files",
			live->name, s->value, live->value);
	else if (f->absent)
		diag_warn(d, &at, "sysctl-ignored",
			  "net.netfilter.%s = %s is not in force: the module nf_conntrack is not "
			  "loaded, and when it is, nobody applies this file again",
			  s->name, s->value);
	else
		diag_warn(d, &at, "sysctl-ignored",
			  "net.netfilter.%s = %s is not in force: this kernel has no such setting",
			  s->name, s->value);
	if (live || f->absent)
		diag_cure(d,
			  "echo nf_conntrack >/etc/modules-load.d/nf_conntrack.conf (it is loaded "
			  "before the settings are applied), and sysctl --system now; %s",
			  cure_of(s->name));
	else
		diag_cure(d, "take the line out, or correct the name");
}

static bool is_named(const struct sysctl_files *files, const char *name)
{
	for (size_t i = 0; i < files->n; i++)
		if (!strcmp(files->v[i].name, name))
			return true;
	return false;
}

/* A pattern stands for every setting that no line names. */
static void check_pattern(const struct doctor_facts *f, const struct sysctl_setting *s,
			  struct diag *d)
{
	for (size_t i = 0; i < f->host->n_sysctls; i++) {
		const struct host_sysctl *live = &f->host->sysctls[i];

		if (!fnmatch(s->name, live->name, 0) && !is_named(f->files, live->name))
			check_setting(f, s, live, d);
	}
}

void doctor_settings(const struct doctor_facts *f, struct diag *d)
{
	for (size_t i = 0; f->files && i < f->files->n; i++) {
		const struct sysctl_setting *s = &f->files->v[i];
		const struct host_sysctl *live = NULL;

		if (strpbrk(s->name, "*?[")) {
			check_pattern(f, s, d);
			continue;
		}
		for (size_t k = 0; k < f->host->n_sysctls && !live; k++)
			if (!strcmp(f->host->sysctls[k].name, s->name))
				live = &f->host->sysctls[k];
		check_setting(f, s, live, d);
	}
}

/* ---- addresses that are gone -------------------------------------------------------------------
 */

/* "192.0.2.7 (12 entries), 192.0.2.8 (1 entry) and 4 more addresses" */
static char *addresses_text(const struct busiest *b)
{
	struct busy_address top[NAMED];
	size_t n = busiest_top(b, top, NAMED), all;
	struct text t = { 0 };
	bool more;

	all = busiest_addresses(b, &more);
	for (size_t i = 0; i < n; i++) {
		char address[INET6_ADDRSTRLEN];

		text_add(&t, "%s%s (%" PRIu64 " %s)", i ? ", " : "",
			 busy_address_text(&top[i], address), top[i].entries,
			 top[i].entries == 1 ? "entry" : "entries");
	}
	if (all > n)
		text_add(&t, " and %s%zu more addresses", more ? "at least " : "", all - n);
	return t.s;
}

static void report_stale(enum stale_kind kind, uint64_t n, const char *addresses, struct diag *d)
{
	switch (kind) {
	case STALE_ENDS:
		diag_warn(d, NULL, "stale-address",
			  "%" PRIu64 " entries are of connections between addresses that are not "
			  "this host's, which forwards nothing: the address is gone. They went to "
			  "%s",
			  n, addresses);
		diag_cure(d, "conntrack -D -d ADDRESS, or let them time out");
		return;
	case STALE_SOURCE:
		diag_warn(d, NULL, "stale-address",
			  "%" PRIu64 " entries translate their source to an address that this host "
			  "does not have (any more): answers go elsewhere. %s",
			  n, addresses);
		diag_cure(d,
			  "conntrack -D --reply-dst ADDRESS (-q), so that their next packets are "
			  "translated anew; if the address is one of a pool that is routed to "
			  "this host, nothing is to be done");
		return;
	case STALE_TARGET:
		diag_warn(d, NULL, "stale-address",
			  "%" PRIu64 " entries translate their destination to an address that this "
			  "host has no route to (a container or pod that is gone?): %s",
			  n, addresses);
		diag_cure(d,
			  "conntrack -D --reply-src ADDRESS (-r), so that their next packets are "
			  "translated anew");
		return;
	case STALE_ASKED:
		diag_note(d, NULL, "stale-address",
			  "%" PRIu64 " entries translate a destination that is not an address of "
			  "this host, which is right for services of a cluster: %s",
			  n, addresses);
		diag_cure(d,
			  "if there is no such service any more: conntrack -D --orig-dst ADDRESS");
		return;
	}
}

void doctor_stale(const struct doctor_facts *f, struct diag *d)
{
	for (unsigned kind = 0; f->census && kind < STALE_KINDS; kind++) {
		auto_free char *addresses = NULL;

		if (!f->census->stale[kind])
			continue;
		addresses = addresses_text(f->census->stale_addresses[kind]);
		report_stale((enum stale_kind)kind, f->census->stale[kind], addresses, d);
	}
}

/* ---- what could not be looked at ---------------------------------------------------------------
 */

void doctor_unread(const struct doctor_facts *f, struct diag *d)
{
	const struct {
		const char *what, *why;
	} facts[] = { { "the statistics of conntrack", f->stats_why },
		      { "the entries of the table", f->census_why },
		      { "what an entry costs", f->entry_bytes ? NULL : f->entry_why },
		      { "the kernel's log", f->log_why } };

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (facts[i].why)
			diag_note(d, NULL, "facts-unread", "%s: %s", facts[i].what, facts[i].why);
	for (size_t i = 0; f->host && i < f->host->n_unread; i++)
		diag_note(d, NULL, "facts-unread", "%s", f->host->unread[i]);
	for (size_t i = 0; f->files && i < f->files->n_unread; i++)
		diag_note(d, NULL, "facts-unread", "%s", f->files->unread[i]);
}

void doctor_examine(const struct doctor_facts *f, struct diag *d)
{
	if (!f->absent) {
		doctor_size(f, d);
		doctor_timeouts(f, d);
		doctor_stale(f, d);
	}
	doctor_settings(f, d);
	doctor_unread(f, d);
}
