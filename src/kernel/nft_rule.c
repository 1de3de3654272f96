/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of nf_tables for the terms of a match and for what our rules do. */
#include "kernel/nft_rule.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#define TCP_FLAGS_OF_STATE 0x17 /* FIN, SYN, RST, ACK */

static struct nftnl_expr *expr(const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	return e ? e : xcalloc(0, SIZE_MAX); /* fails with the line about memory */
}

static void put(struct nlmsghdr *h, struct nftnl_expr *e)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_LIST_ELEM);

	nftnl_expr_build_payload(h, e);
	mnl_attr_nest_end(h, nest);
	nftnl_expr_free(e);
}

void nft_payload_put(struct nlmsghdr *h, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nftnl_expr *e = expr("payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	put(h, e);
}

void nft_meta_put(struct nlmsghdr *h, uint32_t key)
{
	struct nftnl_expr *e = expr("meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
	put(h, e);
}

static void put_fib(struct nlmsghdr *h)
{
	struct nftnl_expr *e = expr("fib");

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	put(h, e);
}

void nft_bitwise_put(struct nlmsghdr *h, const uint8_t *mask, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = expr("bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
	put(h, e);
}

void nft_cmp_put(struct nlmsghdr *h, bool negated, const void *data, uint32_t len)
{
	struct nftnl_expr *e = expr("cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, negated ? NFT_CMP_NEQ : NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
	put(h, e);
}

static void put_range(struct nlmsghdr *h, const uint8_t *lo, const uint8_t *hi, uint32_t len)
{
	struct nftnl_expr *e = expr("range");

	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_OP, NFT_RANGE_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_FROM_DATA, lo, len);
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_TO_DATA, hi, len);
	put(h, e);
}

static void put_lookup(struct nlmsghdr *h, const struct nft_set_ref *set, bool negated)
{
	struct nftnl_expr *e = expr("lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set->name);
	if (set->id)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SET_ID, set->id);
	if (negated)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	put(h, e);
}

static void put_load(struct nlmsghdr *h, const struct nft_field *f, uint32_t len)
{
	switch (f->load) {
	case FW_F_NETWORK:
		nft_payload_put(h, NFT_PAYLOAD_NETWORK_HEADER, f->offset, len);
		break;
	case FW_F_TRANSPORT:
		nft_payload_put(h, NFT_PAYLOAD_TRANSPORT_HEADER, f->offset, len);
		break;
	case FW_F_L4PROTO:
		nft_meta_put(h, NFT_META_L4PROTO);
		break;
	case FW_F_NFPROTO:
		nft_meta_put(h, NFT_META_NFPROTO);
		break;
	case FW_F_IIFNAME:
		nft_meta_put(h, NFT_META_IIFNAME);
		break;
	case FW_F_OIFNAME:
		nft_meta_put(h, NFT_META_OIFNAME);
		break;
	case FW_F_FIB_DADDR_TYPE:
		put_fib(h);
		break;
	case FW_F_OTHER:
	case FW_F_CT_STATE:
	case FW_F_CT_OTHER:
	case FW_F_IIF:
	case FW_F_OIF:
	case FW_F_META_MARK:
	case FW_F_META_OTHER:
		break; /* no field of ours */
	}
}

/* Whole bytes of a prefix are loaded and compared as such, as nft does it; others through a mask.
 */
static void put_prefix(struct nlmsghdr *h, const struct nft_term *t)
{
	const struct prefix *p = t->list.v;
	uint8_t mask[16] = { 0 };

	if (p->len && p->len % 8 == 0) {
		put_load(h, t->field, p->len / 8);
		nft_cmp_put(h, t->negated, p->addr, p->len / 8);
		return;
	}
	for (unsigned i = 0; i < p->len; i++)
		mask[i / 8] |= 0x80 >> i % 8;
	put_load(h, t->field, t->field->len);
	nft_bitwise_put(h, mask, t->field->len);
	nft_cmp_put(h, t->negated, p->addr, t->field->len);
}

static void put_iface(struct nlmsghdr *h, const struct nft_term *t)
{
	const char *name = t->list.v;
	char padded[IFNAMSIZ] = { 0 };
	size_t len = strnlen(name, IFNAMSIZ);

	memcpy(padded, name, len);
	put_load(h, t->field, t->field->len);
	nft_cmp_put(h, t->negated, padded, len && name[len - 1] == '*' ? len - 1 : IFNAMSIZ);
}

static void put_number(struct nlmsghdr *h, const struct nft_term *t)
{
	uint32_t host = t->list.number;
	uint8_t byte = (uint8_t)host, flags = TCP_FLAGS_OF_STATE;

	put_load(h, t->field, t->field->len);
	if (t->slot == NFT_TCP_FLAGS)
		nft_bitwise_put(h, &flags, 1);
	if (t->field->len == 1)
		nft_cmp_put(h, t->negated, &byte, 1);
	else
		nft_cmp_put(h, t->negated, &host, sizeof host);
}

static void put_ports(struct nlmsghdr *h, const struct nft_term *t)
{
	uint8_t lo[16], hi[16];

	nft_list_range(&t->list, 0, lo, hi);
	put_load(h, t->field, t->field->len);
	if (memcmp(lo, hi, t->field->len))
		put_range(h, lo, hi, t->field->len);
	else
		nft_cmp_put(h, t->negated, lo, t->field->len);
}

static void put_term(struct nlmsghdr *h, const struct nft_term *t, const struct nft_set_ref *set)
{
	if (set->name) {
		put_load(h, t->field, t->field->len);
		put_lookup(h, set, t->negated);
		return;
	}
	switch (t->list.kind) {
	case NFT_NUMBER:
		put_number(h, t);
		break;
	case NFT_PORTS:
	case NFT_QUOTED_PORTS:
	case NFT_ICMP_TYPES:
	case NFT_ICMPV6_TYPES:
		put_ports(h, t);
		break;
	case NFT_ADDRS4:
	case NFT_ADDRS6:
	case NFT_QUOTED_ADDRS4:
	case NFT_QUOTED_ADDRS6:
		put_prefix(h, t);
		break;
	case NFT_IFACES:
		put_iface(h, t);
		break;
	case NFT_KINDS:
		break;
	}
}

void nft_match_put(struct nlmsghdr *h, const struct match *m, enum table_family table,
		   const struct nft_set_ref sets[NFT_SLOTS])
{
	struct nft_term terms[NFT_SLOTS];
	size_t n = nft_terms(m, table, terms);

	for (size_t i = 0; i < n; i++)
		put_term(h, &terms[i], &sets[terms[i].slot]);
}

uint32_t nft_untracked_bits(const struct match *m)
{
	return NF_CT_STATE_UNTRACKED_BIT | (m->answers ? NF_CT_STATE_INVALID_BIT : 0);
}

void nft_untracked_put(struct nlmsghdr *h, const struct match *m)
{
	uint32_t bits = nft_untracked_bits(m), zero = 0;
	struct nftnl_expr *e = expr("ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	put(h, e);
	nft_bitwise_put(h, (const uint8_t *)&bits, sizeof bits);
	nft_cmp_put(h, true, &zero, sizeof zero);
}

void nft_counter_put(struct nlmsghdr *h, const char *name)
{
	struct nftnl_expr *e = expr("objref");

	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, name);
	put(h, e);
}

void nft_counter_map_put(struct nlmsghdr *h, enum nft_slot port, const struct nft_set_ref *map)
{
	struct nftnl_expr *e = expr("objref");

	nft_payload_put(h, NFT_PAYLOAD_TRANSPORT_HEADER, port == NFT_SPORT ? 0 : 2, 2);
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_SET_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_SET_NAME, map->name);
	if (map->id)
		nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_SET_ID, map->id);
	put(h, e);
}

void nft_notrack_put(struct nlmsghdr *h)
{
	put(h, expr("notrack"));
}

void nft_verdict_put(struct nlmsghdr *h, int verdict, const char *chain)
{
	struct nftnl_expr *e = expr("immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
	put(h, e);
}

void nft_comment_put(struct nlmsghdr *h, const char *comment)
{
	struct {
		uint8_t type, len;
		char text[254];
	} u = { .type = NFTNL_UDATA_RULE_COMMENT };
	size_t n = strnlen(comment, sizeof u.text - 1);

	memcpy(u.text, comment, n);
	u.text[n] = 0;
	u.len = (uint8_t)(n + 1);
	mnl_attr_put(h, NFTA_RULE_USERDATA, n + 3, &u);
}
