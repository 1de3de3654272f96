/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two decision lists have in common, and one in words. */
#include "rules/walk.h"

static bool same_decision(const struct decision *x, const struct decision *y)
{
	if (x->rule != y->rule || x->element != y->element || x->when != y->when ||
	    x->untracked != y->untracked || x->verdict != y->verdict || !x->sub != !y->sub)
		return false;
	return !x->sub || decision_lists_equal(x->sub, y->sub);
}

bool decision_lists_equal(const struct decision_list *a, const struct decision_list *b)
{
	if (a->n != b->n || a->outcome != b->outcome)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!same_decision(&a->v[i], &b->v[i]))
			return false;
	}
	return true;
}

const char *const outcome_names[] = {
	[OUT_ACCEPT] = "accepted", [OUT_DROP] = "dropped", [OUT_REJECT] = "rejected",
	[OUT_QUEUE] = "queued",	   [OUT_MIXED] = "maybe",  NULL,
};

const char *outcome_name(enum outcome o)
{
	return outcome_names[o];
}

char *decision_list_words(const struct decision_list *l)
{
	if (l->outcome == OUT_MIXED)
		return xstrdup("the same rules decide in either state");
	return xasprintf("%s in either state", outcome_name(l->outcome));
}

/* Drops some flows, or none, and lets nothing in. */
static bool only_drops(const struct decision *d)
{
	if (!(d->flags & EVAL_FLOW) && d->rule)
		return false;
	switch (d->verdict) {
	case FW_DROP:
	case FW_REJECT:
	case FW_RETURN:
		return true;
	case FW_JUMP:
	case FW_GOTO:
		for (size_t i = 0; i < d->sub->n; i++)
			if (!only_drops(&d->sub->v[i]))
				return false;
		return true;
	case FW_ACCEPT:
	case FW_CONTINUE:
	case FW_QUEUE:
		break;
	}
	return false;
}

struct place { /* in a list, on the way through it */
	const struct decision *at, *end;
};

static struct place begin(const struct decision_list *l)
{
	return (struct place){ l->v, l->n ? l->v + l->n : l->v }; /* C has no NULL + 0 */
}

static bool is_at(const struct place *p, const struct decision *d)
{
	return p->at < p->end && same_decision(p->at, d);
}

static bool same_jump(const struct place *p, const struct decision *d)
{
	return p->at < p->end && p->at->rule == d->rule && p->at->element == d->element &&
	       p->at->when == d->when && p->at->verdict == d->verdict && p->at->sub && d->sub;
}

/* Stops some packets, and all others meet what follows it in the list that is not nested. */
static bool only_stops(const struct decision *d, bool nested)
{
	switch (d->verdict) {
	case FW_DROP:
	case FW_REJECT:
	case FW_CONTINUE:
		return true;
	case FW_JUMP:
	case FW_GOTO:
		for (size_t i = 0; i < d->sub->n; i++)
			if (!only_stops(&d->sub->v[i], true))
				return false;
		return nested || d->verdict == FW_JUMP;
	case FW_RETURN:
		return nested;
	case FW_ACCEPT:
	case FW_QUEUE:
		break;
	}
	return false;
}

/* Where an opening packet that was not stopped meets d, too; p as it was: nowhere. */
static struct place further(const struct place *p, const struct decision *d)
{
	struct place at = *p;

	while (at.at < at.end && !is_at(&at, d) && !same_jump(&at, d) && only_stops(at.at, false))
		at.at++;
	return is_at(&at, d) || same_jump(&at, d) ? at : *p;
}

bool decision_lists_agree(const struct decision_list *tracked,
			  const struct decision_list *untracked,
			  const struct decision_list *opening)
{
	struct place t = begin(tracked), o = begin(opening);
	bool sure = true; /* that an opening packet of the flow comes this far, too */

	for (size_t i = 0; i < untracked->n; i++) {
		const struct decision *u = &untracked->v[i];
		bool at_t = is_at(&t, u), at_o;

		o = further(&o, u);
		at_o = is_at(&o, u);
		if (!at_t && same_jump(&t, u) && same_jump(&o, u) && sure) {
			if (!decision_lists_agree(t.at->sub, u->sub, o.at->sub))
				return false;
			at_t = at_o = true;
		} else if (!at_t && !(at_o && sure && only_drops(u))) {
			return false;
		}
		sure = sure && (!at_o || !u->rule || u->flags & EVAL_FLOW);
		if (at_t)
			t.at++;
		if (at_o)
			o.at++;
	}
	return t.at == t.end;
}
