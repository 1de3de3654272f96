/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets and their elements as messages. */
#include "kernel/nft_elements.h"

#include <arpa/inet.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nft_sets.h"

#define ELEMENT_BYTES 40    /* of an element with a key of 16 bytes, but for its object's name */
#define MESSAGE_BYTES 60000 /* of elements in one message; a nest cannot say more than 65,535 */

/* What nft itself keeps in a set's userdata, to print it as it was written: nftables src/mnl.c,
 * mnl_nft_set_add() and src/expression.c, payload_expr_build_udata(). Without it a "typeof" set
 * is listed as "type integer", which nft does not load. */
enum { UDATA_KEYBYTEORDER = 0, UDATA_KEY_TYPEOF = 3, UDATA_DATA_INTERVAL = 6 };
enum { BYTEORDER_HOST = 1, BYTEORDER_BIG = 2 };
enum { TYPEOF_EXPR = 0, TYPEOF_DATA = 1, EXPR_PAYLOAD = 7 };
enum { PAYLOAD_DESC = 0, PAYLOAD_TYPE = 1, PAYLOAD_BASE = 2, PAYLOAD_OFFSET = 3, PAYLOAD_LEN = 4 };
enum { BASE_TRANSPORT = 3 };

static void put_typeof(struct nftnl_udata_buf *u, const struct nft_kind_info *info)
{
	struct nftnl_udata *key = nftnl_udata_nest_start(u, UDATA_KEY_TYPEOF), *data;

	nftnl_udata_put_u32(u, TYPEOF_EXPR, EXPR_PAYLOAD);
	data = nftnl_udata_nest_start(u, TYPEOF_DATA);
	nftnl_udata_put_u32(u, PAYLOAD_DESC, 0);
	nftnl_udata_put_u32(u, PAYLOAD_TYPE, 0);
	nftnl_udata_put_u32(u, PAYLOAD_BASE, BASE_TRANSPORT);
	nftnl_udata_put_u32(u, PAYLOAD_OFFSET, info->raw_offset);
	nftnl_udata_put_u32(u, PAYLOAD_LEN, info->key_len * 8u);
	nftnl_udata_nest_end(u, data);
	nftnl_udata_nest_end(u, key);
}

static void set_userdata(struct nftnl_set *s, const struct nft_set *set)
{
	const struct nft_kind_info *info = nft_kind_info(set->list.kind);
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(128);

	if (!u)
		return; /* only nft's listing would look different */
	nftnl_udata_put_u32(u, UDATA_KEYBYTEORDER,
			    set->list.kind == NFT_IFACES ? BYTEORDER_HOST : BYTEORDER_BIG);
	if (info->raw_offset)
		put_typeof(u, info);
	if (set->counters)
		nftnl_udata_put_u32(u, UDATA_DATA_INTERVAL, 0);
	nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
	nftnl_udata_buf_free(u);
}

/* One port or prefix alone needs no interval, several might; an interval set is never wrong.
 * Without it a set of ports would be a bitmap, whose loading costs the square of its size (FACTS
 * C5), unless it asks for what a bitmap cannot do and a hash table can: additions by packets, which
 * none of our rules makes. */
static uint32_t set_flags(const struct nft_set *set)
{
	uint32_t flags = 0;

	if (nft_kind_info(set->list.kind)->interval)
		flags = nft_set_is_scattered(set) ? NFT_SET_EVAL : NFT_SET_INTERVAL;
	if (!set->name)
		flags |= NFT_SET_ANONYMOUS | NFT_SET_CONSTANT;
	if (set->counters)
		flags = (flags & ~(uint32_t)NFT_SET_EVAL) | NFT_SET_OBJECT; /* no bitmap either */
	return flags;
}

static void put_set(struct nft_batch *b, enum table_family family, const char *table,
		    const struct nft_set *set, uint32_t id)
{
	const struct nft_kind_info *info = nft_kind_info(set->list.kind);
	struct nlmsghdr *h = nft_batch_msg(b, NFT_MSG_NEWSET, nft_family_number(family),
					   NLM_F_CREATE | (set->name ? 0 : NLM_F_EXCL), NFT_ROOM);
	struct nftnl_set *s = nftnl_set_alloc();

	if (!s)
		s = xcalloc(0, SIZE_MAX);
	nftnl_set_set_str(s, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(s, NFTNL_SET_NAME, set->name ? set->name : NFT_ANONYMOUS_NAME);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, set_flags(set));
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, info->key_type);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, info->key_len);
	nftnl_set_set_u32(s, NFTNL_SET_ID, id);
	if (set->counters)
		nftnl_set_set_u32(s, NFTNL_SET_OBJ_TYPE, NFT_OBJECT_COUNTER);
	set_userdata(s, set);
	nftnl_set_nlmsg_build_payload(h, s);
	nftnl_set_free(s);
	nft_batch_done(b, h);
}

struct filler { /* elements go into one message after the other: 64 KiB is what a nest can say */
	struct nft_batch *b;
	enum table_family family;
	const char *table, *set;
	uint32_t id;
	size_t pair; /* bytes of a start and an end, at most */
	struct nlmsghdr *h;
	struct nlattr *nest;
};

static void open_message(struct filler *f, size_t left)
{
	size_t room =
		left < MESSAGE_BYTES / f->pair ? (left + 1) * f->pair : MESSAGE_BYTES + f->pair;

	f->h = nft_batch_msg(f->b, NFT_MSG_NEWSETELEM, nft_family_number(f->family),
			     NLM_F_CREATE | NLM_F_EXCL, room + NFT_ROOM);
	mnl_attr_put_strz(f->h, NFTA_SET_ELEM_LIST_SET, f->set);
	mnl_attr_put_u32(f->h, NFTA_SET_ELEM_LIST_SET_ID, htonl(f->id));
	mnl_attr_put_strz(f->h, NFTA_SET_ELEM_LIST_TABLE, f->table);
	f->nest = mnl_attr_nest_start(f->h, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void close_message(struct filler *f)
{
	mnl_attr_nest_end(f->h, f->nest);
	nft_batch_done(f->b, f->h);
	f->h = NULL;
}

static void put_element(struct filler *f, const uint8_t *key, size_t len, bool end,
			const char *object)
{
	struct nlattr *elem = mnl_attr_nest_start(f->h, NFTA_LIST_ELEM), *nest;

	if (end)
		mnl_attr_put_u32(f->h, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	nest = mnl_attr_nest_start(f->h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(f->h, NFTA_DATA_VALUE, len, key);
	mnl_attr_nest_end(f->h, nest);
	if (object)
		mnl_attr_put_strz(f->h, NFTA_SET_ELEM_OBJREF, object);
	mnl_attr_nest_end(f->h, elem);
}

/* key + 1, unless it is the last one there is. */
static bool key_after(uint8_t *key, size_t len)
{
	while (len--)
		if (++key[len])
			return true;
	return false;
}

static size_t longest_object(const struct nft_set *set, const struct nft_layout *l)
{
	size_t longest = 0;

	for (size_t i = 0; set->counters && i < set->list.n; i++) {
		size_t n =
			MNL_ATTR_HDRLEN + MNL_ALIGN(strlen(l->counters[set->counters[i]].name) + 1);

		if (n > longest)
			longest = n;
	}
	return longest;
}

static void next_message(struct filler *f, size_t left)
{
	if (f->h && f->h->nlmsg_len > MESSAGE_BYTES)
		close_message(f);
	if (!f->h)
		open_message(f, left);
}

void nft_set_put(struct nft_batch *b, enum table_family family, const char *table,
		 const struct nft_set *set, uint32_t id, const struct nft_layout *l)
{
	const struct nft_kind_info *info = nft_kind_info(set->list.kind);
	bool single = nft_set_is_scattered(set);
	struct filler f = {
		.b = b,
		.family = family,
		.table = table,
		.set = set->name ? set->name : NFT_ANONYMOUS_NAME,
		.id = id,
		.pair = 2 * ELEMENT_BYTES + longest_object(set, l),
	};

	put_set(b, family, table, set, id);
	for (size_t i = 0; i < set->list.n; i++) {
		const char *object = set->counters ? l->counters[set->counters[i]].name : NULL;
		size_t left = single ? SIZE_MAX : set->list.n - i;
		uint8_t lo[16], hi[16];

		if (!nft_list_range(&set->list, i, lo, hi))
			continue;
		while (single && memcmp(lo, hi, info->key_len)) {
			next_message(&f, left);
			put_element(&f, lo, info->key_len, false, object);
			key_after(lo, info->key_len);
		}
		next_message(&f, left);
		put_element(&f, lo, info->key_len, false, object);
		if (info->interval && !single && key_after(hi, info->key_len))
			put_element(&f, hi, info->key_len, true, NULL);
	}
	if (f.h)
		close_message(&f);
}
