/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet, said in one line: "tcp 198.51.100.7:51000 -> 192.0.2.10:443 in eth0"; and what the
 * raw rules do to it. The evaluator is what explain says, and what tests hold against the kernel's
 * answers. Pure. */
#ifndef UNTRACK_FLOW_H
#define UNTRACK_FLOW_H

#include "rules/ruleset.h"

enum flow_way { /* of the packet through this host */
		FLOW_IN,
		FLOW_OUT,
		FLOW_FORWARDED,
		FLOW_LOOPBACK, /* out and in again: both interfaces are lo */
};

enum flow_stage {
	FLOW_OPENING,	 /* TCP: SYN alone */
	FLOW_CONTINUING, /* of a flow that there is */
	FLOW_STRAY,	 /* TCP without SYN, of no connection */
};

struct flow {
	enum family family;
	uint8_t proto;
	uint8_t src[16], dst[16]; /* network order, first 4 or all 16 used, the others zero */
	uint16_t sport, dport;	  /* of protocols with ports */
	uint8_t icmp_type;	  /* of ICMP and ICMPv6, never one of an error */
	bool fragment;		  /* one after the first: it has neither ports nor a type */
	bool error;   /* the packet is an ICMP error, and what stands above is what it quotes */
	bool options; /* of an error: the quoted header has IPv4 options or extension headers */
	enum flow_stage stage; /* of ICMP as its type says */
	enum flow_way way;
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* empty: it has none */
};

/* PROTOCOL SOURCE -> DESTINATION [fragment] [echo-request|echo-reply|type N]
 * [opening|continuing|stray] [in INTERFACE] [out INTERFACE], the ends as 192.0.2.10:443 and
 * [2001:db8::1]:443, and before it all "icmp error about", then perhaps "with options" behind the
 * ends. at: where text stands; a fault is reported there, its column that of the word. 0 or -1 */
int flow_parse(struct flow *f, const char *text, const struct origin *at, struct diag *d);
/* The inverse, in canonical form. */
void flow_text(const struct flow *f, struct text *t);

/* The packet that answers it; false: none does that one could foretell. */
bool flow_reply(const struct flow *f, struct flow *reply);

/* The packet that an ICMP error quotes, on its way through this host; false: f is no error. */
bool flow_quoted(const struct flow *f, struct flow *quoted);

/* Is its destination one of this host's addresses? local: all of them; NULL or empty: not known,
 * then the way of the packet tells. Broadcast and multicast are not local. */
bool flow_is_local(const struct flow *f, const struct addrs *local);

/* Would a rule with match m see it in this hook? No rule looks behind options of a quoted header.
 */
bool flow_matches(const struct flow *f, const struct match *m, enum hook hook,
		  const struct addrs *local);

/* The rule that decides about it in this raw hook: a RETURN, or the first NOTRACK. NULL: none. */
const struct rule *flow_rule(const struct flow *f, const struct ruleset *rs, enum hook raw,
			     const struct addrs *local);

/* The hook where our rules see it first. */
enum hook flow_raw_hook(const struct flow *f);

/* Does conntrack leave it alone without anybody's rules? Neighbour discovery and the like. */
bool flow_is_never_tracked(const struct flow *f);

const char *flow_way_name(enum flow_way w); /* "in" "out" "forwarded" "loopback" */

#endif
