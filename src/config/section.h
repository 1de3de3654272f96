/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language as tables: which sections there are, which keys each has, and what reads a value. */
#ifndef UNTRACK_SECTION_H
#define UNTRACK_SECTION_H

#include "config/expect.h"
#include "config/ini.h"
#include "config/policy.h"

#define CT_KEYS_MAX 48 /* keys of [conntrack]; section.c asserts that they fit */

struct general { /* [untrack] */
	enum backend_choice backend;
	unsigned families;
	enum accept_mode accept;
	bool drain;
	enum on_nat on_nat;
	struct origin family_at;
};

/* What one section sets while it is read. Options point into it by offset. */
struct draft {
	struct origin at, name_at;
	char *name; /* NULL: a section without a name, or a wrong one */
	struct general general;
	bool loopback;
	struct service service; /* without name, at */
	struct interface interface;
	struct expectation expectation; /* without name, at */
	struct origin accept_at;	/* file NULL: accept is not given */
	/* of [conntrack], all that follows: */
	unsigned conntrack[CT_KEYS_MAX];
	struct origin conntrack_at[CT_KEYS_MAX];
};

struct option;

struct value { /* what an option's parser gets */
	const struct ini_item *it;
	const struct option *option;
	const struct draft *draft;
	struct diag *d;
};

struct option {
	const char *name;
	/* 0, or -1 with findings; then *out and *out_not are untouched. */
	int (*parse)(const struct value *v, void *out, void *out_not);
	size_t out, out_not;	  /* offsets in struct draft */
	size_t at;		  /* of the struct origin that gets the value's position */
	const char *const *words; /* of an enumeration, NULL-terminated, in the order of the enum */
	unsigned long min, max;	  /* of a number */
	const char *early; /* read at once if of these characters alone, else when the section
			    * ends: names of ports need the protocol. NULL: always at once */
};

enum section_id {
	SECTION_UNTRACK,
	SECTION_LOOPBACK,
	SECTION_SERVICE,
	SECTION_INTERFACE,
	SECTION_CONNTRACK,
	SECTION_EXPECT, /* in files of its own, and alone there */
};
#define N_SECTIONS (SECTION_EXPECT + 1)
#define OPTIONS_MAX CT_KEYS_MAX /* of one section */

struct section {
	enum section_id id;
	const char *name;
	bool named; /* [service web] */
	const struct option *options;
	size_t n_options;
};

/* Indexed by section_id. */
extern const struct section sections[N_SECTIONS];

const char *backend_choice_name(enum backend_choice b);
const char *on_nat_name(enum on_nat n);

#endif
