/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packets: one backend-neutral conjunction. Raw rules and twins are built from it, both
 * backends encode and decode it, the walks evaluate it. Plain data, deep-owned. */
#ifndef UNTRACK_MATCH_H
#define UNTRACK_MATCH_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util.h"

enum family { FAMILY_V4, FAMILY_V6 };
#define FAMILIES_V4 (1u << FAMILY_V4)
#define FAMILIES_V6 (1u << FAMILY_V6)
#define FAMILIES_BOTH (FAMILIES_V4 | FAMILIES_V6)

struct port_range {
	uint16_t lo, hi; /* host order, inclusive */
};

struct ports { /* a set of ports; n == 0: any. Normal form: sorted, disjoint, not touching */
	struct port_range *v;
	size_t n;
};

struct ifaces { /* interface names; a trailing '*' is a prefix match. Sorted, no duplicates */
	char (*v)[IFNAMSIZ];
	size_t n;
};

struct prefix {
	enum family family;
	uint8_t len;	  /* bits */
	uint8_t addr[16]; /* network order, host bits zero, first 4 or all 16 used */
};

struct addrs { /* sorted by family, address, length; none inside another */
	struct prefix *v;
	size_t n;
};

enum dst_kind { DST_ANY, DST_LOCAL, DST_NOT_LOCAL }; /* fib daddr type / addrtype --dst-type */

/* TCP by its flags FIN, SYN, RST, ACK: SYN alone opens, everything else continues.
 * TCP_NONE: any protocol but TCP (proto 0). */
enum tcp_kind { TCP_ANY, TCP_OPENING, TCP_CONTINUING };

/* ICMP by type, as net/netfilter/nf_conntrack_proto_icmp{,v6}.c classes it. ICMP_ERROR: the packet
 * is an ICMP error, and proto, sport, dport, src, dst, not_src, not_dst are about the packet that
 * it quotes (the two address sides as they stand in the quoted header). */
enum icmp_kind { ICMP_ANY, ICMP_REQUEST, ICMP_REPLY, ICMP_IS_ERROR };

struct match {
	unsigned families; /* mask, never 0 */
	uint8_t proto;	   /* IPPROTO_*; 0: any */
	struct ports sport, dport;
	struct ifaces in, not_in, out, not_out;	 /* n == 0: no constraint */
	struct addrs src, not_src, dst, not_dst; /* non-empty only when families is one family */
	enum dst_kind dst_kind;			 /* of the packet itself, not of a quoted one */
	enum tcp_kind tcp;   /* not TCP_ANY: proto is TCP and icmp is not ICMP_IS_ERROR */
	enum icmp_kind icmp; /* REQUEST, REPLY: proto is ICMP or ICMPV6 of the one family */
	bool answers;	     /* of twins only: also what this host sends in answer to an untracked
			      * packet (REJECT: a TCP RST or an ICMP error). The kernel marks that
			      * as related to no entry (nf_conntrack_attach()), so that iptables' CT
			      * leaves it alone (xt_ct_target()), and to a test of state it is
			      * invalid. nft's notrack takes it. */
};

/* ICMP types of each kind, IPv4 and IPv6; n of them in *types. */
size_t icmp_kind_types(enum icmp_kind k, enum family f, const uint8_t **types);

/* Total order over all fields; 0 is equality. */
int match_compare(const struct match *a, const struct match *b);
int match_compare_but_ports(const struct match *a, const struct match *b);

/* The lists of a match in which two of them may differ and still be one. */
enum match_list {
	LIST_SPORT = 1,
	LIST_DPORT = 2,
	LIST_IN = 4,
	LIST_OUT = 8,
	LIST_SRC = 16,
	LIST_DST = 32,
	LIST_FAMILIES = 64,
};
int match_compare_but(const struct match *a, const struct match *b, unsigned without);
size_t match_list_size(const struct match *m, enum match_list list);
/* Appends from's list to to's; normal form is not kept. */
void match_join(struct match *to, const struct match *from, enum match_list list);

void match_normalise(struct match *m);			     /* every list of it */
void match_copy(struct match *to, const struct match *from); /* to is overwritten, not freed */
void match_free(struct match *m);			     /* safe on a zeroed struct and twice */

/* Append without keeping normal form; the normalise functions restore it. */
void ports_add(struct ports *p, uint16_t lo, uint16_t hi);
void ports_normalise(struct ports *p);
void ports_copy(struct ports *to, const struct ports *from);
void ports_subtract(struct ports *p, const struct ports *minus);  /* may leave n == 0: empty! */
bool ports_overlap(const struct ports *a, const struct ports *b); /* n == 0 is empty here */
bool ports_contains(const struct ports *p, uint16_t port);	  /* n == 0: true */
int ports_compare(const struct ports *a, const struct ports *b);
int ifaces_compare(const struct ifaces *a, const struct ifaces *b);
int addrs_compare(const struct addrs *a, const struct addrs *b);
void ifaces_add(struct ifaces *l, const char *name); /* strlen < IFNAMSIZ */
void ifaces_normalise(struct ifaces *l);
void addrs_add(struct addrs *l, const struct prefix *p);
void addrs_normalise(struct addrs *l);
bool ifaces_are_loopback(const struct ifaces *l);	    /* and nothing else */
bool ifaces_hold(const struct ifaces *l, const char *name); /* also "eth0" by "eth*" */
bool addrs_hold(const struct addrs *l, const struct prefix *p);
/* Is this address in the list, which is in normal form? By bisection. */
bool addrs_cover(const struct addrs *l, enum family f, const uint8_t *addr);
bool prefix_holds(const struct prefix *outer, const struct prefix *inner);

/* Inverse pairs. ports_text etc. append "80,443,8000-8010". The parse functions take one item,
 * whole string, and leave *out untouched when false. */
void ports_text(const struct ports *p, struct text *t);
void ifaces_text(const struct ifaces *l, const char *before_each, struct text *t);
void addrs_text(const struct addrs *l, const char *before_each, struct text *t);
void prefix_text(const struct prefix *p, struct text *t);
bool prefix_parse(const char *s, struct prefix *out); /* host bits set: false */

/* "tcp", "udp", "icmpv6", else a number; fresh names come from a fixed table, never from the host,
 * so that the same bytes in give the same bytes out everywhere. */
const char *proto_name(uint8_t proto);		  /* NULL: no name */
bool proto_parse(const char *name, uint8_t *out); /* a name of the table or 1..255 */
bool proto_has_ports(uint8_t proto);		  /* tcp udp udplite sctp dccp */

/* One line, "family ipv4 protocol tcp dport 80,443 in eth0 to local", and back. match_parse reads
 * the words of one match from a NULL-terminated vector; it returns how many it took, or -1 with
 * *why pointing at the word that is wrong. */
void match_text(const struct match *m, struct text *t);
int match_parse(char *const *words, struct match *out, const char **why);

#endif
