/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util: arrays, text, numbers, edit distance, whole files. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include "util.h"

static void test_array_keeps_what_was_added(void **state)
{
	size_t *v = NULL, n = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		size_t *p = ARRAY_ADD(v, n);

		assert_int_equal(*p, 0);
		*p = i + 1;
	}
	assert_int_equal(n, 1000);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(v[i], i + 1);
	free(v);
}

static void test_array_may_shrink_and_grow_again(void **state)
{
	unsigned *v = NULL;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		*ARRAY_ADD(v, n) = i;
	n = 3;
	for (unsigned i = 0; i < 30; i++)
		*ARRAY_ADD(v, n) = i;
	assert_int_equal(v[2], 2);
	assert_int_equal(v[32], 29);
	free(v);
}

static void test_copies(void **state)
{
	char *s = xstrdup("abc"), *m = xmemdup("x\0y", 3), *empty = xmemdup(NULL, 0);
	char *f = xasprintf("%s-%d", "a", 7);
	int *z = xcalloc(3, sizeof *z);

	(void)state;
	assert_string_equal(s, "abc");
	assert_memory_equal(m, "x\0y", 3);
	assert_non_null(empty);
	assert_string_equal(f, "a-7");
	assert_int_equal(z[0] | z[1] | z[2], 0);
	free(s);
	free(m);
	free(empty);
	free(f);
	free(z);
}

static void test_out_of_memory_is_status_4(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(99);
		xgrow(NULL, SIZE_MAX / 4 + 1, 16); /* overflows size_t */
		_exit(98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 4);
}

static void test_text_grows(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_add(&t, "%s", "");
	assert_string_equal(t.s, "");
	for (int i = 0; i < 1000; i++)
		text_add(&t, "%c", 'a' + i % 26);
	assert_int_equal(t.len, 1000);
	assert_int_equal(strlen(t.s), 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(t.s[i], 'a' + i % 26);
	text_add(&t, "%0500d", 1);
	assert_int_equal(t.len, 1500);
	assert_int_equal(t.s[1499], '1');
	free(t.s);
}

/* Every length around the sizes at which the room doubles. */
static void test_text_boundaries(void **state)
{
	(void)state;
	for (int first = 0; first < 200; first++) {
		for (int second = 0; second < 70; second++) {
			struct text t = { 0 };

			text_add(&t, "%*s", first, "");
			text_add(&t, "%*s", second, "");
			text_add(&t, "!");
			assert_int_equal(t.len, first + second + 1);
			assert_int_equal(strlen(t.s), t.len);
			free(t.s);
		}
	}
}

static void test_parse_uint(void **state)
{
	static const char *const wrong[] = { "",
					     " 1",
					     "1 ",
					     "+1",
					     "-1",
					     "0x10",
					     "1e3",
					     "ten",
					     "18446744073709551616",
					     "99999999999999999999999" };
	auto_free char *most = xasprintf("%lu", ULONG_MAX);
	unsigned long n = 77;
	uint64_t big;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(parse_uint(wrong[i], 0, ~0ul, &n));
	assert_false(parse_uint("0", 1, 65535, &n));
	assert_false(parse_uint("65536", 1, 65535, &n));
	assert_int_equal(n, 77);
	assert_true(parse_uint("1", 1, 65535, &n));
	assert_int_equal(n, 1);
	assert_true(parse_uint("65535", 1, 65535, &n));
	assert_int_equal(n, 65535);
	assert_true(parse_uint(most, 0, ULONG_MAX, &n));
	assert_true(n == ULONG_MAX);
	assert_true(parse_u64("18446744073709551615", 0, UINT64_MAX, &big));
	assert_true(big == UINT64_MAX);
	assert_false(parse_u64("18446744073709551616", 0, UINT64_MAX, &big));
	assert_true(parse_uint("0010", 0, 10, &n));
	assert_int_equal(n, 10);
}

static void test_edit_distance(void **state)
{
	(void)state;
	assert_int_equal(edit_distance("", "", 2), 0);
	assert_int_equal(edit_distance("port", "port", 2), 0);
	assert_int_equal(edit_distance("prt", "port", 2), 1);
	assert_int_equal(edit_distance("ports", "port", 2), 1);
	assert_int_equal(edit_distance("pork", "port", 2), 1);
	assert_int_equal(edit_distance("prot", "port", 2), 2);
	assert_int_equal(edit_distance("kitten", "sitting", 5), 3);
	assert_int_equal(edit_distance("kitten", "sitting", 3), 3);
	assert_int_equal(edit_distance("kitten", "sitting", 2), 3);
	assert_int_equal(edit_distance("a", "abcdef", 2), 3);
	assert_int_equal(edit_distance("abc", "xyz", 0), 1);
	assert_int_equal(edit_distance("", "ab", 2), 2);
}

static void test_read_file(void **state)
{
	char dir[] = "/tmp/t_util.XXXXXX";
	auto_close int fd = -1;
	char *s;
	size_t n = 0;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	f = fdopen(openat(fd, "big", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "w");
	assert_non_null(f);
	for (int i = 0; i < 10000; i++)
		fputs("line\n", f);
	fputc('\0', f);
	fclose(f);

	s = read_file(fd, "big", &n);
	assert_non_null(s);
	assert_int_equal(n, 50001);
	assert_int_equal(s[n], '\0');
	assert_memory_equal(s + 49995, "line\n", 5);
	free(s);

	assert_null(read_file(fd, "missing", &n));
	assert_int_equal(errno, ENOENT);
	assert_null(read_file(fd, ".", &n));
	assert_int_equal(errno, EISDIR);
	assert_int_equal(unlinkat(fd, "big", 0), 0);

	s = read_file(AT_FDCWD, "/proc/self/status", &n); /* fstat says 0 bytes */
	assert_non_null(s);
	assert_true(n > 0);
	free(s);
	rmdir(dir);
}

static void test_read_file_has_a_limit(void **state)
{
	char name[] = "/tmp/t_util.XXXXXX";
	int fd = mkstemp(name);
	size_t n;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, ((off_t)64 << 20) + 1), 0);
	assert_null(read_file(AT_FDCWD, name, &n));
	assert_int_equal(errno, EFBIG);
	close(fd);
	unlink(name);
	assert_null(read_file(AT_FDCWD, "/dev/zero", &n));
	assert_int_equal(errno, EFBIG);
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int rc;
		unsigned long seconds;
	} cases[] = {
		{ "0s", 0, 0 },		{ "90s", 0, 90 },
		{ "5m", 0, 300 },	{ "1h", 0, 3600 },
		{ "1d", 0, 86400 },	{ "60m", 0, 3600 },
		{ "86400s", 0, 86400 }, { "86401s", -2, 7 },
		{ "2d", -2, 7 },	{ "99999999999999999999s", -2, 7 },
		{ "", -1, 7 },		{ "s", -1, 7 },
		{ "90", -1, 7 },	{ "90S", -1, 7 },
		{ "90ss", -1, 7 },	{ "-1s", -1, 7 },
		{ " 1s", -1, 7 },	{ "1 s", -1, 7 },
		{ "1.5h", -1, 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned long seconds = 7;

		assert_int_equal(parse_time(cases[i].text, 86400, &seconds), cases[i].rc);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(test_array_keeps_what_was_added),
		cmocka_unit_test(test_array_may_shrink_and_grow_again),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_out_of_memory_is_status_4),
		cmocka_unit_test(test_text_grows),
		cmocka_unit_test(test_text_boundaries),
		cmocka_unit_test(test_parse_uint),
		cmocka_unit_test(test_edit_distance),
		cmocka_unit_test(test_read_file),
		cmocka_unit_test(test_read_file_has_a_limit),
	};

	return cmocka_run_group_tests_name("util", tests, NULL, NULL);
}
