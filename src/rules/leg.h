/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The roles as rows: each leg is one direction of a role's packets at this host, and raw rules,
 * classes and ICMP companions are all made from it. */
#ifndef UNTRACK_LEG_H
#define UNTRACK_LEG_H

#include "rules/atom.h"
#include "rules/compile.h"

/* One direction of a role's packets at this host. The end of the flow that owns the service port is
 * "port"; the end that is on this host (behind it, for a router) is "local". */
struct leg {
	enum hook raw, filter;
	bool port_is_dst, local_is_dst;
	bool original; /* the direction of the packet that opens the flow */
	bool client;   /* guard: not a lone SYN from outside; local port in the ephemeral range */
	enum dst_kind dst;
	bool errors_only; /* ICMP errors about the flow, but none of its own packets */
};

struct side {
	enum role role;
	const struct leg *legs;
	size_t n_legs;
};

#define ROLE_SIDES 5
extern const struct side role_sides[ROLE_SIDES]; /* a peer has two, the others one */

bool proto_is_icmp(uint8_t proto);

/* The packets of one leg. */
void leg_match(struct match *m, const struct leg *l, const struct atom *a, unsigned families,
	       const struct host_params *h);

/* The ICMP errors that travel with a leg: they quote a packet of the opposite direction. */
void leg_error_match(struct match *m, const struct leg *l, const struct atom *a, unsigned families);

/* Those interfaces where a packet of this raw hook comes in, or goes out. */
void leg_interfaces(struct match *m, enum hook raw, const struct ifaces *with,
		    const struct ifaces *without);

/* A service that lists addresses is compiled once for each family, others once for both. The masks
 * to compile for go into out[2]; their number is returned. */
size_t leg_families(const struct policy *p, const struct atom *a, unsigned out[2]);

#endif
