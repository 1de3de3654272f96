/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings as workflow commands of GitHub, which shows them at the changed lines. Of each severity
 * it shows the first ten of a step, so the worst come first. */
#include <string.h>

#include "report/finding_table.h"
#include "report/glyph.h"
#include "report/place.h"
#include "util.h"

#define PROPERTY ":," /* what ends a property beside what ends any text */

/* The log is shown by something that obeys control characters, too. */
static void put(const char *s, const char *also, FILE *out)
{
	size_t left = strlen(s);

	while (left) {
		struct glyph g = glyph_at(s, left, (locale_t)0);

		if (*s == '%' || *s == '\r' || *s == '\n' || strchr(also, *s))
			fprintf(out, "%%%02X", (unsigned char)*s);
		else
			fputs(g.shown, out);
		s += g.n;
		left -= g.n;
	}
}

static const char *command(enum severity s)
{
	switch (s) {
	case SEVERITY_ERROR:
		return "error";
	case SEVERITY_WARNING:
		return "warning";
	case SEVERITY_NOTE:
		return "notice";
	}
	return "debug";
}

static void print_finding(const struct findings *all, const struct finding *f,
			  struct source_line *at, FILE *out)
{
	const struct finding_kind *kind = finding_kind(f->id);
	auto_free char *hosts = finding_hosts(f);
	struct place p;

	place_of(all, f, at, &p);
	fprintf(out, "::%s file=", command(f->severity));
	put(p.path, PROPERTY, out);
	if (p.line)
		fprintf(out, ",line=%u", p.line);
	if (p.column)
		fprintf(out, ",col=%u", p.column);
	fprintf(out, ",title=%s", f->id);
	if (kind) {
		put(": ", PROPERTY, out);
		put(kind->title, PROPERTY, out);
	}
	fputs("::", out);
	if (hosts) {
		put(hosts, "", out);
		fputs(": ", out);
	}
	put(f->text, "", out);
	if (f->cure) {
		put("\ncure: ", "", out);
		put(f->cure, "", out);
	}
	fputc('\n', out);
	place_free(&p);
}

void findings_github(const struct findings *f, enum severity least, FILE *out)
{
	auto_free char *count = findings_count(f);

	for (enum severity s = SEVERITY_ERROR; s <= least; s++) {
		struct source_line at = { 0 };

		for (size_t i = 0; i < f->d->n; i++)
			if (f->d->v[i].severity == s)
				print_finding(f, &f->d->v[i], &at, out);
	}
	fprintf(out, "%s\n", count);
}
