/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nf_tables over netlink: dumps that are whole or said not to be, and one batch per transaction. */
#include "kernel/nft_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "kernel/netlink.h"
#include "util.h"

/* What the kernel puts into one message of a dump at most (af_netlink.c, netlink_recvmsg): a larger
 * buffer is never filled, and of a smaller dump only the pages used are touched. */
#define RECV_BYTES 32768
#define RECV_BYTES_MAX (1u << 20) /* should that ever change: not for ever */
#define REQUEST_BYTES 1024
#define BATCH_FIRST_BYTES 16384
#define SEND_OVERHEAD 65536 /* what SO_SNDBUF counts besides the bytes, generously */
#define LOST_MAX 16	    /* times that it says in one collection that replies were lost */

/* Sequence numbers of a batch: BEGIN, then the messages, then END. */
#define SEQ_BEGIN 1u
#define SEQ_FIRST 2u

struct nft_wire {
	struct mnl_socket *nl;
	uint32_t seq; /* of the last dump */
	char *buf;
	size_t cap;
};

static void refused(struct diag *d, int errnum, const char *what)
{
	diag_error(d, NULL, "nf-tables", errnum, "%s", what);
	if (errnum == EPERM)
		diag_cure(d, "run as root (CAP_NET_ADMIN in this network namespace)");
	else if (errnum == EOPNOTSUPP || errnum == EINVAL || errnum == EPROTONOSUPPORT ||
		 errnum == EAFNOSUPPORT)
		diag_cure(d, "this kernel has no nf_tables; try: modprobe nf_tables");
}

struct nft_wire *nft_wire_open(struct diag *d)
{
	struct nft_wire *w = xcalloc(1, sizeof *w);
	int on = 1;

	w->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!w->nl || mnl_socket_bind(w->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		refused(d, errno, "no netlink socket for netfilter");
		nft_wire_close(w);
		return NULL;
	}
	/* Refused by kernels before 4.12; they answer all the same, only at greater length. */
	mnl_socket_setsockopt(w->nl, NETLINK_CAP_ACK, &on, sizeof on);
	mnl_socket_setsockopt(w->nl, NETLINK_EXT_ACK, &on, sizeof on);
	w->cap = RECV_BYTES;
	w->buf = xgrow(NULL, 0, w->cap); /* not zeroed: most of it is never touched */
	w->seq = SEQ_FIRST;
	return w;
}

void nft_wire_close(struct nft_wire *w)
{
	if (!w)
		return;
	if (w->nl)
		mnl_socket_close(w->nl);
	free(w->buf);
	free(w);
}

static struct nlmsghdr *put_header(char *at, uint16_t type, uint8_t family, uint16_t flags,
				   uint32_t seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(at);
	struct nfgenmsg *g;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof *g);
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return h;
}

/* A request in the receive buffer. Names make it some hundred bytes at most; their padding is zero.
 */
static struct nlmsghdr *put_request(struct nft_wire *w, uint16_t type, uint8_t family,
				    uint16_t flags)
{
	memset(w->buf, 0, REQUEST_BYTES);
	return put_header(w->buf, type, family, flags, ++w->seq);
}

static uint16_t nft_type(uint16_t msg)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | msg);
}

/* One datagram into the buffer. Its length, or -1 with errno; a cut one is ENOSPC. */
static ssize_t receive(struct nft_wire *w, int flags)
{
	struct iovec io = { w->buf, w->cap };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t n;

	do {
		n = recvmsg(mnl_socket_get_fd(w->nl), &m, flags);
	} while (n < 0 && errno == EINTR);
	if (n >= 0 && m.msg_flags & MSG_TRUNC) {
		errno = ENOSPC;
		return -1;
	}
	return n;
}

static int error_of(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

	return mnl_nlmsg_get_payload_len(h) < sizeof e->error ? EPROTO : -e->error;
}

struct dump {
	void (*cb)(const struct nlmsghdr *h, void *ctx);
	void *ctx;
	bool done, interrupted;
	int errnum;
};

/* By hand, because mnl_cb_run stops at NLM_F_DUMP_INTR and leaves the rest queued (FACTS C). */
static void dump_datagram(struct nft_wire *w, struct dump *u, size_t n)
{
	const struct nlmsghdr *h = (const void *)w->buf;
	int left = (int)n;

	for (; netlink_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		if (h->nlmsg_seq != w->seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			u->interrupted = true;
		if (h->nlmsg_type == NLMSG_DONE) {
			u->done = true;
		} else if (h->nlmsg_type == NLMSG_ERROR) {
			u->done = true;
			u->errnum = error_of(h);
		} else if (!u->interrupted &&
			   mnl_nlmsg_get_payload_len(h) >= sizeof(struct nfgenmsg)) {
			u->cb(h, u->ctx);
		}
	}
}

int nft_wire_dump(struct nft_wire *w, uint16_t msg, uint8_t family,
		  void (*build)(struct nlmsghdr *h, const void *arg), const void *arg,
		  void (*cb)(const struct nlmsghdr *h, void *ctx), void *ctx)
{
	struct dump u = { .cb = cb, .ctx = ctx };
	struct nlmsghdr *h = put_request(w, nft_type(msg), family, NLM_F_DUMP);

	if (build)
		build(h, arg);
	if (mnl_socket_sendto(w->nl, h, h->nlmsg_len) < 0)
		return -1;
	while (!u.done) {
		ssize_t n = receive(w, 0);

		if (n > 0) {
			dump_datagram(w, &u, (size_t)n);
		} else if (n < 0 && errno == ENOSPC && w->cap < RECV_BYTES_MAX) {
			w->cap *= 2; /* the request is written anew next time: no copy */
			free(w->buf);
			w->buf = xgrow(NULL, 0, w->cap);
			u.interrupted = true;
		} else {
			return -1;
		}
	}
	if (u.errnum && u.errnum != EINTR) {
		errno = u.errnum;
		return -1;
	}
	return u.interrupted || u.errnum ? 1 : 0;
}

static int genid_failed(struct diag *d, int errnum)
{
	refused(d, errnum, "cannot read nf_tables");
	errno = errnum;
	return 0;
}

uint32_t nft_wire_genid(struct nft_wire *w, struct diag *d)
{
	struct nlmsghdr *h = put_request(w, nft_type(NFT_MSG_GETGEN), AF_UNSPEC, 0);
	const struct nlattr *a;
	ssize_t n;

	if (mnl_socket_sendto(w->nl, h, h->nlmsg_len) < 0)
		return (uint32_t)genid_failed(d, errno);
	do {
		n = receive(w, 0);
		if (n < 0)
			return (uint32_t)genid_failed(d, errno);
		h = (void *)w->buf;
	} while (!netlink_ok(h, (int)n) || h->nlmsg_seq != w->seq);
	if (h->nlmsg_type == NLMSG_ERROR)
		return (uint32_t)genid_failed(d, error_of(h));
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == NFTA_GEN_ID &&
		    mnl_attr_get_payload_len(a) == sizeof(uint32_t))
			return ntohl(mnl_attr_get_u32(a));
	}
	return (uint32_t)genid_failed(d, EPROTO);
}

struct nlmsghdr *nft_batch_msg(struct nft_batch *b, uint16_t msg, uint8_t family, uint16_t flags,
			       size_t room)
{
	size_t cap = b->cap ? b->cap : BATCH_FIRST_BYTES;

	b->room = NLMSG_LENGTH(sizeof(struct nfgenmsg)) + room;
	while (cap - b->len < b->room)
		cap *= 2;
	if (cap != b->cap) {
		char *data = xcalloc(1, cap);

		if (b->len)
			memcpy(data, b->data, b->len);
		free(b->data);
		b->data = data;
		b->cap = cap;
	}
	return put_header(b->data + b->len, nft_type(msg), family, flags, SEQ_FIRST + b->n);
}

void nft_batch_done(struct nft_batch *b, struct nlmsghdr *h)
{
	if (h->nlmsg_len > b->room)
		abort(); /* memory is overwritten: a bug in the caller's room */
	b->len += NLMSG_ALIGN(h->nlmsg_len);
	b->n++;
}

void nft_batch_free(struct nft_batch *b)
{
	free(b->data);
	*b = (struct nft_batch){ 0 };
}

/* The socket's default takes small batches as they are: only the others cost these calls. FORCE
 * needs the right in the initial user namespace; without it the limit is net.core.wmem_max. */
static ssize_t send_batch(struct nft_wire *w, const struct msghdr *m)
{
	int fd = mnl_socket_get_fd(w->nl), want;
	ssize_t n = sendmsg(fd, m, 0);
	size_t bytes = SEND_OVERHEAD;

	if (n >= 0 || errno != EMSGSIZE)
		return n;
	for (size_t i = 0; i < m->msg_iovlen; i++)
		bytes += m->msg_iov[i].iov_len;
	want = bytes > INT_MAX / 2 ? INT_MAX / 2 : (int)bytes; /* the kernel doubles it */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof want) != 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof want);
	return sendmsg(fd, m, 0);
}

struct replies {
	struct nft_error *errors;
	size_t max, n;
	bool lost, stale;
};

static void reply(struct replies *r, uint32_t seq, int errnum)
{
	if (seq == SEQ_BEGIN && errnum == ERESTART)
		r->stale = true;
	if (r->n < r->max)
		r->errors[r->n] = (struct nft_error){
			.message = seq < SEQ_FIRST ? UINT32_MAX : seq - SEQ_FIRST,
			.errnum = errnum,
		};
	r->n++;
}

/* The kernel works while we send: every reply is queued when sendmsg returns. It says once that
 * replies were lost (netlink_overrun, net/netlink/af_netlink.c); one that says so for ever has
 * none. */
static void collect(struct nft_wire *w, struct replies *r)
{
	for (int lost = 0; lost < LOST_MAX;) {
		ssize_t n = receive(w, MSG_DONTWAIT);
		const struct nlmsghdr *h = (const void *)w->buf;
		int left = (int)n;

		if (n < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
			r->lost = true;
			lost++;
			continue;
		}
		if (n <= 0)
			return;
		for (; netlink_ok(h, left); h = mnl_nlmsg_next(h, &left))
			if (h->nlmsg_type == NLMSG_ERROR && error_of(h))
				reply(r, h->nlmsg_seq, error_of(h));
	}
}

static void put_edge(char *at, uint16_t type, uint32_t seq, uint32_t genid)
{
	struct nlmsghdr *h = put_header(at, type, AF_UNSPEC, 0, seq);
	struct nfgenmsg *g = mnl_nlmsg_get_payload(h);

	g->res_id = htons(NFNL_SUBSYS_NFTABLES);
	if (type == NFNL_MSG_BATCH_BEGIN)
		mnl_attr_put_u32(h, NFNL_BATCH_GENID, htonl(genid));
}

enum nft_send nft_batch_send(struct nft_wire *w, struct nft_batch *b, uint32_t genid, bool dry,
			     struct nft_error *errors, size_t max, size_t *n_errors)
{
	struct {
		struct nlmsghdr h;
		char rest[sizeof(struct nfgenmsg) + 8];
	} begin, end;
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct iovec io[3] = { { &begin, sizeof begin },
			       { b->data, b->len },
			       { &end, NLMSG_LENGTH(sizeof(struct nfgenmsg)) } };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = io };
	struct replies r = { .errors = errors, .max = max };

	memset(&begin, 0, sizeof begin);
	memset(&end, 0, sizeof end);
	put_edge((char *)&begin, NFNL_MSG_BATCH_BEGIN, SEQ_BEGIN, genid);
	put_edge((char *)&end, NFNL_MSG_BATCH_END, SEQ_FIRST + b->n, genid);
	m.msg_iovlen = dry ? 2 : 3; /* without END it is validated and thrown away (FACTS C3) */
	if (send_batch(w, &m) < 0)
		reply(&r, 0, errno);
	else
		collect(w, &r);
	*n_errors = r.n;
	if (r.stale)
		return NFT_STALE;
	if (r.n)
		return NFT_REFUSED;
	return r.lost ? NFT_UNKNOWN : NFT_SENT;
}
