/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libip4tc and libip6tc behind one table of functions: what they do is the same, only the types of
 * entries and the prefixes of names differ. */
#ifndef UNTRACK_IPT_FAMILY_H
#define UNTRACK_IPT_FAMILY_H

#include <libiptc/xtcshared.h>
#include <linux/netfilter/x_tables.h>

#include "rules/match.h"
#include "rules/ruleset.h"

/* Places of rules count from 0. Where a function returns int, 0 is failure and errno says why;
 * strerror translates it and must be asked at once. Names of chains are xt_chainlabel: 32 bytes. */
struct ipt_family {
	const char *name; /* "ip" */
	const char *proc; /* names the tables that exist (FACTS B5) */
	enum family family;
	enum table_family table_family;
	const struct xtc_ops *ops;
	const void *(*first_rule)(const char *chain, struct xtc_handle *h);
	const void *(*next_rule)(const void *entry, struct xtc_handle *h);
	/* "ACCEPT", a chain, an extension; "": none, on to the next rule. */
	const char *(*get_target)(const void *entry, struct xtc_handle *h);
	/* At the number of rules: appends. */
	int (*insert)(const char *chain, const void *entry, unsigned place, struct xtc_handle *h);
	int (*delete_at)(const char *chain, unsigned place, struct xtc_handle *h);
};

const struct ipt_family *ipt_family(enum family f);

#endif
