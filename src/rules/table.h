/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of connection tracking, as values: entries, what a reading of it amounts to, and its
 * statistics. kernel/conntrack_table.h and kernel/conntrack_stats.h read them. */
#ifndef UNTRACK_TABLE_H
#define UNTRACK_TABLE_H

#include "rules/match.h"

struct ct_tuple { /* one direction of an entry */
	enum family family;
	uint8_t proto;
	uint8_t src[16], dst[16]; /* network order, 4 or 16 bytes */
	uint16_t sport, dport;	  /* host order; 0 for portless */
	uint8_t icmp_type;	  /* of ICMP and ICMPv6 */
};

/* States of TCP, in the kernel's order (nf_conntrack_tcp.h). */
enum ct_state {
	CT_NONE, /* not TCP, or not known */
	CT_SYN_SENT,
	CT_SYN_RECV,
	CT_ESTABLISHED,
	CT_FIN_WAIT,
	CT_CLOSE_WAIT,
	CT_LAST_ACK,
	CT_TIME_WAIT,
	CT_CLOSE,
	CT_SYN_SENT2,
};
#define CT_STATES (CT_SYN_SENT2 + 1)

enum ct_flags {
	CT_SEEN_REPLY = 1,
	CT_ASSURED = 2,
	CT_SRC_NAT = 4,
	CT_DST_NAT = 8,
	CT_HELPER = 16,	   /* a helper looks into it */
	CT_EXPECTED = 32,  /* a helper expected it: it belongs to another entry */
	CT_OFFLOADED = 64, /* in a flowtable */
	CT_TIMED = 128,	   /* timeout is known */
	CT_COUNTED = 256,  /* packets and bytes are known (nf_conntrack_acct) */
	CT_STRANGE = 512,  /* something of it is unknown to us */
};

struct ct_entry {
	struct ct_tuple orig, reply;
	uint32_t id;
	uint16_t zone;
	uint16_t flags; /* enum ct_flags */
	enum ct_state state;
	uint32_t timeout; /* seconds left */
	uint32_t mark;
	uint64_t packets[2], bytes[2]; /* original direction, reply */
};

struct ct_reading {	       /* what one reading of the table amounts to */
	unsigned long entries; /* given to the reader, none of them twice */
	unsigned long again;   /* met twice, for the table changed under the reading: left out */
	unsigned long unread;  /* not of IPv4 or IPv6, or without whole tuples: left out */
	unsigned long strange; /* of the entries: with something unknown to us (CT_STRANGE) */
	unsigned long count_before, count_after; /* nf_conntrack_count, before and after */
	bool interrupted; /* entries may be missing: the table was rebuilt meanwhile */
};

struct ct_stats { /* since boot, of all processors together */
	uint64_t found, invalid, insert, insert_failed, drop, early_drop, error, search_restart,
		clash_resolve, chain_toolong;
	unsigned processors; /* that gave their part */
};

/* Is reply what an entry without NAT has for this original direction? */
bool ct_is_inverse(const struct ct_tuple *orig, const struct ct_tuple *reply);
/* Are its addresses or ports translated? */
bool ct_is_translated(const struct ct_entry *e);
/* "ESTABLISHED", as conntrack(8) and /proc/net/nf_conntrack have it; CT_NONE: "NONE". */
const char *ct_state_name(enum ct_state s);

#endif
