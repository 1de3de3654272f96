/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to exempt, from what the table of connection tracking holds: entries are counted by service
 * as they come, and become sections of a configuration. Pure. */
#ifndef UNTRACK_SUGGEST_H
#define UNTRACK_SUGGEST_H

#include <stdio.h>
#include "rules/host.h"
#include "rules/table.h"

enum suggest_kind { /* what this host is to the service, and so the role of its section */
		    SUGGEST_SERVER,
		    SUGGEST_CLIENT,
		    SUGGEST_PEER,
		    SUGGEST_ROUTER,
		    SUGGEST_LOOPBACK, /* both ends are here: [loopback] */
};
#define SUGGEST_KINDS (SUGGEST_LOOPBACK + 1)

struct suggest_host {		  /* what entries do not say; borrowed */
	struct addrs local;	  /* its own addresses, normalised */
	const struct host *facts; /* listeners, ephemeral and reserved ports */
	const char *const *taken; /* names of exemptions that there are already */
	size_t n_taken;
	bool has_loopback; /* there is a [loopback] already */
	unsigned long max; /* nf_conntrack_max; 0: not known */
};

struct suggest_sums { /* entries, by what they are */
	unsigned long entries, families[2], states[CT_STATES], unreplied, assured, timed;
	uint64_t seconds; /* left, of all that are timed */
};

enum suggest_refusal {
	SUGGEST_FINE,
	SUGGEST_NAT,	   /* NAT needs some of what the section would match */
	SUGGEST_HELPED,	   /* a helper needs it */
	SUGGEST_EPHEMERAL, /* its port is one that this host takes for connections of its own */
	SUGGEST_THERE,	   /* [loopback] is there already */
	SUGGEST_SMALL,	   /* too few entries */
};

struct suggest_service {
	char name[33]; /* of the section; "" where it becomes none */
	enum suggest_kind kind;
	uint8_t protos[2];	   /* the second may be 0: none */
	uint16_t port;		   /* 0: portless, or loopback */
	struct suggest_sums sums;  /* of the entries that its section frees */
	unsigned long nat, helped; /* entries that it would match and that must stay tracked */
	enum suggest_refusal refusal;
};

struct suggestions {		   /* suggest_free */
	struct suggest_service *v; /* most entries first; those refused as small are not here */
	size_t n;
	struct suggest_sums all;		    /* every entry that was looked at */
	unsigned long frees;			    /* entries of the sections */
	unsigned long translated, helped, expected; /* left out, each entry once */
	unsigned long stale;			    /* of what the configuration exempts already */
	unsigned long other;			    /* that no section could match */
	unsigned long small, n_small;		    /* entries and services below the least share */
	unsigned long rare;	   /* entries of ports that were too many to count one by one */
	unsigned long least_known; /* a port with fewer entries may be among these */
	unsigned long max;
	double min_share;
};

struct suggest; /* memory is bounded, whatever comes */

struct suggest *suggest_new(const struct suggest_host *host);
void suggest_add(struct suggest *s, const struct ct_entry *e);
/* An entry of what is exempt already: counted, and no matter of a suggestion. */
void suggest_add_stale(struct suggest *s, const struct ct_entry *e);
void suggest_reset(struct suggest *s);
/* min_share: percent of all entries. */
void suggest_finish(struct suggest *s, double min_share, struct suggestions *out);
void suggest_free(struct suggest *s);

/* As a configuration: bars and reasons in comments, and the sections. */
void suggest_text(const struct suggestions *l, FILE *out);
void suggest_json(const struct suggestions *l, FILE *out);

const char *suggest_kind_name(enum suggest_kind k); /* "server"; "loopback" */
/* Well-known services, from a fixed table: the same on every host. NULL: none. */
const char *suggest_port_name(uint8_t proto, uint16_t port);
/* "DNS", "tunnels (VXLAN)": what such a service is to people; NULL: no more than its name. */
const char *suggest_port_text(uint8_t proto, uint16_t port);
/* Is every end of it the same to the other, as those of a tunnel? */
bool suggest_port_is_peer(uint8_t proto, uint16_t port);

#endif
