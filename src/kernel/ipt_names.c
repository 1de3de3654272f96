/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which chain has which name. */
#include "kernel/ipt_names.h"

#include <string.h>
#include "util.h"

static int compare(const void *va, const void *vb)
{
	const struct ipt_name *a = va, *b = vb;

	return strcmp(a->name, b->name);
}

void ipt_names_add(struct ipt_names *l, const char *name, size_t place)
{
	*ARRAY_ADD(l->v, l->n) = (struct ipt_name){ name, place };
}

void ipt_names_sort(struct ipt_names *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}

size_t ipt_names_find(const struct ipt_names *l, const char *name)
{
	const struct ipt_name key = { .name = name }, *found = NULL;

	if (l->n)
		found = bsearch(&key, l->v, l->n, sizeof(*l->v), compare);
	return found ? found->place : IPT_NO_NAME;
}

void ipt_names_free(struct ipt_names *l)
{
	free(l->v);
	*l = (struct ipt_names){ 0 };
}
