/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings as SARIF 2.1.0 (OASIS), which code scanning services read. */
#include <inttypes.h>
#include <string.h>

#include "report/finding_table.h"
#include "report/json.h"
#include "report/place.h"
#include "util.h"

#define SCHEMA                                                        \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/" \
	"schemas/sarif-schema-2.1.0.json"

struct writer {
	const struct findings *all;
	struct source_line at;
	uint64_t *prints; /* of the results so far */
	size_t n_prints;
};

static json_t *message(const char *text)
{
	return json_pack("{s:o}", "text", json_text(text));
}

static json_t *rules(void)
{
	json_t *v = json_array();

	for (size_t i = 0; i < n_finding_kinds; i++) {
		const struct finding_kind *k = &finding_kinds[i];
		auto_free char *help = xasprintf("%s\n\n%s", k->why, k->cure);

		/* No name beside the id: a reader of Microsoft refuses one that is the id in other
		 * letters. */
		json_array_append_new(v, json_pack("{s:s, s:o, s:o, s:o, s:{s:s}}", "id", k->id,
						   "shortDescription", message(k->title),
						   "fullDescription", message(k->why), "help",
						   message(help), "defaultConfiguration", "level",
						   severity_name(k->severity)));
	}
	return v;
}

/* What is about a whole file stands at its beginning: without a line readers forget the file. */
static json_t *region(const struct place *p)
{
	json_t *r = json_pack("{s:i}", "startLine", p->line ? (int)p->line : 1);

	if (p->column)
		json_object_set_new(r, "startColumn", json_integer(p->column));
	if (p->text)
		json_object_set_new(r, "snippet",
				    json_pack("{s:o}", "text", json_bytes(p->text, p->len)));
	return r;
}

/* What is relative is so to the root of the files that are checked. */
static json_t *location(const struct place *p)
{
	auto_free char *uri = place_uri(p->path);
	json_t *artifact = json_pack("{s:o}", "uri", json_text(uri)), *physical;

	if (*p->path != '/')
		json_object_set_new(artifact, "uriBaseId", json_string("%SRCROOT%"));
	physical = json_pack("{s:o}", "artifactLocation", artifact);
	json_object_set_new(physical, "region", region(p));
	return json_pack("{s:o}", "physicalLocation", physical);
}

static uint64_t hash(uint64_t h, const char *s, size_t n)
{
	for (size_t i = 0; i <= n; i++) { /* FNV-1a; a zero between the parts */
		h ^= i < n ? (unsigned char)s[i] : 0;
		h *= 0x100000001b3;
	}
	return h;
}

/* The same finding in a later version of the files: lines may have moved. What the line says
 * counts, and where nothing is known of it, the finding; of equal ones, their order. */
static json_t *fingerprint(struct writer *w, const struct finding *f, const struct place *p)
{
	uint64_t h = hash(0xcbf29ce484222325, f->id, strlen(f->id));
	auto_free char *print = NULL;
	size_t again = 1;

	h = hash(h, p->path, strlen(p->path));
	h = p->text ? hash(h, p->text, p->len) : hash(h, f->text, strlen(f->text));
	for (size_t i = 0; i < w->n_prints; i++)
		again += w->prints[i] == h;
	*ARRAY_ADD(w->prints, w->n_prints) = h;
	print = xasprintf("%016" PRIx64 ":%zu", h, again);
	return json_pack("{s:o}", "untrack/v1", json_text(print));
}

static json_t *result(struct writer *w, const struct finding *f)
{
	const struct finding_kind *kind = finding_kind(f->id);
	auto_free char *hosts = finding_hosts(f);
	auto_free char *text =
		xasprintf("%s%s%s%s%s", hosts ? hosts : "", hosts ? ": " : "", f->text,
			  f->cure ? "\nCure: " : "", f->cure ? f->cure : "");
	struct place p;
	json_t *r;

	place_of(w->all, f, &w->at, &p);
	r = json_pack("{s:s, s:s, s:o, s:[o], s:o}", "ruleId", f->id, "level",
		      severity_name(f->severity), "message", message(text), "locations",
		      location(&p), "partialFingerprints", fingerprint(w, f, &p));
	if (kind)
		json_object_set_new(r, "ruleIndex", json_integer(kind - finding_kinds));
	if (f->n_hosts) {
		json_t *v = json_array();

		for (size_t i = 0; i < f->n_hosts; i++)
			json_array_append_new(v, json_text(f->hosts[i]));
		json_object_set_new(r, "properties", json_pack("{s:o}", "hosts", v));
	}
	place_free(&p);
	return r;
}

void findings_sarif(const struct findings *f, FILE *out)
{
	struct writer w = { .all = f };
	json_t *results = json_array();

	for (size_t i = 0; i < f->d->n; i++)
		json_array_append_new(results, result(&w, &f->d->v[i]));
	json_print(json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:[{s:b, s:i}], s:o}]}",
			     "$schema", SCHEMA, "version", "2.1.0", "runs", "tool", "driver",
			     "name", "untrack", "version", VERSION, "rules", rules(), "columnKind",
			     "utf16CodeUnits", "invocations", "executionSuccessful", f->status < 2,
			     "exitCode", f->status, "results", results),
		   out);
	free(w.prints);
}
