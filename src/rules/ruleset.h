/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The value that everything passes around: the rules of untrack in one canonical form. Equality of
 * canonical forms is verification; commit(before) is rollback; commit(empty) is removal. */
#ifndef UNTRACK_RULESET_H
#define UNTRACK_RULESET_H

#include <stdio.h>
#include "report/diag.h"
#include "rules/match.h"

enum hook { HOOK_PREROUTING, HOOK_INPUT, HOOK_FORWARD, HOOK_OUTPUT, HOOK_POSTROUTING };
#define HOOK_COUNT 5

enum form { /* how the rules of a table are written, and so ours there */
	    FORM_NFT,
	    FORM_IPTABLES_NFT, /* in nf_tables, but iptables must be able to read every one of them
				*/
	    FORM_LEGACY,       /* x_tables: family ip or ip6 */
};

/* RETURN: keep tracking and look no further (loopback). */
enum verdict { VERDICT_NOTRACK, VERDICT_RETURN };

struct rule {		/* one exemption in one raw hook */
	enum form form; /* where it is: FORM_NFT in table inet untrack, FORM_LEGACY in chains
			 * UNTRACK-* of the tables raw */
	enum hook hook; /* PREROUTING or OUTPUT; the counter's direction follows from it */
	enum verdict verdict;
	char *name; /* the exemption, "loopback" for [loopback] */
	struct match match;
	struct origin at; /* borrowed from the policy; ignored by comparisons */
};

enum table_family { TABLE_IP, TABLE_IP6, TABLE_INET }; /* the families whose chains get twins */

struct twin { /* a rule of ours in somebody else's chain, directly before its anchor */
	enum form form;
	enum table_family family;
	char *table, *chain;
	uint64_t anchor; /* handle of the rule it stands before; 0: last in the chain. FORM_LEGACY,
			  * which has no handles: its number, from 1, twins not counted */
	char *names; /* the exemptions, "web" or "web,api,+12": the comment is "untrack:" + names */
	struct match match; /* plus "and untracked", always. In the forms of iptables it fits one
			     * rule there (iptables_match_fits), the tests of the copied rule's
			     * header included */
	char *body;	    /* the rest of the rule in the backend's canonical text (nft_body.h) */
	uint64_t handle;    /* where read from the kernel; ignored by comparisons */
};

struct counter { /* per exemption and direction; never compared, carried so it survives */
	char *name;
	enum hook hook; /* PREROUTING: in, OUTPUT: out */
	uint64_t packets, bytes;
};

struct ruleset { /* start from {0} */
	struct rule *rules;
	size_t n_rules;
	struct twin *twins;
	size_t n_twins;
	struct counter *counters;
	size_t n_counters;
	char **foreign; /* objects in our own containers that we did not write, in words */
	size_t n_foreign;
	bool husk; /* a container of ours is there without a rule in it, or the jump to it is not
		    * where it belongs: nobody's loss, but neither "nothing" nor as it should be */
};

struct rule *ruleset_add_rule(struct ruleset *rs); /* zeroed; fill it, then normalise */
struct twin *ruleset_add_twin(struct ruleset *rs);

/* Total orders, origins and handles aside; 0 is equality. A NULL string equals an empty one. */
int rule_compare(const struct rule *a, const struct rule *b);
/* All but the lists of this mask of enum match_list. */
int rule_compare_but(const struct rule *a, const struct rule *b, unsigned without);
int twin_compare(const struct twin *a, const struct twin *b);
int twin_compare_chains(const struct twin *a, const struct twin *b); /* family, table, chain */
void rule_free(struct rule *r);					     /* what it holds; safe twice */

/* Where all of its rules are to be. */
void ruleset_set_form(struct ruleset *rs, enum form form);

/* Sort, drop duplicates, merge rules that differ in one list only (ports, families, included
 * interfaces or addresses): the one canonical form. RETURN rules come first of each form. Twins of
 * one anchor keep their relative order. */
void ruleset_normalise(struct ruleset *rs);

/* Number of differences (rules, twins, foreign objects); 0 is equality. If out: one "+ rule" (only
 * in want) or "- rule" (only in got) line each, and of twins how they stand: "+ missing twin". Both
 * normalised. */
size_t ruleset_diff(const struct ruleset *want, const struct ruleset *got, FILE *out);
/* The first max of these lines and the number of the others, for the text of a finding. */
void ruleset_diff_text(struct text *t, const struct ruleset *want, const struct ruleset *got,
		       size_t max);

/* How a twin that is wanted, or that is there, stands */
enum twin_standing {
	TWIN_PRESENT,
	TWIN_MISSING,	/* wanted, and nothing like it is there */
	TWIN_DISPLACED, /* it is there, but before another rule or in another order */
	TWIN_STALE,	/* it is there, but the rule that it copies has changed since */
	TWIN_UNNEEDED,	/* it is there, and nothing wants it */
};

const char *twin_standing_name(enum twin_standing s);
/* How each of the twins stands; the caller frees both arrays. Both normalised. */
void ruleset_twin_standings(const struct ruleset *want, const struct ruleset *got,
			    enum twin_standing **of_want, enum twin_standing **of_got);

/* Inverse pair: parse(print(rs)) == rs, counters included, origins and foreign objects not.
 * parse takes what print writes and nothing else; a fault is file:line:col. */
void ruleset_print(const struct ruleset *rs, FILE *out);
int ruleset_parse(struct ruleset *rs, const char *text, const char *name, struct diag *d);

void rule_text(const struct rule *r, struct text *t); /* one line, no newline */
void twin_text(const struct twin *w, struct text *t); /* without the body, which is for machines */

void ruleset_copy(struct ruleset *to, const struct ruleset *from);
void ruleset_free(struct ruleset *rs);

const char *hook_name(enum hook h);		    /* "prerouting" ... */
const char *table_family_name(enum table_family f); /* "ip" "ip6" "inet" */
/* "inet filter input", "iptables-nft ip filter INPUT", "iptables-legacy ip filter INPUT" */
void chain_name_text(enum form form, enum table_family f, const char *table, const char *chain,
		     struct text *t);
const char *form_name(enum form f); /* "nft" "iptables-nft" "iptables-legacy" */

#endif
