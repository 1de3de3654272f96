/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of connection tracking, asked of ctnetlink. */
#include "kernel/conntrack_entry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "util.h"

#define COUNT_FILE "/proc/sys/net/netfilter/nf_conntrack_count"
#define RECV_BYTES 32768 /* the largest piece of a dump (af_netlink.c) */
#define REPLY_SECONDS 5

struct nlmsghdr *ct_header(char *buf, uint16_t type, uint16_t flags, uint8_t family, uint32_t seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = seq;
	g->nfgen_family = family;
	return h;
}

static bool get_address(const struct nlattr *a, size_t len, uint8_t *out)
{
	if (mnl_attr_get_payload_len(a) != len)
		return false;
	memcpy(out, mnl_attr_get_payload(a), len);
	return true;
}

static bool parse_ip(const struct nlattr *ip, struct ct_tuple *t)
{
	const struct nlattr *a;
	unsigned got = 0;

	mnl_attr_for_each_nested(a, ip)
	{
		switch (mnl_attr_get_type(a)) {
		case CTA_IP_V4_SRC:
			got |= get_address(a, 4, t->src) && t->family == FAMILY_V4 ? 1 : 0;
			break;
		case CTA_IP_V4_DST:
			got |= get_address(a, 4, t->dst) && t->family == FAMILY_V4 ? 2 : 0;
			break;
		case CTA_IP_V6_SRC:
			got |= get_address(a, 16, t->src) && t->family == FAMILY_V6 ? 1 : 0;
			break;
		case CTA_IP_V6_DST:
			got |= get_address(a, 16, t->dst) && t->family == FAMILY_V6 ? 2 : 0;
			break;
		}
	}
	return got == 3;
}

static bool parse_proto(const struct nlattr *proto, struct ct_tuple *t)
{
	const struct nlattr *a;
	unsigned got = 0;

	mnl_attr_for_each_nested(a, proto)
	{
		uint16_t len = mnl_attr_get_payload_len(a);

		switch (mnl_attr_get_type(a)) {
		case CTA_PROTO_NUM:
			t->proto = len == 1 ? mnl_attr_get_u8(a) : 0;
			break;
		case CTA_PROTO_SRC_PORT:
			t->sport = len == 2 ? ntohs(mnl_attr_get_u16(a)) : 0;
			got |= len == 2 ? 1 : 0;
			break;
		case CTA_PROTO_DST_PORT:
			t->dport = len == 2 ? ntohs(mnl_attr_get_u16(a)) : 0;
			got |= len == 2 ? 2 : 0;
			break;
		case CTA_PROTO_ICMP_TYPE:
		case CTA_PROTO_ICMPV6_TYPE:
			t->icmp_type = len == 1 ? mnl_attr_get_u8(a) : 0;
			break;
		}
	}
	return t->proto && (got == 3 || !proto_has_ports(t->proto));
}

/* A whole tuple: anything less must never be sent back, where it could mean "all" (FACTS E2). */
static bool parse_tuple(const struct nlattr *tuple, enum family f, struct ct_tuple *t)
{
	const struct nlattr *a, *ip = NULL, *proto = NULL;

	*t = (struct ct_tuple){ .family = f };
	if (!tuple)
		return false;
	mnl_attr_for_each_nested(a, tuple)
	{
		if (mnl_attr_get_type(a) == CTA_TUPLE_IP)
			ip = a;
		if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO)
			proto = a;
	}
	return ip && proto && parse_ip(ip, t) && parse_proto(proto, t);
}

bool ct_entry_parse(const struct nlmsghdr *h, struct ct_entry *e)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *reply = NULL;
	enum family f;

	*e = (struct ct_entry){ 0 };
	if (mnl_nlmsg_get_payload_len(h) < sizeof(*g) ||
	    (g->nfgen_family != AF_INET && g->nfgen_family != AF_INET6))
		return false;
	f = g->nfgen_family == AF_INET ? FAMILY_V4 : FAMILY_V6;
	mnl_attr_for_each(a, h, sizeof(*g))
	{
		switch (mnl_attr_get_type(a)) {
		case CTA_TUPLE_ORIG:
			e->tuple = a;
			break;
		case CTA_TUPLE_REPLY:
			reply = a;
			break;
		case CTA_STATUS:
			if (mnl_attr_get_payload_len(a) == 4)
				e->status = ntohl(mnl_attr_get_u32(a));
			break;
		case CTA_HELP:
			e->helper = true;
			break;
		case CTA_ID:
			e->id = a;
			break;
		case CTA_ZONE:
			e->zone = a;
			break;
		}
	}
	return e->id && mnl_attr_get_payload_len(e->id) == 4 &&
	       (!e->zone || mnl_attr_get_payload_len(e->zone) == 2) &&
	       parse_tuple(e->tuple, f, &e->orig) && parse_tuple(reply, f, &e->reply);
}

/* One datagram of a dump. 1: more is to come; 0: that was the end; -1 with errno. */
static int see_entries(const char *buf, size_t len, uint32_t seq, bool *interrupted, ct_fn *fn,
		       void *ctx)
{
	int left = (int)len;

	for (const struct nlmsghdr *h = (const struct nlmsghdr *)buf; mnl_nlmsg_ok(h, left);
	     h = mnl_nlmsg_next(h, &left)) {
		int error = 0;

		if (h->nlmsg_seq != seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*interrupted = true;
		if (h->nlmsg_type != NLMSG_DONE && h->nlmsg_type != NLMSG_ERROR) {
			fn(h, ctx);
			continue;
		}
		if (mnl_nlmsg_get_payload_len(h) >= sizeof(error)) /* both begin with it */
			memcpy(&error, mnl_nlmsg_get_payload(h), sizeof(error));
		errno = -error;
		return error ? -1 : 0;
	}
	return 1;
}

int ct_dump(struct mnl_socket *nl, const struct ct_question *q, uint32_t *next_seq, ct_fn *fn,
	    void *ctx)
{
	_Alignas(struct nlmsghdr) char request[64] = { 0 };
	struct nlmsghdr *h =
		ct_header(request, IPCTNL_MSG_CT_GET, NLM_F_DUMP, q->family, (*next_seq)++);
	auto_free char *buf = NULL;
	bool interrupted = false;
	int rc = 1;

	if (q->mask) { /* Linux 5.15; before that, entries are more than was asked for */
		mnl_attr_put_u32(h, CTA_STATUS, htonl(q->status));
		mnl_attr_put_u32(h, CTA_STATUS_MASK, htonl(q->mask));
	}
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -1;
	buf = xcalloc(1, RECV_BYTES);
	while (rc > 0) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, RECV_BYTES);

		if (n < 0)
			return -1;
		rc = see_entries(buf, (size_t)n, h->nlmsg_seq, &interrupted, fn, ctx);
	}
	if (!rc && interrupted) {
		errno = EINTR;
		return -1;
	}
	return rc;
}

struct mnl_socket *ct_open(void)
{
	const struct timeval limit = { .tv_sec = REPLY_SECONDS };
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int yes = 1;

	if (!nl)
		return NULL;
	mnl_socket_setsockopt(nl, NETLINK_CAP_ACK, &yes, sizeof(yes));
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		int errnum = errno;

		mnl_socket_close(nl);
		errno = errnum;
		return NULL;
	}
	return nl;
}

bool ct_is_tracking(void)
{
	size_t len;
	auto_free char *s = read_file(AT_FDCWD, COUNT_FILE, &len);

	return s && strcmp(s, "0\n") != 0;
}
