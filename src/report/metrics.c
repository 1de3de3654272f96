/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text format of Prometheus: HELP and TYPE of each metric, then its series. */
#include "report/metrics.h"

#include <inttypes.h>
#include <string.h>

#define GAUGE "gauge"
#define COUNTER "counter"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP untrack_%s %s\n# TYPE untrack_%s %s\n", name, help, name, type);
}

static void number(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	fprintf(out, "untrack_%s %" PRIu64 "\n", name, value);
}

/* Quotes, backslashes and ends of lines are the only bytes that a label's value escapes. */
static void label(FILE *out, const char *before, const char *name, const char *value)
{
	fprintf(out, "%s%s=\"", before, name);
	for (const char *s = value; *s; s++) {
		if (*s == '\n')
			fputs("\\n", out);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

/* ---- the table of connection tracking ----------------------------------------------------------
 */

static void print_table(const struct metrics *m, FILE *out)
{
	if (m->entries)
		number(out, "conntrack_entries", GAUGE,
		       "Entries in the table of connection tracking of this network namespace.",
		       *m->entries);
	if (m->max)
		number(out, "conntrack_entries_limit", GAUGE,
		       "Entries that the table may hold; more connections are dropped.", *m->max);
	if (m->buckets)
		number(out, "conntrack_buckets", GAUGE,
		       "Buckets of its hash table, which all network namespaces share.",
		       *m->buckets);
}

static const struct stat {
	const char *name, *help;
	size_t offset;
} stats[] = {
#define STAT(field) offsetof(struct ct_stats, field)
	{ "conntrack_found_total", "Searches of the table that found an entry.", STAT(found) },
	{ "conntrack_invalid_total", "Packets that could not be tracked.", STAT(invalid) },
	{ "conntrack_insert_total", "Entries that were inserted by other than packets.",
	  STAT(insert) },
	{ "conntrack_insert_failed_total",
	  "Entries that could not be inserted since the same was there already.",
	  STAT(insert_failed) },
	{ "conntrack_drop_total", "Packets dropped because the table was full, or without memory.",
	  STAT(drop) },
	{ "conntrack_early_drop_total", "Entries dropped to make room in a full table.",
	  STAT(early_drop) },
	{ "conntrack_error_total", "Packets with errors that connection tracking found.",
	  STAT(error) },
	{ "conntrack_search_restart_total",
	  "Searches that began again since the table was resized.", STAT(search_restart) },
	{ "conntrack_clash_resolve_total", "Clashes of two packets of one new flow, resolved.",
	  STAT(clash_resolve) },
	{ "conntrack_chain_too_long_total",
	  "Entries that could not be inserted since their bucket was too full.",
	  STAT(chain_toolong) },
};

static void print_stats(const struct ct_stats *s, FILE *out)
{
	for (size_t i = 0; s && i < ARRAY_SIZE(stats); i++)
		number(out, stats[i].name, COUNTER, stats[i].help,
		       *(const uint64_t *)(const void *)((const char *)s + stats[i].offset));
}

/* ---- exemptions --------------------------------------------------------------------------------
 */

struct metric { /* of one metric, whose head comes with its first series */
	const char *name, *help;
	size_t offset; /* of the value, in a counter */
	bool begun;
	FILE *out;
};

static void direction(struct metric *f, const struct exemption_status *e, const char *word,
		      const struct counter *c)
{
	if (!c)
		return;
	if (!f->begun)
		head(f->out, f->name, COUNTER, f->help);
	f->begun = true;
	fprintf(f->out, "untrack_%s", f->name);
	label(f->out, "{", "exemption", e->name);
	label(f->out, ",", "direction", word);
	fprintf(f->out, "} %" PRIu64 "\n",
		*(const uint64_t *)(const void *)((const char *)c + f->offset));
}

static void print_counters(const struct status *st, const char *name, const char *help,
			   size_t offset, FILE *out)
{
	struct metric f = { name, help, offset, false, out };

	for (size_t i = 0; i < st->n_exemptions; i++) {
		direction(&f, &st->exemptions[i], "in", st->exemptions[i].in);
		direction(&f, &st->exemptions[i], "out", st->exemptions[i].out);
	}
}

static void print_missing(const struct status *st, FILE *out)
{
	if (!st->n_exemptions)
		return;
	head(out, "exemption_rules_missing", GAUGE,
	     "Rules of the exemption that are not in the kernel.");
	for (size_t i = 0; i < st->n_exemptions; i++) {
		const struct exemption_status *e = &st->exemptions[i];

		fputs("untrack_exemption_rules_missing", out);
		label(out, "{", "exemption", e->name);
		fprintf(out, "} %zu\n", e->want > e->have ? e->want - e->have : 0);
	}
}

static void print_twins(const struct status *st, FILE *out)
{
	static const enum twin_standing all[] = { TWIN_PRESENT, TWIN_MISSING, TWIN_DISPLACED,
						  TWIN_STALE, TWIN_UNNEEDED };

	head(out, "twins", GAUGE,
	     "Copies of the firewall's state rules for exempt packets, by how they stand.");
	for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
		size_t n = 0;

		for (size_t i = 0; i < st->have->n_twins; i++)
			n += st->of_have[i] == all[k];
		for (size_t i = 0; all[k] == TWIN_MISSING && i < st->want->n_twins; i++)
			n += st->of_want[i] == TWIN_MISSING;
		fputs("untrack_twins", out);
		label(out, "{", "state", twin_standing_name(all[k]));
		fprintf(out, "} %zu\n", n);
	}
}

/* ---- how it came about, and what is wrong ------------------------------------------------------
 */

static void print_records(const struct status *st, FILE *out)
{
	number(out, "generation", GAUGE,
	       "Number of the configuration that was applied last; 0: none was.",
	       (uint64_t)st->generation);
	if (st->applied > 0)
		number(out, "last_apply_timestamp_seconds", GAUGE,
		       "When it was applied, in seconds since 1970.", (uint64_t)st->applied);
	number(out, "unconfirmed", GAUGE, "1: it was applied with --confirm, and nobody confirmed.",
	       st->unconfirmed.generation != 0);
	number(out, "files_differ", GAUGE,
	       "1: the configuration files say something else, or are not valid.",
	       st->pending != NULL);
	number(out, "rules", GAUGE, "Rules of untrack in the kernel, without twins.",
	       st->have->n_rules);
	number(out, "drift", GAUGE,
	       "Differences between the kernel and what was applied: lines of untrack status.",
	       st->n_drift);
	number(out, "blocked", GAUGE,
	       "1: the host's firewall does not allow what was applied any more.", st->blocked);
}

static bool is_first(const struct diag *d, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(d->v[k].id, d->v[i].id) && d->v[k].severity == d->v[i].severity)
			return false;
	return true;
}

static void print_findings(const struct diag *d, FILE *out)
{
	if (!d->n)
		return;
	head(out, "findings", GAUGE,
	     "What is worth telling about what was applied, by id; see untrack(8).");
	for (size_t i = 0; i < d->n; i++) {
		size_t n = 0;

		if (!is_first(d, i))
			continue;
		for (size_t k = i; k < d->n; k++)
			n += !strcmp(d->v[k].id, d->v[i].id) &&
			     d->v[k].severity == d->v[i].severity;
		fputs("untrack_findings", out);
		label(out, "{", "id", d->v[i].id);
		label(out, ",", "severity", severity_name(d->v[i].severity));
		fprintf(out, "} %zu\n", n);
	}
}

void metrics_print(const struct metrics *m, FILE *out)
{
	head(out, "build_info", GAUGE, "Always 1: the version, and where its rules are.");
	fputs("untrack_build_info", out);
	label(out, "{", "version", m->version);
	label(out, ",", "backend", m->status->backend);
	fputs("} 1\n", out);
	print_table(m, out);
	print_stats(m->stats, out);
	print_counters(m->status, "exempt_packets_total", "Packets that were not tracked.",
		       offsetof(struct counter, packets), out);
	print_counters(m->status, "exempt_bytes_total", "Bytes of these packets.",
		       offsetof(struct counter, bytes), out);
	print_missing(m->status, out);
	print_twins(m->status, out);
	print_records(m->status, out);
	print_findings(m->findings, out);
}
