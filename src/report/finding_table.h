/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every finding that this program can report, by its id: one table for the manuals and for the
 * formats that carry more than a message. tests/cli/manual.sh holds sources, table and untrack(8)
 * equal. */
#ifndef UNTRACK_FINDING_TABLE_H
#define UNTRACK_FINDING_TABLE_H

#include "report/diag.h"

enum finding_group {
	GROUP_CHECK, /* untrack(8), FINDINGS: what would go wrong, said before anything is done */
	GROUP_TABLE, /* untrack(8), HEALTH: of the table of connection tracking */
	GROUP_OTHER, /* untrack(8), DIAGNOSTICS: how the run itself fares */
};

struct finding_kind {
	const char *id;		/* as in struct finding */
	enum severity severity; /* what it is as a rule; the manual says where it is another one */
	enum finding_group group;
	const char *title; /* a few words, no full stop */
	const char *why;   /* why it matters: one to three sentences */
	const char *cure;  /* what to do about it in general */
};

/* In the order of the manual; ids are unique. */
extern const struct finding_kind finding_kinds[];
extern const size_t n_finding_kinds;

/* NULL: no such id. */
const struct finding_kind *finding_kind(const char *id);

/* finding_help.c: all of one, in lines of at most 79 columns; a line of each. */
void finding_kind_print(const struct finding_kind *k, FILE *out);
void finding_kinds_list(FILE *out);

#endif
