/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_walk: one packet through small firewalls, with the twins that a policy needs there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <netinet/in.h>
#include "fw_build.h"
#include "rules/compile.h"
#include "rules/flow_walk.h"
#include "rules/twin.h"

struct world {
	struct fw fw;
	struct policy policy;
	struct ruleset rs;
};

static const char web[] = "[service web]\nprotocol = tcp\nport = 80\n"
			  "[service dns]\nprotocol = udp\nport = 53\n"
			  "[service tunnel]\nprotocol = gre\nrole = router\n";
static const char nothing[] = "";

static void configure(struct world *w, const char *conf)
{
	struct host_params h = HOST_PARAMS_DEFAULT;
	struct diag d = { 0 };

	ruleset_free(&w->rs);
	policy_free(&w->policy);
	w->rs = (struct ruleset){ 0 };
	w->policy = (struct policy){ 0 };
	assert_int_equal(policy_parse(&w->policy, conf, "t.conf", &d), 0);
	compile_rules(&w->policy, &h, &w->rs, &d);
	twin_derive(&w->policy, &h, &w->fw, &w->rs, NULL, &d);
	diag_free(&d);
}

static void world_free(struct world *w)
{
	fw_free(&w->fw);
	policy_free(&w->policy);
	ruleset_free(&w->rs);
}

static char letter(enum outcome o)
{
	static const char letters[] = { [OUT_ACCEPT] = 'a',
					[OUT_DROP] = 'd',
					[OUT_REJECT] = 'r',
					[OUT_QUEUE] = 'q',
					[OUT_MIXED] = '?' };

	return letters[o];
}

/* "input/8 a3t: a": chain, state, and for each way to end its letter and the number of the rule
 * (none: the policy), t for its twin, with its chain where that is another; what comes out. */
static char *walk_words(const struct flow_walk *w)
{
	struct text t = { 0 };

	for (size_t i = 0; i < w->n; i++) {
		const struct flow_passage *p = &w->v[i];

		text_add(&t, "%s%s/%u ", i ? ", " : "", p->chain->name, p->state);
		for (size_t k = 0; k < p->n_ends; k++) {
			const struct flow_end *e = &p->ends[k];

			text_add(&t, "%c", letter(e->outcome));
			if (e->rule && e->chain != p->chain)
				text_add(&t, "%s.", e->chain->name);
			if (e->rule)
				text_add(&t, "%zu", (size_t)(e->rule - e->chain->rules) + 1);
			text_add(&t, "%s", e->twin ? "t" : "");
		}
		text_add(&t, "%s", p->translated ? " nat" : "");
	}
	text_add(&t, ": %c%s", letter(w->outcome), w->untracked ? " untracked" : "");
	return t.s;
}

static void check_known(struct world *w, const char *line, struct flow_known known,
			const char *want)
{
	const struct origin at = { 0 };
	const struct flow_host h = { &w->fw, &w->rs, NULL, NULL };
	struct flow_walk walk = { 0 };
	struct diag d = { 0 };
	struct flow f;
	const struct rule *r;
	char *got;

	assert_int_equal(flow_parse(&f, line, &at, &d), 0);
	r = flow_rule(&f, &w->rs, flow_raw_hook(&f), NULL);
	known.exempt = r && r->verdict == VERDICT_NOTRACK;
	flow_walk(&f, &known, &h, &walk);
	got = walk_words(&walk);
	if (strcmp(got, want))
		fail_msg("%s\n     got %s\n    want %s", line, got, want);
	free(got);
	flow_walk_free(&walk);
	diag_free(&d);
}

static void check(struct world *w, const char *line, const char *want)
{
	check_known(w, line, (struct flow_known){ 0 }, want);
}

/* The usual firewall: established, a deny list, new web, a limited name server, a policy. */
static void usual(struct world *w)
{
	struct fw_chain *c = b_base(&w->fw, "input", HOOK_INPUT, FW_DROP);
	struct fw_rule *r;

	b_verdict(b_state(b_rule(c), STATE_ESTABLISHED | STATE_RELATED, false), FW_ACCEPT, NULL);
	b_verdict(b_saddr(b_rule(c), "203.0.113.5"), FW_DROP, NULL);
	r = b_state(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 90), STATE_NEW, false);
	b_verdict(r, FW_ACCEPT, NULL);
	r = b_state(b_dport(b_proto(b_rule(c), IPPROTO_UDP), 53, 53), STATE_NEW, false);
	b_verdict(b_other(r, FW_LIMIT, "limit"), FW_ACCEPT, NULL);
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_UDP), 53, 60), FW_REJECT, NULL);
}

static void test_usual(void **state)
{
	struct world w = { 0 };

	(void)state;
	usual(&w);
	configure(&w, web);
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 in a", "input/64 a3t: a untracked");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:81 in a", "input/8 a3: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:99 in a", "input/8 d: d");
	check(&w, "tcp 203.0.113.5:1 -> 5.6.7.8:80 in a", "input/64 d2: d untracked");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 continuing in a", "input/64 a1t: a untracked");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:99 continuing in a", "input/2 a1: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:99 stray in a", "input/8 d: d");
	check(&w, "udp 1.2.3.4:1 -> 5.6.7.8:53 in a", "input/64 a4tr5: ? untracked");
	check(&w, "udp 1.2.3.4:1 -> 5.6.7.8:54 in a", "input/8 r5: r");
	check(&w, "icmp error about tcp 5.6.7.8:80 -> 1.2.3.4:1 in a", "input/64 a1t: a untracked");
	check(&w, "icmp error about tcp 5.6.7.8:99 -> 1.2.3.4:1 in a", "input/4 a1: a");
	check(&w, "tcp 5.6.7.8:80 -> 1.2.3.4:1 out a", ": a untracked");
	check(&w, "gre 5.6.7.8 -> 1.2.3.4 in a out b", ": a untracked");
	configure(&w, nothing);
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 in a", "input/8 a3: a");
	world_free(&w);
}

/* Where the twins are not, as with accept = none; and one plain accept at the head. */
static void test_accept_modes(void **state)
{
	struct world w = { 0 };

	(void)state;
	usual(&w);
	configure(&w, "[untrack]\naccept = none\n[service web]\nprotocol = tcp\nport = 80\n");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 in a", "input/64 d: d untracked");
	configure(&w, "[untrack]\naccept = first\n[service web]\nprotocol = tcp\nport = 80\n");
	check(&w, "tcp 203.0.113.5:1 -> 5.6.7.8:80 in a", "input/64 at: a untracked");
	world_free(&w);
}

/* A twin that returns leads past the last rule of a chain, and out of it. */
static void test_return(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_DROP);
	struct fw_chain *known = b_chain(&w.fw, "known");

	(void)state;
	b_verdict(b_rule(c), FW_JUMP, "known");
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 81), FW_ACCEPT, NULL);
	b_verdict(b_state(b_rule(known), STATE_NEW, true), FW_DROP, NULL);
	configure(&w, web);
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 in a", "input/64 a2: a untracked");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 continuing in a", "input/64 dknown.1: d untracked");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:81 in a", "input/8 a2: a");
	world_free(&w);
}

/* What stands before conntrack sees no state; what an administrator untracks is untracked. */
static void test_raw_chains(void **state)
{
	struct world w = { 0 };
	struct fw_chain *early, *raw, *late;

	(void)state;
	usual(&w);
	late = b_base(&w.fw, "late", HOOK_PREROUTING, FW_ACCEPT);
	raw = b_base(&w.fw, "raw", HOOK_PREROUTING, FW_ACCEPT);
	early = b_base(&w.fw, "early", HOOK_PREROUTING, FW_ACCEPT);
	late->priority = -100;
	raw->priority = -300;
	early->priority = -400;
	b_other(b_dport(b_proto(b_rule(raw), IPPROTO_TCP), 85, 85), FW_EFFECT, "notrack");
	b_other(b_dport(b_proto(b_rule(late), IPPROTO_TCP), 81, 81), FW_EFFECT, "notrack");
	configure(&w, web);
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 in a",
	      "early/1 a, raw/64 a, late/64 a, input/64 a3t: a untracked");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:85 in a",
	      "early/1 a, raw/1 a, late/64 a, input/64 d: d untracked");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:81 in a",
	      "early/1 a, raw/1 a, late/8 a, input/8 a3: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 in lo",
	      "early/8 a, raw/8 a, late/8 a, input/8 a3: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 continuing in lo",
	      "early/2 a, raw/2 a, late/2 a, input/2 a1: a");
	check_known(&w, "udp 1.2.3.4:1 -> 5.6.7.8:54 continuing in a",
		    (struct flow_known){ .alone = true },
		    "early/1 a, raw/1 a, late/8 a, input/8 r5: r");
	check(&w, "icmpv6 fe80::1 -> fe80::2 type 135 in a",
	      "early/1 a, raw/1 a, late/64 a, input/64 d: d untracked");
	world_free(&w);
}

static void test_jumps(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT),
			*a = b_chain(&w.fw, "a"), *b = b_chain(&w.fw, "b");

	(void)state;
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 1, 99), FW_JUMP, "a");
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 1, 9), FW_GOTO, "b");
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 8, 999), FW_DROP, NULL);
	b_verdict(b_dport(b_proto(b_rule(a), IPPROTO_TCP), 5, 30), FW_RETURN, NULL);
	b_verdict(b_state(b_rule(a), STATE_NEW, false), FW_ACCEPT, NULL);
	b_verdict(b_dport(b_proto(b_rule(b), IPPROTO_TCP), 5, 6), FW_REJECT, NULL);
	b_verdict(b_other(b_rule(b), FW_LIMIT, "limit"), FW_JUMP, "a");
	configure(&w, web);
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 in x", "input/64 aa.2t: a untracked");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:81 in x", "input/8 aa.2: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:20 in x", "input/8 d3: d");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:6 in x", "input/8 rb.1: r");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:7 in x", "input/8 a: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:8 in x", "input/8 a: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:4 continuing in x", "input/2 a: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:999 continuing in x", "input/2 d3: d");
	world_free(&w);
}

/* Chains of a file of facts may lead in circles. */
static void test_circle(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c = b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT),
			*a = b_chain(&w.fw, "a");

	(void)state;
	for (int i = 0; i < 8; i++)
		b_verdict(b_other(b_rule(a), FW_LIMIT, "limit"), FW_JUMP, "a");
	b_verdict(b_rule(c), FW_JUMP, "a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:81 in x", "input/8 ad: ?");
	world_free(&w);
}

static void test_nat(void **state)
{
	struct world w = { 0 };
	struct fw_chain *nat = b_base(&w.fw, "nat", HOOK_PREROUTING, FW_ACCEPT);

	(void)state;
	usual(&w);
	nat->priority = -100;
	free(nat->type);
	nat->type = xstrdup("nat");
	b_other(b_dport(b_proto(b_rule(nat), IPPROTO_TCP), 81, 81), FW_NAT, "dnat");
	configure(&w, web);
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:81 in a", "nat/8 a1 nat, input/8 a3: ?");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:82 in a", "nat/8 a, input/8 a3: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:81 continuing in a", "input/2 a1: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:80 in a", "input/64 a3t: a untracked");
	world_free(&w);
}

/* The chains of a hook by priority, those of the family only, and nothing after a drop. */
static void test_order(void **state)
{
	struct world w = { 0 };
	struct fw_chain *second = b_base(&w.fw, "second", HOOK_FORWARD, FW_ACCEPT),
			*first = b_base(&w.fw, "first", HOOK_FORWARD, FW_ACCEPT),
			*six = b_base(&w.fw, "six", HOOK_FORWARD, FW_DROP),
			*third = b_base(&w.fw, "third", HOOK_FORWARD, FW_ACCEPT);

	(void)state;
	b_base(&w.fw, "post", HOOK_POSTROUTING, FW_ACCEPT);
	b_base(&w.fw, "pre", HOOK_PREROUTING, FW_ACCEPT);
	b_base(&w.fw, "in", HOOK_INPUT, FW_ACCEPT);
	b_base(&w.fw, "out", HOOK_OUTPUT, FW_ACCEPT);
	first->priority = -5;
	six->priority = -6;
	six->family = TABLE_IP6;
	third->priority = 1;
	b_base(&w.fw, "same", HOOK_FORWARD, FW_ACCEPT)->priority = 1;
	b_verdict(b_proto(b_rule(second), IPPROTO_SCTP), FW_DROP, NULL);
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:9 in a out b",
	      "pre/8 a, first/8 a, second/8 a, third/8 a, same/8 a, post/8 a: a");
	check(&w, "sctp 1.2.3.4:1 -> 5.6.7.8:9 in a out b", "pre/8 a, first/8 a, second/8 d1: d");
	check(&w, "tcp [::1]:1 -> [::2]:9 in a out b", "pre/8 a, six/8 d: d");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:9 in a", "pre/8 a, in/8 a: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:9 out a", "out/8 a, post/8 a: a");
	check(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:9 in lo", "out/8 a, post/8 a, pre/8 a, in/8 a: a");
	world_free(&w);
}

/* What conntrack says when all that it has seen of a flow is this packet. */
static void test_alone(void **state)
{
	const struct flow_known alone = { .alone = true },
				answer = { .alone = true, .reply = true };
	struct world w = { 0 };

	(void)state;
	b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT);
	check_known(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:9 in a", alone, "input/8 a: a");
	check_known(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:9 continuing in a", alone, "input/8 a: a");
	check_known(&w, "tcp 1.2.3.4:1 -> 5.6.7.8:9 continuing in a", answer, "input/1 a: a");
	check_known(&w, "udp 1.2.3.4:1 -> 5.6.7.8:9 continuing in a", answer, "input/8 a: a");
	check_known(&w, "icmp 1.2.3.4 -> 5.6.7.8 echo-reply in a", answer, "input/1 a: a");
	check_known(&w, "icmp error about udp 1.2.3.4:1 -> 5.6.7.8:9 in a", alone, "input/1 a: a");
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),  cmocka_unit_test(test_accept_modes),
		cmocka_unit_test(test_return), cmocka_unit_test(test_raw_chains),
		cmocka_unit_test(test_jumps),  cmocka_unit_test(test_circle),
		cmocka_unit_test(test_nat),    cmocka_unit_test(test_order),
		cmocka_unit_test(test_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
