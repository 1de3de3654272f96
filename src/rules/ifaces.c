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

/* "eth*" covers "eth0" and "eth1*". */
static bool covers(const char *pattern, const char *name)
{
	size_t len = strnlen(pattern, IFNAMSIZ);

	return len && pattern[len - 1] == '*' && !strncmp(pattern, name, len - 1);
}

bool ifaces_are_loopback(const struct ifaces *l)
{
	return l->n == 1 && !strcmp(l->v[0], "lo");
}

bool ifaces_hold(const struct ifaces *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (covers(l->v[i], name) || !compare_names(l->v[i], name))
			return true;
	return false;
}

static bool is_covered(const struct ifaces *l, size_t i)
{
	for (size_t k = 0; k < l->n; k++)
		if (k != i && covers(l->v[k], l->v[i]) && compare_names(l->v[k], l->v[i]))
			return true;
	return false;
}

void ifaces_normalise(struct ifaces *l)
{
	struct ifaces kept = { 0 };

	if (l->n < 2)
		return;
	qsort(l->v, l->n, sizeof *l->v, compare_names);
	for (size_t i = 0; i < l->n; i++)
		if (!is_covered(l, i) && (!i || compare_names(l->v[i], l->v[i - 1])))
			ifaces_add(&kept, l->v[i]);
	free(l->v);
	*l = kept;
}

void ifaces_text(const struct ifaces *l, const char *before_each, struct text *t)
{
	for (size_t i = 0; i < l->n; i++)
		text_add(t, "%s%s%s", i ? "," : "", before_each, l->v[i]);
}
