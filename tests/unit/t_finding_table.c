/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of findings: every row is whole, and found by its id. That it has a row for each id of
 * the sources, and untrack(8) the same ids, is tests/cli/manual.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>
#include "report/finding_table.h"

#define TITLE_CHARS 64 /* a line of a list */

static void ids_are_unique_and_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_finding_kinds; i++)
		assert_ptr_equal(finding_kind(finding_kinds[i].id), &finding_kinds[i]);
	assert_null(finding_kind(""));
	assert_null(finding_kind("nat"));
	assert_null(finding_kind("nat-conflict "));
}

static void ids_are_lower_case_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_finding_kinds; i++) {
		const char *id = finding_kinds[i].id;

		assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz-"), strlen(id));
		assert_true(isalpha(id[0]) && isalpha(id[strlen(id) - 1]));
	}
}

static void is_sentence(const char *s)
{
	size_t n = strlen(s);

	assert_true(n > 5);
	assert_true(isupper(s[0]) || s[0] == '\'' || s[0] == '[' || strchr(s, ' '));
	assert_int_equal(s[n - 1], '.');
	assert_null(strstr(s, "  "));
	assert_null(strchr(s, '\n'));
}

static void rows_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_finding_kinds; i++) {
		const struct finding_kind *k = &finding_kinds[i];
		size_t n = strlen(k->title);

		assert_true(n > 5 && n <= TITLE_CHARS);
		assert_int_not_equal(k->title[n - 1], '.');
		is_sentence(k->why);
		is_sentence(k->cure);
		assert_true(k->severity <= SEVERITY_NOTE);
	}
}

/* The manual's first list comes first. */
static void groups_are_in_order(void **state)
{
	(void)state;
	for (size_t i = 1; i < n_finding_kinds; i++)
		assert_true(finding_kinds[i - 1].group <= finding_kinds[i].group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_unique_and_found),
		cmocka_unit_test(ids_are_lower_case_words),
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(groups_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
