/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For each class of exempt packets and each base chain on its way: which rules get a twin. */
#include "rules/twin.h"

#include <string.h>
#include "rules/port_cells.h"
#include "rules/twin_finding.h"
#include "rules/twin_want.h"
#include "rules/walk.h"
#include "rules/way.h"

struct closed { /* ports of a shape to which the firewall lets no new connection */
	unsigned shape;
	enum family family;
	struct ports ports; /* n == 0: all of them (a portless protocol) */
	const struct traffic *traffic;
	const struct fw_chain *chain;
};

struct derivation {
	const struct policy *policy;
	const struct fw *fw;
	struct twin_plan *plan;
	struct twin_findings findings;
	struct twin_wants wants;
	struct closed *closed;
	size_t n_closed;
	struct port_cuts cuts;
	char *part; /* ports that needs are added for; NULL: all of the service's */
};

static void add_need(struct derivation *d, const struct fw_chain *c, const struct traffic *t,
		     enum family f, enum twin_need need, char *why)
{
	struct chain_need *n;

	if (!d->plan) {
		free(why);
		return;
	}
	n = ARRAY_ADD(d->plan->needs, d->plan->n_needs);
	n->chain = c;
	n->names = xstrdup(t->names);
	n->class = t->class;
	n->family = f;
	n->need = need;
	n->part = d->part ? xstrdup(d->part) : NULL;
	n->why = why;
}

/* id: of the finding that says so. */
static void add_refusal(struct derivation *d, const struct fw_chain *c, const struct traffic *t,
			enum family f, const char *id, const char *why)
{
	add_need(d, c, t, f, NEED_REFUSED, xstrdup(why));
	if (d->plan)
		d->plan->needs[d->plan->n_needs - 1].finding = id;
}

/* ---- closed ports ------------------------------------------------------------------------------
 */

static struct ports *service_ports(struct traffic *t)
{
	switch (t->side) {
	case SIDE_SRC:
		return &t->match.sport;
	case SIDE_DST:
		return &t->match.dport;
	case SIDE_NONE:
		break;
	}
	return NULL;
}

/* Fresh string; NULL: they are all there is, or there are no ports. */
static char *part_text(const struct ports *part, const struct ports *all)
{
	struct text t = { 0 };

	if (part && all && part->n && ports_compare(part, all))
		ports_text(part, &t);
	return t.s;
}

/* The same traffic for some of its ports only; the caller frees the match. */
static struct traffic traffic_narrow(const struct traffic *t, const struct ports *only)
{
	struct traffic copy = *t;
	struct ports *p;

	match_copy(&copy.match, &t->match);
	p = service_ports(&copy);
	if (p && only) {
		free(p->v);
		ports_copy(p, only);
	}
	return copy;
}

/* Closed: no new connection passes c, tracked or not. Where the untracked packet would pass, it is
 * the twins' business to stop it. OUT_ACCEPT stands for every way in which c is open. */
static enum outcome closed_outcome(struct derivation *d, const struct traffic *t, enum family f,
				   const struct fw_chain *c)
{
	struct packet p;
	struct walk *w;
	enum outcome tracked, untracked;

	packet_init(&p, t, f, c->hook);
	w = walk_new(d->fw, &p, way_state(c, CLASS_OPENING));
	tracked = walk_chain(w, c, WALK_TRACKED)->outcome;
	untracked = walk_chain(w, c, WALK_UNTRACKED)->outcome;
	walk_free(w);
	packet_free(&p);
	if (tracked == OUT_MIXED)
		return OUT_MIXED;
	return tracked == untracked && (tracked == OUT_DROP || tracked == OUT_REJECT) ? tracked
										      : OUT_ACCEPT;
}

static void note_closed(struct derivation *d, struct traffic *t, enum family f,
			const struct fw_chain *c, const struct ports *ports)
{
	struct closed *k = ARRAY_ADD(d->closed, d->n_closed);

	k->shape = t->shape;
	k->family = f;
	ports_copy(&k->ports, ports);
	k->traffic = t;
	k->chain = c;
	d->part = part_text(ports, service_ports(t));
	add_need(d, c, t, f, NEED_CLOSED, xstrdup("it accepts no new connection"));
	free(d->part);
	d->part = NULL;
}

/* Ports that chain c closes: all or none of them at a glance, or else cell by cell. */
static void chain_closes(struct derivation *d, struct traffic *t, enum family f,
			 const struct fw_chain *c)
{
	enum outcome all = closed_outcome(d, t, f, c);
	struct ports *mine = service_ports(t), none = { 0 }, closed = { 0 }, *cells;
	size_t n;

	if (all == OUT_DROP || all == OUT_REJECT) {
		note_closed(d, t, f, c, mine ? mine : &none);
		return;
	}
	if (all != OUT_MIXED || !mine)
		return;
	cells = port_cells(mine, &d->cuts, &n);
	for (size_t i = 0; i < n; i++) {
		struct traffic part = traffic_narrow(t, &cells[i]);
		enum outcome o = closed_outcome(d, &part, f, c);

		for (size_t k = 0; (o == OUT_DROP || o == OUT_REJECT) && k < cells[i].n; k++)
			ports_add(&closed, cells[i].v[k].lo, cells[i].v[k].hi);
		match_free(&part.match);
		free(cells[i].v);
	}
	free(cells);
	ports_normalise(&closed);
	if (closed.n)
		note_closed(d, t, f, c, &closed);
	free(closed.v);
}

static void find_closed(struct derivation *d, struct traffic *t)
{
	if (!t->original || t->class != CLASS_OPENING || t->accept != ACCEPT_TWIN)
		return;
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
		for (size_t i = 0; t->match.families & 1u << f && i < d->fw->n_chains; i++)
			if (way_has_chain(&d->fw->chains[i], t, f) &&
			    !chain_is_nat(&d->fw->chains[i]))
				chain_closes(d, t, f, &d->fw->chains[i]);
}

static bool same_closed(const struct closed *a, const struct closed *b)
{
	struct match x = { .sport = a->ports }, y = { .sport = b->ports };

	return a->shape == b->shape && !match_compare(&x, &y);
}

/* One warning for both families and for all the chains that close the same ports. */
static void tell_closed(struct derivation *d)
{
	for (size_t i = 0; i < d->n_closed; i++) {
		const struct closed *c = &d->closed[i];
		unsigned families = 0;
		bool told = false;

		for (size_t k = 0; k < d->n_closed; k++)
			if (same_closed(c, &d->closed[k])) {
				families |= 1u << d->closed[k].family;
				told = told || k < i;
			}
		if (!told)
			finding_closed(&d->findings, c->traffic, &c->ports, families, c->chain);
	}
}

/* What of t the firewall is open for; false: nothing. The caller frees the match. */
static bool traffic_open(struct derivation *d, const struct traffic *t, enum family f,
			 struct traffic *out)
{
	*out = traffic_narrow(t, NULL);
	for (size_t i = 0; i < d->n_closed; i++) {
		const struct closed *c = &d->closed[i];
		struct ports *p = service_ports(out);

		if (c->shape != t->shape || c->family != f)
			continue;
		if (p && c->ports.n)
			ports_subtract(p, &c->ports);
		if (!p || !c->ports.n || !p->n) {
			match_free(&out->match);
			return false;
		}
	}
	return true;
}

/* ---- the walks ---------------------------------------------------------------------------------
 */

struct visit { /* one chain, one class */
	struct derivation *d;
	const struct traffic *traffic;
	enum family family;
	const struct fw_chain *base;
	struct walk *walk;
	enum walk_mode collect; /* TWINNED or one after it: twins, not only findings */
	struct step blame;	/* the first rule that only untracked packets meet */
	struct step unreadable, nat;
};

static void visit_step(void *ctx, const struct step *s)
{
	struct visit *v = ctx;
	unsigned flags = s->tracked->flags | s->untracked->flags;
	bool decides = s->untracked->n && s->untracked->v[0].target.verdict != FW_CONTINUE;

	if (flags & EVAL_UNKNOWN && !v->unreadable.rule)
		v->unreadable = *s;
	if (flags & EVAL_NAT && s->tracked->n && !v->nat.rule)
		v->nat = *s;
	if (!v->blame.rule && ((!s->tracked->n && decides) || flags & EVAL_STATE_HARD ||
			       (flags & EVAL_ONCE && flags & EVAL_STATE) ||
			       step_turns_away(s->tracked, s->untracked)))
		v->blame = *s;
	if (v->collect == WALK_TRACKED)
		return;
	if ((v->collect == WALK_PASSED && step_wants_return(s)) ||
	    (v->collect == WALK_ACCEPTED && step_wants_accept(s)))
		twin_want_verdict(&v->d->wants, v->traffic, v->family, v->base, s->chain, s->rule,
				  v->collect == WALK_PASSED ? FW_RETURN : FW_ACCEPT);
	for (size_t i = 0; i < s->tracked->n; i++)
		if (step_wants_twin(s->tracked, s->untracked, &s->tracked->v[i]))
			twin_want(&v->d->wants, v->traffic, v->family, v->base, s->chain,
				  walk_place(v->walk, s->chain, s->rule, v->collect), s->rule,
				  s->tracked->v[i].element);
}

/* Before conntrack a rule can only prepare what a new connection gets. */
static bool prepares_other_flows(const struct visit *v, const struct step *s)
{
	const unsigned reads = EVAL_CT_OTHER | EVAL_CT_LIMIT;

	return way_state(v->base, v->traffic->class) == STATE_INVALID &&
	       !(s->tracked->flags & reads) &&
	       (v->traffic->reply || v->traffic->class != CLASS_OPENING);
}

static void lost_step(void *ctx, const struct step *s)
{
	struct visit *v = ctx;

	if (way_state(v->base, v->traffic->class) == STATE_INVALID &&
	    finding_kept(&v->d->findings, v->traffic, s))
		return;
	if (prepares_other_flows(v, s))
		return;
	finding_counted(&v->d->findings, v->traffic, s);
	finding_step(&v->d->findings, v->traffic, s);
}

static void blame_lost_step(void *ctx, const struct step *s)
{
	struct visit *v = ctx;

	if (!v->blame.rule && s->tracked->flags & EVAL_CT_OTHER && s->tracked->n &&
	    s->tracked->v[0].target.verdict != FW_CONTINUE)
		v->blame = *s;
}

/* Does every continuing packet here belong to a flow whose opening packet came through c? */
static bool follows(const struct traffic *t)
{
	return t->class == CLASS_CONTINUING && t->original && t->match.tcp == TCP_CONTINUING;
}

struct opening { /* of the flows that a continuing packet belongs to */
	struct traffic traffic;
	struct packet packet;
	struct walk *walk;
	const struct decision_list *list; /* tracked */
};

static void opening_init(struct opening *o, const struct visit *v)
{
	o->traffic = *v->traffic;
	o->traffic.class = CLASS_OPENING;
	o->traffic.match.tcp = TCP_OPENING;
	packet_init(&o->packet, &o->traffic, v->family, v->base->hook);
	o->walk = walk_new(v->d->fw, &o->packet, way_state(v->base, CLASS_OPENING));
	o->list = walk_chain(o->walk, v->base, WALK_TRACKED);
}

static void opening_free(struct opening *o)
{
	walk_free(o->walk);
	packet_free(&o->packet);
}

/* Continuing packets of a flow that was let in pass here untracked just as its opening packet did,
 * by conditions that are the same for every packet of the flow. */
static bool follows_opening(const struct visit *v, const struct decision_list *tracked,
			    const struct decision_list *untracked)
{
	struct opening o;
	bool same;

	if (!follows(v->traffic) || tracked->outcome != OUT_ACCEPT ||
	    !(untracked->flags & EVAL_FLOW))
		return false;
	opening_init(&o, v);
	same = decision_lists_equal(o.list, untracked);
	opening_free(&o);
	return same;
}

/* Do twins placed in this way make it the same? */
static bool proves(const struct visit *v, enum walk_mode mode, const struct decision_list *tracked)
{
	const struct decision_list *twinned = walk_chain(v->walk, v->base, mode);
	struct opening o;
	bool same;

	if (twinned == tracked || !follows(v->traffic))
		return twinned == tracked;
	opening_init(&o, v);
	same = decision_lists_agree(tracked, twinned, o.list);
	opening_free(&o);
	return same;
}

static void refuse_chain(struct visit *v)
{
	struct step blame = v->blame;
	const char *id;

	if (!blame.rule) {
		struct visit again = *v;

		walk_restart(v->walk);
		walk_steps(v->walk, v->base, blame_lost_step, &again);
		blame = again.blame;
	}
	id = finding_refused(&v->d->findings, v->traffic, v->base, blame.rule ? &blame : NULL);
	add_refusal(v->d, v->base, v->traffic, v->family, id, "no twin makes it the same");
}

/* False: refused. */
static bool choose(struct visit *v, const struct decision_list *tracked)
{
	struct derivation *d = v->d;
	enum walk_mode mode = WALK_TWINNED;
	/* Of what a later rule behind it would decide about, only errors may be let in before. */
	enum walk_mode last = v->traffic->class == CLASS_ERROR ? WALK_ACCEPTED : WALK_PASSED;
	size_t n = d->wants.n;

	if (v->traffic->accept == ACCEPT_NONE) {
		finding_alone(&d->findings, v->traffic, v->base);
		add_need(d, v->base, v->traffic, v->family, NEED_IGNORED,
			 xstrdup("accept = none: your own rules decide"));
		return true;
	}
	if (v->traffic->accept == ACCEPT_FIRST) {
		twin_want_first(&d->wants, v->traffic, v->family, v->base);
		add_need(d, v->base, v->traffic, v->family, NEED_FIRST, xstrdup("accept = first"));
		return true;
	}
	while (mode <= last && !proves(v, mode, tracked))
		mode++;
	if (mode > last) {
		refuse_chain(v);
		return false;
	}
	v->collect = mode;
	walk_restart(v->walk);
	walk_steps(v->walk, v->base, visit_step, v);
	n = d->wants.n - n;
	add_need(d, v->base, v->traffic, v->family, NEED_TWINS,
		 xasprintf("%zu state rule%s on its way", n, n == 1 ? "" : "s"));
	return true;
}

static void visit_filter(struct visit *v)
{
	const struct decision_list *t = walk_chain(v->walk, v->base, WALK_TRACKED);
	const struct decision_list *u = walk_chain(v->walk, v->base, WALK_UNTRACKED);
	bool none = v->traffic->accept == ACCEPT_NONE;

	if (v->unreadable.rule && !none && (t->flags | u->flags) & EVAL_UNKNOWN) {
		finding_unreadable(&v->d->findings, v->traffic, &v->unreadable);
		add_refusal(v->d, v->base, v->traffic, v->family, "state-unknown",
			    "a rule of it cannot be read");
		return;
	}
	if (t == u)
		add_need(v->d, v->base, v->traffic, v->family, NEED_NONE, decision_list_words(t));
	else if (follows_opening(v, t, u))
		add_need(v->d, v->base, v->traffic, v->family, NEED_NONE,
			 xstrdup("the rules that let a connection in let its packets in"));
	else if (!choose(v, t))
		return;
	walk_restart(v->walk);
	walk_steps(v->walk, v->base, lost_step, v);
}

/* Untracked packets are not offered to these chains at all. */
static void visit_nat(struct visit *v)
{
	struct derivation *d = v->d;
	bool refuse = d->policy->on_nat == ON_NAT_REFUSE;

	if (v->nat.rule) {
		finding_nat(&d->findings, v->traffic, &v->nat, refuse);
		if (refuse)
			add_refusal(d, v->base, v->traffic, v->family, "nat-conflict",
				    "it translates their addresses");
		else
			add_need(d, v->base, v->traffic, v->family, NEED_IGNORED,
				 xstrdup("on-nat = warn: they pass untranslated"));
	} else if (v->unreadable.rule) {
		finding_unreadable(&d->findings, v->traffic, &v->unreadable);
		add_refusal(d, v->base, v->traffic, v->family, "state-unknown",
			    "a rule of it cannot be read");
	} else {
		add_need(d, v->base, v->traffic, v->family, NEED_NONE,
			 xstrdup("it translates none of them"));
	}
}

static void visit_chain(struct derivation *d, const struct traffic *t, enum family f,
			const struct fw_chain *c)
{
	struct visit v = { .d = d, .traffic = t, .family = f, .base = c };
	struct packet p;

	packet_init(&p, t, f, c->hook);
	v.walk = walk_new(d->fw, &p, way_state(c, t->class));
	walk_steps(v.walk, c, visit_step, &v);
	if (chain_is_nat(c))
		visit_nat(&v);
	else
		visit_filter(&v);
	walk_free(v.walk);
	packet_free(&p);
}

static void kept_step(void *ctx, const struct step *s)
{
	struct visit *v = ctx;

	finding_kept(&v->d->findings, v->traffic, s);
}

/* Before our rules only what keeps packets tracked is of interest. */
static void visit_early(struct derivation *d, const struct traffic *t, enum family f,
			const struct fw_chain *c)
{
	struct visit v = { .d = d, .traffic = t };
	struct packet p;

	packet_init(&p, t, f, c->hook);
	v.walk = walk_new(d->fw, &p, way_state(c, t->class));
	walk_steps(v.walk, c, kept_step, &v);
	walk_free(v.walk);
	packet_free(&p);
}

/* Traffic that somebody else keeps out of tracking meets the same verdicts with and without us. */
static void note_untracked(struct derivation *d, const struct traffic *t, enum family f,
			   const struct fw_chain *c, const struct fw_chain *raw)
{
	struct text why = { 0 };

	text_add(&why, "untracked already by a rule of ");
	fw_chain_text(raw, &why);
	add_need(d, c, t, f, NEED_NONE, why.s);
}

static void visit_traffic(struct derivation *d, struct traffic *all)
{
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
		const struct fw_chain *raw = NULL;
		struct traffic t;

		if (!(all->match.families & 1u << f) || !traffic_open(d, all, f, &t))
			continue;
		if (t.class == CLASS_ERROR || !way_untracked(d->fw, &t, f, &raw))
			raw = NULL;
		d->part = part_text(service_ports(&t), service_ports(all));
		for (size_t i = 0; i < d->fw->n_chains; i++) {
			const struct fw_chain *c = &d->fw->chains[i];

			if (way_begins_with(c, &t, f) && !raw)
				visit_early(d, &t, f, c);
			if (!way_has_chain(c, &t, f))
				continue;
			if (raw) {
				note_untracked(d, &t, f, c, raw);
				continue;
			}
			if (!chain_is_nat(c) || way_needs_nat(c, &t))
				visit_chain(d, &t, f, c);
		}
		free(d->part);
		d->part = NULL;
		match_free(&t.match);
	}
}

static void refuse_owned(struct derivation *d)
{
	for (size_t i = 0; d->plan && i < d->plan->n_needs; i++) {
		struct chain_need *n = &d->plan->needs[i];

		if (!n->chain->owned || (n->need != NEED_TWINS && n->need != NEED_FIRST))
			continue;
		free(n->why);
		n->need = NEED_REFUSED;
		n->finding = "owned-table";
		n->why = xstrdup("a program owns the table");
	}
}

int twin_derive(const struct policy *p, const struct host_params *h, const struct fw *fw,
		struct ruleset *rs, struct twin_plan *plan, struct diag *diag)
{
	struct derivation d = {
		.policy = p, .fw = fw, .plan = plan, .findings = { .diag = diag, .fw = fw }
	};
	unsigned errors = diag->errors;
	const struct want *unsayable;
	struct traffic *traffic;
	size_t n;

	compile_traffic(p, h, &traffic, &n);
	port_cuts_find(&d.cuts, fw);
	for (size_t i = 0; i < n; i++)
		find_closed(&d, &traffic[i]);
	tell_closed(&d);
	for (size_t i = 0; i < n; i++)
		visit_traffic(&d, &traffic[i]);
	refuse_owned(&d);
	unsayable = twin_wants_emit(&d.wants, rs);
	if (unsayable)
		finding_unsayable(&d.findings, unsayable);
	finding_owned(&d.findings, &d.wants);
	ruleset_normalise(rs);
	for (size_t i = 0; i < d.n_closed; i++)
		free(d.closed[i].ports.v);
	free(d.closed);
	free(d.cuts.v);
	twin_wants_free(&d.wants);
	twin_findings_free(&d.findings);
	traffic_free(traffic, n);
	return diag->errors > errors ? -1 : 0;
}

void twin_plan_free(struct twin_plan *plan)
{
	for (size_t i = 0; i < plan->n_needs; i++) {
		free(plan->needs[i].names);
		free(plan->needs[i].why);
		free(plan->needs[i].part);
	}
	free(plan->needs);
	*plan = (struct twin_plan){ 0 };
}
