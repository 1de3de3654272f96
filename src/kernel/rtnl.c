/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to rtnetlink: one request, its answers to a callback. */
#include "kernel/rtnl.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util.h"

#define ANSWER_SIZE 32768 /* the kernel never sends more in one piece of a dump */
#define REQUEST_SIZE 256

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

int rtnl_open(void)
{
	const int yes = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0) /* Linux 4.20; before that, answers are more than was asked for */
		setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &yes, sizeof(yes));
	return fd;
}

static int send_request(int fd, uint16_t type, uint16_t flags, const void *payload, size_t len)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	_Alignas(struct nlmsghdr) char buf[REQUEST_SIZE] = { 0 };
	struct nlmsghdr *h = (struct nlmsghdr *)buf;

	if (NLMSG_SPACE(len) > sizeof(buf)) {
		errno = EINVAL;
		return -1;
	}
	h->nlmsg_len = NLMSG_SPACE(len); /* padded: attributes would begin here */
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = 1;
	memcpy(NLMSG_DATA(h), payload, len);
	return sendto(fd, buf, h->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) <
			       0
		       ? -1
		       : 0;
}

/* What the end of a dump and an error message both begin with: 0, or -1 with errno. */
static int read_error(const struct nlmsghdr *h)
{
	int error = -EPROTO;

	if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
		memcpy(&error, NLMSG_DATA(h), sizeof(error));
	errno = -error;
	return error ? -1 : 0;
}

/* One datagram. 1: more is to come, 0: that was all, -1 with errno. The length is signed: the
 * padding behind the last message may not be in it. */
static int feed(const char *buf, ssize_t len, bool dump, rtnl_fn *fn, void *ctx)
{
	for (const struct nlmsghdr *h = (const struct nlmsghdr *)buf; NLMSG_OK(h, len);
	     h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return read_error(h);
		fn(h, ctx);
		if (!dump)
			return 0;
	}
	return 1;
}

int rtnl_ask(int fd, uint16_t type, uint16_t flags, const void *payload, size_t len, rtnl_fn *fn,
	     void *ctx)
{
	auto_free char *buf = NULL;
	int rc = send_request(fd, type, flags, payload, len);

	if (rc)
		return -1;
	buf = xgrow(NULL, 0, ANSWER_SIZE); /* not zeroed: most of it is never touched */
	do {
		ssize_t n = recv(fd, buf, ANSWER_SIZE, 0);

		if (n < 0 && errno == EINTR)
			rc = 1;
		else if (n <= 0)
			return -1;
		else
			rc = feed(buf, n, flags & NLM_F_DUMP, fn, ctx);
	} while (rc > 0);
	return rc;
}

void rtnl_attributes(const struct nlmsghdr *h, size_t skip, const struct rtattr **v, size_t max)
{
	size_t fixed = NLMSG_SPACE(skip);
	ssize_t len = (ssize_t)h->nlmsg_len - (ssize_t)fixed; /* as in feed */

	memset(v, 0, (max + 1) * sizeof(*v));
	for (const struct rtattr *a = (const struct rtattr *)((const char *)h + fixed);
	     RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type <= max)
			v[a->rta_type] = a;
	}
}
