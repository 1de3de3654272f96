/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table of iptables-legacy as it was read, rule by rule: to see whether somebody has changed it
 * since, where our twins stand in it, and what our own chains hold. */
#ifndef UNTRACK_IPT_TABLE_H
#define UNTRACK_IPT_TABLE_H

#include "kernel/ipt_family.h"
#include "kernel/ipt_layout.h"
#include "kernel/ipt_names.h"
#include "rules/fw.h"
#include "rules/ruleset.h"

struct ipt_item {	/* one rule */
	uint8_t *canon; /* what ipt_entry_canon makes of it */
	size_t len;
	struct twin *twin;    /* NULL: none */
	struct ipt_rule *own; /* of a rule with ours: what it says; NULL: nothing that we write */
	bool ours; /* in one of our own chains of table raw, or a jump to one: the walks do not meet
		    * it, and no twin is anchored to it */
};

struct ipt_chain {
	xt_chainlabel name;
	xt_chainlabel policy; /* "": not a base chain */
	bool own;	      /* UNTRACK-* of table raw */
	struct ipt_item *items;
	size_t n;
};

struct ipt_table { /* start from {0} */
	const struct ipt_family *family;
	char name[XT_TABLE_MAXNAMELEN];
	struct ipt_chain *chains; /* in the order of libiptc */
	size_t n;
	struct ipt_names names;
	bool added; /* IPT_ADD has written it since it was read */
};

/* The names of the tables that exist, one a line; asking for any other would create it (FACTS B5).
 * NULL: none, and *failed says whether that is an error. */
char *ipt_table_names(const struct ipt_family *f, bool *failed);
bool ipt_table_exists(const struct ipt_family *f, const char *name);

/* *t is overwritten. Chains and rules but ours are appended to fw, too, if it is not NULL. */
void ipt_table_read(struct ipt_table *t, const struct ipt_family *family, const char *name,
		    struct xtc_handle *h, struct fw *fw);
/* The chain of this name; NULL: there is none. */
const struct ipt_chain *ipt_table_chain(const struct ipt_table *t, const char *name);
/* Does h hold the same chains, policies and rules? Counters do not matter. */
bool ipt_table_is(const struct ipt_table *t, struct xtc_handle *h);
void ipt_table_free(struct ipt_table *t);

/* The same chains, policies and rules of others? */
bool ipt_tables_differ_in_twins_only(const struct ipt_table *a, const struct ipt_table *b);

bool ipt_twin_is_in(const struct twin *w, const struct ipt_table *t);
struct twin *ipt_twin_copy(const struct twin *w); /* fresh */

#endif
