/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run that did not end has left behind. */
#include "transaction/apply.h"
#include "transaction/standing.h"

/* What is in the kernel counts: it goes on record as the run would have done it. */
static void finish_record(const struct apply_options *o, struct diag *d)
{
	struct diag faults = { 0 };
	long n = generation_finish(&o->paths, &faults);

	if (n > 0)
		diag_note(d, NULL, "recovered",
			  "a run that did not end had put all of its rules into the kernel: they "
			  "are on record now, as generation %ld",
			  n);
	else
		diag_note(d, NULL, "recovered",
			  "a run that did not end had put all of its rules into the kernel");
	diag_soften(&faults);
	diag_move(d, &faults);
	diag_free(&faults);
}

static bool settings_are(const struct transaction *t, const struct apply_options *o, bool done)
{
	return !o->sysctls || settings_hold(&t->settings, o->sysctls, done);
}

static enum apply_result say_recovered(const struct transaction *t, const struct apply_options *o,
				       const struct ruleset *ours, const struct fw *fw,
				       struct diag *d)
{
	if (standing_holds(ours, fw, &t->want) && settings_are(t, o, true)) {
		finish_record(o, d);
		return APPLY_CHANGED;
	}
	if (standing_holds(ours, fw, &t->before) && settings_are(t, o, false)) {
		diag_note(d, NULL, "recovered",
			  "a run that did not end had not changed the kernel yet");
		return APPLY_UNCHANGED;
	}
	diag_warn(d, NULL, "recovered",
		  "since a run that did not end, untrack's %s are neither those before "
		  "it nor those it wanted",
		  t->settings.n ? "rules and settings" : "rules");
	diag_cure(d, "untrack apply or untrack remove makes them whole");
	return APPLY_UNKNOWN;
}

enum apply_result apply_recover(const struct backend_ops *ops, struct backend *b,
				const struct apply_options *o, struct diag *d)
{
	enum apply_result result = APPLY_REFUSED;
	struct transaction t = { 0 };
	struct ruleset ours = { 0 };
	struct fw fw = { 0 };

	if (journal_load(&o->paths, &t, d))
		return APPLY_REFUSED;
	if (!t.open)
		return APPLY_UNCHANGED;
	if (!ops->read(b, &ours, &fw, d)) {
		result = say_recovered(&t, o, &ours, &fw, d);
		if (journal_end(&o->paths, d))
			result = APPLY_REFUSED;
	}
	transaction_free(&t);
	ruleset_free(&ours);
	fw_free(&fw);
	return result;
}
