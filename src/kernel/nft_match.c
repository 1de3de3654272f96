/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of nf_tables that look at registers, and what sets and objects make of a packet. */
#include "kernel/nft_expr.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

bool nft_register(const struct nlattr *a, size_t len, uint8_t *out)
{
	uint32_t r = nft_attr_u32(a, UINT32_MAX);

	if (r >= NFT_REG_1 && r <= NFT_REG_4)
		r = (r - NFT_REG_1) * (NFT_REG_SIZE / NFT_REG32_SIZE);
	else if (r >= NFT_REG32_00 && r <= NFT_REG32_15)
		r -= NFT_REG32_00;
	else
		return false;
	if (r * NFT_REG32_SIZE + len > FW_DATA_MAX)
		return false;
	*out = (uint8_t)r;
	return true;
}

size_t nft_value(const struct nlattr *nest, uint8_t *out)
{
	struct nft_attrs t;
	size_t len;

	nft_attrs_nested(&t, nest);
	len = nft_attr_len(t.v[NFTA_DATA_VALUE]);
	if (len == 0 || len > FW_DATA_MAX)
		return 0;
	memcpy(out, mnl_attr_get_payload(t.v[NFTA_DATA_VALUE]), len);
	return len;
}

static enum fw_verdict verdict_of(int32_t code)
{
	switch (code) {
	case NFT_CONTINUE:
		return FW_CONTINUE;
	case NFT_JUMP:
		return FW_JUMP;
	case NFT_GOTO:
		return FW_GOTO;
	case NFT_RETURN:
		return FW_RETURN;
	}
	switch (code & NF_VERDICT_MASK) {
	case NF_ACCEPT:
		return FW_ACCEPT;
	case NF_DROP:
		return FW_DROP;
	}
	return FW_QUEUE; /* also STOLEN: somebody else has the packet */
}

bool nft_verdict(const struct nlattr *nest, struct fw_target *out)
{
	struct nft_attrs data, t;

	nft_attrs_nested(&data, nest);
	nft_attrs_nested(&t, data.v[NFTA_DATA_VERDICT]);
	if (nft_attr_len(t.v[NFTA_VERDICT_CODE]) != sizeof(uint32_t))
		return false;
	out->verdict = verdict_of((int32_t)nft_attr_u32(t.v[NFTA_VERDICT_CODE], 0));
	if (out->verdict != FW_JUMP && out->verdict != FW_GOTO)
		return true;
	out->chain = nft_attr_string(t.v[NFTA_VERDICT_CHAIN]);
	return out->chain != NULL;
}

enum fw_op nft_stateful(const struct nlattr *expr)
{
	struct nft_attrs t;

	nft_attrs_nested(&t, expr);
	if (nft_attr_is(t.v[NFTA_EXPR_NAME], "connlimit"))
		return FW_CT_LIMIT;
	if (nft_attr_is(t.v[NFTA_EXPR_NAME], "counter") || nft_attr_is(t.v[NFTA_EXPR_NAME], "last"))
		return FW_EFFECT;
	return FW_LIMIT; /* limit, quota, and whatever else may end a rule */
}

enum fw_op nft_object_op(uint32_t type)
{
	switch (type) {
	case NFT_OBJECT_QUOTA:
	case NFT_OBJECT_LIMIT:
		return FW_LIMIT;
	case NFT_OBJECT_CONNLIMIT:
		return FW_CT_LIMIT;
	case NFT_OBJECT_CT_HELPER:
	case NFT_OBJECT_CT_TIMEOUT:
	case NFT_OBJECT_CT_EXPECT:
		return FW_CT_WRITE;
	case NFT_OBJECT_SYNPROXY:
		return FW_SYNPROXY;
	case NFT_OBJECT_COUNTER:
	case NFT_OBJECT_TUNNEL:
	case NFT_OBJECT_SECMARK:
		return FW_EFFECT;
	}
	return FW_UNKNOWN;
}

enum fw_op nft_stronger(enum fw_op a, enum fw_op b)
{
	static const enum fw_op order[] = { FW_UNKNOWN, FW_SYNPROXY, FW_CT_LIMIT, FW_CT_WRITE,
					    FW_LIMIT };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return FW_LOAD;
}

static int by_name(const void *key, const void *elem)
{
	return strcmp(key, (*(struct fw_set *const *)elem)->name);
}

static const struct fw_set *find_set(const struct nft_expr_in *in, const struct nlattr *name)
{
	auto_free char *s = nft_attr_string(name);
	struct fw_set *const *found = NULL;

	if (s && in->n_sets)
		found = bsearch(s, in->sets, in->n_sets, sizeof *in->sets, by_name);
	return found ? *found : NULL;
}

bool nft_match_cmp(const struct nft_expr_in *in, struct fw_expr *e)
{
	uint32_t op = nft_attr_u32(in->data.v[NFTA_CMP_OP], UINT32_MAX);

	_Static_assert((int)FW_EQ == NFT_CMP_EQ && (int)FW_GTE == NFT_CMP_GTE, "one order");
	e->op = FW_CMP;
	e->cmp = (enum fw_cmp)op;
	e->len = (uint8_t)nft_value(in->data.v[NFTA_CMP_DATA], e->data);
	return op <= NFT_CMP_GTE && e->len &&
	       nft_register(in->data.v[NFTA_CMP_SREG], e->len, &e->sreg);
}

bool nft_match_range(const struct nft_expr_in *in, struct fw_expr *e)
{
	uint32_t op = nft_attr_u32(in->data.v[NFTA_RANGE_OP], UINT32_MAX);
	size_t len = nft_value(in->data.v[NFTA_RANGE_FROM_DATA], e->data);

	e->op = FW_RANGE;
	e->inverted = op == NFT_RANGE_NEQ;
	e->len = (uint8_t)len;
	return op <= NFT_RANGE_NEQ && len &&
	       nft_value(in->data.v[NFTA_RANGE_TO_DATA], e->data2) == len &&
	       nft_register(in->data.v[NFTA_RANGE_SREG], len, &e->sreg);
}

bool nft_match_lookup(const struct nft_expr_in *in, struct fw_expr *e)
{
	const struct nlattr *dreg = in->data.v[NFTA_LOOKUP_DREG];

	e->set = find_set(in, in->data.v[NFTA_LOOKUP_SET]);
	e->op = e->set && e->set->elements_do != FW_LOAD ? e->set->elements_do : FW_LOOKUP;
	e->inverted = nft_attr_u32(in->data.v[NFTA_LOOKUP_FLAGS], 0) & NFT_LOOKUP_F_INV;
	e->len = (uint8_t)(e->set ? e->set->key_len : 0);
	if (e->set && e->set->map && !e->set->verdict_map && !dreg)
		return false;
	if (dreg && nft_attr_u32(dreg, UINT32_MAX) != NFT_REG_VERDICT &&
	    !nft_register(dreg, 0, &e->dreg))
		return false;
	return nft_register(in->data.v[NFTA_LOOKUP_SREG], e->len, &e->sreg);
}

bool nft_match_dynset(const struct nft_expr_in *in, struct fw_expr *e)
{
	const struct nlattr *list = in->data.v[NFTA_DYNSET_EXPRESSIONS], *a;
	enum fw_op op = FW_LOAD;

	e->set = find_set(in, in->data.v[NFTA_DYNSET_SET_NAME]);
	e->inverted = nft_attr_u32(in->data.v[NFTA_DYNSET_FLAGS], 0) & NFT_DYNSET_F_INV;
	if (e->set)
		op = e->set->elements_do;
	if (in->data.v[NFTA_DYNSET_EXPR])
		op = nft_stronger(op, nft_stateful(in->data.v[NFTA_DYNSET_EXPR]));
	if (list) {
		mnl_attr_for_each_nested(a, list)
		{
			op = nft_stronger(op, nft_stateful(a));
		}
	}
	if (e->inverted)
		op = nft_stronger(op, FW_LIMIT); /* matches what the set had no room for */
	e->op = op == FW_LOAD ? FW_EFFECT : op;
	return nft_register(in->data.v[NFTA_DYNSET_SREG_KEY], 0, &e->sreg);
}

bool nft_match_objref(const struct nft_expr_in *in, struct fw_expr *e)
{
	const struct nft_attrs *t = &in->data;

	if (t->v[NFTA_OBJREF_IMM_NAME]) {
		e->object = nft_attr_string(t->v[NFTA_OBJREF_IMM_NAME]);
		e->op = nft_object_op(nft_attr_u32(t->v[NFTA_OBJREF_IMM_TYPE], 0));
		return true;
	}
	e->set = find_set(in, t->v[NFTA_OBJREF_SET_NAME]);
	e->op = e->set && e->set->elements_do != FW_LOAD ? e->set->elements_do : FW_MAYBE;
	return nft_register(t->v[NFTA_OBJREF_SET_SREG], 0, &e->sreg);
}
