/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Live connections whose addresses are translated. */
#include "kernel/conntrack_nat.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>
#include <sys/socket.h>
#include "kernel/conntrack_dump.h"
#include "kernel/conntrack_host.h"
#include "kernel/module.h"

#define ROUNDS 3	 /* dumps, when interrupted */
#define SPARE 1024	 /* rows that may be alike before they are counted together */
#define KINDS_MAX 262144 /* rows, none alike */

struct tally {
	struct ct_host host;
	unsigned wanted, unwanted; /* enum ct_flags */
	struct host_nat *v;
	size_t n, limit;
	bool full;
};

/* Everything but the count. */
static int compare_kinds(const void *a, const void *b)
{
	const struct host_nat *x = a, *y = b;
	int diff = (int)x->family - (int)y->family;

	if (!diff)
		diff = x->proto - y->proto;
	if (!diff)
		diff = x->dport - y->dport;
	if (!diff)
		diff = x->dst_local - y->dst_local;
	if (!diff)
		diff = x->reply_sport - y->reply_sport;
	return diff ? diff : x->reply_dst_local - y->reply_dst_local;
}

static void count_together(struct tally *t)
{
	size_t n = 0;

	if (!t->n)
		return;
	qsort(t->v, t->n, sizeof(*t->v), compare_kinds);
	for (size_t i = 1; i < t->n; i++) {
		if (compare_kinds(&t->v[n], &t->v[i]))
			t->v[++n] = t->v[i];
		else
			t->v[n].entries += t->v[i].entries;
	}
	t->n = n + 1;
	t->limit = 2 * t->n + SPARE;
	t->full = t->n > KINDS_MAX;
}

static void see_entry(const struct ct_entry *e, const struct ct_raw *raw, void *ctx)
{
	struct tally *t = ctx;

	(void)raw;
	if ((e->flags & t->wanted) != t->wanted || e->flags & t->unwanted || t->full)
		return;
	if (t->n >= t->limit)
		count_together(t);
	*ARRAY_ADD(t->v, t->n) = (struct host_nat){
		.family = e->orig.family,
		.proto = e->orig.proto,
		.dport = e->orig.dport,
		.dst_local = conntrack_is_local(&t->host, e->orig.family, e->orig.dst),
		.reply_sport = e->reply.sport,
		.reply_dst_local = conntrack_is_local(&t->host, e->reply.family, e->reply.dst),
		.entries = 1,
	};
}

/* The kernel filters by bits that are all set: those with SNAT, and those with DNAT alone. */
static int dump_all(struct tally *t, struct mnl_socket *nl)
{
	struct ct_reading reading = { 0 };
	uint32_t seq = 1;
	int rc = 0;

	for (size_t i = 0; i < 2 && !rc; i++) {
		struct ct_question q = { .family = AF_UNSPEC };

		t->wanted = i ? CT_DST_NAT : CT_SRC_NAT;
		t->unwanted = i ? CT_SRC_NAT : 0;
		q.status = i ? IPS_DST_NAT : IPS_SRC_NAT;
		q.mask = i ? IPS_DST_NAT | IPS_SRC_NAT : IPS_SRC_NAT;
		rc = ct_dump(nl, &q, &seq, see_entry, t, &reading);
	}
	return rc;
}

/* Where an answer was interrupted, the next one may have all. What is short by a few entries still
 * tells what is translated: the last answer stands. */
static int dump_rounds(struct tally *t, struct mnl_socket *nl)
{
	int rc = -1;

	errno = EINTR;
	for (int i = 0; i < ROUNDS && rc && errno == EINTR; i++) {
		free(t->v);
		t->v = NULL;
		t->n = 0;
		t->limit = SPARE;
		t->full = false;
		rc = dump_all(t, nl);
	}
	return rc && errno != EINTR ? -1 : 0;
}

int conntrack_nat_read(struct host *h)
{
	struct tally t = { .limit = SPARE };
	struct ct_routes *routes;
	struct mnl_socket *nl;
	int rc = -1, errnum;

	if (!module_may_be_asked("nf_conntrack_netlink")) {
		errno = ENOPKG;
		return -1;
	}
	routes = ct_routes_open(&t.host);
	nl = routes ? ct_open() : NULL;
	if (nl)
		rc = dump_rounds(&t, nl);
	count_together(&t);
	if (!rc && t.full) {
		rc = -1;
		errno = E2BIG;
	}
	errnum = errno;
	if (nl)
		mnl_socket_close(nl);
	if (routes)
		ct_routes_free(routes, &t.host);
	h->nat = t.v;
	h->n_nat = t.n;
	errno = errnum;
	return rc;
}
