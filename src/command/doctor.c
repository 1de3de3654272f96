/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack doctor: gathers the facts that report/doctor judges. It changes nothing. */
#include "command/table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include "kernel/conntrack_host.h"
#include "kernel/conntrack_stats.h"
#include "kernel/conntrack_table.h"
#include "kernel/ct_sysctl.h"
#include "kernel/host_links.h"
#include "kernel/kernel_log.h"
#include "kernel/slab.h"
#include "report/doctor.h"

#define MOMENT 0.25 /* seconds between two samples, at least */
#define BRIDGED "/proc/sys/net/bridge/bridge-nf-call-iptables"

struct examination { /* facts, and what they borrow */
	struct doctor_facts facts;
	struct ct_stats before, stats, recent;
	struct census census;
	struct census_host around;
	struct ct_host ct_host;
	struct ct_routes *routes;
	struct addrs broadcast;
	struct ct_reading reading;
	struct lifetime_plan plan[LIFETIMES];
	struct sysctl_files files;
	struct policy policy;
	struct host host;
	struct timespec start;
	unsigned long count; /* at the start */
	char *stats_why, *census_why;
};

static bool read_number(const char *file, unsigned long *out)
{
	size_t len;
	auto_free char *s = read_file(AT_FDCWD, file, &len);

	if (s)
		s[strcspn(s, "\n")] = '\0';
	return s && parse_uint(s, 0, UINT32_MAX, out);
}

/* ---- before the moment -------------------------------------------------------------------------
 */

static void read_settings(struct examination *x)
{
	struct host *h = &x->host;
	const uint64_t *max, *buckets;
	const char *what;

	if (ct_sysctl_all(CT_SYSCTL_DIR, &h->sysctls, &h->n_sysctls))
		*ARRAY_ADD(h->unread, h->n_unread) = xasprintf("sysctls: %s", strerror(errno));
	if (host_links_read(h, &what))
		*ARRAY_ADD(h->unread, h->n_unread) = xasprintf("%s: %s", what, strerror(errno));
	max = host_sysctl(h, "nf_conntrack_max");
	buckets = host_sysctl(h, "nf_conntrack_buckets");
	x->facts.max = max ? *max : 0;
	x->facts.buckets = buckets ? *buckets : 0;
	x->facts.absent = ct_presence() == CT_ABSENT;
	x->facts.fixed = ct_sysctl_ask(CT_SYSCTL_DIR, "nf_conntrack_max") == CT_SYSCTL_FIXED;
	x->facts.host = h;
}

static void read_keepalive(struct examination *x)
{
	unsigned long time, interval, probes;

	if (read_number("/proc/sys/net/ipv4/tcp_keepalive_time", &time) &&
	    read_number("/proc/sys/net/ipv4/tcp_keepalive_intvl", &interval) &&
	    read_number("/proc/sys/net/ipv4/tcp_keepalive_probes", &probes) && probes < 1000 &&
	    interval < UINT32_MAX / 1000 && time < INT32_MAX)
		x->facts.keepalive = (unsigned)(time + interval * probes);
}

static void read_costs(struct examination *x)
{
	struct sysinfo info;
	struct slab slab;

	if (!slab_read("nf_conntrack", &slab))
		x->facts.entry_bytes = slab.bytes;
	else
		x->facts.entry_why = errno == ENOENT ? "/proc/slabinfo has no line nf_conntrack"
						     : "/proc/slabinfo can only be read as root";
	if (!sysinfo(&info))
		x->facts.memory = (uint64_t)info.totalram * info.mem_unit;
}

static void read_log(struct examination *x)
{
	struct full_log log = { 0 };
	struct timespec now;

	if (full_log_read(&log)) {
		x->facts.log_why = strerror(errno);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	x->facts.log_lines = log.lines;
	x->facts.log_age = (uint64_t)now.tv_sec > log.last ? (uint64_t)now.tv_sec - log.last : 0;
}

/* The policy in force, or what the files say where nothing was applied. Faults in either are the
 * business of other commands. */
static void read_policy(struct session *s, struct examination *x)
{
	struct diag quiet = { 0 };
	long newest = generation_newest(&s->paths, &quiet);
	auto_free char *text = newest > 0 ? generation_read(&s->paths, newest, &quiet) : NULL;
	auto_free char *name = xasprintf("%s/generation-%ld.conf", s->paths.state_dir, newest);
	int rc;

	if (text)
		rc = policy_parse(&x->policy, text, name, &quiet);
	else
		rc = policy_load(&x->policy, &s->config, 1, &quiet);
	diag_free(&quiet);
	if (!rc)
		x->facts.policy = &x->policy;
}

/* ---- the entries -------------------------------------------------------------------------------
 */

static bool reaches(void *ctx, enum family f, const uint8_t *addr)
{
	struct examination *x = ctx;
	char name[IFNAMSIZ];

	if (f == FAMILY_V6 && addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80)
		return true; /* on some link */
	return x->ct_host.reaches(x->ct_host.ctx, f, addr, name);
}

/* A bridge that gives its packets to conntrack forwards them, too. */
static void read_forwarding(struct examination *x)
{
	unsigned long bridged = 0;

	for (size_t i = 0; i < x->host.n_interfaces; i++) {
		x->around.forwards[FAMILY_V4] |= x->host.interfaces[i].forwards4;
		x->around.forwards[FAMILY_V6] |= x->host.interfaces[i].forwards6;
	}
	if (read_number(BRIDGED, &bridged) && bridged && host_has_bridge(&x->host))
		x->around.forwards[FAMILY_V4] = x->around.forwards[FAMILY_V6] = true;
}

static void read_around(struct examination *x)
{
	x->routes = ct_routes_open(&x->ct_host);
	if (!x->routes || ct_broadcasts_read(&x->broadcast)) {
		*ARRAY_ADD(x->host.unread, x->host.n_unread) =
			xasprintf("addresses: %s", strerror(errno));
		return;
	}
	read_forwarding(x);
	x->around.local = &x->ct_host.local;
	x->around.broadcast = &x->broadcast;
	x->around.reaches = reaches;
	x->around.ctx = x;
}

static void see_entry(void *ctx, const struct ct_entry *e)
{
	struct examination *x = ctx;

	census_add(&x->census, e);
}

static void see_restart(void *ctx)
{
	struct examination *x = ctx;

	census_free(&x->census);
	census_begin(&x->census, x->plan, x->around.local ? &x->around : NULL);
}

static void count_entries(struct session *s, struct examination *x)
{
	const struct ct_reader reader = { .entry = see_entry, .restart = see_restart, .ctx = x };
	struct diag d = { 0 };

	lifetime_plan_make(&x->host, x->facts.policy, x->facts.keepalive, x->plan);
	x->facts.plan = x->plan;
	see_restart(x);
	if (session_table(s, &reader, &x->reading, &d))
		x->facts.census_why = x->census_why = table_reason(&d);
	else
		x->facts.census = &x->census;
}

/* ---- two samples -------------------------------------------------------------------------------
 */

static bool read_stats(struct examination *x, struct ct_stats *out)
{
	struct diag d = { 0 };

	if (x->stats_why)
		return false;
	if (!ct_stats_read(out, NULL, NULL, &d))
		return true;
	x->facts.stats_why = x->stats_why = table_reason(&d);
	return false;
}

static void first_sample(struct examination *x)
{
	unsigned long max;

	clock_gettime(CLOCK_MONOTONIC, &x->start);
	read_stats(x, &x->before);
	ct_limits_read(&x->count, &max);
}

static double elapsed(const struct examination *x)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - x->start.tv_sec) +
	       (double)(now.tv_nsec - x->start.tv_nsec) / 1e9;
}

static void second_sample(struct examination *x)
{
	double left = MOMENT - elapsed(x);
	const struct timespec rest = { 0, (long)(left * 1e9) };
	unsigned long count, max;

	if (left > 0)
		nanosleep(&rest, NULL);
	if (ct_limits_read(&count, &max)) {
		x->facts.count = count;
		x->facts.growth = ((double)count - (double)x->count) / elapsed(x);
	}
	if (!read_stats(x, &x->stats))
		return;
	x->recent.drop = x->stats.drop - x->before.drop;
	x->recent.early_drop = x->stats.early_drop - x->before.early_drop;
	x->recent.insert_failed = x->stats.insert_failed - x->before.insert_failed;
	x->facts.stats = &x->stats;
	x->facts.recent = &x->recent;
}

static void examine(struct session *s, struct examination *x)
{
	read_settings(x);
	read_policy(s, x);
	read_keepalive(x);
	sysctl_files_read(&x->files, "");
	x->facts.files = &x->files;
	if (x->facts.absent)
		return;
	first_sample(x);
	read_costs(x);
	read_log(x);
	read_around(x);
	count_entries(s, x);
	second_sample(x);
}

static void examination_free(struct examination *x)
{
	census_free(&x->census);
	ct_routes_free(x->routes, &x->ct_host);
	free(x->broadcast.v);
	sysctl_files_free(&x->files);
	policy_free(&x->policy);
	host_free(&x->host);
	free(x->stats_why);
	free(x->census_why);
}

enum exit_code command_doctor(struct session *s)
{
	struct examination x = { 0 };
	struct diag d = { 0 };
	enum exit_code code;

	examine(s, &x);
	doctor_examine(&x.facts, &d);
	ct_reading_say(&x.reading, &d);
	if (s->req.json)
		doctor_json(&x.facts, &d, s->out);
	else
		doctor_text(&x.facts, &d, s->req.quiet, s->colour, s->out);
	code = d.errors || d.warnings ? CODE_NO : CODE_DONE;
	diag_free(&d);
	examination_free(&x);
	return code;
}
