/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walks told rule by rule: what a chain does to a class of exempt packets while they are
 * tracked, untracked, and with twins. Pure. */
#ifndef UNTRACK_WALK_TEXT_H
#define UNTRACK_WALK_TEXT_H

#include "rules/twin.h"

enum walk_twin {
	WALK_TWIN_NONE, /* it needs none here */
	WALK_TWIN_PRESENT,
	WALK_TWIN_MISSING,
};

struct walk_line { /* a rule that the tracked packet meets; or a row of them that match nothing */
	const struct fw_chain *chain; /* borrowed from the fw, and rule, the first of them, too */
	const struct fw_rule *rule;
	size_t number, last;	   /* as the firewall counts its rules, without twins, from 1 */
	unsigned depth;		   /* 0: in the base chain; more with every jump */
	char *tracked, *untracked; /* what it does then: "no", "yes: accept", "maybe: drop" */
	enum walk_twin twin;
	bool seen; /* it leads to a chain whose rules have been told already */
};

struct walk_packets {
	char *names;
	enum packet_class class;
	unsigned families; /* mask */
};

struct walk_account { /* packets that fare alike in one base chain */
	const struct fw_chain *chain;
	struct walk_packets *packets;
	size_t n_packets;
	struct walk_line *lines;
	size_t n_lines;
	char *tracked, *untracked, *twinned; /* what comes out: "accepted" */
};

struct walk_accounts { /* start from {0} */
	struct walk_account *v;
	size_t n;
};

/* Every class of p's packets in every chain of fw that it passes, those of NAT aside, grouped by
 * chain. have was read together with fw; the plan says where twins are needed. */
void walk_accounts_make(const struct policy *p, const struct host_params *h, const struct fw *fw,
			const struct ruleset *have, const struct twin_plan *plan,
			struct walk_accounts *out);
void walk_accounts_free(struct walk_accounts *a);

/* "inet filter input: web opening, dns continuing ipv4" and a table of its rules, indented. */
void walk_account_text(const struct walk_account *a, struct text *t);
/* "web opening ipv4" */
void walk_packets_text(const struct walk_packets *p, struct text *t);
const char *walk_twin_name(enum walk_twin twin); /* "" "present" "missing" */

#endif
