/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of sets (port ranges, interface patterns, prefixes) in which '!' excludes. */
#ifndef UNTRACK_EXCLUSION_H
#define UNTRACK_EXCLUSION_H

#include "config/values.h"

struct set_kind { /* what the items of a list are */
	size_t size;
	/* 0, or -1 with a finding. */
	int (*read)(const struct value *v, const struct list_item *i, void *out);
	bool (*covers)(const void *outer, const void *inner);
	bool (*overlaps)(const void *a, const void *b);
};

struct sets {		   /* start from {0} */
	struct list items; /* those that could be read */
	size_t *excluded;  /* indices of the items with "!" */
	size_t n_excluded;
	char *v; /* items.n elements of kind->size */
	const struct set_kind *kind;
};

/* Reads the value and reports what is wrong with single items, items that are both included and
 * excluded, and (warnings) exclusions without effect. 0 or -1; s has the good items in any case. */
int sets_read(const struct value *v, const struct set_kind *kind, struct sets *s);
const void *sets_at(const struct sets *s, size_t i);
/* Is x inside an excluded item? That item's index, or items.n. */
size_t sets_excluder(const struct sets *s, const void *x);
void sets_free(struct sets *s);
#define auto_sets __attribute__((cleanup(sets_free)))

#endif
