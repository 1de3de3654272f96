/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply --boot: what reaches the kernel when nobody is watching. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "world.h"

#define BOOT ((struct request){ .boot = true })
#define APPLIED "applied: 1 exemption, 6 rules, 0 twins"
#define UNCHANGED "unchanged: 1 exemption, 6 rules, 0 twins"

static struct state_paths paths(char **state, char **run)
{
	*state = xasprintf("%s/state", world.dir);
	*run = xasprintf("%s/run", world.dir);
	return (struct state_paths){ *state, *run };
}

static struct generation_header header(long n)
{
	auto_free char *state = NULL, *run = NULL;
	struct state_paths sp = paths(&state, &run);
	struct generation_header h = { 0 };
	struct diag d = { 0 };

	assert_int_equal(generation_header(&sp, n, &h, &d), 0);
	return h;
}

static bool is_good(long n)
{
	struct generation_header h = header(n);
	bool good = h.good_at_boot != 0;

	generation_header_free(&h);
	return good;
}

static void mark(long n, enum generation_mark m)
{
	auto_free char *state = NULL, *run = NULL;
	struct state_paths sp = paths(&state, &run);
	struct diag d = { 0 };

	assert_int_equal(generation_mark(&sp, n, m, &d), 0);
}

/* The rules of the kernel are gone, the files stay. */
static void reboot(void)
{
	fake_free(&world.kernel);
	world.kernel = (struct backend){ 0 };
	world.n_drains = 0;
}

static void damage(long n)
{
	auto_free char *path = xasprintf("%s/state/generation-%ld.conf", world.dir, n);

	assert_int_equal(truncate(path, 60), 0);
}

/* Boots; the last finding is of this text, unless it is NULL. */
static void boot(const char *conf, enum exit_code code, const char *said, const char *finding)
{
	struct run r = run_with(command_apply, conf, BOOT);

	assert_int_equal(r.code, code);
	if (strncmp(r.said, said, strlen(said)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", r.said, said);
	assert_int_equal(r.d.errors > 0, finding != NULL);
	if (finding) {
		const struct finding *f = &r.d.v[r.d.n - 1];

		assert_string_equal(f->id, "boot");
		if (!strstr(f->text, finding))
			fail_msg("\"%s\" does not say \"%s\"", f->text, finding);
		assert_non_null(f->cure);
	}
	run_free(&r);
}

static void done(command_fn *command, const char *conf, const char *said)
{
	struct run r = run_with(command, conf, PLAIN);

	assert_int_equal(r.code, CODE_DONE);
	if (strncmp(r.said, said, strlen(said)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", r.said, said);
	run_free(&r);
}

static void test_good(void **state)
{
	auto_free char *unpublished = xasprintf("%s/state/generation.new", world.dir);

	(void)state;
	boot(WEB, CODE_DONE, APPLIED, NULL);
	assert_true(is_good(1));
	done(command_apply, DNS, APPLIED);
	assert_false(is_good(2));
	reboot();
	boot(NULL, CODE_DONE, APPLIED, NULL);
	assert_true(is_good(2));
	assert_int_equal(newest(), 2);
	boot(NULL, CODE_DONE, UNCHANGED, NULL);
	assert_int_equal(access(unpublished, F_OK), -1); /* what is on record is not written */
}

static void test_unconfirmed(void **state)
{
	(void)state;
	done(command_apply, WEB, APPLIED);
	done(command_apply, DNS, APPLIED);
	mark(2, GENERATION_UNCONFIRMED);
	reboot();
	boot(NULL, CODE_NO, "applied generation 1 instead: 1 exemption, 6 rules, 0 twins",
	     "which was never confirmed: generation 1 is in force instead");
	assert_int_equal(newest(), 3); /* a generation itself */
	assert_true(is_good(3));
	assert_false(is_good(1));
	reboot();
	boot(NULL, CODE_NO, "applied generation 3 instead: 1 exemption, 6 rules, 0 twins",
	     "generation 2, which was never confirmed: generation 3 is");
	assert_int_equal(newest(), 3);
	/* Whoever applies it now knows what it is. */
	done(command_apply, NULL, APPLIED);
	reboot();
	boot(NULL, CODE_DONE, APPLIED, NULL);
}

/* After a power cut nobody is left to go back: what was never confirmed is asked for again. */
static void test_confirmed_by_apply(void **state)
{
	(void)state;
	done(command_apply, WEB, APPLIED);
	mark(1, GENERATION_UNCONFIRMED);
	done(command_apply, NULL, UNCHANGED);
	reboot();
	boot(NULL, CODE_DONE, APPLIED, NULL);
	assert_true(is_good(1));
}

static void test_nothing_good(void **state)
{
	(void)state;
	boot("[service web]\nport = x\n", CODE_USAGE, "", "there is no good generation");
	done(command_apply, WEB, APPLIED);
	mark(1, GENERATION_UNCONFIRMED);
	reboot();
	boot(NULL, CODE_REFUSED, "", "there is no good generation");
	assert_int_equal(world.kernel.commits, 0);
}

static void test_wrong_files(void **state)
{
	static const char instead[] = "applied generation 1 instead: 1 exemption, 6 rules, 0 twins";

	(void)state;
	done(command_apply, WEB, APPLIED);
	reboot();
	boot("[service web]\nport = x\n", CODE_NO, instead, "cannot be used: generation 1 is");
	assert_true(is_good(1));
	reboot();
	assert_int_equal(unlink(world.config), 0);
	boot(NULL, CODE_NO, instead, "cannot be used: generation 1 is");
	assert_int_equal(newest(), 1);
}

/* Those that are damaged are passed over, and said. */
static void test_damaged(void **state)
{
	(void)state;
	done(command_apply, WEB, APPLIED);
	done(command_remove, NULL, "removed: nothing");
	done(command_apply, DNS, APPLIED);
	damage(3);
	damage(2);
	reboot();
	boot("[service web]\nport = x\n", CODE_NO,
	     "applied generation 1 instead: 1 exemption, 6 rules, 0 twins", "generation 1 is");
	/* Was it DNS, and confirmed? Nobody knows. */
	damage(newest());
	reboot();
	boot(DNS, CODE_NO, "applied generation 1 instead",
	     "cannot be read and may never have been confirmed: generation 1 is");
}

/* Killed when the rules were in the kernel and the record was not. */
static void test_killed(void **state)
{
	const struct generation_header trial = { .unconfirmed = true };
	auto_free char *dir = NULL, *run = NULL, *text = NULL;
	struct state_paths sp = paths(&dir, &run);
	struct policy p = { 0 };
	struct diag d = { 0 };

	(void)state;
	done(command_apply, WEB, APPLIED);
	assert_int_equal(policy_parse(&p, DNS, "dns", &d), 0);
	text = policy_string(&p);
	assert_int_equal(generation_prepare(&sp, text, "fake", &trial, &d), 2);
	reboot();
	boot(DNS, CODE_NO, "applied generation 1 instead", "generation 2, which was never");
	policy_free(&p);
	diag_free(&d);
}

/* Refused for what was not there when it was applied. */
static void test_refused(void **state)
{
	static const char from_ssh[] = "[service ssh]\nprotocol = tcp\nport = 22\n";
	struct run r;

	(void)state;
	done(command_apply, DNS, APPLIED);
	reboot();
	world.kernel.fail_commit[0] = FAKE_REFUSES;
	r = run_with(command_apply, WEB, BOOT);
	assert_int_equal(r.code, CODE_NO);
	assert_string_equal(r.d.v[r.d.n - 1].id, "boot");
	assert_non_null(strstr(r.d.v[r.d.n - 1].text, "generation 1 is in force instead"));
	run_free(&r);
	reboot();
	memset(world.kernel.fail_commit, 0, sizeof world.kernel.fail_commit);
	for (int i = 0; i < FAKE_CALLS; i++)
		world.kernel.fail_commit[i] = FAKE_REFUSES;
	boot(from_ssh, CODE_REFUSED, "", "what was good before it could not either");
	boot("[service web]\nport = x\n", CODE_REFUSED, "",
	     "cannot be used, and what was good before it could not either");
}

/* The newest good one fails like the files; then what was good at boot is tried, and nothing else,
 * and nothing twice. */
static void test_good_at_boot_before(void **state)
{
	static const char x[] = "[service x]\nprotocol = udp\nport = 1\n";
	static const char y[] = "[service y]\nprotocol = udp\nport = 2\n";

	(void)state;
	boot(WEB, CODE_DONE, APPLIED, NULL);
	done(command_apply, x, APPLIED);
	done(command_apply, y, APPLIED);
	done(command_apply, DNS, APPLIED);
	reboot();
	world.kernel.fail_commit[0] = FAKE_REFUSES;
	world.kernel.fail_commit[1] = FAKE_REFUSES;
	boot(NULL, CODE_NO, "applied generation 1 instead: 1 exemption, 6 rules, 0 twins",
	     "generation 1 is in force instead");
	assert_int_equal(world.kernel.commits, 3);
	done(command_apply, NULL, APPLIED);
	reboot();
	world.kernel.fail_commit[0] = FAKE_REFUSES;
	boot(NULL, CODE_NO, "applied generation 5 instead: 1 exemption, 6 rules, 0 twins",
	     "generation 5 is in force instead");
}

/* One that drops what is exempt before any place for a twin. */
static void add_firewall(void)
{
	fake_add_rule(&world.kernel, FAKE_STATE_NEGATED, 0);
	fake_add_rule(&world.kernel, FAKE_ESTABLISHED, 0);
	fake_add_rule(&world.kernel, FAKE_PORT, 80);
}

/* What was forced when it was applied is not refused at boot for the same. */
static void test_forced(void **state)
{
	struct request force = { .force = true };
	struct generation_header h;
	struct run r;

	(void)state;
	add_firewall();
	r = run_with(command_apply, WEB, force);
	assert_int_equal(r.code, CODE_DONE);
	run_free(&r);
	h = header(1);
	assert_non_null(h.forced);
	generation_header_free(&h);
	reboot();
	add_firewall();
	r = run_with(command_apply, NULL, PLAIN);
	assert_int_equal(r.code, CODE_REFUSED);
	run_free(&r);
	r = run_with(command_apply, NULL, BOOT);
	assert_int_equal(r.code, CODE_DONE);
	assert_true(is_good(1));
	run_free(&r);
	reboot(); /* but not for something else */
	add_firewall();
	fake_add_foreign(&world.kernel, "rule x");
	r = run_with(command_apply, NULL, BOOT);
	assert_int_equal(r.code, CODE_REFUSED);
	run_free(&r);
	/* and least of all for what others may have there by now */
	r = run_with(command_apply, WEB DNS, force);
	assert_int_equal(r.code, CODE_DONE);
	run_free(&r);
	reboot();
	fake_add_foreign(&world.kernel, "rule x");
	r = run_with(command_apply, NULL, BOOT);
	assert_int_equal(r.code, CODE_REFUSED);
	assert_int_equal(world.kernel.commits, 0);
	run_free(&r);
}

/* The disk is full: the rules are verified, and only the mark is missing. */
static void test_history_only(void **state)
{
	auto_free char *blocked = xasprintf("%s/state/generation.marked", world.dir);
	struct run r;

	(void)state;
	done(command_apply, WEB, APPLIED);
	assert_int_equal(mkdir(blocked, 0755), 0);
	r = run_with(command_apply, NULL, BOOT);
	assert_int_equal(r.code, CODE_DONE);
	assert_int_equal(r.d.errors, 0);
	assert_string_equal(r.d.v[r.d.n - 1].id, "state-file");
	assert_non_null(strstr(r.d.v[r.d.n - 1].cure, "only history lacks"));
	run_free(&r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_good),	 TEST(test_unconfirmed),
		TEST(test_nothing_good), TEST(test_confirmed_by_apply),
		TEST(test_wrong_files),	 TEST(test_damaged),
		TEST(test_refused),	 TEST(test_good_at_boot_before),
		TEST(test_forced),	 TEST(test_history_only),
		TEST(test_killed),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
