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
	for (size_t k = 0; k < s->items.n; k++) {
		if (!s->items.v[k].excluded && s->kind->overlaps(sets_at(s, i), sets_at(s, k)))
			return true;
	}
	return s->n_excluded == s->items.n;
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
	int rc = list_split(v, &s->items);
	size_t n = 0;

	s->kind = kind;
	s->v = xcalloc(s->items.n, kind->size);
	for (size_t i = 0; i < s->items.n; i++) {
		const struct list_item item = s->items.v[i];

		if (kind->read(v, &item, s->v + n * kind->size)) {
			rc = -1;
			continue;
		}
		if (item.excluded)
			*ARRAY_ADD(s->excluded, s->n_excluded) = n;
		s->items.v[n++] = item;
	}
	s->items.n = n;
	for (size_t i = 0; i < n; i++) {
		if (check_item(v, s, i))
			rc = -1;
	}
	return rc;
}

void sets_free(struct sets *s)
{
	list_free(&s->items);
	free(s->v);
	free(s->excluded);
	*s = (struct sets){ 0 };
}
