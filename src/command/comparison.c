/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack diff and status: the kernel against what was asked for. They read and change nothing. */
#include "command/command.h"

#include <string.h>
#include "kernel/backend.h"
#include "kernel/host.h"
#include "report/status.h"
#include "rules/twin.h"
#include "transaction/pending.h"

struct comparison { /* what is and what should be */
	const char *backend;
	enum form home; /* of the raw rules */
	struct ruleset have, want;
	struct fw fw;
	struct twin_plan plan;
	struct host_params host;
	struct walk_accounts walks; /* only where they are asked for */
	bool blocked;		    /* the firewall does not allow it: want lacks twins */
};

static int read_kernel(const struct session *s, const struct policy *p, struct comparison *c)
{
	const struct backend_ops *ops;
	struct backend *b;
	int rc;

	if (backend_open(session_backend(s, p), &ops, &b, s->d))
		return -1;
	rc = ops->read(b, &c->have, &c->fw, s->d);
	ops->close(b);
	c->backend = ops->name;
	c->home = ops->home;
	return rc;
}

static enum exit_code compare(const struct session *s, const struct policy *p, struct comparison *c)
{
	if (read_kernel(s, p, c))
		return CODE_REFUSED;
	host_params_read(&c->host, compile_host_facts(p));
	c->host.home = c->home;
	compile_rules(p, &c->host, &c->want, s->d);
	c->blocked = twin_derive(p, &c->host, &c->fw, &c->want, &c->plan, s->d) != 0;
	return CODE_DONE;
}

static void comparison_free(struct comparison *c)
{
	twin_plan_free(&c->plan);
	walk_accounts_free(&c->walks);
	ruleset_free(&c->have);
	ruleset_free(&c->want);
	fw_free(&c->fw);
}

static enum exit_code print_difference(const struct session *s, const struct comparison *c)
{
	auto_free char *lines = NULL;
	size_t len, n;
	FILE *f = xmemstream(&lines, &len);

	n = ruleset_diff(&c->want, &c->have, f);
	fclose(f);
	if (s->req.json)
		status_diff_json(lines, c->backend, &c->have, c->blocked, s->out);
	else
		status_print_diff(lines, "", s->colour, s->out);
	if (!n && !s->req.quiet && !s->req.json)
		fprintf(s->out, "equal: %zu rules, %zu twin%s\n", c->have.n_rules, c->have.n_twins,
			c->have.n_twins == 1 ? "" : "s");
	return n ? CODE_NO : CODE_DONE;
}

enum exit_code command_diff(struct session *s)
{
	struct comparison c = { 0 };
	struct policy p = { 0 };
	enum exit_code code = session_policy(s, &p);

	if (code == CODE_DONE)
		code = compare(s, &p, &c);
	if (code == CODE_DONE)
		code = print_difference(s, &c);
	if (c.blocked)
		code = CODE_REFUSED;
	comparison_free(&c);
	policy_free(&p);
	return code;
}

/* The policy that was applied last. CODE_DONE, too, when nothing was: then st->generation is 0. */
static enum exit_code applied_policy(struct session *s, struct status *st, struct policy *p)
{
	auto_free char *text = NULL, *name = NULL;

	st->generation = generation_newest(&s->paths, s->d);
	if (st->generation < 0)
		return CODE_USAGE;
	if (!st->generation)
		return CODE_DONE;
	text = generation_read(&s->paths, st->generation, s->d);
	if (!text)
		return CODE_USAGE;
	st->applied = generation_time(&s->paths, st->generation);
	name = xasprintf("%s/generation-%ld.conf", s->paths.state_dir, st->generation);
	return policy_parse(p, text, name, s->d) ? CODE_USAGE : CODE_DONE;
}

/* Do the configuration files say something else by now? */
static const char *pending_note(const struct policy *applied, const struct policy *files)
{
	auto_free char *then = policy_string(applied), *now = policy_string(files);

	if (!strcmp(then, now))
		return NULL;
	return "the configuration files differ from what was applied last: untrack diff";
}

/* Where nothing was applied yet, the configuration files say what should be. Faults in them are not
 * status's business, but check's. */
static void add_files(const struct session *s, struct status *st, struct policy *p)
{
	struct diag faults = { 0 };
	struct policy files = { 0 };

	if (policy_load(&files, &s->config, 1, &faults)) {
		st->pending = "the configuration files are not valid: untrack check";
	} else if (st->generation) {
		st->pending = pending_note(p, &files);
	} else {
		policy_free(p);
		*p = files;
		files = (struct policy){ 0 };
	}
	policy_free(&files);
	diag_free(&faults);
}

static enum exit_code report(const struct session *s, struct comparison *c, struct status *st)
{
	enum exit_code code;

	status_compare(st);
	if (s->req.verbose) {
		walk_accounts_make(st->policy, &c->host, &c->fw, &c->have, &c->plan, &c->walks);
		st->walks = &c->walks;
	}
	if (s->req.json)
		status_json(st, s->out);
	else
		status_text(st, s->req.verbose, s->colour, s->out);
	code = st->n_drift || st->blocked ? CODE_NO : CODE_DONE;
	status_free(st);
	return code;
}

/* A pending file that cannot be read is confirm's business; the generation says enough here. */
static void add_unconfirmed(const struct session *s, struct status *st)
{
	struct pending p = { 0 };
	struct diag quiet = { 0 };

	if (!pending_load(&s->paths, &p, &quiet)) {
		st->unconfirmed.generation = p.generation;
		st->unconfirmed.timer = true;
		st->unconfirmed.back = p.back;
		st->unconfirmed.seconds = pending_seconds_left(&p);
	} else if (generation_is_unconfirmed(&s->paths, st->generation)) {
		st->unconfirmed.generation = st->generation;
	}
	pending_free(&p);
	diag_free(&quiet);
}

enum exit_code command_status(struct session *s)
{
	struct comparison c = { 0 };
	struct policy p = { 0 };
	struct status st = { .policy = &p, .want = &c.want, .have = &c.have, .plan = &c.plan };
	enum exit_code code = applied_policy(s, &st, &p);

	if (code == CODE_DONE) {
		add_files(s, &st, &p);
		add_unconfirmed(s, &st);
		code = compare(s, &p, &c);
	}
	if (code == CODE_DONE) {
		st.backend = c.backend;
		st.blocked = c.blocked;
		code = report(s, &c, &st);
	}
	comparison_free(&c);
	policy_free(&p);
	return code;
}
