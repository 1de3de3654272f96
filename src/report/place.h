/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a finding is, as programs that show files want to have it. */
#ifndef UNTRACK_PLACE_H
#define UNTRACK_PLACE_H

#include "report/findings.h"

struct place {
	char *path;	       /* never NULL: below the working directory it is relative */
	unsigned line, column; /* from 1, in UTF-16 code units; 0: not known */
	const char *text;      /* of that line, borrowed; NULL: not known */
	size_t len;
};

/* A finding without a file is placed in the facts of its host, or where the configuration is. at:
 * where in the sources the one before was found; start from {0}. */
void place_of(const struct findings *all, const struct finding *f, struct source_line *at,
	      struct place *out);
void place_free(struct place *p);

/* The path as a URI reference, percent-encoded; absolute ones as file://. Fresh. */
char *place_uri(const char *path);

#endif
