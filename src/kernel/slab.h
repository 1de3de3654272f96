/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an object of the kernel costs, from /proc/slabinfo. */
#ifndef UNTRACK_SLAB_H
#define UNTRACK_SLAB_H

struct slab {
	unsigned long objects; /* in use, or free in a page that is in use: all namespaces' */
	unsigned long bytes;   /* of one object, its share of what the page has to spare included */
};

/* The line of name in the text of /proc/slabinfo. Pure. 0, or -1: it is not there, or not as
 * expected. */
int slab_parse(const char *text, const char *name, unsigned long page, struct slab *out);

/* 0; -1 with errno: EACCES without privileges, ENOENT where the kernel has no such cache (SLUB
 * merges caches that are alike, unless it is told not to). */
int slab_read(const char *name, struct slab *out);

#endif
