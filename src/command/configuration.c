/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration alone, and untrack show: this host is asked nothing, so the same files give the
 * same answer everywhere. */
#include "command/command.h"

#include "kernel/ipt_layout.h"
#include "kernel/nft_text.h"
#include "report/show.h"
#include "rules/compile.h"

int session_load(const struct session *s, struct policy *p)
{
	const char *const *paths = s->req.n_operands ? s->req.operands : &s->config;
	size_t n = s->req.n_operands ? s->req.n_operands : 1;
	struct origin at = { .file = paths[0] };
	int rc = policy_load(p, paths, n, s->d);

	if (rc || !policy_is_empty(p) || p->n_conntrack)
		return rc;
	diag_error(s->d, &at, "config", 0, "nothing here asks for an exemption");
	diag_cure(s->d, "write a [service NAME], an [interface NAME] or [loopback] notrack = yes; "
			"untrack.conf(5) has examples");
	return -1;
}

enum exit_code session_policy(struct session *s, struct policy *p)
{
	return session_load(s, p) ? CODE_USAGE : CODE_DONE;
}

enum backend_choice session_backend(const struct session *s, const struct policy *p)
{
	return s->req.backend ? (enum backend_choice)(s->req.backend - 1) : p->backend;
}

enum form session_home(const struct session *s, const struct policy *p)
{
	return session_backend(s, p) == BACKEND_IPTABLES ? FORM_LEGACY : FORM_NFT;
}

struct host_params session_params(const struct session *s, const struct policy *p)
{
	struct host_params h = HOST_PARAMS_DEFAULT;

	h.home = session_home(s, p);
	return h;
}

size_t exemption_count(const struct policy *p)
{
	return p->n_services + p->n_interfaces + p->loopback;
}

/* For iptables-restore or ip6tables-restore; -1 with findings where these cannot say it. */
static int print_legacy(const struct session *s, struct ruleset *rs, enum family f)
{
	struct ipt_layout l;
	int rc;

	ruleset_set_form(rs, FORM_LEGACY);
	ruleset_normalise(rs);
	rc = ipt_layout_make(&l, rs, f, s->d);
	if (!rc)
		ipt_layout_text(&l, s->out);
	ipt_layout_free(&l);
	return rc;
}

static int print_as(const struct session *s, const struct policy *p, struct ruleset *rs)
{
	enum { AS_DEFAULT, AS_RULES, AS_NFT, AS_IPTABLES, AS_IP6TABLES, AS_JSON };
	const struct host_params h = session_params(s, p);

	switch (s->req.as) {
	case AS_NFT:
		/* Loaded again it replaces itself, in the one transaction of nft -f. */
		fputs("table inet untrack\ndelete table inet untrack\n", s->out);
		nft_text(rs, s->out);
		break;
	case AS_IPTABLES:
		return print_legacy(s, rs, FAMILY_V4);
	case AS_IP6TABLES:
		return print_legacy(s, rs, FAMILY_V6);
	case AS_JSON:
		show_json(p, &h, rs, s->out);
		break;
	case AS_DEFAULT:
	case AS_RULES:
		ruleset_print(rs, s->out);
		show_settings(p, s->out);
		if (s->req.verbose)
			show_classes(p, &h, s->out);
		break;
	}
	return 0;
}

enum exit_code command_show(struct session *s)
{
	struct policy p = { 0 };
	struct ruleset rs = { 0 };
	enum exit_code code = session_policy(s, &p);

	if (code == CODE_DONE) {
		const struct host_params h = session_params(s, &p);

		compile_rules(&p, &h, &rs, s->d);
		if (print_as(s, &p, &rs))
			code = CODE_NO;
	}
	ruleset_free(&rs);
	policy_free(&p);
	return code;
}
