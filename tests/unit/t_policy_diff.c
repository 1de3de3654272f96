/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_diff: what became of a policy, in words. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include "config/policy_diff.h"

#define WEB "[service web]\nprotocol = tcp\nport = 80\n"
#define DNS "[service dns]\nprotocol = udp\nport = 53\nrole = peer\nlocal = 10.0.0.1\n"

static char *changes(const char *from, const char *to)
{
	struct policy before = { 0 }, after = { 0 };
	struct policy_changes found = { 0 };
	struct diag d = { 0 };
	struct text t = { 0 };

	assert_int_equal(policy_parse(&before, from, "before", &d), 0);
	assert_int_equal(policy_parse(&after, to, "after", &d), 0);
	policy_diff(&before, &after, &found);
	text_add(&t, "%s", "");
	for (size_t i = 0; i < found.n; i++) {
		policy_change_text(&found.v[i], &t);
		text_add(&t, "\n");
	}
	policy_changes_free(&found);
	policy_changes_free(&found);
	policy_free(&before);
	policy_free(&after);
	diag_free(&d);
	return t.s;
}

static void expect(const char *from, const char *to, const char *want)
{
	auto_free char *got = changes(from, to);

	assert_string_equal(got, want);
}

static void test_nothing(void **state)
{
	(void)state;
	expect("", "", "");
	expect(WEB DNS, DNS WEB, ""); /* the order means nothing */
	expect(WEB, "# a comment\n[service web]\nport = 80\nprotocol = tcp\nrole = server\n", "");
}

static void test_exemptions(void **state)
{
	(void)state;
	expect("", WEB, "service web is exempt now: protocol tcp; port 80\n");
	expect(WEB DNS, WEB,
	       "service dns is no longer exempt: protocol udp; port 53; role peer; "
	       "local 10.0.0.1\n");
	expect(WEB, DNS,
	       "service dns is exempt now: protocol udp; port 53; role peer; local 10.0.0.1\n"
	       "service web is no longer exempt: protocol tcp; port 80\n");
	expect("", "[loopback]\nnotrack = yes\n", "loopback is exempt now\n");
	expect("[loopback]\nnotrack = yes\n", WEB,
	       "loopback is no longer exempt\n"
	       "service web is exempt now: protocol tcp; port 80\n");
	expect(WEB, WEB "[interface lan]\nname = eth1, wg*\n",
	       "interface lan is exempt now: name eth1, wg*\n");
}

static void test_keys(void **state)
{
	(void)state;
	expect(WEB, "[service web]\nprotocol = tcp\nport = 80, 443\n",
	       "service web: port 80 -> 80, 443\n");
	expect(WEB,
	       "[service web]\ndescription = a = b\nprotocol = tcp\nport = 80\n"
	       "accept = none\n",
	       "service web: description not given -> a = b\n"
	       "service web: accept twin -> none\n");
	expect(DNS, "[service dns]\nprotocol = udp\nport = 53\nrole = peer\n",
	       "service dns: local 10.0.0.1 -> not given\n");
}

/* A list that the canonical text wraps is one value. */
static void test_long_list(void **state)
{
	struct text long_one = { 0 }, want = { 0 };

	(void)state;
	text_add(&long_one, "[service web]\nprotocol = tcp\nport = 1000");
	text_add(&want, "service web: port 80 -> 1000");
	for (int port = 1002; port < 1100; port += 2) {
		text_add(&long_one, "%s%d", port % 20 ? "," : ",\n\t", port);
		text_add(&want, ", %d", port);
	}
	text_add(&long_one, "\n");
	text_add(&want, "\n");
	expect(WEB, long_one.s, want.s);
	free(long_one.s);
	free(want.s);
}

static void test_settings(void **state)
{
	(void)state;
	expect(WEB, "[untrack]\ndrain = no\n" WEB, "setting drain yes -> no\n");
	expect("[conntrack]\nmax = 1000\n" WEB,
	       "[conntrack]\nmax = 2000\ntimeout-tcp-established = 1h\n" WEB,
	       "setting conntrack max 1000 -> 2000\n"
	       "setting conntrack timeout-tcp-established not given -> 3600s\n");
	expect("[conntrack]\nmax = 1000\n" WEB, WEB, "setting conntrack max 1000 -> not given\n");
	/* a removal changes no setting but those of conntrack, which go back */
	expect("[untrack]\ndrain = no\n[conntrack]\nmax = 1000\n" WEB, "",
	       "service web is no longer exempt: protocol tcp; port 80\n"
	       "setting conntrack max 1000 -> not given\n");
	expect(WEB, "[conntrack]\nmax = 1000\n",
	       "setting conntrack max not given -> 1000\n"
	       "service web is no longer exempt: protocol tcp; port 80\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),	 cmocka_unit_test(test_exemptions),
		cmocka_unit_test(test_keys),	 cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests_name("policy_diff", tests, NULL, NULL);
}
