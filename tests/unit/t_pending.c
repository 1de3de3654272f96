/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of a pending confirmation: both ways, and every damage refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "transaction/pending.h"
#include "util.h"

#define NOW 5000000u
#define HEAD "untrack pending 1\n"
#define TOKEN "token 0123456789abcdef\n"
#define NUMBERS "generation 7\nback 5\ndeadline 5060000\n"
#define TIMER "terminal /dev/pts/3\nunit -\nprocess 123 456789\n"
#define POLICY "policy 10\n[untrack]\nend\n"
#define GOOD HEAD TOKEN NUMBERS TIMER POLICY

static int parse_bytes(const char *text, size_t len, struct pending *p)
{
	struct diag d = { 0 };
	int rc = pending_parse(text, len, "run/pending", NOW, p, &d);

	if (rc) {
		assert_int_equal(d.n, 1);
		assert_string_equal(d.v[0].id, "confirm");
		assert_non_null(strstr(d.v[0].text, "run/pending"));
		assert_non_null(strstr(d.v[0].cure, "untrack rollback"));
	}
	diag_free(&d);
	return rc;
}

static int parse(const char *text, struct pending *p)
{
	return parse_bytes(text, strlen(text), p);
}

static void test_both_ways(void **state)
{
	static const char *const texts[] = {
		GOOD,
		HEAD TOKEN "generation 1\nback 0\ndeadline 0\nterminal -\n"
			   "unit untrack-confirm-0123456789abcdef.timer\nprocess 0 0\n"
			   "policy 0\nend\n",
		HEAD TOKEN "generation 1\nback 0\ndeadline 8600000\nterminal /dev/tty1\nunit -\n"
			   "process 1 18446744073709551615\npolicy 4\nend\nend\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct pending p = { 0 }, copy = { 0 };
		auto_free char *again = NULL;

		assert_int_equal(parse(texts[i], &p), 0);
		pending_copy(&copy, &p);
		pending_free(&p);
		again = pending_string(&copy);
		assert_string_equal(again, texts[i]);
		pending_free(&copy);
		pending_free(&copy);
	}
}

static void test_fields(void **state)
{
	struct pending p = { 0 };

	(void)state;
	assert_int_equal(parse(GOOD, &p), 0);
	assert_string_equal(p.token, "0123456789abcdef");
	assert_int_equal(p.generation, 7);
	assert_int_equal(p.back, 5);
	assert_int_equal(p.deadline_ms, 5060000);
	assert_string_equal(p.terminal, "/dev/pts/3");
	assert_null(p.unit);
	assert_int_equal(p.pid, 123);
	assert_int_equal(p.started, 456789);
	assert_string_equal(p.policy, "[untrack]\n");
	pending_free(&p);
}

static void test_every_truncation(void **state)
{
	struct pending p = { 0 };

	(void)state;
	for (size_t len = 0; len < strlen(GOOD); len++) {
		assert_int_equal(parse_bytes(GOOD, len, &p), -1);
		assert_null(p.token);
	}
	assert_int_equal(parse(GOOD "\n", &p), -1);
	assert_int_equal(parse(GOOD GOOD, &p), -1);
}

/* A NUL, or another first character of any line. */
static void test_every_line(void **state)
{
	struct pending p = { 0 };

	(void)state;
	for (size_t i = 0; i < strlen(GOOD); i++) {
		auto_free char *text = xstrdup(GOOD);

		text[i] = '\0';
		assert_int_equal(parse_bytes(text, strlen(GOOD), &p), -1);
		text[i] = '%';
		if (!i || GOOD[i - 1] == '\n') {
			if (GOOD[i] != '[')
				assert_int_equal(parse(text, &p), -1);
		}
	}
}

static void test_damage(void **state)
{
	static const char *const texts[] = {
		"untrack pending 2\n" TOKEN NUMBERS TIMER POLICY,
		HEAD "token 0123456789abcde\n" NUMBERS TIMER POLICY,
		HEAD "token 0123456789abcdeF\n" NUMBERS TIMER POLICY,
		HEAD "token 0123456789abcdef0\n" NUMBERS TIMER POLICY,
		HEAD NUMBERS TIMER POLICY,
		HEAD TOKEN "generation 0\nback 0\ndeadline 1\n" TIMER POLICY,
		HEAD TOKEN "generation 5\nback 5\ndeadline 1\n" TIMER POLICY,
		HEAD TOKEN "generation -1\nback 0\ndeadline 1\n" TIMER POLICY,
		HEAD TOKEN "generation 7\nback x\ndeadline 1\n" TIMER POLICY,
		HEAD TOKEN "generation 7\nback 5\ndeadline 8600001\n" TIMER POLICY,
		HEAD TOKEN "generation 7\nback 5\ndeadline 99999999999999999999\n" TIMER POLICY,
		HEAD TOKEN "back 5\ngeneration 7\ndeadline 1\n" TIMER POLICY,
		HEAD TOKEN NUMBERS "terminal /etc/passwd\nunit -\nprocess 1 1\n" POLICY,
		HEAD TOKEN NUMBERS "terminal /dev/pts/3 \nunit -\nprocess 1 1\n" POLICY,
		HEAD TOKEN NUMBERS "terminal /dev/\033[2J\nunit -\nprocess 1 1\n" POLICY,
		HEAD TOKEN NUMBERS "terminal -\nunit sshd.service\nprocess 1 1\n" POLICY,
		HEAD TOKEN NUMBERS "terminal -\nunit -\nprocess 1\n" POLICY,
		HEAD TOKEN NUMBERS "terminal -\nunit -\nprocess -1 1\n" POLICY,
		HEAD TOKEN NUMBERS "terminal -\nunit -\nprocess 1 1 1\n" POLICY,
		HEAD TOKEN NUMBERS TIMER "policy 9\n[untrack]\nend\n",
		HEAD TOKEN NUMBERS TIMER "policy 11\n[untrack]\nend\n",
		HEAD TOKEN NUMBERS TIMER "policy 4294967297\n[untrack]\nend\n",
		HEAD TOKEN NUMBERS TIMER "policy 10\n[untrack]\nEND\n",
		HEAD TOKEN TOKEN NUMBERS TIMER POLICY,
		HEAD TOKEN "generation 07\nback 5\ndeadline 5060000\n" TIMER POLICY,
		HEAD TOKEN NUMBERS "terminal -\nunit -\nprocess 1 01\n" POLICY,
	};
	struct pending p = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (parse(texts[i], &p) != -1)
			fail_msg("taken: %s", texts[i]);
}

static void test_tokens(void **state)
{
	struct diag d = { 0 };
	auto_free char *a = pending_token(&d), *b = pending_token(&d);

	(void)state;
	assert_true(pending_is_token(a) && pending_is_token(b));
	assert_string_not_equal(a, b);
	assert_false(pending_is_token(""));
	assert_false(pending_is_token("0123456789abcdeg"));
}

static void test_time(void **state)
{
	uint64_t start = pending_now_ms();
	struct pending p = { .deadline_ms = start + 100000 };

	(void)state;
	assert_in_range(pending_seconds_left(&p), 98, 100);
	p.deadline_ms = start;
	assert_int_equal(pending_seconds_left(&p), 0);
	pending_sleep_until(start);
	pending_sleep_until(start + 30);
	assert_in_range(pending_now_ms() - start, 30, 20000);
}

/* Through the file system. */
static void test_file(void **state)
{
	char dir[] = "/tmp/untrack-t_pending.XXXXXX";
	auto_free char *run = NULL, *file = NULL;
	struct pending p = { 0 }, again = { 0 };
	struct state_paths paths;
	struct diag d = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	run = xasprintf("%s/run", dir);
	file = xasprintf("%s/" PENDING_FILE, run);
	paths = (struct state_paths){ dir, run };
	assert_int_equal(pending_load(&paths, &p, &d), 1);
	assert_int_equal(pending_remove(&paths, &d), 0);
	assert_int_equal(parse(GOOD, &p), 0);
	p.deadline_ms = pending_now_ms() + 1000;
	assert_int_equal(pending_save(&paths, &p, &d), 0);
	assert_int_equal(pending_load(&paths, &again, &d), 0);
	assert_string_equal(again.token, p.token);
	assert_string_equal(again.policy, p.policy);
	pending_free(&again);
	assert_int_equal(d.n, 0);
	assert_int_equal(chmod(file, 0666), 0);
	assert_int_equal(pending_load(&paths, &again, &d), -1);
	assert_int_equal(pending_remove(&paths, &d), 0);
	assert_int_equal(pending_load(&paths, &again, &d), 1);
	assert_int_equal(rmdir(run) | rmdir(dir), 0);
	pending_free(&p);
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_line),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
