/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack remove and rollback: the ways out, to nothing and to what was. */
#include <string.h>
#include "command/confirmation.h"
#include "kernel/backend.h"
#include "kernel/ct_sysctl.h"

/* A way out: whatever waited for its confirmation waits no more. */
static enum exit_code leave_to(const struct session *s, const struct policy *p, const char *verb)
{
	struct confirmation c = { .s = s, .kind = CONFIRMATION_ENDED };
	const struct change_how how = { &c, .verb = verb, .force = s->req.force,
					.stop = s->req.stop };
	enum exit_code code = change_to(s, p, &how);

	confirmation_free(&c);
	return code;
}

enum exit_code command_remove(struct session *s)
{
	struct policy nothing = { 0 };
	enum exit_code code = CODE_USAGE;

	if (!policy_parse(&nothing, "", "nothing", s->d))
		code = leave_to(s, &nothing, "removed");
	policy_free(&nothing);
	return code;
}

/* The one before n, 0: none; -1. What was never confirmed is no place to go back to unasked. */
static long generation_back(const struct session *s, long n)
{
	do
		n = generation_before(&s->paths, n, s->d);
	while (n > 0 && generation_is_unconfirmed(&s->paths, n));
	return n;
}

/* The generation to go back to: the one asked for, or the one before the newest. 0 is the time
 * before the first one; -1: a finding says why there is none. */
static long target_generation(const struct session *s)
{
	long newest = generation_newest(&s->paths, s->d);
	unsigned long asked;

	if (newest < 0)
		return -1;
	if (s->req.n_operands &&
	    !parse_uint(s->req.operands[0], 1, (unsigned long)newest, &asked)) {
		diag_error(s->d, NULL, "usage", 0, "there is no generation '%s'",
			   s->req.operands[0]);
		if (newest)
			diag_cure(s->d, "generations count from 1, and the newest is %ld", newest);
		else
			diag_cure(s->d, "nothing was applied yet");
		return -1;
	}
	if (s->req.n_operands)
		return (long)asked;
	if (!newest)
		return diag_error(s->d, NULL, "usage", 0,
				  "nothing was applied yet, so there is "
				  "nothing to go back to");
	return generation_back(s, newest);
}

static int read_target(const struct session *s, long target, struct policy *p)
{
	auto_free char *name = xasprintf("%s/generation-%ld.conf", s->paths.state_dir, target);
	auto_free char *text = target ? generation_read(&s->paths, target, s->d) : xstrdup("");

	return text ? policy_parse(p, text, name, s->d) : -1;
}

/* What waits for its confirmation has a way back of its own; what was done by half goes back to
 * what it began with. */
static long choose_target(const struct session *s, bool half_done, struct policy *p)
{
	long target = -1;

	if (!s->req.n_operands && !confirmation_way_back(s, false, &target, p))
		return target;
	target = half_done && !s->req.n_operands ? generation_newest(&s->paths, s->d)
						 : target_generation(s);
	return target < 0 || read_target(s, target, p) ? -1 : target;
}

/* Is p what the configuration files ask for as well? */
static bool files_say(const struct session *s, const struct policy *p)
{
	auto_free char *want = policy_string(p), *now = NULL;
	struct diag faults = { 0 };
	struct policy files = { 0 };
	bool read = !policy_load(&files, &s->config, 1, &faults);

	now = policy_string(&files);
	policy_free(&files);
	diag_free(&faults);
	return read && !strcmp(now, want);
}

/* Before anybody counts generations: one that a killed run has put into the kernel is one. */
static enum exit_code recover(const struct session *s, bool *half_done)
{
	const struct apply_options o = { .paths = s->paths, .sysctls = CT_SYSCTL_DIR };
	const struct policy none = { 0 };
	enum apply_result result = APPLY_REFUSED;
	const struct backend_ops *ops;
	auto_close int lock = -1;
	struct backend *b;

	*half_done = false;
	if (!journal_is_open(&s->paths))
		return CODE_DONE;
	if (backend_open(session_backend(s, &none), &ops, &b, s->d))
		return CODE_REFUSED;
	lock = session_lock(s, LOCK_WAIT_MS);
	if (lock >= 0)
		result = apply_recover(ops, b, &o, s->d);
	ops->close(b);
	*half_done = result == APPLY_UNKNOWN;
	return result == APPLY_REFUSED ? CODE_REFUSED : CODE_DONE;
}

enum exit_code command_rollback(struct session *s)
{
	struct policy p = { 0 };
	bool half_done;
	enum exit_code code = recover(s, &half_done);
	auto_free char *verb = NULL;
	long target;

	if (code != CODE_DONE)
		return code;
	code = CODE_USAGE;
	target = choose_target(s, half_done, &p);
	verb = target ? xasprintf("rolled back to generation %ld", target)
		      : xstrdup("rolled back to nothing");
	if (target >= 0) {
		code = leave_to(s, &p, verb);
		if (code == CODE_DONE && !files_say(s, &p))
			diag_note(s->d, NULL, "rollback",
				  "the files in %s still say otherwise: the next 'untrack apply' "
				  "applies them again",
				  s->config);
	}
	policy_free(&p);
	return code;
}
