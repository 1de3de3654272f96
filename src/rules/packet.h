/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An abstract packet: all that is known about one class of exempt packets at one hook, and what one
 * rule of the host's firewall does to it: yes, no, or maybe. */
#ifndef UNTRACK_PACKET_H
#define UNTRACK_PACKET_H

#include "rules/compile.h"
#include "rules/fw.h"

/* Bits of ct state as nf_tables loads them (include/uapi/linux/netfilter/nf_conntrack_common.h). */
enum {
	STATE_INVALID = 1,
	STATE_ESTABLISHED = 2,
	STATE_RELATED = 4,
	STATE_NEW = 8,
	STATE_UNTRACKED = 64,
};

#define DOMAIN_BYTES 16

struct domain { /* the values that a field can have: sorted disjoint inclusive ranges of byte
		   strings */
	struct domain_range {
		uint8_t lo[DOMAIN_BYTES], hi[DOMAIN_BYTES];
	} * v;
	size_t n;    /* 0: nothing is known */
	uint8_t len; /* bytes of each value */
};

struct packet {
	const struct traffic *traffic;
	enum family family;
	enum hook hook; /* of the base chain that is walked */
	struct domain proto, nfproto, iifname, oifname, iif, oif, fib_daddr;
	struct domain saddr, daddr, sport, dport, icmp_type, tcp_flags, next_header;
};

/* t must outlive p. */
void packet_init(struct packet *p, const struct traffic *t, enum family f, enum hook hook);
void packet_free(struct packet *p);

enum tri { NO, MAYBE, YES };

enum eval_flags {
	EVAL_LIMIT = 1 << 0,	/* counts packets: limit, quota, meter */
	EVAL_UNKNOWN = 1 << 1,	/* an expression that we cannot read */
	EVAL_CT_OTHER = 1 << 3, /* reads conntrack data other than the state */
	EVAL_CT_LIMIT = 1 << 4,
	EVAL_CT_WRITE = 1 << 5,
	EVAL_SYNPROXY = 1 << 6,
	EVAL_EFFECT = 1 << 7,	  /* changes what later rules see: marks, sets, headers */
	EVAL_STATE = 1 << 8,	  /* tests what we know of a tracked packet (the state, the
				   * direction, no NAT) in a way that a twin can replace */
	EVAL_STATE_HARD = 1 << 9, /* tests the state in a concatenation or behind arithmetic */
	EVAL_NAMES_UNTRACKED = 1 << 10, /* the state test lists untracked by name */
	EVAL_NAT = 1 << 11,
	EVAL_ONCE = 1 << 12, /* holds what cannot be copied: an anonymous chain */
	EVAL_FLOW =
		1 << 13, /* asks only what is constant for a flow: addresses, ports, interfaces */
};

struct branch { /* one way in which the rule ends */
	struct fw_target target;
	unsigned element; /* of the verdict map, from 1; 0: an immediate verdict, or none */
	enum tri when;	  /* never NO */
};

struct eval {
	struct branch *v;
	size_t n;	/* 0: the rule does not match */
	unsigned flags; /* of the expressions up to the first that fails */
};

/* What rule r does to packet p whose ct state is state. */
void packet_eval(const struct packet *p, const struct fw_rule *r, uint32_t state, struct eval *out);
void eval_free(struct eval *e);

/* Does the state, or that there is a state at all, make a difference to it? */
bool rule_asks_conntrack(const struct fw_rule *r);

/* The rule's body as a twin with match m carries it: its expressions but for the state test and for
 * the tests of family and protocol that m makes already (nft would drop these when it reads its own
 * listing back), and for a verdict map by state the verdict of this element. */
char *rule_twin_body(const struct fw_rule *r, unsigned element, const struct match *m);
/* The body of a twin that copies no rule, but is a verdict alone: ACCEPT or RETURN. */
const char *verdict_twin_body(enum form form, enum fw_verdict verdict);

#endif
