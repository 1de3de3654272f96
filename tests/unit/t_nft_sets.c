/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of nf_tables as ranges of keys, without a kernel. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernel/nft_sets.h"
#include "nft_build.h"

/* A message of a set or of its elements, from the attributes in the blob; takes it. */
static struct nlmsghdr *message(struct blob *attrs)
{
	struct nlmsghdr *h = xcalloc(1, sizeof *h + sizeof(struct nfgenmsg) + attrs->n);
	struct nfgenmsg *g = (void *)(h + 1);

	h->nlmsg_len = (uint32_t)(sizeof *h + sizeof *g + attrs->n);
	g->nfgen_family = NFPROTO_INET;
	memcpy(g + 1, attrs->v, attrs->n);
	free(attrs->v);
	*attrs = (struct blob){ 0 };
	return h;
}

struct elem {
	uint16_t key;
	uint32_t flags;
	int32_t verdict;
};

static void read_set(struct nft_set_row *row, uint32_t flags, const struct elem *v, size_t n)
{
	struct blob b = { 0 };
	struct nlmsghdr *h;
	size_t list;

	blob_attr(&b, NFTA_SET_TABLE, "t", 2);
	blob_attr(&b, NFTA_SET_NAME, "s", 2);
	put_u32(&b, NFTA_SET_FLAGS, flags);
	put_u32(&b, NFTA_SET_KEY_TYPE, 13);
	put_u32(&b, NFTA_SET_KEY_LEN, 2);
	if (flags & NFT_SET_MAP)
		put_u32(&b, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	h = message(&b);
	assert_true(nft_set_read(row, h));
	free(h);
	list = blob_nest(&b, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < n; i++) {
		size_t nest = blob_nest(&b, NFTA_LIST_ELEM);
		uint16_t key = htons(v[i].key);

		if (!(v[i].flags & NFT_SET_ELEM_CATCHALL))
			put_data(&b, NFTA_SET_ELEM_KEY, &key, sizeof key);
		put_u32(&b, NFTA_SET_ELEM_FLAGS, v[i].flags);
		if (flags & NFT_SET_MAP && !(v[i].flags & NFT_SET_ELEM_INTERVAL_END))
			put_verdict(&b, NFTA_SET_ELEM_DATA, v[i].verdict, NULL);
		blob_nest_end(&b, nest);
	}
	blob_nest_end(&b, list);
	h = message(&b);
	nft_set_add_elements(row, h);
	nft_set_take_elements(row);
	free(h);
}

static void check_ranges(struct nft_set_row *row, const char *want)
{
	struct text t = { 0 };

	text_add(&t, "%s", "");
	for (size_t i = 0; i < row->set->n; i++) {
		const struct fw_element *e = &row->set->v[i];

		text_add(&t, "%u-%u:%d ", e->lo[0] << 8 | e->lo[1], e->hi[0] << 8 | e->hi[1],
			 e->target.verdict);
	}
	assert_string_equal(t.s, want);
	free(t.s);
	free(row->set->v);
	free(row->set->name);
	free(row->set->body);
	free(row->set);
	nft_set_row_free(row);
}

static void test_sets(void **state)
{
	static const struct elem plain[] = { { 443, 0, 0 }, { 80, 0, 0 } };
	static const struct elem ranges[] = { { 21, 0, 0 }, { 0, 1, 0 },  { 10, 0, 0 },
					      { 21, 1, 0 }, { 30, 1, 0 }, { 60000, 0, 0 } };
	static const struct elem rest[] = { { 0, NFT_SET_ELEM_CATCHALL, NF_DROP },
					    { 7, 0, NF_ACCEPT },
					    { 0, 0, NF_ACCEPT },
					    { 65535, 0, NF_ACCEPT } };
	struct nft_set_row row;

	(void)state;
	read_set(&row, 0, plain, ARRAY_SIZE(plain));
	check_ranges(&row, "80-80:0 443-443:0 ");
	read_set(&row, NFT_SET_INTERVAL, ranges, ARRAY_SIZE(ranges));
	check_ranges(&row, "10-20:0 21-29:0 60000-65535:0 ");
	read_set(&row, NFT_SET_MAP, rest, ARRAY_SIZE(rest));
	check_ranges(&row, "0-0:0 1-6:1 7-7:0 8-65534:1 65535-65535:0 ");
	read_set(&row, NFT_SET_MAP, rest, 1);
	check_ranges(&row, "0-65535:1 ");
	read_set(&row, NFT_SET_EVAL, plain, ARRAY_SIZE(plain));
	assert_false(row.set->known);
	check_ranges(&row, "");
	/* A meter's elements are its state, and no part of what a copy is made from. */
	read_set(&row, NFT_SET_ANONYMOUS | NFT_SET_EVAL, plain, ARRAY_SIZE(plain));
	assert_string_equal(strchr(row.set->body, '/'), "/");
	check_ranges(&row, "");
}

static void test_families(void **state)
{
	enum table_family f = TABLE_IP;

	(void)state;
	for (int i = TABLE_IP; i <= TABLE_INET; i++) {
		assert_true(nft_family_read(nft_family_number((enum table_family)i), &f));
		assert_int_equal(f, i);
	}
	assert_false(nft_family_read(NFPROTO_BRIDGE, &f));
	assert_false(nft_family_read(NFPROTO_ARP, &f));
	assert_false(nft_family_read(NFPROTO_NETDEV, &f));
}

static void test_comments(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *comment;
	} cases[] = {
		{ "\0\4abc", 6, "abc" }, { "\2\1x\0\3hi", 8, "hi" },
		{ "\0\6abc", 6, NULL },	 { "\0", 1, NULL },
		{ "", 0, NULL },	 { "\0\2hi", 4, "hi" },
		{ "\5\1x", 3, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct blob b = { 0 };
		char *s;

		blob_attr(&b, NFTA_RULE_USERDATA, cases[i].bytes, cases[i].len);
		s = nft_attr_comment((const struct nlattr *)b.v);
		if (cases[i].comment)
			assert_string_equal(s, cases[i].comment);
		else
			assert_null(s);
		free(s);
		free(b.v);
	}
	assert_null(nft_attr_comment(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_comments),
	};

	return cmocka_run_group_tests_name("nft_sets", tests, NULL, NULL);
}
