/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of a file and a mark below one place of it. */
#ifndef UNTRACK_EXCERPT_H
#define UNTRACK_EXCERPT_H

#include <stddef.h>
#include <stdio.h>

/* Two lines, indented: the text, cut to a window around column col (bytes, from 1; 0: no mark), and
 * a caret below it. Tabs become blanks; what a terminal would obey is shown. before and after stand
 * around the caret: colours, or "". A blank line: nothing. */
void excerpt_print(const char *s, size_t len, unsigned col, const char *before, const char *after,
		   FILE *out);

#endif
