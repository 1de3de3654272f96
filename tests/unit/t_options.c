/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, taken apart by a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "command/options.h"
#include "util.h"

static const struct option_def general[] = {
	{ "config", 0, OPTION_TEXT, offsetof(struct request, config), "DIR", "text" },
	{ "color", 0, OPTION_CHOICE, offsetof(struct request, color), "auto|always|never",
	  "choice" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct request, quiet), NULL, "flag" },
	{ "verbose", 'v', OPTION_FLAG, offsetof(struct request, verbose), NULL, "flag" },
	{ 0 },
};
static const struct option_def special[] = {
	{ "force", 0, OPTION_FLAG, offsetof(struct request, force), NULL, "flag" },
	{ "facts", 0, OPTION_WORDS, offsetof(struct request, facts), "FILE", "words" },
	{ 0 },
};

struct run { /* one command line and what came of it */
	struct request req;
	struct diag d;
	char *const *rest;
	int rc;
};

static void parse(struct run *r, bool stop, char *const *argv)
{
	const struct option_def *tables[] = { general, special };

	*r = (struct run){ .rest = argv };
	r->rc = options_parse(tables, 2, &r->rest, stop, &r->req, &r->d);
}

static void run_free(struct run *r)
{
	diag_free(&r->d);
	free(r->req.operands);
	free(r->req.facts.v);
}

#define ARGV(...) ((char *[]){ __VA_ARGS__, NULL })

static void test_every_form(void **state)
{
	struct run r;

	(void)state;
	parse(&r, false,
	      ARGV((char *)"-qv", (char *)"--config", (char *)"a", (char *)"one",
		   (char *)"--color=never", (char *)"--force", (char *)"-", (char *)"--",
		   (char *)"--two"));
	assert_int_equal(r.rc, 0);
	assert_true(r.req.quiet && r.req.verbose && r.req.force);
	assert_string_equal(r.req.config, "a");
	assert_int_equal(r.req.color, 3);
	assert_int_equal(r.req.n_operands, 3);
	assert_string_equal(r.req.operands[0], "one");
	assert_string_equal(r.req.operands[1], "-");
	assert_string_equal(r.req.operands[2], "--two");
	assert_null(*r.rest);
	run_free(&r);
}

static void test_stop_at_the_command(void **state)
{
	struct run r;

	(void)state;
	parse(&r, true, ARGV((char *)"-q", (char *)"apply", (char *)"--nonsense"));
	assert_int_equal(r.rc, 0);
	assert_true(r.req.quiet);
	assert_int_equal(r.req.n_operands, 0);
	assert_string_equal(*r.rest, "apply");
	run_free(&r);
}

static void refused(const char *text, const char *cure, char *const *argv)
{
	struct run r;

	parse(&r, false, argv);
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.d.errors, 1);
	assert_string_equal(r.d.v[0].text, text);
	assert_string_equal(r.d.v[0].id, "usage");
	if (cure)
		assert_string_equal(r.d.v[0].cure, cure);
	else
		assert_null(r.d.v[0].cure);
	run_free(&r);
}

static void test_refusals(void **state)
{
	(void)state;
	refused("unknown option --forse", "did you mean --force?", ARGV((char *)"--forse"));
	refused("unknown option --forc", "did you mean --force?", ARGV((char *)"--forc"));
	refused("unknown option --x", "'untrack help COMMAND' lists the options",
		ARGV((char *)"--x"));
	refused("unknown option -x", "'untrack help COMMAND' lists the options",
		ARGV((char *)"-qx"));
	refused("--force takes no value", NULL, ARGV((char *)"--force=yes"));
	refused("--config needs DIR", NULL, ARGV((char *)"--config"));
	refused("--config needs DIR, not nothing", NULL, ARGV((char *)"--config="));
	refused("--color takes auto|always|never, not 'alwa'", NULL, ARGV((char *)"--color=alwa"));
	refused("--color takes auto|always|never, not ''", NULL, ARGV((char *)"--color="));
}

static void test_every_fault_is_reported(void **state)
{
	struct run r;

	(void)state;
	parse(&r, false, ARGV((char *)"--one", (char *)"-z", (char *)"--color", (char *)"red"));
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.d.errors, 3);
	run_free(&r);
}

static void test_help(void **state)
{
	auto_free char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	(void)state;
	options_help(general, f);
	fclose(f);
	assert_non_null(strstr(text, "--config DIR"));
	assert_non_null(strstr(text, "--color auto|always|never"));
	assert_non_null(strstr(text, "-q, --quiet"));
}

static void test_several_times(void **state)
{
	struct run r;

	(void)state;
	parse(&r, false, ARGV((char *)"--facts", (char *)"a", (char *)"--facts=b", (char *)"c"));
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.req.facts.n, 2);
	assert_string_equal(r.req.facts.v[0], "a");
	assert_string_equal(r.req.facts.v[1], "b");
	assert_int_equal(r.req.n_operands, 1);
	run_free(&r);
	parse(&r, false, ARGV((char *)"--facts="));
	assert_int_equal(r.rc, -1);
	assert_string_equal(r.d.v[0].text, "--facts needs FILE, not nothing");
	run_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form), cmocka_unit_test(test_stop_at_the_command),
		cmocka_unit_test(test_refusals),   cmocka_unit_test(test_every_fault_is_reported),
		cmocka_unit_test(test_help),	   cmocka_unit_test(test_several_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
