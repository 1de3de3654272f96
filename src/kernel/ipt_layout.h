/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of untrack as chains of the iptables-legacy table raw, one family at a time: which
 * chains there are, what stands in them in which order, and back. Pure.
 *
 * UNTRACK-PRE and UNTRACK-OUT are jumped to from the heads of PREROUTING and OUTPUT. In each stand
 * first the RETURN rules, then what is asked of every protocol, then protocol by protocol: a few
 * rules in place, more of them in chains of their own behind a jump by protocol, and many of them
 * below jumps by ranges of ports, so that a packet meets few of them. Rules of one protocol that
 * exclude the same (interfaces, addresses) share a chain that begins with a RETURN for each. */
#ifndef UNTRACK_IPT_LAYOUT_H
#define UNTRACK_IPT_LAYOUT_H

#include "rules/ruleset.h"

#define IPT_OWN_PREFIX "UNTRACK-"
#define IPT_OWN_PRE "UNTRACK-PRE"
#define IPT_OWN_OUT "UNTRACK-OUT"
#define IPT_OWN_TABLE "raw"

enum ipt_does { IPT_NOTRACK, IPT_RETURN, IPT_JUMP };

struct ipt_rule { /* one rule of ours in table raw */
	enum ipt_does does;
	struct match match; /* one family; nothing excluded; one interface, one prefix and one
			     * rule's ports (iptables_match_fits) at most of each */
	char *name;	    /* the comment: the exemption. Of a jump: the chain. NULL: a RETURN that
			       excludes */
	struct counter count; /* packets and bytes only; never compared */
	struct origin at;     /* borrowed; of rules that were read: none */
};

struct ipt_rules {     /* a chain */
	char name[32]; /* at most 28 characters and the end, as x_tables has it */
	struct ipt_rule *v;
	size_t n;
};

struct ipt_layout { /* start from {0}; no chain at all: nothing of ours */
	enum family family;
	struct ipt_rules *chains; /* UNTRACK-PRE first, then UNTRACK-OUT (both, or none at all),
				   * then the others in the order in which the jumps name them */
	size_t n;
};

/* The chains for those rules of rs that are of FORM_LEGACY and of this family; counters of rs go to
 * the first rule of the first family of each exemption and direction. -1 with findings (origin of
 * the rule): nothing of iptables can say it, or more than IPT_RULES_MAX rules. */
#define IPT_RULES_MAX 100000
int ipt_layout_make(struct ipt_layout *l, const struct ruleset *rs, enum family f, struct diag *d);

/* Appends what the chains say to ours (FORM_LEGACY, not normalised): rules, and counters, which add
 * up to those that are there. What is not laid out as ipt_layout_make would do it is appended to
 * ours->foreign, in words. */
void ipt_layout_read(const struct ipt_layout *l, struct ruleset *ours);

/* 0: the same rules, counters aside. */
int ipt_rule_compare(const struct ipt_rule *a, const struct ipt_rule *b);
void ipt_rule_copy(struct ipt_rule *to, const struct ipt_rule *from);
void ipt_rule_free(struct ipt_rule *r);
void ipt_layout_free(struct ipt_layout *l);

/* For iptables-restore or ip6tables-restore (-n: --noflush keeps other rules): the table raw with
 * our chains, jumps included, in its own words; it lists as what ipt.h loads. */
void ipt_layout_text(const struct ipt_layout *l, FILE *out);

#endif
