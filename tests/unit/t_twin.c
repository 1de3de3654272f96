/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walks and the twins on small firewalls. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include "fw_build.h"
#include "rules/packet.h"
#include "rules/twin.h"

enum { INV = 1, EST = 2, REL = 4, NEW = 8, UNT = 64 };

struct world {
	struct fw fw;
	struct policy policy;
	struct ruleset rs;
	struct twin_plan plan;
	struct diag diag;
	int result;
};

static void derive(struct world *w, const char *conf)
{
	struct host_params h = HOST_PARAMS_DEFAULT;
	struct diag d = { 0 };

	assert_int_equal(policy_parse(&w->policy, conf, "t.conf", &d), 0);
	diag_free(&d);
	w->result = twin_derive(&w->policy, &h, &w->fw, &w->rs, &w->plan, &w->diag);
}

static void world_free(struct world *w)
{
	fw_free(&w->fw);
	policy_free(&w->policy);
	ruleset_free(&w->rs);
	twin_plan_free(&w->plan);
	diag_free(&w->diag);
}

static const char web[] = "[service web]\nprotocol = tcp\nport = 80\n";

static bool found(const struct world *w, const char *id)
{
	for (size_t i = 0; i < w->diag.n; i++)
		if (!strcmp(w->diag.v[i].id, id))
			return true;
	return false;
}

/* The usual firewall: established, invalid, then what opens. */
static struct fw_chain *stateful(struct world *w, enum fw_verdict policy)
{
	struct fw_chain *c = b_base(&w->fw, "input", HOOK_INPUT, policy);

	b_verdict(b_state(b_rule(c), EST | REL, false), FW_ACCEPT, NULL);
	b_verdict(b_state(b_rule(c), INV, false), FW_DROP, NULL);
	return c;
}

static void open_by_port_needs_nothing(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = stateful(&w, FW_DROP);

	(void)state;
	b_verdict(b_proto(b_rule(c), IPPROTO_ICMP), FW_ACCEPT, NULL);
	b_verdict(b_proto(b_rule(c), IPPROTO_ICMPV6), FW_ACCEPT, NULL);
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), FW_ACCEPT, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	assert_int_equal(w.rs.n_twins, 0);
	world_free(&w);
}

static void no_rules_no_twins(void **state)
{
	struct world w = { 0 };

	(void)state;
	b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT);
	derive(&w, web);
	assert_int_equal(w.rs.n_twins, 0);
	assert_int_equal(w.plan.needs[0].need, NEED_NONE);
	world_free(&w);
}

static void new_and_established_get_twins(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = stateful(&w, FW_DROP);

	(void)state;
	b_verdict(b_state(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), NEW, false), FW_ACCEPT,
		  NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	/* established: continuing, and errors of ICMP and of ICMPv6; new: opening */
	assert_int_equal(w.rs.n_twins, 4);
	assert_int_equal(w.rs.twins[0].anchor, 1);
	assert_int_equal(w.rs.twins[0].match.tcp, TCP_CONTINUING);
	assert_int_equal(w.rs.twins[0].match.families, FAMILIES_BOTH);
	assert_string_equal(w.rs.twins[0].body, "verdict=0");
	assert_int_equal(w.rs.twins[1].match.icmp, ICMP_IS_ERROR);
	assert_int_equal(w.rs.twins[3].anchor, 3);
	assert_int_equal(w.rs.twins[3].match.tcp, TCP_OPENING);
	assert_string_equal(w.rs.twins[3].body, "load dport=80-80 verdict=0");
	world_free(&w);
}

static void one_rule_for_both_states_gets_one_twin(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_DROP);

	(void)state;
	b_verdict(b_state(b_rule(c), NEW | EST, false), FW_ACCEPT, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	assert_int_equal(w.rs.n_twins, 1);
	assert_int_equal(w.rs.twins[0].match.tcp, TCP_ANY);
	world_free(&w);
}

static void closed_port_opens_nothing(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = stateful(&w, FW_DROP);

	(void)state;
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 22, 22), FW_ACCEPT, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	assert_int_equal(w.rs.n_twins, 0);
	assert_true(found(&w, "service-closed"));
	assert_int_equal(w.diag.warnings, 1);
	world_free(&w);
}

/* What is closed is named: ports with their protocol, or the protocol. */
static void check_closed(const char *conf, const char *begins)
{
	struct world w = { 0 };

	stateful(&w, FW_DROP);
	derive(&w, conf);
	assert_true(found(&w, "service-closed"));
	for (size_t i = 0; i < w.diag.n; i++)
		if (!strcmp(w.diag.v[i].id, "service-closed"))
			assert_memory_equal(w.diag.v[i].text, begins, strlen(begins));
	world_free(&w);
}

static void closed_is_named(void **state)
{
	(void)state;
	check_closed("[service web]\nprotocol = udp\nport = 80,443\n",
		     "web: udp port 80,443: chain inet");
	check_closed("[service tun]\nprotocol = gre\n", "tun: gre: chain inet");
	check_closed("[service odd]\nprotocol = 77\n", "odd: protocol 77: chain inet");
}

/* Only the state rule closes the port: untracked packets would pass it. */
static void dropped_only_as_new_gets_its_twin(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT);

	(void)state;
	b_verdict(b_state(b_rule(c), NEW, false), FW_DROP, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	assert_int_equal(w.rs.n_twins, 1);
	assert_int_equal(w.rs.twins[0].match.tcp, TCP_OPENING);
	assert_string_equal(w.rs.twins[0].body, "verdict=1");
	world_free(&w);
}

static void closed_ports_of_a_service_are_left_out(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = stateful(&w, FW_DROP);

	(void)state;
	b_verdict(b_state(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 81), NEW, false), FW_ACCEPT,
		  NULL);
	derive(&w, "[service web]\nprotocol = tcp\nport = 79-90\n");
	assert_true(found(&w, "service-closed"));
	assert_int_equal(w.rs.twins[0].match.dport.n, 1);
	assert_int_equal(w.rs.twins[0].match.dport.v[0].lo, 80);
	assert_int_equal(w.rs.twins[0].match.dport.v[0].hi, 81);
	world_free(&w);
}

static void deny_list_before_the_service_rule_is_enough(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = stateful(&w, FW_DROP);

	(void)state;
	b_verdict(b_saddr(b_rule(c), "203.0.113.5"), FW_DROP, NULL);
	b_verdict(b_proto(b_rule(c), IPPROTO_ICMP), FW_ACCEPT, NULL);
	b_verdict(b_proto(b_rule(c), IPPROTO_ICMPV6), FW_ACCEPT, NULL);
	b_verdict(b_proto(b_rule(c), IPPROTO_TCP), FW_ACCEPT, NULL);
	derive(&w, web);
	/* Errors about the flow may come from a denied address: established let them in. */
	for (size_t i = 0; i < w.rs.n_twins; i++)
		assert_int_equal(w.rs.twins[i].match.icmp, ICMP_IS_ERROR);
	world_free(&w);
}

static void limits_need_a_twin_of_established(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = stateful(&w, FW_DROP);

	(void)state;
	b_verdict(b_other(b_proto(b_rule(c), IPPROTO_TCP), FW_LIMIT, "limit"), FW_DROP, NULL);
	b_verdict(b_proto(b_rule(c), IPPROTO_TCP), FW_ACCEPT, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	assert_true(w.rs.n_twins >= 1);
	assert_int_equal(w.rs.twins[0].match.tcp, TCP_CONTINUING);
	assert_int_equal(w.rs.twins[0].anchor, 1);
	world_free(&w);
}

static void verdict_map_in_a_jumped_to_chain(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_DROP);
	struct fw_chain *checks = b_chain(&w.fw, "checks");
	struct fw_set *map;

	(void)state;
	b_verdict(b_rule(c), FW_JUMP, "checks");
	b_verdict(b_state(b_rule(c), NEW, false), FW_ACCEPT, NULL);
	map = b_state_map(&w.fw, b_rule(checks));
	b_element(map, INV, FW_DROP, NULL);
	b_element(map, EST, FW_ACCEPT, NULL);
	b_element(map, REL, FW_ACCEPT, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	assert_int_equal(w.rs.n_twins, 4);
	assert_string_equal(w.rs.twins[0].chain, "checks");
	assert_string_equal(w.rs.twins[0].body, "verdict:accept");
	assert_string_equal(w.rs.twins[3].chain, "input");
	assert_int_equal(w.rs.twins[3].anchor, 2);
	world_free(&w);
}

static void state_jump_reaches_state_rules_inside(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_DROP);
	struct fw_chain *fresh = b_chain(&w.fw, "fresh");

	(void)state;
	b_verdict(b_state(b_rule(c), NEW, false), FW_JUMP, "fresh");
	b_verdict(b_state(b_rule(c), EST | REL, false), FW_ACCEPT, NULL);
	b_verdict(b_state(b_rule(fresh), NEW, false), FW_ACCEPT, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	assert_int_equal(w.rs.n_twins, 5);
	world_free(&w);
}

static void negated_state_is_refused(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT);

	(void)state;
	b_verdict(b_state(b_rule(c), NEW | EST | REL, true), FW_DROP, NULL);
	b_verdict(b_rule(c), FW_ACCEPT, NULL); /* today; a return would pass it by tomorrow, too */
	derive(&w, web);
	assert_int_equal(w.result, -1);
	assert_true(found(&w, "state-negated"));
	world_free(&w);
}

/* Shorewall, of a zone that may do anything: errors would meet what is for new and untracked
 * packets, and an accept before it is no more than they get; but not past what is for untracked
 * ones alone. */
static void errors_are_accepted_where_all_is(void **state)
{
	(void)state;
	for (unsigned alone = 0; alone < 2; alone++) {
		struct world w = { 0 };
		struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_DROP);
		struct fw_chain *smurfs = b_chain(&w.fw, "smurfs");
		uint32_t states = alone ? UNT : INV | NEW | UNT;

		b_verdict(b_state(b_proto(b_rule(c), IPPROTO_ICMP), states, false), FW_JUMP,
			  "smurfs");
		b_verdict(b_rule(c), FW_ACCEPT, NULL);
		b_verdict(b_other(b_rule(smurfs), FW_MAYBE, "addrtype"), FW_DROP, NULL);
		derive(&w, web);
		assert_int_equal(w.result, alone ? -1 : 0);
		for (size_t i = 0; !alone && i < w.rs.n_twins; i++) {
			assert_string_equal(w.rs.twins[i].body, "verdict:accept");
			assert_int_equal(w.rs.twins[i].match.icmp, ICMP_IS_ERROR);
			assert_int_equal(w.rs.twins[i].anchor, 1);
		}
		assert_true(alone ? found(&w, "untracked-dropped") : w.rs.n_twins == 1);
		world_free(&w);
	}
}

/* A deny list that only opening packets meet, then one that untracked ones meet as well, by what is
 * the same for all packets of a flow, then what continuing packets meet in either state. */
static void deny_lists_of_opening_packets_are_passed_over(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_DROP);
	struct fw_chain *smurfs = b_chain(&w.fw, "smurfs"), *flags = b_chain(&w.fw, "flags");

	(void)state;
	b_verdict(b_other(b_state(b_rule(c), INV | NEW, false), FW_LIMIT, "limit"), FW_DROP, NULL);
	b_verdict(b_state(b_rule(c), INV | NEW | UNT, false), FW_JUMP, "smurfs");
	b_verdict(b_proto(b_rule(c), IPPROTO_TCP), FW_JUMP, "flags");
	b_verdict(b_state(b_rule(c), EST | REL, false), FW_ACCEPT, NULL);
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), FW_ACCEPT, NULL);
	b_verdict(b_other(b_rule(smurfs), FW_MAYBE, "addrtype"), FW_DROP, NULL);
	b_verdict(b_other(b_rule(flags), FW_LIMIT, "limit"), FW_DROP, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	world_free(&w);
}

/* Nothing else is left out by a return; and what untracked packets are named by is meant so. */
static void past_a_negated_state_at_the_end_leads_a_return(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_DROP);
	struct fw_chain *known = b_chain(&w.fw, "known");

	(void)state;
	b_verdict(b_rule(c), FW_JUMP, "known");
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), FW_ACCEPT, NULL);
	b_verdict(b_saddr(b_rule(known), "203.0.113.5"), FW_DROP, NULL);
	b_verdict(b_state(b_rule(known), NEW | EST, true), FW_DROP, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	assert_int_equal(w.rs.n_twins, 1); /* opening and continuing are one; errors are dropped */
	assert_string_equal(w.rs.twins[0].chain, "known");
	assert_int_equal(w.rs.twins[0].anchor, known->rules[1].handle);
	assert_string_equal(w.rs.twins[0].body, "verdict:return");
	world_free(&w);

	c = b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT);
	b_verdict(b_state(b_rule(c), INV | UNT, false), FW_DROP, NULL);
	derive(&w, web);
	assert_true(found(&w, "untracked-dropped"));
	world_free(&w);
}

static void dropping_untracked_is_refused(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT);

	(void)state;
	b_verdict(b_state(b_rule(c), UNT, false), FW_DROP, NULL);
	derive(&w, web);
	assert_int_equal(w.result, -1);
	assert_true(found(&w, "untracked-dropped"));
	world_free(&w);
}

static void other_conntrack_data_that_decides_is_refused(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_DROP);
	struct fw_rule *r = b_rule(c);
	uint32_t mark = 1;

	(void)state;
	b_load(r, FW_F_CT_OTHER, 0, 4);
	b_cmp(r, FW_EQ, &mark, 4, xstrdup("mark"));
	b_verdict(r, FW_ACCEPT, NULL);
	derive(&w, web);
	assert_int_equal(w.result, -1);
	assert_true(found(&w, "state-lost"));
	world_free(&w);
}

static void unknown_expression_counts_only_where_it_decides(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = stateful(&w, FW_DROP);

	(void)state;
	b_verdict(b_other(b_proto(b_rule(c), IPPROTO_UDP), FW_UNKNOWN, "future"), FW_DROP, NULL);
	b_verdict(b_proto(b_rule(c), IPPROTO_TCP), FW_ACCEPT, NULL);
	b_verdict(b_proto(b_rule(c), IPPROTO_ICMP), FW_ACCEPT, NULL);
	b_verdict(b_proto(b_rule(c), IPPROTO_ICMPV6), FW_ACCEPT, NULL);
	b_verdict(b_other(b_rule(c), FW_UNKNOWN, "future"), FW_ACCEPT, NULL);
	derive(&w, web);
	assert_int_equal(w.result, 0);
	world_free(&w);

	w = (struct world){ 0 };
	c = stateful(&w, FW_DROP);
	b_verdict(b_other(b_proto(b_rule(c), IPPROTO_TCP), FW_UNKNOWN, "future"), FW_ACCEPT, NULL);
	derive(&w, web);
	assert_int_equal(w.result, -1);
	assert_true(found(&w, "state-unknown"));
	world_free(&w);
}

static void accept_first_and_none(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = stateful(&w, FW_DROP);

	(void)state;
	b_verdict(b_state(b_rule(c), NEW, false), FW_ACCEPT, NULL);
	derive(&w, "[service web]\nprotocol = tcp\nport = 80\naccept = first\n");
	assert_int_equal(w.result, 0);
	assert_int_equal(w.rs.n_twins, 3);
	assert_int_equal(w.rs.twins[0].anchor, 1);
	assert_string_equal(w.rs.twins[0].body, "verdict:accept");
	assert_int_equal(w.rs.twins[0].match.tcp, TCP_ANY);
	world_free(&w);

	w = (struct world){ 0 };
	c = stateful(&w, FW_DROP);
	b_verdict(b_state(b_rule(c), NEW, false), FW_ACCEPT, NULL);
	derive(&w, "[service web]\nprotocol = tcp\nport = 80\naccept = none\n");
	assert_int_equal(w.result, 0);
	assert_int_equal(w.rs.n_twins, 0);
	world_free(&w);
}

static void nat_of_exempt_traffic(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "pre", HOOK_PREROUTING, FW_ACCEPT);
	struct fw_rule *r = b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80);

	(void)state;
	free(c->type);
	c->type = xstrdup("nat");
	b_other(r, FW_NAT, "nat");
	derive(&w, web);
	assert_int_equal(w.result, -1);
	assert_true(found(&w, "nat-conflict"));
	world_free(&w);
}

static void masquerade_of_others_is_fine_for_a_server(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "post", HOOK_POSTROUTING, FW_ACCEPT);

	(void)state;
	free(c->type);
	c->type = xstrdup("nat");
	b_other(b_rule(c), FW_NAT, "masq");
	derive(&w, web);
	assert_int_equal(w.result, 0);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_by_port_needs_nothing),
		cmocka_unit_test(no_rules_no_twins),
		cmocka_unit_test(new_and_established_get_twins),
		cmocka_unit_test(one_rule_for_both_states_gets_one_twin),
		cmocka_unit_test(closed_port_opens_nothing),
		cmocka_unit_test(closed_is_named),
		cmocka_unit_test(dropped_only_as_new_gets_its_twin),
		cmocka_unit_test(closed_ports_of_a_service_are_left_out),
		cmocka_unit_test(deny_list_before_the_service_rule_is_enough),
		cmocka_unit_test(limits_need_a_twin_of_established),
		cmocka_unit_test(verdict_map_in_a_jumped_to_chain),
		cmocka_unit_test(state_jump_reaches_state_rules_inside),
		cmocka_unit_test(negated_state_is_refused),
		cmocka_unit_test(errors_are_accepted_where_all_is),
		cmocka_unit_test(deny_lists_of_opening_packets_are_passed_over),
		cmocka_unit_test(past_a_negated_state_at_the_end_leads_a_return),
		cmocka_unit_test(dropping_untracked_is_refused),
		cmocka_unit_test(other_conntrack_data_that_decides_is_refused),
		cmocka_unit_test(unknown_expression_counts_only_where_it_decides),
		cmocka_unit_test(accept_first_and_none),
		cmocka_unit_test(nat_of_exempt_traffic),
		cmocka_unit_test(masquerade_of_others_is_fine_for_a_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
