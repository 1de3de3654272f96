/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the matches and targets of iptables mean, from structs built by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>

#include <linux/netfilter/xt_CONNMARK.h>
#include <linux/netfilter/xt_CONNSECMARK.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_HMARK.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_ipvs.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <string.h>
#include "kernel/nft_body.h"
#include "kernel/nft_xt.h"
#include "kernel/xt.h"
#include "nft_build.h"
#include "xt_check.h"

/* ---- ports -------------------------------------------------------------------------------------
 */

#define ALL 0, UINT16_MAX

static void test_ports(void **state)
{
	(void)state;
	check_match(MATCH("tcp", 0, struct xt_tcp, .spts = { ALL }, .dpts = { 80, 80 }),
		    "th@2/2 ==0050");
	check_match(MATCH("tcp", 0, struct xt_tcp, .spts = { 1024, 65535 }, .dpts = { ALL },
			  .invflags = XT_TCP_INV_SRCPT),
		    "th@0/2 not in 0400-ffff");
	check_match(MATCH("tcp", 0, struct xt_tcp, .spts = { ALL }, .dpts = { ALL },
			  .invflags = XT_TCP_INV_DSTPT),
		    "th@2/2 not in 0000-ffff");
	check_match(MATCH("tcp", 0, struct xt_tcp, .spts = { ALL }, .dpts = { ALL },
			  .flg_mask = 0x17, .flg_cmp = 2, .option = 5),
		    "th@13/1 &17 ==02 maybe(tcp option)");
	check_match(MATCH("tcp", 0, struct xt_tcp, .spts = { ALL }, .dpts = { ALL },
			  .flg_mask = 0x17, .flg_cmp = 2, .invflags = XT_TCP_INV_FLAGS),
		    "th@13/1 &17 !=02");
	check_match(MATCH("tcp", 0, struct xt_tcp, .spts = { ALL }, .dpts = { ALL },
			  .invflags = XT_TCP_INV_FLAGS),
		    "th@13/1 &00 !=00");
	check_match(MATCH("tcp", 0, struct xt_tcp, .spts = { ALL }, .dpts = { ALL }), "");
	check_match(MATCH("udp", 0, struct xt_udp, .spts = { 53, 53 }, .dpts = { 1, 9 },
			  .invflags = XT_UDP_INV_DSTPT),
		    "th@0/2 ==0035 th@2/2 not in 0001-0009");
	check_match(MATCH("udplite", 0, struct xt_udp, .spts = { ALL }, .dpts = { 7, 7 }),
		    "th@2/2 ==0007");
	check_match(MATCH("sctp", 0, struct xt_sctp_info, .dpts = { 80, 81 }, .spts = { 5, 5 },
			  .flags = XT_SCTP_DEST_PORTS | XT_SCTP_CHUNK_TYPES,
			  .invflags = XT_SCTP_DEST_PORTS | XT_SCTP_SRC_PORTS),
		    "th@2/2 not in 0050-0051 maybe(sctp chunk)");
	check_match(MATCH("sctp", 0, struct xt_sctp_info, .dpts = { 80, 81 }, .spts = { 5, 5 },
			  .flags = XT_SCTP_SRC_PORTS),
		    "th@0/2 ==0005");
	check_match(MATCH("dccp", 0, struct xt_dccp_info, .dpts = { 80, 81 }, .spts = { 5, 5 },
			  .flags = XT_DCCP_SRC_PORTS | XT_DCCP_DEST_PORTS,
			  .invflags = XT_DCCP_SRC_PORTS),
		    "th@0/2 !=0005 th@2/2 in 0050-0051");
	check_match(
		MATCH("dccp", 0, struct xt_dccp_info, .dpts = { 80, 81 }, .flags = XT_DCCP_TYPE),
		"maybe(dccp type)");
}

#define MP struct xt_multiport_v1

static void test_multiport(void **state)
{
	(void)state;
	check_match(MATCH("multiport", 1, MP, .flags = XT_MULTIPORT_DESTINATION, .count = 5,
			  .ports = { 443, 22, 24, 23, 80 }, .pflags = { 0, 1 }),
		    "th@2/2 in {0016-0018 0050 01bb}");
	check_match(MATCH("multiport", 1, MP, .flags = XT_MULTIPORT_SOURCE, .count = 2,
			  .ports = { 80, 81 }, .invert = 1),
		    "th@0/2 not in 0050-0051");
	check_match(MATCH("multiport", 1, MP, .flags = XT_MULTIPORT_SOURCE, .count = 1,
			  .ports = { 80, 81 }),
		    "th@0/2 ==0050");
	check_match(MATCH("multiport", 0, struct xt_multiport, .flags = XT_MULTIPORT_DESTINATION,
			  .count = 2, .ports = { 80, 22 }),
		    "th@2/2 in {0016 0050}");
	check_match(MATCH("multiport", 1, MP, .flags = XT_MULTIPORT_EITHER, .count = 1),
		    "maybe(multiport)");
	/* The kernel takes an empty list: it matches nothing. A range that ends in the last slot.
	 */
	check_match(MATCH("multiport", 1, MP, .flags = XT_MULTIPORT_SOURCE), "th@0/2 in {}");
	check_match(MATCH("multiport", 1, MP, .count = 15, .pflags = { [13] = 1 },
			  .ports = { [13] = 5, [14] = 6 }),
		    "th@0/2 in {0000 0005-0006}");
	check_match(MATCH("multiport", 1, MP, .count = 2, .pflags = { 1 }, .ports = { 9, 3 }),
		    "th@0/2 in {}");
	check_match(MATCH("multiport", 1, MP, .count = 16), "unknown(multiport)");
	check_match(MATCH("multiport", 1, MP, .count = 15, .pflags = { [14] = 1 }),
		    "unknown(multiport)");
	check_match(MATCH("multiport", 1, MP, .flags = 3, .count = 1), "unknown(multiport)");
}

/* ---- the packet --------------------------------------------------------------------------------
 */

static void test_icmp(void **state)
{
	static const struct {
		struct ipt_icmp i;
		const char *v4, *v6;
	} cases[] = {
		{ { 8, { 0, 255 }, 0 }, "th@0/1 ==08", "th@0/1 ==08" },
		{ { 8, { 0, 255 }, 1 }, "th@0/1 !=08", "th@0/1 !=08" },
		{ { 3, { 4, 4 }, 0 }, "th@0/1 ==03 th@1/1 ==04", "th@0/1 ==03 th@1/1 ==04" },
		{ { 3, { 2, 4 }, 0 },
		  "th@0/1 ==03 th@1/1 in 02-04",
		  "th@0/1 ==03 th@1/1 in 02-04" },
		{ { 3, { 4, 4 }, 1 }, "maybe(icmp)", "maybe(icmp6)" },
		{ { 255, { 0, 255 }, 0 }, "", "th@0/1 ==ff" },
		{ { 255, { 0, 255 }, 1 }, "th@0/1 not in 00-ff", "th@0/1 !=ff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check("icmp", 0, false, &cases[i].i, sizeof cases[i].i, FAMILY_V4, cases[i].v4);
		check("icmp6", 0, false, &cases[i].i, sizeof cases[i].i, FAMILY_V6, cases[i].v6);
	}
}

static void test_iprange(void **state)
{
	struct xt_iprange_mtinfo r = { .flags = IPRANGE_SRC | IPRANGE_DST | IPRANGE_DST_INV };

	(void)state;
	memset(&r.src_min, 0x10, 16);
	memset(&r.src_max, 0x20, 16);
	memset(&r.dst_min, 0x30, 16);
	memset(&r.dst_max, 0x40, 16);
	check("iprange", 1, false, &r, sizeof r, FAMILY_V4,
	      "nh@12/4 in 10101010-20202020 nh@16/4 not in 30303030-40404040");
	check("iprange", 1, false, &r, sizeof r, FAMILY_V6,
	      "nh@8/16 in 10101010101010101010101010101010-20202020202020202020202020202020 "
	      "nh@24/16 not in "
	      "30303030303030303030303030303030-40404040404040404040404040404040");
	r.flags = IPRANGE_SRC | IPRANGE_SRC_INV;
	check("iprange", 1, false, &r, sizeof r, FAMILY_V4, "nh@12/4 not in 10101010-20202020");
	r.flags = IPRANGE_DST;
	check("iprange", 1, false, &r, sizeof r, FAMILY_V4, "nh@16/4 in 30303030-40404040");
}

#define AT struct xt_addrtype_info_v1

static void test_addrtype(void **state)
{
	static const struct {
		AT a;
		const char *v4, *v6;
	} cases[] = {
		{ { .dest = XT_ADDRTYPE_LOCAL }, "fib ==0x2", "fib ==0x2" },
		{ { .dest = XT_ADDRTYPE_LOCAL, .flags = XT_ADDRTYPE_INVERT_DEST },
		  "fib !=0x2",
		  "fib !=0x2" },
		{ { .dest = XT_ADDRTYPE_MULTICAST }, "fib ==0x5", "fib ==0x5" },
		{ { .dest = XT_ADDRTYPE_BROADCAST }, "fib ==0x3", "maybe(addrtype)" },
		{ { .dest = XT_ADDRTYPE_UNICAST }, "fib ==0x1", "fib !=0x5" },
		{ { .dest = XT_ADDRTYPE_UNICAST, .flags = XT_ADDRTYPE_INVERT_DEST },
		  "fib !=0x1",
		  "fib ==0x5" },
		{ { .dest = XT_ADDRTYPE_UNICAST | XT_ADDRTYPE_LOCAL },
		  "fib in {0x1 0x2}",
		  "fib ==0x2" },
		{ { .dest = XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_ANYCAST },
		  "fib in {0x2 0x4}",
		  "maybe(addrtype)" },
		{ { .dest = XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_MULTICAST | XT_ADDRTYPE_UNSPEC,
		    .flags = XT_ADDRTYPE_INVERT_DEST | XT_ADDRTYPE_INVERT_SOURCE },
		  "fib not in {0x0 0x2 0x5}",
		  "maybe(addrtype)" },
		{ { .source = XT_ADDRTYPE_LOCAL }, "maybe(addrtype)", "maybe(addrtype)" },
		{ { .source = XT_ADDRTYPE_LOCAL, .dest = XT_ADDRTYPE_LOCAL },
		  "fib ==0x2 maybe(addrtype)",
		  "fib ==0x2 maybe(addrtype)" },
		{ { .dest = XT_ADDRTYPE_LOCAL, .flags = XT_ADDRTYPE_LIMIT_IFACE_IN },
		  "maybe(addrtype)",
		  "maybe(addrtype)" },
		{ { .dest = XT_ADDRTYPE_LOCAL, .flags = XT_ADDRTYPE_LIMIT_IFACE_OUT },
		  "maybe(addrtype)",
		  "maybe(addrtype)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check("addrtype", 1, false, &cases[i].a, sizeof(AT), FAMILY_V4, cases[i].v4);
		check("addrtype", 1, false, &cases[i].a, sizeof(AT), FAMILY_V6, cases[i].v6);
	}
	check(MATCH("addrtype", 0, struct xt_addrtype_info, .dest = XT_ADDRTYPE_LOCAL), FAMILY_V4,
	      "fib ==0x2");
	check(MATCH("addrtype", 0, struct xt_addrtype_info, .dest = XT_ADDRTYPE_LOCAL,
		    .invert_dest = 1),
	      FAMILY_V4, "fib !=0x2");
	check(MATCH("addrtype", 0, struct xt_addrtype_info, .dest = XT_ADDRTYPE_LOCAL,
		    .invert_dest = 2),
	      FAMILY_V4, "unknown(addrtype)");
}

static void test_mark(void **state)
{
	(void)state;
	check_match(MATCH("mark", 1, struct xt_mark_mtinfo1, .mark = 5, .mask = ~0u),
		    "meta mark ==0x5");
	check_match(MATCH("mark", 1, struct xt_mark_mtinfo1, .mark = 5, .mask = 15, .invert = 1),
		    "meta mark &0xf !=0x5");
}

/* ---- names -------------------------------------------------------------------------------------
 */

static void test_maybe(void **state)
{
	static const char *const names[] = {
		"ah",	   "bpf",	 "cgroup",  "cpu",    "devgroup", "dscp",  "dst",
		"ecn",	   "esp",	 "eui64",   "frag",   "hbh",	  "hl",	   "ipcomp",
		"l2tp",	   "length",	 "mac",	    "mh",     "osf",	  "owner", "physdev",
		"pkttype", "policy",	 "rateest", "realm",  "rpfilter", "rt",	   "set",
		"socket",  "srh",	 "string",  "tcpmss", "time",	  "tos",   "ttl",
		"u32",	   "ipv6header",
	};
	static const char *const limits[] = { "hashlimit", "limit",  "nfacct",
					      "quota",	   "recent", "statistic" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *want = xasprintf("maybe(%s)", names[i]);

		check_match(names[i], 0, false, "", 0, want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		auto_free char *want = xasprintf("limit(%s)", limits[i]);

		check_match(limits[i], 0, false, "", 0, want);
	}
	check_match("comment", 0, false, "", 0, "");
}

static void test_revisions(void **state)
{
	static const struct {
		const char *name;
		uint8_t first, last;
		bool target;
	} cases[] = {
		{ "hashlimit", 0, 3, false }, { "recent", 0, 1, false }, { "set", 0, 4, false },
		{ "socket", 0, 3, false },    { "owner", 0, 1, false },	 { "bpf", 0, 1, false },
		{ "NFQUEUE", 0, 3, true },    { "SET", 0, 3, true },	 { "TPROXY", 0, 1, true },
		{ "LOG", 0, 0, true },	      { "MARK", 0, 2, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned rev = 0; rev < 256; rev++) {
			struct lowered l;

			lower(&l, cases[i].name, (uint8_t)rev, cases[i].target, "", 0, FAMILY_V4);
			assert_int_equal(l.rule.exprs[0].op == FW_UNKNOWN,
					 rev < cases[i].first || rev > cases[i].last);
			lowered_free(&l);
		}
	check_match("conntrack", 0, false, "", 0, "unknown(conntrack)");
	check_match("conntrack", 4, false, "", 0, "unknown(conntrack)");
	check_match("iprange", 0, false, "", 0, "unknown(iprange)");
	check_match("nonsense", 0, false, "", 0, "unknown(nonsense)");
	check_match("", 0, false, "", 0, "unknown()");
	/* Names of the other kind. */
	check_match("LOG", 0, false, "", 0, "unknown(LOG)");
	check_match("limit", 0, true, "", 0, "unknown(limit) verdict(queue)");
	check_match("nonsense", 0, true, "", 0, "unknown(nonsense) verdict(queue)");
	check_match("", 0, true, "", 0, "unknown() verdict(queue)");
}

/* One byte too few is unknown. */
static void test_lengths(void **state)
{
	static const struct {
		const char *name;
		uint8_t revision;
		bool target;
		size_t size;
	} cases[] = {
		{ "addrtype", 0, false, sizeof(struct xt_addrtype_info) },
		{ "addrtype", 1, false, sizeof(AT) },
		{ "connlabel", 0, false, sizeof(struct xt_connlabel_mtinfo) },
		{ "connmark", 1, false, sizeof(struct xt_connmark_mtinfo1) },
		{ "conntrack", 1, false, sizeof(struct xt_conntrack_mtinfo1) },
		{ "conntrack", 2, false, sizeof(struct xt_conntrack_mtinfo2) },
		{ "conntrack", 3, false, sizeof(struct xt_conntrack_mtinfo3) },
		{ "dccp", 0, false, sizeof(struct xt_dccp_info) },
		{ "helper", 0, false, sizeof(struct xt_helper_info) },
		{ "icmp", 0, false, sizeof(struct ipt_icmp) },
		{ "icmp6", 0, false, sizeof(struct ipt_icmp) },
		{ "iprange", 1, false, sizeof(struct xt_iprange_mtinfo) },
		{ "ipvs", 0, false, sizeof(struct xt_ipvs_mtinfo) },
		{ "mark", 1, false, sizeof(struct xt_mark_mtinfo1) },
		{ "multiport", 0, false, sizeof(struct xt_multiport) },
		{ "multiport", 1, false, sizeof(MP) },
		{ "sctp", 0, false, sizeof(struct xt_sctp_info) },
		{ "state", 0, false, sizeof(struct xt_state_info) },
		{ "tcp", 0, false, sizeof(struct xt_tcp) },
		{ "udp", 0, false, sizeof(struct xt_udp) },
		{ "CT", 0, true, sizeof(struct xt_ct_target_info) },
		{ "CONNMARK", 1, true, sizeof(struct xt_connmark_tginfo1) },
		{ "CONNMARK", 2, true, sizeof(struct xt_connmark_tginfo2) },
		{ "CONNSECMARK", 0, true, sizeof(struct xt_connsecmark_target_info) },
		{ "HMARK", 0, true, sizeof(struct xt_hmark_info) },
	};
	static const uint8_t zero[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t more = 0; more < 2; more++) {
			struct lowered l;
			bool unknown = false;

			lower(&l, cases[i].name, cases[i].revision, cases[i].target, zero,
			      cases[i].size - 1 + more, FAMILY_V4);
			for (size_t k = 0; k < l.rule.n_exprs; k++)
				unknown = unknown || l.rule.exprs[k].op == FW_UNKNOWN;
			if (unknown == (more == 1))
				fail_msg("%s revision %u, %zu bytes", cases[i].name,
					 cases[i].revision, cases[i].size - 1 + more);
			lowered_free(&l);
		}
}

/* ---- targets -----------------------------------------------------------------------------------
 */

static void test_targets(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "REJECT", "verdict(reject)" },
		{ "NFQUEUE", "verdict(queue)" },
		{ "QUEUE", "verdict(queue)" },
		{ "LOG", "effect(log)" },
		{ "NFLOG", "effect(log)" },
		{ "ULOG", "effect(log)" },
		{ "TRACE", "effect(log)" },
		{ "AUDIT", "effect(log)" },
		{ "LED", "effect(log)" },
		{ "IDLETIMER", "effect(log)" },
		{ "RATEEST", "effect(log)" },
		{ "NOTRACK", "effect(notrack)" },
		{ "MARK", "effect(meta mark)" },
		{ "SECMARK", "effect(meta secmark)" },
		{ "TOS", "effect(TOS)" },
		{ "DSCP", "effect(DSCP)" },
		{ "TTL", "effect(TTL)" },
		{ "HL", "effect(HL)" },
		{ "ECN", "effect(ECN)" },
		{ "SET", "effect(SET)" },
		{ "TCPMSS", "effect(TCPMSS)" },
		{ "TCPOPTSTRIP", "effect(TCPOPTSTRIP)" },
		{ "CHECKSUM", "effect(CHECKSUM)" },
		{ "CLASSIFY", "effect(CLASSIFY)" },
		{ "TEE", "effect(TEE)" },
		{ "DNPT", "effect(DNPT)" },
		{ "SNPT", "effect(SNPT)" },
		{ "DNAT", "nat(dnat)" },
		{ "SNAT", "nat(snat)" },
		{ "MASQUERADE", "nat(masq)" },
		{ "REDIRECT", "nat(redir)" },
		{ "NETMAP", "nat(netmap)" },
		{ "TPROXY", "nat(tproxy)" },
		{ "SYNPROXY", "proxy(synproxy)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_match(cases[i].name, 0, true, "", 0, cases[i].want);
	/* It drops what has no entry: state that we do not model. */
	check_match("CLUSTERIP", 0, true, "", 0, "unknown(CLUSTERIP) verdict(queue)");
}

/* ---- bodies ------------------------------------------------------------------------------------
 */

/* The text is that of an expression which nf_tables would give us. */
static void test_body(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 5 };

	(void)state;
	for (int target = 0; target < 2; target++) {
		struct xt_ext x = { "multiport", 1, target, data, sizeof data };
		auto_free char *body = xt_body(&x);
		struct blob b = { 0 };
		struct nlattr *a;
		struct fw_expr e;

		blob_attr(&b, NFTA_MATCH_INFO, data, sizeof data); /* in another order */
		blob_attr(&b, NFTA_MATCH_NAME, "multiport", 10);
		put_u32(&b, NFTA_MATCH_REV, 1);
		a = expr(target ? "target" : "match", &b);
		assert_int_equal(nft_expr_parse(a, NULL, 0, &e), 0);
		assert_string_equal(e.body, body);
		expr_free(&e);
		free(a);
	}
}

/* ---- out of nf_tables --------------------------------------------------------------------------
 */

static char *lowered_elem(enum table_family f, const char *kind, struct blob *attrs)
{
	struct nlattr *a = expr(kind, attrs);
	struct lowered l = { 0 };
	char *s;

	nft_expr_parse(a, NULL, 0, ARRAY_ADD(l.rule.exprs, l.rule.n_exprs));
	nft_xt_lower(&l.fw, &l.rule, f, a);
	s = x_text(&l.rule);
	lowered_free(&l);
	free(a);
	return s;
}

static void test_elements(void **state)
{
	static const struct {
		enum table_family family;
		const char *kind, *name;
		uint32_t revision;
		size_t len;
		const char *want;
	} cases[] = {
		{ TABLE_IP, "match", "udp", 0, sizeof(struct xt_udp),
		  "th@0/2 ==0000 th@2/2 ==0000" },
		{ TABLE_IP, "match", "icmp", 0, 4, "th@0/1 ==00 th@1/1 ==00" },
		{ TABLE_IP6, "match", "icmp6", 0, 4, "th@0/1 ==00 th@1/1 ==00" },
		{ TABLE_IP, "match", "udp", 0, 3, "unknown(udp)" },
		{ TABLE_IP, "match", "udp", 256, sizeof(struct xt_udp), "unknown(udp)" },
		{ TABLE_IP, "target", "LOG", 0, 0, "effect(log)" },
		{ TABLE_INET, "match", "limit", 0, 0, "unknown(limit)" },
		{ TABLE_INET, "target", "LOG", 0, 0, "unknown(LOG) verdict(queue)" },
		{ TABLE_IP, "counter", "LOG", 0, 0, "" },
	};
	static const uint8_t data[sizeof(struct xt_udp)] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct blob b = { 0 };
		char *s;

		blob_attr(&b, NFTA_MATCH_NAME, cases[i].name, strlen(cases[i].name) + 1);
		put_u32(&b, NFTA_MATCH_REV, cases[i].revision);
		if (cases[i].len)
			blob_attr(&b, NFTA_MATCH_INFO, data, cases[i].len);
		s = lowered_elem(cases[i].family, cases[i].kind, &b);
		assert_string_equal(s, cases[i].want);
		free(s);
	}
}

static void test_no_attributes(void **state)
{
	struct blob b = { 0 };
	char *s;

	(void)state;
	blob_attr(&b, NFTA_MATCH_NAME, "ttl", 4); /* no revision: none that we know */
	s = lowered_elem(TABLE_IP, "match", &b);
	assert_string_equal(s, "unknown(ttl)");
	free(s);
	s = lowered_elem(TABLE_IP, "match", &b); /* no name: not parsed, so unknown already */
	assert_string_equal(s, "");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),	      cmocka_unit_test(test_multiport),
		cmocka_unit_test(test_icmp),	      cmocka_unit_test(test_iprange),
		cmocka_unit_test(test_addrtype),      cmocka_unit_test(test_mark),
		cmocka_unit_test(test_maybe),	      cmocka_unit_test(test_revisions),
		cmocka_unit_test(test_lengths),	      cmocka_unit_test(test_targets),
		cmocka_unit_test(test_body),	      cmocka_unit_test(test_elements),
		cmocka_unit_test(test_no_attributes),
	};

	return cmocka_run_group_tests_name("xt", tests, NULL, NULL);
}
