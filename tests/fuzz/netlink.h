/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel that answers what it is asked over netlink with the bytes of the input. It stands in for
 * the system calls, so that all of the program's reading is in the run. */
#ifndef UNTRACK_TESTS_FUZZ_NETLINK_H
#define UNTRACK_TESTS_FUZZ_NETLINK_H

#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIRST_SOCKET 1000000 /* no descriptor of this process: closing it does nothing */
#define SOCKETS_MAX 32
#define ALIGNED(n) (((size_t)(n) + 3) & ~(size_t)3)

enum {			/* a byte of the input says what comes next */
       COMES_END,	/* of the dump, or yes to what was no dump */
       COMES_ERROR,	/* with a byte for errno */
       COMES_HEADER,	/* flags, another sequence number, another length; then as COMES_MESSAGE */
       COMES_FAILURE,	/* of the system call */
       COMES_MESSAGE,	/* two bytes of length, and that many */
       COMES_KINDS = 8, /* the rest are messages, too */
       COMES_MORE = 8,	/* in the same datagram */
       COMES_CUT = 48,	/* all of these: MSG_TRUNC */
};

static struct {
	const uint8_t *v;
	size_t n;
} input;

static struct fake_socket {
	int protocol;
	struct nlmsghdr asked; /* the last message that was sent */
} sockets[SOCKETS_MAX];
static size_t n_sockets;
static size_t scratch; /* bytes of its buffer that the program writes requests to */
/* Every message that is sent; NULL: nobody looks. */
static void (*sees)(const struct nlmsghdr *h);
/* Answers without the input; 0: with it. NULL: never. */
static size_t (*knows)(const struct nlmsghdr *asked, void *to, size_t room);

static inline uint8_t take(void)
{
	if (!input.n)
		return 0;
	input.n--;
	return *input.v++;
}

static inline void kernel_starts(const uint8_t *data, size_t size)
{
	input.v = data;
	input.n = size;
	n_sockets = 0;
}

int socket(int domain, int type, int protocol)
{
	(void)type;
	if (domain != AF_NETLINK || n_sockets == SOCKETS_MAX)
		abort();
	sockets[n_sockets] = (struct fake_socket){ .protocol = protocol };
	return FIRST_SOCKET + (int)n_sockets++;
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	(void)fd, (void)addr, (void)len;
	return 0;
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	const struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_pid = 1 };

	(void)fd;
	memcpy(addr, &self, sizeof(self));
	*len = sizeof(self);
	return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	(void)fd, (void)level, (void)name, (void)value, (void)len;
	return 0;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
	       socklen_t addr_len)
{
	(void)flags, (void)addr, (void)addr_len;
	for (size_t at = 0; at < len;) {
		struct nlmsghdr h;

		if (len - at < sizeof(h))
			abort();
		memcpy(&h, (const char *)buf + at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len - at)
			abort(); /* the program sends nonsense */
		if (sees)
			sees((const struct nlmsghdr *)(const void *)((const char *)buf + at));
		sockets[fd - FIRST_SOCKET].asked = h;
		at += ALIGNED(h.nlmsg_len);
	}
	return (ssize_t)len;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t len = 0;

	for (size_t i = 0; i < m->msg_iovlen; i++)
		len += sendto(fd, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len, flags, NULL, 0);
	return len;
}

/* RTM_NEWLINK for RTM_GETLINK; nobody looks at the type of an answer of netfilter. */
static inline uint16_t answer_type(const struct fake_socket *s)
{
	return s->protocol == NETLINK_ROUTE ? (uint16_t)(s->asked.nlmsg_type - 2)
					    : s->asked.nlmsg_type;
}

static inline size_t put_message(uint8_t *to, size_t room, const struct nlmsghdr *h,
				 const uint8_t *body, size_t len)
{
	if (sizeof(*h) + ALIGNED(len) > room)
		return 0;
	memcpy(to, h, sizeof(*h));
	if (len)
		memcpy(to + sizeof(*h), body, len);
	memset(to + sizeof(*h) + len, 0, ALIGNED(len) - len);
	return sizeof(*h) + len;
}

/* DONE, or ERROR: both begin with an error number. */
static inline size_t put_end(uint8_t *to, size_t room, struct nlmsghdr *h, int errnum)
{
	uint8_t body[sizeof(int) + sizeof(*h)] = { 0 };

	errnum = -errnum;
	memcpy(body, &errnum, sizeof(errnum));
	h->nlmsg_len = sizeof(*h) + sizeof(body);
	return put_message(to, room, h, body, sizeof(body));
}

/* The next message, and whether another one follows it; 0: no room. */
static inline size_t next_message(const struct fake_socket *s, uint8_t *to, size_t room, bool *more,
				  bool *cut)
{
	struct nlmsghdr h = { .nlmsg_type = answer_type(s), .nlmsg_seq = s->asked.nlmsg_seq };
	uint8_t how = take(), lie = 0;
	bool dump = (s->asked.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	size_t len, put;

	*more = how & COMES_MORE;
	*cut = (how & COMES_CUT) == COMES_CUT;
	if (how % COMES_KINDS == COMES_END || how % COMES_KINDS == COMES_ERROR) {
		bool error = how % COMES_KINDS == COMES_ERROR;

		h.nlmsg_type = error || !dump ? NLMSG_ERROR : NLMSG_DONE;
		return put_end(to, room, &h, error ? take() : 0);
	}
	if (how % COMES_KINDS == COMES_HEADER) {
		h.nlmsg_flags = take();
		h.nlmsg_seq += take() & 1;
		h.nlmsg_type = (uint16_t)(h.nlmsg_type + take());
		lie = take();
	}
	len = take();
	len += 256 * (size_t)take();
	len = len < input.n ? len : input.n;
	h.nlmsg_len = (uint32_t)(sizeof(h) + len + lie);
	put = put_message(to, room, &h, input.v, len);
	input.v += len;
	input.n -= len;
	return put;
}

/* One datagram; what is behind it in the buffer is not to be read. */
static inline ssize_t receive_one(int fd, void *buf, size_t room, int *flags)
{
	static const int failures[] = { ENOBUFS, EINTR, EAGAIN, ENOSPC };
	const struct fake_socket *s = &sockets[fd - FIRST_SOCKET];
	bool more = true, cut = false;
	uint8_t *to = buf;
	size_t n = 0, put;

	ASAN_UNPOISON_MEMORY_REGION(buf, room);
	put = knows ? knows(&s->asked, buf, room) : 0;
	if (put)
		return (ssize_t)put;
	if (input.n && *input.v % COMES_KINDS == COMES_FAILURE) {
		errno = failures[take() / COMES_KINDS % 4];
		return -1;
	}
	while (more) {
		n = ALIGNED(n);
		put = n < room ? next_message(s, to + n, room - n, &more, &cut) : 0;
		n += put;
		more = more && put && input.n;
	}
	if (flags)
		*flags = cut ? MSG_TRUNC : 0;
	put = n > scratch ? n : scratch;
	ASAN_POISON_MEMORY_REGION(to + put, room - put);
	return (ssize_t)n;
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	(void)flags;
	return receive_one(fd, buf, len, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (flags & MSG_DONTWAIT && !input.n) {
		errno = EAGAIN;
		return -1;
	}
	if (m->msg_name) {
		memcpy(m->msg_name, &kernel, sizeof(kernel));
		m->msg_namelen = sizeof(kernel);
	}
	return receive_one(fd, m->msg_iov->iov_base, m->msg_iov->iov_len, &m->msg_flags);
}

char *if_indextoname(unsigned index, char name[IF_NAMESIZE])
{
	if (index > 9)
		return NULL;
	memcpy(name, "eth0", sizeof("eth0"));
	name[3] = (char)('0' + index);
	return name;
}

#endif
