/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack explain: what the configuration does to one packet, and with facts or on this host what
 * the firewall does to it. */
#include "report/explain.h"

#include <string.h>
#include "command/command.h"
#include "kernel/host.h"
#include "report/facts.h"
#include "rules/twin.h"

struct scene { /* what packets meet */
	struct policy policy;
	struct host host;
	bool has_host;
	enum form home;	      /* of the raw rules */
	struct ruleset rules; /* and twins */
	struct addrs local;
	struct flow_host at;
	struct explanation *v;
	size_t n;
};

/* The facts of one host at most. */
static enum exit_code read_host(struct session *s, struct scene *c)
{
	c->host.params = HOST_PARAMS_DEFAULT;
	c->home = session_backend(s, &c->policy) == BACKEND_IPTABLES ? FORM_LEGACY : FORM_NFT;
	c->has_host = s->req.live || s->req.facts.n;
	if (!c->has_host)
		return CODE_DONE;
	if (s->req.live + s->req.facts.n > 1) {
		diag_error(s->d, NULL, "usage", 0, "explain: on one host only");
		diag_cure(s->d, "give --live, or --facts once");
		return CODE_USAGE;
	}
	if (s->req.live ? host_live(session_backend(s, &c->policy),
				    compile_host_facts(&c->policy) | HOST_INTERFACES, &c->host,
				    &c->home, s->d)
			: facts_load(&c->host, s->req.facts.v[0], s->d))
		return CODE_USAGE;
	if (!host_is_unread(&c->host, "firewall"))
		return CODE_DONE;
	diag_error(s->d, NULL, "facts", 0, "the firewall of %s is not among its facts",
		   c->host.name ? c->host.name : s->req.facts.v[0]);
	diag_cure(s->d, "write the facts as root: untrack facts");
	return CODE_USAGE;
}

/* Findings of the configuration on the host are check's business. */
static void make_rules(struct session *s, struct scene *c)
{
	struct diag findings = { 0 };

	compile_rules(&c->policy, &c->host.params, &c->rules, s->d);
	ruleset_set_form(&c->rules, c->home);
	for (size_t i = 0; i < c->host.n_addresses; i++)
		addrs_add(&c->local, &c->host.addresses[i].prefix);
	addrs_normalise(&c->local);
	c->at = (struct flow_host){ NULL, &c->rules, &c->local };
	if (!c->has_host)
		return;
	c->at.fw = &c->host.fw;
	if (twin_derive(&c->policy, &c->host.params, &c->host.fw, &c->rules, NULL, &findings)) {
		diag_warn(s->d, NULL, "explain",
			  "this host refuses the configuration; shown is what would come of it");
		diag_cure(s->d, "'untrack check' with the same host says why");
	}
	diag_free(&findings);
}

static void warn_address(struct session *s, const struct scene *c, const struct flow *f,
			 const struct origin *at)
{
	bool local = flow_is_local(f, &c->local);

	if (!c->local.n || local == flow_is_local(f, NULL) || f->way == FLOW_OUT)
		return;
	diag_warn(s->d, at, "flow", "the destination is %s of this host, which %s",
		  local ? "an address" : "no address",
		  local ? "would not forward it" : "would forward it or drop it");
	diag_cure(s->d, local ? "leave out the interface that it goes out by"
			      : "add the interface that it goes out by: in eth0 out eth1");
}

static enum exit_code explain_one(struct session *s, struct scene *c, const char *text,
				  const struct origin *at)
{
	struct flow f;

	if (flow_parse(&f, text, at, s->d))
		return CODE_USAGE;
	warn_address(s, c, &f, at);
	explain_make(ARRAY_ADD(c->v, c->n), &f, &c->rules, &c->at);
	return CODE_DONE;
}

/* One flow a line; empty lines and comments are passed over. */
static enum exit_code explain_stream(struct session *s, struct scene *c, FILE *in)
{
	enum exit_code code = CODE_DONE;
	struct origin at = { .file = "-" };
	auto_free char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, in)) >= 0) {
		at.line++;
		if (strlen(line) != (size_t)n) {
			diag_error(s->d, &at, "flow", 0, "a zero byte in the line");
			code = CODE_USAGE;
			continue;
		}
		line[strcspn(line, "\r\n")] = '\0';
		if (line[strspn(line, " \t")] && *line != '#' &&
		    explain_one(s, c, line, &at) != CODE_DONE)
			code = CODE_USAGE;
	}
	if (!ferror(in))
		return code;
	diag_error(s->d, &at, "flow", 0, "standard input cannot be read");
	return CODE_USAGE;
}

static void print(const struct session *s, const struct scene *c)
{
	if (s->req.json) {
		explain_json(c->v, c->n, s->out);
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		if (i)
			fputc('\n', s->out);
		explain_text(&c->v[i], s->out);
	}
}

static enum exit_code explain(struct session *s, struct scene *c, const char *flow)
{
	const struct origin at = { .file = "flow", .line = 1 };
	enum exit_code code = session_policy(s, &c->policy);

	if (code == CODE_DONE)
		code = read_host(s, c);
	if (code != CODE_DONE)
		return code;
	make_rules(s, c);
	code = strcmp(flow, "-") ? explain_one(s, c, flow, &at) : explain_stream(s, c, stdin);
	if (code == CODE_DONE)
		print(s, c);
	return code;
}

enum exit_code command_explain(struct session *s)
{
	struct scene c = { 0 };
	enum exit_code code;

	if (!s->req.n_operands) {
		diag_error(s->d, NULL, "usage", 0, "explain: which flow?");
		diag_cure(s->d, "untrack explain 'tcp 198.51.100.7:51000 -> 192.0.2.10:443 in "
				"eth0'");
		return CODE_USAGE;
	}
	code = explain(s, &c, s->req.operands[--s->req.n_operands]);
	for (size_t i = 0; i < c.n; i++)
		explain_free(&c.v[i]);
	free(c.v);
	free(c.local.v);
	ruleset_free(&c.rules);
	host_free(&c.host);
	policy_free(&c.policy);
	return code;
}
