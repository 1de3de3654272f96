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

static bool exists(struct place *pl, long n)
{
	auto_free char *p = xasprintf("%s/generation-%ld.conf", pl->state, n);

	return !access(p, F_OK);
}

/* The newest 50, and what somebody may want to go back to. */
static void test_what_is_kept(void **state)
{
	const struct generation_header trial = { .unconfirmed = true };
	struct place *pl = *state;

	for (long i = 1; i <= 6; i++)
		assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &none, &pl->d), i);
	assert_int_equal(generation_mark(&pl->sp, 2, GENERATION_GOOD_AT_BOOT, &pl->d), 0);
	put(pl->state, "generation-3.conf", "# untrack generation 3, format 2\n", 33);
	for (long i = 7; i <= 60; i++)
		assert_int_equal(generation_write(&pl->sp, "b\n", "nftables", &trial, &pl->d), i);
	assert_false(exists(pl, 1));
	assert_true(exists(pl, 2)); /* good at boot */
	assert_true(exists(pl, 3)); /* who knows what it is? */
	assert_false(exists(pl, 4));
	assert_false(exists(pl, 5));
	assert_true(exists(pl, 6)); /* the last good one */
	assert_false(exists(pl, 7));
	assert_false(exists(pl, 10));
	assert_true(exists(pl, 11));
	assert_int_equal(generation_last_good(&pl->sp, &pl->d), 6);
	assert_int_equal(generation_before(&pl->sp, 11, &pl->d), 6);
	assert_int_equal(generation_before(&pl->sp, 2, &pl->d), 0);
	assert_int_equal(pl->d.n, 0);
	assert_int_equal(generation_good_before(&pl->sp, 6, &pl->d), 2);
	assert_int_equal(pl->d.errors, 0);
	assert_int_equal(pl->d.warnings, 1); /* of the third */
	assert_int_equal(generation_write(&pl->sp, "c\n", "nftables", &none, &pl->d), 61);
	assert_false(exists(pl, 6)); /* there is a better one */
	assert_true(exists(pl, 2));
}

static void test_find(void **state)
{
	const struct generation_header trial = { .unconfirmed = true };
	struct generation_header h = { 0 };
	struct place *pl = *state;

	assert_int_equal(generation_find(&pl->sp, "a\n", &h), 0);
	assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &none, &pl->d), 1);
	assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &trial, &pl->d), 2);
	assert_int_equal(generation_write(&pl->sp, "b\n", "nftables", &none, &pl->d), 3);
	assert_int_equal(generation_find(&pl->sp, "a\n", &h), 2);
	assert_true(h.unconfirmed);
	generation_header_free(&h);
	assert_int_equal(generation_find(&pl->sp, "c\n", &h), 0);
	put(pl->state, "generation-2.conf", "x", 1);
	assert_int_equal(generation_find(&pl->sp, "a\n", &h), 1);
	assert_false(h.unconfirmed);
	generation_header_free(&h);
}

static void test_round_trip(void **state)
{
	struct generation_header all = { .n = 7,
					 .applied = 1700000000,
					 .backend = xstrdup("iptables"),
					 .errors = 1,
					 .warnings = 20,
					 .forced = xstrdup("nat-conflict, state-lost"),
					 .unconfirmed = true,
					 .good_at_boot = 1700000001 };
	struct generation_header got = { 0 };
	struct diag d = { 0 };
	const char *body;
	auto_free char *text = generation_print(&all, "[service web]\n\nx\n"), *again = NULL;

	(void)state;
	assert_int_equal(generation_parse(text, strlen(text), "t", &got, &body, &d), 0);
	assert_string_equal(body, "[service web]\n\nx\n");
	again = generation_print(&got, body);
	assert_string_equal(text, again);
	assert_int_equal(got.good_at_boot, 1700000001);
	assert_non_null(strstr(text, "\n# applied 2023-11-14T22:13:20Z by iptables\n"
				     "# findings: 1 error, 20 warnings\n"
				     "# forced: nat-conflict, state-lost\n# unconfirmed\n"
				     "# good at boot: 2023-11-14T22:13:21Z\n\n"));
	generation_header_free(&all);
	generation_header_free(&got);
}

/* Headers without a checksum, so that it is the line that counts. */
static void test_header_lines(void **state)
{
	static const struct {
		const char *lines;
		bool ok;
	} cases[] = {
		{ "", true },
		{ "# applied 2023-11-14T22:13:20Z by nftables\n", true },
		{ "# applied 2023-11-14T22:13:20Z\n", false },
		{ "# applied 2023-11-14T22:13:20Z by \n", false },
		{ "# applied 2023-11-34T22:13:20Z by nftables\n", false },
		{ "# applied 2023-11-14 22:13:20 by nftables\n", false },
		{ "# applied 2023-11-14T22:13:20Z by nftables\n"
		  "# applied 2023-11-14T22:13:20Z by nftables\n",
		  false },
		{ "# findings: 0 errors, 0 warnings\n", true },
		{ "# findings: 1 error, 1 warning\n", true },
		{ "# findings: 1 error, 1 warnings\n", false },
		{ "# findings: -1 errors, 1 warning\n", false },
		{ "# findings: 4294967296 errors, 1 warning\n", false },
		{ "# findings: 1 error\n", false },
		{ "# forced: a, b\n", true },
		{ "# forced: \n", false },
		{ "# forced: a\n# forced: b\n", false },
		{ "# forced: \033[2J\n", false },
		{ "# unconfirmed\n", true },
		{ "# unconfirmed \n", false },
		{ "# unconfirmed\n# unconfirmed\n", false },
		{ "# Unconfirmed\n", false },
		{ "# unconfirmd\n", false },
		{ "# good at boot: 2023-11-14T22:13:20Z\n", true },
		{ "# good at boot: yes\n", false },
		{ "# good at boot: 2023-11-14T22:13:20Z\n"
		  "# good at boot: 2023-11-14T22:13:20Z\n",
		  false },
		{ "# good at boot: 1970-01-01T00:00:00Z\n", false },
		{ "unconfirmed\n", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *text = xasprintf(
			"# untrack generation 1, format 1, 2 bytes\n%s\na\n", cases[i].lines);
		struct generation_header h = { 0 };
		struct diag d = { 0 };
		const char *body;
		int rc = generation_parse(text, strlen(text), "t", &h, &body, &d);

		if ((rc == 0) != cases[i].ok)
			fail_msg("%s: %d", cases[i].lines, rc);
		if (rc)
			assert_finding(&d, "generation", "t is truncated, or was edited: line");
		generation_header_free(&h);
	}
}

static void test_first_lines(void **state)
{
	static const char *const wrong[] = {
		"# untrack generation 1, format 1\n\na\n",
		"# untrack generation x, format 1, 2 bytes\n\na\n",
		"# untrack generation 1, format 0, 2 bytes\n\na\n",
		"# untrack generation 1, format 1, 2 byte\n\na\n",
		"# untrack generation 1, format 1,2 bytes\n\na\n",
		"# untrack generation 1, format 1, 2 bytes,\n\na\n",
		"# untrack generation 1, format 1, 2 bytes, checksum 0\n\na\n",
		"# untrack generation 1, format 1, 2 bytes, checksum 0123456x\n\na\n",
		"# untrack generation 1, format 1, 2 bytes, checksum 01234567\n\na\n",
		"# untrack generation 1, format 1, 3 bytes\n\na\n",
		"# untrack generation 1, format 1, 1 bytes\n\na\n",
		"# untrack generation 1, format 1, 0 bytes\n",
		"# untrack generation 1, format 1, 0 bytes",
		"# untrack generation 2, format 1, 2 bytes\n\na\n", /* of another number */
	};
	struct place *pl = *state;

	assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &none, &pl->d), 1);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		put(pl->state, "generation-1.conf", wrong[i], strlen(wrong[i]));
		assert_null(generation_read(&pl->sp, 1, &pl->d));
		assert_finding(&pl->d, "generation", "generation-1.conf");
	}
	put(pl->state, "generation-1.conf", "# untrack generation 1, format 1, 2 bytes\n\na\0", 45);
	assert_null(generation_read(&pl->sp, 1, &pl->d));
	assert_finding(&pl->d, "generation", "truncated");
}

/* Each bit of it. */
static void test_bit_flips(void **state)
{
	struct generation_header h = { .n = 1, .applied = 1700000000, .backend = xstrdup("nft") };
	auto_free char *text = generation_print(&h, "port = 80\n");
	size_t len = strlen(text);
	const char *body;

	(void)state;
	generation_header_free(&h);
	for (size_t i = 0; i < 8 * len; i++) {
		struct diag d = { 0 };

		text[i / 8] ^= (char)(1 << i % 8);
		if (!generation_parse(text, len, "t", &h, &body, &d)) {
			/* only the number is not summed up: reading compares it to the name */
			assert_true(h.n != 1);
			generation_header_free(&h);
		}
		diag_free(&d);
		text[i / 8] ^= (char)(1 << i % 8);
	}
	assert_int_equal(generation_parse(text, len, "t", &h, &body, &(struct diag){ 0 }), 0);
	generation_header_free(&h);
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
		PLACED(test_what_is_kept),
		PLACED(test_find),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_header_lines),
		PLACED(test_first_lines),
		cmocka_unit_test(test_bit_flips),
	};

	return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
