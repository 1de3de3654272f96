/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one rule does to one class of packets: interfaces, the direction, concatenations with the
 * state in them, and what is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include "fw_build.h"
#include "rules/packet.h"

static struct port_range web = { 80, 80 };

/* TCP to port 80 of this host. */
static struct traffic opening(void)
{
	return (struct traffic){ .hook = HOOK_INPUT,
				 .class = CLASS_OPENING,
				 .original = true,
				 .match = { .families = FAMILIES_V4,
					    .proto = IPPROTO_TCP,
					    .tcp = TCP_OPENING,
					    .dport = { &web, 1 } } };
}

static void eval(struct fw *fw, const struct traffic *t, uint32_t ct_state, struct eval *out)
{
	struct packet p;

	packet_init(&p, t, FAMILY_V4, HOOK_INPUT);
	packet_eval(&p, fw->chains[0].rules, ct_state, out);
	packet_free(&p);
}

static struct fw_rule *rule(struct fw *fw)
{
	return b_rule(b_base(fw, "input", HOOK_INPUT, FW_DROP));
}

/* Of a rule with one verdict. */
static enum tri matches(struct fw *fw, const struct traffic *t, uint32_t ct_state, unsigned *flags)
{
	enum tri result = NO;
	struct eval out;

	eval(fw, t, ct_state, &out);
	assert_true(out.n <= 1);
	if (out.n)
		result = out.v[0].when;
	if (flags)
		*flags = out.flags;
	eval_free(&out);
	return result;
}

/* ---- interfaces --------------------------------------------------------------------------------
 */

/* iptables-nft compares a name with its end, or a pattern without it; nft all of the 16 bytes. */
static void test_interface_names(void **state)
{
	static const struct {
		const char *exempt, *asked;
		uint8_t len;
		enum tri want;
	} cases[] = {
		{ "eth0", "eth0", 5, YES },   { "eth0", "eth0", 16, YES },
		{ "eth0", "eth0", 4, YES },   { "eth0", "eth", 3, YES },
		{ "eth0", "eth", 4, NO },     { "eth0", "eth1", 5, NO },
		{ "eth*", "eth0", 5, MAYBE }, { "eth*", "eth", 3, YES },
		{ "eth*", "eth", 4, MAYBE },  { "lo", "lo", 3, YES },
		{ "lo", "lo", 2, YES },	      { "lo", "eth0", 5, NO },
		{ NULL, "lo", 3, NO },	      { NULL, "lo", 16, NO },
		{ NULL, "lo", 2, MAYBE },     { NULL, "eth0", 5, MAYBE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int negated = 0; negated < 2; negated++) {
			struct traffic t = opening();
			char name[IFNAMSIZ] = { 0 };
			struct fw fw = { 0 };
			struct fw_rule *r = rule(&fw);
			enum tri want = negated ? YES - cases[i].want : cases[i].want, got;

			if (cases[i].exempt)
				ifaces_add(&t.match.in, cases[i].exempt);
			memcpy(name, cases[i].asked, strlen(cases[i].asked));
			b_load(r, FW_F_IIFNAME, 0, IFNAMSIZ);
			b_cmp(r, negated ? FW_NEQ : FW_EQ, name, cases[i].len, xstrdup("iifname"));
			b_verdict(r, FW_ACCEPT, NULL);
			got = matches(&fw, &t, STATE_NEW, NULL);
			if (got != want)
				fail_msg("case %zu, negated %d: %d, not %d", i, negated, got, want);
			free(t.match.in.v);
			fw_free(&fw);
		}
}

/* Only of names: a byte that is zero is no end of an address. */
static void test_addresses_have_no_end(void **state)
{
	const uint8_t addr[] = { 10, 0, 0, 0 };
	struct prefix net = { .family = FAMILY_V4, .len = 24, .addr = { 10 } };
	struct traffic t = opening();
	struct fw fw = { 0 };
	struct fw_rule *r = rule(&fw);

	(void)state;
	t.match.src = (struct addrs){ &net, 1 };
	b_load(r, FW_F_NETWORK, 12, 4);
	b_cmp(r, FW_EQ, addr, 3, xstrdup("saddr"));
	b_verdict(r, FW_ACCEPT, NULL);
	assert_int_equal(matches(&fw, &t, STATE_NEW, NULL), YES);
	fw_free(&fw);
}

/* ---- what is said to the packet ----------------------------------------------------------------
 */

static void test_effects(void **state)
{
	static const struct {
		const char *name;
		unsigned flags;
	} cases[] = {
		{ "counter", 0 },
		{ "log", 0 },
		{ "notrack", 0 },
		{ "objref", 0 },
		{ "last", 0 },
		{ "meta nftrace", 0 },
		{ "meta mark", EVAL_EFFECT },
		{ "meta priority", EVAL_EFFECT },
		{ "dynset", EVAL_EFFECT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct traffic t = opening();
		struct fw fw = { 0 };
		unsigned flags;

		b_other(rule(&fw), FW_EFFECT, cases[i].name);
		assert_int_equal(matches(&fw, &t, STATE_NEW, &flags), YES);
		if ((flags & EVAL_EFFECT) != cases[i].flags)
			fail_msg("%s: %x", cases[i].name, flags);
		fw_free(&fw);
	}
}

/* Where nothing follows, what is not known may be a verdict. */
static void test_unknown_may_decide(void **state)
{
	struct traffic t = opening();
	struct eval out;
	struct fw fw = { 0 };

	(void)state;
	b_other(rule(&fw), FW_UNKNOWN, "future");
	eval(&fw, &t, STATE_NEW, &out);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.v[0].target.verdict, FW_QUEUE);
	assert_int_equal(out.v[0].when, MAYBE);
	assert_true(out.flags & EVAL_UNKNOWN);
	eval_free(&out);
	b_other(fw.chains[0].rules, FW_EFFECT, "counter");
	eval(&fw, &t, STATE_NEW, &out);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.v[0].target.verdict, FW_CONTINUE);
	assert_int_equal(out.v[0].when, MAYBE);
	eval_free(&out);
	fw_free(&fw);
	fw = (struct fw){ 0 };
	b_other(b_proto(rule(&fw), IPPROTO_UDP), FW_UNKNOWN, "future"); /* not reached */
	eval(&fw, &t, STATE_NEW, &out);
	assert_int_equal(out.n, 0);
	assert_false(out.flags & EVAL_UNKNOWN);
	eval_free(&out);
	fw_free(&fw);
}

/* ---- the direction -----------------------------------------------------------------------------
 */

/* "ct direction reply accept" */
static void test_direction(void **state)
{
	static const struct {
		bool original, reply;
		enum packet_class class;
		enum tri want;
		unsigned flags;
	} cases[] = {
		{ true, false, CLASS_OPENING, NO, EVAL_STATE },
		{ true, false, CLASS_CONTINUING, NO, EVAL_STATE },
		{ false, true, CLASS_CONTINUING, YES, EVAL_STATE },
		/* Either side may have opened it; an error is of its own flow's direction. */
		{ false, false, CLASS_CONTINUING, MAYBE, EVAL_CT_OTHER },
		{ true, false, CLASS_ERROR, MAYBE, EVAL_CT_OTHER },
		{ false, true, CLASS_ERROR, MAYBE, EVAL_CT_OTHER },
	};
	const uint8_t reply = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct traffic t = opening();
		struct fw fw = { 0 };
		struct fw_rule *r = rule(&fw);
		unsigned flags;

		t.original = cases[i].original;
		t.reply = cases[i].reply;
		t.class = cases[i].class;
		free(b_load(r, FW_F_CT_OTHER, 0, 1)->name);
		r->exprs[0].name = xstrdup("ct direction");
		b_cmp(r, FW_EQ, &reply, 1, xstrdup("reply"));
		b_verdict(r, FW_ACCEPT, NULL);
		if (matches(&fw, &t, STATE_ESTABLISHED, &flags) != cases[i].want ||
		    (flags & (EVAL_STATE | EVAL_CT_OTHER)) != cases[i].flags)
			fail_msg("case %zu: flags %x", i, flags);
		assert_int_equal(matches(&fw, &t, STATE_UNTRACKED, NULL), NO);
		fw_free(&fw);
	}
}

/* ---- concatenations ----------------------------------------------------------------------------
 */

/* "ct state . tcp dport @set", and what else a test wants of it; NULL verdict map: accept. */
static struct fw_set *b_concat(struct fw *fw, struct fw_rule *r)
{
	struct fw_set *s = *ARRAY_ADD(fw->sets, fw->n_sets) = xcalloc(1, sizeof *s);
	struct fw_expr *e;

	s->known = s->concat = true;
	s->name = xstrdup("pairs");
	s->key_len = 8;
	b_load(r, FW_F_CT_STATE, 0, 4)->dreg = 8;
	b_load(r, FW_F_TRANSPORT, 2, 2)->dreg = 9;
	e = b_expr(r, FW_LOOKUP, "lookup", xstrdup("lookup"));
	e->sreg = 8;
	e->set = s;
	return s;
}

static struct fw_element *b_pair(struct fw_set *s, uint32_t ct_state, uint16_t lo, uint16_t hi)
{
	struct fw_element *e = ARRAY_ADD(s->v, s->n);
	uint16_t a = htons(lo), b = htons(hi);

	memcpy(e->lo, &ct_state, 4);
	memcpy(e->hi, &ct_state, 4);
	memcpy(e->lo + 4, &a, 2);
	memcpy(e->hi + 4, &b, 2);
	return e;
}

/* Each element that the packet may have come by is a way of its own. */
static void test_elements(void **state)
{
	struct port_range ports = { 80, 90 };
	struct traffic t = opening();
	struct eval out;
	struct fw fw = { 0 };
	struct fw_rule *r = rule(&fw);
	struct fw_set *s = b_concat(&fw, r);

	(void)state;
	t.match.dport.v = &ports;
	b_pair(s, STATE_NEW, 22, 22);
	b_pair(s, STATE_NEW, 85, 95);
	b_pair(s, STATE_ESTABLISHED, 80, 90);
	b_pair(s, STATE_NEW, 1, 1023);
	b_verdict(r, FW_ACCEPT, NULL);
	eval(&fw, &t, STATE_NEW, &out);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.v[0].element, 2);
	assert_int_equal(out.v[0].when, MAYBE);
	assert_int_equal(out.v[1].element, 4);
	assert_int_equal(out.v[1].when, YES);
	assert_int_equal(out.v[1].target.verdict, FW_ACCEPT);
	assert_int_equal(out.flags & (EVAL_STATE | EVAL_STATE_HARD), EVAL_STATE);
	eval_free(&out);
	eval(&fw, &t, STATE_UNTRACKED, &out);
	assert_int_equal(out.n, 0);
	eval_free(&out);
	fw_free(&fw);
}

enum { AS_IT_IS, DYNAMIC, INVERTED, MAP, UNKNOWN, AGAIN, WITH_VMAP, METER };

/* A concatenation that a twin cannot say by comparisons; only the first can be. */
static void test_hard_elements(void **state)
{
	static const struct {
		int how;
		unsigned flags;
	} cases[] = {
		{ AS_IT_IS, EVAL_STATE },      { DYNAMIC, EVAL_STATE_HARD },
		{ INVERTED, EVAL_STATE_HARD }, { MAP, EVAL_STATE_HARD },
		{ UNKNOWN, EVAL_STATE_HARD },  { AGAIN, EVAL_STATE_HARD | EVAL_STATE },
		{ METER, EVAL_STATE_HARD },    { WITH_VMAP, EVAL_STATE_HARD | EVAL_STATE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct traffic t = opening();
		struct eval out;
		struct fw fw = { 0 };
		struct fw_rule *r = rule(&fw);
		struct fw_set *s = b_concat(&fw, r);
		struct fw_expr *e = &r->exprs[r->n_exprs - 1];

		b_pair(s, STATE_NEW, 80, 80);
		s->dynamic = cases[i].how == DYNAMIC;
		e->inverted = cases[i].how == INVERTED;
		s->map = cases[i].how == MAP;
		s->known = cases[i].how != UNKNOWN;
		e->op = cases[i].how == METER ? FW_LIMIT : FW_LOOKUP;
		if (cases[i].how == AGAIN)
			b_pair(b_concat(&fw, r), STATE_NEW, 80, 80);
		if (cases[i].how == WITH_VMAP) {
			b_element(b_state_map(&fw, r), STATE_NEW, FW_ACCEPT, NULL);
		} else {
			b_verdict(r, FW_ACCEPT, NULL);
		}
		eval(&fw, &t, STATE_NEW, &out);
		if ((out.flags & (EVAL_STATE | EVAL_STATE_HARD)) != cases[i].flags)
			fail_msg("case %zu: flags %x", i, out.flags);
		eval_free(&out);
		fw_free(&fw);
	}
}

/* Fields of which nothing is known, or not even the length. */
static void test_unknown_fields(void **state)
{
	static const struct {
		enum fw_field field;
		uint8_t len;
		uint32_t in_state;
		enum tri want;
	} cases[] = {
		{ FW_F_META_MARK, 4, STATE_NEW, MAYBE },  { FW_F_META_MARK, 4, STATE_INVALID, NO },
		{ FW_F_META_OTHER, 0, STATE_NEW, MAYBE }, { FW_F_META_OTHER, 8, STATE_NEW, MAYBE },
		{ FW_F_TRANSPORT, 2, STATE_NEW, YES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct traffic t = opening();
		struct eval out;
		struct fw fw = { 0 };
		struct fw_rule *r = rule(&fw);

		b_pair(b_concat(&fw, r), STATE_NEW, 80, 80);
		r->exprs[1].field = cases[i].field;
		r->exprs[1].len = cases[i].len;
		b_verdict(r, FW_ACCEPT, NULL);
		eval(&fw, &t, cases[i].in_state, &out);
		if ((out.n ? out.v[0].when : NO) != cases[i].want)
			fail_msg("case %zu: %zu", i, out.n);
		eval_free(&out);
		fw_free(&fw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interface_names),
		cmocka_unit_test(test_addresses_have_no_end),
		cmocka_unit_test(test_effects),
		cmocka_unit_test(test_unknown_may_decide),
		cmocka_unit_test(test_direction),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_hard_elements),
		cmocka_unit_test(test_unknown_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
