/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walks told rule by rule: make the accounts, and put them in words. */
#include "rules/walk_text.h"

#include <string.h>
#include "rules/walk.h"
#include "rules/way.h"

#define BRANCHES_MAX 4	/* of one rule that are named */
#define DECISIONS_MAX 6 /* of one walk */
#define SHORT_ROW 3	/* rules that match nothing are told one by one up to here */
#define COLUMN_MAX 28

struct frame { /* a chain that is being walked, and how far */
	const struct fw_chain *chain;
	const struct fw_rule *at;
	size_t number;
};

struct teller { /* one class of packets on its way through one base chain */
	const struct fw *fw;
	const struct ruleset *have;
	const struct traffic *traffic;
	enum family family;
	bool twins; /* are needed here */
	struct walk_account account;
	struct frame *stack;
	size_t n_stack;
	bool *told; /* parallel to the chains of fw */
};

/* ---- one rule ----------------------------------------------------------------------------------
 */

static const char *verdict_word(enum fw_verdict v)
{
	switch (v) {
	case FW_ACCEPT:
		return "accept";
	case FW_DROP:
		return "drop";
	case FW_CONTINUE:
		return "goes on";
	case FW_RETURN:
		return "return";
	case FW_JUMP:
		return "jump ";
	case FW_GOTO:
		return "goto ";
	case FW_QUEUE:
		return "queue";
	case FW_REJECT:
		return "reject";
	}
	return "";
}

/* "no", "yes: accept", "maybe: drop", "maybe: accept, jump x" */
static char *eval_words(const struct eval *e)
{
	enum tri said = NO;
	struct text t = { 0 };

	for (size_t i = 0; i < e->n; i++) {
		const struct branch *b = &e->v[i];
		const char *chain = b->target.chain ? b->target.chain : "";

		if (i == BRANCHES_MAX) {
			text_add(&t, ", ...");
			break;
		}
		text_add(&t, "%s", i ? ", " : "");
		if (b->when != said)
			text_add(&t, "%s: ", b->when == YES ? "yes" : "maybe");
		said = b->when;
		text_add(&t, "%s%s", verdict_word(b->target.verdict), chain);
	}
	return t.s ? t.s : xstrdup("no");
}

/* Is w a twin for these packets? */
static bool twin_serves(const struct twin *w, const struct traffic *t, enum family f)
{
	const struct match *m = &w->match;

	return !strcmp(w->names ? w->names : "", t->names) && m->families & 1u << f &&
	       (!t->match.proto || m->proto == t->match.proto) &&
	       (m->tcp == TCP_ANY || m->tcp == t->match.tcp) && m->icmp == t->match.icmp &&
	       (m->sport.n || !t->match.sport.n) && (m->dport.n || !t->match.dport.n);
}

static enum walk_twin twin_before(const struct teller *w, const struct step *s)
{
	for (const struct fw_rule *r = s->rule; r-- > s->chain->rules && r->twin >= 0;)
		if (w->have && (size_t)r->twin < w->have->n_twins &&
		    twin_serves(&w->have->twins[r->twin], w->traffic, w->family))
			return WALK_TWIN_PRESENT;
	for (size_t i = 0; w->twins && i < s->tracked->n; i++)
		if (step_wants_twin(s->tracked, s->untracked, &s->tracked->v[i]))
			return WALK_TWIN_MISSING;
	return WALK_TWIN_NONE;
}

static bool leads_back(const struct teller *w, const struct step *s)
{
	for (size_t i = 0; i < s->tracked->n; i++) {
		const char *name = s->tracked->v[i].target.chain;
		const struct fw_chain *to = name ? fw_chain_find(w->fw, s->chain, name) : NULL;

		if (to && w->told[to - w->fw->chains])
			return true;
	}
	return false;
}

/* ---- the steps of a walk -----------------------------------------------------------------------
 */

/* The frame of the step's chain, which is entered now, or gone on with after a jump. */
static struct frame *frame_at(struct teller *w, const struct fw_chain *c)
{
	struct frame *f;
	size_t i = w->n_stack;

	while (i && w->stack[i - 1].chain != c)
		i--;
	if (i) {
		w->n_stack = i;
		return &w->stack[i - 1];
	}
	f = ARRAY_ADD(w->stack, w->n_stack);
	f->chain = c;
	f->at = c->rules;
	w->told[c - w->fw->chains] = true;
	return f;
}

static void tell_step(void *ctx, const struct step *s)
{
	struct teller *w = ctx;
	struct walk_account *a = &w->account;
	struct frame *f = frame_at(w, s->chain);
	unsigned depth = (unsigned)(f - w->stack);
	enum walk_twin twin = twin_before(w, s);
	bool idle = !s->tracked->n && !s->untracked->n && twin == WALK_TWIN_NONE;
	struct walk_line *l = a->n_lines ? &a->lines[a->n_lines - 1] : NULL;

	for (; f->at <= s->rule; f->at++)
		f->number += f->at->twin < 0;
	if (idle && l && l->chain == s->chain && l->depth == depth && !strcmp(l->tracked, "no") &&
	    !strcmp(l->untracked, "no") && l->twin == WALK_TWIN_NONE && l->last + 1 == f->number) {
		l->last = f->number;
		return;
	}
	l = ARRAY_ADD(a->lines, a->n_lines);
	l->chain = s->chain;
	l->rule = s->rule;
	l->number = l->last = f->number;
	l->depth = depth;
	l->tracked = eval_words(s->tracked);
	l->untracked = eval_words(s->untracked);
	l->twin = twin;
	l->seen = leads_back(w, s);
}

/* ---- what comes out ----------------------------------------------------------------------------
 */

static void rule_words(const struct fw *fw, const struct fw_rule *r, struct text *t)
{
	for (size_t i = 0; i < fw->n_chains; i++) {
		const struct fw_chain *c = &fw->chains[i];
		size_t number = 0;

		if (!c->n_rules || r < c->rules || r >= c->rules + c->n_rules)
			continue;
		for (const struct fw_rule *k = c->rules; k <= r; k++)
			number += k->twin < 0;
		text_add(t, "rule %zu of %s", number, c->name);
	}
}

static const char *decision_word(enum fw_verdict v)
{
	switch (v) {
	case FW_ACCEPT:
		return "accept";
	case FW_DROP:
		return "drop";
	case FW_REJECT:
		return "reject";
	case FW_QUEUE:
		return "queue";
	case FW_RETURN:
		return "return";
	case FW_CONTINUE:
	case FW_JUMP:
	case FW_GOTO:
		break;
	}
	return "change what later rules see";
}

struct saying { /* a decision list in words */
	const struct fw *fw;
	struct text t;
	size_t n;
	const struct fw_rule *last; /* whose decision was said last */
};

static void say_decision(struct saying *s, const struct decision *d, const struct decision *by)
{
	const struct decision *who = d->rule ? d : by;

	if (who && who->rule == s->last) /* reached in several ways */
		return;
	s->last = who ? who->rule : NULL;
	if (s->n++ >= DECISIONS_MAX)
		return;
	text_add(&s->t, "%s", s->n > 1 ? ", " : "");
	if (!who) {
		text_add(&s->t, "else %s", outcome_name(verdict_outcome(d->verdict, OUT_MIXED)));
		return;
	}
	rule_words(s->fw, who->rule, &s->t);
	text_add(&s->t, " %s %s", who->when == YES ? "will" : "may", decision_word(d->verdict));
}

/* Decisions of chains that are jumped to stand in their place. by: the jump; NULL: there is none */
static void say_list(struct saying *s, const struct decision_list *l, const struct decision *by)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct decision *d = &l->v[i];

		if (d->sub && d->sub->n)
			say_list(s, d->sub, d);
		else
			say_decision(s, d, by);
	}
}

/* "accepted", or "maybe: rule 3 of input may accept, else dropped" */
static char *outcome_words(const struct fw *fw, const struct fw_chain *c,
			   const struct decision_list *l)
{
	struct saying s = { .fw = fw };

	text_add(&s.t, "%s", outcome_name(l->outcome));
	if (l->outcome != OUT_MIXED)
		return s.t.s;
	text_add(&s.t, ": ");
	say_list(&s, l, NULL);
	if (s.n > DECISIONS_MAX)
		text_add(&s.t, ", and %zu more", s.n - DECISIONS_MAX);
	else if (l->v[l->n - 1].rule)
		text_add(&s.t, ", else %s", c->policy == FW_DROP ? "dropped" : "accepted");
	return s.t.s;
}

/* ---- accounts ----------------------------------------------------------------------------------
 */

static void free_account(struct walk_account *a)
{
	for (size_t i = 0; i < a->n_packets; i++)
		free(a->packets[i].names);
	for (size_t i = 0; i < a->n_lines; i++) {
		free(a->lines[i].tracked);
		free(a->lines[i].untracked);
	}
	free(a->packets);
	free(a->lines);
	free(a->tracked);
	free(a->untracked);
	free(a->twinned);
}

static bool same_line(const struct walk_line *a, const struct walk_line *b)
{
	return a->rule == b->rule && a->last == b->last && a->depth == b->depth &&
	       a->twin == b->twin && !strcmp(a->tracked, b->tracked) &&
	       !strcmp(a->untracked, b->untracked);
}

static bool same_account(const struct walk_account *a, const struct walk_account *b)
{
	if (a->chain != b->chain || a->n_lines != b->n_lines || strcmp(a->tracked, b->tracked) ||
	    strcmp(a->untracked, b->untracked) || strcmp(a->twinned, b->twinned))
		return false;
	for (size_t i = 0; i < a->n_lines; i++)
		if (!same_line(&a->lines[i], &b->lines[i]))
			return false;
	return true;
}

static void add_packets(struct walk_account *a, const struct traffic *t, enum family f)
{
	struct walk_packets *p;

	for (size_t i = 0; i < a->n_packets; i++) {
		p = &a->packets[i];
		if (p->class == t->class && !strcmp(p->names, t->names)) {
			p->families |= 1u << f;
			return;
		}
	}
	p = ARRAY_ADD(a->packets, a->n_packets);
	p->names = xstrdup(t->names);
	p->class = t->class;
	p->families = 1u << f;
}

static bool needs_twins(const struct twin_plan *plan, const struct fw_chain *c,
			const struct traffic *t, enum family f)
{
	for (size_t i = 0; i < plan->n_needs; i++) {
		const struct chain_need *n = &plan->needs[i];

		if (n->chain == c && n->need == NEED_TWINS && n->class == t->class &&
		    n->family == f && !strcmp(n->names, t->names))
			return true;
	}
	return false;
}

static void tell(struct teller *w, const struct fw_chain *c)
{
	struct walk_account *a = &w->account;
	struct packet p;
	struct walk *walk;

	packet_init(&p, w->traffic, w->family, c->hook);
	walk = walk_new(w->fw, &p, way_state(c, w->traffic->class));
	w->told = xcalloc(w->fw->n_chains, sizeof(*w->told));
	*a = (struct walk_account){ .chain = c };
	walk_steps(walk, c, tell_step, w);
	a->tracked = outcome_words(w->fw, c, walk_chain(walk, c, WALK_TRACKED));
	a->untracked = outcome_words(w->fw, c, walk_chain(walk, c, WALK_UNTRACKED));
	a->twinned = w->twins ? outcome_words(w->fw, c, walk_chain(walk, c, WALK_TWINNED))
			      : xstrdup(a->untracked);
	walk_free(walk);
	packet_free(&p);
	free(w->stack);
	free(w->told);
}

/* first: the first account of this chain. */
static void add_account(struct walk_accounts *all, size_t first, struct teller *w)
{
	for (size_t i = first; i < all->n; i++) {
		if (!same_account(&all->v[i], &w->account))
			continue;
		free_account(&w->account);
		add_packets(&all->v[i], w->traffic, w->family);
		return;
	}
	add_packets(&w->account, w->traffic, w->family);
	*ARRAY_ADD(all->v, all->n) = w->account;
}

void walk_accounts_make(const struct policy *p, const struct host_params *h, const struct fw *fw,
			const struct ruleset *have, const struct twin_plan *plan,
			struct walk_accounts *out)
{
	struct traffic *traffic;
	size_t n;

	compile_traffic(p, h, &traffic, &n);
	for (size_t c = 0; c < fw->n_chains; c++) {
		const struct fw_chain *chain = &fw->chains[c];
		size_t first = out->n;

		for (size_t i = 0; !chain_is_nat(chain) && i < n; i++)
			for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
				struct teller w = { .fw = fw, .have = have };

				if (!(traffic[i].match.families & 1u << f) ||
				    !way_has_chain(chain, &traffic[i], f))
					continue;
				w.traffic = &traffic[i];
				w.family = (enum family)f;
				w.twins = needs_twins(plan, chain, &traffic[i], f);
				tell(&w, chain);
				add_account(out, first, &w);
			}
	}
	traffic_free(traffic, n);
}

void walk_accounts_free(struct walk_accounts *a)
{
	for (size_t i = 0; i < a->n; i++)
		free_account(&a->v[i]);
	free(a->v);
	*a = (struct walk_accounts){ 0 };
}

/* ---- text --------------------------------------------------------------------------------------
 */

const char *walk_twin_name(enum walk_twin twin)
{
	switch (twin) {
	case WALK_TWIN_NONE:
		break;
	case WALK_TWIN_PRESENT:
		return "present";
	case WALK_TWIN_MISSING:
		return "missing";
	}
	return "";
}

void walk_packets_text(const struct walk_packets *p, struct text *t)
{
	text_add(t, "%s %s", p->names, packet_class_name(p->class));
	if (p->families != FAMILIES_BOTH)
		text_add(t, " %s", p->families == FAMILIES_V4 ? "ipv4" : "ipv6");
}

struct columns {
	int tracked, untracked;
};

static int wider(int width, const char *s)
{
	int n = (int)strlen(s);

	n = n > COLUMN_MAX ? COLUMN_MAX : n;
	return n > width ? n : width;
}

static void row_text(const struct columns *w, const struct walk_line *l, size_t number,
		     const char *text, struct text *t)
{
	text_add(t, "      %-*s  %-*s  %-7s  %*s%zu", w->tracked, l->tracked, w->untracked,
		 l->untracked, walk_twin_name(l->twin), (int)(2 * l->depth), "", number);
	if (!text)
		text_add(t, "-%zu  none of them matches", l->last);
	else
		text_add(t, "  %s%s", text, l->seen ? "  # its rules: above" : "");
	text_add(t, "\n");
}

static void line_text(const struct columns *w, const struct walk_line *l, struct text *t)
{
	const struct fw_rule *r = l->rule;

	if (l->last - l->number >= SHORT_ROW) {
		row_text(w, l, l->number, NULL, t);
		return;
	}
	for (size_t i = l->number; i <= l->last; r++) {
		auto_free char *text = r->twin < 0 ? fw_rule_text(r) : NULL;

		if (text)
			row_text(w, l, i++, text, t);
	}
}

static void result_text(const struct walk_account *a, struct text *t)
{
	if (!strcmp(a->tracked, a->untracked)) {
		text_add(t, "    in either state: %s\n", a->tracked);
		return;
	}
	text_add(t, "    tracked: %s\n    untracked: %s\n", a->tracked, a->untracked);
	if (strcmp(a->untracked, a->twinned) != 0)
		text_add(t, "    with twins: %s\n", a->twinned);
}

void walk_account_text(const struct walk_account *a, struct text *t)
{
	struct columns w = { (int)strlen("tracked"), (int)strlen("untracked") };

	text_add(t, "  ");
	fw_chain_text(a->chain, t);
	for (size_t i = 0; i < a->n_packets; i++) {
		text_add(t, "%s", i ? ", " : ": ");
		walk_packets_text(&a->packets[i], t);
	}
	text_add(t, "\n");
	for (size_t i = 0; i < a->n_lines; i++) {
		w.tracked = wider(w.tracked, a->lines[i].tracked);
		w.untracked = wider(w.untracked, a->lines[i].untracked);
	}
	if (a->n_lines)
		text_add(t, "      %-*s  %-*s  %-7s  rule\n", w.tracked, "tracked", w.untracked,
			 "untracked", "twin");
	for (size_t i = 0; i < a->n_lines; i++)
		line_text(&w, &a->lines[i], t);
	result_text(a, t);
}
