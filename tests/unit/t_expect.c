/* SPDX-License-Identifier: GPL-2.0-or-later */
/* expect, trial: what a file of expectations means, that printing and parsing are inverse, and
 * results whose files have the worst of names. Wrong input is in tests/golden/expect/bad. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include "report/trial.h"
#include "rules/compile.h"

static const char text[] = "[expect a]\n"
			   "flow    = tcp 198.51.100.7:51000 -> 192.0.2.10:443 in eth0\n"
			   "result  = untracked\n"
			   "\n"
			   "[expect b.c-d_2]\n"
			   "flow    = icmp 198.51.100.7 -> 192.0.2.10 echo-request in eth0\n"
			   "result  = untracked\n"
			   "by      = web\n"
			   "reply   = tracked\n"
			   "verdict = maybe\n"
			   "\n"
			   "[expect loopback]\n"
			   "flow    = udp [::1]:1 -> [::1]:2 continuing in lo\n"
			   "result  = tracked\n"
			   "reply   = untracked\n"
			   "verdict = queued\n";

static void test_values(void **state)
{
	struct expectations e;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(expect_parse(&e, text, "t.expect", &d), 0);
	assert_int_equal(d.n, 0);
	assert_int_equal(e.n, 3);
	assert_string_equal(e.v[0].name, "a");
	assert_int_equal(e.v[0].result, TRACKING_UNTRACKED);
	assert_int_equal(e.v[0].flow.dport, 443);
	assert_null(e.v[0].by);
	assert_null(e.v[0].reply_at.file);
	assert_null(e.v[0].verdict_at.file);
	assert_int_equal(e.v[1].at.line, 5);
	assert_int_equal(e.v[1].flow_at.line, 6);
	assert_int_equal(e.v[1].flow_at.col, 11);
	assert_string_equal(e.v[1].by, "web");
	assert_int_equal(e.v[1].reply, TRACKING_TRACKED);
	assert_int_equal(e.v[1].verdict, OUT_MIXED);
	assert_int_equal(e.v[2].reply, TRACKING_UNTRACKED);
	assert_int_equal(e.v[2].verdict, OUT_QUEUE);
	assert_string_equal(e.v[2].verdict_at.file, "t.expect");
	expect_free(&e);
	expect_free(&e);
	diag_free(&d);
}

static void test_inverse(void **state)
{
	struct expectations e;
	struct diag d = { 0 };
	char *printed;
	size_t len;
	FILE *f = xmemstream(&printed, &len);

	(void)state;
	assert_int_equal(expect_parse(&e, text, "t.expect", &d), 0);
	expect_print(&e, f);
	fclose(f);
	assert_string_equal(printed, text);
	free(printed);
	expect_free(&e);
	diag_free(&d);
}

/* A fault frees all; a flow that goes on in the next line has its faults there. */
static void test_faults(void **state)
{
	struct expectations e;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(expect_parse(&e,
				      "[expect a]\nresult = tracked\n"
				      "flow = tcp 192.0.2.1:1\n    -> 192.0.2.2:x in eth0\n",
				      "t.expect", &d),
			 -1);
	assert_null(e.v);
	assert_int_equal(e.n, 0);
	assert_int_equal(e.n_files, 0);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.v[0].id, "flow");
	assert_int_equal(d.v[0].line, 4);
	assert_int_equal(d.v[0].col, 8);
	diag_free(&d);
}

static void test_nothing(void **state)
{
	struct expectations e;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(expect_parse(&e, "# nothing\n", "t.expect", &d), 0);
	assert_int_equal(e.n, 0);
	assert_int_equal(d.warnings, 1);
	assert_string_equal(d.v[0].id, "expect");
	diag_free(&d);
	expect_free(&e);
}

/* Configuration and expectations are told apart in both directions. */
static void test_other_files(void **state)
{
	static const char service[] = "[service web]\nprotocol = tcp\nport = 80\n";
	struct expectations e;
	struct policy p;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(policy_parse(&p, text, "t.conf", &d), -1);
	assert_int_equal(d.errors, 3);
	diag_free(&d);
	d = (struct diag){ 0 };
	assert_int_equal(expect_parse(&e, service, "t.expect", &d), -1);
	assert_int_equal(d.errors, 1);
	diag_free(&d);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(expect_is_name("a.expect"));
	assert_true(expect_is_name("x/y.conf/a.b.expect"));
	assert_false(expect_is_name(".expect"));
	assert_false(expect_is_name("x/.a.expect"));
	assert_false(expect_is_name("expect"));
	assert_false(expect_is_name("a.expect/b"));
	assert_false(expect_is_name("a.expect.orig"));
}

typedef void print_fn(const struct trial *v, size_t n, FILE *out);

/* What becomes of one expectation in a file of this name, without any rule. */
static char *results(const char *file, print_fn *print)
{
	static const char one[] = "[expect a]\nresult = untracked\n"
				  "flow = tcp 192.0.2.1:1 -> 192.0.2.2:2 in eth0\n";
	const struct ruleset rs = { 0 };
	const struct flow_host h = { 0 };
	const struct policy p = { 0 };
	struct explanation x = { 0 };
	struct expectations e;
	struct diag d = { 0 };
	struct trial t;
	char *printed;
	size_t len;
	FILE *f = xmemstream(&printed, &len);

	assert_int_equal(expect_parse(&e, one, file, &d), 0);
	explain_make(&x, &e.v[0].flow, &rs, &h);
	trial_make(&t, &e.v[0], &x, &p);
	explain_free(&x);
	assert_int_equal(trial_failures(&t, 1), 1);
	print(&t, 1, f);
	fclose(f);
	trial_free(&t);
	trial_free(&t);
	expect_free(&e);
	diag_free(&d);
	return printed;
}

/* Characters of XML, a control byte, bytes that are not UTF-8, an escape sequence, U+FFFE, DEL. */
#define WORST "a<b>&\"'\x01\xff\xc3\x28\n\xef\xbf\xbe\x1b[1m\x7f\xc3\xa4#\\.expect"

static void test_junit(void **state)
{
#define BAD "\xef\xbf\xbd"
	static const char escaped[] = "classname=\"a&lt;b&gt;&amp;&quot;'" BAD BAD BAD
				      "(&#10;" BAD BAD BAD BAD "[1m" BAD "\xc3\xa4#\\.expect\"";
	char *xml = results(WORST, trial_junit);

	(void)state;
	assert_non_null(strstr(xml, escaped));
	assert_null(strpbrk(xml, "\x01\x1b\x7f\xff"));
	free(xml);
}

static void test_tap(void **state)
{
	char *tap = results(WORST, trial_tap);

	(void)state;
	assert_non_null(strstr(tap, "not ok 1 - a (a<b>&\"'?\xff\xc3(?\xef\xbf\xbe?[1m?\xc3\xa4"
				    "\\#\\\\.expect:1)\n  ---\n"));
	assert_non_null(strstr(tap, "\n    line: 2\n    column: 10\n  ...\n"));
	free(tap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	    cmocka_unit_test(test_inverse),
		cmocka_unit_test(test_faults),	    cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_other_files), cmocka_unit_test(test_names),
		cmocka_unit_test(test_junit),	    cmocka_unit_test(test_tap),
	};

	return cmocka_run_group_tests_name("expect", tests, NULL, NULL);
}
