/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before the C library (LD_PRELOAD): makes libiptc's talk with the kernel fail.
 * UNTRACK_FAULT is "WHEN CALL ERROR FIRST LAST": before or after the call; replace, counters or
 * entries; the number of the error; which calls of that kind, from 1, of both families together.
 * UNTRACK_KERNEL is what is wrong with nf_tables or the kernel as a whole: "no-nft", "no-legacy";
 * "refuses": it does not know notrack; "forgets": it acknowledges a batch and does nothing;
 * "narrow": it takes 64 KiB at once; "no-u32": no rule of iptables with a match u32. */
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

/* The same numbers in both families: linux/netfilter_ipv4/ip_tables.h. */
#define SET_REPLACE 64
#define SET_ADD_COUNTERS 65
#define GET_ENTRIES 65

struct fault {
	char when[8], call[16];
	int error;
	unsigned first, last;
};

static bool kernel(const char *fault)
{
	const char *is = getenv("UNTRACK_KERNEL");

	return is && strcmp(is, fault) == 0;
}

int socket(int domain, int type, int protocol)
{
	int (*real)(int, int, int);

	*(void **)&real = dlsym(RTLD_NEXT, "socket");
	if (domain == AF_NETLINK && protocol == NETLINK_NETFILTER && kernel("no-nft")) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return real(domain, type, protocol);
}

int access(const char *name, int mode)
{
	int (*real)(const char *, int);

	*(void **)&real = dlsym(RTLD_NEXT, "access");
	if (strstr(name, "_tables_names") && kernel("no-legacy")) {
		errno = ENOENT;
		return -1;
	}
	return real(name, mode);
}

/* Batches are the only messages of three parts. */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int);
	char *at = NULL;

	*(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
	if (m->msg_iovlen != 3)
		return real(fd, m, flags);
	if (kernel("forgets"))
		return 1;
	if (kernel("narrow") && m->msg_iov[1].iov_len > 65536) {
		errno = EMSGSIZE;
		return -1;
	}
	if (kernel("refuses"))
		at = memmem(m->msg_iov[1].iov_base, m->msg_iov[1].iov_len, "notrack", 8);
	if (at)
		memcpy(at, "nosuch!", 7);
	return real(fd, m, flags);
}

static unsigned calls; /* of the kind that fails */

/* Does this call fail? *f says when and how. */
static bool is_due(int level, const char *call, struct fault *f)
{
	const char *text = getenv("UNTRACK_FAULT");

	if ((level != IPPROTO_IP && level != IPPROTO_IPV6) || !call || !text ||
	    sscanf(text, "%7s %15s %d %u %u", f->when, f->call, &f->error, &f->first, &f->last) !=
		    5 ||
	    strcmp(f->call, call) != 0)
		return false;
	calls++;
	return calls >= f->first && calls <= f->last;
}

int setsockopt(int fd, int level, int name, const void *v, socklen_t len)
{
	int (*real)(int, int, int, const void *, socklen_t);
	const char *call = name == SET_REPLACE	      ? "replace"
			   : name == SET_ADD_COUNTERS ? "counters"
						      : NULL;
	struct fault f;
	bool due = is_due(level, call, &f);

	*(void **)&real = dlsym(RTLD_NEXT, "setsockopt");
	if (name == SET_REPLACE && kernel("no-u32") && memmem(v, len, "u32", 4)) {
		errno = EINVAL;
		return -1;
	}
	if (!due)
		return real(fd, level, name, v, len);
	if (strcmp(f.when, "after") == 0)
		real(fd, level, name, v, len);
	errno = f.error;
	return -1;
}

int getsockopt(int fd, int level, int name, void *v, socklen_t *len)
{
	int (*real)(int, int, int, void *, socklen_t *);
	struct fault f;

	*(void **)&real = dlsym(RTLD_NEXT, "getsockopt");
	if (!is_due(level, name == GET_ENTRIES ? "entries" : NULL, &f))
		return real(fd, level, name, v, len);
	errno = f.error;
	return -1;
}
