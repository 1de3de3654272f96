/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply, remove and rollback around the transaction: exit codes, drains, records, words. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "world.h"

#define APPLIED "applied: 1 exemption, 6 rules, 0 twins; 3 stale entries dropped\n"

static void test_apply(void **state)
{
	(void)state;
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	assert_int_equal(newest(), 1);
	assert_int_equal(world.n_drains, 1);
	assert_int_equal(world.drains[0].rules, 6);
	assert_int_equal(world.drains[0].commits, 1);
	assert_int_equal(world.kernel.reads, 2); /* before and after */
	/* What an earlier drain could not take, or was not to, may go now. */
	expect(command_apply, NULL, PLAIN, CODE_DONE,
	       "unchanged: 1 exemption, 6 rules, 0 twins; 3 stale entries dropped\n");
	assert_int_equal(world.kernel.reads, 3);
	assert_int_equal(newest(), 1);
	assert_int_equal(world.n_drains, 2);
	assert_int_equal(world.kernel.commits, 1);
}

static void test_twins_have_places(void **state)
{
	struct run r;

	(void)state;
	fake_add_rule(&world.kernel, FAKE_ESTABLISHED, 0);
	fake_add_rule(&world.kernel, FAKE_PORT, 80);
	r = run_with(command_apply, "[untrack]\ndrain = no\n" WEB, PLAIN);
	assert_int_equal(r.code, CODE_DONE);
	assert_int_equal(strncmp(r.said, "applied: 1 exemption, 6 rules, ", 31), 0);
	assert_non_null(strstr(r.said, " in inet filter input\n"));
	run_free(&r);
}

/* What was read first is outdated when it is acted on. */
static void test_firewall_that_comes_late(void **state)
{
	struct run r;

	(void)state;
	world.late_firewall = true;
	r = run_with(command_apply, WEB, PLAIN);
	assert_int_equal(r.code, CODE_DONE);
	assert_non_null(strstr(r.said, " in inet filter input"));
	assert_int_equal(world.kernel.reads, 3);
	assert_int_equal(world.kernel.commits, 2);
	run_free(&r);
}

static void test_findings_are_told_once(void **state)
{
	struct run first, again;

	(void)state;
	world.ssh_port = 80;
	first = run_with(command_apply, WEB, PLAIN);
	again = run_with(command_apply, NULL, PLAIN);
	assert_int_equal(first.d.warnings, 1);
	assert_string_equal(first.d.v[0].id, "facts-unread");
	assert_string_equal(first.d.v[1].id, "management-port");
	assert_int_equal(again.d.n, 0);
	run_free(&first);
	run_free(&again);
}

static void test_quiet(void **state)
{
	(void)state;
	expect(command_apply, WEB, ((struct request){ .quiet = true }), CODE_DONE, "");
}

static void test_no_drain(void **state)
{
	(void)state;
	expect(command_apply, WEB, ((struct request){ .no_drain = true }), CODE_DONE,
	       "applied: 1 exemption, 6 rules, 0 twins\n");
	expect(command_apply, "[untrack]\ndrain = no\n" DNS, PLAIN, CODE_DONE,
	       "applied: 1 exemption, 6 rules, 0 twins; 3 stale entries dropped\n");
	assert_int_equal(world.n_drains, 1); /* what leaves: it came with drain = yes */
	expect(command_remove, NULL, PLAIN, CODE_DONE,
	       "removed: nothing of untrack is in the kernel\n");
	assert_int_equal(world.n_drains, 1);
}

/* What leaves is drained while it is still exempt, what comes once it is. */
static void test_order_of_drains(void **state)
{
	(void)state;
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	expect(command_apply, WEB DNS, PLAIN, CODE_DONE,
	       "applied: 2 exemptions, 10 rules, 0 twins; 6 stale entries dropped\n");
	assert_int_equal(world.n_drains, 3);
	assert_int_equal(world.drains[1].rules, 6);
	assert_int_equal(world.drains[1].commits, 1);
	assert_int_equal(world.drains[2].rules, 10);
	assert_int_equal(world.drains[2].commits, 2);
	expect(command_remove, NULL, PLAIN, CODE_DONE,
	       "removed: nothing of untrack is in the kernel; 3 stale entries dropped\n");
	assert_int_equal(world.drains[3].rules, 10);
	assert_int_equal(world.drains[3].commits, 2);
	assert_int_equal(newest(), 3);
	expect(command_remove, NULL, PLAIN, CODE_DONE,
	       "unchanged: nothing of untrack is in the kernel\n");
	assert_int_equal(newest(), 3);
}

static void test_rollback(void **state)
{
	(void)state;
	expect(command_rollback, NULL, PLAIN, CODE_USAGE, "");
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	expect(command_apply, WEB DNS, PLAIN, CODE_DONE,
	       "applied: 2 exemptions, 10 rules, 0 twins; 6 stale entries dropped\n");
	expect(command_rollback, NULL, PLAIN, CODE_DONE,
	       "rolled back to generation 1: 1 exemption, 6 rules, 0 twins; 6 stale entries "
	       "dropped\n");
	assert_int_equal(newest(), 3);
	expect(command_rollback, NULL,
	       ((struct request){ .operands = (const char *[]){ "2" }, .n_operands = 1 }),
	       CODE_DONE,
	       "rolled back to generation 2: 2 exemptions, 10 rules, 0 twins; 6 stale entries "
	       "dropped\n");
	expect(command_rollback, NULL,
	       ((struct request){ .operands = (const char *[]){ "5" }, .n_operands = 1 }),
	       CODE_USAGE, "");
}

/* The way back leads past what was never confirmed, unless it is asked for by its number. */
static void test_rollback_past_unconfirmed(void **state)
{
	auto_free char *dir = xasprintf("%s/state", world.dir);
	struct state_paths sp = { dir, NULL };
	struct request two = { .operands = (const char *[]){ "2" }, .n_operands = 1 };
	struct diag d = { 0 };

	(void)state;
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	expect(command_apply, WEB DNS, PLAIN, CODE_DONE,
	       "applied: 2 exemptions, 10 rules, 0 twins; 6 stale entries dropped\n");
	expect(command_apply, DNS, PLAIN, CODE_DONE,
	       "applied: 1 exemption, 6 rules, 0 twins; 6 stale entries dropped\n");
	assert_int_equal(generation_mark(&sp, 2, GENERATION_UNCONFIRMED, &d), 0);
	expect(command_rollback, NULL, PLAIN, CODE_DONE,
	       "rolled back to generation 1: 1 exemption, 6 rules, 0 twins; 6 stale entries "
	       "dropped\n");
	expect(command_rollback, NULL, two, CODE_DONE,
	       "rolled back to generation 2: 2 exemptions, 10 rules, 0 twins; 6 stale entries "
	       "dropped\n");
	assert_false(generation_is_unconfirmed(&sp, newest()));
}

static void test_rollback_of_the_first(void **state)
{
	(void)state;
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	expect(command_rollback, NULL, PLAIN, CODE_DONE,
	       "rolled back to nothing: nothing of untrack is in the kernel; 3 stale entries "
	       "dropped\n");
	assert_int_equal(world.kernel.ours.n_rules, 0);
}

static void test_nothing_is_touched(void **state)
{
	(void)state;
	expect(command_apply, "[service web]\nport = x\n", PLAIN, CODE_USAGE, "");
	expect(command_apply, "# nothing\n", PLAIN, CODE_USAGE, "");
	world.no_kernel = true;
	expect(command_apply, WEB, PLAIN, CODE_REFUSED, "");
	expect(command_remove, NULL, PLAIN, CODE_REFUSED, "");
	assert_int_equal(newest(), 0);
	assert_int_equal(world.kernel.reads, 0);
}

static void test_failures(void **state)
{
	(void)state;
	world.kernel.fail_commit[0] = FAKE_REFUSES;
	expect(command_apply, WEB, PLAIN, CODE_REFUSED, "");
	fake_reset_faults(&world.kernel);
	world.kernel.fail_read[0] = true;
	expect(command_apply, WEB, PLAIN, CODE_REFUSED, "");
	fake_reset_faults(&world.kernel);
	world.kernel.fail_commit[0] = FAKE_HALF;
	for (size_t i = 1; i < FAKE_CALLS; i++)
		world.kernel.fail_commit[i] = FAKE_REFUSES;
	expect(command_apply, WEB, PLAIN, CODE_UNKNOWN, "");
	assert_int_equal(newest(), 0);
	assert_int_equal(world.n_drains, 0);
}

/* A record that cannot be read does not stand in the way of a valid configuration. */
static void test_damaged_record(void **state)
{
	auto_free char *file = xasprintf("%s/state/generation-1.conf", world.dir);
	struct run r;

	(void)state;
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	assert_int_equal(truncate(file, 20), 0);
	r = run_with(command_apply, NULL, PLAIN);
	assert_int_equal(r.code, CODE_DONE);
	assert_int_equal(r.d.warnings, 1);
	assert_string_equal(r.d.v[0].id, "generation");
	assert_int_equal(newest(), 2);
	run_free(&r);
}

/* Killed after the commit: nothing is on record, and the next run drains and records. */
static void test_lost_record(void **state)
{
	auto_free char *file = xasprintf("%s/state/generation-1.conf", world.dir);

	(void)state;
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	assert_int_equal(unlink(file), 0);
	expect(command_apply, NULL, PLAIN, CODE_DONE,
	       "unchanged: 1 exemption, 6 rules, 0 twins; 3 stale entries dropped\n");
	assert_int_equal(newest(), 1);
	assert_int_equal(unlink(file), 0);
	expect(command_remove, NULL, PLAIN, CODE_DONE,
	       "removed: nothing of untrack is in the kernel; 3 stale entries dropped\n");
	assert_int_equal(world.drains[2].rules, 6);
}

/* Somebody took the rules away for a while: flows that were tracked meanwhile are stale now. */
static void test_repair_drains(void **state)
{
	(void)state;
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	ruleset_free(&world.kernel.ours);
	world.kernel.ours = (struct ruleset){ 0 };
	expect(command_apply, NULL, PLAIN, CODE_DONE, APPLIED);
	assert_int_equal(world.n_drains, 2);
	assert_int_equal(newest(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static enum exit_code repair_web(struct session *s)
{
	const struct change_how how = { .verb = "repaired", .repair = true };
	struct policy p = { 0 };
	enum exit_code code;

	assert_int_equal(policy_parse(&p, WEB, "test", s->d), 0);
	code = change_to(s, &p, &how);
	policy_free(&p);
	return code;
}

/* What watch has read of the record is old when somebody else was faster. */
static void test_repair_of_the_newest_only(void **state)
{
	struct run r;

	(void)state;
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	expect(repair_web, NULL, PLAIN, CODE_DONE, "unchanged: 1 exemption, 6 rules, 0 twins\n");
	ruleset_free(&world.kernel.ours);
	expect(repair_web, NULL, PLAIN, CODE_DONE,
	       "repaired: 1 exemption, 6 rules, 0 twins; 3 stale entries dropped\n");
	assert_int_equal(newest(), 1);
	r = run_with(command_apply, DNS, PLAIN);
	run_free(&r);
	r = run_with(repair_web, NULL, PLAIN);
	assert_int_equal(r.code, CODE_NO);
	assert_string_equal(r.said, "");
	assert_int_equal(newest(), 2);
	run_free(&r);
}

/* The end of a service is no decision: what is on record stays, until something is applied. */
static void test_stop(void **state)
{
	const struct request stop = { .stop = true };
	auto_free char *mark = xasprintf("%s/run/stopped", world.dir);

	(void)state;
	expect(command_apply, WEB, PLAIN, CODE_DONE, APPLIED);
	expect(command_remove, NULL, stop, CODE_DONE,
	       "removed: nothing of untrack is in the kernel; 3 stale entries dropped\n");
	assert_int_equal(newest(), 1);
	assert_int_equal(access(mark, F_OK), 0);
	expect(command_apply, NULL, PLAIN, CODE_DONE, APPLIED);
	assert_int_equal(newest(), 1);
	assert_int_equal(access(mark, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stop),
		TEST(test_repair_of_the_newest_only),
		TEST(test_apply),
		TEST(test_twins_have_places),
		TEST(test_firewall_that_comes_late),
		TEST(test_findings_are_told_once),
		TEST(test_quiet),
		TEST(test_no_drain),
		TEST(test_order_of_drains),
		TEST(test_rollback),
		TEST(test_rollback_past_unconfirmed),
		TEST(test_rollback_of_the_first),
		TEST(test_nothing_is_touched),
		TEST(test_failures),
		TEST(test_damaged_record),
		TEST(test_lost_record),
		TEST(test_repair_drains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
