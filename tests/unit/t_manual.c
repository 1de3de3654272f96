/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack.conf(5) and, of expectations, untrack(8) name every key of the option tables and no
 * other, and their examples are right, as are the files of rules.d. Runs in the source directory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include "config/expect.h"
#include "config/policy.h"

#define PAGE "man/untrack.conf.5"
#define PAGE_EXPECT "man/untrack.8"

struct words {
	char **v;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, one a line, fresh; w is freed. */
static char *join(struct words *w)
{
	struct text t = { 0 };

	text_add(&t, "%s", "");
	qsort(w->v, w->n, sizeof *w->v, compare);
	for (size_t i = 0; i < w->n; i++) {
		text_add(&t, "%s\n", w->v[i]);
		free(w->v[i]);
	}
	free(w->v);
	*w = (struct words){ 0 };
	return t.s;
}

static void add_key(void *ctx, const char *section, const char *key)
{
	struct words *w = ctx;

	*ARRAY_ADD(w->v, w->n) = xasprintf("%s %s", section, key);
}

/* ".Ss [service NAME]" opens a section, ".It Ic port" is a key of it. */
static void keys_of_page(struct words *w, const char *page)
{
	FILE *f = fopen(page, "r");
	char line[512], section[64] = "", key[64];

	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		if (!strncmp(line, ".Sh", 3))
			section[0] = '\0';
		if (sscanf(line, ".Ss [%63[a-z]", section) == 1)
			continue;
		if (sscanf(line, ".It Ic %63[a-z0-9-]", key) == 1)
			add_key(w, section, key);
	}
	fclose(f);
}

static void test_keys(void **state)
{
	struct words table = { 0 }, page = { 0 };
	char *want, *got;

	(void)state;
	policy_keys(add_key, &table);
	keys_of_page(&page, PAGE);
	keys_of_page(&page, PAGE_EXPECT);
	assert_true(table.n > 50);
	want = join(&table);
	got = join(&page);
	assert_string_equal(got, want);
	free(want);
	free(got);
}

static void check_example(const char *text)
{
	struct policy p = { 0 };
	struct diag d = { 0 };

	if (policy_parse(&p, text, PAGE, &d) || d.n) {
		diag_print(&d, stderr, SEVERITY_NOTE, false);
		fail_msg("not accepted without findings:\n%s", text);
	}
	policy_free(&p);
	diag_free(&d);
}

static void test_examples(void **state)
{
	size_t len, examples = 0;
	char *page = read_file(AT_FDCWD, PAGE, &len), *s = page;

	(void)state;
	assert_non_null(page);
	while ((s = strstr(s, ".Bd -literal"))) {
		char *begin = strchr(s, '\n') + 1, *end = strstr(begin, ".Ed");

		assert_non_null(end);
		*end = '\0';
		check_example(begin);
		s = end + 1;
		examples++;
	}
	assert_true(examples > 6);
	free(page);
}

/* That of the section EXPECTATIONS. */
static void test_expectations(void **state)
{
	size_t len;
	char *page = read_file(AT_FDCWD, PAGE_EXPECT, &len), *s, *end;
	struct expectations e;
	struct diag d = { 0 };

	(void)state;
	assert_non_null(page);
	s = strstr(page, ".Sh EXPECTATIONS");
	assert_non_null(s);
	s = strchr(strstr(s, ".Bd -literal"), '\n') + 1;
	end = strstr(s, ".Ed");
	assert_non_null(end);
	*end = '\0';
	assert_int_equal(expect_parse(&e, s, PAGE_EXPECT, &d), 0);
	assert_int_equal(d.n, 0);
	assert_true(e.n > 1);
	expect_free(&e);
	diag_free(&d);
	free(page);
}

static void test_shipped_files(void **state)
{
	const char *const names[] = { "loopback", "web", "dns", "vxlan", "storage" };
	const char *const all[] = { "rules.d", "untrack.conf" };
	struct policy p = { 0 };
	struct diag d = { 0 };
	int rc;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path = xasprintf("rules.d/%s.conf", names[i]);
		size_t len;
		char *text = read_file(AT_FDCWD, path, &len);

		assert_non_null(text);
		check_example(text);
		free(text);
		free(path);
	}
	rc = policy_load(&p, all, ARRAY_SIZE(all), &d);
	if (rc == -2)
		skip(); /* root looks at somebody else's copy */
	assert_int_equal(rc, 0);
	assert_int_equal(d.n, 0);
	assert_true(p.loopback);
	assert_int_equal(p.n_services, 4);
	assert_int_equal(p.n_interfaces, 1);
	policy_free(&p);
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_expectations),
		cmocka_unit_test(test_shipped_files),
	};

	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
