/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connection tracking entries over ctnetlink: dump, match, exact delete. */
#ifndef UNTRACK_CONNTRACK_H
#define UNTRACK_CONNTRACK_H

#include <stdbool.h>
#include "rules/ruleset.h"
#include "rules/table.h"

struct drain_report { /* entries, each of them once */
	unsigned long seen, deleted, kept_nat, kept_helper, failed;
};

/* Deletes exactly the entries whose packets the raw rules exempt in both directions and that carry
 * no NAT and no helper: dump (again when interrupted), match, exact delete by original tuple and
 * CTA_ID. Never a flush (FACTS E2). No conntrack in the kernel or none in use: 0 and an empty
 * report, and nothing is switched on or loaded. -1 with a warning on failure: entries left behind
 * are harmless to the exempt traffic itself. */
int conntrack_drain(const struct ruleset *rs, struct drain_report *report, struct diag *d);

/* Does this message of ctnetlink delete one entry, and cannot be taken for a flush? Every deletion
 * is asked before it is sent. */
struct nlmsghdr;
bool conntrack_deletes_one(const struct nlmsghdr *h);

struct ct_host {	    /* what an entry does not say and its host knows */
	struct addrs local; /* addresses and prefixes that are this host's own, normalised */
	/* The interface by which this host reaches an address; false: unknown. */
	bool (*reaches)(void *ctx, enum family f, const uint8_t *addr, char name[IFNAMSIZ]);
	void *ctx;
};

/* Would packets of this original direction and of its reply each meet a notrack rule where they
 * first enter this host's hooks? Pure. Not proven is false: such an entry stays. An entry does not
 * say by which interfaces its packets go: from local to local that is lo, else it is the one that
 * reaches the other end. TCP counts as the packets of a live connection do: not as a lone SYN. */
bool conntrack_is_exempt(const struct ruleset *rs, const struct ct_host *host,
			 const struct ct_tuple *orig);

/* Is this one of its own addresses? */
bool conntrack_is_local(const struct ct_host *host, enum family f, const uint8_t *addr);

#endif
