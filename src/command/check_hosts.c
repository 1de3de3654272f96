/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check against hosts: the live one, or those whose facts are in files. */
#include <string.h>

#include "command/command.h"
#include "kernel/ct_sysctl.h"
#include "kernel/host.h"
#include "kernel/ipt.h"
#include "report/facts.h"
#include "report/findings.h"
#include "rules/preflight.h"
#include "rules/twin.h"
#include "rules/word.h"
#include "transaction/settings.h"

struct same { /* one finding, and where it is so */
	const struct finding *f;
	const struct finding_host **hosts;
	size_t n;
};

struct gathered { /* from all hosts, in the order of the first ones */
	struct same *v;
	size_t n;
};

static void check_host(const struct policy *p, const struct host *h, enum form home,
		       struct finding_host *v, struct diag *d)
{
	struct host_params params = h->params;
	struct ruleset rs = { 0 };

	params.home = home;
	if (host_is_unread(h, "firewall")) {
		diag_error(d, NULL, "facts", 0,
			   "the firewall of %s is not among its facts, so nothing is proven",
			   v->name);
		diag_cure(d, "write the facts as root: untrack facts");
		v->usable = false;
		return;
	}
	preflight_check(p, h, d);
	compile_rules(p, &params, &rs, d);
	twin_derive(p, &params, &h->fw, &rs, NULL, d);
	ipt_check(&rs, d);
	v->checked = true;
	v->n_rules = rs.n_rules;
	v->n_twins = rs.n_twins;
	ruleset_free(&rs);
}

static void gather(struct gathered *g, const struct finding *f, const struct finding_host *host)
{
	struct same *s = NULL;

	for (size_t i = 0; i < g->n && !s; i++)
		if (g->v[i].hosts[g->v[i].n - 1] != host && finding_is_same(g->v[i].f, f))
			s = &g->v[i];
	if (!s) {
		s = ARRAY_ADD(g->v, g->n);
		s->f = f;
	}
	*ARRAY_ADD(s->hosts, s->n) = host;
}

/* What is so on every one of n hosts is about the configuration, and names none. */
static void report(struct diag *d, const struct same *s, size_t n)
{
	const struct origin at = { s->f->file, s->f->line, s->f->col };

	diag_add(d, s->f->severity, &at, s->f->id, s->f->text);
	if (s->f->cure)
		diag_cure(d, "%s", s->f->cure);
	for (size_t i = 0; i < s->n && s->n < n; i++)
		diag_host(d, s->hosts[i]->name);
}

static const char *name_of(const struct host *h, const char *file)
{
	return h->name && *h->name ? h->name : file ? file : "this host";
}

/* A file of facts may call its host anything, and a terminal obeys control bytes. */
static char *shown_name(const char *name)
{
	struct text t = { 0 };

	word_text(name, "", &t);
	return t.s;
}

static void skip_host(struct finding_host *v, const char *file, struct diag *d)
{
	const struct origin at = { .file = file };

	v->name = shown_name(file ? file : "this host");
	v->facts = file;
	v->usable = true;
	diag_note(
		d, &at, "unchecked",
		"%s was not looked at: the configuration has errors, so there is nothing to check "
		"there",
		v->name);
	diag_cure(d, "correct the errors first");
}

/* Would apply make the settings of conntrack here? */
static void check_settings(const struct session *s, const struct policy *p, struct diag *d)
{
	struct settings settings = { 0 };

	if (p->n_conntrack && !settings_look(&settings, CT_SYSCTL_DIR, &s->paths, p, d)) {
		settings_tell(&settings, CT_SYSCTL_DIR, d);
		settings_ask(&settings, CT_SYSCTL_DIR, d);
	}
	settings_free(&settings);
}

static void check_one(const struct session *s, const struct policy *p, const char *file,
		      struct finding_host *v, struct diag *d)
{
	enum form home = session_home(s, p);
	struct host h = { 0 };

	v->facts = file;
	v->usable = file ? !facts_load(&h, file, d)
			 : !host_live(session_backend(s, p), HOST_ALL, &h, &home, d);
	v->name = shown_name(name_of(&h, file));
	if (v->usable)
		check_host(p, &h, home, v, d);
	if (v->usable && !file)
		check_settings(s, p, d);
	v->errors = d->errors;
	v->warnings = d->warnings;
	v->notes = d->notes;
	host_free(&h);
}

/* Of two files of one host, an old one and a new one say, the second is named with its path. */
static void tell_apart(struct finding_host *v, size_t i)
{
	for (size_t k = 0; k < i && v[i].facts; k++) {
		auto_free char *path = NULL, *name = v[i].name;

		if (strcmp(v[k].name, name) != 0) {
			name = NULL;
			continue;
		}
		path = shown_name(v[i].facts);
		v[i].name = xasprintf("%s (%s)", name, path);
		return;
	}
}

static void report_all(const struct session *s, struct diag *d, const struct finding_host *v,
		       size_t n)
{
	struct gathered g = { 0 };

	for (size_t i = 0; i < n; i++) {
		/* What a file of facts is not good for is about the file. */
		if (!v[i].checked)
			diag_move(s->d, &d[i]);
		for (size_t k = 0; k < d[i].n; k++)
			gather(&g, &d[i].v[k], &v[i]);
	}
	for (size_t i = 0; i < g.n; i++) {
		report(s->d, &g.v[i], n);
		free(g.v[i].hosts);
	}
	free(g.v);
}

size_t check_hosts_count(const struct session *s)
{
	return s->req.facts.n + s->req.live;
}

void check_hosts(struct session *s, const struct policy *p, struct finding_host *v)
{
	size_t n = check_hosts_count(s);
	struct diag *d = xcalloc(n, sizeof(*d));

	for (size_t i = 0; i < n; i++) {
		const char *file = i < s->req.facts.n ? s->req.facts.v[i] : NULL;

		if (p)
			check_one(s, p, file, &v[i], &d[i]);
		else
			skip_host(&v[i], file, &d[i]);
		tell_apart(v, i);
	}
	report_all(s, d, v, n);
	for (size_t i = 0; i < n; i++)
		diag_free(&d[i]);
	free(d);
}
