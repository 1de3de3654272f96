/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack status: how things stand. It reads and changes nothing. */
#include <string.h>
#include <time.h>
#include "command/comparison.h"
#include "command/redraw.h"
#include "command/table.h"
#include "transaction/pending.h"

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

static void tell_stopped(const struct session *s)
{
	if (!journal_is_stopped(&s->paths))
		return;
	diag_note(s->d, NULL, "watch",
		  "untrack was stopped (untrack remove --stop): what is on record is not in the "
		  "kernel, on purpose");
	diag_cure(s->d, "untrack apply, or systemctl start untrack, starts it again");
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

struct earlier { /* the reading before, for rates */
	bool known, counted;
	struct ruleset have;
	uint64_t entries;
	struct timespec at;
};

static double seconds_between(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) + (double)(b->tv_nsec - a->tv_nsec) / 1e9;
}

static void add_rates(struct status *st, struct table *t, const struct earlier *e,
		      const struct timespec *now)
{
	double elapsed = seconds_between(&e->at, now);

	if (!e->known || elapsed <= 0)
		return;
	st->before = &e->have;
	st->elapsed = elapsed;
	t->status.grows = e->counted && !t->status.absent;
	t->status.growth = ((double)t->status.count - (double)e->entries) / elapsed;
}

static void remember(struct earlier *e, struct comparison *c, const struct table *t,
		     const struct timespec *now)
{
	ruleset_free(&e->have);
	ruleset_copy(&e->have, &c->have);
	e->entries = t->status.count;
	e->counted = !t->status.absent;
	e->at = *now;
	e->known = true;
}

enum exit_code comparison_status(struct session *s, struct status *st, struct policy *p,
				 struct comparison *c)
{
	enum exit_code code;

	*st = (struct status){ .policy = p, .want = &c->want, .have = &c->have, .plan = &c->plan };
	code = comparison_applied(s, st, p);
	if (code != CODE_DONE)
		return code;
	add_files(s, st, p);
	add_unconfirmed(s, st);
	code = comparison_make(s, p, c);
	if (code != CODE_DONE)
		return code;
	st->backend = c->backend;
	st->blocked = c->blocked;
	st->settings = c->setting_lines;
	st->n_settings = c->n_setting_lines;
	return CODE_DONE;
}

/* One reading; earlier NULL: the only one. */
static enum exit_code show(struct session *s, void *earlier)
{
	struct comparison c = { 0 };
	struct policy p = { 0 };
	struct table t = { 0 };
	struct status st = { 0 };
	enum exit_code code = comparison_status(s, &st, &p, &c);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (code == CODE_DONE) {
		tell_stopped(s);
		st.bars = isatty(STDOUT_FILENO);
		table_read(s, &t);
		st.table = &t.status;
		if (earlier)
			add_rates(&st, &t, earlier, &now);
		code = report(s, &c, &st);
		if (earlier)
			remember(earlier, &c, &t, &now);
	}
	table_free(&t);
	comparison_free(&c);
	policy_free(&p);
	return code;
}

enum exit_code command_status(struct session *s)
{
	struct earlier earlier = { 0 };
	enum exit_code code;
	unsigned seconds;

	if (!s->req.watch)
		return show(s, NULL);
	if (!redraw_interval(s->req.watch, &seconds, s->d))
		return CODE_USAGE;
	code = redraw(s, seconds, show, &earlier);
	ruleset_free(&earlier.have);
	return code;
}
