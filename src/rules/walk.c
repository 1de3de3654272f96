/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decision lists: forward through the rules, then backward to drop what does not decide. */
#include "rules/walk.h"

#include <string.h>

struct memo { /* a chain, what happens after it, and the list that it comes to */
	const struct fw_chain *chain;
	enum walk_mode mode;
	enum outcome after;
	const struct decision_list *list;
	bool falls; /* the end of the chain can be reached */
};

struct evals { /* both evaluations of every rule of a chain, made when the chain is first reached */
	const struct fw_chain *chain;
	struct eval *tracked, *untracked;
	bool *alone;  /* about untracked packets alone, by that name */
	size_t n_met; /* of its rules, from the first: the tracked packet can reach them */
	bool stepped;
};

struct walk {
	const struct fw *fw;
	const struct packet *packet;
	uint32_t tracked;
	struct memo *memo;
	size_t n_memo;
	struct evals *evals;	     /* parallel to fw->chains */
	const struct fw_chain *met;  /* the base chain that n_met is about; NULL: not looked at */
	struct decision_list **pool; /* no two alike */
	size_t n_pool;
};

struct builder {	    /* a list from its end to its beginning */
	struct decision *v; /* reversed */
	size_t n;
	enum outcome now; /* of what has been built so far */
	bool falls;
};

struct walk *walk_new(const struct fw *fw, const struct packet *p, uint32_t tracked)
{
	struct walk *w = xcalloc(1, sizeof(*w));

	w->fw = fw;
	w->packet = p;
	w->tracked = tracked;
	w->evals = xcalloc(fw->n_chains + 1, sizeof(*w->evals));
	return w;
}

void walk_free(struct walk *w)
{
	for (size_t i = 0; i < w->fw->n_chains; i++) {
		struct evals *e = &w->evals[i];

		for (size_t k = 0; e->chain && k < e->chain->n_rules; k++) {
			if (e->untracked[k].v != e->tracked[k].v)
				eval_free(&e->untracked[k]);
			eval_free(&e->tracked[k]);
		}
		free(e->tracked);
		free(e->untracked);
		free(e->alone);
	}
	for (size_t i = 0; i < w->n_pool; i++) {
		free(w->pool[i]->v);
		free(w->pool[i]);
	}
	free(w->pool);
	free(w->evals);
	free(w->memo);
	free(w);
}

static bool same_branch(const struct branch *a, const struct branch *b)
{
	return a->element == b->element && a->when == b->when &&
	       a->target.verdict == b->target.verdict;
}

static bool has_branch(const struct eval *e, const struct branch *b)
{
	for (size_t i = 0; i < e->n; i++)
		if (same_branch(&e->v[i], b))
			return true;
	return false;
}

bool step_turns_away(const struct eval *tracked, const struct eval *untracked)
{
	for (size_t i = 0; i < untracked->n; i++)
		if ((untracked->v[i].target.verdict == FW_DROP ||
		     untracked->v[i].target.verdict == FW_REJECT) &&
		    !has_branch(tracked, &untracked->v[i]))
			return untracked->flags & EVAL_NAMES_UNTRACKED;
	return false;
}

/* Is the rule about untracked packets alone? One that new packets meet, too, is a deny list with
 * "untracked" for completeness. */
static bool is_alone(const struct walk *w, const struct fw_rule *r, const struct eval *tracked,
		     const struct eval *untracked)
{
	static const uint32_t others[] = { STATE_NEW, STATE_ESTABLISHED };
	bool met = false;

	if (tracked->n || !untracked->n || !(untracked->flags & EVAL_NAMES_UNTRACKED))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct eval e;

		packet_eval(w->packet, r, others[i], &e);
		met = met || e.n;
		eval_free(&e);
	}
	return !met;
}

static struct evals *chain_evals(struct walk *w, const struct fw_chain *c)
{
	struct evals *e = &w->evals[c - w->fw->chains];
	const bool anonymous = fw_chain_is_anonymous(c);

	if (e->chain)
		return e;
	e->chain = c;
	e->tracked = xcalloc(c->n_rules + 1, sizeof(*e->tracked));
	e->untracked = xcalloc(c->n_rules + 1, sizeof(*e->untracked));
	e->alone = xcalloc(c->n_rules + 1, sizeof(*e->alone));
	for (size_t i = 0; i < c->n_rules; i++) {
		if (c->rules[i].twin >= 0) /* ours: as if it were not there */
			continue;
		packet_eval(w->packet, &c->rules[i], w->tracked, &e->tracked[i]);
		if (rule_asks_conntrack(&c->rules[i]))
			packet_eval(w->packet, &c->rules[i], STATE_UNTRACKED, &e->untracked[i]);
		else
			e->untracked[i] = e->tracked[i]; /* one and the same, freed once */
		e->alone[i] = is_alone(w, &c->rules[i], &e->tracked[i], &e->untracked[i]);
		if (anonymous) {
			e->tracked[i].flags |= EVAL_ONCE;
			e->untracked[i].flags |= EVAL_ONCE;
		}
	}
	return e;
}

bool step_wants_twin(const struct eval *tracked, const struct eval *untracked,
		     const struct branch *b)
{
	if (step_turns_away(tracked, untracked))
		return false;
	if (!(tracked->flags & EVAL_STATE) ||
	    tracked->flags & (EVAL_STATE_HARD | EVAL_ONCE | EVAL_CT_OTHER))
		return false;
	if (has_branch(untracked, b))
		return false;
	return !(b->element && b->target.verdict == FW_CONTINUE);
}

enum outcome verdict_outcome(enum fw_verdict v, enum outcome after)
{
	switch (v) {
	case FW_ACCEPT:
		return OUT_ACCEPT;
	case FW_DROP:
		return OUT_DROP;
	case FW_REJECT:
		return OUT_REJECT;
	case FW_QUEUE:
		return OUT_QUEUE;
	case FW_CONTINUE:
	case FW_RETURN:
	case FW_JUMP:
	case FW_GOTO:
		break;
	}
	return after;
}

static bool is_last(const struct fw_chain *c, const struct fw_rule *r)
{
	while (++r < c->rules + c->n_rules)
		if (r->twin < 0)
			return false;
	return true;
}

bool step_wants_return(const struct step *s)
{
	const unsigned flags = s->tracked->flags | s->untracked->flags;

	return !s->tracked->n && s->untracked->n && flags & EVAL_STATE &&
	       !(flags & (EVAL_STATE_HARD | EVAL_ONCE | EVAL_CT_OTHER | EVAL_LIMIT | EVAL_SYNPROXY |
			  EVAL_NAMES_UNTRACKED)) &&
	       is_last(s->chain, s->rule);
}

bool step_wants_accept(const struct step *s)
{
	if (s->tracked->n || !(s->untracked->flags & EVAL_STATE) || s->alone ||
	    fw_chain_is_anonymous(s->chain))
		return false;
	for (size_t i = 0; i < s->untracked->n; i++)
		if (s->untracked->v[i].target.verdict != FW_CONTINUE)
			return true;
	return false;
}

/* The list that is equal to this one, from the pool. v is taken. */
static const struct decision_list *intern(struct walk *w, struct decision *v, size_t n,
					  enum outcome outcome)
{
	struct decision_list *l;

	for (size_t i = 0; i < w->n_pool; i++) {
		l = w->pool[i];
		if (l->n == n && l->outcome == outcome &&
		    (!n || !memcmp(l->v, v, n * sizeof(*v)))) {
			free(v);
			return l;
		}
	}
	l = xcalloc(1, sizeof(*l));
	*l = (struct decision_list){ v, n, outcome, EVAL_FLOW };
	for (size_t i = 0; i < n; i++) {
		unsigned f = v[i].rule ? v[i].flags : EVAL_FLOW;

		if (v[i].sub && !(v[i].sub->flags & EVAL_FLOW))
			f &= ~EVAL_FLOW;
		l->flags = ((l->flags | f) & ~EVAL_FLOW) | (l->flags & f & EVAL_FLOW);
		if (v[i].sub)
			l->flags |= v[i].sub->flags & ~EVAL_FLOW;
	}
	*ARRAY_ADD(w->pool, w->n_pool) = l;
	return l;
}

/* Nothing after this is reached. */
static void build_end(struct builder *b, enum outcome now, bool falls, enum outcome after)
{
	static const enum fw_verdict verdicts[] = { FW_ACCEPT, FW_DROP, FW_REJECT, FW_QUEUE };

	b->n = 0;
	b->now = now;
	b->falls = falls;
	if (now != after && now != OUT_MIXED) {
		struct decision *d = ARRAY_ADD(b->v, b->n);

		d->when = YES;
		d->verdict = verdicts[now];
	}
}

static struct decision *build_decision(struct builder *b, const struct fw_rule *r, unsigned flags,
				       const struct branch *how, enum walk_mode mode)
{
	struct decision *d = ARRAY_ADD(b->v, b->n);

	d->rule = r;
	d->element = how->element;
	d->when = how->when;
	d->untracked = how->when == MAYBE && flags & EVAL_STATE_HARD && mode != WALK_TRACKED;
	d->verdict = how->target.verdict;
	d->flags = flags;
	return d;
}

static struct memo chain_list(struct walk *w, const struct fw_chain *c, enum walk_mode mode,
			      enum outcome after);

/* Where a jump or goto leads; NULL: this branch is neither. */
static const struct fw_chain *target_chain(const struct walk *w, const struct fw_chain *from,
					   const struct branch *b)
{
	return b->target.chain ? fw_chain_find(w->fw, from, b->target.chain) : NULL;
}

static bool is_constant(const struct decision_list *l)
{
	return l->n == 1 && !l->v[0].rule;
}

static void build_sub(struct walk *w, struct builder *b, const struct fw_chain *c,
		      const struct fw_rule *r, unsigned flags, const struct branch *how,
		      enum walk_mode mode, enum outcome after)
{
	const struct fw_chain *to = target_chain(w, c, how);
	bool jump = how->target.verdict == FW_JUMP;
	const struct decision_list *sub;
	struct memo m;

	if (!to) /* a table that changed under us: the snapshot was refused then */
		return;
	m = chain_list(w, to, mode, jump ? b->now : after);
	sub = m.list;
	if (how->when == YES) {
		if (!m.falls || !jump || is_constant(sub))
			build_end(b, sub->n && !is_constant(sub) ? OUT_MIXED : sub->outcome,
				  !jump && m.falls, after);
	} else {
		b->falls = b->falls || (!jump && m.falls);
	}
	if (is_constant(sub) && how->when == YES)
		return;
	if (!sub->n &&
	    (jump || how->when == YES || !b->n || (after == b->now && after != OUT_MIXED)))
		return;
	build_decision(b, r, flags, how, mode)->sub = sub;
	b->now = how->when == YES ? sub->outcome : OUT_MIXED;
}

static void build_branch(struct walk *w, struct builder *b, const struct fw_chain *c,
			 const struct fw_rule *r, unsigned flags, const struct branch *how,
			 enum walk_mode mode, enum outcome after)
{
	enum outcome o = verdict_outcome(how->target.verdict, after);

	switch (how->target.verdict) {
	case FW_CONTINUE:
		/* What reads other conntrack data is warned about, and decides nothing here. */
		if (flags & EVAL_EFFECT && !(flags & EVAL_CT_OTHER))
			build_decision(b, r, flags, how, mode);
		return;
	case FW_JUMP:
	case FW_GOTO:
		build_sub(w, b, c, r, flags, how, mode, after);
		return;
	case FW_ACCEPT:
	case FW_DROP:
	case FW_REJECT:
	case FW_QUEUE:
	case FW_RETURN:
		break;
	}
	if (how->when == YES) {
		build_end(b, o, how->target.verdict == FW_RETURN, after);
		return;
	}
	b->falls = b->falls || how->target.verdict == FW_RETURN;
	if (o == b->now && o != OUT_MIXED && !(flags & EVAL_NAT))
		return;
	if (how->target.verdict == FW_RETURN && !b->n)
		return;
	build_decision(b, r, flags, how, mode);
	b->now = OUT_MIXED;
}

/* Can the tracked packet not meet this rule, and may a twin stand before it? Rules of ours are as
 * if they were not there; what is aimed at untracked packets is meant so. */
static bool passes_by(const struct evals *e, size_t i)
{
	return e->chain->rules[i].twin >= 0 ||
	       (!e->tracked[i].n &&
		!(e->alone[i] && step_turns_away(&e->tracked[i], &e->untracked[i])));
}

/* The rule whose twins stand before rule i; n_rules: none. */
static size_t twinned_at(const struct evals *e, size_t i, enum walk_mode mode)
{
	size_t k = i;

	if (mode == WALK_TWINNED || mode == WALK_PASSED || mode == WALK_ACCEPTED)
		return i;
	if (mode != WALK_HOISTED || (i && passes_by(e, i - 1)))
		return e->chain->n_rules;
	while (k < e->chain->n_rules && passes_by(e, k))
		k++;
	return k;
}

const struct fw_rule *walk_place(struct walk *w, const struct fw_chain *c, const struct fw_rule *r,
				 enum walk_mode mode)
{
	const struct evals *e = chain_evals(w, c);
	size_t i = (size_t)(r - c->rules);

	while (mode == WALK_HOISTED && i && passes_by(e, i - 1))
		i--;
	while (c->rules[i].twin >= 0)
		i++;
	return &c->rules[i];
}

static void build_twins(struct walk *w, struct builder *b, const struct evals *e, size_t i,
			enum walk_mode mode, enum outcome after)
{
	static const struct branch back = { .target = { .verdict = FW_RETURN }, .when = YES };
	static const struct branch in = { .target = { .verdict = FW_ACCEPT }, .when = YES };
	const struct fw_rule *r = &e->chain->rules[i];
	const struct eval *t, *u;
	struct step step;

	/* Where only untracked packets come nobody writes a twin. */
	if (i >= e->n_met)
		return;
	t = &e->tracked[i];
	u = &e->untracked[i];
	step = (struct step){ e->chain, r, t, u, e->alone[i] };
	if (mode == WALK_PASSED && step_wants_return(&step))
		build_branch(w, b, e->chain, r, 0, &back, mode, after);
	if (mode == WALK_ACCEPTED && step_wants_accept(&step))
		build_branch(w, b, e->chain, r, 0, &in, mode, after);
	for (size_t k = t->n; k-- > 0;)
		if (step_wants_twin(t, u, &t->v[k]))
			build_branch(w, b, e->chain, r,
				     ((t->flags | u->flags) & ~EVAL_FLOW) | (t->flags & EVAL_FLOW),
				     &t->v[k], mode, after);
}

/* The ways in which the rule ends in this mode, last first. */
static void build_rule(struct walk *w, struct builder *b, const struct fw_chain *c, size_t i,
		       enum walk_mode mode, enum outcome after)
{
	const struct evals *e = chain_evals(w, c);
	const struct eval *t = &e->tracked[i], *u = &e->untracked[i];
	const struct eval *plain = mode == WALK_TRACKED ? t : u;
	unsigned flags = ((t->flags | u->flags) & ~EVAL_FLOW) | ((t->n ? t : u)->flags & EVAL_FLOW);

	for (size_t k = plain->n; k-- > 0;)
		build_branch(w, b, c, &c->rules[i], flags, &plain->v[k], mode, after);
}

static struct memo chain_list(struct walk *w, const struct fw_chain *c, enum walk_mode mode,
			      enum outcome after)
{
	struct builder b = { .now = after, .falls = true };
	struct memo m = { c, mode, after, NULL, true };

	for (size_t i = 0; i < w->n_memo; i++)
		if (w->memo[i].chain == c && w->memo[i].mode == mode && w->memo[i].after == after)
			return w->memo[i];
	for (size_t i = c->n_rules; i-- > 0;) {
		if (c->rules[i].twin < 0)
			build_rule(w, &b, c, i, mode, after);
		if (mode == WALK_HOISTED ||
		    (mode != WALK_TRACKED && mode != WALK_UNTRACKED && c->rules[i].twin < 0))
			build_twins(w, &b, chain_evals(w, c),
				    twinned_at(chain_evals(w, c), i, mode), mode, after);
	}
	for (size_t i = 0; i < b.n / 2; i++) {
		struct decision d = b.v[i];

		b.v[i] = b.v[b.n - 1 - i];
		b.v[b.n - 1 - i] = d;
	}
	m.list = intern(w, b.v, b.n, b.now);
	m.falls = b.falls;
	*ARRAY_ADD(w->memo, w->n_memo) = m;
	return m;
}

static bool branch_ends(struct walk *w, const struct fw_chain *c, const struct branch *b)
{
	const struct fw_chain *to;

	if (b->when != YES)
		return false;
	switch (b->target.verdict) {
	case FW_CONTINUE:
		return false;
	case FW_JUMP:
		to = target_chain(w, c, b);
		return to && !chain_list(w, to, WALK_TRACKED, OUT_MIXED).falls;
	case FW_ACCEPT:
	case FW_DROP:
	case FW_REJECT:
	case FW_QUEUE:
	case FW_RETURN:
	case FW_GOTO:
		break;
	}
	return true;
}

static void step_chain(struct walk *w, const struct fw_chain *c,
		       void (*fn)(void *ctx, const struct step *s), void *ctx)
{
	struct evals *e = chain_evals(w, c);

	if (e->stepped)
		return;
	e->stepped = true;
	for (size_t i = 0; i < e->n_met; i++) {
		if (c->rules[i].twin >= 0)
			continue;
		fn(ctx, &(struct step){ c, &c->rules[i], &e->tracked[i], &e->untracked[i],
					e->alone[i] });
		for (size_t k = 0; k < e->tracked[i].n; k++) {
			const struct fw_chain *to = target_chain(w, c, &e->tracked[i].v[k]);

			if (to)
				step_chain(w, to, fn, ctx);
		}
	}
}

static void mark_met(struct walk *w, const struct fw_chain *c)
{
	struct evals *e = chain_evals(w, c);
	bool ended = false;

	if (e->n_met)
		return;
	for (size_t i = 0; i < c->n_rules && !ended; i++) {
		e->n_met = i + 1;
		for (size_t k = 0; c->rules[i].twin < 0 && k < e->tracked[i].n; k++) {
			const struct branch *b = &e->tracked[i].v[k];
			const struct fw_chain *to = target_chain(w, c, b);

			if (to)
				mark_met(w, to);
			ended = ended || branch_ends(w, c, b);
		}
	}
}

static void find_met(struct walk *w, const struct fw_chain *base)
{
	if (w->met == base)
		return;
	for (size_t i = 0; i < w->fw->n_chains; i++)
		w->evals[i].n_met = 0;
	w->met = base;
	mark_met(w, base);
}

const struct decision_list *walk_chain(struct walk *w, const struct fw_chain *base,
				       enum walk_mode mode)
{
	find_met(w, base);
	return chain_list(w, base, mode, base->policy == FW_DROP ? OUT_DROP : OUT_ACCEPT).list;
}

void walk_steps(struct walk *w, const struct fw_chain *base,
		void (*fn)(void *ctx, const struct step *s), void *ctx)
{
	find_met(w, base);
	step_chain(w, base, fn, ctx);
}

void walk_restart(struct walk *w)
{
	for (size_t i = 0; i < w->fw->n_chains; i++)
		w->evals[i].stepped = false;
}
