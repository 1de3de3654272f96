/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines that findings point into: found in what was read, and shown with a mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "report/excerpt.h"
#include "report/source.h"
#include "util.h"

static void check(const char *s, size_t len, unsigned col, const char *want)
{
	char *got = NULL;
	size_t n;
	FILE *f = xmemstream(&got, &n);

	excerpt_print(s, len, col, "", "", f);
	fclose(f);
	assert_string_equal(got, want);
	free(got);
}

#define CHECK(s, col, want) check(s, sizeof(s) - 1, col, want)

static void test_marks_a_column(void **state)
{
	(void)state;
	CHECK("port = x", 8, "    port = x\n           ^\n");
	CHECK("port = x", 1, "    port = x\n    ^\n");
	CHECK("port = x", 0, "    port = x\n");
	CHECK("[a", 3, "    [a\n      ^\n");
	CHECK("[a", 99, "    [a\n      ^\n");
	CHECK("", 1, "");
	CHECK("", 0, "");
	CHECK(" \t ", 2, "");
	CHECK("a  \t", 1, "    a\n    ^\n");
}

static void test_tabs_are_as_wide_as_on_a_terminal(void **state)
{
	(void)state;
	CHECK("\tx", 2, "            x\n            ^\n");
	CHECK("\tx", 1, "            x\n    ^\n");
	CHECK("abc\tx", 5, "    abc     x\n            ^\n");
	CHECK("12345678\tx", 10, "    12345678        x\n                    ^\n");
}

static void test_characters_are_not_bytes(void **state)
{
	(void)state;
	CHECK("\xc3\xbc = x", 6, "    \xc3\xbc = x\n        ^\n");
	/* inside of a character: at it */
	CHECK("a\xc3\xbc", 3, "    a\xc3\xbc\n     ^\n");
	/* wide, and combined with what is before it */
	CHECK("\xe6\xbc\xa2 x", 5, "    \xe6\xbc\xa2 x\n       ^\n");
	CHECK("e\xcc\x81 x", 5, "    e\xcc\x81 x\n      ^\n");
}

static void test_a_terminal_obeys_nothing(void **state)
{
	(void)state;
	CHECK("a\033[2Jx", 6, "    a\\x1b[2Jx\n            ^\n");
	CHECK("a\0x", 2, "    a\\x00x\n     ^\n");
	CHECK("\xff x", 3, "    \\xff x\n         ^\n");
	CHECK("\xc2\x9b x", 4, "    <U+009B> x\n             ^\n");
	/* what turns the direction of the text around */
	CHECK("\xe2\x80\xae x", 5, "    <U+202E> x\n             ^\n");
}

/* The text between the dots, and where the mark stands below it. */
static void long_line(unsigned col, size_t len, char under, const char *head, const char *tail)
{
	auto_free char *line = xcalloc(len, 1);
	char *got = NULL, *mark;
	size_t n;
	FILE *f = xmemstream(&got, &n);

	memset(line, '.', len);
	line[col - 1] = '!';
	line[0] = line[0] == '!' ? '!' : '<';
	line[len - 1] = line[len - 1] == '!' ? '!' : '>';
	excerpt_print(line, len, col, "", "", f);
	fclose(f);
	mark = strchr(got, '^');
	assert_non_null(mark);
	assert_true(strchr(got, '\n') - got <= 4 + 3 + 100 + 3);
	assert_int_equal(got[mark - strchr(got, '\n') - 1], under);
	assert_memory_equal(got + 4, head, strlen(head));
	assert_memory_equal(strchr(got, '\n') - strlen(tail), tail, strlen(tail));
	free(got);
}

static void test_long_lines_are_cut_around_the_mark(void **state)
{
	(void)state;
	long_line(1, 100, '!', "!.", ".>");
	long_line(100, 100, '!', "<.", ".!");
	long_line(1, 101, '!', "!.", "...");
	long_line(101, 101, '!', "....", ".!");
	long_line(30, 5000, '!', "<.", "...");
	long_line(2500, 5000, '!', "....", "...");
	long_line(5000, 5000, '!', "....", ".!");
}

static void test_half_a_character_is_no_character(void **state)
{
	char line[3 + 200] = "\xe6\xbc\xa2";
	char *got = NULL;
	size_t n;
	FILE *f = xmemstream(&got, &n);

	(void)state;
	memset(line + 3, 'x', 200);
	/* the window begins in the middle of the wide one */
	excerpt_print(line, sizeof line, 3 + 60, "", "", f);
	fclose(f);
	assert_memory_equal(got, "    ... xxx", 11);
	free(got);
}

/* ---- sources ---- */

static void line_is(const struct sources *s, struct source_line *at, const char *name, unsigned n,
		    const char *want)
{
	bool found = sources_find(s, name, n, at);

	assert_int_equal(found, want != NULL);
	if (!want)
		return;
	assert_int_equal(at->len, strlen(want));
	assert_memory_equal(at->s, want, at->len);
}

static void add(struct sources *s, const char *name, const char *text)
{
	sources_add(s, name, xstrdup(text), strlen(text));
}

static void test_lines_are_found_in_any_order(void **state)
{
	struct sources s = { 0 };
	struct source_line at = { 0 };

	(void)state;
	line_is(&s, &at, "a", 1, NULL);
	add(&s, "a", "one\ntwo\r\n\nfour");
	add(&s, "b", "\xef\xbb\xbfmarked\n\xef\xbb\xbf\n");
	sources_add(&s, "empty", NULL, 0);
	for (int i = 0; i < 2; i++) {
		line_is(&s, &at, "a", 4, "four");
		line_is(&s, &at, "a", 1, "one");
		line_is(&s, &at, "a", 2, "two");
		line_is(&s, &at, "a", 2, "two");
		line_is(&s, &at, "b", 1, "marked");
		line_is(&s, &at, "b", 2, "\xef\xbb\xbf");
		line_is(&s, &at, "b", 3, NULL);
		line_is(&s, &at, "a", 5, NULL);
		line_is(&s, &at, "a", 3, "");
		line_is(&s, &at, "a", 0, NULL);
		line_is(&s, &at, "a", 4000000000u, NULL);
		line_is(&s, &at, "empty", 1, NULL);
		line_is(&s, &at, "c", 1, NULL);
	}
	sources_free(&s);
}

static void test_of_two_of_one_name_the_last_counts(void **state)
{
	struct sources s = { 0 }, more = { 0 };
	struct source_line at = { 0 };

	(void)state;
	add(&s, "a", "old\n");
	add(&more, "a", "new\n");
	sources_move(&s, &more);
	assert_int_equal(more.n, 0);
	line_is(&s, &at, "a", 1, "new");
	sources_free(&s);
	sources_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks_a_column),
		cmocka_unit_test(test_tabs_are_as_wide_as_on_a_terminal),
		cmocka_unit_test(test_characters_are_not_bytes),
		cmocka_unit_test(test_a_terminal_obeys_nothing),
		cmocka_unit_test(test_long_lines_are_cut_around_the_mark),
		cmocka_unit_test(test_half_a_character_is_no_character),
		cmocka_unit_test(test_lines_are_found_in_any_order),
		cmocka_unit_test(test_of_two_of_one_name_the_last_counts),
	};

	return cmocka_run_group_tests_name("excerpt", tests, NULL, NULL);
}
