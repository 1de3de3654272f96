/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings as JSON: untrack(8), FORMATS OF FINDINGS. Members are added to this version, none is
 * taken away or changes its meaning. */
#include "report/finding_table.h"
#include "report/findings.h"
#include "report/json.h"
#include "util.h"

#define FORMAT_VERSION 1

static json_t *number_or_null(unsigned n)
{
	return n ? json_integer(n) : json_null();
}

static json_t *hosts_of(const struct finding *f)
{
	json_t *v = json_array();

	for (size_t i = 0; i < f->n_hosts; i++)
		json_array_append_new(v, json_text(f->hosts[i]));
	return v;
}

static json_t *finding_json(const struct finding *f, const struct sources *sources,
			    struct source_line *at)
{
	const struct finding_kind *kind = finding_kind(f->id);
	bool found = f->file && sources_find(sources, f->file, f->line, at);

	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", f->id,
			 "severity", severity_name(f->severity), "title",
			 json_text(kind ? kind->title : NULL), "file", json_text(f->file), "line",
			 number_or_null(f->file ? f->line : 0), "column",
			 number_or_null(f->file && f->line ? f->col : 0), "source",
			 found ? json_bytes(at->s, at->len) : json_null(), "text",
			 json_text(f->text), "cure", json_text(f->cure), "hosts", hosts_of(f));
}

static json_t *host_json(const struct finding_host *h)
{
	json_t *v = json_pack("{s:o, s:o, s:b}", "name", json_text(h->name), "facts",
			      json_text(h->facts), "checked", h->checked);

	if (h->checked)
		json_object_update_new(
			v, json_pack("{s:i, s:i, s:i, s:I, s:I}", "errors", (int)h->errors,
				     "warnings", (int)h->warnings, "notes", (int)h->notes, "rules",
				     (json_int_t)h->n_rules, "twins", (json_int_t)h->n_twins));
	return v;
}

void findings_json(const struct findings *f, FILE *out)
{
	json_t *hosts = json_array(), *findings = json_array();
	struct source_line at = { 0 };

	for (size_t i = 0; i < f->n_hosts; i++)
		json_array_append_new(hosts, host_json(&f->hosts[i]));
	for (size_t i = 0; i < f->d->n; i++)
		json_array_append_new(findings, finding_json(&f->d->v[i], &f->d->sources, &at));
	json_print(json_pack("{s:i, s:s, s:b, s:i, s:I, s:I, s:i, s:i, s:i, s:o, s:o}",
			     "untrack-check", FORMAT_VERSION, "version", VERSION, "valid",
			     f->status == 0, "status", f->status, "exemptions",
			     (json_int_t)f->n_exemptions, "settings", (json_int_t)f->n_settings,
			     "errors", (int)f->d->errors, "warnings", (int)f->d->warnings, "notes",
			     (int)f->d->notes, "hosts", hosts, "findings", findings),
		   out);
}
