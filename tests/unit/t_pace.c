/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace: soon after a change, not during it, and ever more slowly in a fight. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "command/pace.h"

#define START 1000000u

static struct pace quiet(void)
{
	struct pace p = { 0 };

	assert_int_equal(pace_due(&p), 0);
	assert_int_equal(pace_looked(&p, START, PACE_EQUAL), 0);
	return p;
}

static void test_routine(void **state)
{
	struct pace p = quiet();

	(void)state;
	assert_int_equal(pace_due(&p), START + PACE_ROUTINE_MS);
}

static void test_waits_until_it_is_quiet(void **state)
{
	struct pace p = quiet();

	(void)state;
	for (unsigned t = 5000; t < 5000 + PACE_HOLD_MS - PACE_QUIET_MS; t += 3) {
		pace_changed(&p, START + t);
		assert_int_equal(pace_due(&p), START + t + PACE_QUIET_MS);
	}
	for (unsigned t = 5000 + PACE_HOLD_MS; t < 9000; t += 3)
		pace_changed(&p, START + t);
	assert_int_equal(pace_due(&p), START + 5000 + PACE_HOLD_MS);
	pace_looked(&p, START + 9000, PACE_EQUAL);
	assert_int_equal(pace_due(&p), START + 9000 + PACE_ROUTINE_MS);
}

static void test_failures(void **state)
{
	struct pace p = quiet();
	uint64_t now = START, wait = PACE_RETRY_MS;

	(void)state;
	for (int i = 0; i < 12; i++) {
		pace_looked(&p, now, PACE_FAILED);
		if (pace_due(&p) < now + wait)
			fail_msg("failure %d: after %lu ms", i,
				 (unsigned long)(pace_due(&p) - now));
		now = pace_due(&p);
		wait = wait * 2 < PACE_ROUTINE_MS ? wait * 2 : PACE_ROUTINE_MS;
	}
	pace_looked(&p, now, PACE_EQUAL);
	assert_int_equal(pace_due(&p), now + PACE_ROUTINE_MS);
}

/* One who takes everything away at once, for ten minutes: never more than so many in a minute. */
static void test_fight(void **state)
{
	uint64_t times[200];
	struct pace p = quiet();
	unsigned n = 0, most = 0;

	(void)state;
	for (uint64_t now = START; now < START + 600000; now++) {
		pace_changed(&p, now);
		if (now < pace_due(&p))
			continue;
		assert_true(n < 200);
		times[n++] = now;
		pace_looked(&p, now, PACE_REPAIRED);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned in_minute = 0;

		for (unsigned j = i; j < n && times[j] < times[i] + 60000; j++)
			in_minute++;
		most = in_minute > most ? in_minute : most;
	}
	assert_in_range(most, PACE_FREE, PACE_FREE + 6);
	assert_true(n > 20); /* it does not give up */
}

/* A reload every half a minute is no fight. */
static void test_reloads(void **state)
{
	struct pace p = quiet();

	(void)state;
	for (uint64_t now = START; now < START + 3600000; now += 30000) {
		pace_changed(&p, now);
		assert_int_equal(pace_due(&p), now + PACE_QUIET_MS);
		assert_int_equal(pace_looked(&p, now + PACE_QUIET_MS, PACE_REPAIRED), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routine),	 cmocka_unit_test(test_waits_until_it_is_quiet),
		cmocka_unit_test(test_failures), cmocka_unit_test(test_fight),
		cmocka_unit_test(test_reloads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
