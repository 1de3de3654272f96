/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The twins that the walks ask for, joined where one rule serves two families or two classes. */
#ifndef UNTRACK_TWIN_WANT_H
#define UNTRACK_TWIN_WANT_H

#include "rules/compile.h"
#include "rules/fw.h"

struct want {
	const struct fw_chain *chain; /* where it goes */
	const struct fw_rule *place;  /* what it stands before; NULL: head of the chain */
	const struct fw_rule *rule;   /* what it copies; NULL: nothing, it is a verdict alone */
	unsigned element;
	enum fw_verdict verdict; /* where rule is NULL: ACCEPT, or RETURN past the rule at place */
	struct match match;
	char *names;
	struct origin at; /* of the first exemption in names */
	bool joined;	  /* into another want of the same place */
};

struct twin_wants { /* start from {0} */
	struct want *v;
	size_t n;
};

/* A twin of rule in chain, before place, for t's packets of family f on their way through base. */
void twin_want(struct twin_wants *w, const struct traffic *t, enum family f,
	       const struct fw_chain *base, const struct fw_chain *chain,
	       const struct fw_rule *place, const struct fw_rule *rule, unsigned element);
/* This verdict alone before rule: a return past it, the last of chain, or an accept. */
void twin_want_verdict(struct twin_wants *w, const struct traffic *t, enum family f,
		       const struct fw_chain *base, const struct fw_chain *chain,
		       const struct fw_rule *rule, enum fw_verdict verdict);
/* accept = first: a plain accept at the head of base. */
void twin_want_first(struct twin_wants *w, const struct traffic *t, enum family f,
		     const struct fw_chain *base);
/* Adds them to rs, in the order of the rules that they stand before. NULL, or the first for which
 * iptables has no words (iptables_match_split). */
const struct want *twin_wants_emit(struct twin_wants *w, struct ruleset *rs);
/* The twin as nft would take it, without the rule's comment and counters; cut where it is long. */
void want_text(const struct want *w, struct text *t);
void twin_wants_free(struct twin_wants *w);

#endif
