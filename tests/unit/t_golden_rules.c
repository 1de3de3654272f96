/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Golden family "rules to rules": parse and print again gives the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include "rules/ruleset.h"
#include "util.h"

#define PATTERN "tests/golden/good/*.rules"

/* Up to the end of the ruleset: the comments behind it are about classes of packets. */
static char *read_rules(const char *path)
{
	size_t len;
	char *text = read_file(AT_FDCWD, path, &len), *end;

	assert_non_null(text);
	end = strstr(text, "\nend\n");
	assert_non_null(end);
	end[strlen("\nend\n")] = '\0';
	return text;
}

static void check_file(const char *path)
{
	auto_free char *text = read_rules(path), *again = NULL;
	struct ruleset rs = { 0 }, reread = { 0 };
	struct diag d = { 0 };
	size_t len;
	FILE *f;

	assert_int_equal(ruleset_parse(&rs, text, path, &d), 0);
	f = xmemstream(&again, &len);
	ruleset_print(&rs, f);
	fclose(f);
	assert_string_equal(again, text);
	ruleset_copy(&reread, &rs);
	ruleset_normalise(&reread);
	assert_int_equal(ruleset_diff(&rs, &reread, NULL), 0);
	ruleset_free(&rs);
	ruleset_free(&reread);
	diag_free(&d);
}

static void test_every_file(void **state)
{
	glob_t found = { 0 };

	(void)state;
	assert_int_equal(glob(PATTERN, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_file(found.gl_pathv[i]);
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
