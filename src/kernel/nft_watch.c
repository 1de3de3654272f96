/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notifications of nf_tables: of each commit the one message that ends it, with the number of the
 * new generation and whose it is (nf_tables_gen_notify() in net/netfilter/nf_tables_api.c). */
#include "kernel/nft_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "kernel/nft_attr.h"
#include "kernel/netlink.h"
#include "util.h"

#define BUF_BYTES 8192 /* a notification of a generation has some 60 bytes */
#define ASK_SEQ 1u

struct nft_watch {
	struct mnl_socket *nl;
	uint32_t own; /* our number, as the kernel counts in these messages; 0: unknown */
	char buf[BUF_BYTES];
};

static uint16_t nft_type(uint16_t msg)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | msg);
}

/* Of a commit with a thousand rules a thousand and one messages come. The kernel passes on to us
 * only the last one: its type, as the filter's big-endian load sees the host's order. */
static int only_generations(const struct mnl_socket *nl)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(nft_type(NFT_MSG_NEWGEN)), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	return setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof program);
}

struct generation {
	uint32_t pid;
	char name[16];
};

/* false: it is something else. */
static bool read_generation(const struct nlmsghdr *h, struct generation *g)
{
	const struct nlattr *a;

	*g = (struct generation){ 0 };
	if (h->nlmsg_type != nft_type(NFT_MSG_NEWGEN) ||
	    mnl_nlmsg_get_payload_len(h) < sizeof(struct nfgenmsg))
		return false;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == NFTA_GEN_PROC_PID)
			g->pid = nft_attr_u32(a, 0);
		if (mnl_attr_get_type(a) == NFTA_GEN_PROC_NAME && nft_attr_len(a))
			memcpy(g->name, mnl_attr_get_payload(a),
			       nft_attr_len(a) < sizeof g->name ? nft_attr_len(a)
								: sizeof g->name - 1);
	}
	return true;
}

/* The answer to a question names who asked. 0 or -1 with errno. */
static int ask_own_number(struct nft_watch *w)
{
	char request[NLMSG_LENGTH(sizeof(struct nfgenmsg))] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct generation g;
	ssize_t n;

	h->nlmsg_type = nft_type(NFT_MSG_GETGEN);
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = ASK_SEQ;
	mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg));
	if (mnl_socket_sendto(w->nl, h, h->nlmsg_len) < 0)
		return -1;
	n = mnl_socket_recvfrom(w->nl, w->buf, sizeof w->buf);
	if (n < 0)
		return -1;
	h = (void *)w->buf;
	if (netlink_ok(h, (int)n) && h->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

		errno = mnl_nlmsg_get_payload_len(h) < sizeof e->error ? EPROTO : -e->error;
		return -1;
	}
	if (netlink_ok(h, (int)n) && read_generation(h, &g))
		w->own = g.pid;
	return 0;
}

/* First the question, then the group: until then nothing but the answer comes. */
static int set_up(struct nft_watch *w)
{
	int group = NFNLGRP_NFTABLES;

	w->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!w->nl || mnl_socket_bind(w->nl, 0, MNL_SOCKET_AUTOPID) < 0 || ask_own_number(w) ||
	    only_generations(w->nl))
		return -1;
	return mnl_socket_setsockopt(w->nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
}

struct nft_watch *nft_watch_open(bool *absent, struct diag *d)
{
	struct nft_watch *w = xcalloc(1, sizeof *w);

	*absent = false;
	if (!set_up(w))
		return w;
	/* As in nft_open(): nfnetlink without this subsystem, or no nfnetlink. */
	*absent = errno == EINVAL || errno == EPROTONOSUPPORT || errno == EOPNOTSUPP;
	if (!*absent)
		diag_error(d, NULL, "nf-tables", errno, "the kernel does not tell of changes");
	if (!*absent && errno == EPERM)
		diag_cure(d, "run as root (CAP_NET_ADMIN in this network namespace)");
	nft_watch_close(w);
	return NULL;
}

int nft_watch_fd(const struct nft_watch *w)
{
	return mnl_socket_get_fd(w->nl);
}

static void note(const struct nft_watch *w, const struct nlmsghdr *h, struct nft_news *news)
{
	struct generation g;

	if (!read_generation(h, &g) || (w->own && g.pid == w->own))
		return;
	news->commits++;
	news->pid = g.pid;
	memcpy(news->name, g.name, sizeof news->name);
}

int nft_watch_read(struct nft_watch *w, struct nft_news *news)
{
	for (;;) {
		ssize_t n = recv(nft_watch_fd(w), w->buf, sizeof w->buf, MSG_DONTWAIT);
		const struct nlmsghdr *h = (const void *)w->buf;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			news->lost = true;
			continue;
		}
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
		for (; netlink_ok(h, left); h = mnl_nlmsg_next(h, &left))
			note(w, h, news);
	}
}

void nft_watch_close(struct nft_watch *w)
{
	if (!w)
		return;
	if (w->nl)
		mnl_socket_close(w->nl);
	free(w);
}
