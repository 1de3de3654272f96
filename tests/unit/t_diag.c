/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diag: what is recorded, counted and printed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include "report/diag.h"
#include "report/diag_wire.h"
#include "util.h"

static char *printed(const struct diag *d, enum severity least, bool colour)
{
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	assert_non_null(f);
	diag_print(d, f, least, colour);
	fclose(f);
	return s;
}

static void check_printed(struct diag *d, enum severity least, const char *want)
{
	char *got = printed(d, least, false);

	assert_string_equal(got, want);
	free(got);
}

static void test_records_and_counts(void **state)
{
	struct diag d = { 0 };
	const struct origin at = { "a.conf", 3, 9 };

	(void)state;
	assert_int_equal(diag_error(&d, &at, "config", 0, "port %d", 0), -1);
	diag_warn(&d, &at, "shadowed", "w");
	diag_note(&d, NULL, "no-listener", "n");
	assert_int_equal(d.n, 3);
	assert_int_equal(d.errors, 1);
	assert_int_equal(d.warnings, 1);
	assert_int_equal(d.notes, 1);
	assert_string_equal(d.v[0].text, "port 0");
	assert_ptr_not_equal(d.v[0].file, at.file);
	diag_free(&d);
	assert_int_equal(d.n, 0);
	diag_free(&d);
}

static void test_prints_positions(void **state)
{
	struct diag d = { 0 };

	(void)state;
	diag_error(&d, &(struct origin){ "a.conf", 3, 9 }, "config", 0, "one");
	diag_error(&d, &(struct origin){ "a.conf", 3, 0 }, "config", 0, "two");
	diag_error(&d, &(struct origin){ "a.conf", 0, 0 }, "config", 0, "three");
	diag_error(&d, &(struct origin){ NULL, 3, 9 }, "config", 0, "four");
	diag_error(&d, NULL, "config", ENOENT, "five");
	check_printed(&d, SEVERITY_NOTE,
		      "a.conf:3:9: error: one [config]\n"
		      "a.conf:3: error: two [config]\n"
		      "a.conf: error: three [config]\n"
		      "error: four [config]\n"
		      "error: five: No such file or directory [config]\n");
	diag_free(&d);
}

static void test_prints_from_a_severity_on(void **state)
{
	struct diag d = { 0 };

	(void)state;
	diag_cure(&d, "nothing to cure");
	diag_note(&d, NULL, "x", "n");
	diag_warn(&d, NULL, "x", "w");
	diag_cure(&d, "first thought");
	diag_cure(&d, "do %d things", 2);
	diag_error(&d, NULL, "x", 0, "e");
	check_printed(&d, SEVERITY_ERROR, "error: e [x]\n");
	check_printed(&d, SEVERITY_WARNING, "warning: w [x]\n  cure: do 2 things\nerror: e [x]\n");
	check_printed(&d, SEVERITY_NOTE,
		      "note: n [x]\nwarning: w [x]\n  cure: do 2 things\nerror: e [x]\n");
	diag_free(&d);
}

static void test_control_bytes_do_not_reach_the_terminal(void **state)
{
	struct diag d = { 0 };

	(void)state;
	diag_error(&d, &(struct origin){ "a\n\033b", 1, 1 }, "x", 0,
		   "\033[2J\x7f\tgr\xc3\xbc\xc3\x9f");
	diag_cure(&d, "one\ntwo");
	check_printed(&d, SEVERITY_NOTE,
		      "a\\x0a\\x1bb:1:1: error: \\x1b[2J\\x7f\\x09gr\xc3\xbc\xc3\x9f [x]\n"
		      "  cure: one\n        two\n");
	diag_free(&d);
}

static void test_colour(void **state)
{
	struct diag d = { 0 };
	char *got;

	(void)state;
	diag_error(&d, NULL, "x", 0, "e");
	got = printed(&d, SEVERITY_NOTE, true);
	assert_string_equal(got, "\033[1;31merror:\033[0m e [x]\n");
	free(got);
	diag_free(&d);
}

static void test_findings_come_through_a_pipe(void **state)
{
	struct diag d = { 0 }, got = { 0 };
	const struct origin at = { "a file", 3, 7 };
	char *bytes = NULL;
	size_t len = 0;
	FILE *f = xmemstream(&bytes, &len);

	(void)state;
	diag_error(&d, &at, "config", 0, "a text\nof two lines");
	diag_cure(&d, "a cure");
	diag_warn(&d, NULL, "drain", "%s", "");
	diag_note(&d, NULL, "journal", "a note");
	diag_send(&d, f);
	fclose(f);
	assert_true(diag_receive(&got, bytes, len));
	assert_int_equal(got.n, 3);
	for (size_t i = 0; i < got.n; i++)
		assert_true(finding_is_same(&d.v[i], &got.v[i]));
	assert_int_equal(got.errors + got.warnings * 10 + got.notes * 100, 111);
	for (size_t cut = 1; cut < len; cut++) { /* only whole findings count */
		struct diag part = { 0 };
		bool whole = diag_receive(&part, bytes, cut);

		assert_int_equal(whole, part.n > 0);
		assert_true(part.n < 3);
		diag_free(&part);
	}
	*(enum severity *)(void *)bytes = (enum severity)(SEVERITY_NOTE + 1);
	assert_false(diag_receive(&got, bytes, len));
	assert_int_equal(got.n, 3);
	free(bytes);
	diag_free(&d);
	diag_free(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_and_counts),
		cmocka_unit_test(test_prints_positions),
		cmocka_unit_test(test_prints_from_a_severity_on),
		cmocka_unit_test(test_control_bytes_do_not_reach_the_terminal),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_findings_come_through_a_pipe),
	};

	return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
