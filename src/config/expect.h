/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is expected of packets: the [expect NAME] sections of files of their own. Pure. */
#ifndef UNTRACK_EXPECT_H
#define UNTRACK_EXPECT_H

#include "rules/flow.h"
#include "rules/walk.h"

enum tracking { TRACKING_TRACKED, TRACKING_UNTRACKED };

struct expectation { /* [expect NAME]; a key that is not given has an origin without a file */
	char *name;  /* unique over all files */
	struct flow flow;
	enum tracking result;
	enum tracking reply; /* of the packet that answers it */
	char *by;	     /* the exemption that untracks it; NULL: any */
	enum outcome verdict;
	struct origin at, flow_at, result_at, reply_at, by_at, verdict_at;
};

struct expectations {	       /* start from {0} */
	struct expectation *v; /* in the order of the files */
	size_t n;
	char **files; /* what origins point into */
	size_t n_files;
};

/* Reads the files in order: a directory means its *.expect, then those of its rules.d, each in byte
 * order. Reports every fault of every file, and warns of a file without a section. No expectation
 * at all is no fault here. 0; -1: something is wrong; -2: a file cannot be read; then e is empty.
 */
int expect_load(struct expectations *e, const char *const *paths, size_t n, struct diag *d);

/* The same from one text in memory. name is for messages. */
int expect_parse(struct expectations *e, const char *text, const char *name, struct diag *d);

/* Canonical INI: expect_parse(expect_print(e)) == e, origins aside. */
void expect_print(const struct expectations *e, FILE *out);
void expect_free(struct expectations *e);

/* Is this the name of a file of expectations? */
bool expect_is_name(const char *path);

const char *tracking_name(enum tracking t);

#endif
