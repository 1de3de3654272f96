/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of nf_tables as operations and as canonical text, without a kernel. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernel/nft_body.h"
#include "native.h"
#include "nft_build.h"

static void check_op(const char *name, struct blob *data, enum fw_op op)
{
	struct nlattr *a = expr(name, data);
	struct fw_expr e;

	if (nft_expr_parse(a, NULL, 0, &e) != 0 || e.op != op)
		fail_msg("%s: operation %d, not %d", name, e.op, op);
	expr_free(&e);
	free(a);
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		enum fw_op op;
	} cases[] = {
		{ "counter", FW_EFFECT },    { "log", FW_EFFECT },
		{ "notrack", FW_EFFECT },    { "dup", FW_EFFECT },
		{ "last", FW_EFFECT },	     { "limit", FW_LIMIT },
		{ "quota", FW_LIMIT },	     { "connlimit", FW_CT_LIMIT },
		{ "synproxy", FW_SYNPROXY }, { "nat", FW_NAT },
		{ "masq", FW_NAT },	     { "redir", FW_NAT },
		{ "tproxy", FW_NAT },	     { "reject", FW_VERDICT },
		{ "queue", FW_VERDICT },     { "inner", FW_UNKNOWN },
		{ "nonsense", FW_UNKNOWN },  { "flow_offload", FW_CT_WRITE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct blob none = { 0 };

		check_op(cases[i].name, &none, cases[i].op);
	}
}

static struct nlattr *keyed(const char *name, uint16_t key_attr, uint32_t key, uint16_t reg_attr,
			    uint32_t reg)
{
	struct blob b = { 0 };

	put_u32(&b, key_attr, key);
	put_u32(&b, reg_attr, reg);
	return expr(name, &b);
}

static void test_loads(void **state)
{
	static const struct {
		const char *name;
		uint16_t key_attr;
		uint32_t key;
		uint16_t reg_attr;
		uint32_t reg;
		enum fw_field field;
		uint8_t dreg, len;
	} cases[] = {
		{ "meta", NFTA_META_KEY, NFT_META_L4PROTO, NFTA_META_DREG, NFT_REG_1, FW_F_L4PROTO,
		  0, 1 },
		{ "meta", NFTA_META_KEY, NFT_META_IIFNAME, NFTA_META_DREG, NFT_REG_2, FW_F_IIFNAME,
		  4, 16 },
		{ "meta", NFTA_META_KEY, NFT_META_MARK, NFTA_META_DREG, NFT_REG_4, FW_F_META_MARK,
		  12, 4 },
		{ "meta", NFTA_META_KEY, NFT_META_SKUID, NFTA_META_DREG, NFT_REG32_15,
		  FW_F_META_OTHER, 15, 4 },
		{ "meta", NFTA_META_KEY, 9999, NFTA_META_DREG, NFT_REG_1, FW_F_META_OTHER, 0, 16 },
		{ "ct", NFTA_CT_KEY, NFT_CT_STATE, NFTA_CT_DREG, NFT_REG32_01, FW_F_CT_STATE, 1,
		  4 },
		{ "ct", NFTA_CT_KEY, NFT_CT_BYTES, NFTA_CT_DREG, NFT_REG_1, FW_F_CT_OTHER, 0, 8 },
		{ "fib", NFTA_FIB_RESULT, NFT_FIB_RESULT_OIF, NFTA_FIB_DREG, NFT_REG_1, FW_F_OTHER,
		  0, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nlattr *a = keyed(cases[i].name, cases[i].key_attr, cases[i].key,
					 cases[i].reg_attr, cases[i].reg);
		struct fw_expr e;

		assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
		assert_int_equal(e.op, FW_LOAD);
		assert_int_equal(e.field, cases[i].field);
		assert_int_equal(e.dreg, cases[i].dreg);
		assert_int_equal(e.len, cases[i].len);
		expr_free(&e);
		free(a);
	}
}

static void test_writes(void **state)
{
	struct nlattr *mark = keyed("meta", NFTA_META_KEY, NFT_META_MARK, NFTA_META_SREG, 1);
	struct nlattr *ct = keyed("ct", NFTA_CT_KEY, NFT_CT_MARK, NFTA_CT_SREG, 1);
	struct fw_expr e;

	(void)state;
	assert_int_equal(nft_expr_parse(mark, NULL, 0, &e), 0);
	assert_int_equal(e.op, FW_EFFECT);
	assert_string_equal(e.name, "meta mark");
	expr_free(&e);
	assert_int_equal(nft_expr_parse(ct, NULL, 0, &e), 0);
	assert_int_equal(e.op, FW_CT_WRITE);
	assert_string_equal(e.name, "ct mark");
	expr_free(&e);
	free(mark);
	free(ct);
}

static void test_local_address_type(void **state)
{
	static const struct {
		uint32_t flags;
		enum fw_field field;
	} cases[] = { { NFTA_FIB_F_DADDR, FW_F_FIB_DADDR_TYPE },
		      { NFTA_FIB_F_SADDR, FW_F_OTHER },
		      { NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF, FW_F_OTHER } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct blob b = { 0 };
		struct nlattr *a;
		struct fw_expr e;

		put_u32(&b, NFTA_FIB_DREG, NFT_REG_1);
		put_u32(&b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
		put_u32(&b, NFTA_FIB_FLAGS, cases[i].flags);
		a = expr("fib", &b);
		assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
		assert_int_equal(e.field, cases[i].field);
		expr_free(&e);
		free(a);
	}
}

static void test_payload(void **state)
{
	struct blob b = { 0 };
	struct nlattr *a;
	struct fw_expr e;

	(void)state;
	put_u32(&b, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_u32(&b, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	put_u32(&b, NFTA_PAYLOAD_OFFSET, 2);
	put_u32(&b, NFTA_PAYLOAD_LEN, 2);
	a = expr("payload", &b);
	assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
	assert_int_equal(e.op, FW_LOAD);
	assert_int_equal(e.field, FW_F_TRANSPORT);
	assert_int_equal(e.offset, 2);
	assert_int_equal(e.len, 2);
	expr_free(&e);
	free(a);
}

static void test_comparisons(void **state)
{
	static const uint8_t lo[] = { 1, 0 }, hi[] = { 2, 0 };
	struct blob b = { 0 };
	struct nlattr *a;
	struct fw_expr e;

	(void)state;
	put_u32(&b, NFTA_CMP_SREG, NFT_REG_2);
	put_u32(&b, NFTA_CMP_OP, NFT_CMP_LTE);
	put_data(&b, NFTA_CMP_DATA, lo, sizeof lo);
	a = expr("cmp", &b);
	assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
	assert_int_equal(e.op, FW_CMP);
	assert_int_equal(e.cmp, FW_LTE);
	assert_int_equal(e.sreg, 4);
	assert_int_equal(e.len, 2);
	assert_memory_equal(e.data, lo, 2);
	expr_free(&e);
	free(a);
	put_u32(&b, NFTA_RANGE_SREG, NFT_REG_1);
	put_u32(&b, NFTA_RANGE_OP, NFT_RANGE_NEQ);
	put_data(&b, NFTA_RANGE_FROM_DATA, lo, sizeof lo);
	put_data(&b, NFTA_RANGE_TO_DATA, hi, sizeof hi);
	a = expr("range", &b);
	assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
	assert_int_equal(e.op, FW_RANGE);
	assert_true(e.inverted);
	assert_memory_equal(e.data, lo, 2);
	assert_memory_equal(e.data2, hi, 2);
	expr_free(&e);
	free(a);
}

/* Bits of a mask, then the shifts and operations that yield what we do not know. */
static void test_bitwise(void **state)
{
	static const uint8_t mask[] = { 6, 0, 0, 0 }, xor[] = {
		0, 0, 0, 1
	};

	(void)state;
	for (uint32_t op = 0; op < 6; op++) {
		struct blob b = { 0 };
		struct nlattr *a;
		struct fw_expr e;

		put_u32(&b, NFTA_BITWISE_SREG, NFT_REG_1);
		put_u32(&b, NFTA_BITWISE_DREG, NFT_REG_2);
		put_u32(&b, NFTA_BITWISE_LEN, 4);
		put_data(&b, NFTA_BITWISE_MASK, mask, 4);
		put_data(&b, NFTA_BITWISE_XOR, xor, 4);
		put_u32(&b, NFTA_BITWISE_OP, op);
		a = expr("bitwise", &b);
		assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
		assert_int_equal(e.op, op == 0 ? FW_BITWISE : FW_LOAD);
		assert_int_equal(e.dreg, 4);
		if (op == 0) {
			assert_memory_equal(e.data, mask, 4);
			assert_memory_equal(e.data2, xor, 4);
		}
		expr_free(&e);
		free(a);
	}
}

static void test_verdicts(void **state)
{
	static const struct {
		int32_t code;
		const char *chain;
		enum fw_verdict verdict;
		const char *body;
		bool once;
	} cases[] = {
		{ NF_ACCEPT, NULL, FW_ACCEPT, "verdict:accept", false },
		{ NF_DROP, NULL, FW_DROP, "verdict:drop", false },
		{ NFT_RETURN, NULL, FW_RETURN, "verdict:return", false },
		{ NFT_CONTINUE, NULL, FW_CONTINUE, "verdict:continue", false },
		{ NFT_JUMP, "a b:{é", FW_JUMP, "verdict:jump:a%20b%3a%7b%c3%a9", false },
		{ NFT_GOTO, "x-y_z.1", FW_GOTO, "verdict:goto:x-y_z.1", false },
		{ NFT_JUMP, "__chain7", FW_JUMP, "verdict:jump:__chain7", true },
		{ NF_QUEUE | 3 << 16, NULL, FW_QUEUE, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct blob b = { 0 };
		struct nlattr *a;
		struct fw_expr e;

		put_u32(&b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
		put_verdict(&b, NFTA_IMMEDIATE_DATA, cases[i].code, cases[i].chain);
		a = expr("immediate", &b);
		assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
		assert_int_equal(e.op, FW_VERDICT);
		assert_int_equal(e.target.verdict, cases[i].verdict);
		assert_int_equal(e.once, cases[i].once);
		if (cases[i].chain)
			assert_string_equal(e.target.chain, cases[i].chain);
		if (cases[i].body)
			assert_string_equal(e.body, cases[i].body);
		else
			assert_memory_equal(e.body, "immediate:", 10);
		expr_free(&e);
		free(a);
	}
}

static void test_objects(void **state)
{
	static const enum fw_op ops[] = {
		[NFT_OBJECT_COUNTER] = FW_EFFECT,	[NFT_OBJECT_QUOTA] = FW_LIMIT,
		[NFT_OBJECT_CT_HELPER] = FW_CT_WRITE,	[NFT_OBJECT_LIMIT] = FW_LIMIT,
		[NFT_OBJECT_CONNLIMIT] = FW_CT_LIMIT,	[NFT_OBJECT_TUNNEL] = FW_EFFECT,
		[NFT_OBJECT_CT_TIMEOUT] = FW_CT_WRITE,	[NFT_OBJECT_SECMARK] = FW_EFFECT,
		[NFT_OBJECT_CT_EXPECT] = FW_CT_WRITE,	[NFT_OBJECT_SYNPROXY] = FW_SYNPROXY,
		[NFT_OBJECT_SYNPROXY + 1] = FW_UNKNOWN,
	};

	(void)state;
	for (uint32_t type = 1; type < ARRAY_SIZE(ops); type++) {
		struct blob b = { 0 };

		put_u32(&b, NFTA_OBJREF_IMM_TYPE, type);
		blob_attr(&b, NFTA_OBJREF_IMM_NAME, "o", 2);
		check_op("objref", &b, ops[type]);
	}
}

/* Sets are found by their name; a set with state of its own makes the lookup more than a match. */
static void test_lookup(void **state)
{
	struct fw_set a = { .name = (char *)"a", .key_len = 2 };
	struct fw_set anon = { .name = (char *)"b", .key_len = 2, .anonymous = true };
	struct fw_set c = { .name = (char *)"c", .key_len = 2, .elements_do = FW_LIMIT };
	struct fw_set *sets[] = { &a, &anon, &c };
	static const struct {
		const char *name, *body;
		enum fw_op op;
		int set;
		bool once;
	} cases[] = {
		{ "a", "lookup:060001006100000008000200000000010800050000000001", FW_LOOKUP, 0,
		  false },
		{ "b", "lookup:08000200000000010800050000000001{00/11}", FW_LOOKUP, 1, false },
		{ "c", "lookup:060001006300000008000200000000010800050000000001", FW_LIMIT, 2,
		  false },
		{ "d", "lookup:060001006400000008000200000000010800050000000001", FW_LOOKUP, -1,
		  false },
	};

	(void)state;
	anon.body = (char *)"00/11";
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *body = native_bodies(cases[i].body);
		struct blob b = { 0 };
		struct nlattr *attr;
		struct fw_expr e;

		put_u32(&b, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV); /* in another order */
		put_u32(&b, NFTA_LOOKUP_SET_ID, 7);
		put_u32(&b, NFTA_LOOKUP_SREG, NFT_REG_1);
		blob_attr(&b, NFTA_LOOKUP_SET, cases[i].name, 2);
		attr = expr("lookup", &b);
		assert_int_equal(nft_expr_parse(attr, sets, ARRAY_SIZE(sets), &e), 0);
		assert_int_equal(e.op, cases[i].op);
		assert_true(e.inverted);
		assert_ptr_equal(e.set, cases[i].set < 0 ? NULL : sets[cases[i].set]);
		assert_string_equal(e.body, body);
		assert_int_equal(e.once, cases[i].once);
		expr_free(&e);
		free(attr);
	}
}

static void test_dynset(void **state)
{
	static const struct {
		const char *stateful;
		uint32_t flags;
		enum fw_op op;
	} cases[] = {
		{ NULL, 0, FW_EFFECT },		 { "counter", 0, FW_EFFECT },
		{ "limit", 0, FW_LIMIT },	 { "quota", 0, FW_LIMIT },
		{ "connlimit", 0, FW_CT_LIMIT }, { NULL, NFT_DYNSET_F_INV, FW_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct blob b = { 0 };

		blob_attr(&b, NFTA_DYNSET_SET_NAME, "s", 2);
		put_u32(&b, NFTA_DYNSET_SREG_KEY, NFT_REG_1);
		put_u32(&b, NFTA_DYNSET_FLAGS, cases[i].flags);
		if (cases[i].stateful) {
			size_t nest = blob_nest(&b, NFTA_DYNSET_EXPR);

			blob_attr(&b, NFTA_EXPR_NAME, cases[i].stateful,
				  strlen(cases[i].stateful) + 1);
			blob_nest_end(&b, nest);
		}
		check_op("dynset", &b, cases[i].op);
	}
}

static void test_xt(void **state)
{
	struct blob b = { 0 };
	struct nlattr *a;
	struct fw_expr e;

	(void)state;
	blob_attr(&b, NFTA_MATCH_NAME, "conntrack", 10);
	put_u32(&b, NFTA_MATCH_REV, 3);
	a = expr("match", &b);
	assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
	assert_int_equal(e.op, FW_XT);
	assert_string_equal(e.name, "match");
	assert_string_equal(e.object, "conntrack");
	expr_free(&e);
	free(a);
}

/* What packets have done is no part of the text. */
static void test_state_is_left_out(void **state)
{
	static const uint64_t zero, many = 77;
	struct fw_expr fresh, used;
	struct blob b = { 0 };
	struct nlattr *a;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const uint64_t *v = i ? &many : &zero;

		blob_attr(&b, NFTA_QUOTA_CONSUMED, v, 8);
		put_u32(&b, NFTA_QUOTA_FLAGS, i ? 3 : 1); /* 2: depleted */
		blob_attr(&b, NFTA_QUOTA_BYTES, &many, 8);
		a = expr("quota", &b);
		assert_int_equal(nft_expr_parse(a, NULL, 0, i ? &used : &fresh), 0);
		free(a);
	}
	assert_string_equal(fresh.body, used.body);
	expr_free(&fresh);
	expr_free(&used);
	blob_attr(&b, NFTA_COUNTER_PACKETS, &many, 8);
	blob_attr(&b, NFTA_COUNTER_BYTES, &many, 8);
	a = expr("counter", &b);
	assert_int_equal(nft_expr_parse(a, NULL, 0, &used), 0);
	assert_string_equal(used.body, "counter:");
	expr_free(&used);
	free(a);
}

/* Every attribute at every length: never more than -1, and never a byte beyond the end. */
static void test_malformed(void **state)
{
	static const char *const names[] = { "meta",	"ct",	     "payload",	  "bitwise",
					     "cmp",	"range",     "lookup",	  "dynset",
					     "objref",	"immediate", "byteorder", "exthdr",
					     "fib",	"match",     "socket",	  "queue",
					     "verdict", "rt",	     "counter" };

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		for (uint16_t type = 1; type < 10; type++) {
			for (size_t len = 0; len < 9; len++) {
				static const uint8_t junk[9] = { 0, 0, 0, 9, 255, 255, 255, 255 };
				struct blob b = { 0 };
				struct nlattr *a;
				struct fw_expr e;

				blob_attr(&b, type, junk, len);
				a = expr(names[n], &b);
				if (nft_expr_parse(a, NULL, 0, &e) != 0)
					assert_int_equal(e.op, FW_UNKNOWN);
				assert_non_null(e.name);
				assert_non_null(e.body);
				expr_free(&e);
				free(a);
			}
		}
	}
}

static void test_nameless(void **state)
{
	struct nlattr a = { .nla_len = sizeof a, .nla_type = NFTA_LIST_ELEM };
	struct fw_expr e;

	(void)state;
	assert_int_equal(nft_expr_parse(&a, NULL, 0, &e), -1);
	assert_int_equal(e.op, FW_UNKNOWN);
	assert_true(e.once);
	expr_free(&e);
}

/* The texts of the expressions that a body was written to, joined as they were. */
static char *round_trip(const char *body)
{
	size_t room = sizeof(struct nlmsghdr) + nft_body_room(body);
	struct nlmsghdr *h = xcalloc(1, room);
	struct text t = { 0 };
	const struct nlattr *a;

	h->nlmsg_len = sizeof *h;
	if (nft_body_put(h, body, 5) != 0) {
		assert_int_equal(h->nlmsg_len, sizeof *h);
		free(h);
		return NULL;
	}
	assert_true(h->nlmsg_len <= room);
	mnl_attr_for_each(a, h, 0)
	{
		struct fw_expr e;

		nft_expr_parse(a, NULL, 0, &e);
		text_add(&t, "%s%s", t.len ? " " : "", e.body);
		expr_free(&e);
	}
	free(h);
	return t.s ? t.s : xstrdup("");
}

static void test_bodies(void **state)
{
	static const char *const good[] = {
		"",
		"counter:",
		"verdict:accept",
		"verdict:jump:a%20b",
		"notrack: counter: verdict:goto:c",
		"ct:08000100000000010800020000000000 counter: verdict:drop",
		"from-the_future.2:0800010000000001",
	};
	static const char *const bad[] = {
		"counter",	    ":00",
		"meta:0",	    "meta:0g",
		"meta:00{",	    "lookup:00{00}",
		"lookup:00{00/",    "lookup:00{0/}",
		"meta:00{00/00}",   "verdict:",
		"verdict:no",	    "verdict:jump",
		"verdict:accept:x", "verdict:jump:",
		"verdict:jump:%",   "verdict:jump:%00",
		"verdict:jump:a b", "lookup:00{00/00}x",
		"verdict:jump:a%2", "a{b:00",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		auto_free char *body = native_bodies(good[i]);
		char *s = round_trip(body);

		assert_non_null(s);
		assert_string_equal(s, body);
		free(s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *s = round_trip(bad[i]);

		if (s)
			fail_msg("taken for a body: %s", bad[i]);
	}
}

static void test_body_sets(void **state)
{
	struct nft_batch b = { 0 };
	struct text body = { 0 };
	uint32_t id = 3;

	(void)state;
	/* 40,000 bytes of elements: two messages; the second set: none. */
	text_add(&body, "lookup:00{0800030000000003/");
	for (int i = 0; i < 2000; i++)
		text_add(&body, "140001001000010006000100%04x000000000000", i);
	text_add(&body, "} counter: lookup:{0800030000000009/}");
	assert_int_equal(nft_body_put_sets(&b, NFPROTO_INET, "t", body.s, &id), 0);
	assert_int_equal(id, 5);
	assert_int_equal(b.n, 4);
	nft_batch_free(&b);
	assert_int_equal(nft_body_put_sets(&b, NFPROTO_INET, "t", "counter:", &id), 0);
	assert_int_equal(nft_body_put_sets(&b, NFPROTO_INET, "t", "a:{00/} b:{0/}", &id), -1);
	assert_int_equal(id, 5);
	assert_int_equal(b.n, 0);
	free(body.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_local_address_type),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_bitwise),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_dynset),
		cmocka_unit_test(test_xt),
		cmocka_unit_test(test_state_is_left_out),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_nameless),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_body_sets),
	};

	return cmocka_run_group_tests_name("nft_expr", tests, NULL, NULL);
}
