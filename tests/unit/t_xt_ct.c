/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the matches and targets of iptables that deal with connection tracking mean. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/netfilter/xt_CONNMARK.h>
#include <linux/netfilter/xt_CONNSECMARK.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_HMARK.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_ipvs.h>
#include <linux/netfilter/xt_state.h>
#include "xt_check.h"

#define NEW XT_CONNTRACK_STATE_BIT(IP_CT_NEW)
#define EST XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED)
#define REL XT_CONNTRACK_STATE_BIT(IP_CT_RELATED)
#define UNT XT_CONNTRACK_STATE_UNTRACKED
#define CT1 struct xt_conntrack_mtinfo1
#define CT2 struct xt_conntrack_mtinfo2
#define CT3 struct xt_conntrack_mtinfo3
#define STATE XT_CONNTRACK_STATE

static void test_state(void **state)
{
	(void)state;
	check_match(MATCH("state", 0, struct xt_state_info, .statemask = XT_STATE_INVALID | NEW),
		    "ct state &0x9 !=0x0");
	check_match(MATCH("state", 0, struct xt_state_info, .statemask = XT_STATE_UNTRACKED),
		    "ct state &0x40 !=0x0");
	check_match(MATCH("conntrack", 1, CT1, .match_flags = STATE, .state_mask = EST | REL),
		    "ct state &0x6 !=0x0");
	check_match(MATCH("conntrack", 2, CT2, .match_flags = STATE, .state_mask = UNT | EST),
		    "ct state &0x42 !=0x0");
	check_match(MATCH("conntrack", 3, CT3, .match_flags = STATE | XT_CONNTRACK_STATE_ALIAS,
			  .state_mask = NEW),
		    "ct state &0x8 !=0x0");
	check_match(MATCH("conntrack", 3, CT3, .match_flags = STATE, .invert_flags = STATE,
			  .state_mask = EST | UNT),
		    "ct state &0x42 ==0x0");
	check_match(MATCH("conntrack", 1, CT1, .match_flags = STATE, .invert_flags = STATE,
			  .state_mask = NEW),
		    "ct state &0x8 ==0x0");
}

/* The NAT bits of xt's mask are where nf_tables has untracked. */
static void test_nat_states(void **state)
{
	(void)state;
	check_match(MATCH("conntrack", 3, CT3, .match_flags = STATE,
			  .state_mask = EST | XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT),
		    "ct state &0x2 !=0x0");
	check_match(MATCH("conntrack", 3, CT3, .match_flags = STATE,
			  .state_mask = XT_CONNTRACK_STATE_DNAT),
		    "ct state &0x0 !=0x0");
	check_match(MATCH("conntrack", 1, CT1, .match_flags = STATE, .invert_flags = STATE,
			  .state_mask = XT_CONNTRACK_STATE_SNAT),
		    "ct state &0x0 ==0x0");
}

static void test_conntrack_data(void **state)
{
	(void)state;
	check_match(MATCH("conntrack", 3, CT3, .match_flags = XT_CONNTRACK_DIRECTION),
		    "ct direction ==00");
	check_match(MATCH("conntrack", 3, CT3, .match_flags = XT_CONNTRACK_DIRECTION,
			  .invert_flags = XT_CONNTRACK_DIRECTION),
		    "ct direction ==01");
	check_match(MATCH("conntrack", 2, CT2, .match_flags = XT_CONNTRACK_PROTO, .l4proto = 6),
		    "ct protocol ==06");
	check_match(MATCH("conntrack", 1, CT1, .match_flags = XT_CONNTRACK_STATUS, .status_mask = 4,
			  .state_mask = 2),
		    "ct status &0x4 !=0x0");
	check_match(MATCH("conntrack", 3, CT3, .match_flags = XT_CONNTRACK_STATUS | STATE,
			  .invert_flags = XT_CONNTRACK_STATUS, .status_mask = 2, .state_mask = EST),
		    "ct state &0x2 !=0x0 ct status &0x2 ==0x0");
	check_match(MATCH("conntrack", 3, CT3, .match_flags = XT_CONNTRACK_ORIGSRC,
			  .invert_flags = XT_CONNTRACK_ORIGSRC),
		    "ct original saddr maybe(ct original saddr)");
	check_match(
		MATCH("conntrack", 3, CT3,
		      .match_flags = XT_CONNTRACK_EXPIRES | XT_CONNTRACK_REPLDST_PORT | STATE,
		      .state_mask = EST),
		"ct state &0x2 !=0x0 ct reply proto-dst maybe(ct reply proto-dst) ct expiration "
		"maybe(ct expiration)");
	check_match(MATCH("conntrack", 3, CT3, 0), "ct status");
}

/* Where an untracked packet comes through the state test, the rest is not looked at. */
static void test_conntrack_shortcut(void **state)
{
	(void)state;
	check_match(MATCH("conntrack", 3, CT3, .match_flags = STATE | XT_CONNTRACK_DIRECTION,
			  .state_mask = UNT | NEW),
		    "unknown(conntrack)");
	check_match(MATCH("conntrack", 3, CT3, .match_flags = STATE | XT_CONNTRACK_STATUS,
			  .invert_flags = STATE, .state_mask = XT_CONNTRACK_STATE_INVALID),
		    "unknown(conntrack)");
	check_match(MATCH("conntrack", 3, CT3, .match_flags = STATE | XT_CONNTRACK_DIRECTION,
			  .invert_flags = STATE, .state_mask = UNT | NEW),
		    "ct state &0x48 ==0x0 ct direction ==00");
}

static void test_other_conntrack(void **state)
{
	(void)state;
	check_match(MATCH("connmark", 1, struct xt_connmark_mtinfo1, .mark = 1, .mask = 255),
		    "ct mark &0xff ==0x1");
	check_match(MATCH("connmark", 1, struct xt_connmark_mtinfo1, .mark = 1, .mask = ~0u,
			  .invert = 1),
		    "ct mark !=0x1");
	check_match(MATCH("helper", 0, struct xt_helper_info, .name = "ftp"),
		    "ct helper ==66747000000000000000000000000000");
	check_match(MATCH("helper", 0, struct xt_helper_info, .name = ""), "ct helper");
	check_match(MATCH("helper", 0, struct xt_helper_info, .name = "ftp", .invert = 1), "");
	check_match(MATCH("connlabel", 0, struct xt_connlabel_mtinfo, .bit = 3),
		    "ct label maybe(connlabel)");
	check_match(MATCH("connlabel", 0, struct xt_connlabel_mtinfo,
			  .options = XT_CONNLABEL_OP_INVERT),
		    "unknown(connlabel)");
	check_match(MATCH("ipvs", 0, struct xt_ipvs_mtinfo, .bitmask = XT_IPVS_DIR),
		    "ct id maybe(ipvs)");
	check_match(MATCH("ipvs", 0, struct xt_ipvs_mtinfo, .bitmask = XT_IPVS_PROTO),
		    "maybe(ipvs)");
	check_match("connbytes", 0, false, "", 0, "ct bytes maybe(connbytes)");
	check_match("cluster", 0, false, "", 0, "ct id maybe(cluster)");
	check_match("connlimit", 1, false, "", 0, "ct-limit(connlimit)");
}

#define CM1 struct xt_connmark_tginfo1
#define CM2 struct xt_connmark_tginfo2

static void test_conntrack_targets(void **state)
{
	(void)state;
	check_match(TARGET("CT", 0, struct xt_ct_target_info, .flags = XT_CT_NOTRACK),
		    "effect(notrack)");
	check_match(TARGET("CT", 2, struct xt_ct_target_info_v1,
			   .flags = XT_CT_NOTRACK | XT_CT_NOTRACK_ALIAS),
		    "effect(notrack)");
	check_match(TARGET("CT", 1, struct xt_ct_target_info_v1, .zone = 5), "ct-write(CT)");
	check_match(TARGET("CT", 2, struct xt_ct_target_info_v1, .flags = XT_CT_ZONE_MARK),
		    "ct-write(CT)");
	check_match(TARGET("CONNMARK", 1, CM1, .mode = XT_CONNMARK_SET), "ct-write(CONNMARK)");
	check_match(TARGET("CONNMARK", 2, CM2, .mode = XT_CONNMARK_SAVE), "ct-write(CONNMARK)");
	check_match(TARGET("CONNMARK", 1, CM1, .mode = XT_CONNMARK_RESTORE),
		    "ct mark effect(meta mark)");
	check_match(TARGET("CONNMARK", 2, CM2, .mode = XT_CONNMARK_RESTORE),
		    "ct mark effect(meta mark)");
	check_match(TARGET("CONNMARK", 2, CM2, .shift_dir = XT_CONNMARK_RESTORE,
			   .mode = XT_CONNMARK_SAVE),
		    "ct-write(CONNMARK)");
	check_match(TARGET("CONNMARK", 1, CM1, .mode = 3), "unknown(CONNMARK) verdict(queue)");
	check_match(TARGET("CONNSECMARK", 0, struct xt_connsecmark_target_info,
			   .mode = CONNSECMARK_SAVE),
		    "ct-write(CONNSECMARK)");
	check_match(TARGET("CONNSECMARK", 0, struct xt_connsecmark_target_info,
			   .mode = CONNSECMARK_RESTORE),
		    "ct-write(CONNSECMARK) effect(meta secmark)");
	check_match(TARGET("HMARK", 0, struct xt_hmark_info, .hmodulus = 2), "effect(meta mark)");
	check_match(TARGET("HMARK", 0, struct xt_hmark_info, .flags = XT_HMARK_FLAG(XT_HMARK_CT)),
		    "ct-write(HMARK) effect(meta mark)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state),		cmocka_unit_test(test_nat_states),
		cmocka_unit_test(test_conntrack_data),	cmocka_unit_test(test_conntrack_shortcut),
		cmocka_unit_test(test_other_conntrack), cmocka_unit_test(test_conntrack_targets),
	};

	return cmocka_run_group_tests_name("xt_ct", tests, NULL, NULL);
}
