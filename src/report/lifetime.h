/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timeouts of connection tracking: which of them an entry waits for, and which value would be
 * enough for it. Pure. */
#ifndef UNTRACK_LIFETIME_H
#define UNTRACK_LIFETIME_H

#include "config/policy.h"
#include "rules/host.h"
#include "rules/table.h"

enum lifetime_id {
	LIFE_NONE, /* no timeout that we know: SCTP, DCCP, both ends opening at once */
	LIFE_SYN_SENT,
	LIFE_SYN_RECV,
	LIFE_ESTABLISHED,
	LIFE_FIN_WAIT,
	LIFE_CLOSE_WAIT,
	LIFE_LAST_ACK,
	LIFE_TIME_WAIT,
	LIFE_CLOSE,
	LIFE_UDP,
	LIFE_UDP_STREAM,
	LIFE_ICMP,
	LIFE_ICMPV6,
	LIFE_GRE,
	LIFE_GRE_STREAM,
	LIFE_GENERIC,
};
#define LIFETIMES (LIFE_GENERIC + 1)

struct lifetime {
	const char *key;    /* of [conntrack]; NULL: LIFE_NONE */
	const char *sysctl; /* of net.netfilter */
	unsigned enough;    /* seconds that serve such entries; 0: whatever it is */
	const char *why;    /* it is enough */
};

/* What an entry's timeout was set from when its last packet came. */
enum lifetime_id lifetime_of(const struct ct_entry *e);
const struct lifetime *lifetime(enum lifetime_id id);

/* What a shorter timeout would be worth. An entry with r seconds left of a timeout of now had its
 * last packet now - r seconds ago: with proposed it would be gone where that is longer ago than
 * proposed, r < now - proposed. */
struct lifetime_plan {
	uint32_t now;	   /* seconds; 0: not known */
	uint32_t proposed; /* shorter than now; 0: nothing is proposed */
	uint32_t floor;	   /* entries with so few seconds left wait for another timeout */
};

/* For every id; h has HOST_SETTINGS and keepalive as net.ipv4.tcp_keepalive_* make it: the seconds
 * after which a dead peer is noticed; 0: unknown. No timeout of established connections is proposed
 * that is shorter than what the services of p declare as their keepalive. */
void lifetime_plan_make(const struct host *h, const struct policy *p, unsigned keepalive,
			struct lifetime_plan plan[LIFETIMES]);

#endif
