/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status for a program. */
#include "report/status.h"

#include <string.h>
#include "report/json.h"

static json_t *counter_json(const struct counter *c)
{
	if (!c)
		return json_null();
	return json_pack("{s:I, s:I}", "packets", (json_int_t)c->packets, "bytes",
			 (json_int_t)c->bytes);
}

static json_t *exemptions_json(const struct status *st)
{
	json_t *list = json_array();

	for (size_t i = 0; i < st->n_exemptions; i++) {
		const struct exemption_status *e = &st->exemptions[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:o, s:{s:I, s:I}, s:o, s:o}", "name", e->name,
				  "kind", e->kind, "description", json_text(e->description),
				  "rules", "want", (json_int_t)e->want, "have", (json_int_t)e->have,
				  "in", counter_json(e->in), "out", counter_json(e->out)));
	}
	return list;
}

static json_t *twins_json(const struct ruleset *have)
{
	json_t *list = json_array();

	for (size_t i = 0; i < have->n_twins; i++) {
		const struct twin *w = &have->twins[i];

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o, s:o, s:I}", "family",
					table_family_name(w->family), "table", json_text(w->table),
					"chain", json_text(w->chain), "exemptions",
					json_text(w->names), "handle", (json_int_t)w->handle));
	}
	return list;
}

static json_t *needs_json(const struct twin_plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->n_needs; i++) {
		const struct chain_need *need = &plan->needs[i];
		const struct fw_chain *c = need->chain;

		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:o}", "family",
				  table_family_name(c->family), "table", json_text(c->table),
				  "chain", json_text(c->name), "exemptions", json_text(need->names),
				  "class", packet_class_name(need->class), "packets",
				  need->family == FAMILY_V4 ? "ipv4" : "ipv6", "need",
				  twin_need_name(need->need), "why", json_text(need->why)));
	}
	return list;
}

static json_t *drift_json(const char *lines)
{
	json_t *list = json_array();

	while (*lines) {
		size_t len = strcspn(lines, "\n");
		auto_free char *line = xasprintf("%.*s", (int)len, lines);

		json_array_append_new(list, json_text(line));
		lines += len + (lines[len] == '\n');
	}
	return list;
}

void status_json(const struct status *st, FILE *out)
{
	json_t *root = json_object();

	json_object_set_new(root, "generation",
			    st->generation ? json_integer(st->generation) : json_null());
	json_object_set_new(root, "applied", st->applied ? json_integer(st->applied) : json_null());
	json_object_set_new(root, "backend", json_text(st->backend));
	json_object_set_new(root, "blocked", json_boolean(st->blocked));
	json_object_set_new(root, "pending", json_text(st->pending));
	json_object_set_new(root, "exemptions", exemptions_json(st));
	json_object_set_new(root, "rules", json_integer((json_int_t)st->have->n_rules));
	json_object_set_new(root, "twins", twins_json(st->have));
	json_object_set_new(root, "needs", needs_json(st->plan));
	json_object_set_new(root, "drift", drift_json(st->drift));
	json_print(root, out);
}
