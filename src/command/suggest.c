/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack suggest: what to exempt, from what the table holds. Reads, and changes nothing. */
#include "command/command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "kernel/conntrack.h"
#include "kernel/conntrack_host.h"
#include "kernel/conntrack_stats.h"
#include "kernel/conntrack_table.h"
#include "kernel/ct_sysctl.h"
#include "kernel/host.h"
#include "report/suggest.h"
#include "rules/compile.h"

#define MIN_SHARE 1.0 /* percent */

struct work {
	struct session *s;
	double min_share;
	struct policy policy; /* what is asked for already */
	struct ruleset rules;
	struct host facts;
	struct ct_host ct;
	struct ct_routes *routes;
	struct suggest_host host;
	const char **names; /* of host.taken; they belong to policy */
	struct suggest *suggest;
};

/* "0.5", "0.5%", "5 %" */
static int parse_share(struct session *s, double *out)
{
	const char *word = s->req.min_share;
	char *end;
	double share;

	*out = MIN_SHARE;
	if (!word)
		return 0;
	share = strtod(word, &end);
	if (end != word && strspn(word, "0123456789.") == (size_t)(end - word) && share >= 0 &&
	    share <= 100) {
		end += strspn(end, " ");
		end += *end == '%';
		if (!*end) {
			*out = share;
			return 0;
		}
	}
	diag_error(s->d, NULL, "usage", 0, "--min-share: '%s' is not a percentage", word);
	diag_cure(s->d, "a number from 0 to 100: --min-share 0.5");
	return -1;
}

/* A host that has no configuration yet is who asks first. */
static enum exit_code read_policy(struct work *w)
{
	struct host_params h;

	if (!w->s->req.config && access(w->s->config, F_OK) && errno == ENOENT)
		return policy_parse(&w->policy, "", w->s->config, w->s->d) ? CODE_USAGE : CODE_DONE;
	/* The names of suggestions must not be taken: without them there is nothing to say. */
	if (policy_load(&w->policy, &w->s->config, 1, w->s->d))
		return CODE_USAGE;
	host_params_read(&h, compile_host_facts(&w->policy));
	h.home = FORM_NFT; /* what is exempt is the same in either */
	compile_rules(&w->policy, &h, &w->rules, w->s->d);
	return CODE_DONE;
}

static int read_host(struct work *w)
{
	const struct policy *p = &w->policy;
	size_t n = 0;

	host_read(&w->facts,
		  HOST_EPHEMERAL | HOST_TCP_LISTENERS | HOST_UDP_LISTENERS | HOST_RESERVED);
	w->routes = ct_routes_open(&w->ct);
	if (!w->routes)
		return diag_error(w->s->d, NULL, "conntrack-unread", errno,
				  "the addresses of this host cannot be read");
	for (size_t i = 0; i < p->n_services; i++)
		*ARRAY_ADD(w->names, n) = p->services[i].name;
	for (size_t i = 0; i < p->n_interfaces; i++)
		*ARRAY_ADD(w->names, n) = p->interfaces[i].name;
	w->host = (struct suggest_host){
		.local = w->ct.local,
		.facts = &w->facts,
		.taken = w->names,
		.n_taken = n,
		.has_loopback = p->loopback_at.file != NULL,
	};
	ct_sysctl_get(CT_SYSCTL_DIR, "nf_conntrack_max", &w->host.max);
	return 0;
}

static void see_entry(void *ctx, const struct ct_entry *e)
{
	struct work *w = ctx;

	if (w->rules.n_rules && !ct_is_translated(e) && !(e->flags & CT_HELPER) &&
	    conntrack_is_exempt(&w->rules, &w->ct, &e->orig))
		suggest_add_stale(w->suggest, e);
	else
		suggest_add(w->suggest, e);
}

static void see_restart(void *ctx)
{
	struct work *w = ctx;

	suggest_reset(w->suggest);
}

/* Figures that rest on less than was asked of the host are said to. */
static void say_unread(struct work *w)
{
	for (size_t i = 0; i < w->facts.n_unread; i++) {
		if (!strncmp(w->facts.unread[i], "listeners", strlen("listeners")))
			diag_note(w->s->d, NULL, "facts-unread",
				  "%s: which end of a flow is the service is told by its ports "
				  "alone",
				  w->facts.unread[i]);
		if (!strncmp(w->facts.unread[i], "reserved", strlen("reserved")))
			diag_note(w->s->d, NULL, "facts-unread", "%s", w->facts.unread[i]);
	}
}

static enum exit_code print(struct work *w, const struct ct_reading *reading)
{
	struct suggestions l;
	bool any;

	suggest_finish(w->suggest, w->min_share, &l);
	if (w->s->req.json)
		suggest_json(&l, w->s->out);
	else
		suggest_text(&l, w->s->out);
	ct_reading_say(reading, w->s->d);
	any = l.frees > 0;
	free(l.v);
	if (ct_presence() == CT_ABSENT)
		diag_note(w->s->d, NULL, "conntrack-idle",
			  "this kernel has no connection tracking, or has not loaded it");
	else if (!reading->entries)
		diag_note(w->s->d, NULL, "conntrack-idle",
			  "the table of this network namespace is empty: perhaps nothing is "
			  "tracked here");
	return any ? CODE_DONE : CODE_NO;
}

enum exit_code command_suggest(struct session *s)
{
	struct work w = { .s = s };
	struct ct_reading reading = { 0 };
	const struct ct_reader reader = { .entry = see_entry, .restart = see_restart, .ctx = &w };
	enum exit_code code = CODE_USAGE;

	if (!parse_share(s, &w.min_share))
		code = read_policy(&w);
	if (code == CODE_DONE && read_host(&w))
		code = CODE_USAGE;
	if (code == CODE_DONE) {
		say_unread(&w);
		w.suggest = suggest_new(&w.host);
		code = session_table(s, &reader, &reading, s->d) ? CODE_USAGE : print(&w, &reading);
	}
	suggest_free(w.suggest);
	if (w.routes)
		ct_routes_free(w.routes, &w.ct);
	host_free(&w.facts);
	ruleset_free(&w.rules);
	free(w.names);
	policy_free(&w.policy);
	return code;
}
