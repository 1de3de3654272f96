/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fills the table of connection tracking: entries counted one by one, in memory that does not
 * depend on their number. Pure. */
#ifndef UNTRACK_CENSUS_H
#define UNTRACK_CENSUS_H

#include "report/busiest.h"
#include "report/lifetime.h"
#include "rules/table.h"

#define CENSUS_ADDRESSES 65536 /* counted exactly */

/* Entries that nothing of this host explains any more. */
enum stale_kind {
	STALE_ENDS,   /* not forwarded and not translated, and no end is this host's */
	STALE_SOURCE, /* the address that the source is translated to is not this host's */
	STALE_TARGET, /* the destination is translated to an address without a route */
	STALE_ASKED,  /* the address that was asked for, before translation, is not this host's:
		       * one of a service that a cluster has, or one that this host had */
};
#define STALE_KINDS (STALE_ASKED + 1)

struct census_host {			       /* what tells that; NULL in a census: nobody looks */
	const struct addrs *local, *broadcast; /* its own addresses, and those of its links */
	bool forwards[2];		       /* by family */
	/* Is there a route to it? */
	bool (*reaches)(void *ctx, enum family f, const uint8_t *addr);
	void *ctx;
};

struct census_lifetime {
	uint64_t entries;
	uint64_t unreplied; /* nothing has come back */
	uint64_t freed;	    /* would be gone with the proposed timeout */
};

struct census {
	uint64_t entries, families[2], protos[256], states[CT_STATES]; /* states: of TCP */
	uint64_t unreplied, assured, translated, helped, offloaded;
	struct census_lifetime lifetimes[LIFETIMES];
	struct busiest *addresses; /* of the original direction */
	uint64_t stale[STALE_KINDS];
	struct busiest *stale_addresses[STALE_KINDS]; /* NULL: none */
	const struct lifetime_plan *plan;	      /* LIFETIMES of them; NULL: no proposals */
	const struct census_host *host;
};

/* plan and host may be NULL and are borrowed. */
void census_begin(struct census *c, const struct lifetime_plan *plan,
		  const struct census_host *host);
void census_add(struct census *c, const struct ct_entry *e);
void census_free(struct census *c); /* safe on a zeroed one */

#endif
