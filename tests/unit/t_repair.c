/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repair: what was missing, in words; and what systemd and the journal are told. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "command/notify.h"
#include "command/repair.h"

#define FRAME(lines) "untrack-rules 1\n" lines "end\n"
#define IN "prerouting notrack web protocol tcp dport 80\n"
#define OUT "output notrack web protocol tcp sport 80\n"
#define TWIN(chain, anchor) \
	"twin inet filter " chain " before " anchor " untrack:web protocol tcp dport 80 :: x\n"

static struct ruleset parsed(const char *text)
{
	struct ruleset rs = { 0 };
	struct diag d = { 0 };

	if (ruleset_parse(&rs, text, "t", &d))
		fail_msg("%u:%u: %s", d.v[0].line, d.v[0].col, d.v[0].text);
	ruleset_normalise(&rs);
	return rs;
}

static void check(const char *before, const char *after, const struct suspects *who,
		  unsigned long late, const char *want)
{
	struct change_seen seen = { .wrote = true,
				    .before = parsed(before),
				    .after = parsed(after) };
	struct diag d = { 0 };

	repair_tell(&seen, who, late, &d);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.warnings, 1);
	assert_string_equal(d.v[0].id, "repaired");
	assert_string_equal(d.v[0].text, want);
	diag_free(&d);
	change_seen_free(&seen);
}

static void test_what(void **state)
{
	const struct suspects nobody = { 0 };

	(void)state;
	check(FRAME(""), FRAME(IN OUT), &nobody, 0, "flushed: 2 rules of its own; by somebody");
	check(FRAME(IN), FRAME(IN OUT), &nobody, 0, "removed: 1 rule of its own; by somebody");
	check(FRAME(IN OUT), FRAME(IN), &nobody, 0,
	      "not on record: 1 rule of its own; by somebody");
	check(FRAME(IN), FRAME(IN TWIN("input", "3") TWIN("input", "4")), &nobody, 0,
	      "replaced: 2 twins in inet filter input; by somebody");
	check(FRAME(IN TWIN("input", "3")), FRAME(IN TWIN("input", "3") TWIN("input", "4")),
	      &nobody, 0, "removed: 1 twin in inet filter input; by somebody");
	check(FRAME(IN TWIN("input", "3")), FRAME(IN TWIN("input", "4")), &nobody, 0,
	      "displaced: 1 twin in inet filter input; by somebody");
	check(FRAME(IN TWIN("input", "3")), FRAME(IN), &nobody, 0,
	      "needed no more: 1 twin in inet filter input; by somebody");
	check(FRAME(""), FRAME(IN TWIN("forward", "2") TWIN("input", "3")), &nobody, 0,
	      "flushed: 1 rule of its own; replaced: 1 twin in inet filter forward; replaced: 1 "
	      "twin in inet filter input; by somebody");
	check(FRAME(IN), FRAME(IN), &nobody, 0, "out of order; by somebody");
}

static void test_who(void **state)
{
	struct suspects who = { .nft = { .commits = 1, .pid = 42, .name = "nft" } };
	char tables[] = "ip filter";

	(void)state;
	check(FRAME(""), FRAME(IN), &who, 31,
	      "flushed: 1 rule of its own; by nft (process 42); repaired 31 ms after the last "
	      "change");
	who.nft.commits = 3;
	memcpy(who.nft.name, "a\n\033b", 5);
	check(FRAME(""), FRAME(IN), &who, 0,
	      "flushed: 1 rule of its own; by a??b (process 42), the last of 3 changes");
	who.legacy = (struct text){ tables, strlen(tables) };
	who.nft = (struct nft_news){ 0 };
	check(FRAME(""), FRAME(IN), &who, 7,
	      "flushed: 1 rule of its own; by somebody in ip filter of iptables-legacy; repaired "
	      "7 ms after it was noticed");
	who.legacy = (struct text){ 0 };
	who.nft.lost = true;
	check(FRAME(""), FRAME(IN), &who, 0,
	      "flushed: 1 rule of its own; by somebody (too many changes to follow)");
}

static void test_notify(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char buf[128] = "";

	(void)state;
	notify("nobody listens");
	snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "untrack-t-%ld", (long)getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					  strlen(at.sun_path + 1))),
			 0);
	at.sun_path[0] = '@';
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	notify("READY=1");
	assert_int_equal(recv(fd, buf, sizeof buf - 1, MSG_DONTWAIT), 7);
	assert_string_equal(buf, "READY=1");
	notify_status("%d of\nthem", 3); /* a second line would be another assignment */
	assert_int_equal(recv(fd, buf, sizeof buf - 1, MSG_DONTWAIT), 11);
	assert_string_equal(buf, "STATUS=3 of");
	unsetenv("NOTIFY_SOCKET");
	close(fd);
}

static void test_watchdog(void **state)
{
	auto_free char *own = xasprintf("%ld", (long)getpid());

	(void)state;
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_ms(), 30000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_PID", own, 1);
	assert_int_equal(notify_watchdog_ms(), 30000);
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
}

static void test_journal(void **state)
{
	auto_free char *own = NULL;
	struct stat st;

	(void)state;
	assert_false(notify_has_journal());
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	own = xasprintf("%lu:%lu", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
	setenv("JOURNAL_STREAM", own, 1);
	assert_true(notify_has_journal());
	setenv("JOURNAL_STREAM", "1:2",
	       1); /* of a service that sent its standard error elsewhere */
	assert_false(notify_has_journal());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what),	cmocka_unit_test(test_who),
		cmocka_unit_test(test_notify),	cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_journal),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("repair", tests, NULL, NULL);
}
