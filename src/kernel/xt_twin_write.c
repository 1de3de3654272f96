/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A match, and the exemption's part of a twin, in iptables' words. */
#include "kernel/xt_quote.h"

#include <netinet/in.h> /* before the headers of the kernel */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nft_snapshot.h"

#define TCP_FLAGS_OF_STATE 0x17 /* FIN, SYN, RST, ACK */
#define TCP_SYN 0x02

void xt_buf_add(struct xt_buf **v, size_t *n, const char *name, uint8_t revision, const void *data,
		size_t len)
{
	struct xt_buf *x = ARRAY_ADD(*v, *n);

	memcpy(x->name, name, strnlen(name, sizeof x->name - 1));
	x->revision = revision;
	x->len = XT_ALIGN(len);
	x->data = xcalloc(1, x->len);
	memcpy(x->data, data, len);
}

static void write_tcp(const struct match *m, struct xt_buf **v, size_t *n)
{
	struct xt_tcp tcp;

	if (m->tcp == TCP_ANY)
		return;
	memset(&tcp, 0, sizeof tcp);
	tcp.spts[1] = tcp.dpts[1] = UINT16_MAX;
	tcp.flg_mask = TCP_FLAGS_OF_STATE;
	tcp.flg_cmp = TCP_SYN;
	tcp.invflags = m->tcp == TCP_CONTINUING ? XT_TCP_INV_FLAGS : 0;
	xt_buf_add(v, n, "tcp", 0, &tcp, sizeof tcp);
}

/* A port takes one slot, a range two. */
static void write_ports(const struct ports *p, uint8_t side, struct xt_buf **v, size_t *n)
{
	struct xt_multiport_v1 x;

	if (!p->n)
		return;
	memset(&x, 0, sizeof x);
	x.flags = side;
	for (size_t i = 0; i < p->n; i++) {
		bool range = p->v[i].lo != p->v[i].hi;

		if (x.count + range >= XT_MULTI_PORTS)
			break; /* does not fit */
		x.pflags[x.count] = range;
		x.ports[x.count++] = p->v[i].lo;
		if (range)
			x.ports[x.count++] = p->v[i].hi;
	}
	xt_buf_add(v, n, "multiport", 1, &x, sizeof x);
}

static void write_dst_kind(const struct match *m, struct xt_buf **v, size_t *n)
{
	struct xt_addrtype_info_v1 x;

	if (m->dst_kind == DST_ANY)
		return;
	memset(&x, 0, sizeof x);
	x.dest = XT_ADDRTYPE_LOCAL;
	x.flags = m->dst_kind == DST_NOT_LOCAL ? XT_ADDRTYPE_INVERT_DEST : 0;
	xt_buf_add(v, n, "addrtype", 1, &x, sizeof x);
}

static void write_range(const struct prefix *p, uint8_t side, struct xt_buf **v, size_t *n)
{
	size_t bytes = p->family == FAMILY_V4 ? 4 : 16;
	struct xt_iprange_mtinfo x;
	union nf_inet_addr *min, *max;

	memset(&x, 0, sizeof x);
	x.flags = side;
	min = side & IPRANGE_SRC ? &x.src_min : &x.dst_min;
	max = side & IPRANGE_SRC ? &x.src_max : &x.dst_max;
	memcpy(min, p->addr, bytes);
	memcpy(max, p->addr, bytes);
	for (size_t i = p->len; i < 8 * bytes; i++)
		((uint8_t *)max)[i / 8] |= (uint8_t)(0x80 >> i % 8);
	xt_buf_add(v, n, "iprange", 1, &x, sizeof x);
}

void xt_addresses_write(const struct match *m, struct xt_buf **v, size_t *n)
{
	const struct {
		const struct addrs *list;
		uint8_t side;
	} sides[] = {
		{ &m->src, IPRANGE_SRC },
		{ &m->not_src, IPRANGE_SRC | IPRANGE_SRC_INV },
		{ &m->dst, IPRANGE_DST },
		{ &m->not_dst, IPRANGE_DST | IPRANGE_DST_INV },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
		for (size_t k = 0; k < sides[i].list->n; k++)
			write_range(&sides[i].list->v[k], sides[i].side, v, n);
}

static void write_untracked(const struct match *m, struct xt_buf **v, size_t *n)
{
	struct xt_conntrack_mtinfo3 x;

	memset(&x, 0, sizeof x);
	x.match_flags = XT_CONNTRACK_STATE;
	x.state_mask = XT_CONNTRACK_STATE_UNTRACKED;
	if (m->answers)
		x.state_mask |= XT_CONNTRACK_STATE_INVALID;
	xt_buf_add(v, n, "conntrack", 3, &x, sizeof x);
}

void xt_comment_write(const char *prefix, const char *comment, struct xt_buf **v, size_t *n)
{
	const size_t head = strlen(prefix);
	struct xt_comment_info x;

	memset(&x, 0, sizeof x);
	memcpy(x.comment, prefix, head);
	memcpy(x.comment + head, comment, strnlen(comment, sizeof x.comment - 1 - head));
	xt_buf_add(v, n, "comment", 0, &x, sizeof x);
}

void xt_match_write(const struct match *m, struct xt_buf **v, size_t *n)
{
	if (m->icmp == ICMP_ANY) {
		write_tcp(m, v, n);
		write_ports(&m->sport, XT_MULTIPORT_SOURCE, v, n);
		write_ports(&m->dport, XT_MULTIPORT_DESTINATION, v, n);
	}
	xt_quote_write(m, v, n);
	write_dst_kind(m, v, n);
}

struct xt_buf *xt_twin_write(const struct match *m, const char *names, size_t *n)
{
	struct xt_buf *v = NULL;

	*n = 0;
	xt_match_write(m, &v, n);
	if (m->icmp != ICMP_IS_ERROR)
		xt_addresses_write(m, &v, n);
	write_untracked(m, &v, n);
	xt_comment_write(NFT_TWIN_PREFIX, names, &v, n);
	return v;
}

void xt_bufs_free(struct xt_buf *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].data);
	free(v);
}
