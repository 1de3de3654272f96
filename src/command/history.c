/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack history: what was applied when, and what was different then. It changes nothing. */
#include "command/command.h"

#include <string.h>
#include "config/policy_diff.h"
#include "report/json.h"

#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct generation { /* one, newest first */
	long n;
	struct generation_header header;
	struct policy policy;
	char *fault;		       /* why it cannot be read; NULL: it can */
	long against;		       /* what the changes are relative to; 0: nothing at all */
	struct policy_changes changes; /* of what can be read */
};

struct history { /* start from {0} */
	struct generation *v;
	size_t n;
};

static void history_free(struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		generation_header_free(&h->v[i].header);
		policy_free(&h->v[i].policy);
		policy_changes_free(&h->v[i].changes);
		free(h->v[i].fault);
	}
	free(h->v);
	*h = (struct history){ 0 };
}

/* What cannot be read keeps its place in the list, and is a finding as well. */
static void read_generation(const struct session *s, long n, struct generation *g)
{
	auto_free char *name = xasprintf("%s/generation-%ld.conf", s->paths.state_dir, n);
	struct diag faults = { 0 };
	auto_free char *text = generation_read(&s->paths, n, &faults);
	const char *body;

	g->n = n;
	if (!text || generation_parse(text, strlen(text), name, &g->header, &body, &faults) ||
	    policy_parse(&g->policy, text, name, &faults))
		g->fault = xstrdup(faults.n ? faults.v[0].text : "no reason given");
	diag_move(s->d, &faults);
	diag_free(&faults);
}

/* Each against the next older one that can be read, the oldest against nothing. */
static void compare(struct history *h, const struct policy *nothing)
{
	const struct policy *older = nothing;
	long against = 0;

	for (size_t i = h->n; i-- > 0;) {
		struct generation *g = &h->v[i];

		if (g->fault)
			continue;
		policy_diff(older, &g->policy, &g->changes);
		g->against = against;
		older = &g->policy;
		against = g->n;
	}
}

static int history_read(const struct session *s, struct history *h)
{
	long n = generation_newest(&s->paths, s->d);
	struct policy nothing = { 0 };

	for (; n > 0; n = generation_before(&s->paths, n, s->d))
		read_generation(s, n, ARRAY_ADD(h->v, h->n));
	if (n < 0 || policy_parse(&nothing, "", "nothing", s->d))
		return -1;
	compare(h, &nothing);
	policy_free(&nothing);
	return 0;
}

static void add_time(struct text *t, const char *words, time_t when)
{
	char date[64] = "";
	struct tm tm;

	if (when && localtime_r(&when, &tm))
		strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S %Z", &tm);
	if (*date)
		text_add(t, "%s%s", words, date);
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void add_said(struct text *t, const struct generation_header *h)
{
	if (h->errors || h->warnings)
		text_add(t, "    findings: %u error%s, %u warning%s\n", h->errors,
			 plural(h->errors), h->warnings, plural(h->warnings));
	if (h->forced)
		text_add(t, "    forced: %s\n", h->forced);
}

static void add_changes(struct text *t, const struct generation *g, long older)
{
	if (g->against && g->against != older)
		text_add(t, "    against generation %ld:\n", g->against);
	else if (!g->against && g->n > 1)
		text_add(t, "    what was before it is not on record; in it:\n");
	for (size_t i = 0; i < g->changes.n; i++) {
		text_add(t, "    ");
		policy_change_text(&g->changes.v[i], t);
		text_add(t, "\n");
	}
	if (!g->changes.n)
		text_add(t, "    nothing is different\n");
}

/* older: the next one in the list, 0: there is none. */
static void add_generation(struct text *t, const struct session *s, const struct generation *g,
			   long older, bool newest)
{
	const struct generation_header *h = &g->header;

	text_add(t, "%sgeneration %ld%s", s->colour ? BOLD : "", g->n, s->colour ? PLAIN : "");
	if (g->fault) {
		text_add(t, "\n    cannot be read: %s\n", g->fault);
		return;
	}
	add_time(t, " of ", h->applied);
	if (h->backend)
		text_add(t, ", %s", h->backend);
	if (newest)
		text_add(t, ", the current one");
	if (h->unconfirmed)
		text_add(t, ", unconfirmed");
	add_time(t, ", good at boot ", h->good_at_boot);
	text_add(t, "\n");
	add_said(t, h);
	add_changes(t, g, older);
}

static void print_text(const struct session *s, const struct history *h)
{
	struct text t = { 0 };

	for (size_t i = 0; i < h->n; i++)
		add_generation(&t, s, &h->v[i], i + 1 < h->n ? h->v[i + 1].n : 0, i == 0);
	if (!h->n)
		text_add(&t, "nothing was applied yet\n");
	fwrite(t.s, 1, t.len, s->out);
	free(t.s);
}

static json_t *changes_json(const struct policy_changes *changes)
{
	json_t *list = json_array();

	for (size_t i = 0; i < changes->n; i++) {
		const struct policy_change *c = &changes->v[i];
		struct text t = { 0 };

		policy_change_text(c, &t);
		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "change",
						policy_change_kind_name(c->kind), "section",
						json_text(c->section), "key", json_text(c->key),
						"before", json_text(c->before), "after",
						json_text(c->after), "text", json_text(t.s)));
		free(t.s);
	}
	return list;
}

/* "nat-conflict, state-lost" as a list */
static json_t *forced_json(const char *forced)
{
	json_t *list = json_array();

	for (size_t len; forced && *forced; forced += len + strspn(forced + len, ", ")) {
		len = strcspn(forced, ",");
		json_array_append_new(list, json_stringn(forced, len));
	}
	return list;
}

static json_t *time_json(time_t when)
{
	return when ? json_integer(when) : json_null();
}

static json_t *generation_json(const struct generation *g)
{
	const struct generation_header *h = &g->header;

	if (g->fault)
		return json_pack("{s:I, s:o}", "generation", (json_int_t)g->n, "fault",
				 json_text(g->fault));
	return json_pack("{s:I, s:o, s:o, s:{s:I, s:I}, s:o, s:b, s:o, s:o, s:o}", "generation",
			 (json_int_t)g->n, "applied", time_json(h->applied), "backend",
			 json_text(h->backend), "findings", "errors", (json_int_t)h->errors,
			 "warnings", (json_int_t)h->warnings, "forced", forced_json(h->forced),
			 "unconfirmed", h->unconfirmed, "good-at-boot", time_json(h->good_at_boot),
			 "against", g->against ? json_integer(g->against) : json_null(), "changes",
			 changes_json(&g->changes));
}

static void print_json(const struct session *s, const struct history *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(list, generation_json(&h->v[i]));
	json_print(json_pack("{s:o}", "generations", list), s->out);
}

enum exit_code command_history(struct session *s)
{
	struct history h = { 0 };
	enum exit_code code = CODE_USAGE;

	if (!history_read(s, &h)) {
		if (s->req.json)
			print_json(s, &h);
		else
			print_text(s, &h);
		code = s->d->errors ? CODE_USAGE : CODE_DONE;
	}
	history_free(&h);
	return code;
}
