/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status for a program. */
#include "report/status.h"

#include <string.h>
#include "report/json.h"

static json_t *counter_json(const struct counter *c, const struct counter *before, double elapsed)
{
	struct counter_rate rate;
	json_t *o;

	if (!c)
		return json_null();
	o = json_pack("{s:I, s:I}", "packets", (json_int_t)c->packets, "bytes",
		      (json_int_t)c->bytes);
	if (counter_rate(c, before, elapsed, &rate)) {
		json_object_set_new(o, "packets_a_second", json_real(rate.packets));
		json_object_set_new(o, "bytes_a_second", json_real(rate.bytes));
	}
	return o;
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
				  "in", counter_json(e->in, e->in_before, st->elapsed), "out",
				  counter_json(e->out, e->out_before, st->elapsed)));
	}
	return list;
}

static void add_twins(json_t *list, const struct ruleset *rs, const enum twin_standing *is,
		      bool missing)
{
	for (size_t i = 0; i < rs->n_twins; i++) {
		const struct twin *w = &rs->twins[i];

		if (missing != (is[i] == TWIN_MISSING))
			continue;
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:s}", "form",
					form_name(w->form), "family", table_family_name(w->family),
					"table", json_text(w->table), "chain", json_text(w->chain),
					"exemptions", json_text(w->names), "handle",
					missing ? json_null() : json_integer((json_int_t)w->handle),
					"state", twin_standing_name(is[i])));
	}
}

/* Those that are there, and then those that are missing. */
static json_t *twins_json(const struct status *st)
{
	json_t *list = json_array();

	add_twins(list, st->have, st->of_have, false);
	add_twins(list, st->want, st->of_want, true);
	return list;
}

static json_t *chain_json(const struct fw_chain *c)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "form", form_name(c->form), "family",
			 table_family_name(c->family), "table", json_text(c->table), "chain",
			 json_text(c->name));
}

static const char *family_name(enum family f)
{
	return f == FAMILY_V4 ? "ipv4" : "ipv6";
}

static json_t *needs_json(const struct twin_plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->n_needs; i++) {
		const struct chain_need *need = &plan->needs[i];
		json_t *o = chain_json(need->chain);

		json_object_set_new(o, "exemptions", json_text(need->names));
		json_object_set_new(o, "class", json_text(packet_class_name(need->class)));
		json_object_set_new(o, "packets", json_text(family_name(need->family)));
		json_object_set_new(o, "ports", json_text(need->part));
		json_object_set_new(o, "need", json_text(twin_need_name(need->need)));
		json_object_set_new(o, "finding", json_text(need->finding));
		json_object_set_new(o, "why", json_text(need->why));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *walk_rules_json(const struct walk_account *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_lines; i++) {
		const struct walk_line *l = &a->lines[i];
		auto_free char *text = l->last == l->number ? fw_rule_text(l->rule) : NULL;
		const char *twin = walk_twin_name(l->twin);

		json_array_append_new(
			list, json_pack("{s:o, s:I, s:I, s:I, s:o, s:s, s:s, s:o}", "chain",
					json_text(l->chain->name), "depth", (json_int_t)l->depth,
					"first", (json_int_t)l->number, "last", (json_int_t)l->last,
					"rule", json_text(text), "tracked", l->tracked, "untracked",
					l->untracked, "twin", json_text(*twin ? twin : NULL)));
	}
	return list;
}

static json_t *walk_packets_json(const struct walk_account *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_packets; i++)
		for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
			if (a->packets[i].families & 1u << f)
				json_array_append_new(
					list, json_pack("{s:o, s:s, s:s}", "exemptions",
							json_text(a->packets[i].names), "class",
							packet_class_name(a->packets[i].class),
							"packets", family_name((enum family)f)));
	return list;
}

static json_t *walks_json(const struct walk_accounts *walks)
{
	json_t *list = json_array();

	for (size_t i = 0; i < walks->n; i++) {
		const struct walk_account *a = &walks->v[i];
		json_t *o = chain_json(a->chain);

		json_object_set_new(o, "packets", walk_packets_json(a));
		json_object_set_new(o, "rules", walk_rules_json(a));
		json_object_set_new(o, "tracked", json_text(a->tracked));
		json_object_set_new(o, "untracked", json_text(a->untracked));
		json_object_set_new(o, "twinned", json_text(a->twinned));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *lines_json(const char *lines)
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

static json_t *unconfirmed_json(const struct status *st)
{
	if (!st->unconfirmed.generation)
		return json_null();
	if (!st->unconfirmed.timer)
		return json_pack("{s:I}", "generation", (json_int_t)st->unconfirmed.generation);
	return json_pack("{s:I, s:I, s:I}", "generation", (json_int_t)st->unconfirmed.generation,
			 "back", (json_int_t)st->unconfirmed.back, "seconds",
			 (json_int_t)st->unconfirmed.seconds);
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
	json_object_set_new(root, "unconfirmed", unconfirmed_json(st));
	json_object_set_new(root, "exemptions", exemptions_json(st));
	json_object_set_new(root, "rules", json_integer((json_int_t)st->have->n_rules));
	if (st->table)
		json_object_set_new(root, "conntrack", table_json(st->table));
	json_object_set_new(root, "twins", twins_json(st));
	json_object_set_new(root, "needs", needs_json(st->plan));
	if (st->walks)
		json_object_set_new(root, "walks", walks_json(st->walks));
	json_object_set_new(root, "drift", lines_json(st->drift));
	json_print(root, out);
}

void status_diff_json(const char *lines, const char *backend, const struct ruleset *have,
		      bool blocked, FILE *out)
{
	json_print(json_pack("{s:o, s:b, s:b, s:I, s:I, s:o}", "backend", json_text(backend),
			     "equal", *lines == 0, "blocked", blocked, "rules",
			     (json_int_t)have->n_rules, "twins", (json_int_t)have->n_twins,
			     "differences", lines_json(lines)),
		   out);
}
