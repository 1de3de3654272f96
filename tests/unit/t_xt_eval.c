/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rules of iptables do to classes of packets, tracked and untracked: yes, no or maybe. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>

#include <linux/netfilter/xt_CONNMARK.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include "rules/packet.h"
#include "xt_check.h"

/* A class of packets that this host takes in. */
enum kind { OPENING, CONTINUING, REPLY, REQUEST, ICMP_ERROR, KINDS };

static struct traffic traffic_of(enum kind k, enum family f)
{
	static struct port_range web = { 80, 80 };
	static struct prefix net;
	struct traffic t = { .hook = HOOK_INPUT,
			     .class = k == CONTINUING || k == REPLY ? CLASS_CONTINUING
				      : k == ICMP_ERROR		    ? CLASS_ERROR
								    : CLASS_OPENING,
			     .original = k != REPLY && k != ICMP_ERROR,
			     .reply = k == REPLY };

	t.match.families = f == FAMILY_V4 ? FAMILIES_V4 : FAMILIES_V6;
	t.match.proto = k == REQUEST ? (f == FAMILY_V4 ? 1 : 58) : 6;
	t.match.icmp = k == REQUEST ? ICMP_REQUEST : k == ICMP_ERROR ? ICMP_IS_ERROR : ICMP_ANY;
	if (k == OPENING || k == CONTINUING || k == REPLY) {
		t.match.tcp = k == OPENING ? TCP_OPENING : TCP_CONTINUING;
		*(k == REPLY ? &t.match.sport : &t.match.dport) = (struct ports){ &web, 1 };
	}
	/* from 10.0.0.0/8, 0a00::/8 */
	net = (struct prefix){ .family = f, .len = 8, .addr = { 10 } };
	if (k != ICMP_ERROR)
		t.match.src = (struct addrs){ &net, 1 };
	return t;
}

struct result {
	enum tri match; /* of the verdict */
	enum fw_verdict verdict;
	unsigned flags;
};

/* The extension, and accept where it is a match. */
static struct result eval(const char *name, uint8_t revision, bool target, const void *data,
			  size_t len, enum kind k, enum family f, uint32_t ct_state)
{
	struct traffic t = traffic_of(k, f);
	struct result r = { NO, FW_CONTINUE, 0 };
	struct lowered l;
	struct fw_expr *e;
	struct packet p;
	struct eval out;

	lower(&l, name, revision, target, data, len, f);
	if (!target) {
		e = ARRAY_ADD(l.rule.exprs, l.rule.n_exprs);
		e->op = FW_VERDICT;
		e->name = xstrdup("immediate");
		e->target.verdict = FW_ACCEPT;
	}
	packet_init(&p, &t, f, HOOK_INPUT);
	packet_eval(&p, &l.rule, ct_state, &out);
	assert_true(out.n <= 1);
	r.flags = out.flags;
	if (out.n) {
		r.match = out.v[0].when;
		r.verdict = out.v[0].target.verdict;
	}
	eval_free(&out);
	packet_free(&p);
	lowered_free(&l);
	return r;
}

#define STATE XT_CONNTRACK_STATE
#define CT(...) MATCH("conntrack", 3, struct xt_conntrack_mtinfo3, __VA_ARGS__)
#define NEW XT_CONNTRACK_STATE_BIT(IP_CT_NEW)
#define EST XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED)
#define REL XT_CONNTRACK_STATE_BIT(IP_CT_RELATED)
#define UNT XT_CONNTRACK_STATE_UNTRACKED

#define ALWAYS ((const enum tri[KINDS]){ YES, YES, YES, YES, YES })
#define NEVER ((const enum tri[KINDS]){ NO, NO, NO, NO, NO })
#define DEPENDS ((const enum tri[KINDS]){ MAYBE, MAYBE, MAYBE, MAYBE, MAYBE })

/* In the state that stands for the class, and without one. flags: must be set while tracked. */
static void check_both(const char *name, uint8_t revision, bool target, const void *data,
		       size_t len, enum family f, const enum tri tracked[KINDS],
		       const enum tri untracked[KINDS], unsigned flags)
{
	static const uint32_t stand_in[KINDS] = { STATE_NEW, STATE_ESTABLISHED, STATE_ESTABLISHED,
						  STATE_NEW, STATE_RELATED };

	for (int k = 0; k < KINDS; k++) {
		struct result t =
			eval(name, revision, target, data, len, (enum kind)k, f, stand_in[k]);
		struct result u =
			eval(name, revision, target, data, len, (enum kind)k, f, STATE_UNTRACKED);

		if (t.match != tracked[k] || u.match != untracked[k] || (t.flags & flags) != flags)
			fail_msg("%s, family %d, kind %d: tracked %d not %d, untracked %d not %d, "
				 "flags %x",
				 name, f, k, t.match, tracked[k], u.match, untracked[k], t.flags);
	}
}

static void check_families(const char *name, uint8_t revision, bool target, const void *data,
			   size_t len, const enum tri tracked[KINDS],
			   const enum tri untracked[KINDS], unsigned flags)
{
	check_both(name, revision, target, data, len, FAMILY_V4, tracked, untracked, flags);
	check_both(name, revision, target, data, len, FAMILY_V6, tracked, untracked, flags);
}

#define KINDS_OF(...) ((const enum tri[KINDS]){ __VA_ARGS__ })

static void test_state(void **state)
{
	(void)state;
	check_families(CT(.match_flags = STATE, .state_mask = NEW), KINDS_OF(YES, NO, NO, YES, NO),
		       NEVER, EVAL_STATE);
	check_families(CT(.match_flags = STATE, .state_mask = EST | REL | XT_CONNTRACK_STATE_DNAT),
		       KINDS_OF(NO, YES, YES, NO, YES), NEVER, EVAL_STATE);
	check_families(CT(.match_flags = STATE, .invert_flags = STATE, .state_mask = NEW),
		       KINDS_OF(NO, YES, YES, NO, YES), ALWAYS, EVAL_STATE);
	check_families(CT(.match_flags = STATE, .state_mask = UNT), NEVER, ALWAYS, EVAL_STATE);
	check_families(CT(.match_flags = STATE, .state_mask = XT_CONNTRACK_STATE_INVALID), NEVER,
		       NEVER, EVAL_STATE);
	check_families(CT(.match_flags = STATE, .state_mask = XT_CONNTRACK_STATE_SNAT), NEVER,
		       NEVER, 0);
	check_families(CT(.match_flags = STATE, .invert_flags = STATE,
			  .state_mask = XT_CONNTRACK_STATE_SNAT),
		       ALWAYS, ALWAYS, 0);
	check_families(
		MATCH("state", 0, struct xt_state_info, .statemask = NEW | XT_STATE_UNTRACKED),
		KINDS_OF(YES, NO, NO, YES, NO), ALWAYS, EVAL_STATE);
}

static void test_other_conntrack(void **state)
{
	(void)state;
	check_families(CT(.match_flags = XT_CONNTRACK_STATUS, .status_mask = 4), DEPENDS, NEVER,
		       EVAL_CT_OTHER);
	check_families(CT(.match_flags = XT_CONNTRACK_STATUS, .invert_flags = XT_CONNTRACK_STATUS,
			  .status_mask = 4),
		       DEPENDS, NEVER, EVAL_CT_OTHER);
	check_families(CT(.match_flags = XT_CONNTRACK_STATUS, .status_mask = 0x30), NEVER, NEVER,
		       0);
	check_families(CT(.match_flags = XT_CONNTRACK_PROTO, .l4proto = 6), DEPENDS, NEVER,
		       EVAL_CT_OTHER);
	check_families(CT(.match_flags = XT_CONNTRACK_ORIGSRC | STATE, .state_mask = EST),
		       KINDS_OF(NO, MAYBE, MAYBE, NO, NO), NEVER, 0);
	/* Which direction is known of all but errors. */
	check_families(CT(.match_flags = XT_CONNTRACK_DIRECTION),
		       KINDS_OF(YES, YES, NO, YES, MAYBE), NEVER, 0);
	check_families(
		CT(.match_flags = XT_CONNTRACK_DIRECTION, .invert_flags = XT_CONNTRACK_DIRECTION),
		KINDS_OF(NO, NO, YES, NO, MAYBE), NEVER, 0);
	check_families(CT(.match_flags = STATE | XT_CONNTRACK_DIRECTION, .state_mask = UNT),
		       DEPENDS, DEPENDS, EVAL_UNKNOWN);
	check_families(MATCH("connmark", 1, struct xt_connmark_mtinfo1, .mark = 1, .mask = 1),
		       DEPENDS, NEVER, EVAL_CT_OTHER);
	check_families(MATCH("mark", 1, struct xt_mark_mtinfo1, .mark = 1, .mask = 1), DEPENDS,
		       DEPENDS, 0);
	check_families(MATCH("helper", 0, struct xt_helper_info, .name = "ftp"), NEVER, NEVER, 0);
	check_families(MATCH("helper", 0, struct xt_helper_info, .name = "ftp", .invert = 1),
		       ALWAYS, ALWAYS, 0);
	check_families("connbytes", 0, false, "", 0, DEPENDS, NEVER, EVAL_CT_OTHER);
	check_families("connlimit", 1, false, "", 0, DEPENDS, DEPENDS, EVAL_CT_LIMIT);
}

#define TCP(...) MATCH("tcp", 0, struct xt_tcp, __VA_ARGS__)
#define ALL 0, UINT16_MAX
#define MP struct xt_multiport_v1

/* To port 80, or for replies from port 80 to any; ICMP errors are of another protocol. */
static void test_ports(void **state)
{
	static const struct {
		struct xt_tcp t;
		enum tri to, reply;
	} cases[] = {
		{ { .spts = { ALL }, .dpts = { 80, 80 } }, YES, MAYBE },
		{ { .spts = { ALL }, .dpts = { 22, 80 } }, YES, MAYBE },
		{ { .spts = { ALL }, .dpts = { 81, 90 } }, NO, MAYBE },
		{ { .spts = { ALL }, .dpts = { 80, 80 }, .invflags = XT_TCP_INV_DSTPT },
		  NO,
		  MAYBE },
		{ { .spts = { ALL }, .dpts = { 81, 99 }, .invflags = XT_TCP_INV_DSTPT },
		  YES,
		  MAYBE },
		{ { .spts = { 80, 80 }, .dpts = { ALL } }, MAYBE, YES },
		{ { .spts = { 80, 80 }, .dpts = { ALL }, .invflags = XT_TCP_INV_SRCPT },
		  MAYBE,
		  NO },
		{ { .spts = { ALL }, .dpts = { ALL }, .invflags = XT_TCP_INV_DSTPT }, NO, NO },
		{ { .spts = { ALL }, .dpts = { 80, 80 }, .option = 5 }, MAYBE, MAYBE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (enum family f = FAMILY_V4; f <= FAMILY_V6; f++) {
			struct result to = eval("tcp", 0, false, &cases[i].t, sizeof cases[i].t,
						OPENING, f, STATE_NEW);
			struct result reply = eval("tcp", 0, false, &cases[i].t, sizeof cases[i].t,
						   REPLY, f, STATE_ESTABLISHED);

			if (to.match != cases[i].to || reply.match != cases[i].reply)
				fail_msg("case %zu: %d, %d", i, to.match, reply.match);
		}
}

static enum tri ports_match(const MP *m)
{
	struct result v4 = eval("multiport", 1, false, m, sizeof *m, OPENING, FAMILY_V4, STATE_NEW);
	struct result v6 = eval("multiport", 1, false, m, sizeof *m, OPENING, FAMILY_V6, STATE_NEW);

	assert_int_equal(v4.match, v6.match);
	return v4.match;
}

static void test_multiport(void **state)
{
	MP m = { .flags = XT_MULTIPORT_DESTINATION, .count = 3, .ports = { 443, 22, 80 } };

	(void)state;
	assert_int_equal(ports_match(&m), YES);
	m.invert = 1;
	assert_int_equal(ports_match(&m), NO);
	m.count = 2;
	assert_int_equal(ports_match(&m), YES);
	m.invert = 0;
	assert_int_equal(ports_match(&m), NO);
	m.flags = XT_MULTIPORT_SOURCE;
	assert_int_equal(ports_match(&m), MAYBE);
	m.count = 0;
	assert_int_equal(ports_match(&m), NO);
	m.invert = 1;
	assert_int_equal(ports_match(&m), YES);
}

static void test_tcp_flags(void **state)
{
	(void)state;
	for (enum family f = FAMILY_V4; f <= FAMILY_V6; f++)
		for (int inverted = 0; inverted < 2; inverted++) {
			const struct xt_tcp t = { .spts = { ALL },
						  .dpts = { ALL },
						  .flg_mask = 0x17,
						  .flg_cmp = 2,
						  .invflags = inverted ? XT_TCP_INV_FLAGS : 0 };

			assert_int_equal(
				eval("tcp", 0, false, &t, sizeof t, OPENING, f, STATE_NEW).match,
				inverted ? NO : YES);
			assert_int_equal(eval("tcp", 0, false, &t, sizeof t, CONTINUING, f,
					      STATE_ESTABLISHED)
						 .match,
					 inverted ? YES : NO);
		}
}

/* Requests: 8 (of IPv4), 128. Errors: 3 and others, 1 and others. */
static void test_icmp(void **state)
{
	static const struct {
		struct ipt_icmp v4, v6;
		enum tri request, error;
	} cases[] = {
		{ { 3, { 0, 255 }, 0 }, { 1, { 0, 255 }, 0 }, NO, MAYBE },
		{ { 3, { 0, 255 }, 1 }, { 1, { 0, 255 }, 1 }, YES, MAYBE },
		{ { 0, { 0, 255 }, 0 }, { 129, { 0, 255 }, 0 }, NO, NO },
		{ { 0, { 1, 1 }, 1 }, { 129, { 1, 1 }, 1 }, MAYBE, MAYBE },
		{ { 3, { 4, 4 }, 0 }, { 1, { 4, 4 }, 0 }, NO, MAYBE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (enum family f = FAMILY_V4; f <= FAMILY_V6; f++) {
			const struct ipt_icmp *m = f == FAMILY_V4 ? &cases[i].v4 : &cases[i].v6;
			const char *name = f == FAMILY_V4 ? "icmp" : "icmp6";

			if (eval(name, 0, false, m, sizeof *m, REQUEST, f, STATE_NEW).match !=
				    cases[i].request ||
			    eval(name, 0, false, m, sizeof *m, ICMP_ERROR, f, STATE_RELATED)
					    .match != cases[i].error)
				fail_msg("case %zu of %s", i, name);
		}
}

static enum tri range_match(uint8_t from, uint8_t to, unsigned flags, enum family f)
{
	struct xt_iprange_mtinfo r = { .flags = (uint8_t)flags };

	memset(&r.src_max, 0xff, sizeof r.src_max);
	*(uint8_t *)&r.src_min = from;
	*(uint8_t *)&r.src_max = to;
	r.dst_min = r.src_min;
	r.dst_max = r.src_max;
	return eval("iprange", 1, false, &r, sizeof r, OPENING, f, STATE_NEW).match;
}

/* From 10.0.0.0/8 to anywhere. */
static void test_iprange(void **state)
{
	(void)state;
	for (enum family f = FAMILY_V4; f <= FAMILY_V6; f++) {
		assert_int_equal(range_match(10, 10, IPRANGE_SRC, f), YES);
		assert_int_equal(range_match(9, 12, IPRANGE_SRC, f), YES);
		assert_int_equal(range_match(11, 12, IPRANGE_SRC, f), NO);
		assert_int_equal(range_match(10, 10, IPRANGE_SRC | IPRANGE_SRC_INV, f), NO);
		assert_int_equal(range_match(11, 12, IPRANGE_SRC | IPRANGE_SRC_INV, f), YES);
		assert_int_equal(range_match(10, 10, IPRANGE_DST, f), MAYBE);
		assert_int_equal(range_match(0, 255, IPRANGE_DST | IPRANGE_DST_INV, f), NO);
		assert_int_equal(range_match(0, 255, IPRANGE_DST | IPRANGE_SRC, f), YES);
	}
}

/* The packets are for this host. */
static void test_addrtype(void **state)
{
	static const struct {
		struct xt_addrtype_info_v1 a;
		enum tri v4, v6;
	} cases[] = {
		{ { .dest = XT_ADDRTYPE_LOCAL }, YES, YES },
		{ { .dest = XT_ADDRTYPE_LOCAL, .flags = XT_ADDRTYPE_INVERT_DEST }, NO, NO },
		{ { .dest = XT_ADDRTYPE_UNICAST }, NO, YES },
		{ { .dest = XT_ADDRTYPE_UNICAST, .flags = XT_ADDRTYPE_INVERT_DEST }, YES, NO },
		{ { .dest = XT_ADDRTYPE_MULTICAST }, NO, NO },
		{ { .dest = XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_UNICAST }, YES, YES },
		{ { .dest = XT_ADDRTYPE_BROADCAST | XT_ADDRTYPE_ANYCAST }, NO, MAYBE },
		{ { .source = XT_ADDRTYPE_LOCAL }, MAYBE, MAYBE },
		{ { .source = XT_ADDRTYPE_LOCAL, .dest = XT_ADDRTYPE_MULTICAST }, NO, NO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct result v4 = eval("addrtype", 1, false, &cases[i].a, sizeof cases[i].a,
					OPENING, FAMILY_V4, STATE_NEW);
		struct result v6 = eval("addrtype", 1, false, &cases[i].a, sizeof cases[i].a,
					OPENING, FAMILY_V6, STATE_NEW);

		if (v4.match != cases[i].v4 || v6.match != cases[i].v6)
			fail_msg("case %zu: %d, %d", i, v4.match, v6.match);
	}
}

static void test_names(void **state)
{
	(void)state;
	check_families("recent", 0, false, "", 0, DEPENDS, DEPENDS, EVAL_LIMIT);
	check_families("hashlimit", 3, false, "", 0, DEPENDS, DEPENDS, EVAL_LIMIT);
	check_families("set", 4, false, "", 0, DEPENDS, DEPENDS, 0);
	check_families("comment", 0, false, "", 0, ALWAYS, ALWAYS, EVAL_FLOW);
	check_families("nonsense", 0, false, "", 0, DEPENDS, DEPENDS, EVAL_UNKNOWN);
}

static void test_targets(void **state)
{
	static const struct {
		const char *name;
		enum tri match;
		enum fw_verdict verdict;
		unsigned flags;
	} cases[] = {
		{ "REJECT", YES, FW_REJECT, EVAL_FLOW },
		{ "NFQUEUE", YES, FW_QUEUE, EVAL_FLOW },
		{ "LOG", YES, FW_CONTINUE, EVAL_FLOW },
		{ "LED", YES, FW_CONTINUE, EVAL_FLOW },
		{ "NOTRACK", YES, FW_CONTINUE, EVAL_FLOW },
		{ "MARK", YES, FW_CONTINUE, EVAL_FLOW | EVAL_EFFECT },
		{ "TCPMSS", YES, FW_CONTINUE, EVAL_FLOW | EVAL_EFFECT },
		{ "DNAT", YES, FW_ACCEPT, EVAL_FLOW | EVAL_NAT },
		{ "TPROXY", YES, FW_ACCEPT, EVAL_FLOW | EVAL_NAT },
		{ "SYNPROXY", MAYBE, FW_QUEUE, EVAL_SYNPROXY },
		/* It may end the rule in a way that we do not know. */
		{ "nonsense", MAYBE, FW_QUEUE, EVAL_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct result r =
			eval(cases[i].name, 0, true, "", 0, OPENING, FAMILY_V4, STATE_NEW);

		if (r.match != cases[i].match || r.verdict != cases[i].verdict ||
		    r.flags != cases[i].flags)
			fail_msg("%s: %d, verdict %d, flags %x", cases[i].name, r.match, r.verdict,
				 r.flags);
	}
	check_families(
		TARGET("CONNMARK", 1, struct xt_connmark_tginfo1, .mode = XT_CONNMARK_RESTORE),
		ALWAYS, NEVER, EVAL_CT_OTHER | EVAL_EFFECT);
	check_families(TARGET("CT", 2, struct xt_ct_target_info_v1, .zone = 1), ALWAYS, ALWAYS,
		       EVAL_CT_WRITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state),	  cmocka_unit_test(test_other_conntrack),
		cmocka_unit_test(test_ports),	  cmocka_unit_test(test_multiport),
		cmocka_unit_test(test_tcp_flags), cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_iprange),	  cmocka_unit_test(test_addrtype),
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests_name("xt_eval", tests, NULL, NULL);
}
