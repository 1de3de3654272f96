/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where twins stand when they cannot stand directly before their rule, when none helps, and when
 * two decision lists come to the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include "fw_build.h"
#include "rules/twin.h"
#include "rules/walk.h"

enum { INV = 1, EST = 2, REL = 4, NEW = 8, UNT = 64 };

#define DNS "[service dns]\nprotocol = udp\nport = 53\nrole = client\n"
#define WEB "[service web]\nprotocol = tcp\nport = 80\n"
#define MAX_TWINS 16

struct twins {
	size_t n;
	uint64_t anchor[MAX_TWINS]; /* of all but those for ICMP errors */
	char chain[MAX_TWINS][16], body[MAX_TWINS][96];
	bool refused;
	char id[32]; /* of the first error */
};

/* Takes the firewall. */
static struct twins derive(struct fw *fw, const char *conf)
{
	struct host_params h = HOST_PARAMS_DEFAULT;
	struct twins out = { 0 };
	struct ruleset rs = { 0 };
	struct policy p = { 0 };
	struct diag d = { 0 };

	assert_int_equal(policy_parse(&p, conf, "t.conf", &d), 0);
	diag_free(&d);
	out.refused = twin_derive(&p, &h, fw, &rs, NULL, &d) != 0;
	for (size_t i = d.n; i-- > 0;)
		if (d.v[i].severity == SEVERITY_ERROR)
			snprintf(out.id, sizeof out.id, "%s", d.v[i].id);
	for (size_t i = 0; i < rs.n_twins && out.n < MAX_TWINS; i++) {
		if (rs.twins[i].match.icmp == ICMP_IS_ERROR)
			continue;
		out.anchor[out.n] = rs.twins[i].anchor;
		snprintf(out.chain[out.n], sizeof out.chain[0], "%s", rs.twins[i].chain);
		snprintf(out.body[out.n++], sizeof out.body[0], "%s", rs.twins[i].body);
	}
	ruleset_free(&rs);
	policy_free(&p);
	diag_free(&d);
	fw_free(fw);
	return out;
}

static struct fw_chain *input(struct fw *fw, enum fw_verdict policy)
{
	return b_base(fw, "input", HOOK_INPUT, policy);
}

/* ---- places ------------------------------------------------------------------------------------
 */

/* A deny list for what is new or untracked: replies that came tracked never met it. */
static struct fw_rule *b_denied(struct fw_chain *c, const char *addr)
{
	return b_verdict(b_saddr(b_state(b_rule(c), NEW | UNT, false), addr), FW_DROP, NULL);
}

static void test_past_a_deny_list(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = input(&fw, FW_DROP);
	struct twins t;

	(void)state;
	b_verdict(b_saddr(b_rule(c), "203.0.113.4"), FW_DROP, NULL);
	b_denied(c, "203.0.113.5");
	b_denied(c, "203.0.113.6");
	b_verdict(b_state(b_rule(c), EST, false), FW_ACCEPT, NULL);
	t = derive(&fw, DNS);
	assert_false(t.refused);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.anchor[0], 2);
	assert_string_equal(t.body[0], "verdict=0");
}

/* Rules of ours that stand there already are as if they did not: no twin is anchored to one. */
static void test_past_twins(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = input(&fw, FW_DROP);
	struct twins t;

	(void)state;
	b_verdict(b_rule(c), FW_ACCEPT, NULL);
	b_denied(c, "203.0.113.5");
	b_verdict(b_rule(c), FW_ACCEPT, NULL);
	b_denied(c, "203.0.113.6");
	b_verdict(b_state(b_rule(c), EST, false), FW_ACCEPT, NULL);
	c->rules[0].twin = c->rules[2].twin = 0;
	t = derive(&fw, DNS);
	assert_false(t.refused);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.anchor[0], 2);
}

/* Not past what the tracked packet meets, nor where it need not be. */
static void test_no_further(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = input(&fw, FW_DROP);
	struct twins t;

	(void)state;
	b_denied(c, "203.0.113.5");
	b_verdict(b_saddr(b_rule(c), "203.0.113.7"), FW_DROP, NULL);
	b_denied(c, "203.0.113.6");
	b_verdict(b_state(b_rule(c), EST, false), FW_ACCEPT, NULL);
	t = derive(&fw, DNS); /* the first deny list stands before a rule for all: none can pass */
	assert_true(t.refused);

	fw = (struct fw){ 0 };
	c = input(&fw, FW_DROP);
	b_verdict(b_saddr(b_rule(c), "203.0.113.7"), FW_DROP, NULL);
	b_denied(c, "203.0.113.6");
	b_verdict(b_state(b_rule(c), EST, false), FW_ACCEPT, NULL);
	t = derive(&fw, DNS);
	assert_false(t.refused);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.anchor[0], 2);

	fw = (struct fw){ 0 };
	c = input(&fw, FW_DROP);
	b_verdict(b_state(b_rule(c), NEW, false), FW_DROP, NULL);
	b_verdict(b_state(b_rule(c), EST, false), FW_ACCEPT, NULL);
	t = derive(&fw, DNS);
	assert_false(t.refused);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.anchor[0], 2);
}

/* ---- rules that no twin can copy ---------------------------------------------------------------
 */

/* The twin would carry the state test over, but not what else is asked of the connection. */
static void test_state_and_mark(void **state)
{
	struct fw fw = { 0 };
	struct fw_rule *r = b_state(b_rule(input(&fw, FW_DROP)), EST | NEW, false);
	uint32_t mark = 1;
	struct twins t;

	(void)state;
	b_load(r, FW_F_CT_OTHER, 0, 4);
	b_cmp(r, FW_EQ, &mark, 4, xstrdup("mark"));
	b_verdict(r, FW_ACCEPT, NULL);
	t = derive(&fw, WEB);
	assert_true(t.refused);
	assert_string_equal(t.id, "state-lost");
	assert_int_equal(t.n, 0);
}

/* Inside an anonymous chain nothing can be written; behind a jump to one nothing can be copied,
 * but where the state is no matter it is no matter either. */
static void test_anonymous_chains(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = input(&fw, FW_DROP);
	struct twins t;

	(void)state;
	b_verdict(b_rule(c), FW_JUMP, "__chain1");
	b_verdict(b_state(b_rule(b_chain(&fw, "__chain1")), NEW | EST, false), FW_ACCEPT, NULL);
	t = derive(&fw, WEB);
	assert_true(t.refused);
	assert_string_equal(t.id, "state-unknown");
	assert_int_equal(t.n, 0);

	fw = (struct fw){ 0 };
	c = input(&fw, FW_DROP);
	b_verdict(b_state(b_rule(c), NEW | EST, false), FW_JUMP, "__chain1");
	c->rules[0].exprs[c->rules[0].n_exprs - 1].once = true;
	b_verdict(b_rule(b_chain(&fw, "__chain1")), FW_ACCEPT, NULL);
	t = derive(&fw, WEB);
	assert_true(t.refused);
	assert_string_equal(t.id, "state-unknown");
	assert_int_equal(t.n, 0);

	fw = (struct fw){ 0 };
	c = input(&fw, FW_DROP);
	b_verdict(b_rule(c), FW_JUMP, "__chain1");
	c->rules[0].exprs[0].once = true;
	b_verdict(b_state(b_rule(c), NEW | EST, false), FW_ACCEPT, NULL);
	b_verdict(b_saddr(b_rule(b_chain(&fw, "__chain1")), "203.0.113.5"), FW_DROP, NULL);
	t = derive(&fw, WEB);
	assert_false(t.refused);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.chain[0], "input");
}

/* An element that only goes on needs no twin. */
static void test_map_that_goes_on(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = input(&fw, FW_DROP);
	struct fw_set *map = b_state_map(&fw, b_rule(c));
	struct twins t;

	(void)state;
	b_element(map, EST, FW_ACCEPT, NULL);
	b_element(map, NEW, FW_CONTINUE, NULL);
	b_verdict(b_state(b_rule(c), NEW, false), FW_ACCEPT, NULL);
	t = derive(&fw, WEB);
	assert_false(t.refused);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.anchor[0], 1);
	assert_string_equal(t.body[0], "verdict:accept");
	assert_int_equal(t.anchor[1], 2);
}

/* ---- lists that agree --------------------------------------------------------------------------
 */

#define RULES 6

struct lists { /* of decisions about some of RULES rules */
	struct decision v[3][8];
	struct decision_list l[3];
};

enum { TRACKED, UNTRACKED, OPENING };

static const struct fw_rule rules[RULES];

static void add(struct lists *s, int which, struct decision d)
{
	s->v[which][s->l[which].n++] = d;
	s->l[which].v = s->v[which];
}

static struct decision on(int rule, enum fw_verdict verdict, unsigned flags)
{
	return (struct decision){
		.rule = &rules[rule], .when = MAYBE, .verdict = verdict, .flags = flags
	};
}

static bool agree(const struct lists *s)
{
	return decision_lists_agree(&s->l[TRACKED], &s->l[UNTRACKED], &s->l[OPENING]);
}

/* What dropped the opening packet of a flow has no later packets to drop. */
static void test_agree_on_flows(void **state)
{
	struct decision accept = on(1, FW_ACCEPT, EVAL_FLOW);
	struct lists s = { 0 };

	(void)state;
	assert_true(agree(&s));
	add(&s, UNTRACKED, on(0, FW_DROP, EVAL_FLOW));
	assert_false(agree(&s)); /* dropped, and not when it opened */
	add(&s, OPENING, on(0, FW_DROP, EVAL_FLOW));
	assert_true(agree(&s));
	add(&s, UNTRACKED, accept);
	add(&s, TRACKED, accept);
	assert_true(agree(&s));
	s.l[UNTRACKED].n--; /* what the tracked one meets is missing */
	assert_false(agree(&s));
}

/* A limit dropped the opening packet of this flow or of another. */
static void test_agree_not_on_packets(void **state)
{
	static const enum fw_verdict opens[] = { FW_ACCEPT, FW_QUEUE, FW_CONTINUE };
	struct lists s = { 0 };

	(void)state;
	add(&s, UNTRACKED, on(0, FW_DROP, EVAL_LIMIT));
	add(&s, OPENING, on(0, FW_DROP, EVAL_LIMIT));
	assert_false(agree(&s));
	for (size_t i = 0; i < ARRAY_SIZE(opens); i++) {
		s = (struct lists){ 0 };
		add(&s, UNTRACKED, on(0, opens[i], EVAL_FLOW));
		add(&s, OPENING, on(0, opens[i], EVAL_FLOW));
		assert_false(agree(&s));
	}
	/* Behind what may have let the opening packet in, nothing is known of it. */
	s = (struct lists){ 0 };
	add(&s, UNTRACKED, on(0, FW_ACCEPT, EVAL_LIMIT));
	add(&s, UNTRACKED, on(1, FW_DROP, EVAL_FLOW));
	add(&s, OPENING, on(0, FW_ACCEPT, EVAL_LIMIT));
	add(&s, OPENING, on(1, FW_DROP, EVAL_FLOW));
	add(&s, TRACKED, on(0, FW_ACCEPT, EVAL_LIMIT));
	assert_false(agree(&s));
	s.v[OPENING][0].flags = s.v[UNTRACKED][0].flags = s.v[TRACKED][0].flags = EVAL_FLOW;
	assert_true(agree(&s));
}

/* Jumps agree when what is behind them does. */
static void test_agree_on_jumps(void **state)
{
	struct decision drop = on(0, FW_DROP, EVAL_FLOW), accept = on(1, FW_ACCEPT, EVAL_FLOW);
	struct lists in = { 0 }, s = { 0 };

	(void)state;
	add(&in, UNTRACKED, drop);
	add(&in, UNTRACKED, accept);
	add(&in, OPENING, drop);
	add(&in, TRACKED, accept);
	for (int i = 0; i < 3; i++) {
		add(&s, i, on(2, FW_JUMP, EVAL_FLOW));
		s.v[i][0].sub = &in.l[i];
	}
	assert_true(agree(&s));
	in.v[OPENING][0].rule = &rules[3];
	assert_false(agree(&s));
	in.v[OPENING][0].rule = &rules[0];
	s.l[TRACKED].n = 0; /* a whole jump that only untracked packets meet: it lets some in */
	s.v[OPENING][0].sub = &in.l[UNTRACKED];
	assert_false(agree(&s));
	in.l[UNTRACKED].n = 1; /* it only drops */
	assert_true(agree(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_past_a_deny_list),
		cmocka_unit_test(test_past_twins),
		cmocka_unit_test(test_no_further),
		cmocka_unit_test(test_state_and_mark),
		cmocka_unit_test(test_anonymous_chains),
		cmocka_unit_test(test_map_that_goes_on),
		cmocka_unit_test(test_agree_on_flows),
		cmocka_unit_test(test_agree_not_on_packets),
		cmocka_unit_test(test_agree_on_jumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
