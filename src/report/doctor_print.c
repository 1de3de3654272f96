/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the doctor found: for people, and for programs. */
#include <inttypes.h>
#include "report/doctor.h"
#include "report/json.h"
#include "report/quantity.h"
#include "report/table_text.h"
#include "util.h"

/* "256 B x 12 entries + 8 B x 262144 buckets = 2.0 MiB" */
static void print_cost(const struct doctor_facts *f, const char *what, uint64_t entries,
		       uint64_t buckets, FILE *out)
{
	uint64_t bytes = doctor_memory(f->entry_bytes, entries, buckets);
	auto_free char *sum = bytes_text(bytes);

	fprintf(out,
		"  %-10s %" PRIu64 " entries x %" PRIu64 " B + %" PRIu64 " buckets x %d B = %s",
		what, entries, f->entry_bytes, buckets, DOCTOR_BUCKET_BYTES, sum);
	if (f->memory)
		fprintf(out, " (%.1f %% of the host's memory)",
			100.0 * (double)bytes / (double)f->memory);
	fputc('\n', out);
}

static void print_memory(const struct doctor_facts *f, FILE *out)
{
	uint64_t proposed = doctor_proposed_max(f);

	if (!f->entry_bytes) {
		fprintf(out, "memory: not known what an entry costs: %s\n",
			f->entry_why ? f->entry_why : "nobody says");
		return;
	}
	fputs("memory (extensions of entries, for NAT, helpers, counters, come on top)\n", out);
	print_cost(f, "now", f->count, f->buckets, out);
	print_cost(f, "full", f->max, f->buckets, out);
	if (proposed)
		print_cost(f, "proposed", proposed, proposed, out);
}

static void print_table(const struct doctor_facts *f, FILE *out)
{
	if (f->absent) {
		fputs("table: none, there is no connection tracking in this kernel, or its module "
		      "is not loaded\n",
		      out);
		return;
	}
	fprintf(out, "table: %" PRIu64 " of %" PRIu64 " entries (%.1f %%)", f->count, f->max,
		f->max ? 100.0 * (double)f->count / (double)f->max : 0);
	if (f->growth >= 1 || f->growth <= -1)
		fprintf(out, ", %.0f %s a second", f->growth < 0 ? -f->growth : f->growth,
			f->growth < 0 ? "fewer" : "more");
	fprintf(out, "\nbuckets: %" PRIu64 ", %.2f entries a bucket", f->buckets,
		f->buckets ? (double)f->count / (double)f->buckets : 0);
	if (f->buckets)
		fprintf(out, ", %.2f when full", (double)f->max / (double)f->buckets);
	fputc('\n', out);
	print_memory(f, out);
	if (f->stats) {
		fputs("since boot: ", out);
		table_stats_text(f->stats, out);
	}
}

void doctor_text(const struct doctor_facts *f, const struct diag *d, bool quiet, bool colour,
		 FILE *out)
{
	unsigned problems = d->errors + d->warnings;

	if (!quiet) {
		print_table(f, out);
		fputc('\n', out);
	}
	diag_print(d, out, quiet ? SEVERITY_WARNING : SEVERITY_NOTE, colour);
	if (quiet)
		return;
	if (problems)
		fprintf(out, "%u problem%s", problems, plural(problems));
	else
		fputs(f->stats_why || f->census_why ? "no problem found, in what could be read"
						    : "healthy",
		      out);
	if (d->notes)
		fprintf(out, ", %u note%s", d->notes, plural(d->notes));
	fputc('\n', out);
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *known(uint64_t n)
{
	return n ? number(n) : json_null();
}

static json_t *findings_list(const struct diag *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n; i++) {
		const struct finding *v = &d->v[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "id", v->id, "severity",
					severity_name(v->severity), "text", json_text(v->text),
					"cure", json_text(v->cure), "file", json_text(v->file),
					"line", v->file ? number(v->line) : json_null()));
	}
	return list;
}

static json_t *timeouts_json(const struct doctor_facts *f)
{
	json_t *list = json_array();

	for (unsigned id = 0; f->plan && id < LIFETIMES; id++) {
		const struct lifetime *l = lifetime((enum lifetime_id)id);
		const struct census_lifetime *c = f->census ? &f->census->lifetimes[id] : NULL;

		if (!l->key)
			continue;
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "key", l->key, "sysctl",
				  l->sysctl, "seconds", known(f->plan[id].now), "enough",
				  known(f->plan[id].proposed), "entries",
				  c ? number(c->entries) : json_null(), "freed",
				  c && f->plan[id].proposed ? number(c->freed) : json_null()));
	}
	return list;
}

static json_t *memory_json(const struct doctor_facts *f)
{
	uint64_t proposed = doctor_proposed_max(f);

	if (!f->entry_bytes)
		return json_null();
	return json_pack("{s:o, s:i, s:o, s:o, s:o, s:o}", "entry", number(f->entry_bytes),
			 "bucket", DOCTOR_BUCKET_BYTES, "now",
			 number(doctor_memory(f->entry_bytes, f->count, f->buckets)), "full",
			 number(doctor_memory(f->entry_bytes, f->max, f->buckets)), "proposed",
			 proposed ? number(doctor_memory(f->entry_bytes, proposed, proposed))
				  : json_null(),
			 "host", known(f->memory));
}

void doctor_json(const struct doctor_facts *f, const struct diag *d, FILE *out)
{
	json_t *root = json_object();
	bool there = !f->absent;

	json_object_set_new(root, "healthy", json_boolean(!d->errors && !d->warnings));
	json_object_set_new(root, "count", there ? number(f->count) : json_null());
	json_object_set_new(root, "max", known(f->max));
	json_object_set_new(root, "buckets", known(f->buckets));
	json_object_set_new(root, "growth", there ? json_real(f->growth) : json_null());
	json_object_set_new(root, "proposed_max", known(doctor_proposed_max(f)));
	json_object_set_new(root, "memory", memory_json(f));
	json_object_set_new(root, "statistics", table_stats_json(f->stats));
	json_object_set_new(root, "log_lines", f->log_why ? json_null() : number(f->log_lines));
	json_object_set_new(root, "timeouts", timeouts_json(f));
	json_object_set_new(root, "findings", findings_list(d));
	json_print(root, out);
}
