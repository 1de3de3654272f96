/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of sets (port ranges, interface patterns, prefixes) in which '!' excludes. */
#include "config/exclusion.h"

#include <stdlib.h>
#include "util.h"

const void *sets_at(const struct sets *s, size_t i)
{
	return s->v + i * s->kind->size;
}

size_t sets_excluder(const struct sets *s, const void *x)
{
	for (size_t i = 0; i < s->n_excluded; i++) {
		if (s->kind->covers(sets_at(s, s->excluded[i]), x))
			return s->excluded[i];
	}
	return s->items.n;
}

/* Does excluding item i take anything away from the included items? No included item at all means
 * that everything is included. */
static bool has_effect(const struct sets *s, size_t i)
{
	for (size_t k = 0; k < s->n_included; k++) {
		if (s->kind->overlaps(sets_at(s, i), sets_at(s, s->included[k])))
			return true;
	}
	return !s->n_included;
}

static int check_item(const struct value *v, const struct sets *s, size_t i)
{
	const struct list_item *item = &s->items.v[i];
	size_t by;

	if (item->excluded) {
		struct origin at = ini_value_at(v->it, item->start - 1);

		if (!has_effect(s, i))
			diag_warn(v->d, &at, "config", "%s: '!%s' excludes nothing that is listed",
				  v->option->name, item->text);
		return 0;
	}
	by = sets_excluder(s, sets_at(s, i));
	if (by == s->items.n)
		return 0;
	value_error(v, item->start, "'%s' is excluded by '!%s' in the same list", item->text,
		    s->items.v[by].text);
	diag_cure(v->d, "remove one of them");
	return -1;
}

int sets_read(const struct value *v, const struct set_kind *kind, struct sets *s)
{
	struct list all = { 0 };
	int rc = list_split(v, &all);

	s->kind = kind;
	s->v = xcalloc(all.n, kind->size);
	for (size_t i = 0; i < all.n; i++) {
		if (kind->read(v, &all.v[i], s->v + s->items.n * kind->size)) {
			free(all.v[i].text);
			rc = -1;
		} else {
			if (all.v[i].excluded)
				*ARRAY_ADD(s->excluded, s->n_excluded) = s->items.n;
			else
				*ARRAY_ADD(s->included, s->n_included) = s->items.n;
			*ARRAY_ADD(s->items.v, s->items.n) = all.v[i];
		}
	}
	free(all.v);
	for (size_t i = 0; i < s->items.n; i++) {
		if (check_item(v, s, i))
			rc = -1;
	}
	return rc;
}

void sets_free(struct sets *s)
{
	list_free(&s->items);
	free(s->v);
	free(s->included);
	free(s->excluded);
	*s = (struct sets){ 0 };
}
