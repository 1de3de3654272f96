/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status for a person. */
#include "report/status.h"

#include <inttypes.h>
#include <string.h>
#include "report/quantity.h"

#define GREEN "\033[32m"
#define RED "\033[31m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct page { /* where the text goes, and how */
	FILE *out;
	bool verbose, colour;
};

static void heading(const struct page *pg, const char *text)
{
	fprintf(pg->out, "\n%s%s%s\n", pg->colour ? BOLD : "", text, pg->colour ? PLAIN : "");
}

/* "12 packets, 2.0 KiB", and where it is known " (3/s, 512 B/s)" */
static char *counter_text(const struct counter *c, const struct counter *before, double elapsed)
{
	auto_free char *bytes = c ? bytes_text(c->bytes) : NULL, *a_second = NULL;
	struct counter_rate rate;

	if (!c)
		return xstrdup("-");
	if (!counter_rate(c, before, elapsed, &rate))
		return xasprintf("%" PRIu64 " packet%s, %s", c->packets, plural(c->packets), bytes);
	a_second = bytes_text((uint64_t)(rate.bytes + 0.5));
	return xasprintf("%" PRIu64 " packet%s, %s (%.0f/s, %s/s)", c->packets, plural(c->packets),
			 bytes, rate.packets, a_second);
}

static char *rules_text(const struct exemption_status *e)
{
	if (!e->want)
		return xstrdup("shadowed");
	if (!e->have)
		return xstrdup("missing");
	if (e->have < e->want)
		return xasprintf("%zu of %zu", e->have, e->want);
	return xstrdup("loaded");
}

static void print_exemptions(const struct page *pg, const struct status *st)
{
	const int width = st->before ? 48 : 28;

	if (!st->n_exemptions)
		return;
	heading(pg, "Exemptions");
	fprintf(pg->out, "  %-16s %-9s %-*s %s\n", "name", "rules", width, "in", "out");
	for (size_t i = 0; i < st->n_exemptions; i++) {
		const struct exemption_status *e = &st->exemptions[i];
		auto_free char *in = counter_text(e->in, e->in_before, st->elapsed);
		auto_free char *out = counter_text(e->out, e->out_before, st->elapsed);
		auto_free char *rules = rules_text(e);
		const char *colour = e->have == e->want ? GREEN : RED;

		fprintf(pg->out, "  %-16s %s%-9s%s %-*s %s\n", e->name, pg->colour ? colour : "",
			rules, pg->colour ? PLAIN : "", width, in, out);
		if (pg->verbose && e->description)
			fprintf(pg->out, "  %-16s %s\n", "", e->description);
	}
}

static void print_twins(const struct page *pg, const struct status *st)
{
	if (!st->plan->n_needs && !st->have->n_twins && !st->want->n_twins)
		return;
	heading(pg, "Twins in the host's firewall");
	status_print_twins(st, pg->verbose, pg->out);
}

static void print_walks(const struct page *pg, const struct status *st)
{
	if (!st->walks || !st->walks->n)
		return;
	heading(pg, "Walks through its chains");
	for (size_t i = 0; i < st->walks->n; i++) {
		struct text t = { 0 };

		walk_account_text(&st->walks->v[i], &t);
		fwrite(t.s, 1, t.len, pg->out);
		free(t.s);
	}
}

void status_print_diff(const char *lines, const char *indent, bool colour, FILE *out)
{
	while (*lines) {
		int len = (int)strcspn(lines, "\n");
		const char *paint = *lines == '+' ? GREEN : *lines == '-' ? RED : "";

		fprintf(out, "%s%s", indent, colour ? paint : "");
		fprintf(out, "%.*s", len, lines);
		fprintf(out, "%s\n", colour ? PLAIN : "");
		lines += len + (lines[len] == '\n');
	}
}

static void print_unconfirmed(const struct page *pg, const struct status *st)
{
	auto_free char *where = st->unconfirmed.back
					? xasprintf("generation %ld", st->unconfirmed.back)
					: xstrdup("no rules of untrack at all");

	if (!st->unconfirmed.generation)
		return;
	fprintf(pg->out, "generation %ld is not confirmed", st->unconfirmed.generation);
	if (!st->unconfirmed.timer)
		fprintf(pg->out, ": untrack apply --confirm asks again\n");
	else if (st->unconfirmed.seconds)
		fprintf(pg->out, ": back to %s in %u s, unless untrack confirm\n", where,
			st->unconfirmed.seconds);
	else
		fprintf(pg->out,
			", and its time is over: untrack rollback goes back to %s, untrack confirm "
			"stays\n",
			where);
}

static void print_head(const struct page *pg, const struct status *st)
{
	char when[64] = "";
	struct tm tm;

	if (st->applied && localtime_r(&st->applied, &tm))
		strftime(when, sizeof when, " of %Y-%m-%d %H:%M:%S %Z", &tm);
	if (st->generation)
		fprintf(pg->out, "generation %ld%s, %s: ", st->generation, when, st->backend);
	else
		fprintf(pg->out, "nothing applied yet, %s: ", st->backend);
	fprintf(pg->out, "%zu exemption%s, %zu rule%s, %zu twin%s in the kernel\n",
		st->n_exemptions, plural(st->n_exemptions), st->have->n_rules,
		plural(st->have->n_rules), st->have->n_twins, plural(st->have->n_twins));
	if (st->pending)
		fprintf(pg->out, "%s\n", st->pending);
	print_unconfirmed(pg, st);
}

/* What would not be refused again. */
static const char *cure(const struct status *st)
{
	if (st->blocked)
		return "what the findings say, then untrack apply";
	return st->have->n_foreign ? "untrack apply --force takes away what others put there"
				   : "untrack apply";
}

void status_text(const struct status *st, bool verbose, bool colour, FILE *out)
{
	struct page pg = { out, verbose, colour };

	print_head(&pg, st);
	print_exemptions(&pg, st);
	if (st->table) {
		heading(&pg, "Connection tracking");
		table_text(st->table, st->bars, out);
	}
	print_twins(&pg, st);
	print_walks(&pg, st);
	if (!st->n_drift)
		return;
	heading(&pg, "Drift: + belongs there, - does not");
	status_print_diff(st->drift, "  ", colour, out);
	fprintf(out, "  cure: %s\n", cure(st));
}
