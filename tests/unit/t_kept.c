/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of the firewall that keep packets tracked, whatever an exemption says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include "fw_build.h"
#include "kernel/nft_body.h"
#include "nft_build.h"
#include "rules/twin.h"

#define HANDS " hands packets to connection tracking: those of web that it matches stay tracked"

static const char half[] = HANDS " and their replies do not, which leaves no connection whole",
		  surely[] = HANDS, perhaps[] = HANDS " where its table was loaded after ours",
		  writes[] = " writes connection tracking data: it sees exempt packets of web no "
			     "more";

static bool ends_with(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && !strcmp(s + strlen(s) - strlen(end), end);
}

/* end: of the one warning about it; NULL: nothing is said. to_port: one that clients may have. */
static void check(const char *name, enum hook hook, int priority, bool to_port, const char *end)
{
	static const char conf[] = "[service web]\nprotocol = tcp\nport = 80\n";
	struct host_params params = HOST_PARAMS_DEFAULT;
	struct policy p = { 0 };
	struct ruleset rs = { 0 };
	struct diag d = { 0 };
	struct fw fw = { 0 };
	struct fw_chain *c = b_base(&fw, "pre", hook, FW_ACCEPT);
	struct fw_rule *r = b_rule(c);
	size_t n = 0;

	c->priority = priority;
	if (to_port)
		b_dport(b_proto(r, IPPROTO_TCP), 21, 21);
	b_other(r, FW_CT_WRITE, name);
	assert_int_equal(policy_parse(&p, conf, "t.conf", &d), 0);
	diag_free(&d);
	assert_int_equal(twin_derive(&p, &params, &fw, &rs, NULL, &d), end == half ? -1 : 0);
	for (size_t i = 0; i < d.n; i++) {
		if (strcmp(d.v[i].id, "state-lost") != 0)
			continue;
		n++;
		assert_int_equal(d.v[i].line, 1);
		if (!end || !ends_with(d.v[i].text, end))
			fail_msg("%s at %d: %s", name, priority, d.v[i].text);
	}
	if (n != (end != NULL))
		fail_msg("%s at %d, hook %d: %zu warnings", name, priority, hook, n);
	diag_free(&d);
	ruleset_free(&rs);
	policy_free(&p);
	fw_free(&fw);
}

/* Before our rules, between them and behind, up to conntrack itself. */
static void test_before_conntrack(void **state)
{
	static const int priorities[] = { -400, -300, -250, -200 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(priorities); i++) {
		check("ct zone", HOOK_PREROUTING, priorities[i], false, surely);
		check("ct zone", HOOK_OUTPUT, priorities[i], false, surely);
		check("ct zone", HOOK_PREROUTING, priorities[i], true, NULL);
		check("ct original zone", HOOK_PREROUTING, priorities[i], false, half);
		check("ct original zone", HOOK_PREROUTING, priorities[i], true, NULL);
		check("ct reply zone", HOOK_OUTPUT, priorities[i], false, half);
		check("ct zone", HOOK_OUTPUT, priorities[i], true, surely);
		check("CT", HOOK_PREROUTING, priorities[i], false, perhaps);
		check("CT", HOOK_OUTPUT, priorities[i], false, perhaps);
		check("CT", HOOK_PREROUTING, priorities[i], true, NULL);
		check("CT", HOOK_OUTPUT, priorities[i], true, NULL);
	}
}

static void test_data_like_any(void **state)
{
	(void)state;
	check("ct zone", HOOK_PREROUTING, -199, false, writes);
	check("ct zone", HOOK_INPUT, -300, false, writes);
	check("ct mark", HOOK_PREROUTING, -300, false, writes);
	check("ct mark", HOOK_PREROUTING, -400, false, NULL); /* nothing has changed yet */
	check("ct mark", HOOK_OUTPUT, -300, false, NULL);     /* of flows that others open */
}

/* A zone of one direction is another matter than one of both. */
static void test_zones(void **state)
{
	static const struct {
		size_t len;
		uint8_t direction;
		const char *name;
	} cases[] = {
		{ 0, 0, "ct zone" },
		{ 1, 0, "ct original zone" },
		{ 1, 1, "ct reply zone" },
		{ 2, 1, "ct zone" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t direction[2] = { cases[i].direction };
		struct blob b = { 0 };
		struct nlattr *a;
		struct fw_expr e;

		put_u32(&b, NFTA_CT_KEY, NFT_CT_ZONE);
		if (cases[i].len)
			blob_attr(&b, NFTA_CT_DIRECTION, direction, cases[i].len);
		put_u32(&b, NFTA_CT_SREG, NFT_REG_1);
		a = expr("ct", &b);
		assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
		assert_int_equal(e.op, FW_CT_WRITE);
		assert_string_equal(e.name, cases[i].name);
		expr_free(&e);
		free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_conntrack),
		cmocka_unit_test(test_data_like_any),
		cmocka_unit_test(test_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
