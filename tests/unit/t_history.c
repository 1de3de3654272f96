/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack history: what it says of generations, of damaged ones, and of those that are gone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "report/json.h"
#include "world.h"

#define JSON ((struct request){ .json = true })
#define HEAD "# untrack generation %ld, format 1, %zu bytes\n"

/* As an older untrack would have written it: no checksum. lines: of the header. */
static void record(long n, const char *lines, const char *policy)
{
	auto_free char *path = xasprintf("%s/state/generation-%ld.conf", world.dir, n);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fprintf(f, HEAD "%s\n%s", n, strlen(policy), lines, policy);
	fclose(f);
}

static int set_up_history(void **state)
{
	auto_free char *dir = NULL;

	setenv("TZ", "UTC", 1);
	set_up(state);
	dir = xasprintf("%s/state", world.dir);
	return mkdir(dir, 0755);
}

static void says(enum exit_code code, const char *want)
{
	expect(command_history, NULL, PLAIN, code, want);
}

static void test_nothing(void **state)
{
	auto_free char *dir = xasprintf("%s/state", world.dir);

	(void)state;
	says(CODE_DONE, "nothing was applied yet\n");
	assert_int_equal(rmdir(dir), 0);
	says(CODE_DONE, "nothing was applied yet\n");
}

static void test_marks(void **state)
{
	(void)state;
	record(1, "", WEB);
	record(2,
	       "# applied 2023-11-14T22:13:20Z by nftables\n# findings: 0 errors, 1 warning\n"
	       "# good at boot: 2023-11-15T06:00:00Z\n",
	       WEB DNS);
	record(3,
	       "# applied 2023-11-16T22:13:20Z by iptables\n# findings: 2 errors, 0 warnings\n"
	       "# forced: nat-conflict, state-lost\n# unconfirmed\n",
	       DNS WEB);
	says(CODE_DONE,
	     "generation 3 of 2023-11-16 22:13:20 UTC, iptables, the current one, "
	     "unconfirmed\n"
	     "    findings: 2 errors, 0 warnings\n"
	     "    forced: nat-conflict, state-lost\n"
	     "    nothing is different\n"
	     "generation 2 of 2023-11-14 22:13:20 UTC, nftables, good at boot 2023-11-15 "
	     "06:00:00 UTC\n"
	     "    findings: 0 errors, 1 warning\n"
	     "    service dns is exempt now: protocol udp; port 53\n"
	     "generation 1\n"
	     "    service web is exempt now: protocol tcp; port 80\n");
}

/* Those that are gone, or damaged, are no neighbours. */
static void test_gaps(void **state)
{
	auto_free char *damaged = xasprintf("%s/state/generation-5.conf", world.dir);
	auto_free char *want = NULL;

	(void)state;
	record(3, "", WEB);
	record(5, "", WEB);
	record(6, "", DNS);
	record(7, "", "[service x]\n");
	assert_int_equal(truncate(damaged, 50), 0);
	want = xasprintf("generation 7\n"
			 "    cannot be read: empty section [service x]\n"
			 "generation 6\n"
			 "    against generation 3:\n"
			 "    service dns is exempt now: protocol udp; port 53\n"
			 "    service web is no longer exempt: protocol tcp; port 80\n"
			 "generation 5\n"
			 "    cannot be read: %s is truncated, or was edited: it is not as long as "
			 "it says\n"
			 "generation 3\n"
			 "    what was before it is not on record; in it:\n"
			 "    service web is exempt now: protocol tcp; port 80\n",
			 damaged);
	says(CODE_USAGE, want);
}

static void test_json(void **state)
{
	struct run r;
	json_error_t e;
	json_t *root, *list, *first, *second;
	const char *section, *text, *id;
	json_int_t applied, boot, errors;
	int unconfirmed;

	(void)state;
	record(1, "", "");
	record(2,
	       "# applied 2023-11-14T22:13:20Z by nftables\n# findings: 3 errors, 1 warning\n"
	       "# forced: nat-conflict, state-lost\n# unconfirmed\n"
	       "# good at boot: 2023-11-14T22:13:21Z\n",
	       WEB);
	record(3, "x\n", WEB);
	r = run_with(command_history, NULL, JSON);
	assert_int_equal(r.code, CODE_USAGE);
	root = json_loads(r.said, 0, &e);
	assert_non_null(root);
	list = json_object_get(root, "generations");
	assert_int_equal(json_array_size(list), 3);
	first = json_array_get(list, 0);
	assert_non_null(json_object_get(first, "fault"));
	second = json_array_get(list, 1);
	assert_int_equal(json_unpack(second, "{s:I, s:I, s:b, s:{s:I}, s:[s, s!], s:[{s:s, s:s}]}",
				     "applied", &applied, "good-at-boot", &boot, "unconfirmed",
				     &unconfirmed, "findings", "errors", &errors, "forced", &id,
				     &text, "changes", "section", &section, "text", &text),
			 0);
	assert_int_equal(applied, 1700000000);
	assert_int_equal(boot, 1700000001);
	assert_true(unconfirmed);
	assert_int_equal(errors, 3);
	assert_string_equal(id, "nat-conflict");
	assert_string_equal(section, "service web");
	assert_string_equal(text, "service web is exempt now: protocol tcp; port 80");
	json_decref(root);
	run_free(&r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_history, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),
		TEST(test_marks),
		TEST(test_gaps),
		TEST(test_json),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
