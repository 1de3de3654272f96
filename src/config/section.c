/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language as tables: one row for each key. */
#include "config/section.h"

#include <limits.h>
#include "config/values.h"
#include "util.h"

/* Kernels with HZ=1000 hold no longer timeout in jiffies: INT_MAX / 1000 seconds. */
#define TIME_MAX (24UL * 24 * 60 * 60)
/* net/netfilter/nf_conntrack_core.c: UINT_MAX / sizeof(struct hlist_nulls_head). */
#define BUCKETS_MAX 536870911UL

#define OUT(field) .out = offsetof(struct draft, field)
#define NOT(field) .out_not = offsetof(struct draft, field)
#define AT(field) .at = offsetof(struct draft, field)

static const char *const backend_words[] = { "auto", "nftables", "iptables", NULL };
static const char *const accept_words[] = { "twin", "first", "none", NULL };
static const char *const on_nat_words[] = { "refuse", "warn", NULL };
static const char *const role_words[] = { "server", "client", "peer", "router", NULL };
static const char *const bool_words[] = { "no", "yes", NULL };
static const char *const family_words[] = { "ipv4", "ipv6", NULL };
static const char *const tracking_words[] = { "tracked", "untracked", NULL };

/* clang-format off */
static const struct option untrack_options[] = {
	{ "backend", value_word, OUT(general.backend), .words = backend_words },
	{ "family", value_families, OUT(general.families), AT(general.family_at),
	  .words = family_words },
	{ "accept", value_word, OUT(general.accept), .words = accept_words },
	{ "drain", value_bool, OUT(general.drain), .words = bool_words },
	{ "on-nat", value_word, OUT(general.on_nat), .words = on_nat_words },
};

static const struct option loopback_options[] = {
	{ "notrack", value_bool, OUT(loopback), .words = bool_words },
};

static const struct option service_options[] = {
	{ "description", value_description, OUT(service.description) },
	{ "protocol", value_protos, OUT(service.protos), AT(service.proto_at) },
	{ "port", value_ports, OUT(service.ports), AT(service.port_at),
	  .early = "0123456789-!, \t" },
	{ "role", value_word, OUT(service.role), .words = role_words },
	{ "interface", value_ifaces, OUT(service.ifaces), NOT(service.not_ifaces),
	  AT(service.iface_at) },
	{ "local", value_addrs, OUT(service.local), NOT(service.not_local), AT(service.local_at) },
	{ "remote", value_addrs, OUT(service.remote), NOT(service.not_remote),
	  AT(service.remote_at) },
	{ "accept", value_word, OUT(service.accept), AT(accept_at), .words = accept_words },
	{ "upstream-timeout", value_time, OUT(service.upstream_timeout), AT(service.upstream_at),
	  .min = 1, .max = TIME_MAX },
	{ "keepalive", value_time, OUT(service.keepalive), .min = 1, .max = TIME_MAX },
};

static const struct option interface_options[] = {
	{ "description", value_description, OUT(interface.description) },
	{ "name", value_ifaces, OUT(interface.ifaces), NOT(interface.not_ifaces),
	  AT(interface.iface_at) },
	{ "accept", value_word, OUT(interface.accept), AT(accept_at), .words = accept_words },
};

static const struct option expect_options[] = {
	{ "flow", value_flow, OUT(expectation.flow), AT(expectation.flow_at) },
	{ "result", value_word, OUT(expectation.result), AT(expectation.result_at),
	  .words = tracking_words },
	{ "by", value_exemption, OUT(expectation.by), AT(expectation.by_at) },
	{ "reply", value_word, OUT(expectation.reply), AT(expectation.reply_at),
	  .words = tracking_words },
	{ "verdict", value_word, OUT(expectation.verdict), AT(expectation.verdict_at),
	  .words = outcome_names },
};

#define COUNT(name, slot, most)                                                                   \
	{ name, value_count, OUT(conntrack[slot]), AT(conntrack_at[slot]), .min = 1, .max = most }
#define TIMEOUT(name, slot)                                                                       \
	{ "timeout-" name, value_time, OUT(conntrack[slot]), AT(conntrack_at[slot]), .min = 1,    \
	  .max = TIME_MAX }

/* net/netfilter/nf_conntrack_standalone.c; slots count up. */
static const struct option conntrack_options[] = {
	COUNT("max", 0, INT_MAX),
	COUNT("buckets", 1, BUCKETS_MAX),
	TIMEOUT("generic", 2),
	TIMEOUT("icmp", 3),
	TIMEOUT("icmpv6", 4),
	TIMEOUT("tcp-syn-sent", 5),
	TIMEOUT("tcp-syn-recv", 6),
	TIMEOUT("tcp-established", 7),
	TIMEOUT("tcp-fin-wait", 8),
	TIMEOUT("tcp-close-wait", 9),
	TIMEOUT("tcp-last-ack", 10),
	TIMEOUT("tcp-time-wait", 11),
	TIMEOUT("tcp-close", 12),
	TIMEOUT("tcp-max-retrans", 13),
	TIMEOUT("tcp-unacknowledged", 14),
	TIMEOUT("udp", 15),
	TIMEOUT("udp-stream", 16),
	TIMEOUT("dccp-request", 17),
	TIMEOUT("dccp-respond", 18),
	TIMEOUT("dccp-partopen", 19),
	TIMEOUT("dccp-open", 20),
	TIMEOUT("dccp-closereq", 21),
	TIMEOUT("dccp-closing", 22),
	TIMEOUT("dccp-timewait", 23),
	TIMEOUT("sctp-closed", 24),
	TIMEOUT("sctp-cookie-wait", 25),
	TIMEOUT("sctp-cookie-echoed", 26),
	TIMEOUT("sctp-established", 27),
	TIMEOUT("sctp-shutdown-sent", 28),
	TIMEOUT("sctp-shutdown-recd", 29),
	TIMEOUT("sctp-shutdown-ack-sent", 30),
	TIMEOUT("sctp-heartbeat-sent", 31),
	TIMEOUT("sctp-heartbeat-acked", 32),
	TIMEOUT("gre", 33),
	TIMEOUT("gre-stream", 34),
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(conntrack_options) <= CT_KEYS_MAX, "struct draft has a slot for each");

#define SECTION(id, name, named, options) [id] = { id, name, named, options, ARRAY_SIZE(options) }

const struct section sections[N_SECTIONS] = {
	SECTION(SECTION_UNTRACK, "untrack", false, untrack_options),
	SECTION(SECTION_LOOPBACK, "loopback", false, loopback_options),
	SECTION(SECTION_SERVICE, "service", true, service_options),
	SECTION(SECTION_INTERFACE, "interface", true, interface_options),
	SECTION(SECTION_CONNTRACK, "conntrack", false, conntrack_options),
	SECTION(SECTION_EXPECT, "expect", true, expect_options),
};

const char *role_name(enum role r)
{
	return role_words[r];
}

const char *accept_name(enum accept_mode m)
{
	return accept_words[m];
}

const char *backend_choice_name(enum backend_choice b)
{
	return backend_words[b];
}

const char *on_nat_name(enum on_nat n)
{
	return on_nat_words[n];
}

const char *tracking_name(enum tracking t)
{
	return tracking_words[t];
}

void policy_keys(void (*fn)(void *ctx, const char *section, const char *key), void *ctx)
{
	for (size_t s = 0; s < N_SECTIONS; s++) {
		for (size_t k = 0; k < sections[s].n_options; k++)
			fn(ctx, sections[s].name, sections[s].options[k].name);
	}
}
