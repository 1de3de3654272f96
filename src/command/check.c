/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack check: whether the configuration is valid, and what hosts would say to it. Unless it is
 * told to look at one, no host is asked anything, so the same files give the same answer
 * everywhere. */
#include "command/command.h"
#include "kernel/ipt.h"
#include "report/findings.h"
#include "rules/preflight.h"

/* Everything that the files alone tell. */
static void check_policy(const struct session *s, const struct policy *p)
{
	const struct host_params h = session_params(s, p);
	struct ruleset rs = { 0 };

	preflight_policy(p, s->d);
	compile_rules(p, &h, &rs, s->d);
	ipt_check(&rs, s->d);
	ruleset_free(&rs);
}

/* p NULL: there is nothing that it could be asked. */
static void try_kernel(struct session *s, const struct policy *p)
{
	if (p) {
		check_kernel(s, p);
		return;
	}
	diag_note(s->d, NULL, "kernel-unchecked",
		  "the kernel was not asked: the configuration has errors");
	diag_cure(s->d, "correct them first");
}

/* rc: of session_load. */
static enum exit_code status_of(const struct session *s, const struct findings *f, int rc)
{
	enum severity fail_on =
		s->req.fail_on ? (enum severity)(s->req.fail_on - 1) : SEVERITY_ERROR;

	for (size_t i = 0; i < f->n_hosts; i++)
		if (!f->hosts[i].usable)
			return CODE_USAGE;
	if (rc < -1)
		return CODE_USAGE;
	for (size_t i = 0; i < s->d->n; i++)
		if (s->d->v[i].severity <= fail_on)
			return CODE_NO;
	return rc ? CODE_NO : CODE_DONE;
}

static void print_host(const struct finding_host *h, FILE *out)
{
	if (h->errors)
		fprintf(out, "%s: %u error%s\n", h->name, h->errors, h->errors == 1 ? "" : "s");
	else
		fprintf(out, "%s: %zu rules, %zu twin%s\n", h->name, h->n_rules, h->n_twins,
			h->n_twins == 1 ? "" : "s");
}

static void print_valid(const struct findings *f, const char *count, FILE *out)
{
	fprintf(out, "valid: %zu exemption%s", f->n_exemptions, f->n_exemptions == 1 ? "" : "s");
	if (f->n_settings)
		fprintf(out, ", %zu setting%s of conntrack", f->n_settings,
			f->n_settings == 1 ? "" : "s");
	fprintf(out, "%s%s\n", count ? ", " : "", count ? count : "");
}

/* The findings, and then what they come to. */
static void print_text(struct session *s, const struct findings *f)
{
	auto_free char *count = findings_count(f);
	bool any = s->d->n > 0;

	if (s->say)
		s->say(s);
	for (size_t i = 0; i < f->n_hosts; i++)
		if (f->hosts[i].checked && !s->req.quiet)
			print_host(&f->hosts[i], s->out);
	if (f->status != CODE_DONE)
		fprintf(s->out, "%s\n", count);
	else if (!s->req.quiet)
		print_valid(f, any ? count : NULL, s->out);
}

static void print(struct session *s, const struct findings *f)
{
	switch ((enum check_format)s->req.format) {
	case CHECK_JSON:
		findings_json(f, s->out);
		break;
	case CHECK_SARIF:
		findings_sarif(f, s->out);
		break;
	case CHECK_GITHUB:
		findings_github(f, s->req.quiet ? SEVERITY_WARNING : SEVERITY_NOTE, s->out);
		break;
	case CHECK_DEFAULT:
	case CHECK_TEXT:
		print_text(s, f);
		return;
	}
	diag_free(s->d);
}

enum exit_code command_check(struct session *s)
{
	struct policy p = { 0 };
	size_t n = check_hosts_count(s);
	struct finding_host *hosts = n ? xcalloc(n, sizeof(*hosts)) : NULL;
	struct findings f = {
		.d = s->d,
		.hosts = hosts,
		.n_hosts = n,
		.paths = s->req.n_operands ? s->req.operands : &s->config,
		.n_paths = s->req.n_operands ? s->req.n_operands : 1,
	};
	int rc = session_load(s, &p);

	if (n)
		check_hosts(s, rc ? NULL : &p, hosts);
	else if (!rc)
		check_policy(s, &p);
	if (s->req.kernel)
		try_kernel(s, rc ? NULL : &p);
	f.n_exemptions = exemption_count(&p);
	f.n_settings = p.n_conntrack;
	f.status = (int)status_of(s, &f, rc);
	print(s, &f);
	for (size_t i = 0; i < n; i++)
		free(hosts[i].name);
	free(hosts);
	policy_free(&p);
	return (enum exit_code)f.status;
}
