/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile_rules_about: for random configurations and packets, what is said of a packet with the
 * rules about it alone is what is said with all rules: the same rule of the same line, the same
 * warnings. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "random_flow.h"
#include "report/explain.h"
#include "rules/compile.h"

#define ROUNDS 300
#define FLOWS 10

static const char *pick(uint64_t *seed, const char *const *v, size_t n)
{
	return v[random_below(seed, (unsigned)n)];
}
#define PICK(seed, ...)                                  \
	pick(seed, (const char *const[]){ __VA_ARGS__ }, \
	     ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

/* Few values, so that services meet, shadow each other and have several rules in common. */
static void random_service(uint64_t *seed, unsigned n, struct text *t)
{
	const char *proto = PICK(seed, "tcp", "udp", "tcp, udp", "sctp", "icmp", "icmpv6", "gre",
				 "icmp, icmpv6, gre");

	text_add(t, "[service s%u]\nprotocol = %s\nrole = %s\n", n * 7 % 40, proto,
		 PICK(seed, "server", "client", "peer", "router"));
	if (strstr(proto, "p") && !strstr(proto, "icmp"))
		text_add(t, "port = %s\n",
			 PICK(seed, "80", "443, 80", "1-65535", "4, 80-81", "53", "30000-50000",
			      "!80", "65535, 1"));
	if (!random_below(seed, 3))
		text_add(t, "interface = %s\n", PICK(seed, "eth0", "eth*, !eth1", "eth1, wg7"));
	if (!random_below(seed, 4) && !strstr(proto, "icmp"))
		text_add(t, "local = %s\n",
			 PICK(seed, "192.0.2.1", "192.0.2.0/24, 2001:db8::/64", "!192.0.2.9"));
	if (!random_below(seed, 4) && !strstr(proto, "icmp"))
		text_add(t, "remote = %s\n",
			 PICK(seed, "192.0.2.1, 2001:db8::1", "192.0.2.0/25, 2001:db8::/32"));
}

static char *random_config(uint64_t *seed)
{
	struct text t = { 0 };
	unsigned n = 1 + random_below(seed, 12);

	if (!random_below(seed, 3))
		text_add(&t, "[loopback]\nnotrack = %s\n", PICK(seed, "yes", "no"));
	if (!random_below(seed, 3))
		text_add(&t, "[untrack]\nfamily = %s\n", PICK(seed, "ipv4, ipv6", "ipv6, ipv4"));
	if (!random_below(seed, 4))
		text_add(&t, "[interface i]\nname = %s\n", PICK(seed, "eth2", "eth*", "*, !lo"));
	for (unsigned i = 0; i < n; i++)
		random_service(seed, i, &t);
	return t.s;
}

static void assert_same_findings(const struct diag *a, const struct diag *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_true(finding_is_same(&a->v[i], &b->v[i]));
}

/* How many rules decide. */
static size_t compare_packets(const struct explained *a, const struct explained *b)
{
	size_t n = 0;

	assert_int_equal(a->n_hooks, b->n_hooks);
	assert_int_equal(a->exempt, b->exempt);
	assert_int_equal(a->untracked, b->untracked);
	for (size_t i = 0; i < a->n_hooks; i++) {
		const struct rule *x = a->hooks[i].rule, *y = b->hooks[i].rule;

		assert_int_equal(!x, !y);
		if (!x)
			continue;
		n++;
		assert_int_equal(rule_compare(x, y), 0);
		assert_ptr_equal(x->at.file, y->at.file);
		assert_int_equal(x->at.line, y->at.line);
	}
	return n;
}

static size_t check_flow(const struct policy *p, const struct host_params *h, const struct flow *f,
			 const struct ruleset *all, const struct diag *all_said)
{
	const struct flow_host nowhere = { 0 };
	struct ruleset about = { 0 };
	struct explanation a = { 0 }, b = { 0 };
	struct diag said = { 0 };
	size_t n = 0;

	compile_rules_about(f, p, h, &about, &said);
	assert_true(about.n_rules <= all->n_rules);
	assert_same_findings(&said, all_said);
	explain_make(&a, f, all, &nowhere);
	explain_make(&b, f, &about, &nowhere);
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		n += compare_packets(&a.packets[i], &b.packets[i]);
	explain_free(&a);
	explain_free(&b);
	diag_free(&said);
	ruleset_free(&about);
	return n;
}

static void test_same_as_all(void **state)
{
	size_t decided = 0;

	(void)state;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		uint64_t seed = round * 0x9e3779b97f4a7c15;
		struct host_params h = HOST_PARAMS_DEFAULT;
		struct diag d = { 0 }, said = { 0 };
		auto_free char *conf = random_config(&seed);
		struct ruleset all = { 0 };
		struct policy p;

		h.home = random_below(&seed, 2) ? FORM_LEGACY : FORM_NFT;
		if (policy_parse(&p, conf, "t.conf", &d))
			fail_msg("%s\n%s", conf, d.v[0].text);
		compile_rules(&p, &h, &all, &said);
		for (unsigned i = 0; i < FLOWS; i++) {
			struct flow f;

			random_flow(&seed, &all, &f);
			decided += check_flow(&p, &h, &f, &all, &said);
		}
		ruleset_free(&all);
		policy_free(&p);
		diag_free(&said);
		diag_free(&d);
	}
	assert_true(decided > (size_t)ROUNDS * FLOWS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_all),
	};

	return cmocka_run_group_tests_name("compile_about", tests, NULL, NULL);
}
