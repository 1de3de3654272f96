/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets and maps of nf_tables, with their elements as ranges of keys. */
#include "kernel/nft_sets.h"

#include "kernel/nft_snapshot.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include "kernel/nft_canon.h"
#include "kernel/nft_expr.h"

/* nft's numbers of data types (nftables, include/datatype.h); six bits each in a concatenation. */
#define TYPE_IPADDR 7
#define TYPE_IP6ADDR 8
#define TYPE_ETHERADDR 9
#define TYPE_BITS 6

struct nft_element {
	uint8_t key[FW_DATA_MAX], end[FW_DATA_MAX];
	bool is_end, is_catchall;
	struct fw_target target;
	char *object;
	uint8_t *raw; /* canonical attributes; only of anonymous sets */
	size_t raw_len;
};

bool nft_family_read(uint8_t nfproto, enum table_family *out)
{
	switch (nfproto) {
	case NFPROTO_IPV4:
		*out = TABLE_IP;
		return true;
	case NFPROTO_IPV6:
		*out = TABLE_IP6;
		return true;
	case NFPROTO_INET:
		*out = TABLE_INET;
		return true;
	}
	return false;
}

uint8_t nft_family_number(enum table_family f)
{
	static const uint8_t numbers[] = {
		[TABLE_IP] = NFPROTO_IPV4,
		[TABLE_IP6] = NFPROTO_IPV6,
		[TABLE_INET] = NFPROTO_INET,
	};

	return numbers[f];
}

static enum fw_op state_of_elements(const struct nft_attrs *t, uint16_t one, uint16_t many)
{
	const struct nlattr *a;
	enum fw_op op = FW_LOAD;

	if (t->v[one])
		op = nft_stronger(op, nft_stateful(t->v[one]));
	if (!t->v[many])
		return op;
	mnl_attr_for_each_nested(a, t->v[many])
	{
		op = nft_stronger(op, nft_stateful(a));
	}
	return op;
}

/* Ours: in our table, or named like it in the table of a twin. */
bool nft_is_own_set(const struct nft_set_row *row)
{
	return nft_is_own(row->family, row->table) ||
	       strncmp(row->set->name, NFT_OWN_TABLE, strlen(NFT_OWN_TABLE)) == 0;
}

bool nft_set_read(struct nft_set_row *row, const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	uint32_t flags, data_type;
	struct nft_attrs t;
	struct fw_set *s;

	*row = (struct nft_set_row){ 0 };
	nft_attrs_read(&t, mnl_nlmsg_get_payload_offset(h, sizeof *g),
		       mnl_nlmsg_get_payload_len(h) - sizeof *g);
	if (!nft_family_read(g->nfgen_family, &row->family) || !t.v[NFTA_SET_TABLE] ||
	    !t.v[NFTA_SET_NAME])
		return false;
	flags = nft_attr_u32(t.v[NFTA_SET_FLAGS], 0);
	data_type = nft_attr_u32(t.v[NFTA_SET_DATA_TYPE], 0);
	s = row->set = xcalloc(1, sizeof *s);
	row->table = nft_attr_string(t.v[NFTA_SET_TABLE]);
	s->name = nft_attr_string(t.v[NFTA_SET_NAME]);
	row->interval = flags & NFT_SET_INTERVAL;
	row->objects_map = flags & NFT_SET_OBJECT;
	s->anonymous = flags & NFT_SET_ANONYMOUS;
	s->map = flags & (NFT_SET_MAP | NFT_SET_OBJECT);
	s->verdict_map = flags & NFT_SET_MAP && data_type == NFT_DATA_VERDICT;
	s->dynamic = flags & (NFT_SET_EVAL | NFT_SET_TIMEOUT);
	if (nft_is_own_set(row)) /* no rule of ours adds to a set (set_flags()) */
		s->dynamic = flags & NFT_SET_TIMEOUT;
	s->key_type = nft_attr_u32(t.v[NFTA_SET_KEY_TYPE], 0);
	s->key_len = nft_attr_u32(t.v[NFTA_SET_KEY_LEN], 0);
	s->key_len = s->key_len > FW_DATA_MAX ? FW_DATA_MAX : s->key_len;
	s->data_len = nft_attr_u32(t.v[NFTA_SET_DATA_LEN], 0);
	/* Types of 4 bytes and more, two of them or more, in one number: older sets lack the flag.
	 */
	s->concat = flags & NFT_SET_CONCAT || s->key_type >> TYPE_BITS;
	s->elements_do = state_of_elements(&t, NFTA_SET_EXPR, NFTA_SET_EXPRESSIONS);
	if (t.v[NFTA_SET_OBJ_TYPE])
		s->elements_do = nft_stronger(
			s->elements_do, nft_object_op(nft_attr_u32(t.v[NFTA_SET_OBJ_TYPE], 0)));
	if (s->anonymous) {
		struct text hex = { 0 };
		struct blob b = { 0 };

		nft_canon_set(&b, &t);
		text_add(&hex, "%s", "");
		text_hex(&hex, b.v, b.n);
		free(b.v);
		row->attrs = hex.s;
	}
	return true;
}

bool nft_set_has_addresses(const struct fw_set *s)
{
	for (uint32_t t = s->key_type; t; t >>= TYPE_BITS) {
		uint32_t type = t & ((1u << TYPE_BITS) - 1);

		if (type == TYPE_IPADDR || type == TYPE_IP6ADDR || type == TYPE_ETHERADDR)
			return true;
	}
	return false;
}

static void read_element(struct nft_set_row *row, const struct nlattr *attr)
{
	struct fw_set *s = row->set;
	struct nft_element *e = ARRAY_ADD(row->elements, row->n_elements);
	struct nft_attrs t;
	uint32_t flags;

	nft_attrs_nested(&t, attr);
	flags = nft_attr_u32(t.v[NFTA_SET_ELEM_FLAGS], 0);
	e->is_end = flags & NFT_SET_ELEM_INTERVAL_END;
	e->is_catchall = flags & NFT_SET_ELEM_CATCHALL;
	if (!e->is_catchall && nft_value(t.v[NFTA_SET_ELEM_KEY], e->key) < s->key_len)
		row->bad = true;
	if (!t.v[NFTA_SET_ELEM_KEY_END])
		memcpy(e->end, e->key, sizeof e->end);
	else if (nft_value(t.v[NFTA_SET_ELEM_KEY_END], e->end) < s->key_len)
		row->bad = true;
	if (s->verdict_map && !e->is_end && !nft_verdict(t.v[NFTA_SET_ELEM_DATA], &e->target))
		row->bad = true;
	if (t.v[NFTA_SET_ELEM_OBJREF])
		e->object = nft_attr_string(t.v[NFTA_SET_ELEM_OBJREF]);
	s->elements_do = nft_stronger(s->elements_do, state_of_elements(&t, NFTA_SET_ELEM_EXPR,
									NFTA_SET_ELEM_EXPRESSIONS));
	if (s->anonymous) {
		struct blob b = { 0 };

		nft_canon_element(&b, &t);
		e->raw = b.v;
		e->raw_len = b.n;
	}
}

void nft_set_add_elements(struct nft_set_row *row, const struct nlmsghdr *h)
{
	const struct nlattr *a;
	struct nft_attrs t;

	nft_attrs_read(&t, mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg)),
		       mnl_nlmsg_get_payload_len(h) - sizeof(struct nfgenmsg));
	if (!t.v[NFTA_SET_ELEM_LIST_ELEMENTS])
		return;
	mnl_attr_for_each_nested(a, t.v[NFTA_SET_ELEM_LIST_ELEMENTS])
	{
		read_element(row, a);
	}
}

/* By key; the end of an interval before what starts there; what catches the rest last. */
static int by_key(const void *a, const void *b)
{
	const struct nft_element *x = a, *y = b;
	int diff = x->is_catchall - y->is_catchall;

	if (!diff)
		diff = memcmp(x->key, y->key, sizeof x->key);
	if (!diff)
		diff = y->is_end - x->is_end;
	return diff ? diff : memcmp(x->end, y->end, sizeof x->end);
}

/* Hash order differs from boot to boot, sorted order does not. What packets have added (meters) is
 * their state and no part of the definition. */
static char *definition(const struct nft_set_row *row)
{
	struct text t = { 0 };

	text_add(&t, "%s/", row->attrs);
	for (size_t i = 0; i < row->n_elements && !row->set->dynamic; i++) {
		struct blob b = { 0 };

		blob_attr(&b, NFTA_LIST_ELEM, row->elements[i].raw, row->elements[i].raw_len);
		text_hex(&t, b.v, b.n);
		free(b.v);
	}
	return t.s;
}

/* The key before or after this one, as a number of len bytes; false: there is none. */
static bool step_key(uint8_t *key, size_t len, bool up)
{
	uint8_t wrap = up ? 0xff : 0;

	while (len && key[len - 1] == wrap)
		key[--len] = (uint8_t)~wrap;
	if (!len)
		return false;
	key[len - 1] = (uint8_t)(key[len - 1] + (up ? 1 : -1));
	return true;
}

static void add_range(struct nft_set_row *row, const uint8_t *lo, const uint8_t *hi,
		      const struct nft_element *from)
{
	struct fw_set *s = row->set;
	struct fw_element *e;

	if (row->objects_map) {
		size_t n = s->n;

		*ARRAY_ADD(row->objects, n) = from->object ? xstrdup(from->object) : NULL;
	}
	e = ARRAY_ADD(s->v, s->n);
	memcpy(e->lo, lo, FW_DATA_MAX);
	memcpy(e->hi, hi, FW_DATA_MAX);
	e->target.verdict = from->target.verdict;
	e->target.chain = from->target.chain ? xstrdup(from->target.chain) : NULL;
}

/* One element of the sorted array, to the range of keys that it stands for. An interval starts with
 * its element and goes on up to the next one, whatever that is. */
static void range_of(const struct nft_set_row *row, size_t i, uint8_t *hi)
{
	const struct fw_set *s = row->set;
	const struct nft_element *e = &row->elements[i];

	memcpy(hi, e->end, FW_DATA_MAX);
	if (!row->interval || s->concat)
		return;
	if (i + 1 < row->n_elements && !e[1].is_catchall) {
		memcpy(hi, e[1].key, FW_DATA_MAX);
		step_key(hi, s->key_len, false);
	} else {
		memset(hi, 0xff, s->key_len);
	}
}

/* What catches the rest, if any, becomes the ranges between the others: a partition of all keys. */
static void add_ranges(struct nft_set_row *row, const struct nft_element *rest)
{
	size_t len = row->set->key_len;
	uint8_t from[FW_DATA_MAX] = { 0 }, hi[FW_DATA_MAX];
	bool more = true;

	for (size_t i = 0; i < row->n_elements; i++) {
		const struct nft_element *e = &row->elements[i];

		if (e->is_end || e->is_catchall)
			continue;
		if (rest && memcmp(from, e->key, len) < 0) {
			memcpy(hi, e->key, sizeof hi);
			step_key(hi, len, false);
			add_range(row, from, hi, rest);
		}
		range_of(row, i, hi);
		add_range(row, e->key, hi, e);
		memcpy(from, hi, sizeof from);
		more = step_key(from, len, true);
	}
	if (!rest || !more)
		return;
	memset(hi, 0, sizeof hi);
	memset(hi, 0xff, len);
	add_range(row, from, hi, rest);
}

static void free_elements(struct nft_set_row *row)
{
	for (size_t i = 0; i < row->n_elements; i++) {
		free(row->elements[i].target.chain);
		free(row->elements[i].object);
		free(row->elements[i].raw);
	}
	free(row->elements);
	row->elements = NULL;
	row->n_elements = 0;
}

void nft_set_take_elements(struct nft_set_row *row)
{
	const struct nft_element *rest = NULL;
	struct fw_set *s = row->set;
	size_t n = row->n_elements;

	if (n > 1)
		qsort(row->elements, n, sizeof *row->elements, by_key);
	if (s->anonymous)
		s->body = definition(row);
	if (n && row->elements[n - 1].is_catchall)
		rest = &row->elements[n - 1];
	/* What packets add is not known for long; but where a verdict may lead to is. */
	s->known =
		!row->bad && s->key_len && !(rest && s->concat) && (!s->dynamic || s->verdict_map);
	if (s->known)
		add_ranges(row, rest);
	free_elements(row);
}

static void request_elements(struct nlmsghdr *h, const void *arg)
{
	const struct nft_set_row *row = arg;

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, row->table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, row->set->name);
}

static void elements_cb(const struct nlmsghdr *h, void *ctx)
{
	nft_set_add_elements(ctx, h);
}

int nft_set_read_elements(struct nft_set_row *row, struct nft_wire *w)
{
	int rc = nft_wire_dump(w, NFT_MSG_GETSETELEM, nft_family_number(row->family),
			       request_elements, row, elements_cb, row);

	if (rc == 0)
		nft_set_take_elements(row);
	return rc;
}

void nft_set_row_free(struct nft_set_row *row)
{
	for (size_t i = 0; row->objects && i < row->set->n; i++)
		free(row->objects[i]);
	free(row->objects);
	free(row->table);
	free(row->attrs);
	free_elements(row);
	*row = (struct nft_set_row){ 0 };
}
