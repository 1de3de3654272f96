/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Matches as terms: the fields of packets and the order in which a rule asks for them. */
#include "kernel/nft_term.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define IHL_WITHOUT_OPTIONS 0x45
#define TCP_SYN 0x02

/* Offsets into a quoted packet count from the ICMP header, which is 8 bytes long in both families;
 * the quoted IP header of 20 or 40 bytes follows it, then the quoted ports. */
static const struct nft_field fields[] = {
	{ NFT_IN, FW_F_IIFNAME, FAMILIES_BOTH, false, 0, 16, "iifname" },
	{ NFT_OUT, FW_F_OIFNAME, FAMILIES_BOTH, false, 0, 16, "oifname" },
	{ NFT_NFPROTO, FW_F_NFPROTO, FAMILIES_BOTH, false, 0, 1, "meta nfproto" },
	{ NFT_L4PROTO, FW_F_L4PROTO, FAMILIES_BOTH, false, 0, 1, "meta l4proto" },
	{ NFT_ICMP_TYPE, FW_F_TRANSPORT, FAMILIES_BOTH, false, 0, 1, "type" },
	{ NFT_QUOTED_IHL, FW_F_TRANSPORT, FAMILIES_V4, true, 8, 1, NULL },
	{ NFT_QUOTED_PROTO, FW_F_TRANSPORT, FAMILIES_V4, true, 17, 1, NULL },
	{ NFT_QUOTED_PROTO, FW_F_TRANSPORT, FAMILIES_V6, true, 14, 1, NULL },
	{ NFT_SPORT, FW_F_TRANSPORT, FAMILIES_BOTH, false, 0, 2, "sport" },
	{ NFT_SPORT, FW_F_TRANSPORT, FAMILIES_V4, true, 28, 2, NULL },
	{ NFT_SPORT, FW_F_TRANSPORT, FAMILIES_V6, true, 48, 2, NULL },
	{ NFT_DPORT, FW_F_TRANSPORT, FAMILIES_BOTH, false, 2, 2, "dport" },
	{ NFT_DPORT, FW_F_TRANSPORT, FAMILIES_V4, true, 30, 2, NULL },
	{ NFT_DPORT, FW_F_TRANSPORT, FAMILIES_V6, true, 50, 2, NULL },
	{ NFT_SRC, FW_F_NETWORK, FAMILIES_V4, false, 12, 4, "ip saddr" },
	{ NFT_SRC, FW_F_NETWORK, FAMILIES_V6, false, 8, 16, "ip6 saddr" },
	{ NFT_SRC, FW_F_TRANSPORT, FAMILIES_V4, true, 20, 4, NULL },
	{ NFT_SRC, FW_F_TRANSPORT, FAMILIES_V6, true, 16, 16, NULL },
	{ NFT_DST, FW_F_NETWORK, FAMILIES_V4, false, 16, 4, "ip daddr" },
	{ NFT_DST, FW_F_NETWORK, FAMILIES_V6, false, 24, 16, "ip6 daddr" },
	{ NFT_DST, FW_F_TRANSPORT, FAMILIES_V4, true, 24, 4, NULL },
	{ NFT_DST, FW_F_TRANSPORT, FAMILIES_V6, true, 32, 16, NULL },
	{ NFT_TCP_FLAGS, FW_F_TRANSPORT, FAMILIES_BOTH, false, 13, 1, "tcp flags" },
	{ NFT_DST_KIND, FW_F_FIB_DADDR_TYPE, FAMILIES_BOTH, false, 0, 4, "fib daddr type" },
};

/* Datatype numbers: nftables include/datatype.h, part of its interface since they are in userdata.
 */
static const struct nft_kind_info kinds[NFT_KINDS] = {
	[NFT_PORTS] = { 13, 2, true, "type inet_service", 0, 5 },
	[NFT_QUOTED_PORTS] = { 4, 2, true, "typeof @th,224,16", 224, 5 },
	[NFT_ADDRS4] = { 7, 4, true, "type ipv4_addr", 0, 2 },
	[NFT_ADDRS6] = { 8, 16, true, "type ipv6_addr", 0, 1 },
	[NFT_QUOTED_ADDRS4] = { 4, 4, true, "typeof @th,160,32", 160, 5 },
	[NFT_QUOTED_ADDRS6] = { 4, 16, true, "typeof @th,128,128", 128, 5 },
	[NFT_IFACES] = { 41, 16, true, "type ifname", 0, 1 },
	[NFT_ICMP_TYPES] = { 14, 1, false, "type icmp_type", 0, 1 },
	[NFT_ICMPV6_TYPES] = { 29, 1, false, "type icmpv6_type", 0, 1 },
};

const struct nft_kind_info *nft_kind_info(enum nft_kind k)
{
	return &kinds[k];
}

enum nft_kind nft_field_kind(const struct nft_field *f)
{
	bool v4 = f->families == FAMILIES_V4;

	switch (f->slot) {
	case NFT_IN:
	case NFT_NOT_IN:
	case NFT_OUT:
	case NFT_NOT_OUT:
		return NFT_IFACES;
	case NFT_SPORT:
	case NFT_DPORT:
		return f->quoted ? NFT_QUOTED_PORTS : NFT_PORTS;
	case NFT_SRC:
	case NFT_NOT_SRC:
	case NFT_DST:
	case NFT_NOT_DST:
		if (f->quoted)
			return v4 ? NFT_QUOTED_ADDRS4 : NFT_QUOTED_ADDRS6;
		return v4 ? NFT_ADDRS4 : NFT_ADDRS6;
	case NFT_NFPROTO:
	case NFT_L4PROTO:
	case NFT_ICMP_TYPE: /* which of the two kinds the family says */
	case NFT_QUOTED_IHL:
	case NFT_QUOTED_PROTO:
	case NFT_TCP_FLAGS:
	case NFT_DST_KIND:
	case NFT_SLOTS:
		break;
	}
	return NFT_NUMBER;
}

const struct nft_field *nft_field_find(enum fw_field load, uint16_t offset, uint8_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct nft_field *f = &fields[i];
		bool may_be_shorter = f->slot == NFT_SRC || f->slot == NFT_DST;

		if (f->load == load && f->offset == offset && len &&
		    (len == f->len || (may_be_shorter && len < f->len)))
			return f;
	}
	return NULL;
}

static const struct nft_field *field_of(enum nft_slot slot, unsigned families, bool quoted)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].slot == slot && fields[i].quoted == quoted &&
		    (fields[i].families & families) == families)
			return &fields[i];
	return NULL;
}

static bool has_addresses(const struct match *m)
{
	return m->src.n || m->not_src.n || m->dst.n || m->not_dst.n;
}

bool nft_match_fits(const struct match *m, enum table_family table)
{
	unsigned seen = table == TABLE_IP    ? FAMILIES_V4
			: table == TABLE_IP6 ? FAMILIES_V6
					     : FAMILIES_BOTH;

	if (!m->families || m->families & ~seen)
		return false;
	if (m->families == FAMILIES_BOTH && (m->icmp != ICMP_ANY || has_addresses(m)))
		return false;
	if ((m->sport.n || m->dport.n) && !proto_has_ports(m->proto))
		return false;
	return m->tcp == TCP_ANY || (m->proto == IPPROTO_TCP && m->icmp == ICMP_ANY);
}

struct terms { /* being written */
	const struct match *m;
	struct nft_term *v;
	size_t n;
	unsigned families;
	bool inet, quoted;
};

static struct nft_term *add_term(struct terms *t, enum nft_slot slot, bool negated)
{
	struct nft_term *e = &t->v[t->n++];
	/* Only what the quoted packet has is looked for in it; interfaces and types are ours. */
	bool quoted = t->quoted && slot >= NFT_QUOTED_IHL && slot <= NFT_NOT_DST;

	*e = (struct nft_term){
		.field = field_of(slot, quoted || slot >= NFT_SRC ? t->families : 0, quoted),
		.slot = negated && slot != NFT_TCP_FLAGS && slot != NFT_DST_KIND ? slot + 1 : slot,
		.negated = negated,
	};
	return e;
}

static struct nft_term *add_number(struct terms *t, enum nft_slot slot, uint32_t number)
{
	struct nft_term *e = add_term(t, slot, false);

	e->list = (struct nft_list){ .kind = NFT_NUMBER, .n = 1, .number = number };
	return e;
}

static void add_list(struct terms *t, enum nft_slot slot, bool negated, const void *v, size_t n)
{
	struct nft_term *e;

	if (!n)
		return;
	e = add_term(t, slot, negated);
	e->list = (struct nft_list){ .kind = nft_field_kind(e->field), .v = v, .n = n };
}

static void add_nfproto(struct terms *t, bool implied)
{
	if (t->inet && t->families != FAMILIES_BOTH)
		add_number(t, NFT_NFPROTO, t->families == FAMILIES_V4 ? AF_INET : AF_INET6)
			->implied = implied;
}

/* nft puts it directly before the addresses, and does not list it before a protocol that it takes
 * to imply it. */
static bool nfproto_is_late(const struct match *m)
{
	return has_addresses(m) || m->proto == IPPROTO_ICMP || m->proto == IPPROTO_ICMPV6;
}

static void add_icmp(struct terms *t)
{
	bool v4 = t->families == FAMILIES_V4;
	const uint8_t *types;
	size_t n = icmp_kind_types(t->m->icmp, v4 ? FAMILY_V4 : FAMILY_V6, &types);

	add_nfproto(t, true);
	add_number(t, NFT_L4PROTO, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)->implied = true;
	add_term(t, NFT_ICMP_TYPE, false)->list = (struct nft_list){
		.kind = v4 ? NFT_ICMP_TYPES : NFT_ICMPV6_TYPES,
		.v = types,
		.n = n,
	};
}

static void add_transport(struct terms *t)
{
	const struct match *m = t->m;

	if (t->quoted && t->families == FAMILIES_V4 && (m->sport.n || m->dport.n))
		add_number(t, NFT_QUOTED_IHL, IHL_WITHOUT_OPTIONS);
	if (t->quoted && m->proto)
		add_number(t, NFT_QUOTED_PROTO, m->proto);
	if (m->icmp == ICMP_ANY && m->proto)
		add_number(t, NFT_L4PROTO, m->proto)->implied =
			m->sport.n || m->dport.n || m->tcp != TCP_ANY;
	add_list(t, NFT_SPORT, false, m->sport.v, m->sport.n);
	add_list(t, NFT_DPORT, false, m->dport.v, m->dport.n);
}

static void add_addresses(struct terms *t)
{
	const struct match *m = t->m;

	if (nfproto_is_late(m) && m->icmp == ICMP_ANY)
		add_nfproto(t, has_addresses(m));
	add_list(t, NFT_SRC, false, m->src.v, m->src.n);
	add_list(t, NFT_SRC, true, m->not_src.v, m->not_src.n);
	add_list(t, NFT_DST, false, m->dst.v, m->dst.n);
	add_list(t, NFT_DST, true, m->not_dst.v, m->not_dst.n);
}

size_t nft_terms(const struct match *m, enum table_family table, struct nft_term out[NFT_SLOTS])
{
	struct terms t = { .m = m,
			   .v = out,
			   .families = m->families,
			   .inet = table == TABLE_INET,
			   .quoted = m->icmp == ICMP_IS_ERROR };

	add_list(&t, NFT_IN, false, m->in.v, m->in.n);
	add_list(&t, NFT_IN, true, m->not_in.v, m->not_in.n);
	add_list(&t, NFT_OUT, false, m->out.v, m->out.n);
	add_list(&t, NFT_OUT, true, m->not_out.v, m->not_out.n);
	if (m->icmp != ICMP_ANY)
		add_icmp(&t);
	else if (!nfproto_is_late(m))
		add_nfproto(&t, false);
	add_transport(&t);
	add_addresses(&t);
	if (m->tcp != TCP_ANY) {
		struct nft_term *e = add_number(&t, NFT_TCP_FLAGS, TCP_SYN);

		e->negated = m->tcp == TCP_CONTINUING;
	}
	/* The lookup that costs most comes last. */
	if (m->dst_kind != DST_ANY) {
		struct nft_term *e = add_number(&t, NFT_DST_KIND, RTN_LOCAL);

		e->negated = m->dst_kind == DST_NOT_LOCAL;
	}
	return t.n;
}

static void prefix_range(const struct prefix *p, uint8_t lo[16], uint8_t hi[16])
{
	size_t bytes = p->family == FAMILY_V4 ? 4 : 16;

	for (size_t i = 0; i < bytes; i++) {
		unsigned kept = p->len > i * 8 ? p->len - i * 8 : 0;

		lo[i] = p->addr[i];
		hi[i] = p->addr[i] | (kept >= 8 ? 0 : 0xff >> kept);
	}
}

/* "veth*" is every name from "veth" to "veth\xff..."; false: a shorter pattern of the list covers
 * it. */
static bool iface_range(const struct nft_list *l, size_t i, uint8_t lo[16], uint8_t hi[16])
{
	const char(*v)[IFNAMSIZ] = (const char(*)[IFNAMSIZ])l->v;
	size_t len = strnlen(v[i], IFNAMSIZ);
	bool pattern = len && v[i][len - 1] == '*';

	for (size_t k = 0; k < l->n; k++) {
		size_t n = strnlen(v[k], IFNAMSIZ);

		if (k != i && n && v[k][n - 1] == '*' && !strncmp(v[k], v[i], n - 1))
			return false;
	}
	memset(lo, 0, 16);
	memcpy(lo, v[i], len - pattern);
	memcpy(hi, lo, 16);
	if (pattern)
		memset(hi + len - 1, 0xff, 16 - (len - 1));
	return true;
}

bool nft_list_range(const struct nft_list *l, size_t i, uint8_t lo[16], uint8_t hi[16])
{
	const struct port_range *ports = l->v;
	const struct prefix *addrs = l->v;
	const uint8_t *types = l->v;

	switch (l->kind) {
	case NFT_PORTS:
	case NFT_QUOTED_PORTS:
		lo[0] = ports[i].lo >> 8;
		lo[1] = ports[i].lo & 0xff;
		hi[0] = ports[i].hi >> 8;
		hi[1] = ports[i].hi & 0xff;
		break;
	case NFT_ADDRS4:
	case NFT_ADDRS6:
	case NFT_QUOTED_ADDRS4:
	case NFT_QUOTED_ADDRS6:
		prefix_range(&addrs[i], lo, hi);
		break;
	case NFT_IFACES:
		return iface_range(l, i, lo, hi);
	case NFT_ICMP_TYPES:
	case NFT_ICMPV6_TYPES:
		lo[0] = hi[0] = types[i];
		break;
	case NFT_NUMBER:
	case NFT_KINDS:
		return false;
	}
	return true;
}

bool nft_list_is_single(const struct nft_list *l)
{
	const struct prefix *addr = l->v;
	const char *name = l->v;

	if (l->n != 1)
		return false;
	if (l->kind == NFT_QUOTED_ADDRS4 || l->kind == NFT_QUOTED_ADDRS6)
		return addr->len != 0;
	return l->kind != NFT_IFACES || name[0] != '*';
}

static int compare_prefixes(const struct prefix *a, const struct prefix *b)
{
	int c = memcmp(a->addr, b->addr, a->family == FAMILY_V4 ? 4 : 16);

	return c ? c : a->len - b->len;
}

int nft_list_compare(const struct nft_list *a, const struct nft_list *b)
{
	size_t size = a->kind == NFT_IFACES ? IFNAMSIZ : 1;
	int c = 0;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	if (a->v == b->v)
		return 0;
	switch (a->kind) {
	case NFT_PORTS:
	case NFT_QUOTED_PORTS:
		return memcmp(a->v, b->v, a->n * sizeof(struct port_range));
	case NFT_ADDRS4:
	case NFT_ADDRS6:
	case NFT_QUOTED_ADDRS4:
	case NFT_QUOTED_ADDRS6:
		for (size_t i = 0; !c && i < a->n; i++)
			c = compare_prefixes((const struct prefix *)a->v + i,
					     (const struct prefix *)b->v + i);
		return c;
	case NFT_IFACES:
	case NFT_ICMP_TYPES:
	case NFT_ICMPV6_TYPES:
		return memcmp(a->v, b->v, a->n * size);
	case NFT_NUMBER:
	case NFT_KINDS:
		break;
	}
	return 0;
}

void nft_proto_text(uint8_t proto, struct text *t)
{
	const char *name = proto_name(proto);

	if (proto == IPPROTO_ICMPV6) /* nft follows /etc/protocols */
		name = "ipv6-icmp";
	if (proto == IPPROTO_IPIP)
		name = "ipencap";
	if (name)
		text_add(t, "%s", name);
	else
		text_add(t, "%u", proto);
}
