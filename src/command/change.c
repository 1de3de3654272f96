/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack apply, and the one transaction of all that change the kernel. */
#include "command/confirmation.h"

#include <string.h>
#include "command/notify.h"
#include "kernel/backend.h"
#include "kernel/conntrack.h"
#include "kernel/ct_sysctl.h"
#include "kernel/host.h"
#include "rules/preflight.h"
#include "rules/twin.h"
#include "transaction/apply.h"

#define LOCK_WAIT_DUE_MS 60000 /* nobody waits for the timer, but everybody for what it does */

struct past {		      /* what was applied last */
	long n;		      /* the generation, 0: none */
	struct policy policy; /* left empty where the text is the wanted one */
	char *text;	      /* canonical; NULL: nothing, or it cannot be read */
	bool confirmed;	      /* read, and nothing waits for it */
};

struct change { /* one transaction on its way */
	const struct session *s;
	const struct change_how *how;
	struct confirmation *confirmation;
	const struct backend_ops *ops;
	struct backend *b;
	struct apply_options options;
	const struct policy *policy; /* wanted */
	char *text;		     /* canonical form of it */
	struct past past;
	struct apply_look look; /* the first */
	bool recovered; /* a run that did not end put rules into the kernel: what it had to say and
			 * to drain is still to be said and drained */
	bool drain, drained;	       /* the entries of what is exempt now are to go; they went */
	unsigned long dropped;	       /* conntrack entries */
	struct drain_report left;      /* of the last drain: those that it must leave */
	struct generation_header said; /* for the record */
	struct ruleset after;
	struct settings settings;
	enum apply_result result;
};

/* An unreadable generation must not stand in the way of a valid configuration. */
static int past_read(const struct session *s, const char *wanted, struct past *past)
{
	struct generation_header h = { 0 };
	struct diag faults = { 0 };
	auto_free char *text = NULL, *name = NULL;
	const char *body;

	past->n = generation_newest(&s->paths, s->d);
	if (past->n <= 0)
		return (int)past->n;
	name = xasprintf("generation %ld", past->n);
	text = generation_load(&s->paths, past->n, &h, &body, &faults);
	past->confirmed = text && !h.unconfirmed;
	if (text && !strcmp(body, wanted)) { /* nothing leaves: no need to know more */
		past->text = xstrdup(wanted);
	} else if (text && !policy_parse(&past->policy, text, name, &faults)) {
		past->text = policy_string(&past->policy);
	} else {
		diag_warn(s->d, NULL, "generation", "generation %ld cannot be read: %s", past->n,
			  faults.n ? faults.v[0].text : "no reason given");
		diag_cure(s->d, "only history is lost: what is asked for now becomes the next one");
	}
	generation_header_free(&h);
	diag_free(&faults);
	return 0;
}

static void past_free(struct past *past)
{
	policy_free(&past->policy);
	free(past->text);
}

/* Does the kernel hold, as far as the records say, what is wanted already? */
static bool is_recorded(const struct change *c)
{
	return c->past.text && !strcmp(c->past.text, c->text);
}

/* What is exempt and still has entries, for NAT or a helper lives in them. */
static void add_left(const struct drain_report *left, struct text *t)
{
	if (left->kept_nat)
		text_add(t, "; %lu that NAT translates left", left->kept_nat);
	if (left->kept_helper)
		text_add(t, "; %lu with a helper left", left->kept_helper);
}

static void drain(struct change *c, const struct ruleset *rs)
{
	struct drain_report report = { 0 };

	if (!rs->n_rules)
		return;
	conntrack_drain(rs, &report, c->s->d);
	c->dropped += report.deleted;
	c->left = report;
}

/* Entries of flows that are exempt now are stale. They must go before their exemption does: tracked
 * again, packets outside the old entry's window would be INVALID and live connections die. */
static void drain_leaving(struct change *c, const struct ruleset *now)
{
	if (!c->past.text && !policy_is_empty(c->policy))
		return;
	if (!c->past.text || c->past.policy.drain)
		drain(c, now);
}

static enum exit_code result_code(enum apply_result result)
{
	switch (result) {
	case APPLY_UNCHANGED:
	case APPLY_CHANGED:
		return CODE_DONE;
	case APPLY_REFUSED:
	case APPLY_ROLLED_BACK:
		return CODE_REFUSED;
	case APPLY_UNKNOWN:
		break;
	}
	return CODE_UNKNOWN;
}

static enum exit_code not_recorded(const struct change *c)
{
	diag_cure(c->s->d,
		  "the rules are in the kernel and verified, but not on record: make room, "
		  "then run this again");
	return CODE_UNKNOWN;
}

/* The generation. One that is there already, or that a killed run has prepared, may say that it is
 * unconfirmed: whoever asks for it again, and not for a confirmation, confirms it. */
static int write_record(const struct change *c, struct diag *d)
{
	const struct state_paths *sp = &c->s->paths;
	long n = c->past.n;

	if (!is_recorded(c))
		n = generation_write(sp, c->text, c->ops->name, &c->said, d);
	if (n <= 0)
		return -1;
	if (c->said.unconfirmed ||
	    (is_recorded(c) ? c->past.confirmed : c->result == APPLY_CHANGED))
		return 0;
	return generation_mark(sp, n, GENERATION_CONFIRMED, d);
}

/* Only history is lost where this cannot be written. */
static void record_boot(const struct change *c)
{
	struct diag faults = { 0 };
	long n = generation_newest(&c->s->paths, &faults);

	if (n > 0 && generation_mark(&c->s->paths, n, GENERATION_GOOD_AT_BOOT, &faults))
		diag_cure(&faults,
			  "the rules are in the kernel and verified; only history lacks that "
			  "generation %ld was good at boot",
			  n);
	diag_soften(&faults);
	diag_move(c->s->d, &faults);
	diag_free(&faults);
}

static bool keeps_record(const struct change *c)
{
	return c->how->repair || c->how->stop;
}

/* Whoever puts rules there has started it again. */
static void record_start(const struct change *c)
{
	struct diag faults = { 0 };

	if (journal_mark_stopped(&c->s->paths, false, &faults))
		diag_cure(&faults, "the outcome stands, but untrack watch takes this host for "
				   "stopped until that file is gone");
	diag_soften(&faults);
	diag_move(c->s->d, &faults);
	diag_free(&faults);
}

/* The drain comes before the record: a run killed in between leaves no record, and the next one
 * drains again. So does who asks for an apply that changes nothing: entries may be left of a run
 * that was not to drain, or could not. */
static enum exit_code record(struct change *c)
{
	enum exit_code code = CODE_DONE;
	struct diag faults = { 0 };
	int rc;

	if (c->drain && !c->drained &&
	    (c->result == APPLY_CHANGED || c->recovered || !c->how->repair))
		drain(c, &c->after);
	c->said.unconfirmed = confirmation_is_pending(c->confirmation);
	rc = keeps_record(c) ? 0 : write_record(c, &faults);
	if (c->options.anyway)
		diag_soften(&faults);
	diag_move(c->s->d, &faults);
	if (rc && !c->options.anyway)
		code = not_recorded(c);
	if (code == CODE_DONE && !c->how->stop)
		record_start(c);
	if (code == CODE_DONE && c->how->boot)
		record_boot(c);
	if (code == CODE_DONE && c->result == APPLY_CHANGED)
		apply_end(&c->options, c->s->d);
	return code;
}

/* Refused already; what else stands in the way is said at once. */
static void find_the_rest(const struct change *c, const struct host_params *params,
			  const struct fw *fw)
{
	struct host_params h = *params;
	struct ruleset rs = { 0 };

	h.home = c->ops->home;
	compile_rules(c->policy, &h, &rs, c->s->d);
	twin_derive(c->policy, &h, fw, &rs, NULL, c->s->d);
	ruleset_free(&rs);
}

/* What is in force already was said when it came; what is new has its findings now, with the host
 * and the firewall as they are. Then stale entries go. */
static int prepare(struct change *c, struct host_params *params)
{
	unsigned errors = c->s->d->errors;
	struct apply_look *look = &c->look;
	struct host host = { 0 };
	int rc = 0;

	bool known = is_recorded(c) && !c->recovered;

	if (known || policy_is_empty(c->policy))
		host_params_read(params, compile_host_facts(c->policy));
	if (known)
		return 0;
	rc = c->ops->read(c->b, &look->ours, &host.fw, c->s->d);
	look->fresh = !rc;
	if (!rc && !policy_is_empty(c->policy)) {
		host_read(&host, compile_host_facts(c->policy) | preflight_facts(c->policy));
		*params = host.params;
		preflight_check(c->policy, &host, c->s->d);
		rc = c->s->d->errors > errors && !c->options.force ? -1 : 0;
		if (rc)
			find_the_rest(c, params, &host.fw);
	}
	if (!rc) {
		generation_header_add(&c->said, c->s->d);
		if (c->options.force)
			diag_soften(c->s->d);
	}
	if (!rc)
		drain_leaving(c, &look->ours);
	look->fw = host.fw;
	host.fw = (struct fw){ 0 };
	host_free(&host);
	return rc;
}

/* What runs before ours left; nothing of it keeps the timer from going back. */
static int look_back(struct change *c)
{
	struct diag faults = { 0 };
	enum apply_result recovered = apply_recover(c->ops, c->b, &c->options, &faults);
	int rc = 0;

	c->recovered = recovered == APPLY_CHANGED || recovered == APPLY_UNKNOWN;
	if (recovered == APPLY_REFUSED || past_read(c->s, c->text, &c->past))
		rc = -1;
	if (c->options.anyway)
		diag_soften(&faults);
	diag_move(c->s->d, &faults);
	return c->options.anyway ? 0 : rc;
}

static enum exit_code run_locked(struct change *c)
{
	struct confirmation *confirmation = c->confirmation;
	struct host_params host;
	enum exit_code code;

	if (confirmation_look(confirmation, c->s->d))
		return confirmation->over && c->how->repair ? CODE_NO : CODE_REFUSED;
	if (look_back(c))
		return CODE_REFUSED;
	if (c->how->repair && !is_recorded(c))
		return CODE_NO;
	confirmation->wanted = c->text;
	confirmation->recorded = is_recorded(c);
	c->options.recorded = is_recorded(c) || keeps_record(c);
	if ((c->how->stop && journal_mark_stopped(&c->s->paths, true, c->s->d)) ||
	    prepare(c, &host))
		return CODE_REFUSED;
	c->result = apply_policy(c->ops, c->b, c->policy, &host, &c->options, &c->after, c->s->d);
	code = result_code(c->result);
	if (confirmation_settle(confirmation, c->result, &c->after, c->s->d) && code == CODE_DONE)
		code = CODE_REFUSED;
	if (code == CODE_DONE)
		code = record(c);
	if (code == CODE_DONE && confirmation_close(confirmation, c->s->d))
		code = CODE_UNKNOWN;
	return code;
}

static enum exit_code run(struct change *c)
{
	enum exit_code code = CODE_REFUSED;
	auto_close int lock = -1;

	if (backend_open(session_backend(c->s, c->policy), &c->ops, &c->b, c->s->d))
		return CODE_REFUSED;
	lock = session_lock(c->s, c->options.anyway ? LOCK_WAIT_DUE_MS : LOCK_WAIT_MS);
	if (lock >= 0)
		code = run_locked(c);
	c->ops->close(c->b);
	return code;
}

/* The last step before the kernel changes. */
static int begin_change(void *ctx, const struct ruleset *before, struct diag *d)
{
	struct change *c = ctx;

	if (c->how->seen) {
		ruleset_free(&c->how->seen->before);
		ruleset_copy(&c->how->seen->before, before);
	}
	return confirmation_begin(c->confirmation, before, d);
}

/* The rules are in force, and max is about to become less. */
static void drain_first(void *ctx, const struct ruleset *ours)
{
	struct change *c = ctx;

	if (c->drain)
		drain(c, ours);
	c->drained = c->drain;
}

void change_seen_free(struct change_seen *seen)
{
	ruleset_free(&seen->before);
	ruleset_free(&seen->after);
	free(seen->settings);
	*seen = (struct change_seen){ 0 };
}

static void change_init(struct change *c, const struct session *s, const struct policy *p,
			const struct change_how *how, struct confirmation *confirmation)
{
	*c = (struct change){
		.s = s,
		.how = how,
		.confirmation = confirmation,
		.policy = p,
		.text = policy_string(p),
		.drain = p->drain && !s->req.no_drain,
		.options = { .paths = s->paths,
			     .sysctls = CT_SYSCTL_DIR,
			     .settings = &c->settings,
			     .force = how->force,
			     .said = &c->said,
			     .look = &c->look,
			     .anyway = confirmation->kind == CONFIRMATION_DUE,
			     .before_change = begin_change,
			     .before_less = drain_first,
			     .ctx = c },
		.said = { .unconfirmed = confirmation->kind == CONFIRMATION_ASKED },
	};
}

static void change_free(struct change *c)
{
	past_free(&c->past);
	ruleset_free(&c->after);
	settings_free(&c->settings);
	apply_look_free(&c->look);
	generation_header_free(&c->said);
	free(c->text);
}

static const char *plural(size_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

/* " in inet filter input, inet filter output": every chain that holds twins, once. */
static void add_twin_places(const struct ruleset *rs, struct text *t)
{
	for (size_t i = 0; i < rs->n_twins; i++) {
		const struct twin *w = &rs->twins[i];
		bool said = false;

		for (size_t k = 0; k < i && !said; k++)
			said = !twin_compare_chains(&rs->twins[k], w);
		if (said)
			continue;
		text_add(t, i ? ", " : " in ");
		chain_name_text(w->form, w->family, w->table, w->chain, t);
	}
}

static void add_settings(const struct settings *s, struct text *t)
{
	static const struct {
		enum setting_fate fate;
		const char *words;
	} fates[] = {
		{ SETTING_WANTED, "of conntrack" },
		{ SETTING_BACK, "of conntrack as before" },
		{ SETTING_WAITING, "waiting for conntrack" },
		{ SETTING_FIXED, "not for this namespace" },
		{ SETTING_UNKNOWN, "unknown to this kernel" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
		size_t n = settings_count(s, fates[i].fate);

		if (n)
			text_add(t, "; %zu %s %s", n, plural(n, "setting", "settings"),
				 fates[i].words);
	}
}

static void print_summary(const struct change *c)
{
	size_t exemptions = exemption_count(c->policy);
	const struct ruleset *rs = &c->after;
	struct text t = { 0 };

	text_add(&t, "%s: ", c->result == APPLY_UNCHANGED ? "unchanged" : c->how->verb);
	if (exemptions) {
		text_add(&t, "%zu %s, %zu %s, %zu %s", exemptions,
			 plural(exemptions, "exemption", "exemptions"), rs->n_rules,
			 plural(rs->n_rules, "rule", "rules"), rs->n_twins,
			 plural(rs->n_twins, "twin", "twins"));
		add_twin_places(rs, &t);
	} else {
		text_add(&t, "%s of untrack is in the kernel",
			 c->policy->n_conntrack ? "no rule" : "nothing");
	}
	add_settings(&c->settings, &t);
	if (c->dropped)
		text_add(&t, "; %lu stale %s dropped", c->dropped,
			 plural(c->dropped, "entry", "entries"));
	add_left(&c->left, &t);
	if (!c->s->req.quiet)
		fprintf(c->s->out, "%s\n", t.s);
	free(t.s);
}

enum exit_code change_to(const struct session *s, const struct policy *p,
			 const struct change_how *how)
{
	struct confirmation none = { .s = s, .kind = CONFIRMATION_NONE };
	struct change c;
	enum exit_code code;

	change_init(&c, s, p, how, how->confirmation ? how->confirmation : &none);
	code = run(&c);
	if (code == CODE_DONE && how->verb)
		print_summary(&c);
	if (code == CODE_DONE && how->seen) {
		how->seen->wrote = c.result == APPLY_CHANGED;
		how->seen->after = c.after;
		how->seen->settings = settings_names(&c.settings);
		c.after = (struct ruleset){ 0 };
	}
	change_free(&c);
	confirmation_free(&none);
	return code;
}

enum exit_code command_apply(struct session *s)
{
	const struct change_how how = { .verb = "applied", .force = s->req.force };
	struct policy p = { 0 };
	enum exit_code code;

	if (s->req.boot && s->req.confirm) {
		diag_error(s->d, NULL, "usage", 0,
			   "--boot and --confirm exclude each other: "
			   "nobody is there to confirm at boot");
		return CODE_USAGE;
	}
	if (s->req.boot)
		return command_boot(s);
	code = session_policy(s, &p);
	if (code == CODE_DONE)
		code = s->req.confirm ? confirm_apply(s, &p) : change_to(s, &p, &how);
	policy_free(&p);
	/* A reload of the unit that went well: what its start may have said is over. */
	if (code == CODE_DONE)
		notify("STATUS=");
	return code;
}
