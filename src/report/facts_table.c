/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The members of every value in a file of facts. Parsing goes in this order, whatever the file's:
 * what refers to something comes after it. */
#include "report/facts_table.h"

#define AT(type, field) .offset = offsetof(struct type, field)
#define COUNT(type, field) .other = offsetof(struct type, field)
#define WORDS(list) .words = (list), .n_words = ARRAY_SIZE(list)
#define TABLE(name, type, ...)                                                    \
	static const struct facts_table name = { .v = name##_members,             \
						 .n = ARRAY_SIZE(name##_members), \
						 .size = sizeof(struct type),     \
						 __VA_ARGS__ }

static const char *const families[] = { "ipv4", "ipv6" };
static const char *const table_families[] = { "ip", "ip6", "inet" };
static const char *const forms[] = { "nft", "iptables-nft", "iptables-legacy" };
static const char *const hooks[] = { "prerouting", "input", "forward", "output", "postrouting" };
static const char *const verdicts[] = { "accept", "drop", "continue", "return",
					"jump",	  "goto", "queue",    "reject" };
static const char *const policies[] = { "accept", "drop" };
static const char *const comparisons[] = { "eq", "ne", "lt", "le", "gt", "ge" };
static const char *const ops[] = {
	"load",	 "bitwise", "cmp",     "range",	   "lookup",  "verdict", "immediate", "effect",
	"limit", "maybe",   "ctlimit", "synproxy", "ctwrite", "xt",	 "nat",	      "unknown",
};
static const char *const fields[] = {
	"other", "ct-state", "ct-other", "l4proto",   "nfproto",	"iifname",   "oifname",
	"iif",	 "oif",	     "network",	 "transport", "fib-daddr-type", "meta-mark", "meta-other",
};
_Static_assert(ARRAY_SIZE(forms) == FORM_LEGACY + 1 && ARRAY_SIZE(hooks) == HOOK_COUNT &&
		       ARRAY_SIZE(verdicts) == FW_REJECT + 1 && FW_ACCEPT == 0 && FW_DROP == 1 &&
		       ARRAY_SIZE(comparisons) == FW_GTE + 1 && ARRAY_SIZE(ops) == FW_UNKNOWN + 1 &&
		       ARRAY_SIZE(fields) == FW_F_META_OTHER + 1 &&
		       ARRAY_SIZE(table_families) == TABLE_INET + 1,
	       "a word for each");

/* ---- the firewall ---- */

static const struct facts_member element_members[] = {
	{ "lo", FACTS_KEY, AT(fw_element, lo), .needed = true },
	{ "hi", FACTS_KEY_END, AT(fw_element, hi), COUNT(fw_element, lo) },
	{ "verdict", FACTS_WORD, AT(fw_element, target.verdict), WORDS(verdicts) },
	{ "chain", FACTS_TEXT, AT(fw_element, target.chain) },
};
TABLE(element, fw_element, .check = CHECK_NOTHING);

static const struct facts_member set_members[] = {
	{ "name", FACTS_TEXT, AT(fw_set, name), .needed = true },
	{ "anonymous", FACTS_BOOL, AT(fw_set, anonymous) },
	{ "map", FACTS_BOOL, AT(fw_set, map) },
	{ "verdict-map", FACTS_BOOL, AT(fw_set, verdict_map) },
	{ "dynamic", FACTS_BOOL, AT(fw_set, dynamic) },
	{ "concat", FACTS_BOOL, AT(fw_set, concat) },
	{ "known", FACTS_BOOL, AT(fw_set, known) },
	{ "key-type", FACTS_U32, AT(fw_set, key_type) },
	{ "key-len", FACTS_U32, AT(fw_set, key_len) },
	{ "data-len", FACTS_U32, AT(fw_set, data_len) },
	{ "elements-do", FACTS_WORD, AT(fw_set, elements_do), WORDS(ops) },
	{ "body", FACTS_TEXT, AT(fw_set, body) },
	{ "elements", FACTS_LIST, AT(fw_set, v), COUNT(fw_set, n), .of = &element },
};
TABLE(set, fw_set, .lines = true, .check = CHECK_SET);

static const struct facts_member expr_members[] = {
	{ "op", FACTS_WORD, AT(fw_expr, op), WORDS(ops), .needed = true },
	{ "name", FACTS_TEXT, AT(fw_expr, name), .needed = true },
	{ "field", FACTS_WORD, AT(fw_expr, field), WORDS(fields) },
	{ "offset", FACTS_U16, AT(fw_expr, offset) },
	{ "sreg", FACTS_U8, AT(fw_expr, sreg) },
	{ "dreg", FACTS_U8, AT(fw_expr, dreg) },
	{ "len", FACTS_U8, AT(fw_expr, len) },
	{ "cmp", FACTS_WORD, AT(fw_expr, cmp), WORDS(comparisons) },
	{ "inverted", FACTS_BOOL, AT(fw_expr, inverted) },
	{ "data", FACTS_DATA, AT(fw_expr, data) },
	{ "data2", FACTS_DATA, AT(fw_expr, data2) },
	{ "set", FACTS_SET, AT(fw_expr, set) },
	{ "verdict", FACTS_WORD, AT(fw_expr, target.verdict), WORDS(verdicts) },
	{ "chain", FACTS_TEXT, AT(fw_expr, target.chain) },
	{ "once", FACTS_BOOL, AT(fw_expr, once) },
	{ "object", FACTS_TEXT, AT(fw_expr, object) },
	{ "body", FACTS_TEXT, AT(fw_expr, body) },
};
TABLE(expr, fw_expr, .check = CHECK_NOTHING);

static const struct facts_member rule_members[] = {
	{ "handle", FACTS_U64, AT(fw_rule, handle) },
	{ "comment", FACTS_TEXT, AT(fw_rule, comment) },
	{ "twin", FACTS_INDEX, AT(fw_rule, twin) },
	{ "exprs", FACTS_LIST, AT(fw_rule, exprs), COUNT(fw_rule, n_exprs), .of = &expr },
};
TABLE(rule, fw_rule, .lines = true, .check = CHECK_RULE);

static const struct facts_member chain_members[] = {
	{ "form", FACTS_WORD, AT(fw_chain, form), WORDS(forms), .needed = true },
	{ "family", FACTS_WORD, AT(fw_chain, family), WORDS(table_families), .needed = true },
	{ "table", FACTS_TEXT, AT(fw_chain, table), .needed = true },
	{ "name", FACTS_TEXT, AT(fw_chain, name), .needed = true },
	{ "owned", FACTS_BOOL, AT(fw_chain, owned) },
	{ "base", FACTS_BOOL, AT(fw_chain, base) },
	{ "type", FACTS_TEXT, AT(fw_chain, type) },
	{ "hook", FACTS_WORD, AT(fw_chain, hook), WORDS(hooks) },
	{ "priority", FACTS_INT, AT(fw_chain, priority) },
	{ "policy", FACTS_WORD, AT(fw_chain, policy), WORDS(policies) },
	{ "rules", FACTS_LIST, AT(fw_chain, rules), COUNT(fw_chain, n_rules), .of = &rule },
};
TABLE(chain, fw_chain, .lines = true, .check = CHECK_CHAIN);

static const struct facts_member other_members[] = {
	{ "family", FACTS_TEXT, AT(fw_other, family), .needed = true },
	{ "table", FACTS_TEXT, AT(fw_other, table), .needed = true },
	{ "name", FACTS_TEXT, AT(fw_other, name), .needed = true },
	{ "type", FACTS_TEXT, AT(fw_other, type), .needed = true },
	{ "hook", FACTS_TEXT, AT(fw_other, hook), .needed = true },
	{ "priority", FACTS_INT, AT(fw_other, priority) },
	{ "drops", FACTS_BOOL, AT(fw_other, drops) },
	{ "dormant", FACTS_BOOL, AT(fw_other, dormant) },
};
TABLE(other, fw_other, .lines = true, .check = CHECK_NOTHING);

static const struct facts_member firewall_members[] = {
	{ "others", FACTS_LIST, AT(fw, others), COUNT(fw, n_others), .of = &other },
	{ "sets", FACTS_REFS, AT(fw, sets), COUNT(fw, n_sets), .of = &set },
	{ "chains", FACTS_LIST, AT(fw, chains), COUNT(fw, n_chains), .of = &chain },
};
TABLE(firewall, fw, .check = CHECK_FIREWALL);

/* ---- the host ---- */

static const struct facts_member range_members[] = {
	{ "lo", FACTS_U16, AT(port_range, lo), .needed = true },
	{ "hi", FACTS_U16, AT(port_range, hi), .needed = true },
};
TABLE(range, port_range, .check = CHECK_PORTS);

static const struct facts_member interface_members[] = {
	{ "name", FACTS_NAME, AT(host_interface, name), .needed = true },
	{ "forwards4", FACTS_BOOL, AT(host_interface, forwards4) },
	{ "forwards6", FACTS_BOOL, AT(host_interface, forwards6) },
};
TABLE(interface, host_interface, .lines = true, .check = CHECK_NOTHING);

static const struct facts_member address_members[] = {
	{ "address", FACTS_ADDRESS, AT(host_address, prefix.addr),
	  COUNT(host_address, prefix.family), .needed = true },
	{ "interface", FACTS_NAME, AT(host_address, interface) },
};
TABLE(address, host_address, .lines = true, .check = CHECK_ADDRESS);

static const struct facts_member listener_members[] = {
	{ "proto", FACTS_U8, AT(host_listener, proto), .needed = true },
	{ "address", FACTS_ADDRESS, AT(host_listener, addr), COUNT(host_listener, family),
	  .needed = true },
	{ "port", FACTS_U16, AT(host_listener, port), .needed = true },
	{ "both", FACTS_BOOL, AT(host_listener, both) },
};
TABLE(listener, host_listener, .lines = true, .check = CHECK_LISTENER);

static const struct facts_member sysctl_members[] = {
	{ "name", FACTS_TEXT, AT(host_sysctl, name), .needed = true },
	{ "value", FACTS_U64, AT(host_sysctl, value), .needed = true },
};
TABLE(sysctl, host_sysctl, .lines = true, .check = CHECK_NOTHING);

static const struct facts_member nat_members[] = {
	{ "family", FACTS_WORD, AT(host_nat, family), WORDS(families), .needed = true },
	{ "proto", FACTS_U8, AT(host_nat, proto), .needed = true },
	{ "dport", FACTS_U16, AT(host_nat, dport) },
	{ "dst-local", FACTS_BOOL, AT(host_nat, dst_local) },
	{ "reply-sport", FACTS_U16, AT(host_nat, reply_sport) },
	{ "reply-dst-local", FACTS_BOOL, AT(host_nat, reply_dst_local) },
	{ "entries", FACTS_U64, AT(host_nat, entries), .needed = true },
};
TABLE(nat, host_nat, .lines = true, .check = CHECK_NOTHING);

static const struct facts_member host_members[] = {
	{ "host", FACTS_TEXT, AT(host, name), .needed = true },
	{ "kernel", FACTS_TEXT, AT(host, kernel) },
	{ "time", FACTS_TEXT, AT(host, time) },
	{ "unread", FACTS_TEXTS, AT(host, unread), COUNT(host, n_unread) },
	{ "forwards", FACTS_BOOL, AT(host, params.forwards) },
	{ "ephemeral", FACTS_STRUCT, AT(host, params.ephemeral), .of = &range, .needed = true },
	{ "reserved", FACTS_LIST, AT(host, reserved.v), COUNT(host, reserved.n), .of = &range },
	{ "ssh-port", FACTS_U16, AT(host, ssh_port) },
	{ "interfaces", FACTS_LIST, AT(host, interfaces), COUNT(host, n_interfaces),
	  .of = &interface },
	{ "addresses", FACTS_LIST, AT(host, addresses), COUNT(host, n_addresses), .of = &address },
	{ "listeners", FACTS_LIST, AT(host, listeners), COUNT(host, n_listeners), .of = &listener },
	{ "sysctls", FACTS_LIST, AT(host, sysctls), COUNT(host, n_sysctls), .of = &sysctl },
	{ "nat", FACTS_LIST, AT(host, nat), COUNT(host, n_nat), .of = &nat },
	{ "firewall", FACTS_STRUCT, AT(host, fw), .of = &firewall },
};

const struct facts_table facts_host = {
	.v = host_members,
	.n = ARRAY_SIZE(host_members),
	.size = sizeof(struct host),
	.check = CHECK_HOST,
};
