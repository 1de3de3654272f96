/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counts behind a suggestion, between those who count and those who rank. */
#ifndef UNTRACK_SUGGEST_COUNT_H
#define UNTRACK_SUGGEST_COUNT_H

#include "report/suggest.h"

#define SUGGEST_GROUPS_MAX 65536 /* some 6 MiB */

struct suggest_counts { /* as suggest_sums, in half the room */
	uint32_t entries, families[2], states[CT_STATES], unreplied, assured, timed;
	uint64_t seconds;
};

struct suggest_group { /* entries of one protocol, kind and port */
	uint32_t key;
	uint32_t nat, helped;
	uint32_t taken; /* it is in a service already */
	struct suggest_counts c;
};

struct suggest {
	struct suggest_host host;
	struct suggest_group *groups;
	size_t n;
	uint32_t *slots; /* a hash of the groups: place + 1; 0: free */
	struct suggest_counts all;
	unsigned long translated, helped, expected, stale, other, rare, least_known;
	uint64_t tcp_ports[1024], udp_ports[1024]; /* that this host listens on */
};

uint32_t suggest_key(uint8_t proto, enum suggest_kind kind, uint16_t port);
struct suggest_group *suggest_group_find(struct suggest *s, uint32_t key); /* NULL: none */
void suggest_groups_sort(struct suggest *s);				   /* most entries first */

#endif
