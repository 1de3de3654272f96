/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to ctnetlink about the entries of connection tracking. */
#include "kernel/conntrack_dump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "kernel/netlink.h"
#include "util.h"

#define RECV_BYTES 32768 /* the largest piece of a dump (af_netlink.c) */
#define PIECE_MAX 512	 /* entries of a piece: none is shorter than 64 bytes */
#define MARKS 4096
#define REPLY_SECONDS 5

struct known {
	uint32_t id;
	uint16_t zone;
	struct ct_tuple orig;
};

struct piece { /* the entries of one datagram, to know them again in the next */
	struct known v[PIECE_MAX];
	size_t n;
	uint64_t marks[MARKS / 64]; /* by the last bits of their ids */
};

struct dump {
	struct piece *before, *now;
	ct_fn *fn;
	void *ctx;
	struct ct_reading *r;
};

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

static bool is_known(const struct piece *p, const struct ct_entry *e)
{
	if (!(p->marks[e->id % MARKS / 64] & UINT64_C(1) << e->id % 64))
		return false;
	for (size_t i = p->n; i-- > 0;)
		if (p->v[i].id == e->id && p->v[i].zone == e->zone &&
		    !memcmp(&p->v[i].orig, &e->orig, sizeof(e->orig)))
			return true;
	return false;
}

static void remember(struct piece *p, const struct ct_entry *e)
{
	if (p->n == PIECE_MAX)
		return;
	p->v[p->n].id = e->id;
	p->v[p->n].zone = e->zone;
	memcpy(&p->v[p->n++].orig, &e->orig, sizeof(e->orig));
	p->marks[e->id % MARKS / 64] |= UINT64_C(1) << e->id % 64;
}

static void see_entry(const struct nlmsghdr *h, void *ctx)
{
	struct dump *d = ctx;
	struct ct_entry e;
	struct ct_raw raw;

	if (!ct_entry_parse(h, &e, &raw)) {
		d->r->unread++;
		return;
	}
	remember(d->now, &e);
	if (is_known(d->before, &e)) {
		d->r->again++;
		return;
	}
	d->r->entries++;
	d->r->strange += e.flags & CT_STRANGE ? 1 : 0;
	d->fn(&e, &raw, d->ctx);
}

static void next_piece(struct dump *d)
{
	struct piece *spare = d->before;

	d->before = d->now;
	d->now = spare;
	spare->n = 0;
	memset(spare->marks, 0, sizeof(spare->marks));
}

/* One datagram of answers. 1: more is to come; 0: that was the end; -1 with errno. */
static int see_messages(const char *buf, size_t len, uint32_t seq, bool *interrupted,
			ct_message_fn *fn, void *ctx)
{
	int left = (int)len;

	for (const struct nlmsghdr *h = (const struct nlmsghdr *)buf; netlink_ok(h, left);
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

/* d: of whose pieces are to be kept apart; NULL: no matter. */
static int receive(struct mnl_socket *nl, uint32_t seq, ct_message_fn *fn, void *ctx,
		   struct dump *d)
{
	auto_free char *buf = xcalloc(1, RECV_BYTES);
	bool interrupted = false;
	int rc = 1;

	while (rc > 0) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, RECV_BYTES);

		if (n < 0 && errno == EINTR) /* a signal, and no word of the kernel's */
			continue;
		if (n < 0)
			return -1;
		rc = see_messages(buf, (size_t)n, seq, &interrupted, fn, ctx);
		if (d)
			next_piece(d);
	}
	if (!rc && interrupted) {
		errno = EINTR;
		return -1;
	}
	return rc;
}

int ct_dump(struct mnl_socket *nl, const struct ct_question *q, uint32_t *seq, ct_fn *fn, void *ctx,
	    struct ct_reading *r)
{
	_Alignas(struct nlmsghdr) char request[64] = { 0 };
	struct nlmsghdr *h = ct_header(request, IPCTNL_MSG_CT_GET, NLM_F_DUMP, q->family, (*seq)++);
	auto_free struct piece *pieces = NULL;
	struct dump d = { .fn = fn, .ctx = ctx, .r = r };
	int rc;

	if (q->mask) { /* Linux 5.15; before that, entries are more than was asked for */
		mnl_attr_put_u32(h, CTA_STATUS, htonl(q->status));
		mnl_attr_put_u32(h, CTA_STATUS_MASK, htonl(q->mask));
	}
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -1;
	pieces = xcalloc(2, sizeof(*pieces));
	d.before = pieces;
	d.now = pieces + 1;
	rc = receive(nl, h->nlmsg_seq, see_entry, &d, &d);
	r->interrupted = r->interrupted || (rc && errno == EINTR);
	return rc;
}

int ct_ask(struct mnl_socket *nl, uint16_t type, uint16_t flags, uint32_t *seq, ct_message_fn *fn,
	   void *ctx)
{
	_Alignas(struct nlmsghdr) char request[64] = { 0 };
	struct nlmsghdr *h = ct_header(request, type, flags, AF_UNSPEC, (*seq)++);

	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -1;
	return receive(nl, h->nlmsg_seq, fn, ctx, NULL);
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
