/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack facts, and check against hosts: the live one, or those whose facts are in files. */
#include "report/facts.h"

#include <string.h>
#include "command/command.h"
#include "kernel/backend.h"
#include "kernel/host.h"
#include "rules/preflight.h"
#include "rules/twin.h"
#include "rules/word.h"

int host_live(enum backend_choice choice, unsigned facts, struct host *h, enum form *home,
	      struct diag *d)
{
	const struct backend_ops *ops;
	struct ruleset ours = { 0 };
	struct backend *b;
	int rc;

	host_read(h, facts);
	rc = backend_open(choice, &ops, &b, d);
	if (!rc) {
		rc = ops->read(b, &ours, &h->fw, d);
		ops->close(b);
		if (home)
			*home = ops->home;
	}
	ruleset_free(&ours);
	if (rc)
		*ARRAY_ADD(h->unread, h->n_unread) =
			xasprintf("firewall: %s", d->n ? d->v[d->n - 1].text : "no reason given");
	return rc;
}

enum exit_code command_facts(struct session *s)
{
	const struct policy any = { .backend = BACKEND_AUTO };
	struct host h = { 0 };
	int rc = host_live(session_backend(s, &any), HOST_ALL, &h, NULL, s->d);

	for (size_t i = 0; i < h.n_unread; i++)
		if (strncmp(h.unread[i], "firewall", strlen("firewall")) != 0)
			diag_note(s->d, NULL, "facts-unread", "not known: %s", h.unread[i]);
	facts_print(&h, s->out);
	host_free(&h);
	return rc ? CODE_USAGE : CODE_DONE;
}

/* ---- check --facts, --live ---- */

struct checked { /* on one host */
	char *name;
	struct diag d;
	bool unusable; /* there are no facts to check against */
	size_t n_rules, n_twins;
};

static void check_host(const struct policy *p, const struct host *h, enum form home,
		       struct checked *v)
{
	struct host_params params = h->params;
	struct ruleset rs = { 0 };

	params.home = home;

	if (host_is_unread(h, "firewall")) {
		diag_error(&v->d, NULL, "facts", 0,
			   "the firewall of %s is not among its facts, so nothing is proven",
			   h->name);
		diag_cure(&v->d, "write the facts as root: untrack facts");
		v->unusable = true;
		return;
	}
	preflight_check(p, h, &v->d);
	compile_rules(p, &params, &rs, &v->d);
	twin_derive(p, &params, &h->fw, &rs, NULL, &v->d);
	v->n_rules = rs.n_rules;
	v->n_twins = rs.n_twins;
	ruleset_free(&rs);
}

static bool has_finding(const struct checked *v, const struct finding *f)
{
	for (size_t i = 0; i < v->d.n; i++)
		if (finding_is_same(&v->d.v[i], f))
			return true;
	return false;
}

/* What is so on every host is about the configuration, and said once. */
static bool is_common(const struct checked *v, size_t n, const struct finding *f)
{
	for (size_t i = 0; i < n; i++)
		if (!has_finding(&v[i], f))
			return false;
	return true;
}

static void report_one(struct diag *d, const struct finding *f, const char *host)
{
	const struct origin at = { f->file, f->line, f->col };
	const char *before = host ? host : "", *colon = host ? ": " : "";

	switch (f->severity) {
	case SEVERITY_ERROR:
		diag_error(d, &at, f->id, 0, "%s%s%s", before, colon, f->text);
		break;
	case SEVERITY_WARNING:
		diag_warn(d, &at, f->id, "%s%s%s", before, colon, f->text);
		break;
	case SEVERITY_NOTE:
		diag_note(d, &at, f->id, "%s%s%s", before, colon, f->text);
		break;
	}
	if (f->cure)
		diag_cure(d, "%s", f->cure);
}

static void report_all(struct diag *d, const struct checked *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i].d.n; k++) {
			const struct finding *f = &v[i].d.v[k];
			bool common = is_common(v, n, f);

			if (!common || !i)
				report_one(d, f, common ? NULL : v[i].name);
		}
}

static void print_host(const struct session *s, const struct checked *v)
{
	if (v->unusable || s->req.quiet)
		return;
	if (v->d.errors)
		fprintf(s->out, "%s: %u error%s\n", v->name, v->d.errors,
			v->d.errors == 1 ? "" : "s");
	else
		fprintf(s->out, "%s: %zu rules, %zu twin%s\n", v->name, v->n_rules, v->n_twins,
			v->n_twins == 1 ? "" : "s");
}

/* A file of facts may call its host anything, and a terminal obeys control bytes. */
static char *shown_name(const char *name)
{
	struct text t = { 0 };

	word_text(name, "", &t);
	return t.s;
}

enum exit_code check_hosts(struct session *s, const struct policy *p)
{
	size_t n = s->req.facts.n + s->req.live;
	struct checked *v = xcalloc(n, sizeof(*v));
	enum exit_code code = CODE_DONE;

	for (size_t i = 0; i < n; i++) {
		bool live = i == s->req.facts.n;
		struct host h = { 0 };

		v[i].unusable =
			live ? host_live(session_backend(s, p), HOST_ALL, &h, NULL, &v[i].d) != 0
			     : facts_load(&h, s->req.facts.v[i], &v[i].d) != 0;
		v[i].name = shown_name(h.name && *h.name ? h.name
				       : live		 ? "this host"
							 : s->req.facts.v[i]);
		if (!v[i].unusable)
			check_host(p, &h, session_home(s, p), &v[i]);
		if (v[i].unusable)
			code = CODE_USAGE;
		else if (v[i].d.errors && code == CODE_DONE)
			code = CODE_NO;
		host_free(&h);
	}
	report_all(s->d, v, n);
	for (size_t i = 0; i < n; i++) {
		print_host(s, &v[i]);
		free(v[i].name);
		diag_free(&v[i].d);
	}
	free(v);
	return code;
}
