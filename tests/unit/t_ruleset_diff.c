/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset: what is in one and not in the other, and how twins stand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "rules/ruleset.h"

#define FRAME(lines) "untrack-rules 1\n" lines "end\n"

static struct ruleset parsed(const char *text)
{
	struct ruleset rs = { 0 };
	struct diag d = { 0 };

	if (ruleset_parse(&rs, text, "t", &d))
		fail_msg("%u:%u: %s", d.v[0].line, d.v[0].col, d.v[0].text);
	diag_free(&d);
	return rs;
}

static char *difference(const struct ruleset *want, const struct ruleset *got, size_t *n)
{
	size_t len;
	char *s;
	FILE *f = xmemstream(&s, &len);

	*n = ruleset_diff(want, got, f);
	fclose(f);
	assert_int_equal(ruleset_diff(want, got, NULL), *n);
	return s;
}

static void check_diff(const char *want_text, const char *got_text, size_t n, const char *lines)
{
	struct ruleset want = parsed(want_text), got = parsed(got_text);
	auto_free char *s = NULL;
	size_t n_found;

	ruleset_normalise(&want);
	ruleset_normalise(&got);
	s = difference(&want, &got, &n_found);
	assert_string_equal(s, lines);
	assert_int_equal(n_found, n);
	ruleset_free(&want);
	ruleset_free(&got);
}

static void test_diff(void **state)
{
	(void)state;
	check_diff(FRAME(""), FRAME(""), 0, "");
	check_diff(FRAME("counter a in packets 1 bytes 1\n"), FRAME(""), 0, "");
	check_diff(FRAME("prerouting notrack a\nprerouting notrack b\n"),
		   FRAME("prerouting notrack b\nprerouting notrack c\n"), 2,
		   "+ prerouting notrack a\n- prerouting notrack c\n");
	check_diff(FRAME("prerouting notrack a in eth0\n"), FRAME("prerouting notrack a\n"), 2,
		   "- prerouting notrack a\n+ prerouting notrack a in eth0\n");
	check_diff(FRAME("twin ip t c before 3 untrack:a :: x\n"),
		   FRAME("twin ip t c before 4 untrack:a :: x\n"), 2,
		   "- displaced twin ip t c before 4 untrack:a\n"
		   "+ displaced twin ip t c before 3 untrack:a\n");
	/* one in the middle is missing: one line */
	check_diff(FRAME("twin ip t c last untrack:a :: 1\ntwin ip t c last untrack:a :: 2\n"
			 "twin ip t c last untrack:a :: 3\n"),
		   FRAME("twin ip t c last untrack:a :: 1\ntwin ip t c last untrack:a :: 3\n"), 1,
		   "+ missing twin ip t c last untrack:a\n");
	/* one twice */
	check_diff(FRAME("twin ip t c last untrack:a :: 1\n"),
		   FRAME("twin ip t c last untrack:a :: 1\ntwin ip t c last untrack:a :: 1\n"), 1,
		   "- unneeded twin ip t c last untrack:a\n");
	/* the order in one chain counts */
	check_diff(FRAME("twin ip t c last untrack:a :: 1\ntwin ip t c last untrack:a :: 2\n"),
		   FRAME("twin ip t c last untrack:a :: 2\ntwin ip t c last untrack:a :: 1\n"), 4,
		   "- displaced twin ip t c last untrack:a\n"
		   "+ displaced twin ip t c last untrack:a\n"
		   "- displaced twin ip t c last untrack:a\n"
		   "+ displaced twin ip t c last untrack:a\n");
}

/* A twin whose rule has changed, and what makes two twins one and the same. */
static void test_stale_twins(void **state)
{
	(void)state;
	check_diff(FRAME("twin ip t c before 3 untrack:a :: load x verdict:accept\n"),
		   FRAME("twin ip t c before 3 untrack:a :: load x verdict:drop\n"), 2,
		   "- stale twin ip t c before 3 untrack:a :: ... verdict:drop\n"
		   "+ stale twin ip t c before 3 untrack:a :: ... verdict:accept\n");
	check_diff(FRAME("twin ip t c before 3 untrack:a :: a b c\n"),
		   FRAME("twin ip t c before 3 untrack:a :: a c\n"), 2,
		   "- stale twin ip t c before 3 untrack:a :: ...\n"
		   "+ stale twin ip t c before 3 untrack:a :: ... b ...\n");
	/* the rule was written anew elsewhere */
	check_diff(FRAME("twin ip t c before 3 untrack:a :: x\n"),
		   FRAME("twin ip t c before 4 untrack:a :: y\n"), 2,
		   "- stale twin ip t c before 4 untrack:a :: y\n"
		   "+ stale twin ip t c before 3 untrack:a :: x\n");
	/* the nearest one first: same place, and same body before that */
	check_diff(FRAME("twin ip t c before 1 untrack:a :: x\n"
			 "twin ip t c before 2 untrack:a :: y\n"),
		   FRAME("twin ip t c before 2 untrack:a :: x\n"
			 "twin ip t c before 2 untrack:a :: z\n"),
		   4,
		   "- displaced twin ip t c before 2 untrack:a\n"
		   "+ displaced twin ip t c before 1 untrack:a\n"
		   "- stale twin ip t c before 2 untrack:a :: z\n"
		   "+ stale twin ip t c before 2 untrack:a :: y\n");
	/* other names, another match, another chain, another form: another twin */
	check_diff(FRAME("twin ip t c last untrack:a ::\n"),
		   FRAME("twin ip t c last untrack:b ::\n"), 2,
		   "+ missing twin ip t c last untrack:a\n- unneeded twin ip t c last untrack:b\n");
	check_diff(FRAME("twin ip t c last untrack:a in eth0 ::\n"),
		   FRAME("twin ip t c last untrack:a ::\n"), 2,
		   "+ missing twin ip t c last untrack:a in eth0\n"
		   "- unneeded twin ip t c last untrack:a\n");
	check_diff(FRAME("twin ip t c last untrack:a ::\n"),
		   FRAME("twin ip t d last untrack:a ::\n"), 2,
		   "+ missing twin ip t c last untrack:a\n- unneeded twin ip t d last untrack:a\n");
	check_diff(FRAME("twin ip t c before 1 untrack:a ::\n"),
		   FRAME("twin iptables-legacy ip t c before 1 untrack:a ::\n"), 2,
		   "+ missing twin ip t c before 1 untrack:a\n"
		   "- unneeded twin iptables-legacy ip t c before 1 untrack:a\n");
}

static void test_standings(void **state)
{
	struct ruleset want = parsed(FRAME("twin ip t c before 1 untrack:a :: x\n"
					   "twin ip t c before 2 untrack:a :: y\n"
					   "twin ip t d before 1 untrack:a :: x\n"));
	struct ruleset got = parsed(FRAME("twin ip t c before 1 untrack:a :: x\n"
					  "twin ip t c before 2 untrack:a :: z\n"
					  "twin ip t e before 1 untrack:a :: x\n"));
	enum twin_standing *of_want, *of_got;

	(void)state;
	ruleset_twin_standings(&want, &got, &of_want, &of_got);
	assert_int_equal(of_want[0], TWIN_PRESENT);
	assert_int_equal(of_want[1], TWIN_STALE);
	assert_int_equal(of_want[2], TWIN_MISSING);
	assert_int_equal(of_got[0], TWIN_PRESENT);
	assert_int_equal(of_got[1], TWIN_STALE);
	assert_int_equal(of_got[2], TWIN_UNNEEDED);
	free(of_want);
	free(of_got);
	ruleset_free(&want);
	ruleset_free(&got);
}

static void test_foreign_objects_differ(void **state)
{
	struct ruleset want = { 0 }, got = { 0 }, copy;
	auto_free char *s = NULL;
	size_t n;

	(void)state;
	*ARRAY_ADD(got.foreign, got.n_foreign) = xstrdup("chain \"a\nb\"");
	s = difference(&want, &got, &n);
	assert_int_equal(n, 1);
	assert_string_equal(s, "- foreign chain \"a%0Ab\"\n");
	assert_int_equal(ruleset_diff(&got, &want, NULL), 0);
	ruleset_copy(&copy, &got);
	assert_int_equal(ruleset_diff(&want, &copy, NULL), 1);
	ruleset_free(&got);
	ruleset_free(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_stale_twins),
		cmocka_unit_test(test_standings),
		cmocka_unit_test(test_foreign_objects_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
