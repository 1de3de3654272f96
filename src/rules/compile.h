/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policy to rules: pure, same bytes in, same bytes out. Every role is one row of one table, and raw
 * rules, the classes for the twins and the ICMP companion all come from that row. */
#ifndef UNTRACK_COMPILE_H
#define UNTRACK_COMPILE_H

#include "config/policy.h"
#include "rules/ruleset.h"

struct host_params {		     /* the few facts of a host that change what is compiled */
	struct port_range ephemeral; /* net.ipv4.ip_local_port_range, used for both families */
	bool forwards;	/* ip_forward, or forwarding on any interface, of either family */
	enum form home; /* where the raw rules are to be: FORM_NFT or FORM_LEGACY */
};
#define HOST_PARAMS_DEFAULT ((struct host_params){ .ephemeral = { 32768, 60999 } })

/* Which of them matter to this policy; the others may stay at their defaults. */
enum { HOST_EPHEMERAL = 1, HOST_FORWARDS = 2 };
unsigned compile_host_facts(const struct policy *p);

/* The raw rules. Never fails; a policy without exemptions gives an empty ruleset (no loopback rule
 * either). A port that two services of one shape both name belongs to the first one: a "shadowed"
 * warning in d for the other. */
void compile_rules(const struct policy *p, const struct host_params *h, struct ruleset *out,
		   struct diag *d);
/* The same without rules that neither this packet nor its answer, nor what it quotes, can match.
 * The warnings are all there. */
struct flow;
void compile_rules_about(const struct flow *f, const struct policy *p, const struct host_params *h,
			 struct ruleset *out, struct diag *d);

/* DESIGN 4: the three classes of exempt packets, each with the state it had while tracked. */
enum packet_class { CLASS_OPENING, CLASS_CONTINUING, CLASS_ERROR };

enum port_side { SIDE_NONE, SIDE_SRC, SIDE_DST }; /* which ports of the match are the service's */

struct traffic {     /* one class of the packets of exemptions of one shape, at one hook */
	char *names; /* "web" or "web,api,+12" */
	enum accept_mode accept;
	enum hook hook; /* INPUT, FORWARD or OUTPUT: the filter hook they pass */
	enum packet_class class;
	bool original; /* the role's original direction */
	bool reply;    /* its reply direction; neither: either may have opened the flow */
	enum port_side side;
	unsigned shape; /* traffic of one shape and one side of its role shares this number */
	struct match match;
	struct origin at; /* the first exemption of the shape */
};

/* Also pure. The array and its members belong to the caller: traffic_free. */
void compile_traffic(const struct policy *p, const struct host_params *h, struct traffic **out,
		     size_t *n);
void traffic_free(struct traffic *v, size_t n);
const char *packet_class_name(enum packet_class c);

#endif
