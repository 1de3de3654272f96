/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of rtnetlink whose last message or attribute is not padded: nothing behind it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "kernel/rtnl.h"

#define SHORT (NLMSG_HDRLEN + 1) /* a message with one byte */

static void test_last_attribute(void **state)
{
	struct {
		struct nlmsghdr h;
		struct rtattr one;
		char data[4];
		struct rtattr beyond;
	} m = { .h = { .nlmsg_len = sizeof(m.h) + sizeof(m.one) + 1 },
		.one = { sizeof(m.one) + 1, 1 },
		.beyond = { sizeof(m.beyond), 2 } };
	const struct rtattr *v[3];

	(void)state;
	rtnl_attributes(&m.h, 0, v, 2);
	assert_ptr_equal(v[1], &m.one);
	assert_null(v[2]);
	m.h.nlmsg_len = NLMSG_HDRLEN;
	rtnl_attributes(&m.h, sizeof(m.one), v, 2); /* shorter than the fixed part */
	assert_null(v[1]);
}

static void count(const struct nlmsghdr *h, void *ctx)
{
	assert_int_equal(h->nlmsg_type, RTM_NEWLINK);
	++*(unsigned *)ctx;
}

/* The buffer still holds what came before. */
static void test_last_message(void **state)
{
	const struct nlmsghdr shorter = { .nlmsg_len = SHORT, .nlmsg_type = RTM_NEWLINK },
			      done = { .nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = NLMSG_DONE };
	char two[NLMSG_ALIGN(SHORT) + SHORT] = { 0 };
	unsigned n = 0;
	int fd[2];

	(void)state;
	memcpy(two, &shorter, sizeof(shorter));
	memcpy(two + NLMSG_ALIGN(SHORT), &shorter, sizeof(shorter));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	assert_int_equal(send(fd[1], two, sizeof(two), 0), sizeof(two));
	assert_int_equal(send(fd[1], two, SHORT, 0), SHORT);
	assert_int_equal(send(fd[1], &done, sizeof(done), 0), sizeof(done));
	assert_int_equal(rtnl_ask(fd[0], RTM_GETLINK, NLM_F_DUMP, "", 1, count, &n), -1);
	assert_int_equal(errno, EPROTO); /* an end that is too short to say how it went */
	assert_int_equal(n, 3);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_attribute),
		cmocka_unit_test(test_last_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
