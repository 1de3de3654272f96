/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings as bytes. */
#include "report/diag_wire.h"

#include <string.h>
#include "report/finding_table.h"
#include "util.h"

struct wire { /* one finding; its texts follow, without their ends */
	enum severity severity;
	unsigned line, col;
	size_t id, file, text, cure; /* lengths plus one; 0: NULL */
};

static size_t length_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static void put(const char *s, FILE *out)
{
	if (s)
		fputs(s, out);
}

void diag_send(const struct diag *d, FILE *out)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->v[i];
		struct wire w;

		memset(&w, 0, sizeof w); /* what lies between the members, too */
		w.severity = f->severity;
		w.line = f->line;
		w.col = f->col;
		w.id = length_of(f->id);
		w.file = length_of(f->file);
		w.text = length_of(f->text);
		w.cure = length_of(f->cure);
		fwrite(&w, sizeof w, 1, out);
		put(f->id, out);
		put(f->file, out);
		put(f->text, out);
		put(f->cure, out);
	}
}

struct reader {
	const char *s;
	size_t left;
};

static bool take(struct reader *r, void *to, size_t n)
{
	if (n > r->left)
		return false;
	memcpy(to, r->s, n);
	r->s += n;
	r->left -= n;
	return true;
}

static bool take_text(struct reader *r, size_t length, char **s)
{
	if (length && length - 1 > r->left)
		return false;
	*s = length ? xcalloc(length, 1) : NULL;
	return !length || take(r, *s, length - 1);
}

static bool take_finding(struct reader *r, struct diag *d)
{
	auto_free char *id = NULL, *file = NULL, *text = NULL, *cure = NULL;
	const struct finding_kind *kind;
	struct wire w;

	if (!take(r, &w, sizeof w) || !take_text(r, w.id, &id) || !take_text(r, w.file, &file) ||
	    !take_text(r, w.text, &text) || !take_text(r, w.cure, &cure) || !id || !text)
		return false;
	kind = finding_kind(id);
	if (!kind || w.severity > SEVERITY_NOTE)
		return false;
	diag_add(d, w.severity, &(struct origin){ file, w.line, w.col }, kind->id, text);
	if (cure)
		diag_cure(d, "%s", cure);
	return true;
}

bool diag_receive(struct diag *d, const char *bytes, size_t n)
{
	struct reader r = { bytes, n };
	struct diag got = { 0 };

	while (r.left) {
		if (!take_finding(&r, &got)) {
			diag_free(&got);
			return false;
		}
	}
	diag_move(d, &got);
	return true;
}
