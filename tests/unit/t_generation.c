/* SPDX-License-Identifier: GPL-2.0-or-later */
/* generation: the configurations on record, and records that are none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>
#include <unistd.h>
#include "place.h"
#include "util.h"

static const struct generation_header none;

static void test_generations(void **state)
{
	struct place *pl = *state;
	auto_free char *text = NULL, *p = NULL;

	assert_int_equal(generation_newest(&pl->sp, &pl->d), 0);
	assert_false(generation_is_newest(&pl->sp, "a\n"));
	assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &none, &pl->d), 1);
	assert_int_equal(generation_write(&pl->sp, "", "nftables", &none, &pl->d), 2);
	assert_true(generation_is_newest(&pl->sp, ""));
	assert_int_equal(
		generation_prepare(&pl->sp, "[service web]\n\nx\n", "nftables", &none, &pl->d), 3);
	assert_int_equal(generation_newest(&pl->sp, &pl->d), 2); /* not before it is published */
	assert_int_equal(generation_publish(&pl->sp, 3, &pl->d), 0);
	assert_true(generation_is_newest(&pl->sp, "[service web]\n\nx\n"));
	assert_false(generation_is_newest(&pl->sp, "a\n"));
	assert_in_range(generation_time(&pl->sp, 3), time(NULL) - 60, time(NULL) + 1);
	assert_int_equal(generation_time(&pl->sp, 4), 0);
	text = generation_read(&pl->sp, 1, &pl->d);
	assert_non_null(text);
	assert_int_equal(strncmp(text, "# untrack generation 1, format 1, 2 bytes, checksum ", 52),
			 0);
	assert_non_null(strstr(text, "\n# applied 20"));
	assert_string_equal(strstr(text, "\n\n"), "\n\na\n");
	assert_null(generation_read(&pl->sp, 9, &pl->d));
	assert_finding(&pl->d, "generation", "no generation 9");
	assert_int_equal(generation_prepare(&pl->sp, "b\n", "nftables", &none, &pl->d), 4);
	generation_discard(&pl->sp);
	assert_int_equal(access(path(pl->state, "generation.new", &p), F_OK), -1);
	generation_discard(&pl->sp);
	assert_int_equal(pl->d.n, 0);
}

static struct generation_header findings_of(struct place *pl, long n)
{
	struct generation_header f = { 0 };

	assert_int_equal(generation_header(&pl->sp, n, &f, &pl->d), 0);
	return f;
}

static void test_marks(void **state)
{
	struct place *pl = *state;
	const struct generation_header trial = { .unconfirmed = true };
	struct generation_header h = { 0 };
	auto_free char *a = NULL, *b = NULL;
	size_t len;

	assert_int_equal(generation_last_good(&pl->sp, &pl->d), 0);
	assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &trial, &pl->d), 1);
	assert_true(generation_is_unconfirmed(&pl->sp, 1));
	assert_int_equal(generation_last_good(&pl->sp, &pl->d), 0);
	assert_int_equal(generation_mark(&pl->sp, 1, GENERATION_CONFIRMED, &pl->d), 0);
	assert_false(generation_is_unconfirmed(&pl->sp, 1));
	assert_int_equal(generation_write(&pl->sp, "b\n", "iptables", &trial, &pl->d), 2);
	assert_int_equal(generation_last_good(&pl->sp, &pl->d), 1);
	assert_int_equal(generation_mark(&pl->sp, 2, GENERATION_GOOD_AT_BOOT, &pl->d), 0);
	assert_int_equal(generation_header(&pl->sp, 2, &h, &pl->d), 0);
	assert_string_equal(h.backend, "iptables");
	assert_true(h.unconfirmed);
	assert_in_range(h.good_at_boot, time(NULL) - 60, time(NULL));
	generation_header_free(&h);
	a = get(pl->state, "generation-2.conf", &len);
	assert_non_null(strstr(a, "\n# unconfirmed\n# good at boot: 20"));
	assert_int_equal(generation_mark(&pl->sp, 2, GENERATION_UNCONFIRMED, &pl->d), 0);
	b = get(pl->state, "generation-2.conf", &len);
	assert_string_equal(a, b);
	assert_int_equal(generation_mark(&pl->sp, 9, GENERATION_CONFIRMED, &pl->d), -1);
	assert_finding(&pl->d, "generation", "no generation 9");
	assert_false(generation_is_unconfirmed(&pl->sp, 9));
}

static void test_findings_on_record(void **state)
{
	struct place *pl = *state;
	struct diag said = { 0 };
	struct generation_header f;
	size_t len;
	auto_free char *text = NULL;

	assert_int_equal(generation_write(&pl->sp, "# forced: not me\n", "nftables", &none, &pl->d),
			 1);
	f = findings_of(pl, 1);
	assert_int_equal(f.errors + f.warnings, 0);
	assert_null(f.forced);
	diag_error(&said, NULL, "nat-conflict", 0, "one");
	diag_warn(&said, NULL, "shadowed", "two");
	diag_error(&said, NULL, "nat", 0, "a part of another id");
	diag_error(&said, NULL, "nat-conflict", 0, "again");
	diag_note(&said, NULL, "no-listener", "three");
	generation_header_add(&f, &said);
	generation_header_force(&f, "nat-conflict");
	assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &f, &pl->d), 2);
	generation_header_free(&f);
	f = findings_of(pl, 2);
	assert_int_equal(f.errors, 3);
	assert_int_equal(f.warnings, 1);
	assert_string_equal(f.forced, "nat-conflict, nat");
	generation_header_free(&f);
	generation_header_free(&f);
	text = get(pl->state, "generation-2.conf", &len);
	assert_non_null(strstr(text, "\n# findings: 3 errors, 1 warning\n"
				     "# forced: nat-conflict, nat\n\na\n"));
	assert_true(generation_is_newest(&pl->sp, "a\n"));
	put(pl->state, "generation-3.conf", "# untrack generation 3, format 1, 2 bytes\n\na\n",
	    strlen("# untrack generation 3, format 1, 2 bytes\n\na\n"));
	f = findings_of(pl, 3); /* of the time before */
	assert_int_equal(f.errors + f.warnings, 0);
	assert_int_equal(generation_header(&pl->sp, 9, &f, &pl->d), -1);
	assert_finding(&pl->d, "generation", "no generation 9");
	diag_free(&said);
}

static void test_generation_names(void **state)
{
	struct place *pl = *state;
	static const char *const names[] = { "generation-07.conf", "generation-9.conf~",
					     "generation-.conf",   "generation--8.conf",
					     "generation-10",	   "generation-99999999999999.conf",
					     "xgeneration-8.conf", "generation-0.conf" };

	assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &none, &pl->d), 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		put(pl->state, names[i], "", 0);
		assert_int_equal(generation_newest(&pl->sp, &pl->d), 1);
	}
}

static void test_generations_are_dropped(void **state)
{
	struct place *pl = *state;
	auto_free char *p = NULL;

	assert_int_equal(generation_write(&pl->sp, "", "nftables", &none, &pl->d), 1);
	for (long i = 2; i <= 53; i++)
		assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &none, &pl->d), i);
	assert_int_equal(access(path(pl->state, "generation-3.conf", &p), F_OK), -1);
	assert_int_equal(access(path(pl->state, "generation-4.conf", &p), F_OK), 0);
	assert_int_equal(generation_newest(&pl->sp, &pl->d), 53);
}

static void assert_read_fails(struct place *pl, const char *id, const char *words)
{
	assert_null(generation_read(&pl->sp, 1, &pl->d));
	assert_finding(&pl->d, id, words);
	assert_false(generation_is_newest(&pl->sp, "policy\n"));
}

static void test_generation_damage(void **state)
{
	struct place *pl = *state;
	auto_free char *text = NULL, *p = NULL;
	static const char newer[] = "# untrack generation 1, format 2, 7 bytes\n\npolicy\n";
	size_t len;

	assert_int_equal(generation_write(&pl->sp, "policy\n", "nftables", &none, &pl->d), 1);
	text = get(pl->state, "generation-1.conf", &len);
	for (size_t i = 0; i < len; i++) {
		put(pl->state, "generation-1.conf", text, i);
		assert_null(generation_read(&pl->sp, 1, &pl->d));
		assert_finding(&pl->d, "generation", "generation-1.conf");
	}
	put(pl->state, "generation-1.conf", text, len);
	assert_true(generation_is_newest(&pl->sp, "policy\n"));
	put(pl->state, "generation-1.conf", text, len - 1);
	assert_read_fails(pl, "generation", "truncated");
	put(pl->state, "generation-1.conf", "[service web]\n", 14);
	assert_read_fails(pl, "generation", "not written by untrack");
	put(pl->state, "generation-1.conf", newer, strlen(newer));
	assert_read_fails(pl, "generation", "newer untrack (format 2)");
	unlink(path(pl->state, "generation-1.conf", &p));
	assert_int_equal(symlink("/etc/passwd", p), 0);
	assert_read_fails(pl, "state-file", "symbolic links");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(test_generations),
		PLACED(test_marks),
		PLACED(test_findings_on_record),
		PLACED(test_generation_names),
		PLACED(test_generations_are_dropped),
		PLACED(test_generation_damage),
	};

	return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
