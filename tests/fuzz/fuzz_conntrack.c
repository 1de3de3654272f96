/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hostile entries of connection tracking, statistics and routes: what is deleted is one whole
 * entry, never what the kernel would take for all of them; what is counted adds up. */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include "fuzz/netlink.h"
#include "kernel/conntrack.h"
#include "kernel/conntrack_host.h"
#include "kernel/conntrack_stats.h"
#include "kernel/conntrack_table.h"
#include "util.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
bool __wrap_module_may_be_asked(const char *name);
char *__wrap_read_file(int dirfd, const char *name, size_t *len);

static const char text[] =
	"untrack-rules 1\n"
	"prerouting return loopback in lo\n"
	"output return loopback out lo\n"
	"prerouting notrack dns protocol udp dport 53 to local\n"
	"output notrack dns protocol udp sport 53\n"
	"prerouting notrack web family ipv4 protocol tcp dport 80,443 not-src 198.51.100.0/24\n"
	"output notrack web family ipv4 protocol tcp sport 80,443 not-dst 198.51.100.0/24\n"
	"prerouting notrack ping family ipv6 protocol icmpv6 request to local\n"
	"output notrack ping family ipv6 protocol icmpv6 reply\n"
	"prerouting notrack storage family ipv6 in bond*,eth2\n"
	"output notrack storage family ipv6 out bond*,eth2\n"
	"end\n";

static struct ruleset rules;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct diag d = { 0 };

	(void)argc, (void)argv;
	if (ruleset_parse(&rules, text, "fuzz", &d))
		abort();
	return 0;
}

bool __wrap_module_may_be_asked(const char *name)
{
	(void)name;
	return true;
}

/* Of /proc/sys/net/netfilter; what is read twice may have changed. */
char *__wrap_read_file(int dirfd, const char *name, size_t *len)
{
	(void)dirfd, (void)name;
	*len = 2;
	return xstrdup(input.n && *input.v & 0x80 ? "8\n" : "7\n");
}

static const struct nlattr *find(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest)
	{
		if (mnl_attr_get_type(a) == type)
			return a;
	}
	abort();
}

static void check_deletion(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *tuple = NULL, *id = NULL, *ip, *proto;
	bool v4 = g->nfgen_family == AF_INET;

	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE))
		return;
	mnl_attr_for_each(a, h, sizeof(*g))
	{
		if (mnl_attr_get_type(a) == CTA_TUPLE_ORIG)
			tuple = a;
		if (mnl_attr_get_type(a) == CTA_ID)
			id = a;
	}
	if (!tuple || !id || mnl_attr_get_payload_len(id) != sizeof(uint32_t) ||
	    (!v4 && g->nfgen_family != AF_INET6))
		abort();
	ip = find(tuple, CTA_TUPLE_IP);
	proto = find(tuple, CTA_TUPLE_PROTO);
	find(ip, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC);
	find(ip, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST);
	find(proto, CTA_PROTO_NUM);
}

static void check_drain(struct diag *d)
{
	struct drain_report report;
	int rc = conntrack_drain(&rules, &report, d);

	if ((rc != 0) != (d->n != 0) || d->errors)
		abort();
}

static void count(void *ctx, const struct ct_entry *e)
{
	if (e->state >= CT_STATES)
		abort();
	++*(unsigned long *)ctx;
}

static void forget(void *ctx)
{
	*(unsigned long *)ctx = 0;
}

static void check_table(struct diag *d)
{
	unsigned long n = 0;
	const struct ct_reader reader = { .entry = count, .restart = forget, .ctx = &n };
	struct ct_reading r;

	if (ct_table_read(&reader, &r, d)) {
		if (d->errors != 1)
			abort();
		return;
	}
	if (d->n || n != r.entries || r.strange > n)
		abort();
	ct_reading_say(&r, d);
}

static void add(void *ctx, unsigned cpu, const struct ct_stats *of_one)
{
	struct ct_stats *sum = ctx;

	(void)cpu;
	sum->processors += of_one->processors;
}

static void check_stats(struct diag *d)
{
	struct ct_stats all, sum = { 0 };

	if (!ct_stats_read(&all, add, &sum, d) && (d->n || sum.processors != all.processors))
		abort();
}

static void check_normal(const struct addrs *l)
{
	struct addrs again = { 0 };

	for (size_t i = 0; i < l->n; i++)
		addrs_add(&again, &l->v[i]);
	addrs_normalise(&again);
	if (addrs_compare(l, &again) != 0)
		abort();
	free(again.v);
}

/* Which way addresses of the input are reached; asked again, the answer is remembered. */
static void check_routes(struct diag *d)
{
	struct addrs broadcasts = { 0 };
	struct ct_host host;
	struct ct_routes *r = ct_routes_open(&host);

	(void)d;
	if (!r) {
		if (host.local.v)
			abort();
		return;
	}
	check_normal(&host.local);
	for (unsigned n = 1 + take() % 4; n; n--) {
		char name[IFNAMSIZ] = "", again[IFNAMSIZ] = "";
		enum family f = take() & 1 ? FAMILY_V6 : FAMILY_V4;
		uint8_t addr[16] = { 0 };
		size_t left;
		bool is;

		for (size_t i = 0; i < (f == FAMILY_V4 ? 4 : 16); i++)
			addr[i] = take();
		is = host.reaches(host.ctx, f, addr, name);
		left = input.n;
		if (is != host.reaches(host.ctx, f, addr, again) || input.n != left ||
		    strcmp(name, again) != 0 || is != (*name != 0))
			abort();
	}
	ct_routes_free(r, &host);
	if (!ct_broadcasts_read(&broadcasts))
		check_normal(&broadcasts);
	free(broadcasts.v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(struct diag *) = { check_drain, check_table, check_stats,
							 check_routes };
	struct diag d = { 0 };

	kernel_starts(data, size);
	sees = check_deletion;
	checks[take() % ARRAY_SIZE(checks)](&d);
	diag_free(&d);
	return 0;
}
