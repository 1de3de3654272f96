/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of nf_tables that put something into a register. */
#include "kernel/nft_expr.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <string.h>

struct key { /* of meta and ct, in the order of the kernel's numbers */
	const char *name;
	uint8_t len;
	enum fw_field field;
};

/* What a key of a later kernel may fill: names and addresses are the longest values so far. */
#define UNKNOWN_LEN 16

static const struct key meta_keys[] = {
	{ "meta length", 4, FW_F_META_OTHER },
	{ "meta protocol", 2, FW_F_META_OTHER },
	{ "meta priority", 4, FW_F_META_OTHER },
	{ "meta mark", 4, FW_F_META_MARK },
	{ "meta iif", 4, FW_F_IIF },
	{ "meta oif", 4, FW_F_OIF },
	{ "meta iifname", IFNAMSIZ, FW_F_IIFNAME },
	{ "meta oifname", IFNAMSIZ, FW_F_OIFNAME },
	{ "meta iiftype", 2, FW_F_META_OTHER },
	{ "meta oiftype", 2, FW_F_META_OTHER },
	{ "meta skuid", 4, FW_F_META_OTHER },
	{ "meta skgid", 4, FW_F_META_OTHER },
	{ "meta nftrace", 1, FW_F_META_OTHER },
	{ "meta rtclassid", 4, FW_F_META_OTHER },
	{ "meta secmark", 4, FW_F_META_OTHER },
	{ "meta nfproto", 1, FW_F_NFPROTO },
	{ "meta l4proto", 1, FW_F_L4PROTO },
	{ "meta ibrname", IFNAMSIZ, FW_F_META_OTHER },
	{ "meta obrname", IFNAMSIZ, FW_F_META_OTHER },
	{ "meta pkttype", 1, FW_F_META_OTHER },
	{ "meta cpu", 4, FW_F_META_OTHER },
	{ "meta iifgroup", 4, FW_F_META_OTHER },
	{ "meta oifgroup", 4, FW_F_META_OTHER },
	{ "meta cgroup", 4, FW_F_META_OTHER },
	{ "meta random", 4, FW_F_META_OTHER },
	{ "meta ipsec", 1, FW_F_META_OTHER },
	{ "meta iifkind", IFNAMSIZ, FW_F_META_OTHER },
	{ "meta oifkind", IFNAMSIZ, FW_F_META_OTHER },
	{ "meta ibrpvid", 2, FW_F_META_OTHER },
	{ "meta ibrvproto", 2, FW_F_META_OTHER },
	{ "meta time", 8, FW_F_META_OTHER },
	{ "meta day", 1, FW_F_META_OTHER },
	{ "meta hour", 4, FW_F_META_OTHER },
	{ "meta sdif", 4, FW_F_META_OTHER },
	{ "meta sdifname", IFNAMSIZ, FW_F_META_OTHER },
};

static const struct key ct_keys[] = {
	{ "ct state", 4, FW_F_CT_STATE },      { "ct direction", 1, FW_F_CT_OTHER },
	{ "ct status", 4, FW_F_CT_OTHER },     { "ct mark", 4, FW_F_CT_OTHER },
	{ "ct secmark", 4, FW_F_CT_OTHER },    { "ct expiration", 4, FW_F_CT_OTHER },
	{ "ct helper", 16, FW_F_CT_OTHER },    { "ct l3proto", 1, FW_F_CT_OTHER },
	{ "ct saddr", 16, FW_F_CT_OTHER },     { "ct daddr", 16, FW_F_CT_OTHER },
	{ "ct protocol", 1, FW_F_CT_OTHER },   { "ct proto-src", 2, FW_F_CT_OTHER },
	{ "ct proto-dst", 2, FW_F_CT_OTHER },  { "ct label", 16, FW_F_CT_OTHER },
	{ "ct packets", 8, FW_F_CT_OTHER },    { "ct bytes", 8, FW_F_CT_OTHER },
	{ "ct avgpkt", 8, FW_F_CT_OTHER },     { "ct zone", 2, FW_F_CT_OTHER },
	{ "ct event", 4, FW_F_CT_OTHER },      { "ct ip saddr", 4, FW_F_CT_OTHER },
	{ "ct ip daddr", 4, FW_F_CT_OTHER },   { "ct ip6 saddr", 16, FW_F_CT_OTHER },
	{ "ct ip6 daddr", 16, FW_F_CT_OTHER }, { "ct id", 4, FW_F_CT_OTHER },
};

static void rename_expr(struct fw_expr *e, const char *name)
{
	free(e->name);
	e->name = xstrdup(name);
}

/* A load of the key, or where there is no destination a write of it. */
static bool keyed(struct fw_expr *e, const struct key *k, const struct nlattr *dreg,
		  enum fw_op write)
{
	rename_expr(e, k->name);
	if (!dreg) {
		e->op = write;
		return true;
	}
	e->op = FW_LOAD;
	e->field = k->field;
	e->len = k->len;
	return nft_register(dreg, k->len, &e->dreg);
}

bool nft_load_meta(const struct nft_expr_in *in, struct fw_expr *e)
{
	static const struct key unknown = { "meta", UNKNOWN_LEN, FW_F_META_OTHER };
	uint32_t key = nft_attr_u32(in->data.v[NFTA_META_KEY], UINT32_MAX);

	return keyed(e, key < ARRAY_SIZE(meta_keys) ? &meta_keys[key] : &unknown,
		     in->data.v[NFTA_META_DREG], FW_EFFECT);
}

bool nft_load_ct(const struct nft_expr_in *in, struct fw_expr *e)
{
	static const struct key unknown = { "ct", UNKNOWN_LEN, FW_F_CT_OTHER };
	uint32_t key = nft_attr_u32(in->data.v[NFTA_CT_KEY], UINT32_MAX);
	const struct nlattr *direction = in->data.v[NFTA_CT_DIRECTION];

	if (!keyed(e, key < ARRAY_SIZE(ct_keys) ? &ct_keys[key] : &unknown,
		   in->data.v[NFTA_CT_DREG], FW_CT_WRITE))
		return false;
	if (e->op == FW_CT_WRITE && key == NFT_CT_ZONE && nft_attr_len(direction) == 1)
		rename_expr(e, *(const uint8_t *)mnl_attr_get_payload(direction)
				       ? "ct reply zone"
				       : "ct original zone");
	return true;
}

bool nft_load_payload(const struct nft_expr_in *in, struct fw_expr *e)
{
	uint32_t base = nft_attr_u32(in->data.v[NFTA_PAYLOAD_BASE], UINT32_MAX);
	uint32_t offset = nft_attr_u32(in->data.v[NFTA_PAYLOAD_OFFSET], UINT32_MAX);
	uint32_t len = nft_attr_u32(in->data.v[NFTA_PAYLOAD_LEN], UINT32_MAX);

	if (!in->data.v[NFTA_PAYLOAD_DREG]) {
		e->op = FW_EFFECT;
		return in->data.v[NFTA_PAYLOAD_SREG] != NULL;
	}
	if (offset > UINT16_MAX || len == 0 || len > FW_DATA_MAX)
		return false;
	e->op = FW_LOAD;
	e->offset = (uint16_t)offset;
	e->len = (uint8_t)len;
	if (base == NFT_PAYLOAD_NETWORK_HEADER)
		e->field = FW_F_NETWORK;
	else if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
		e->field = FW_F_TRANSPORT;
	else
		e->field = FW_F_OTHER;
	return nft_register(in->data.v[NFTA_PAYLOAD_DREG], len, &e->dreg);
}

bool nft_load_fib(const struct nft_expr_in *in, struct fw_expr *e)
{
	uint32_t result = nft_attr_u32(in->data.v[NFTA_FIB_RESULT], 0);
	uint32_t flags = nft_attr_u32(in->data.v[NFTA_FIB_FLAGS], 0);

	e->op = FW_LOAD;
	e->len = result == NFT_FIB_RESULT_OIFNAME && !(flags & NFTA_FIB_F_PRESENT) ? IFNAMSIZ : 4;
	e->field = FW_F_OTHER;
	if (result == NFT_FIB_RESULT_ADDRTYPE && flags == NFTA_FIB_F_DADDR)
		e->field = FW_F_FIB_DADDR_TYPE;
	return nft_register(in->data.v[NFTA_FIB_DREG], e->len, &e->dreg);
}

bool nft_load_immediate(const struct nft_expr_in *in, struct fw_expr *e)
{
	const struct nlattr *dreg = in->data.v[NFTA_IMMEDIATE_DREG];
	const struct nlattr *data = in->data.v[NFTA_IMMEDIATE_DATA];

	if (nft_attr_u32(dreg, UINT32_MAX) == NFT_REG_VERDICT) {
		e->op = FW_VERDICT;
		return nft_verdict(data, &e->target);
	}
	e->op = FW_IMMEDIATE;
	e->len = (uint8_t)nft_value(data, e->data);
	return e->len && nft_register(dreg, e->len, &e->dreg);
}

bool nft_load_bitwise(const struct nft_expr_in *in, struct fw_expr *e)
{
	const struct nft_attrs *t = &in->data;
	uint32_t len = nft_attr_u32(t->v[NFTA_BITWISE_LEN], 0);

	if (len == 0 || len > FW_DATA_MAX ||
	    !nft_register(t->v[NFTA_BITWISE_SREG], len, &e->sreg) ||
	    !nft_register(t->v[NFTA_BITWISE_DREG], len, &e->dreg))
		return false;
	e->len = (uint8_t)len;
	if (nft_attr_u32(t->v[NFTA_BITWISE_OP], NFT_BITWISE_BOOL) != NFT_BITWISE_BOOL) {
		e->op = FW_LOAD; /* shifts, and operations with a second register */
		e->field = FW_F_OTHER;
		return true;
	}
	e->op = FW_BITWISE;
	return nft_value(t->v[NFTA_BITWISE_MASK], e->data) == len &&
	       nft_value(t->v[NFTA_BITWISE_XOR], e->data2) == len;
}

struct loader {
	const char *name;
	uint8_t dreg, len_attr; /* attribute types; 0: no length given */
	uint8_t len;		/* where no attribute tells: the longest */
};

/* "inner" is none of them: its registers are those of what it contains, so it stays unknown. */
static const struct loader loaders[] = {
	{ "byteorder", NFTA_BYTEORDER_DREG, NFTA_BYTEORDER_LEN, FW_DATA_MAX },
	{ "exthdr", NFTA_EXTHDR_DREG, NFTA_EXTHDR_LEN, FW_DATA_MAX },
	{ "hash", NFTA_HASH_DREG, 0, 4 },
	{ "numgen", NFTA_NG_DREG, 0, 4 },
	{ "osf", NFTA_OSF_DREG, 0, 16 },
	{ "rt", NFTA_RT_DREG, 0, 16 },
	{ "socket", NFTA_SOCKET_DREG, 0, 8 },
	{ "tunnel", NFTA_TUNNEL_DREG, 0, 4 },
	{ "xfrm", NFTA_XFRM_DREG, 0, 16 },
};

bool nft_load_other(const char *name, const struct nft_expr_in *in, struct fw_expr *e, bool *good)
{
	const struct loader *l = loaders;
	uint32_t len, room;

	while (l < loaders + ARRAY_SIZE(loaders) && strcmp(l->name, name) != 0)
		l++;
	if (l == loaders + ARRAY_SIZE(loaders))
		return false;
	*good = true;
	if (!in->data.v[l->dreg] && strcmp(name, "exthdr") == 0) {
		e->op = FW_EFFECT; /* it writes, or takes away, an option */
		return true;
	}
	len = l->len_attr ? nft_attr_u32(in->data.v[l->len_attr], l->len) : l->len;
	e->op = FW_LOAD;
	e->field = FW_F_OTHER;
	*good = nft_register(in->data.v[l->dreg], 0, &e->dreg);
	room = FW_DATA_MAX - 4u * e->dreg;
	e->len = (uint8_t)(len > room ? room : len);
	return true;
}
