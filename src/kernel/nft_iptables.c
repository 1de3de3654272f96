/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins as iptables-nft would write them. */
#include "kernel/nft_iptables.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/nft_body.h"
#include "kernel/nft_rule.h"
#include "kernel/xt_quote.h"
#include "rules/iptables.h"

/* Of one extension beside its data, and of header, names and protocol. */
#define EXTENSION_ROOM 128
#define HEADER_ROOM 2048
#define TCP_FLAGS_OFFSET 13
/* The kernel gives a listing in pieces of 32 KiB (net/netlink/af_netlink.c). A rule that does not
 * fit into one ends every listing without an error: nft and iptables then see no rule at all. */
#define LISTED_MAX 28000

/* Bytes of the rule as the kernel lists it, or a little more. A body has two letters for each. */
static size_t listed_size(const struct twin *w)
{
	size_t n, size = HEADER_ROOM + strlen(w->body) / 2;
	struct xt_buf *v = xt_twin_write(&w->match, w->names, &n);

	for (size_t i = 0; i < n; i++)
		size += EXTENSION_ROOM + v[i].len;
	xt_bufs_free(v, n);
	return size;
}

bool nft_iptables_fits(const struct twin *w)
{
	unsigned families = w->family == TABLE_IP ? FAMILIES_V4 : FAMILIES_V6;

	return w->family != TABLE_INET && w->match.families == families &&
	       iptables_match_fits(&w->match) && !strchr(w->body, '{') &&
	       listed_size(w) <= LISTED_MAX;
}

size_t nft_iptables_room(const struct twin *w, const struct xt_buf *v, size_t n)
{
	size_t room = HEADER_ROOM + nft_body_room(w->body);

	for (size_t i = 0; i < n; i++)
		room += EXTENSION_ROOM + v[i].len;
	return room;
}

/* "eth0" with the byte that ends it, "eth*" without. */
static void put_iface(struct nlmsghdr *h, uint32_t key, const struct ifaces *in,
		      const struct ifaces *not_in)
{
	const struct ifaces *l = in->n ? in : not_in;
	size_t len;

	if (!l->n)
		return;
	len = strnlen(l->v[0], IFNAMSIZ - 1);
	nft_meta_put(h, key);
	nft_cmp_put(h, l == not_in, l->v[0],
		    (uint32_t)(len && l->v[0][len - 1] == '*' ? len - 1 : len + 1));
}

static uint8_t header_proto(const struct match *m)
{
	if (m->icmp == ICMP_IS_ERROR)
		return m->families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	return m->proto;
}

static void put_address(struct nlmsghdr *h, bool src, bool inverted, const struct prefix *p)
{
	uint32_t full = p->family == FAMILY_V4 ? 4 : 16;
	uint32_t offset = p->family == FAMILY_V4 ? (src ? 12 : 16) : (src ? 8 : 24);
	uint32_t len = p->len && p->len % 8 == 0 ? p->len / 8 : full;
	uint8_t mask[16] = { 0 };

	for (unsigned i = 0; i < p->len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	nft_payload_put(h, NFT_PAYLOAD_NETWORK_HEADER, offset, len);
	if (p->len != 8 * len)
		nft_bitwise_put(h, mask, len);
	nft_cmp_put(h, inverted, p->addr, len);
}

/* Protocol, interfaces, and the addresses that the body begins with; *body is moved past them. */
static void put_header(struct nlmsghdr *h, const struct match *m, const char **body)
{
	uint8_t proto = header_proto(m);
	bool src, inverted;
	struct prefix p;

	put_iface(h, NFT_META_IIFNAME, &m->in, &m->not_in);
	put_iface(h, NFT_META_OIFNAME, &m->out, &m->not_out);
	if (proto) {
		nft_meta_put(h, NFT_META_L4PROTO);
		nft_cmp_put(h, false, &proto, sizeof proto);
	}
	while (iptables_take_address(body, &src, &inverted, &p))
		put_address(h, src, inverted, &p);
}

static void put_extension(struct nlmsghdr *h, const struct xt_buf *x)
{
	struct nlattr *elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM), *data;

	mnl_attr_put_strz(h, NFTA_EXPR_NAME, "match");
	data = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
	mnl_attr_put_strz(h, NFTA_MATCH_NAME, x->name);
	mnl_attr_put_u32(h, NFTA_MATCH_REV, htonl(x->revision));
	mnl_attr_put(h, NFTA_MATCH_INFO, x->len, x->data);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, elem);
}

/* iptables prints all native tests of TCP's flags of a rule as one match, the last of them: next to
 * those of a body ours are a match that it leaves alone. */
static bool body_tests_tcp(const char *body)
{
	return strstr(body, "payload:") != NULL;
}

static void put_tcp_flags(struct nlmsghdr *h, const struct match *m, const struct xt_buf *x,
			  const char *body)
{
	struct xt_buf *other = NULL;
	struct xt_tcp tcp;
	size_t n = 0;

	if (body_tests_tcp(body)) {
		xt_quote_flags(m, &other, &n);
		put_extension(h, other);
		xt_bufs_free(other, n);
		return;
	}
	memcpy(&tcp, x->data, sizeof tcp);
	nft_payload_put(h, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1);
	nft_bitwise_put(h, &tcp.flg_mask, 1);
	nft_cmp_put(h, tcp.invflags & XT_TCP_INV_FLAGS, &tcp.flg_cmp, 1);
}

static void put_compat(struct nlmsghdr *h, uint8_t proto)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_RULE_COMPAT);

	mnl_attr_put_u32(h, NFTA_RULE_COMPAT_PROTO, htonl(proto));
	mnl_attr_put_u32(h, NFTA_RULE_COMPAT_FLAGS, 0);
	mnl_attr_nest_end(h, nest);
}

int nft_iptables_put(struct nlmsghdr *h, const struct twin *w, const struct xt_buf *v, size_t n)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	const char *body = w->body;
	int rc;

	put_header(h, &w->match, &body);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, "tcp"))
			put_tcp_flags(h, &w->match, &v[i], body);
		else
			put_extension(h, &v[i]);
	rc = nft_body_put(h, body, 0);
	mnl_attr_nest_end(h, nest);
	put_compat(h, header_proto(&w->match));
	return rc;
}
