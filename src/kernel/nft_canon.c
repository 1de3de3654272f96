/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The canonical form of what a rule holds: what the kernel gives back is written in the order of
 * types, and what packets have done to it (counters, quotas) is left out. */
#include "kernel/nft_canon.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

const struct nft_set_ref *nft_set_ref_of(const char *name, size_t len)
{
	static const struct nft_set_ref refs[] = {
		{ "lookup", NFTA_LOOKUP_SET, NFTA_LOOKUP_SET_ID },
		{ "dynset", NFTA_DYNSET_SET_NAME, NFTA_DYNSET_SET_ID },
		{ "objref", NFTA_OBJREF_SET_NAME, NFTA_OBJREF_SET_ID },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refs); i++)
		if (strlen(refs[i].expr) == len && memcmp(refs[i].expr, name, len) == 0)
			return &refs[i];
	return NULL;
}

const struct nft_set_ref *nft_set_ref(const struct nlattr *name)
{
	return name ? nft_set_ref_of(mnl_attr_get_payload(name),
				     strnlen(mnl_attr_get_payload(name), nft_attr_len(name)))
		    : NULL;
}

/* State, ids of a transaction, and the padding that some machines need for 64-bit values. */
static bool is_left_out(const struct nlattr *name, uint16_t type)
{
	static const struct {
		const char *expr;
		uint16_t type;
	} out[] = {
		{ "counter", NFTA_COUNTER_BYTES }, { "counter", NFTA_COUNTER_PACKETS },
		{ "counter", NFTA_COUNTER_PAD },   { "quota", NFTA_QUOTA_CONSUMED },
		{ "quota", NFTA_QUOTA_PAD },	   { "last", NFTA_LAST_SET },
		{ "last", NFTA_LAST_MSECS },	   { "last", NFTA_LAST_PAD },
		{ "limit", NFTA_LIMIT_PAD },	   { "dynset", NFTA_DYNSET_PAD },
		{ "lookup", NFTA_LOOKUP_SET_ID },  { "dynset", NFTA_DYNSET_SET_ID },
		{ "objref", NFTA_OBJREF_SET_ID },
	};

	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		if (out[i].type == type && nft_attr_is(name, out[i].expr))
			return true;
	return false;
}

static void canon_attr(struct blob *b, const struct nlattr *name, const struct nlattr *a)
{
	uint16_t type = mnl_attr_get_type(a);

	if (type == NFTA_QUOTA_FLAGS && nft_attr_is(name, "quota")) {
		uint32_t flags = htonl(nft_attr_u32(a, 0) & NFT_QUOTA_F_INV);

		blob_attr(b, type, &flags, sizeof flags);
	} else {
		blob_attr(b, type, mnl_attr_get_payload(a), nft_attr_len(a));
	}
}

/* One of the stateful expressions that others contain: none of these contains another. */
void nft_canon_expr(struct blob *b, uint16_t type, const struct nlattr *expr)
{
	size_t nest = blob_nest(b, type), data;
	struct nft_attrs t, attrs;

	nft_attrs_nested(&t, expr);
	if (t.v[NFTA_EXPR_NAME])
		canon_attr(b, NULL, t.v[NFTA_EXPR_NAME]);
	data = blob_nest(b, NFTA_EXPR_DATA);
	nft_attrs_nested(&attrs, t.v[NFTA_EXPR_DATA]);
	for (uint16_t i = 1; i < NFT_ATTR_TYPES; i++)
		if (attrs.v[i] && !is_left_out(t.v[NFTA_EXPR_NAME], i))
			canon_attr(b, t.v[NFTA_EXPR_NAME], attrs.v[i]);
	blob_nest_end(b, data);
	blob_nest_end(b, nest);
}

void nft_canon_exprs(struct blob *b, uint16_t type, const struct nlattr *list)
{
	size_t nest = blob_nest(b, type);
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, list)
	{
		if (mnl_attr_get_type(a) == NFTA_LIST_ELEM)
			nft_canon_expr(b, NFTA_LIST_ELEM, a);
	}
	blob_nest_end(b, nest);
}

static bool is_zero(const struct nlattr *a)
{
	const uint8_t *v = mnl_attr_get_payload(a);

	for (size_t i = 0; i < nft_attr_len(a); i++)
		if (v[i])
			return false;
	return true;
}

void nft_canon_data(struct blob *b, const struct nlattr *name, const struct nlattr *data,
		    uint16_t without)
{
	bool dynset = nft_attr_is(name, "dynset");
	struct nft_attrs t;

	nft_attrs_nested(&t, data);
	for (uint16_t type = 1; type < NFT_ATTR_TYPES; type++) {
		if (!t.v[type] || type == without || is_left_out(name, type))
			continue;
		if (dynset && type == NFTA_DYNSET_TIMEOUT && is_zero(t.v[type]))
			continue; /* always dumped, refused where the set has no timeouts */
		if (dynset && type == NFTA_DYNSET_EXPR)
			nft_canon_expr(b, type, t.v[type]);
		else if (dynset && type == NFTA_DYNSET_EXPRESSIONS)
			nft_canon_exprs(b, type, t.v[type]);
		else
			canon_attr(b, name, t.v[type]);
	}
}

static void copy_attrs(struct blob *b, const struct nft_attrs *t, const uint16_t *types, size_t n,
		       uint16_t expr, uint16_t exprs)
{
	for (size_t i = 0; i < n; i++) {
		const struct nlattr *a = t->v[types[i]];

		if (a)
			canon_attr(b, NULL, a);
	}
	if (t->v[expr])
		nft_canon_expr(b, expr, t->v[expr]);
	if (t->v[exprs])
		nft_canon_exprs(b, exprs, t->v[exprs]);
}

void nft_canon_set(struct blob *b, const struct nft_attrs *set)
{
	static const uint16_t types[] = {
		NFTA_SET_FLAGS,	      NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN,  NFTA_SET_DATA_TYPE,
		NFTA_SET_DATA_LEN,    NFTA_SET_POLICY,	 NFTA_SET_DESC,	    NFTA_SET_TIMEOUT,
		NFTA_SET_GC_INTERVAL, NFTA_SET_USERDATA, NFTA_SET_OBJ_TYPE,
	};

	copy_attrs(b, set, types, ARRAY_SIZE(types), NFTA_SET_EXPR, NFTA_SET_EXPRESSIONS);
}

void nft_canon_element(struct blob *b, const struct nft_attrs *element)
{
	static const uint16_t types[] = {
		NFTA_SET_ELEM_KEY,     NFTA_SET_ELEM_DATA,     NFTA_SET_ELEM_FLAGS,
		NFTA_SET_ELEM_TIMEOUT, NFTA_SET_ELEM_USERDATA, NFTA_SET_ELEM_OBJREF,
		NFTA_SET_ELEM_KEY_END,
	};

	copy_attrs(b, element, types, ARRAY_SIZE(types), NFTA_SET_ELEM_EXPR,
		   NFTA_SET_ELEM_EXPRESSIONS);
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

void nft_name_text(struct text *t, const char *name)
{
	size_t n;

	for (; *name; name += n) {
		for (n = 0; is_plain(name[n]); n++)
			;
		text_put(t, name, n);
		if (n == 0) {
			text_add(t, "%%%02x", (unsigned char)*name);
			n = 1;
		}
	}
}

char *nft_name_parse(const char *s, size_t len)
{
	struct blob b = { 0 };
	bool good = len > 0;

	while (good && len) {
		size_t n = *s == '%' ? 3 : 1;

		if (n == 1 && is_plain(*s))
			blob_add(&b, s, 1);
		else
			good = n == 3 && len >= 3 && blob_unhex(&b, s + 1, 2) && b.v[b.n - 1];
		s += good ? n : 0;
		len -= good ? n : 0;
	}
	blob_add(&b, "", 1);
	if (good)
		return (char *)b.v;
	free(b.v);
	return NULL;
}
