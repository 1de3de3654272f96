/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of interface names and "name*" patterns. */
#include "rules/match.h"

#include <stdlib.h>
#include <string.h>

void ifaces_add(struct ifaces *l, const char *name)
{
	char(*slot)[IFNAMSIZ] = ARRAY_ADD(l->v, l->n);

	memcpy(*slot, name, strnlen(name, IFNAMSIZ - 1));
}

static int compare_names(const void *a, const void *b)
{
	return strncmp(a, b, IFNAMSIZ);
}

void ifaces_normalise(struct ifaces *l)
{
	size_t n = 0;

	if (l->n < 2)
		return;
	qsort(l->v, l->n, sizeof *l->v, compare_names);
	for (size_t i = 1; i < l->n; i++)
		if (compare_names(l->v[i], l->v[n]))
			memmove(l->v[++n], l->v[i], IFNAMSIZ);
	l->n = n + 1;
}

void ifaces_text(const struct ifaces *l, const char *before_each, struct text *t)
{
	for (size_t i = 0; i < l->n; i++)
		text_add(t, "%s%s%s", i ? "," : "", before_each, l->v[i]);
}
