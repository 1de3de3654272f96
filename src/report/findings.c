/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What findings come to. */
#include "report/findings.h"

#include "util.h"

char *findings_count(const struct findings *f)
{
	const struct {
		unsigned n;
		const char *name;
	} counts[] = {
		{ f->d->errors, "error" },
		{ f->d->warnings, "warning" },
		{ f->d->notes, "note" },
	};
	struct text t = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (counts[i].n)
			text_add(&t, "%s%u %s%s", t.len ? ", " : "", counts[i].n, counts[i].name,
				 counts[i].n == 1 ? "" : "s");
	if (!t.len)
		text_add(&t, "no findings");
	return t.s;
}
