/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traffic that an administrator's own notrack keeps out of tracking, and traffic that is only near
 * to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include "fw_build.h"
#include "rules/twin.h"
#include "rules/way.h"

enum { EST = 2, REL = 4, NEW = 8 };

enum { AT_INPUT, AT_RAW }; /* the chains of each firewall */

/* A stateful firewall, and a chain of the raw hook that holds nothing yet. */
static struct fw_chain *firewall(struct fw *fw, enum hook hook)
{
	struct fw_chain *c = b_base(fw, "input", HOOK_INPUT, FW_DROP);

	b_verdict(b_state(b_rule(c), EST | REL, false), FW_ACCEPT, NULL);
	b_verdict(b_state(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), NEW, false), FW_ACCEPT,
		  NULL);
	c = b_base(fw, "raw", hook, FW_ACCEPT);
	c->priority = -300;
	return c;
}

static struct fw_rule *b_web(struct fw_chain *c)
{
	return b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80);
}

static void b_notrack(struct fw_rule *r)
{
	b_other(r, FW_EFFECT, "notrack");
}

/* What a service on port 80 gets: its needs in the chain with the state rules. */
struct derived {
	unsigned untracked[2]; /* of each family: needs nothing, for somebody untracks it */
	unsigned twinned[2];
	unsigned errors; /* twins for ICMP errors are needed all the same */
};

static void derive(struct fw *fw, struct derived *out)
{
	static const char conf[] = "[service web]\nprotocol = tcp\nport = 80\n";
	struct host_params h = HOST_PARAMS_DEFAULT;
	struct twin_plan plan = { 0 };
	struct ruleset rs = { 0 };
	struct policy p = { 0 };
	struct diag d = { 0 };

	*out = (struct derived){ 0 };
	assert_int_equal(policy_parse(&p, conf, "t.conf", &d), 0);
	assert_int_equal(twin_derive(&p, &h, fw, &rs, &plan, &d), 0);
	for (size_t i = 0; i < plan.n_needs; i++) {
		const struct chain_need *n = &plan.needs[i];

		if (n->chain != &fw->chains[AT_INPUT])
			continue;
		if (n->class == CLASS_ERROR)
			out->errors += n->need == NEED_TWINS;
		else if (n->need == NEED_TWINS)
			out->twinned[n->family]++;
		else if (!strcmp(n->why, "untracked already by a rule of inet filter raw") &&
			 n->need == NEED_NONE)
			out->untracked[n->family]++;
	}
	for (size_t i = 0; i < rs.n_twins; i++) /* what is said is what is done */
		if (!out->twinned[FAMILY_V4] && !out->twinned[FAMILY_V6])
			assert_int_equal(rs.twins[i].match.icmp, ICMP_IS_ERROR);
	twin_plan_free(&plan);
	ruleset_free(&rs);
	policy_free(&p);
	diag_free(&d);
	fw_free(fw);
}

/* Opening and continuing packets. */
static void check(struct fw *fw, bool v4, bool v6, const char *what)
{
	struct derived d;

	derive(fw, &d);
	if (d.untracked[FAMILY_V4] != 2 * v4 || d.untracked[FAMILY_V6] != 2 * v6 ||
	    d.twinned[FAMILY_V4] != 2 * !v4 || d.twinned[FAMILY_V6] != 2 * !v6 || d.errors != 2)
		fail_msg("%s: untracked %u %u, twinned %u %u, errors %u", what, d.untracked[0],
			 d.untracked[1], d.twinned[0], d.twinned[1], d.errors);
}

static void test_all_of_it(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c;

	(void)state;
	firewall(&fw, HOOK_PREROUTING);
	check(&fw, false, false, "no rule");
	fw = (struct fw){ 0 };
	b_notrack(b_web(firewall(&fw, HOOK_PREROUTING)));
	check(&fw, true, true, "its port");
	fw = (struct fw){ 0 };
	b_notrack(b_dport(b_proto(b_rule(firewall(&fw, HOOK_PREROUTING)), IPPROTO_TCP), 1, 1023));
	check(&fw, true, true, "more than its port");
	fw = (struct fw){ 0 };
	c = firewall(&fw, HOOK_PREROUTING);
	b_verdict(b_other(b_web(c), FW_EFFECT, "notrack"), FW_ACCEPT, NULL);
	check(&fw, true, true, "and no more rules for it");
	fw = (struct fw){ 0 };
	c = firewall(&fw, HOOK_PREROUTING);
	b_verdict(b_proto(b_rule(c), IPPROTO_UDP), FW_DROP, NULL);
	b_other(b_saddr(b_rule(c), "10.0.0.1"), FW_EFFECT, "counter");
	b_notrack(b_web(c));
	check(&fw, true, true, "behind rules that do not end its way");
}

static void test_some_of_it(void **state)
{
	struct fw fw = { 0 };

	(void)state;
	b_notrack(b_saddr(b_web(firewall(&fw, HOOK_PREROUTING)), "10.0.0.1"));
	check(&fw, false, false, "one address");
	fw = (struct fw){ 0 };
	b_notrack(b_other(b_web(firewall(&fw, HOOK_PREROUTING)), FW_LIMIT, "limit"));
	check(&fw, false, false, "some packets");
	fw = (struct fw){ 0 };
	b_notrack(b_dport(b_proto(b_rule(firewall(&fw, HOOK_PREROUTING)), IPPROTO_TCP), 81, 90));
	check(&fw, false, false, "other ports");
}

static void test_what_comes_before(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c;

	(void)state;
	c = firewall(&fw, HOOK_PREROUTING);
	b_verdict(b_saddr(b_rule(c), "10.0.0.1"), FW_ACCEPT, NULL);
	b_notrack(b_web(c));
	check(&fw, false, false, "accepted before for one address");
	fw = (struct fw){ 0 };
	c = firewall(&fw, HOOK_PREROUTING);
	b_verdict(b_web(c), FW_RETURN, NULL);
	b_notrack(b_web(c));
	check(&fw, false, false, "returned before");
	fw = (struct fw){ 0 };
	c = firewall(&fw, HOOK_PREROUTING);
	b_verdict(b_rule(c), FW_JUMP, "other");
	b_notrack(b_web(c));
	b_verdict(b_rule(b_chain(&fw, "other")), FW_ACCEPT, NULL);
	check(&fw, false, false, "perhaps ended by another chain");
}

static void test_where(void **state)
{
	static const struct {
		int priority;
		bool untracks;
	} at[] = { { -400, true },  { -300, true },  { -201, true },
		   { -200, false }, { -199, false }, { 0, false } };
	struct fw fw = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		auto_free char *what = xasprintf("priority %d", at[i].priority);
		struct fw_chain *c;

		fw = (struct fw){ 0 };
		c = firewall(&fw, HOOK_PREROUTING);
		c->priority = at[i].priority;
		b_notrack(b_web(c));
		check(&fw, at[i].untracks, at[i].untracks, what);
	}
	fw = (struct fw){ 0 };
	b_notrack(b_web(firewall(&fw, HOOK_OUTPUT)));
	check(&fw, false, false, "on the way out");
	fw = (struct fw){ 0 };
	b_notrack(b_web(firewall(&fw, HOOK_INPUT)));
	check(&fw, false, false, "a hook after conntrack");
	fw = (struct fw){ 0 };
	b_notrack(b_web(firewall(&fw, HOOK_PREROUTING)));
	fw.chains[AT_RAW].base = false;
	check(&fw, false, false, "no base chain");
}

/* The text names the chain as it is, so this asks way_untracked itself. */
static void test_families(void **state)
{
	static const enum table_family tables[] = { TABLE_IP, TABLE_IP6, TABLE_INET };
	struct port_range web = { 80, 80 };
	struct traffic t = { .hook = HOOK_INPUT,
			     .original = true,
			     .match = { .families = FAMILIES_BOTH,
					.proto = IPPROTO_TCP,
					.tcp = TCP_OPENING,
					.dport = { &web, 1 } } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		const struct fw_chain *in = NULL;
		struct fw fw = { 0 };

		b_notrack(b_web(firewall(&fw, HOOK_PREROUTING)));
		fw.chains[AT_RAW].family = tables[i];
		assert_int_equal(!way_untracked(&fw, &t, FAMILY_V4, &in), tables[i] == TABLE_IP6);
		assert_int_equal(!way_untracked(&fw, &t, FAMILY_V6, &in), tables[i] == TABLE_IP);
		t.hook = HOOK_FORWARD;
		assert_int_equal(!way_untracked(&fw, &t, FAMILY_V4, &in), tables[i] == TABLE_IP6);
		assert_ptr_equal(way_untracked(&fw, &t, tables[i] == TABLE_IP6, &in),
				 fw.chains[AT_RAW].rules);
		assert_ptr_equal(in, &fw.chains[AT_RAW]);
		t.hook = HOOK_OUTPUT;
		assert_null(way_untracked(&fw, &t, FAMILY_V4, &in));
		t.hook = HOOK_INPUT;
		fw_free(&fw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it),	  cmocka_unit_test(test_some_of_it),
		cmocka_unit_test(test_what_comes_before), cmocka_unit_test(test_where),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
