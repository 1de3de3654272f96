/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply --confirm, confirm and what the timer runs: in which order, and what becomes of failures.
 * The kernel and the timer are fakes: what is defined here is linked in place of the real modules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "transaction/pending.h"
#include "transaction/timer.h"
#include "world.h"

#define VPN "[service vpn]\nprotocol = udp\nport = 500\n"

static struct timers {
	bool fail;
	unsigned started, stopped;
	char words[400];	   /* of the last one that was started */
	char last_stopped[20];	   /* token */
	unsigned commits_at_start; /* of the kernel when the last timer was started */
	char pending_at_start[20]; /* token of what was pending then, and when one was stopped */
	char pending_at_stop[20];
} timers;

static void note_pending(char *token, size_t size)
{
	struct pending p = { 0 };
	struct diag d = { 0 };

	snprintf(token, size, "%s", pending_load(&world.paths, &p, &d) ? "none" : p.token);
	pending_free(&p);
	diag_free(&d);
}

int timer_start(struct pending *p, const struct state_paths *sp, const char *const *options,
		struct diag *d)
{
	size_t len = 0;

	assert_string_equal(sp->run_dir, world.run_dir);
	if (timers.fail)
		return diag_error(d, NULL, "timer", 0, "no timer today");
	timers.started++;
	timers.commits_at_start = world.kernel.commits;
	note_pending(timers.pending_at_start, sizeof timers.pending_at_start);
	for (; *options; options++)
		len += (size_t)snprintf(timers.words + len, sizeof timers.words - len, "%s ",
					*options);
	p->pid = 1000 + (long)timers.started;
	return 0;
}

void timer_stop(const struct pending *p)
{
	timers.stopped++;
	note_pending(timers.pending_at_stop, sizeof timers.pending_at_stop);
	snprintf(timers.last_stopped, sizeof timers.last_stopped, "%s", p->token);
}

/* id: of the last finding that counts; NULL: no error is expected. */
static void ends(command_fn *command, const char *conf, struct request req, enum exit_code code,
		 const char *id)
{
	struct run r = run_with(command, conf, req);
	const char *last = NULL;

	for (size_t i = 0; i < r.d.n; i++)
		if (r.d.v[i].severity == SEVERITY_ERROR)
			last = r.d.v[i].id;
	if (r.code != code)
		diag_print(&r.d, stderr, SEVERITY_NOTE, false);
	assert_int_equal(r.code, code);
	if (id)
		assert_string_equal(last, id);
	else
		assert_null(last);
	run_free(&r);
}

#define ASK ((struct request){ .confirm = "1m" })

static struct pending pending(void)
{
	struct pending p = { 0 };
	struct diag d = { 0 };

	assert_int_equal(pending_load(&world.paths, &p, &d), 0);
	diag_free(&d);
	return p;
}

static bool is_pending(void)
{
	char token[20];

	note_pending(token, sizeof token);
	return strcmp(token, "none") != 0;
}

/* What the timer would run, with its time over. */
static void expire(enum exit_code code)
{
	struct pending p = pending();
	struct request req = { .operands = (const char *[]){ p.token, "1000" }, .n_operands = 2 };

	ends(command_expire, NULL, req, code, NULL);
	pending_free(&p);
}

static int set_up_timers(void **state)
{
	timers = (struct timers){ 0 };
	return set_up(state);
}

static void test_ask_and_confirm(void **state)
{
	auto_free char *words = xasprintf("--config %s ", world.config);
	struct pending p;

	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	assert_int_equal(timers.started, 1);
	assert_int_equal(timers.commits_at_start, 1); /* before the kernel changes */
	assert_string_equal(timers.words, words);
	p = pending();
	assert_int_equal(p.generation, 2);
	assert_int_equal(p.back, 1);
	assert_non_null(strstr(p.policy, "[service web]"));
	assert_null(strstr(p.policy, "[service dns]"));
	assert_in_range(pending_seconds_left(&p), 50, 60);
	pending_free(&p);
	assert_true(generation_is_unconfirmed(&world.paths, 2));
	ends(command_confirm, NULL, PLAIN, CODE_DONE, NULL);
	assert_false(generation_is_unconfirmed(&world.paths, 2));
	assert_false(is_pending());
	assert_int_equal(timers.stopped, 1);
	ends(command_confirm, NULL, PLAIN, CODE_NO, "confirm");
}

static void test_expire(void **state)
{
	struct request other = { .operands = (const char *[]){ "0123456789abcdef", "1000" },
				 .n_operands = 2 };

	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	ends(command_expire, NULL, other, CODE_DONE, NULL); /* not the pending one */
	assert_true(is_pending());
	assert_int_equal(world.kernel.ours.n_rules, 10);
	expire(CODE_DONE);
	assert_false(is_pending());
	assert_int_equal(world.kernel.ours.n_rules, 6);
	assert_int_equal(newest(), 3);
	assert_true(generation_is_unconfirmed(&world.paths, 2));
	assert_false(generation_is_unconfirmed(&world.paths, 3));
	ends(command_expire, NULL, other, CODE_DONE, NULL); /* nothing is pending */
	assert_int_equal(world.kernel.ours.n_rules, 6);
}

static void test_expire_is_not_for_people(void **state)
{
	static const char *const words[][2] = {
		{ "0123456789abcdef", "" },
		{ "0123456789abcdef", "99999999999999" },
		{ "token", "1000" },
	};

	(void)state;
	ends(command_expire, NULL, PLAIN, CODE_USAGE, "usage");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *operands[] = { words[i][0], words[i][1] };

		ends(command_expire, NULL,
		     ((struct request){ .operands = operands, .n_operands = 2 }), CODE_USAGE,
		     "usage");
	}
}

/* Going back is not given up at the first failure. */
static void test_expire_tries_again(void **state)
{
	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	world.kernel.fail_commit[2] = FAKE_REFUSES;
	expire(CODE_DONE);
	assert_int_equal(world.kernel.ours.n_rules, 6);
}

static void test_first_goes_back_to_nothing(void **state)
{
	struct pending p;

	(void)state;
	ends(command_apply, WEB, ASK, CODE_DONE, NULL);
	p = pending();
	assert_int_equal(p.back, 0);
	pending_free(&p);
	expire(CODE_DONE);
	assert_int_equal(world.kernel.ours.n_rules, 0);
}

/* Others took rules away, and the newest generation puts them back: the way back cannot be that. */
static void test_repair_goes_back_to_nothing(void **state)
{
	struct pending p;

	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ruleset_free(&world.kernel.ours);
	world.kernel.ours = (struct ruleset){ 0 };
	ends(command_apply, WEB, ASK, CODE_DONE, NULL);
	p = pending();
	assert_int_equal(p.generation, 1);
	assert_int_equal(p.back, 0);
	pending_free(&p);
	expire(CODE_DONE);
	assert_int_equal(world.kernel.ours.n_rules, 0);
}

/* What was never confirmed is no way back, either. */
static void test_unconfirmed_is_no_way_back(void **state)
{
	struct diag d = { 0 };
	struct pending p;

	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	assert_int_equal(pending_remove(&world.paths, &d), 0);
	ends(command_apply, WEB DNS VPN, ASK, CODE_DONE, NULL);
	p = pending();
	assert_int_equal(p.generation, 3);
	assert_int_equal(p.back, 1);
	pending_free(&p);
}

static void test_no_timer_no_change(void **state)
{
	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	timers.fail = true;
	ends(command_apply, WEB DNS, ASK, CODE_REFUSED, "timer");
	assert_int_equal(world.kernel.commits, 1);
	assert_false(is_pending());
	assert_int_equal(newest(), 1);
}

static void test_failures_end_it(void **state)
{
	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	world.kernel.fail_commit[1] = FAKE_REFUSES;
	ends(command_apply, WEB DNS, ASK, CODE_REFUSED, "fake");
	assert_false(is_pending());
	assert_int_equal(timers.started, 1);
	assert_int_equal(timers.stopped, 1);
	fake_reset_faults(&world.kernel);
	ends(command_apply, WEB, ASK, CODE_DONE, NULL); /* unchanged */
	assert_false(is_pending());
	assert_int_equal(timers.started, 1);
}

/* The state before could not be proven: the timer tries. */
static void test_unproven_stays_pending(void **state)
{
	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	fake_reset_faults(&world.kernel);
	world.kernel.fail_commit[0] = FAKE_HALF;
	for (size_t i = 1; i < FAKE_CALLS; i++)
		world.kernel.fail_commit[i] = FAKE_REFUSES;
	ends(command_apply, WEB DNS, ASK, CODE_UNKNOWN, "unproven");
	assert_true(is_pending());
	assert_int_equal(timers.stopped, 0);
	ends(command_confirm, NULL, PLAIN, CODE_REFUSED, "confirm"); /* not on record */
	fake_reset_faults(&world.kernel);
	expire(CODE_DONE);
	assert_int_equal(world.kernel.ours.n_rules, 6);
}

/* The new timer, the new file, and only then the old timer; the way back stays. */
static void test_extend(void **state)
{
	struct pending first, second;

	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	first = pending();
	ends(command_apply, WEB DNS VPN, ((struct request){ .confirm = "1h" }), CODE_DONE, NULL);
	second = pending();
	assert_string_equal(timers.pending_at_start, first.token);
	assert_string_equal(timers.last_stopped, first.token);
	assert_string_equal(timers.pending_at_stop, second.token);
	assert_int_equal(second.generation, 3);
	assert_int_equal(second.back, 1);
	assert_string_equal(second.policy, first.policy);
	assert_in_range(pending_seconds_left(&second), 3500, 3600);
	pending_free(&second);
	ends(command_apply, NULL, ASK, CODE_DONE, NULL); /* unchanged: extended as well */
	second = pending();
	assert_int_equal(second.generation, 3);
	assert_int_equal(second.back, 1);
	assert_int_equal(timers.started - timers.stopped, 1);
	pending_free(&first);
	pending_free(&second);
	expire(CODE_DONE);
	assert_int_equal(world.kernel.ours.n_rules, 6);
}

static void test_failed_extension(void **state)
{
	struct pending first, second;

	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	first = pending();
	world.kernel.fail_commit[2] = FAKE_REFUSES;
	ends(command_apply, WEB DNS VPN, ASK, CODE_REFUSED, "fake");
	second = pending();
	assert_string_equal(second.token, first.token);
	assert_true(second.deadline_ms == first.deadline_ms);
	assert_string_not_equal(timers.last_stopped, first.token);
	assert_int_equal(timers.started - timers.stopped, 1);
	pending_free(&first);
	pending_free(&second);
}

static void test_plain_apply_is_refused(void **state)
{
	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	ends(command_apply, WEB, PLAIN, CODE_REFUSED, "unconfirmed");
	assert_int_equal(world.kernel.ours.n_rules, 10);
}

static void test_ways_out(void **state)
{
	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	ends(command_apply, WEB DNS VPN, ASK, CODE_DONE, NULL);
	ends(command_rollback, NULL, PLAIN, CODE_DONE, NULL);
	assert_int_equal(world.kernel.ours.n_rules, 6);
	assert_false(is_pending());
	assert_int_equal(timers.stopped, 2);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	ends(command_remove, NULL, PLAIN, CODE_DONE, NULL);
	assert_false(is_pending());
	assert_int_equal(timers.stopped, 3);
}

static void damage(void)
{
	auto_free char *file = xasprintf("%s/" PENDING_FILE, world.run_dir);

	assert_int_equal(truncate(file, 30), 0);
}

static void test_damage(void **state)
{
	struct request old = { .operands = (const char *[]){ "0123456789abcdef", "1000" },
			       .n_operands = 2 };

	(void)state;
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	damage();
	ends(command_confirm, NULL, PLAIN, CODE_USAGE, "confirm");
	ends(command_apply, NULL, PLAIN, CODE_REFUSED, "confirm");
	ends(command_apply, NULL, ASK, CODE_REFUSED, "confirm");
	ends(command_expire, NULL, old, CODE_DONE, NULL); /* to the last good one */
	assert_int_equal(world.kernel.ours.n_rules, 6);
	ends(command_confirm, NULL, PLAIN, CODE_NO, "confirm");
	ends(command_apply, WEB DNS, ASK, CODE_DONE, NULL);
	damage();
	ends(command_rollback, NULL, PLAIN, CODE_DONE, NULL);
	assert_int_equal(world.kernel.ours.n_rules, 6);
	ends(command_confirm, NULL, PLAIN, CODE_NO, "confirm");
}

/* Whoever applies it again, and does not ask for a confirmation, has confirmed it. */
static void test_applied_again(void **state)
{
	struct diag d = { 0 };

	(void)state;
	ends(command_apply, WEB, ASK, CODE_DONE, NULL);
	assert_int_equal(pending_remove(&world.paths, &d), 0);
	ends(command_apply, WEB, ASK, CODE_DONE, NULL);
	assert_true(is_pending());
	assert_int_equal(pending_remove(&world.paths, &d), 0);
	ends(command_apply, WEB, PLAIN, CODE_DONE, NULL);
	assert_false(generation_is_unconfirmed(&world.paths, 1));
	ends(command_apply, WEB, ASK, CODE_DONE, NULL);
	assert_false(is_pending());
}

static void test_times(void **state)
{
	static const char *const good[] = { "1s", "90s", "5m", "60m", "1h", "3600s" };
	static const char *const bad[] = { "0s", "3601s", "61m", "2h",	 "1d",
					   "5",	 "s",	  "-5s", "1.5m", "10s ",
					   "0h", "5 m",	  "5M",	 "1hs",	 "18446744073709551617s" };
	struct pending p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct request req = { .confirm = good[i] };

		ends(command_apply, i % 2 ? WEB : WEB DNS, req, CODE_DONE, NULL);
		ends(command_confirm, NULL, PLAIN, CODE_DONE, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ends(command_apply, VPN, ((struct request){ .confirm = bad[i] }), CODE_USAGE,
		     "usage");
	ends(command_apply, VPN, ((struct request){ .confirm = "" }), CODE_DONE, NULL);
	p = pending();
	assert_in_range(pending_seconds_left(&p), 590, 600);
	pending_free(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_timers, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ask_and_confirm),
		TEST(test_expire),
		TEST(test_expire_is_not_for_people),
		TEST(test_expire_tries_again),
		TEST(test_first_goes_back_to_nothing),
		TEST(test_repair_goes_back_to_nothing),
		TEST(test_unconfirmed_is_no_way_back),
		TEST(test_no_timer_no_change),
		TEST(test_failures_end_it),
		TEST(test_unproven_stays_pending),
		TEST(test_extend),
		TEST(test_failed_extension),
		TEST(test_plain_apply_is_refused),
		TEST(test_ways_out),
		TEST(test_damage),
		TEST(test_applied_again),
		TEST(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
