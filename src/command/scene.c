/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration and a host, made ready for packets. */
#include "command/scene.h"

#include "kernel/host.h"
#include "report/facts.h"
#include "rules/flow_index.h"
#include "rules/twin.h"

/* The facts of one host at most. */
static enum exit_code read_host(struct session *s, const char *name, struct scene *c)
{
	c->host.params = HOST_PARAMS_DEFAULT;
	c->home = session_backend(s, &c->policy) == BACKEND_IPTABLES ? FORM_LEGACY : FORM_NFT;
	c->has_host = s->req.live || s->req.facts.n;
	if (!c->has_host)
		return CODE_DONE;
	if (s->req.live + s->req.facts.n > 1) {
		diag_error(s->d, NULL, "usage", 0, "%s: on one host only", name);
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
static void make_rules(struct session *s, const struct flow *f, struct scene *c)
{
	struct diag findings = { 0 };

	if (f && !c->has_host)
		compile_rules_about(f, &c->policy, &c->host.params, &c->rules, s->d);
	else
		compile_rules(&c->policy, &c->host.params, &c->rules, s->d);
	ruleset_set_form(&c->rules, c->home);
	for (size_t i = 0; i < c->host.n_addresses; i++)
		addrs_add(&c->local, &c->host.addresses[i].prefix);
	addrs_normalise(&c->local);
	c->at = (struct flow_host){ NULL, &c->rules, &c->local, NULL };
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

void scene_check_flow(struct session *s, const struct scene *c, const struct flow *f,
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

enum exit_code scene_open(struct session *s, const char *name, struct scene *c)
{
	return scene_open_for(s, name, NULL, c);
}

enum exit_code scene_open_for(struct session *s, const char *name, const struct flow *f,
			      struct scene *c)
{
	enum exit_code code = session_policy(s, &c->policy);

	if (code == CODE_DONE)
		code = read_host(s, name, c);
	if (code == CODE_DONE)
		make_rules(s, f, c);
	return code;
}

void scene_index(struct scene *c)
{
	c->index = flow_index_make(&c->rules);
	c->at.index = c->index;
}

void scene_close(struct scene *c)
{
	flow_index_free(c->index);
	free(c->local.v);
	ruleset_free(&c->rules);
	host_free(&c->host);
	policy_free(&c->policy);
}
