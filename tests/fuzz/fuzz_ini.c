/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as INI: positions lie inside the input and point at what they name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "config/ini.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct lines { /* of the input */
	const uint8_t **v;
	size_t n;
	const uint8_t *end;
};

/* The input at a position; aborts outside. */
static const uint8_t *at(const struct lines *l, struct origin o)
{
	const uint8_t *s;

	if (!o.line || o.line > l->n || !o.col)
		abort();
	s = l->v[o.line - 1] + o.col - 1;
	if (s > l->end)
		abort();
	return s;
}

static void check_item(void *ctx, const struct ini_item *it, struct diag *d)
{
	const struct lines *l = ctx;

	(void)d;
	if (!it->key) {
		if (*at(l, it->key_at) != '[' || !*it->section)
			abort();
		return;
	}
	if (memcmp(at(l, it->key_at), it->key, strlen(it->key)))
		abort();
	for (size_t i = 0; it->value[i]; i++) {
		const uint8_t *s = at(l, ini_value_at(it, i));

		if (it->value[i] != ' ' && (s == l->end || *s != (uint8_t)it->value[i]))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *f = fmemopen((void *)(uintptr_t)data, size, "r");
	const uint8_t *start = data;
	struct lines l = { 0 };
	struct diag d = { 0 };

	if (!f)
		return 0;
	l.end = data + size;
	if (size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3))
		start += 3;
	*ARRAY_ADD(l.v, l.n) = start;
	for (const uint8_t *s = start; s < l.end; s++) {
		if (*s == '\n')
			*ARRAY_ADD(l.v, l.n) = s + 1;
	}
	if (ini_read(f, "fuzz", check_item, &l, &d) != (d.errors ? -1 : 0))
		abort();
	for (size_t i = 0; i < d.n; i++)
		at(&l, (struct origin){ "fuzz", d.v[i].line, d.v[i].col });
	diag_free(&d);
	free(l.v);
	fclose(f);
	return 0;
}
