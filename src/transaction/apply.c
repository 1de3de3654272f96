/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transaction: read, derive, compare, journal, commit, read, compare; or back to before. */
#include "transaction/apply.h"

#include <string.h>
#include <time.h>
#include "transaction/standing.h"
#include "util.h"

#define TRIES 10
#define NAMED_MAX 10 /* objects and differences that one message names */

struct run { /* one transaction; what the last look at the kernel gave, and what it started from */
	const struct backend_ops *ops;
	struct backend *b;
	const struct policy *p;
	const struct host_params *h;
	const struct apply_options *o;
	struct diag *d;
	struct ruleset raw;	   /* compiled once */
	struct ruleset before;	   /* what the kernel held before our first commit */
	struct ruleset ours, want; /* of one look: what is, and what should be on that firewall */
	struct fw fw;
	struct settings settings; /* as the same look has found them */
	struct diag found;	  /* what deriving want had to say */
	struct diag said;	  /* what the backend had to say about the last commit */
	struct diag told;	  /* what is to be said about settings that are not as wanted */
	bool prepared;		  /* the generation, for the caller to publish */
	bool announced;		  /* to before_change */
	bool journal;		  /* begun */
	bool wrote;		  /* a commit of ours took effect, and before is history */
};

/* Moves findings from one list to another; milder: errors become warnings. */
static void record(struct diag *to, struct diag *from, bool milder)
{
	if (milder)
		diag_soften(from);
	diag_move(to, from);
}

static void move_ruleset(struct ruleset *to, struct ruleset *from)
{
	ruleset_free(to);
	*to = *from;
	*from = (struct ruleset){ 0 };
}

void apply_look_free(struct apply_look *l)
{
	ruleset_free(&l->ours);
	fw_free(&l->fw);
	*l = (struct apply_look){ 0 };
}

/* What the caller has read stands for the first read: where it is outdated, a commit is STALE. */
static int read_kernel(struct run *r, struct diag *d)
{
	struct apply_look *l = r->o->look;

	if (!l || !l->fresh)
		return r->ops->read(r->b, &r->ours, &r->fw, d);
	r->ours = l->ours;
	r->fw = l->fw;
	*l = (struct apply_look){ 0 };
	return 0;
}

/* Reads the kernel and derives what it should hold. -1: it cannot be read (findings in d). */
static int look(struct run *r, struct diag *d)
{
	ruleset_free(&r->ours);
	ruleset_free(&r->want);
	fw_free(&r->fw);
	diag_free(&r->found);
	if (read_kernel(r, d))
		return -1;
	ruleset_copy(&r->want, &r->raw);
	if (!policy_is_empty(r->p)) /* a removal needs nothing from the firewall */
		twin_derive(r->p, r->h, &r->fw, &r->want, NULL, &r->found);
	ruleset_normalise(&r->want);
	if (r->o->sysctls)
		settings_look(&r->settings, r->o->sysctls, &r->o->paths, r->p, &r->found);
	return 0;
}

static void refuse_foreign(const struct run *r)
{
	struct text t = { 0 };
	size_t n = r->ours.n_foreign;

	for (size_t i = 0; i < n && i < NAMED_MAX; i++)
		text_add(&t, "%s%s", i ? "; " : "", r->ours.foreign[i]);
	if (n > NAMED_MAX)
		text_add(&t, "; and %zu more", n - NAMED_MAX);
	diag_error(r->d, NULL, "foreign-objects", 0,
		   "untrack's own table holds what untrack did not write: %s", t.s);
	diag_cure(r->d, "move %s to a table of your own, or lose %s with --force",
		  n > 1 ? "them" : "it", n > 1 ? "them" : "it");
	free(t.s);
}

/* May we go on from what the last look showed? */
static bool is_refused(const struct run *r)
{
	if (r->o->force)
		return false;
	if (r->ours.n_foreign)
		refuse_foreign(r);
	return r->ours.n_foreign || r->found.errors;
}

/* What this run finds, for its record. */
static void tell(const struct run *r, struct generation_header *said)
{
	generation_header_add(said, &r->found);
	generation_header_add(said, &r->told);
	if (r->ours.n_foreign)
		generation_header_force(said, "foreign-objects");
}

static int prepare_generation(const struct run *r)
{
	auto_free char *text = policy_string(r->p);
	struct generation_header mine = { 0 }, *said = r->o->said ? r->o->said : &mine;
	long n;

	tell(r, said);
	n = generation_prepare(&r->o->paths, text, r->ops->name, said, r->d);
	generation_header_free(&mine);
	return n < 0 ? -1 : 0;
}

/* Puts on disk what must be there before the kernel changes. */
static int put_on_record(struct run *r)
{
	const struct transaction evidence = { .backend = r->ops->name,
					      .before = r->before,
					      .want = r->want,
					      .settings = r->settings };

	if (!r->prepared && !r->o->recorded) {
		if (prepare_generation(r))
			return -1;
		r->prepared = true;
	}
	if (journal_begin(&r->o->paths, &evidence, r->d))
		return -1;
	r->journal = true;
	return 0;
}

static int prepare(struct run *r)
{
	struct diag faults = { 0 }, *d = r->d;
	int rc;

	r->d = &faults;
	rc = put_on_record(r);
	r->d = d;
	record(d, &faults, r->o->anyway);
	if (rc && !r->o->anyway)
		return -1;
	if (r->o->before_change && !r->announced && r->o->before_change(r->o->ctx, &r->before, d))
		return -1;
	r->announced = true;
	return 0;
}

void apply_end(const struct apply_options *o, struct diag *d)
{
	struct diag quiet = { 0 };

	if (journal_end(&o->paths, &quiet)) {
		record(d, &quiet, true);
		diag_note(d, NULL, "journal",
			  "the outcome stands all the same; the next run finds that out by itself");
	}
	diag_free(&quiet);
}

/* The outcome is proven, and there is nothing to record: no evidence is needed any more. */
static void settle(struct run *r)
{
	if (r->journal)
		apply_end(r->o, r->d);
	r->journal = false;
}

static void discard(struct run *r)
{
	if (r->prepared)
		generation_discard(&r->o->paths);
	r->prepared = false;
}

static enum apply_result changed(struct run *r)
{
	if (r->said.errors) {
		record(r->d, &r->said, true);
		diag_note(r->d, NULL, "verified",
			  "the kernel reported an error, but reading back shows that it holds "
			  "exactly what was wanted");
	} else {
		record(r->d, &r->said, false);
	}
	if (r->ours.n_foreign) {
		diag_warn(r->d, NULL, "foreign-objects",
			  "while the rules were applied somebody put into untrack's own table: %s",
			  r->ours.foreign[0]);
		diag_cure(r->d, "move it to a table of your own");
	}
	return APPLY_CHANGED; /* the evidence stays until this is on record, too */
}

/* Somebody else may have written the very same while we waited for our turn. */
static enum apply_result unchanged(struct run *r)
{
	if (r->o->said && !r->prepared)
		tell(r, r->o->said);
	discard(r);
	settle(r);
	return APPLY_UNCHANGED;
}

static enum apply_result refused(struct run *r)
{
	discard(r);
	settle(r);
	return APPLY_REFUSED;
}

/* The first differences, foreign objects aside, into the text of a finding. */
static void describe(struct text *t, const struct ruleset *want, const struct ruleset *got)
{
	struct ruleset a = *want, b = *got;

	a.n_foreign = b.n_foreign = 0;
	ruleset_diff_text(t, &a, &b, NAMED_MAX);
}

/* before: it was read, and differs from this; NULL: it cannot be read. */
static enum apply_result unproven(struct run *r, const struct ruleset *before)
{
	struct text t = { 0 };

	text_add(&t, "failed, and the rules before could not be put back: the kernel %s",
		 before ? "holds something else" : "cannot be read");
	if (before)
		describe(&t, before, &r->ours);
	diag_error(r->d, NULL, "unproven", 0, "%s", t.s);
	diag_cure(r->d, "untrack diff shows what is in the kernel now; untrack apply or untrack "
			"remove makes it whole");
	free(t.s);
	discard(r);
	return APPLY_UNKNOWN; /* the journal stays open: the next run says what it finds */
}

static enum apply_result rolled_back(struct run *r, size_t lost)
{
	if (lost) {
		diag_warn(r->d, NULL, "rolled-back",
			  "%zu of the rules before went with rules of the firewall that somebody "
			  "removed meanwhile",
			  lost);
		diag_cure(r->d, "untrack apply derives them anew from the firewall as it is");
	}
	diag_note(r->d, NULL, "rolled-back", "the rules before are back: read back and compared");
	discard(r);
	settle(r);
	return APPLY_ROLLED_BACK;
}

/* Lets somebody who is writing rules finish: a third of a second in all. */
static void pause_between_tries(int i)
{
	const struct timespec t = { .tv_nsec = (1l << (i < 6 ? i : 6)) * 1000000 };

	nanosleep(&t, NULL);
}

/* Back to before, proven by a read: commits until the kernel says the same, a bounded number of
 * times. Only the last attempt's findings are of interest. */
static enum apply_result roll_back(struct run *r)
{
	struct diag last = { 0 };
	struct ruleset target = { 0 };
	bool readable = false;

	for (int i = 0; i <= TRIES; i++) {
		ruleset_free(&r->ours);
		fw_free(&r->fw);
		ruleset_free(&target);
		readable = !r->ops->read(r->b, &r->ours, &r->fw, &last);
		if (readable && standing_holds(&r->ours, &r->fw, &r->before)) {
			size_t lost = standing_copy(&target, &r->before, &r->fw);

			ruleset_free(&target);
			diag_free(&last);
			return rolled_back(r, lost);
		}
		if (i == TRIES || (readable && r->ours.n_foreign && !r->o->force))
			break; /* what somebody put there meanwhile is not ours to remove */
		diag_free(&last);
		standing_copy(&target, &r->before, &r->fw);
		if (readable && r->ops->commit(r->b, &target, &last) == COMMIT_STALE)
			pause_between_tries(i);
	}
	record(r->d, &last, false);
	ruleset_free(&target);
	return unproven(r, readable ? &r->before : NULL);
}

static enum apply_result give_up(struct run *r)
{
	return r->wrote ? roll_back(r) : refused(r);
}

/* As they were; and so must the rules be. Where they are not, the evidence stays. */
static enum apply_result settings_failed(struct run *r, int undone)
{
	if (!undone)
		return give_up(r);
	diag_error(r->d, NULL, "unproven", 0,
		   "failed, and settings of conntrack could not be put back");
	diag_cure(r->d, "untrack diff shows what they are now; untrack apply or untrack remove "
			"makes them whole");
	r->journal = false;
	give_up(r);
	return APPLY_UNKNOWN;
}

/* What is in force already was said when it came. */
static void tell_settings(struct run *r)
{
	diag_free(&r->told);
	if (!r->o->recorded)
		settings_tell(&r->settings, r->o->sysctls, &r->told);
}

/* The rules are as wanted: now the settings, which are there at the latest since rules came that
 * use conntrack. Whoever must get back gets back without them, too. */
static enum apply_result set_settings(struct run *r)
{
	const struct apply_options *o = r->o;
	struct settings *s = &r->settings;
	struct diag faults = { 0 };
	int rc, undone = 0;

	if (r->wrote && s->n) {
		settings_look(s, o->sysctls, &o->paths, r->p, &faults);
		diag_free(&faults); /* as before: somebody has chosen to go over them */
		tell_settings(r);
	}
	if (settings_differ(s)) {
		if (prepare(r))
			return give_up(r);
		if (o->before_less && settings_lower_max(s)) {
			o->before_less(o->ctx, &r->ours);
			tell_settings(r);
		}
		rc = settings_write(s, o->sysctls, &o->paths, &faults);
		if (rc)
			undone = settings_undo(s, o->sysctls, &o->paths, &faults);
		record(r->d, &faults, o->anyway);
		if (rc && !o->anyway)
			return settings_failed(r, undone);
		r->wrote = true;
	}
	if (settings_settle(s, &o->paths, &faults))
		record(r->d, &faults, true);
	return r->wrote ? changed(r) : unchanged(r);
}

/* What can be known beforehand to fail must not cost anybody their rules for a moment. */
static int ask_settings(struct run *r)
{
	struct diag faults = { 0 };
	int rc;

	if (!r->o->sysctls)
		return 0;
	tell_settings(r);
	rc = settings_ask(&r->settings, r->o->sysctls, &faults);
	record(r->d, &faults, r->o->anyway);
	return r->o->anyway ? 0 : rc;
}

enum step {
	STEP_DONE,    /* the kernel holds what it should */
	STEP_AGAIN,   /* the firewall is not the one that want was derived from */
	STEP_NOTHING, /* the kernel is as it was */
	STEP_WRONG,   /* it is neither */
};

/* What a forced run was told to lose must be gone; otherwise foreign objects came meanwhile. */
static bool is_done(const struct run *r)
{
	return !(r->o->force ? ruleset_diff : standing_differences)(&r->want, &r->ours, NULL);
}

/* Commits, and believes nothing but what is read back (FACTS B6, C3). */
static enum step attempt(struct run *r)
{
	struct ruleset wanted = { 0 };
	struct diag quiet = { 0 };
	enum commit_result c;
	enum step step;
	int rc;

	diag_free(&r->said);
	c = r->ops->commit(r->b, &r->want, &r->said);
	if (c == COMMIT_STALE)
		return STEP_AGAIN;
	ruleset_free(&r->ours);
	rc = r->ops->read(r->b, &r->ours, NULL, &quiet);
	diag_free(&quiet);
	if (!rc && is_done(r))
		return STEP_DONE;
	/* Not what we wanted; but do we still want that? Somebody may have changed the firewall. */
	move_ruleset(&wanted, &r->want);
	if (look(r, &r->said)) {
		step = STEP_WRONG;
	} else if (is_done(r)) {
		step = STEP_DONE;
	} else if (standing_holds(&r->ours, &r->fw, &r->before)) {
		step = STEP_NOTHING;
		if (c == COMMIT_DONE)
			diag_error(&r->said, NULL, "not-applied", 0,
				   "the kernel acknowledged the rules, but did not apply them");
	} else if (standing_differences(&r->want, &wanted, NULL)) {
		step = STEP_AGAIN;
		r->wrote = true;
	} else {
		struct text t = { 0 };

		step = STEP_WRONG;
		describe(&t, &wanted, &r->ours);
		diag_error(&r->said, NULL, "verify-failed", 0,
			   "the kernel does not hold what was written:%s", t.s);
		free(t.s);
	}
	ruleset_free(&wanted);
	return step;
}

static enum apply_result finish(struct run *r)
{
	if (r->o->sysctls)
		return set_settings(r);
	return r->wrote ? changed(r) : unchanged(r);
}

static enum apply_result transact(struct run *r)
{
	for (int i = 0; i < TRIES; i++) {
		if (look(r, r->d) || is_refused(r) || ask_settings(r))
			return give_up(r);
		if (!r->wrote) {
			ruleset_free(&r->before);
			ruleset_copy(&r->before, &r->ours);
		}
		if (!ruleset_diff(&r->want, &r->ours, NULL))
			return finish(r);
		if (prepare(r))
			return give_up(r);
		switch (attempt(r)) {
		case STEP_DONE:
			r->wrote = true;
			return finish(r);
		case STEP_AGAIN:
			pause_between_tries(i);
			break;
		case STEP_NOTHING:
			record(r->d, &r->said, false);
			return r->wrote ? rolled_back(r, 0) : refused(r);
		case STEP_WRONG:
			record(r->d, &r->said, false);
			return roll_back(r);
		}
	}
	record(r->d, &r->said, false);
	diag_error(r->d, NULL, "contended", 0,
		   "somebody else keeps changing the firewall: %d tries met other rules each time",
		   TRIES);
	diag_cure(r->d, "see who does (nft monitor), and run it again when it is quiet");
	return give_up(r);
}

enum apply_result apply_policy(const struct backend_ops *ops, struct backend *b,
			       const struct policy *p, const struct host_params *h,
			       const struct apply_options *o, struct ruleset *after, struct diag *d)
{
	struct diag outcome = { 0 };
	struct host_params at = *h;
	struct run r = { .ops = ops, .b = b, .p = p, .h = &at, .o = o, .d = &outcome };
	struct diag compiled = { 0 };
	enum apply_result result;

	at.home = ops->home;
	compile_rules(p, &at, &r.raw, &compiled);
	if (o->said)
		generation_header_add(o->said, &compiled);
	record(d, &compiled, false);
	result = transact(&r);
	record(d, &r.found, o->force); /* causes first */
	record(d, &r.told, false);
	record(d, &outcome, false);
	if (after && (result == APPLY_CHANGED || result == APPLY_UNCHANGED))
		move_ruleset(after, &r.ours);
	diag_free(&r.said);
	ruleset_free(&r.raw);
	ruleset_free(&r.before);
	ruleset_free(&r.ours);
	ruleset_free(&r.want);
	fw_free(&r.fw);
	if (o->settings)
		*o->settings = r.settings;
	else
		settings_free(&r.settings);
	return result;
}
