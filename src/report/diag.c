/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings are values: recorded where the facts are, printed once by main. */
#include "report/diag.h"

#include <stdarg.h>
#include <string.h>
#include "report/excerpt.h"
#include "report/glyph.h"
#include "util.h"

static struct finding *record(struct diag *d, enum severity s, const struct origin *at,
			      const char *id, char *text)
{
	struct finding *f = ARRAY_ADD(d->v, d->n);

	f->severity = s;
	f->id = id;
	f->text = text;
	if (at && at->file) {
		f->file = xstrdup(at->file);
		f->line = at->line;
		f->col = at->col;
	}
	switch (s) {
	case SEVERITY_ERROR:
		d->errors++;
		break;
	case SEVERITY_WARNING:
		d->warnings++;
		break;
	case SEVERITY_NOTE:
		d->notes++;
		break;
	}
	return f;
}

int diag_error(struct diag *d, const struct origin *at, const char *id, int errnum, const char *fmt,
	       ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	if (errnum) {
		char *with_reason = xasprintf("%s: %s", text, strerror(errnum));

		free(text);
		text = with_reason;
	}
	record(d, SEVERITY_ERROR, at, id, text);
	return -1;
}

void diag_warn(struct diag *d, const struct origin *at, const char *id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	record(d, SEVERITY_WARNING, at, id, xvasprintf(fmt, ap));
	va_end(ap);
}

void diag_note(struct diag *d, const struct origin *at, const char *id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	record(d, SEVERITY_NOTE, at, id, xvasprintf(fmt, ap));
	va_end(ap);
}

void diag_add(struct diag *d, enum severity s, const struct origin *at, const char *id,
	      const char *text)
{
	record(d, s, at, id, xstrdup(text));
}

void diag_cure(struct diag *d, const char *fmt, ...)
{
	va_list ap;

	if (!d->n)
		return;
	free(d->v[d->n - 1].cure);
	va_start(ap, fmt);
	d->v[d->n - 1].cure = xvasprintf(fmt, ap);
	va_end(ap);
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool finding_is_same(const struct finding *a, const struct finding *b)
{
	return a->severity == b->severity && !strcmp(a->id, b->id) && a->line == b->line &&
	       a->col == b->col && is_same_text(a->file, b->file) &&
	       is_same_text(a->text, b->text) && is_same_text(a->cure, b->cure);
}

void diag_host(struct diag *d, const char *name)
{
	struct finding *f = d->n ? &d->v[d->n - 1] : NULL;

	if (f)
		*ARRAY_ADD(f->hosts, f->n_hosts) = xstrdup(name);
}

void diag_source(struct diag *d, const char *file, char *text, size_t len)
{
	sources_add(&d->sources, file, text, len);
}

void diag_soften(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].severity == SEVERITY_ERROR)
			d->v[i].severity = SEVERITY_WARNING;
	d->warnings += d->errors;
	d->errors = 0;
}

void diag_move(struct diag *d, struct diag *from)
{
	for (size_t i = 0; i < from->n; i++)
		*ARRAY_ADD(d->v, d->n) = from->v[i];
	d->errors += from->errors;
	d->warnings += from->warnings;
	d->notes += from->notes;
	sources_move(&d->sources, &from->sources);
	free(from->v);
	*from = (struct diag){ 0 };
}

const char *severity_name(enum severity s)
{
	switch (s) {
	case SEVERITY_ERROR:
		return "error";
	case SEVERITY_WARNING:
		return "warning";
	case SEVERITY_NOTE:
		return "note";
	}
	return "?";
}

static const char *severity_colour(enum severity s)
{
	switch (s) {
	case SEVERITY_ERROR:
		return "\033[1;31m";
	case SEVERITY_WARNING:
		return "\033[1;35m";
	case SEVERITY_NOTE:
		return "\033[1;36m";
	}
	return "";
}

char *finding_hosts(const struct finding *f)
{
	struct text t = { 0 };

	for (size_t i = 0; i < f->n_hosts; i++)
		text_add(&t, "%s%s", i ? ", " : "", f->hosts[i]);
	return t.s;
}

/* Texts quote what is in files, and a terminal obeys control bytes: they are shown, not sent.
 * next_line is what a newline becomes; NULL: newlines are shown too. */
static void put_safe(FILE *out, const char *s, const char *next_line)
{
	size_t left = strlen(s);

	while (left) {
		struct glyph g = glyph_at(s, left, (locale_t)0);

		if (*s == '\n' && next_line)
			fprintf(out, "\n%s", next_line);
		else
			fputs(g.shown, out);
		s += g.n;
		left -= g.n;
	}
}

static void print_place(const struct finding *f, FILE *out)
{
	if (!f->file)
		return;
	put_safe(out, f->file, NULL);
	if (f->line)
		fprintf(out, ":%u", f->line);
	if (f->line && f->col)
		fprintf(out, ":%u", f->col);
	fputs(": ", out);
}

/* at: where in the sources the one before was found. */
static void print_finding(const struct finding *f, const struct sources *sources,
			  struct source_line *at, FILE *out, bool colour)
{
	const char *name = severity_name(f->severity), *off = colour ? "\033[0m" : "";
	const char *on = colour ? severity_colour(f->severity) : "";
	auto_free char *hosts = finding_hosts(f);

	print_place(f, out);
	fprintf(out, "%s%s:%s ", on, name, off);
	if (hosts) {
		put_safe(out, hosts, NULL);
		fputs(": ", out);
	}
	put_safe(out, f->text, "  ");
	fprintf(out, " [%s]\n", f->id);
	if (f->file && sources_find(sources, f->file, f->line, at))
		excerpt_print(at->s, at->len, f->col, on, off, out);
	if (f->cure) {
		fputs("  cure: ", out);
		put_safe(out, f->cure, "        ");
		putc('\n', out);
	}
}

void diag_print(const struct diag *d, FILE *out, enum severity least, bool colour)
{
	struct source_line at = { 0 };

	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].severity <= least)
			print_finding(&d->v[i], &d->sources, &at, out, colour);
}

static unsigned journal_priority(enum severity s)
{
	switch (s) {
	case SEVERITY_ERROR:
		return 3;
	case SEVERITY_WARNING:
		return 4;
	case SEVERITY_NOTE:
		break;
	}
	return 5;
}

void diag_print_journal(const struct diag *d, FILE *out, enum severity least)
{
	struct source_line at = { 0 };

	for (size_t i = 0; i < d->n; i++) {
		auto_free char *text = NULL;
		char *save = NULL;
		size_t len;
		FILE *f;

		if (d->v[i].severity > least)
			continue;
		f = xmemstream(&text, &len);
		print_finding(&d->v[i], &d->sources, &at, f, false);
		fclose(f);
		for (char *s = strtok_r(text, "\n", &save); s; s = strtok_r(NULL, "\n", &save))
			fprintf(out, "<%u>%s\n", journal_priority(d->v[i].severity), s);
	}
}

void diag_free(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		for (size_t k = 0; k < d->v[i].n_hosts; k++)
			free(d->v[i].hosts[k]);
		free(d->v[i].hosts);
		free(d->v[i].file);
		free(d->v[i].text);
		free(d->v[i].cure);
	}
	free(d->v);
	sources_free(&d->sources);
	*d = (struct diag){ 0 };
}
