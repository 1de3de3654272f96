/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status for a person. */
#include "report/status.h"

#include <inttypes.h>
#include <string.h>

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

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* "512 B", "1.5 KiB", "20 GiB" */
static char *bytes_text(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	return xasprintf("%.*f %s", unit && value < 10 ? 1 : 0, value, units[unit]);
}

static char *counter_text(const struct counter *c)
{
	auto_free char *bytes = c ? bytes_text(c->bytes) : NULL;

	return c ? xasprintf("%" PRIu64 " packet%s, %s", c->packets, plural(c->packets), bytes)
		 : xstrdup("-");
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
	if (!st->n_exemptions)
		return;
	heading(pg, "Exemptions");
	fprintf(pg->out, "  %-16s %-9s %-28s %s\n", "name", "rules", "in", "out");
	for (size_t i = 0; i < st->n_exemptions; i++) {
		const struct exemption_status *e = &st->exemptions[i];
		auto_free char *in = counter_text(e->in), *rules = rules_text(e);
		auto_free char *out = counter_text(e->out);
		const char *colour = e->have == e->want ? GREEN : RED;

		fprintf(pg->out, "  %-16s %s%-9s%s %-28s %s\n", e->name, pg->colour ? colour : "",
			rules, pg->colour ? PLAIN : "", in, out);
		if (pg->verbose && e->description)
			fprintf(pg->out, "  %-16s %s\n", "", e->description);
	}
}

static size_t count_twins(const struct ruleset *rs, const struct fw_chain *c)
{
	size_t n = 0;

	for (size_t i = 0; i < rs->n_twins; i++)
		n += twin_is_in(&rs->twins[i], c);
	return n;
}

/* Chains that are jumped to hold twins, too, and have no need of their own. */
static void print_twin_places(const struct page *pg, const struct ruleset *have)
{
	for (size_t i = 0, same = 1; i < have->n_twins; i++, same++) {
		const struct twin *w = &have->twins[i], *next = w + 1;
		struct text t = { 0 };

		if (i + 1 < have->n_twins && !twin_compare_chains(w, next))
			continue;
		chain_name_text(w->form, w->family, w->table, w->chain, &t);
		fprintf(pg->out, "  %s: %zu twin%s\n", t.s, same, plural(same));
		free(t.s);
		same = 0;
	}
}

/* One line for all needs of this kind of one base chain. */
static void print_need(const struct page *pg, const struct twin_plan *plan, size_t first)
{
	const struct chain_need *need = &plan->needs[first];
	struct text t = { 0 };
	size_t others = 0;

	for (size_t i = first + 1; i < plan->n_needs; i++)
		others += plan->needs[i].chain == need->chain &&
			  plan->needs[i].need == need->need &&
			  strcmp(plan->needs[i].why, need->why) != 0;
	fw_chain_text(need->chain, &t);
	fprintf(pg->out, "  %s: %s: %s", t.s, twin_need_name(need->need), need->why);
	if (others)
		fprintf(pg->out, " (and more: -v)");
	fputc('\n', pg->out);
	free(t.s);
}

static bool has_need(const struct twin_plan *plan, const struct fw_chain *c, enum twin_need need)
{
	for (size_t i = 0; i < plan->n_needs; i++)
		if (plan->needs[i].chain == c && plan->needs[i].need == need)
			return true;
	return false;
}

static bool said_before(const struct twin_plan *plan, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (plan->needs[k].chain == plan->needs[i].chain &&
		    plan->needs[k].need == plan->needs[i].need)
			return true;
	return false;
}

/* Does it say the same of the same packets, the family aside? */
static bool same_but_family(const struct chain_need *a, const struct chain_need *b)
{
	return a->chain == b->chain && a->class == b->class && a->need == b->need &&
	       !strcmp(a->names, b->names) && !strcmp(a->why, b->why);
}

/* One line for both families where they fare alike. */
static void print_in_full(const struct page *pg, const struct twin_plan *plan, size_t i)
{
	const struct chain_need *need = &plan->needs[i];
	const char *family = need->family == FAMILY_V4 ? " ipv4" : " ipv6";
	struct text t = { 0 };

	for (size_t k = 0; k < plan->n_needs; k++) {
		if (k == i || !same_but_family(need, &plan->needs[k]))
			continue;
		if (k < i)
			return;
		family = "";
	}
	fw_chain_text(need->chain, &t);
	fprintf(pg->out, "  %s: %s%s %s: %s: %s\n", t.s, need->names, family,
		packet_class_name(need->class), twin_need_name(need->need), need->why);
	free(t.s);
}

static void print_twins(const struct page *pg, const struct status *st)
{
	const struct twin_plan *plan = st->plan;

	if (!plan->n_needs && !st->have->n_twins)
		return;
	heading(pg, "Twins in the host's firewall");
	print_twin_places(pg, st->have);
	for (size_t i = 0; i < plan->n_needs; i++) {
		bool silent = plan->needs[i].need == NEED_TWINS &&
			      count_twins(st->have, plan->needs[i].chain);

		silent = silent || (plan->needs[i].need == NEED_NONE &&
				    has_need(plan, plan->needs[i].chain, NEED_TWINS));

		if (pg->verbose)
			print_in_full(pg, plan, i);
		else if (!silent && !said_before(plan, i))
			print_need(pg, plan, i);
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
}

void status_text(const struct status *st, bool verbose, bool colour, FILE *out)
{
	struct page pg = { out, verbose, colour };

	print_head(&pg, st);
	print_exemptions(&pg, st);
	print_twins(&pg, st);
	if (!st->n_drift)
		return;
	heading(&pg, "Drift: + belongs there, - does not");
	status_print_diff(st->drift, "  ", colour, out);
	fprintf(out, "  cure: untrack apply\n");
}
