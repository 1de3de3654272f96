/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The texts that findings point into: kept when they are read, for standard input is there once. */
#ifndef UNTRACK_SOURCE_H
#define UNTRACK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct source {
	char *name, *text; /* may hold any byte; text NULL: empty */
	size_t len;
};

struct sources { /* start from {0} */
	struct source *v;
	size_t n;
};

struct source_line { /* a line, and where the search for the next one goes on; start from {0} */
	const char *s;
	size_t len;   /* without its end, and without a mark of UTF-8 before the first line */
	size_t place; /* in sources */
	size_t offset;
	unsigned number;
};

/* Takes over text, which is on the heap. Of two of one name the last one counts. */
void sources_add(struct sources *s, const char *name, char *text, size_t len);

/* Line number of the file: true, and it is in *l; false: not known. Asked for in the order of the
 * files and lines, all lines together cost one pass. */
bool sources_find(const struct sources *s, const char *name, unsigned number,
		  struct source_line *l);

void sources_move(struct sources *to, struct sources *from);
void sources_free(struct sources *s);

#endif
