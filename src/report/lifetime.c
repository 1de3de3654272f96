/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timeouts of connection tracking. */
#include "report/lifetime.h"

#include <netinet/in.h>

/* RFC 5382, REQ-5: established connections may be idle for two hours and four minutes. */
#define RFC5382_SECONDS (124 * 60)

/* net/netfilter/nf_conntrack_standalone.c has the sysctls. */
static const struct lifetime lifetimes[LIFETIMES] = {
	[LIFE_SYN_SENT] = { "timeout-tcp-syn-sent", "nf_conntrack_tcp_timeout_syn_sent", 60,
			    "whoever has no answer by then has sent six times" },
	[LIFE_SYN_RECV] = { "timeout-tcp-syn-recv", "nf_conntrack_tcp_timeout_syn_recv", 30,
			    "a handshake that lives is over by then" },
	[LIFE_ESTABLISHED] = { "timeout-tcp-established", "nf_conntrack_tcp_timeout_established",
			       RFC5382_SECONDS,
			       "the time of RFC 5382 and of the keepalives of TCP" },
	[LIFE_FIN_WAIT] = { "timeout-tcp-fin-wait", "nf_conntrack_tcp_timeout_fin_wait", 60,
			    "as long as Linux itself waits for the other side's FIN" },
	[LIFE_CLOSE_WAIT] = { "timeout-tcp-close-wait", "nf_conntrack_tcp_timeout_close_wait", 0,
			      NULL },
	[LIFE_LAST_ACK] = { "timeout-tcp-last-ack", "nf_conntrack_tcp_timeout_last_ack", 0, NULL },
	[LIFE_TIME_WAIT] = { "timeout-tcp-time-wait", "nf_conntrack_tcp_timeout_time_wait", 30,
			     "late segments come within seconds" },
	[LIFE_CLOSE] = { "timeout-tcp-close", "nf_conntrack_tcp_timeout_close", 10,
			 "the default: after a reset nothing comes" },
	[LIFE_UDP] = { "timeout-udp", "nf_conntrack_udp_timeout", 30,
		       "the default: the answer has come by then" },
	[LIFE_UDP_STREAM] = { "timeout-udp-stream", "nf_conntrack_udp_timeout_stream", 60,
			      "programs that keep UDP open speak more often" },
	[LIFE_ICMP] = { "timeout-icmp", "nf_conntrack_icmp_timeout", 10,
			"an answer has come by then" },
	[LIFE_ICMPV6] = { "timeout-icmpv6", "nf_conntrack_icmpv6_timeout", 10,
			  "an answer has come by then" },
	[LIFE_GRE] = { "timeout-gre", "nf_conntrack_gre_timeout", 0, NULL },
	[LIFE_GRE_STREAM] = { "timeout-gre-stream", "nf_conntrack_gre_timeout_stream", 0, NULL },
	[LIFE_GENERIC] = { "timeout-generic", "nf_conntrack_generic_timeout", 120,
			   "tunnels speak more often" },
};

static enum lifetime_id of_tcp(enum ct_state s)
{
	switch (s) {
	case CT_SYN_SENT:
		return LIFE_SYN_SENT;
	case CT_SYN_RECV:
		return LIFE_SYN_RECV;
	case CT_ESTABLISHED:
		return LIFE_ESTABLISHED;
	case CT_FIN_WAIT:
		return LIFE_FIN_WAIT;
	case CT_CLOSE_WAIT:
		return LIFE_CLOSE_WAIT;
	case CT_LAST_ACK:
		return LIFE_LAST_ACK;
	case CT_TIME_WAIT:
		return LIFE_TIME_WAIT;
	case CT_CLOSE:
		return LIFE_CLOSE;
	case CT_NONE:
	case CT_SYN_SENT2: /* two minutes that no sysctl changes */
		return LIFE_NONE;
	}
	return LIFE_NONE;
}

enum lifetime_id lifetime_of(const struct ct_entry *e)
{
	switch (e->orig.proto) {
	case IPPROTO_TCP:
		return of_tcp(e->state);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return e->flags & CT_ASSURED ? LIFE_UDP_STREAM : LIFE_UDP;
	case IPPROTO_ICMP:
		return LIFE_ICMP;
	case IPPROTO_ICMPV6:
		return LIFE_ICMPV6;
	case IPPROTO_GRE:
		return e->flags & CT_SEEN_REPLY ? LIFE_GRE_STREAM : LIFE_GRE;
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return LIFE_NONE;
	}
	return LIFE_GENERIC;
}

const struct lifetime *lifetime(enum lifetime_id id)
{
	return &lifetimes[id];
}

static uint32_t value_of(const struct host *h, const char *name)
{
	const uint64_t *v = host_sysctl(h, name);

	return !v ? 0 : *v > UINT32_MAX ? UINT32_MAX : (uint32_t)*v;
}

/* Data that nobody acknowledges, and a mid-stream packet without an answer, give an established
 * connection one of these timeouts instead. */
static uint32_t established_floor(const struct host *h)
{
	uint32_t a = value_of(h, "nf_conntrack_tcp_timeout_unacknowledged");
	uint32_t b = value_of(h, "nf_conntrack_tcp_timeout_max_retrans");

	return a > b ? a : b;
}

/* What the administrator says about idle connections weighs more than what we think. */
static uint32_t declared_keepalive(const struct policy *p, uint8_t proto)
{
	uint32_t most = 0;

	for (size_t i = 0; p && i < p->n_services; i++)
		for (size_t k = 0; k < p->services[i].protos.n; k++)
			if (p->services[i].protos.v[k] == proto && p->services[i].keepalive > most)
				most = p->services[i].keepalive;
	return most;
}

static uint32_t enough_for(enum lifetime_id id, const struct policy *p, unsigned keepalive)
{
	uint32_t enough = lifetimes[id].enough, declared = 0;

	if (id == LIFE_ESTABLISHED) {
		declared = declared_keepalive(p, IPPROTO_TCP);
		if (keepalive > enough) /* whole minutes read well */
			enough = (keepalive + 59) / 60 * 60;
	} else if (id == LIFE_UDP_STREAM) {
		declared = declared_keepalive(p, IPPROTO_UDP);
	}
	/* One that came late is one that came. */
	return declared && declared + declared / 2 > enough ? declared + declared / 2 : enough;
}

void lifetime_plan_make(const struct host *h, const struct policy *p, unsigned keepalive,
			struct lifetime_plan plan[LIFETIMES])
{
	for (unsigned id = 0; id < LIFETIMES; id++) {
		const struct lifetime *l = &lifetimes[id];
		uint32_t enough = l->enough ? enough_for((enum lifetime_id)id, p, keepalive) : 0;

		plan[id] = (struct lifetime_plan){ 0 };
		if (!l->sysctl)
			continue;
		plan[id].now = value_of(h, l->sysctl);
		if (enough && enough < plan[id].now)
			plan[id].proposed = enough;
		if (id == LIFE_ESTABLISHED)
			plan[id].floor = established_floor(h);
	}
}
