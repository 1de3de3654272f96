/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack diff, and what it shares with status: the kernel against what was asked for. They read
 * and change nothing. */
#include "command/comparison.h"

#include <string.h>
#include "kernel/backend.h"
#include "kernel/ct_sysctl.h"
#include "kernel/host.h"
#include "rules/preflight.h"

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

static enum exit_code compare_settings(const struct session *s, const struct policy *p,
				       struct comparison *c)
{
	size_t len;
	FILE *f;

	if (settings_look(&c->settings, CT_SYSCTL_DIR, &s->paths, p, s->d))
		return CODE_USAGE;
	settings_tell(&c->settings, CT_SYSCTL_DIR, s->d);
	f = xmemstream(&c->setting_lines, &len);
	c->n_setting_lines = settings_diff(&c->settings, f);
	fclose(f);
	return CODE_DONE;
}

enum exit_code comparison_make(const struct session *s, const struct policy *p,
			       struct comparison *c)
{
	if (read_kernel(s, p, c))
		return CODE_REFUSED;
	host_params_read(&c->host, compile_host_facts(p));
	c->host.home = c->home;
	compile_rules(p, &c->host, &c->want, s->d);
	c->blocked = twin_derive(p, &c->host, &c->fw, &c->want, &c->plan, s->d) != 0;
	return compare_settings(s, p, c);
}

void comparison_free(struct comparison *c)
{
	twin_plan_free(&c->plan);
	walk_accounts_free(&c->walks);
	ruleset_free(&c->have);
	ruleset_free(&c->want);
	fw_free(&c->fw);
	settings_free(&c->settings);
	free(c->setting_lines);
}

static void print_equal(const struct session *s, const struct comparison *c)
{
	size_t set = settings_count(&c->settings, SETTING_WANTED);

	fprintf(s->out, "equal: %zu rules, %zu twin%s", c->have.n_rules, c->have.n_twins,
		c->have.n_twins == 1 ? "" : "s");
	if (set)
		fprintf(s->out, ", %zu setting%s of conntrack", set, set == 1 ? "" : "s");
	fputc('\n', s->out);
}

static enum exit_code print_difference(const struct session *s, const struct comparison *c)
{
	auto_free char *lines = NULL;
	size_t len, n;
	FILE *f = xmemstream(&lines, &len);

	n = ruleset_diff(&c->want, &c->have, f);
	fputs(c->setting_lines, f);
	n += c->n_setting_lines;
	fclose(f);
	if (s->req.json)
		status_diff_json(lines, c->backend, &c->have, c->blocked, s->out);
	else
		status_print_diff(lines, "", s->colour, s->out);
	if (!n && !s->req.quiet && !s->req.json)
		print_equal(s, c);
	return n ? CODE_NO : CODE_DONE;
}

/* Would apply refuse it for what the host is? What is in force already was said when it came; what
 * would refuse nothing is for check --live. */
static void find_refusals(const struct session *s, const struct policy *p, struct comparison *c)
{
	auto_free char *text = policy_string(p);
	struct host host = { .fw = c->fw };
	struct diag d = { 0 };

	if (policy_is_empty(p) || generation_is_newest(&s->paths, text))
		return;
	host_read(&host, compile_host_facts(p) | preflight_facts(p));
	preflight_check(p, &host, &d);
	if (d.errors) {
		c->blocked = true;
		diag_move(s->d, &d);
	}
	diag_free(&d);
	host.fw = (struct fw){ 0 };
	host_free(&host);
}

enum exit_code command_diff(struct session *s)
{
	struct comparison c = { 0 };
	struct policy p = { 0 };
	enum exit_code code = session_policy(s, &p);

	if (code == CODE_DONE)
		code = comparison_make(s, &p, &c);
	if (code == CODE_DONE) {
		find_refusals(s, &p, &c);
		code = print_difference(s, &c);
	}
	if (c.blocked)
		code = CODE_REFUSED;
	comparison_free(&c);
	policy_free(&p);
	return code;
}

enum exit_code comparison_applied(struct session *s, struct status *st, struct policy *p)
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
