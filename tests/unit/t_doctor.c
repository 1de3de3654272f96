/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor: which facts are findings, and what is proposed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include "host_build.h"
#include "report/doctor.h"

struct scene { /* a healthy host */
	struct host host;
	struct census census;
	struct ct_stats stats, recent;
	struct lifetime_plan plan[LIFETIMES];
	struct sysctl_files files;
	struct doctor_facts facts;
	struct diag d;
};

static void set_up(struct scene *s)
{
	*s = (struct scene){ 0 };
	h_sysctl(&s->host, "nf_conntrack_max", 262144);
	h_sysctl(&s->host, "nf_conntrack_tcp_loose", 1);
	h_sysctl(&s->host, "nf_conntrack_tcp_timeout_established", 432000);
	h_sysctl(&s->host, "nf_conntrack_tcp_timeout_max_retrans", 300);
	h_sysctl(&s->host, "nf_conntrack_tcp_timeout_time_wait", 120);
	h_sysctl(&s->host, "nf_conntrack_tcp_timeout_unacknowledged", 300);
	h_sysctl(&s->host, "nf_conntrack_udp_timeout", 30);
	h_sysctl(&s->host, "nf_conntrack_udp_timeout_stream", 120);
	lifetime_plan_make(&s->host, NULL, 7875, s->plan);
	census_begin(&s->census, s->plan, NULL);
	s->facts = (struct doctor_facts){
		.count = 1000,
		.max = 262144,
		.buckets = 262144,
		.entry_bytes = 256,
		.memory = 16ull << 30,
		.stats = &s->stats,
		.recent = &s->recent,
		.census = &s->census,
		.host = &s->host,
		.keepalive = 7875,
		.plan = s->plan,
		.files = &s->files,
	};
}

static void tear_down(struct scene *s)
{
	census_free(&s->census);
	sysctl_files_free(&s->files);
	host_free(&s->host);
	diag_free(&s->d);
}

static const struct finding *find(const struct diag *d, const char *id)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->v[i].id, id))
			return &d->v[i];
	return NULL;
}

/* The finding of this id, whose text and cure have these words. */
static void assert_finding(const struct diag *d, enum severity severity, const char *id,
			   const char *text, const char *cure)
{
	const struct finding *f = find(d, id);

	if (!f || f->severity != severity || !strstr(f->text, text) || !f->cure ||
	    !strstr(f->cure, cure)) {
		diag_print(d, stderr, SEVERITY_NOTE, false);
		fail_msg("no %s of %s with \"%s\" and \"%s\"", severity_name(severity), id, text,
			 cure);
	}
}

static void assert_healthy(const struct diag *d)
{
	if (d->errors || d->warnings)
		diag_print(d, stderr, SEVERITY_NOTE, false);
	assert_int_equal(d->errors + d->warnings, 0);
}

static void test_healthy(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	doctor_examine(&s.facts, &s.d);
	assert_healthy(&s.d);
	assert_int_equal(s.d.n, 1);
	assert_finding(&s.d, SEVERITY_NOTE, "timeout-keepalive", "for 5 days",
		       "timeout-tcp-established = 7920s");
	assert_int_equal(doctor_proposed_max(&s.facts), 0);
	tear_down(&s);
}

/* The thresholds, from both sides. */
static void test_sizes(void **state)
{
	static const struct {
		uint64_t count, max, buckets;
		double growth;
		const char *id; /* NULL: none of the table's */
		enum severity severity;
		uint64_t proposed;
		const char *text, *cure;
	} cases[] = {
		{ 235929, 262144, 524288, 0, NULL, SEVERITY_NOTE, 0, "", "" },
		{ 235930, 262144, 524288, 0, "table-full", SEVERITY_WARNING, 524288,
		  "235930 of 262144 entries (90 %)", "max = 524288 and buckets = 524288" },
		{ 235930, 262144, 524288, 100, "table-full", SEVERITY_WARNING, 524288,
		  "100 more a second: full in 4 min", "untrack suggest" },
		{ 262144, 262144, 524288, 0, "table-full", SEVERITY_ERROR, 524288, "is full",
		  "= 132 MiB" },
		{ 300000, 262144, 524288, 0, "table-full", SEVERITY_ERROR, 600000, "is full", "" },
		{ 131071, 262144, 524288, 1e6, NULL, SEVERITY_NOTE, 0, "", "" },
		{ 131072, 262144, 524288, 2200, "table-growing", SEVERITY_WARNING, 524288,
		  "full in 59 s", "max = 524288" },
		{ 131072, 262144, 524288, 2100, NULL, SEVERITY_NOTE, 0, "", "" },
		{ 131072, 262144, 524288, -9000, NULL, SEVERITY_NOTE, 0, "", "" },
		{ 700, 1000, 1000, 0, NULL, SEVERITY_NOTE, 0, "", "" },
		{ 701, 1000, 1000, 0, "table-buckets", SEVERITY_WARNING, 0,
		  "0.70 a bucket, and each hangs in two: every packet searches chains of 1.4",
		  "buckets = 2000" },
		{ 60000, 100000, 65536, 0, "table-buckets", SEVERITY_WARNING, 0, "0.92 a bucket",
		  "buckets = 100000" },
		{ 10, 262144, 65536, 0, "table-buckets", SEVERITY_NOTE, 0, "chains of 8.0",
		  "buckets = 262144" },
		{ 10, 1 << 26, 1 << 26, 0, "table-memory", SEVERITY_WARNING, 0,
		  "103 % of this host's memory (16 GiB)", "lower max" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;

		set_up(&s);
		s.facts.count = cases[i].count;
		s.facts.max = cases[i].max;
		s.facts.buckets = cases[i].buckets;
		s.facts.growth = cases[i].growth;
		doctor_size(&s.facts, &s.d);
		assert_int_equal(s.d.n, cases[i].id ? 1 : 0);
		if (cases[i].id)
			assert_finding(&s.d, cases[i].severity, cases[i].id, cases[i].text,
				       cases[i].cure);
		assert_int_equal(doctor_proposed_max(&s.facts), cases[i].proposed);
		tear_down(&s);
	}
}

static void test_drops(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.stats = (struct ct_stats){ .drop = 12, .early_drop = 3, .insert_failed = 5 };
	s.facts.log_lines = 4;
	s.facts.log_age = 7200;
	doctor_size(&s.facts, &s.d);
	assert_finding(&s.d, SEVERITY_WARNING, "table-drops", "12 packets were dropped, and 3",
		       "made larger since");
	assert_finding(&s.d, SEVERITY_NOTE, "insert-failed", "5 connections", "DNS");
	assert_finding(&s.d, SEVERITY_WARNING, "table-full-logged", "4 lines", "max = 524288");
	assert_non_null(strstr(find(&s.d, "table-full-logged")->text, "2 h ago"));
	diag_free(&s.d);
	s.recent = (struct ct_stats){ .drop = 1, .insert_failed = 2 };
	s.stats.chain_toolong = 9;
	doctor_size(&s.facts, &s.d);
	assert_finding(&s.d, SEVERITY_WARNING, "table-drops", "right now", "max = 524288");
	assert_null(strstr(find(&s.d, "table-drops")->cure, "made larger since"));
	assert_finding(&s.d, SEVERITY_WARNING, "insert-failed", "2 of them right now", "DNS");
	assert_finding(&s.d, SEVERITY_WARNING, "table-buckets", "9 new connections",
		       "buckets = 524288");
	tear_down(&s);
}

/* A namespace of a container cannot set what it is told. */
static void test_fixed(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.facts.count = s.facts.max;
	s.facts.fixed = true;
	s.facts.entry_bytes = 0;
	s.facts.entry_why = "no";
	doctor_examine(&s.facts, &s.d);
	assert_finding(&s.d, SEVERITY_ERROR, "table-full", "is full",
		       "of the host: this network namespace cannot");
	assert_finding(&s.d, SEVERITY_WARNING, "table-buckets", "1.00 a bucket", "of the host");
	assert_null(strstr(find(&s.d, "table-full")->cure, "which costs"));
	assert_non_null(find(&s.d, "facts-unread"));
	tear_down(&s);
}

/* ---- timeouts ----------------------------------------------------------------------------------
 */

static void add(struct scene *s, unsigned n, uint8_t proto, enum ct_state tcp, uint32_t left,
		unsigned flags)
{
	struct ct_entry e = { .orig = { .proto = proto, .src = { 1 }, .dst = { 2 } },
			      .state = tcp,
			      .flags = (uint16_t)(flags | CT_TIMED),
			      .timeout = left };

	while (n--)
		census_add(&s->census, &e);
	s->facts.count = s->census.entries;
}

static void test_time_wait(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.facts.max = 2000;
	add(&s, 900, IPPROTO_TCP, CT_ESTABLISHED, 431900, CT_SEEN_REPLY | CT_ASSURED);
	add(&s, 49, IPPROTO_TCP, CT_TIME_WAIT, 89, CT_SEEN_REPLY | CT_ASSURED);
	add(&s, 51, IPPROTO_TCP, CT_TIME_WAIT, 90, CT_SEEN_REPLY | CT_ASSURED); /* not longer ago */
	doctor_timeouts(&s.facts, &s.d);
	assert_null(find(&s.d, "timeout-long")); /* 4.9 % */
	diag_free(&s.d);
	add(&s, 4, IPPROTO_TCP, CT_TIME_WAIT, 1, CT_SEEN_REPLY | CT_ASSURED);
	doctor_timeouts(&s.facts, &s.d);
	assert_finding(
		&s.d, SEVERITY_WARNING, "timeout-long",
		"104 entries wait for nf_conntrack_tcp_timeout_time_wait (2 min); 53 of them "
		"had no packet for more than 30 s: 5 % of the table",
		"timeout-tcp-time-wait = 30s");
	diag_free(&s.d);
	s.facts.max = 20000; /* a table that is nearly empty */
	doctor_timeouts(&s.facts, &s.d);
	assert_null(find(&s.d, "timeout-long"));
	tear_down(&s);
}

/* Entries whose data nobody acknowledges have 300 seconds from the beginning. */
static void test_established(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.facts.max = 2000;
	add(&s, 500, IPPROTO_TCP, CT_ESTABLISHED, 300, CT_SEEN_REPLY | CT_ASSURED);
	add(&s, 100, IPPROTO_TCP, CT_ESTABLISHED, 432000 - 7920, CT_SEEN_REPLY | CT_ASSURED);
	doctor_timeouts(&s.facts, &s.d);
	assert_null(find(&s.d, "timeout-long"));
	assert_non_null(find(&s.d, "timeout-keepalive"));
	diag_free(&s.d);
	add(&s, 60, IPPROTO_TCP, CT_ESTABLISHED, 432000 - 7921, CT_SEEN_REPLY | CT_ASSURED);
	doctor_timeouts(&s.facts, &s.d);
	assert_finding(&s.d, SEVERITY_WARNING, "timeout-long", "660 entries wait",
		       "timeout-tcp-established = 7920s");
	assert_null(find(&s.d, "timeout-keepalive")); /* said already */
	tear_down(&s);
}

static void test_loose(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.facts.max = 1000;
	add(&s, 95, IPPROTO_TCP, CT_ESTABLISHED, 431999, CT_SEEN_REPLY | CT_ASSURED);
	add(&s, 5, IPPROTO_TCP, CT_ESTABLISHED, 300, 0);
	doctor_timeouts(&s.facts, &s.d);
	assert_finding(&s.d, SEVERITY_WARNING, "tcp-loose", "5 established connections (5 %",
		       "nf_conntrack_tcp_loose=0");
	tear_down(&s);
}

static void test_strict(void **state)
{
	struct policy p = { 0 };
	struct scene s;

	(void)state;
	set_up(&s);
	s.host.sysctls[1].value = 0;
	doctor_timeouts(&s.facts, &s.d);
	assert_null(find(&s.d, "tcp-loose")); /* nothing is exempt */
	assert_int_equal(policy_parse(&p, "[service web]\nprotocol = tcp\nport = 80\n", "x", &s.d),
			 0);
	s.facts.policy = &p;
	doctor_timeouts(&s.facts, &s.d);
	assert_finding(&s.d, SEVERITY_NOTE, "tcp-loose", "live connections",
		       "nf_conntrack_tcp_loose=1");
	policy_free(&p);
	tear_down(&s);
}

/* What is declared weighs more than what we think: no proposal below it. */
static void test_declared(void **state)
{
	struct policy p = { 0 };
	struct scene s;

	(void)state;
	set_up(&s);
	assert_int_equal(
		policy_parse(&p,
			     "[service vpn]\nprotocol = udp\nport = 1194\nkeepalive = 60s\n"
			     "[service db]\nprotocol = tcp\nport = 5432\nkeepalive = 3h\n"
			     "upstream-timeout = 1h\nlocal = 192.0.2.1\n",
			     "x", &s.d),
		0);
	lifetime_plan_make(&s.host, &p, 7875, s.plan);
	assert_int_equal(s.plan[LIFE_UDP_STREAM].proposed, 90);
	assert_int_equal(s.plan[LIFE_ESTABLISHED].proposed, 3 * 3600 * 3 / 2);
	assert_int_equal(s.plan[LIFE_UDP].proposed, 0); /* the default is enough */
	assert_int_equal(s.plan[LIFE_TIME_WAIT].proposed, 30);
	s.facts.policy = &p;
	doctor_timeouts(&s.facts, &s.d);
	assert_finding(&s.d, SEVERITY_WARNING, "upstream-timeout", "db: keepalive (10800s)", "");
	tear_down(&s);
	policy_free(&p);
}

/* ---- settings ----------------------------------------------------------------------------------
 */

static void test_sysctls(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	h_sysctl(&s.host, "nf_conntrack_buckets", 1000448);
	sysctl_files_add(&s.files,
			 "net.netfilter.nf_conntrack_max = 1048576\n"
			 "net.netfilter.nf_conntrack_buckets = 1000000\n" /* rounded up: in force */
			 "net.netfilter.nf_conntrack_udp_timeout=30\n"
			 "net.netfilter.nf_conntrack_tcp_tiemout_close=3\n"
			 "net.netfilter.nf_conntrack_tcp_timeout_*=60\n"
			 "net.netfilter.nf_conntrack_tcp_timeout_time_wait=120\n",
			 "/etc/sysctl.d/9.conf");
	doctor_settings(&s.facts, &s.d);
	assert_int_equal(s.d.n, 5);
	assert_finding(&s.d, SEVERITY_WARNING, "sysctl-ignored",
		       "_max = 1048576 did not take: it "
		       "is 262144",
		       "modules-load.d");
	assert_int_equal(s.d.v[0].line, 1);
	assert_string_equal(s.d.v[0].file, "/etc/sysctl.d/9.conf");
	assert_non_null(strstr(s.d.v[1].text, "tiemout_close = 3 is not in force: this kernel has "
					      "no such setting"));
	assert_non_null(strstr(s.d.v[2].text, "established = 60 did not take: it is 432000"));
	assert_non_null(strstr(s.d.v[3].text, "max_retrans = 60"));
	assert_non_null(strstr(s.d.v[4].text, "unacknowledged = 60"));
	tear_down(&s);
}

/* [conntrack] says otherwise on purpose. */
static void test_ours(void **state)
{
	struct policy p = { 0 };
	struct scene s;

	(void)state;
	set_up(&s);
	assert_int_equal(
		policy_parse(&p, "[conntrack]\nmax = 262144\ntimeout-udp = 30s\n", "x", &s.d), 0);
	s.facts.policy = &p;
	sysctl_files_add(&s.files,
			 "net.netfilter.nf_conntrack_max=9\nnet.netfilter.nf_conntrack_udp_timeout"
			 "=9\nnet.netfilter.nf_conntrack_tcp_loose=0\n",
			 "f");
	doctor_settings(&s.facts, &s.d);
	assert_int_equal(s.d.n, 1);
	assert_non_null(strstr(s.d.v[0].text, "tcp_loose = 0 did not take"));
	tear_down(&s);
	policy_free(&p);
}

static void test_absent(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	host_free(&s.host);
	s.facts.absent = true;
	sysctl_files_add(&s.files, "net.netfilter.nf_conntrack_max=9\n", "f");
	doctor_examine(&s.facts, &s.d);
	assert_int_equal(s.d.n, 1);
	assert_finding(&s.d, SEVERITY_WARNING, "sysctl-ignored", "nf_conntrack is not loaded",
		       "modules-load.d");
	tear_down(&s);
}

/* ---- printers ----------------------------------------------------------------------------------
 */

static char *printed(const struct scene *s, bool json)
{
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	if (json)
		doctor_json(&s->facts, &s->d, f);
	else
		doctor_text(&s->facts, &s->d, false, false, f);
	fclose(f);
	return text;
}

static void test_text(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.facts.count = 250000;
	s.facts.growth = 33.4;
	doctor_examine(&s.facts, &s.d);
	auto_free char *text = printed(&s, false);

	assert_non_null(strstr(text, "table: 250000 of 262144 entries (95.4 %), 33 more a second"));
	assert_non_null(strstr(text, "buckets: 262144, 0.95 entries a bucket, 1.00 when full"));
	assert_non_null(strstr(text,
			       "full       262144 entries x 256 B + 262144 buckets x 8 B = 66 "
			       "MiB (0.4 %"));
	assert_non_null(strstr(text, "proposed   524288 entries x 256 B + 524288 buckets x 8 B = "
				     "132 MiB"));
	assert_non_null(strstr(text, "[table-full]"));
	assert_non_null(strstr(text, "\n2 problems, 1 note\n"));
	tear_down(&s);
}

static void test_json(void **state)
{
	struct scene s;
	json_t *root;

	(void)state;
	set_up(&s);
	s.facts.count = s.facts.max;
	s.facts.stats = NULL;
	s.facts.stats_why = "no privileges";
	doctor_examine(&s.facts, &s.d);
	auto_free char *text = printed(&s, true);

	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	assert_true(json_is_false(json_object_get(root, "healthy")));
	assert_true(json_is_null(json_object_get(root, "statistics")));
	assert_int_equal(json_integer_value(json_object_get(root, "proposed_max")), 524288);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(root, "memory"), "proposed")),
		524288 * 264);
	assert_int_equal(json_array_size(json_object_get(root, "findings")), s.d.n);
	assert_int_equal(json_array_size(json_object_get(root, "timeouts")), LIFETIMES - 1);
	json_decref(root);
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy),	  cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_drops),	  cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_time_wait), cmocka_unit_test(test_established),
		cmocka_unit_test(test_loose),	  cmocka_unit_test(test_strict),
		cmocka_unit_test(test_declared),  cmocka_unit_test(test_sysctls),
		cmocka_unit_test(test_ours),	  cmocka_unit_test(test_absent),
		cmocka_unit_test(test_text),	  cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
