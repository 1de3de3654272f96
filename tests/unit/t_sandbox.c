/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox: another network, a copy of our memory, and an end whatever happens. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "kernel/sandbox.h"

#define LONG_MS 60000

static char *network(void)
{
	char name[64] = "";
	ssize_t n = readlink("/proc/self/ns/net", name, sizeof name - 1);

	return xstrdup(n > 0 ? name : "?");
}

static void look(void *ctx, FILE *out)
{
	auto_free char *net = network();
	struct if_nameindex *links = if_nameindex();
	int *n = ctx;

	++*n;
	fprintf(out, "%s %s %s %d", net, links[0].if_name, links[1].if_name ? "more" : "alone", *n);
	if_freenameindex(links);
}

static bool may_run(void)
{
	struct text said = { 0 };
	struct sandbox_fault f;
	int n = 0, rc = sandbox_run(look, &n, LONG_MS, &said, &f);

	free(said.s);
	free(f.why);
	return !rc;
}

static void test_it_is_elsewhere(void **state)
{
	auto_free char *net = network(), *there = NULL;
	struct text said = { 0 };
	struct sandbox_fault f;
	int n = 0;

	(void)state;
	if (!may_run())
		skip();
	assert_int_equal(sandbox_run(look, &n, LONG_MS, &said, &f), 0);
	assert_null(f.why);
	assert_non_null(strstr(said.s, " lo alone 1"));
	assert_null(strstr(said.s, net));
	assert_int_equal(n, 0); /* our copy is as it was */
	there = network();
	assert_string_equal(there, net);
	assert_null(getenv("XTABLES_LOCKFILE"));
	free(said.s);
}

static void say_much(void *ctx, FILE *out)
{
	(void)ctx;
	for (int i = 0; i < 300000; i++)
		fputs("x\n", out);
}

static void test_it_may_say_more_than_a_pipe_holds(void **state)
{
	struct text said = { 0 };
	struct sandbox_fault f;

	(void)state;
	if (!may_run())
		skip();
	assert_int_equal(sandbox_run(say_much, NULL, LONG_MS, &said, &f), 0);
	assert_int_equal(said.len, 600000);
	free(said.s);
}

static void hang(void *ctx, FILE *out)
{
	(void)ctx;
	fputs("half", out);
	fflush(out);
	for (;;)
		pause();
}

static void test_it_ends_in_time(void **state)
{
	struct text said = { 0 };
	struct sandbox_fault f;

	(void)state;
	if (!may_run())
		skip();
	assert_int_equal(sandbox_run(hang, NULL, 1000, &said, &f), -1);
	assert_false(f.forbidden);
	assert_string_equal(f.why, "not done after 1 seconds");
	assert_non_null(f.cure);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
	assert_int_equal(errno, ECHILD);
	free(f.why);
	free(said.s);
}

static void fall(void *ctx, FILE *out)
{
	(void)ctx;
	fputs("half", out);
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void give_up(void *ctx, FILE *out)
{
	(void)ctx;
	(void)out;
	_exit(4); /* out of memory */
}

static void test_a_fall_is_no_answer(void **state)
{
	struct text said = { 0 };
	struct sandbox_fault f;

	(void)state;
	if (!may_run())
		skip();
	assert_int_equal(sandbox_run(fall, NULL, LONG_MS, &said, &f), -1);
	assert_string_equal(f.why, "it was ended by the signal SEGV");
	free(f.why);
	free(said.s);
	said = (struct text){ 0 };
	assert_int_equal(sandbox_run(give_up, NULL, LONG_MS, &said, &f), -1);
	assert_string_equal(f.why, "it ended before it was done");
	assert_non_null(f.cure);
	free(f.why);
	free(said.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_elsewhere),
		cmocka_unit_test(test_it_may_say_more_than_a_pipe_holds),
		cmocka_unit_test(test_it_ends_in_time),
		cmocka_unit_test(test_a_fall_is_no_answer),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
