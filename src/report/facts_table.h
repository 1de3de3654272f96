/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of report/facts.h: what each value consists of, in one place for both directions. */
#ifndef UNTRACK_FACTS_TABLE_H
#define UNTRACK_FACTS_TABLE_H

#include "rules/host.h"

#define FACTS_VERSION 1

enum facts_kind {
	FACTS_TEXT, /* char * */
	FACTS_NAME, /* char[IFNAMSIZ] */
	FACTS_BOOL,
	FACTS_U8,
	FACTS_U16,
	FACTS_U32,
	FACTS_U64,
	FACTS_INT,
	FACTS_INDEX,   /* ssize_t; left out: -1 */
	FACTS_WORD,    /* an enum, by its words */
	FACTS_ADDRESS, /* uint8_t[16]; other: its enum family */
	FACTS_DATA,    /* uint8_t[FW_DATA_MAX] in hex, without the zeros at its end */
	FACTS_KEY,     /* the same, with as many bytes as the set's keys have */
	FACTS_KEY_END, /* likewise; left out: the key before it */
	FACTS_SET,     /* a set of the firewall, by its place in the list */
	FACTS_STRUCT,  /* of */
	FACTS_LIST,    /* array of of; other: its size_t count */
	FACTS_REFS,    /* array of pointers to of; other: its count */
	FACTS_TEXTS,   /* array of char *; other: its count */
};

struct facts_member {
	const char *name;
	enum facts_kind kind;
	uint16_t offset, other;
	const char *const *words;
	unsigned n_words;
	const struct facts_table *of;
	bool needed; /* printed even where it is zero, and missed where it is missing */
};

enum facts_check { /* what else must hold, once all members are there (facts_check.h) */
		   CHECK_NOTHING,
		   CHECK_PORTS,
		   CHECK_LISTENER,
		   CHECK_ADDRESS,
		   CHECK_SET,
		   CHECK_RULE,
		   CHECK_CHAIN,
		   CHECK_FIREWALL,
		   CHECK_HOST,
};

struct facts_table {
	const struct facts_member *v;
	size_t n, size; /* members; bytes of the value */
	bool lines;	/* in a list, each on a line of its own */
	enum facts_check check;
};

extern const struct facts_table facts_host;

#endif
