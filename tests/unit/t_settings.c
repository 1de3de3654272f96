/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transaction/settings: what becomes of each, in a directory that stands for the kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "place.h"
#include "transaction/settings.h"
#include "util.h"

#define UDP "nf_conntrack_udp_timeout"
#define TCP "nf_conntrack_tcp_timeout_established"

static void set(const struct place *pl, const char *name, const char *value)
{
	put(pl->base, name, value, strlen(value));
}

static void assert_value(const struct place *pl, const char *name, const char *value)
{
	size_t len;
	auto_free char *got = get(pl->base, name, &len);

	got[strcspn(got, "\n")] = '\0';
	assert_string_equal(got, value);
}

static void kernel(const struct place *pl)
{
	assert_true(mkdir(pl->run, 0700) == 0 || access(pl->run, F_OK) == 0);
	set(pl, "nf_conntrack_count", "12\n");
	set(pl, "nf_conntrack_max", "262144\n");
	set(pl, UDP, "30\n");
	set(pl, TCP, "432000\n");
}

static int look(struct place *pl, struct settings *s, const char *text)
{
	struct policy p = { 0 };
	int rc;

	assert_int_equal(policy_parse(&p, text, "test", &pl->d), 0);
	rc = settings_look(s, pl->base, &pl->sp, &p, &pl->d);
	for (size_t i = 0; i < s->n; i++) /* what the policy borrows is gone */
		s->v[i].at = (struct origin){ 0 };
	policy_free(&p);
	return rc;
}

/* All the way, as the transaction does it. */
static void become(struct place *pl, const char *text)
{
	struct settings s = { 0 };

	assert_int_equal(look(pl, &s, text), 0);
	assert_int_equal(settings_ask(&s, pl->base, &pl->d), 0);
	if (settings_differ(&s))
		assert_int_equal(settings_write(&s, pl->base, &pl->sp, &pl->d), 0);
	assert_int_equal(settings_settle(&s, &pl->sp, &pl->d), 0);
	assert_int_equal(pl->d.n, 0);
	settings_free(&s);
}

static bool has_record(const struct place *pl)
{
	auto_free char *file = NULL;

	return !access(path(pl->run, SETTINGS_FILE, &file), F_OK);
}

static void test_there_and_back(void **state)
{
	struct place *pl = *state;

	kernel(pl);
	become(pl, "[conntrack]\nmax = 1000\ntimeout-udp = 10s\n");
	assert_value(pl, "nf_conntrack_max", "1000");
	assert_value(pl, UDP, "10");
	assert_value(pl, TCP, "432000");
	become(pl, "[conntrack]\nmax = 2000\ntimeout-tcp-established = 1h\n");
	assert_value(pl, "nf_conntrack_max", "2000");
	assert_value(pl, UDP, "30");
	assert_value(pl, TCP, "3600");
	become(pl, "");
	assert_value(pl, "nf_conntrack_max", "262144");
	assert_value(pl, TCP, "432000");
	assert_false(has_record(pl));
}

/* Nothing asks, nothing is on record: no file comes. */
static void test_nothing(void **state)
{
	struct place *pl = *state;

	kernel(pl);
	become(pl, "");
	assert_false(has_record(pl));
	become(pl, "[conntrack]\nmax = 262144\n");
	assert_false(has_record(pl));
}

static void test_of_somebody_else(void **state)
{
	struct place *pl = *state;
	struct settings s = { 0 };

	kernel(pl);
	become(pl, "[conntrack]\ntimeout-udp = 10s\n");
	set(pl, UDP, "11\n");
	assert_int_equal(look(pl, &s, ""), 0);
	assert_int_equal(s.v[0].fate, SETTING_KEPT);
	assert_int_equal(settings_differ(&s), 0);
	settings_tell(&s, pl->base, &pl->d);
	assert_int_equal(pl->d.warnings, 1);
	assert_non_null(strstr(pl->d.v[0].text, "timeout-udp is 11s, which somebody else has set"));
	assert_string_equal(pl->d.v[0].cure,
			    "it was 30s before untrack set it, if that is what you want");
	diag_free(&pl->d);
	settings_free(&s);
	/* Set again, it is theirs that comes back. */
	become(pl, "[conntrack]\ntimeout-udp = 10s\n");
	assert_value(pl, UDP, "10");
	become(pl, "");
	assert_value(pl, UDP, "11");
}

static void test_difference(void **state)
{
	struct place *pl = *state;
	struct settings s = { 0 };
	auto_free char *lines = NULL, *names = NULL;
	size_t len;
	FILE *f = xmemstream(&lines, &len);

	kernel(pl);
	assert_int_equal(look(pl, &s,
			      "[conntrack]\nmax = 1000\ntimeout-udp = 30s\n"
			      "timeout-tcp-established = 1h\n"),
			 0);
	assert_int_equal(settings_diff(&s, f), 4);
	names = settings_names(&s);
	assert_string_equal(names, "max, timeout-tcp-established");
	fclose(f);
	assert_string_equal(lines, "- conntrack max = 262144\n+ conntrack max = 1000\n"
				   "- conntrack timeout-tcp-established = 432000s\n"
				   "+ conntrack timeout-tcp-established = 3600s\n");
	settings_free(&s);
}

static void tell_one(struct place *pl, const char *policy, enum setting_fate fate,
		     const char *words)
{
	struct settings s = { 0 };

	assert_int_equal(look(pl, &s, policy), 0);
	assert_int_equal(s.v[0].fate, fate);
	settings_tell(&s, pl->base, &pl->d);
	assert_int_equal(pl->d.warnings, 1);
	assert_string_equal(pl->d.v[0].id, "conntrack-settings");
	assert_non_null(strstr(pl->d.v[0].text, words));
	assert_non_null(pl->d.v[0].cure);
	diag_free(&pl->d);
	settings_free(&s);
}

static void test_out_of_reach(void **state)
{
	struct place *pl = *state;
	auto_free char *file = NULL;

	assert_true(mkdir(pl->run, 0700) == 0 || access(pl->run, F_OK) == 0);
	tell_one(pl, "[conntrack]\nmax = 5\nbuckets = 5\n", SETTING_WAITING,
		 "connection tracking is not in the kernel");
	kernel(pl);
	tell_one(pl, "[conntrack]\ntimeout-gre = 5s\n", SETTING_UNKNOWN,
		 "this kernel has no net.netfilter.nf_conntrack_gre_timeout");
	tell_one(pl, "[conntrack]\nmax = 12\n", SETTING_WANTED,
		 "max = 12 is not more than the 12 entries that are in the table");
	assert_int_equal(chmod(path(pl->base, "nf_conntrack_max", &file), 0444), 0);
	tell_one(pl, "[conntrack]\nmax = 1000\n", SETTING_FIXED,
		 "max = 1000 cannot be set in this network namespace: it is 262144");
	become(pl, "[conntrack]\nmax = 262144\n"); /* as it is: nothing to complain of */
}

/* Half-way: everything is as it was, and so is the record. */
static void test_failure(void **state)
{
	struct place *pl = *state;
	struct settings s = { 0 };
	auto_free char *file = NULL, *before = NULL, *after = NULL;
	size_t len;

	kernel(pl);
	become(pl, "[conntrack]\nmax = 1000\n");
	before = get(pl->run, SETTINGS_FILE, &len);
	assert_int_equal(look(pl, &s,
			      "[conntrack]\nmax = 2000\ntimeout-tcp-established = 1h\n"
			      "timeout-udp = 10s\n"),
			 0);
	assert_int_equal(unlink(path(pl->base, UDP, &file)), 0);
	assert_int_equal(symlink("/dev/full", file), 0);
	assert_int_equal(settings_ask(&s, pl->base, &pl->d), 0);
	assert_int_equal(settings_write(&s, pl->base, &pl->sp, &pl->d), -1);
	assert_finding(&pl->d, "conntrack-settings",
		       "cannot set net.netfilter.nf_conntrack_udp_timeout to 10 (timeout-udp): "
		       "No space left");
	assert_value(pl, TCP, "3600");
	assert_int_equal(unlink(file), 0);
	set(pl, UDP, "30\n");
	assert_int_equal(settings_undo(&s, pl->base, &pl->sp, &pl->d), 0);
	assert_value(pl, "nf_conntrack_max", "1000");
	assert_value(pl, TCP, "432000");
	after = get(pl->run, SETTINGS_FILE, &len);
	assert_string_equal(before, after);
	settings_free(&s);
	become(pl, "");
	assert_value(pl, "nf_conntrack_max", "262144");
}

/* Neither what is known beforehand to fail nor what cannot be put on record changes anything. */
static void test_refused_beforehand(void **state)
{
	struct place *pl = *state;
	struct settings s = { 0 };
	auto_free char *file = NULL;

	kernel(pl);
	assert_int_equal(look(pl, &s, "[conntrack]\nmax = 5\ntimeout-udp = 10s\n"), 0);
	assert_int_equal(unlink(path(pl->base, UDP, &file)), 0);
	assert_int_equal(mkdir(file, 0755), 0);
	assert_int_equal(settings_ask(&s, pl->base, &pl->d), -1);
	assert_finding(&pl->d, "conntrack-settings", "Is a directory");
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(chmod(pl->run, 0777), 0);
	assert_int_equal(settings_write(&s, pl->base, &pl->sp, &pl->d), -1);
	assert_finding(&pl->d, "state-file", "others than its owner");
	assert_value(pl, "nf_conntrack_max", "262144");
	settings_free(&s);
}

/* The kernel's own: what it makes of 5 is 4, and it says so when asked. */
static void test_rounded(void **state)
{
	struct place *pl = *state;
	struct settings s = { 0 };
	auto_free char *file = NULL;

	kernel(pl);
	if (access("/proc/self/oom_adj", W_OK))
		skip();
	assert_int_equal(unlink(path(pl->base, UDP, &file)), 0);
	assert_int_equal(symlink("/proc/self/oom_adj", file), 0);
	assert_int_equal(look(pl, &s, "[conntrack]\ntimeout-udp = 5s\n"), 0);
	assert_int_equal(settings_write(&s, pl->base, &pl->sp, &pl->d), -1);
	assert_string_equal(pl->d.v[0].cure,
			    "write timeout-udp = 4s in [conntrack], if that is as good");
	assert_finding(&pl->d, "conntrack-settings",
		       "timeout-udp: the kernel made 4 of 5: it rounds or limits this value");
	settings_undo(&s, pl->base, &pl->sp, &pl->d); /* needs a privilege */
	diag_free(&pl->d);
	settings_free(&s);
}

/* Killed between any two writes: whatever is there is ours, and goes back. */
static void test_killed(void **state)
{
	static const char *const udp[] = { "10\n", "20\n" }, *const tcp[] = { "3600\n", "7200\n" };
	struct place *pl = *state;

	for (int i = 0; i < 4; i++) {
		struct settings s = { 0 };

		kernel(pl);
		become(pl, "[conntrack]\ntimeout-udp = 10s\ntimeout-tcp-established = 1h\n");
		assert_int_equal(look(pl, &s,
				      "[conntrack]\ntimeout-udp = 20s\n"
				      "timeout-tcp-established = 2h\n"),
				 0);
		assert_int_equal(settings_write(&s, pl->base, &pl->sp, &pl->d), 0);
		settings_free(&s);
		set(pl, UDP, udp[i & 1]);
		set(pl, TCP, tcp[i >> 1]);
		become(pl, "");
		assert_value(pl, UDP, "30");
		assert_value(pl, TCP, "432000");
	}
}

static void test_evidence(void **state)
{
	struct place *pl = *state;
	struct settings s = { 0 }, again = { 0 };
	auto_free char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	kernel(pl);
	assert_int_equal(look(pl, &s, "[conntrack]\nmax = 7\ntimeout-gre = 5s\ntimeout-udp = 9s\n"),
			 0);
	settings_print(&s, f);
	fclose(f);
	assert_string_equal(text, "max 262144 7\ntimeout-udp 30 9\n");
	assert_int_equal(settings_parse(&again, text), 0);
	assert_true(settings_hold(&again, pl->base, false));
	assert_false(settings_hold(&again, pl->base, true));
	set(pl, UDP, "9\n");
	assert_false(settings_hold(&again, pl->base, false));
	assert_false(settings_hold(&again, pl->base, true));
	set(pl, "nf_conntrack_max", "7\n");
	assert_true(settings_hold(&again, pl->base, true));
	settings_free(&s);
	settings_free(&again);
}

#define BOOT "boot 0-1\n"
#define HEAD "untrack settings 1\n" BOOT

static void test_record_both_ways(void **state)
{
	static const char text[] = HEAD "buckets was 1 set 2\nmax was 262144 set 5 or 6\nend\n";
	struct settings_record r = { 0 };
	struct diag d = { 0 };
	auto_free char *again = NULL;

	(void)state;
	assert_int_equal(settings_record_parse(text, strlen(text), "run/settings", &r, &d), 0);
	assert_int_equal(r.n, 2);
	again = settings_record_print(&r);
	assert_string_equal(text, again);
	settings_record_free(&r);
}

static void test_damaged_record(void **state)
{
	static const char *const texts[] = {
		"",
		"untrack settings 2\n" BOOT "end\n",
		"untrack settings 1\nend\n",
		HEAD,
		HEAD "max was 1 set 2\n",
		HEAD "max was 1 set 2\nend\nmore\n",
		HEAD "max was 1\nend\n",
		HEAD "max was 1 set 2 or 2\nend\n",
		HEAD "max was -1 set 2\nend\n",
		HEAD "max was 01 set 2\nend\n",
		HEAD "max was 1 set 2 or\nend\n",
		HEAD "../max was 1 set 2\nend\n",
		HEAD "max was 1 set 2\nmax was 1 set 2\nend\n",
		HEAD "max was 1 set 2 \nend\n",
		HEAD "max was 1 set 2\nbuckets was 1 set 2\nend\n",
		HEAD " was 1 set 2\nend\n",
	};
	struct place *pl = *state;
	struct settings s = { 0 };

	kernel(pl);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put(pl->run, SETTINGS_FILE, texts[i], strlen(texts[i]));
		assert_int_equal(look(pl, &s, "[conntrack]\nmax = 7\n"), -1);
		assert_finding(&pl->d, "conntrack-settings", "is damaged");
	}
	put(pl->run, SETTINGS_FILE, HEAD "end\n\0", strlen(HEAD) + 5);
	assert_int_equal(look(pl, &s, ""), -1);
	assert_finding(&pl->d, "conntrack-settings", "is damaged");
	/* Gone over: then there is none. */
	assert_int_equal(settings_settle(&s, &pl->sp, &pl->d), 0);
	assert_false(has_record(pl));
	settings_free(&s);
}

/* What was before another start of the host is of no use. */
static void test_record_of_another_life(void **state)
{
	static const char text[] = HEAD "max was 1 set 262144\nend\n";
	struct place *pl = *state;

	kernel(pl);
	put(pl->run, SETTINGS_FILE, text, strlen(text));
	become(pl, "");
	assert_value(pl, "nf_conntrack_max", "262144");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(test_there_and_back),
		PLACED(test_nothing),
		PLACED(test_of_somebody_else),
		PLACED(test_difference),
		PLACED(test_out_of_reach),
		PLACED(test_failure),
		PLACED(test_refused_beforehand),
		PLACED(test_rounded),
		PLACED(test_killed),
		PLACED(test_evidence),
		PLACED(test_damaged_record),
		PLACED(test_record_of_another_life),
		cmocka_unit_test(test_record_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
