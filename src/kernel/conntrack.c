/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drains connection tracking entries over ctnetlink: dump, match, exact delete. */
#include "kernel/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "kernel/conntrack_host.h"
#include "util.h"

#define COUNT_FILE "/proc/sys/net/netfilter/nf_conntrack_count"
#define RECV_BYTES 32768 /* the largest piece of a dump (af_netlink.c) */
#define BATCH_MAX                                                                      \
	100 /* deletions in one send: their errors must fit into our socket (FACTS C3) \
	     */
#define DELETE_BYTES 512 /* one deletion at most: tuple, id, zone */
#define ROUNDS 3	 /* dumps, when interrupted */
#define REPLY_SECONDS 5

struct entry { /* of one dumped message; attributes point into it */
	struct ct_tuple orig, reply;
	const struct nlattr *tuple, *id, *zone;
	uint32_t status;
	bool helper;
};

struct drain {
	const struct ruleset *rs;
	struct ct_host host;
	struct mnl_socket *dump, *del;
	char *recv_buf, *batch;
	size_t used;	 /* bytes of batch */
	unsigned queued; /* deletions in batch */
	uint32_t seq;	 /* of the next message */
	struct nlmsghdr *last;
	bool broken; /* the socket for deletions: errno says why */
	struct drain_report *report;
};

static struct nlmsghdr *put_header(char *buf, uint16_t type, uint16_t flags, uint8_t family,
				   uint32_t seq)
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

static bool parse_entry(const struct nlmsghdr *h, struct entry *e)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *reply = NULL;
	enum family f;

	*e = (struct entry){ 0 };
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

/* One datagram of answers to a batch. 1: more is to come. */
static int count_answers(struct drain *dr, const char *buf, size_t len, uint32_t last)
{
	int left = (int)len;

	for (const struct nlmsghdr *h = (const struct nlmsghdr *)buf; mnl_nlmsg_ok(h, left);
	     h = mnl_nlmsg_next(h, &left)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

		if (h->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(h) < sizeof(*e))
			continue;
		if (e->error && e->error != -ENOENT) /* ENOENT: gone by itself meanwhile */
			dr->report->failed++;
		if (e->error)
			dr->report->deleted--;
		if (h->nlmsg_seq == last)
			return 0;
	}
	return 1;
}

/* Errors come for the messages that failed, and an answer in any case for the last one. */
static void flush_batch(struct drain *dr)
{
	uint32_t last;
	int more = 1;

	if (!dr->queued || dr->broken)
		return;
	dr->last->nlmsg_flags |= NLM_F_ACK;
	last = dr->last->nlmsg_seq;
	dr->report->deleted += dr->queued;
	dr->broken = mnl_socket_sendto(dr->del, dr->batch, dr->used) < 0;
	while (more && !dr->broken) {
		_Alignas(struct nlmsghdr) char buf[8192];
		ssize_t n = mnl_socket_recvfrom(dr->del, buf, sizeof(buf));

		if (n > 0)
			more = count_answers(dr, buf, (size_t)n, last);
		else
			dr->broken = true;
	}
	if (dr->broken) { /* what became of them is not known */
		dr->report->deleted -= dr->queued;
		dr->report->failed += dr->queued;
	}
	dr->used = dr->queued = 0;
}

/* The tuple goes back as it came, so that nothing of it can get lost; the zone likewise. */
static void queue_deletion(struct drain *dr, const struct nlmsghdr *from, const struct entry *e)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(from);
	char *to = dr->batch + dr->used;
	struct nlmsghdr *h;

	if (e->tuple->nla_len > DELETE_BYTES / 2) {
		dr->report->failed++;
		return;
	}
	h = put_header(to, IPCTNL_MSG_CT_DELETE, 0, g->nfgen_family, dr->seq++);
	mnl_attr_put(h, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload_len(e->tuple),
		     mnl_attr_get_payload(e->tuple));
	mnl_attr_put(h, CTA_ID, mnl_attr_get_payload_len(e->id), mnl_attr_get_payload(e->id));
	if (e->zone)
		mnl_attr_put(h, CTA_ZONE, mnl_attr_get_payload_len(e->zone),
			     mnl_attr_get_payload(e->zone));
	dr->used += MNL_ALIGN(h->nlmsg_len);
	dr->last = h;
	if (++dr->queued == BATCH_MAX)
		flush_batch(dr);
}

static void see_entry(struct drain *dr, const struct nlmsghdr *h)
{
	struct entry e;

	dr->report->seen++;
	if (dr->broken || !parse_entry(h, &e) || !conntrack_is_exempt(dr->rs, &dr->host, &e.orig))
		return;
	if (e.status & (IPS_SRC_NAT | IPS_DST_NAT) || !conntrack_is_inverse(&e.orig, &e.reply))
		dr->report->kept_nat++;
	else if (e.helper)
		dr->report->kept_helper++;
	else
		queue_deletion(dr, h, &e);
}

/* One datagram of a dump. 1: more is to come; 0: that was the end; -1 with errno. */
static int see_entries(struct drain *dr, size_t len, uint32_t seq, bool *interrupted)
{
	int left = (int)len;

	for (const struct nlmsghdr *h = (const struct nlmsghdr *)dr->recv_buf;
	     mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		int error = 0;

		if (h->nlmsg_seq != seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*interrupted = true;
		if (h->nlmsg_type != NLMSG_DONE && h->nlmsg_type != NLMSG_ERROR) {
			see_entry(dr, h);
			continue;
		}
		if (mnl_nlmsg_get_payload_len(h) >= sizeof(error)) /* both begin with it */
			memcpy(&error, mnl_nlmsg_get_payload(h), sizeof(error));
		errno = -error;
		return error ? -1 : 0;
	}
	return 1;
}

/* One dump of one family. 0; -1 with errno: EINTR if the kernel says that it was interrupted. */
static int drain_family(struct drain *dr, uint8_t family)
{
	_Alignas(struct nlmsghdr) char buf[64] = { 0 };
	struct nlmsghdr *h = put_header(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family, dr->seq++);
	bool interrupted = false;
	int rc = 1;

	if (mnl_socket_sendto(dr->dump, h, h->nlmsg_len) < 0)
		return -1;
	while (rc > 0) {
		ssize_t n = mnl_socket_recvfrom(dr->dump, dr->recv_buf, RECV_BYTES);

		if (n < 0)
			return -1;
		rc = see_entries(dr, (size_t)n, h->nlmsg_seq, &interrupted);
	}
	flush_batch(dr);
	if (!rc && interrupted) {
		errno = EINTR;
		return -1;
	}
	return rc;
}

/* Entries that an interrupted dump has missed are in the next one; what is deleted is not. */
static int drain_rounds(struct drain *dr, uint8_t family)
{
	unsigned long seen = dr->report->seen, nat = dr->report->kept_nat,
		      helper = dr->report->kept_helper;
	int rc = -1;

	for (int i = 0; i < ROUNDS && rc; i++) {
		dr->report->seen = seen;
		dr->report->kept_nat = nat;
		dr->report->kept_helper = helper;
		rc = drain_family(dr, family);
		if (rc && errno != EINTR)
			break;
	}
	return rc;
}

static struct mnl_socket *open_socket(void)
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

/* Asking ctnetlink would load it; so would asking about a table that nobody uses. */
static bool is_tracking(void)
{
	size_t len;
	auto_free char *s = read_file(AT_FDCWD, COUNT_FILE, &len);

	return s && strcmp(s, "0\n") != 0;
}

static int run(struct drain *dr, unsigned families)
{
	dr->dump = open_socket();
	dr->del = dr->dump ? open_socket() : NULL;
	if (!dr->del)
		return -1;
	dr->recv_buf = xcalloc(1, RECV_BYTES);
	dr->batch = xcalloc(BATCH_MAX, DELETE_BYTES);
	if (families & FAMILIES_V4 && drain_rounds(dr, AF_INET))
		return -1;
	if (families & FAMILIES_V6 && drain_rounds(dr, AF_INET6))
		return -1;
	return dr->broken || dr->report->failed ? -1 : 0;
}

int conntrack_drain(const struct ruleset *rs, struct drain_report *report, struct diag *d)
{
	struct drain dr = { .rs = rs, .seq = 1, .report = report };
	struct ct_routes *routes;
	unsigned families = 0;
	int rc;

	*report = (struct drain_report){ 0 };
	for (size_t i = 0; i < rs->n_rules; i++)
		families |= rs->rules[i].match.families;
	if (!families || !is_tracking())
		return 0;
	routes = ct_routes_open(&dr.host);
	rc = routes ? run(&dr, families) : -1;
	if (rc) {
		int errnum = errno;

		if (report->failed)
			diag_warn(d, NULL, "drain",
				  "%lu stale conntrack entries could not be dropped",
				  report->failed);
		else
			diag_warn(d, NULL, "drain",
				  "the conntrack table could not be searched for stale entries: %s",
				  strerror(errnum));
		diag_cure(d,
			  "they end by their timeouts; conntrack -L shows them, and untrack apply "
			  "tries again");
	}
	if (routes)
		ct_routes_free(routes, &dr.host);
	if (dr.dump)
		mnl_socket_close(dr.dump);
	if (dr.del)
		mnl_socket_close(dr.del);
	free(dr.recv_buf);
	free(dr.batch);
	return rc;
}
