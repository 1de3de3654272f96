/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet through the chains: every rule answers yes, no or maybe, and what may happen is kept
 * beside what will. */
#include "rules/flow_walk.h"

#include <netinet/in.h>
#include <string.h>
#include "rules/domain.h"
#include "rules/iptables.h"
#include "rules/way.h"

#define DEPTH_MAX 16	   /* NFT_JUMP_STACK_SIZE */
#define STEPS_MAX 1000000u /* of one packet: chains of a file of facts may jump as they like */
#define FALLS (1u << FLOW_ENDS)
#define ANYTHING (1u << OUT_ACCEPT | 1u << OUT_DROP)
enum { PRIORITY_RAW = -300, PRIORITY_CONNTRACK = -200 }; /* linux/netfilter_ipv4.h */

struct walker {
	const struct flow *flow;
	const struct flow_known *known;
	const struct flow_host *host;
	struct traffic traffic; /* nothing but this packet */
	struct packet packet;
	const struct fw_chain *base;
	uint32_t tracked; /* the state while tracked, at this chain */
	bool untracked;	  /* now */
	bool unsure;	  /* whether it is */
	struct flow_passage *passage;
	unsigned depth, steps;
};

/* ---- what is known about the packet ------------------------------------------------------------
 */

static void point_addrs(struct addrs *l, const struct flow *f, const uint8_t *addr)
{
	struct prefix p = { .family = f->family, .len = f->family == FAMILY_V4 ? 32 : 128 };

	memcpy(p.addr, addr, sizeof(p.addr));
	addrs_add(l, &p);
}

static enum packet_class flow_class(const struct flow *f)
{
	if (f->error)
		return CLASS_ERROR;
	return f->stage == FLOW_CONTINUING ? CLASS_CONTINUING : CLASS_OPENING;
}

/* filter: INPUT, FORWARD or OUTPUT. */
static void traffic_init(struct traffic *t, const struct flow *f, bool reply, enum hook filter)
{
	struct match *m = &t->match;

	*t = (struct traffic){ .hook = filter, .class = flow_class(f), .reply = reply };
	t->original = t->class == CLASS_OPENING && !reply;
	m->families = 1u << f->family;
	m->proto = f->proto;
	m->icmp = f->error ? ICMP_IS_ERROR : ICMP_ANY;
	if (f->proto == IPPROTO_TCP && !f->fragment && !f->error)
		m->tcp = f->stage == FLOW_OPENING ? TCP_OPENING : TCP_CONTINUING;
	if (proto_has_ports(f->proto) && !f->fragment) {
		ports_add(&m->sport, f->sport, f->sport);
		ports_add(&m->dport, f->dport, f->dport);
	}
	point_addrs(&m->src, f, f->src);
	point_addrs(&m->dst, f, f->dst);
	if (filter != HOOK_OUTPUT)
		ifaces_add(&m->in, f->in);
	if (filter != HOOK_INPUT)
		ifaces_add(&m->out, f->out);
}

/* More than the traffic can say. */
static void packet_refine(struct packet *p, const struct flow *f, const struct addrs *local)
{
	if (f->error)
		domain_point(&p->daddr, f->src, f->family == FAMILY_V4 ? 4 : 16);
	else if (!f->fragment && (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6))
		domain_u8(&p->icmp_type, f->icmp_type);
	if (f->way == FLOW_IN && !flow_is_local(f, local))
		domain_free(&p->fib_daddr); /* broadcast, say */
}

/* ---- one chain ---------------------------------------------------------------------------------
 */

static bool is_notrack(const struct fw_rule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++)
		if (r->exprs[i].op == FW_EFFECT && !strcmp(r->exprs[i].name, "notrack"))
			return true;
	return false;
}

/* The first way to come to an outcome is kept; where there is no other, the last that is certain.
 */
static unsigned note(struct walker *w, enum outcome o, const struct fw_chain *c,
		     const struct fw_rule *r, const struct twin *twin, bool certain)
{
	struct flow_passage *p = w->passage;
	struct flow_end *e = p->ends;

	while (e < p->ends + p->n_ends && e->outcome != o)
		e++;
	if (e == p->ends + p->n_ends)
		p->n_ends++;
	else if (!certain || p->n_ends > 1)
		return 1u << o;
	*e = (struct flow_end){ o, c, r, twin };
	return 1u << o;
}

static unsigned run_chain(struct walker *w, const struct fw_chain *c, bool certain);

/* What one branch comes to: bits of outcomes, FALLS where the walk goes on behind the chain's
 * jump; *on: it goes on with the next rule. */
static unsigned run_branch(struct walker *w, const struct fw_chain *c, const struct fw_rule *r,
			   const struct twin *twin, const struct branch *b, bool certain, bool *on)
{
	const struct fw_chain *to;
	unsigned sub;

	*on = false;
	switch (b->target.verdict) {
	case FW_ACCEPT:
		return note(w, OUT_ACCEPT, c, r, twin, certain);
	case FW_DROP:
		return note(w, OUT_DROP, c, r, twin, certain);
	case FW_REJECT:
		return note(w, OUT_REJECT, c, r, twin, certain);
	case FW_QUEUE:
		return note(w, OUT_QUEUE, c, r, twin, certain);
	case FW_RETURN:
		return FALLS;
	case FW_JUMP:
	case FW_GOTO:
		to = fw_chain_find(w->host->fw, c, b->target.chain ? b->target.chain : "");
		if (!to)
			break;
		sub = run_chain(w, to, certain);
		if (b->target.verdict == FW_GOTO)
			return sub;
		*on = sub & FALLS;
		return sub & ~FALLS;
	case FW_CONTINUE:
		break;
	}
	*on = true;
	return 0;
}

/* The ways in which a rule, or its twin, may end. false: the walk does not go on behind it. */
static bool run_eval(struct walker *w, const struct fw_chain *c, const struct fw_rule *r,
		     const struct twin *twin, const struct eval *e, bool certain, unsigned *mask)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct branch *b = &e->v[i];
		bool on;

		*mask |= run_branch(w, c, r, twin, b, certain && b->when == YES, &on);
		if (b->when == YES)
			return on;
	}
	return true;
}

/* Is twin w the copy of rule r, by this element of its verdict map? */
static bool is_copy(const struct twin *w, const struct fw_rule *r, unsigned element)
{
	struct match m;
	auto_free char *body = NULL;

	match_copy(&m, &w->match);
	body = w->form == FORM_NFT ? rule_twin_body(r, element, &m) : iptables_twin_body(r, &m);
	match_free(&m);
	return body && w->body && !strcmp(body, w->body);
}

static bool is_verdict(const struct twin *w, enum fw_verdict verdict)
{
	return w->body && !strcmp(w->body, verdict_twin_body(w->form, verdict));
}

/* Does the twin copy rule r, and if so, what does it do to the packet? Whatever state r asks for.
 */
static bool run_copied(struct walker *w, const struct fw_chain *c, const struct fw_rule *r,
		       const struct twin *twin, bool certain, unsigned *mask, bool *goes_on)
{
	static const uint32_t states[] = { STATE_NEW, STATE_ESTABLISHED, STATE_RELATED,
					   STATE_INVALID };
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(states) && !found; i++) {
		struct eval e;

		packet_eval(&w->packet, r, states[i], &e);
		for (size_t k = 0; k < e.n && !found; k++) {
			struct eval one = { &e.v[k], 1, e.flags };

			found = is_copy(twin, r, e.v[k].element);
			if (found)
				*goes_on = run_eval(w, c, r, twin, &one, certain, mask);
		}
		eval_free(&e);
	}
	return found;
}

/* The rule that a twin copies stands behind it. One that the packet does not meet is not found. */
static bool run_twin(struct walker *w, const struct fw_chain *c, size_t at, const struct twin *twin,
		     bool certain, unsigned *mask)
{
	static const enum fw_verdict alone[] = { FW_ACCEPT, FW_RETURN };
	bool goes_on = true;

	for (size_t i = at; i < c->n_rules; i++)
		if (c->rules[i].twin < 0 &&
		    run_copied(w, c, &c->rules[i], twin, certain, mask, &goes_on))
			return goes_on;
	for (size_t i = 0; i < ARRAY_SIZE(alone); i++) {
		const struct branch b = { .target = { .verdict = alone[i] }, .when = YES };

		if (!is_verdict(twin, alone[i]))
			continue;
		*mask |= run_branch(w, c, NULL, twin, &b, certain, &goes_on);
		return false;
	}
	return true;
}

static bool run_twins(struct walker *w, const struct fw_chain *c, size_t at, uint64_t anchor,
		      bool certain, unsigned *mask)
{
	const struct ruleset *want = w->host->want;
	bool on = true;

	for (size_t i = 0; on && w->untracked && want && i < want->n_twins; i++) {
		const struct twin *t = &want->twins[i];

		if (t->anchor == anchor && twin_is_in(t, c) &&
		    flow_matches(w->flow, &t->match, w->base->hook, w->host->local))
			on = run_twin(w, c, at, t, certain, mask);
	}
	return on;
}

static uint32_t state_now(const struct walker *w)
{
	return w->untracked ? STATE_UNTRACKED : w->tracked;
}

static bool run_rule(struct walker *w, const struct fw_chain *c, const struct fw_rule *r,
		     bool certain, unsigned *mask)
{
	bool raw = (w->base->hook == HOOK_PREROUTING || w->base->hook == HOOK_OUTPUT) &&
		   w->base->priority < PRIORITY_CONNTRACK;
	struct eval e;
	bool on;

	packet_eval(&w->packet, r, state_now(w), &e);
	if (raw && e.n && is_notrack(r) && !w->untracked) {
		w->untracked = certain && e.v[0].when == YES && !*mask;
		w->unsure = !w->untracked;
	}
	w->passage->translated = w->passage->translated || (e.n && e.flags & EVAL_NAT);
	on = run_eval(w, c, r, NULL, &e, certain, mask);
	eval_free(&e);
	return on;
}

static unsigned run_chain(struct walker *w, const struct fw_chain *c, bool certain)
{
	unsigned mask = 0;
	bool on = true;

	if (w->depth == DEPTH_MAX || w->steps > STEPS_MAX) {
		note(w, OUT_ACCEPT, c, NULL, NULL, false);
		note(w, OUT_DROP, c, NULL, NULL, false);
		return ANYTHING;
	}
	w->depth++;
	for (size_t i = 0; on && i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];

		if (r->twin >= 0)
			continue;
		w->steps++;
		on = run_twins(w, c, i, r->handle, certain, &mask) &&
		     run_rule(w, c, r, certain, &mask);
	}
	if (on)
		on = run_twins(w, c, c->n_rules, 0, certain, &mask);
	w->depth--;
	return on ? mask | FALLS : mask;
}

/* ---- all chains --------------------------------------------------------------------------------
 */

/* What conntrack would say, had it seen nothing of the flow before: a connection is picked up by
 * its SYN or, loosely, by any packet but the answer to one; replies and errors of ICMP by nothing.
 */
static uint32_t state_alone(const struct walker *w)
{
	const struct flow *f = w->flow;

	if (f->error || f->stage == FLOW_OPENING || f->fragment)
		return f->error ? STATE_INVALID : STATE_NEW;
	if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6 ||
	    (f->proto == IPPROTO_TCP && w->known->reply))
		return STATE_INVALID;
	return STATE_NEW;
}

/* Before conntrack has looked at it a packet is invalid; but what comes back by lo has been seen.
 */
static uint32_t state_at(const struct walker *w, const struct fw_chain *c)
{
	bool back = w->flow->way == FLOW_LOOPBACK && c->hook == HOOK_PREROUTING;
	uint32_t state = way_state(c, flow_class(w->flow));

	if (back)
		state = w->flow->error			    ? STATE_RELATED
			: w->flow->stage == FLOW_CONTINUING ? STATE_ESTABLISHED
							    : STATE_NEW;
	return state != STATE_INVALID && w->known->alone ? state_alone(w) : state;
}

static void run_base(struct walker *w, const struct fw_chain *c, struct flow_walk *out)
{
	unsigned mask;

	w->base = c;
	w->tracked = state_at(w, c);
	w->passage = ARRAY_ADD(out->v, out->n);
	w->passage->chain = c;
	w->passage->state = state_now(w);
	packet_init(&w->packet, &w->traffic, w->flow->family, c->hook);
	packet_refine(&w->packet, w->flow, w->host->local);
	mask = run_chain(w, c, true);
	if (mask & FALLS)
		note(w, c->policy == FW_DROP ? OUT_DROP : OUT_ACCEPT, c, NULL, NULL, true);
	packet_free(&w->packet);
}

/* Untracked packets are not offered to nat chains, others only when they open a flow. */
static bool is_offered(const struct walker *w, const struct fw_chain *c)
{
	return !chain_is_nat(c) || (!w->untracked && w->traffic.class == CLASS_OPENING);
}

/* The next chain of this hook: the first with a higher priority, or with the same one further on.
 */
static const struct fw_chain *next_chain(const struct walker *w, enum hook hook,
					 const struct fw_chain *last)
{
	const struct fw *fw = w->host->fw;
	const struct fw_chain *found = NULL;

	for (size_t i = 0; i < fw->n_chains; i++) {
		const struct fw_chain *c = &fw->chains[i];

		if (!c->base || c->hook != hook ||
		    (c->family != TABLE_INET &&
		     (c->family == TABLE_IP) != (w->flow->family == FAMILY_V4)) ||
		    (last && (c->priority < last->priority ||
			      (c->priority == last->priority && c <= last))) ||
		    (found && c->priority >= found->priority))
			continue;
		found = c;
	}
	return found;
}

static enum outcome sum_up(const struct flow_walk *out, bool unsure)
{
	enum outcome sum = OUT_ACCEPT;

	for (size_t i = 0; i < out->n; i++) {
		const struct flow_passage *p = &out->v[i];

		if (p->n_ends != 1)
			sum = OUT_MIXED;
		else if (p->ends[0].outcome != OUT_ACCEPT)
			sum = sum == OUT_ACCEPT ? p->ends[0].outcome : sum;
		unsure = unsure || p->translated;
	}
	return unsure ? OUT_MIXED : sum;
}

/* false: the packet ends here. */
static bool run_hook(struct walker *w, enum hook hook, struct flow_walk *out)
{
	const struct fw_chain *c = NULL;
	bool raw = hook == HOOK_PREROUTING || hook == HOOK_OUTPUT;

	while ((c = next_chain(w, hook, c))) {
		const struct flow_passage *p;

		if (raw && c->priority >= PRIORITY_RAW && w->known->exempt)
			w->untracked = true;
		if (raw && c->priority > PRIORITY_CONNTRACK && flow_is_never_tracked(w->flow))
			w->untracked = true;
		if (!is_offered(w, c))
			continue;
		run_base(w, c, out);
		p = &out->v[out->n - 1];
		if (p->n_ends == 1 && p->ends[0].outcome != OUT_ACCEPT)
			return false;
	}
	if (w->known->exempt || flow_is_never_tracked(w->flow))
		w->untracked = true;
	return true;
}

void flow_walk(const struct flow *f, const struct flow_known *known, const struct flow_host *h,
	       struct flow_walk *out)
{
	static const struct {
		enum hook hooks[2], filter;
		size_t n;
	} legs[] = {
		{ { HOOK_OUTPUT, HOOK_POSTROUTING }, HOOK_OUTPUT, 2 },
		{ { HOOK_PREROUTING, HOOK_INPUT }, HOOK_INPUT, 2 },
		{ { HOOK_PREROUTING, HOOK_FORWARD }, HOOK_FORWARD, 2 },
		{ { HOOK_POSTROUTING }, HOOK_FORWARD, 1 },
	};
	static const bool has_leg[][ARRAY_SIZE(legs)] = {
		[FLOW_IN] = { false, true },
		[FLOW_OUT] = { true },
		[FLOW_FORWARDED] = { false, false, true, true },
		[FLOW_LOOPBACK] = { true, true },
	};
	struct walker w = { .flow = f, .known = known, .host = h };
	bool alive = true;

	for (size_t i = 0; alive && i < ARRAY_SIZE(legs); i++) {
		if (!has_leg[f->way][i])
			continue;
		traffic_init(&w.traffic, f, known->reply, legs[i].filter);
		for (size_t k = 0; alive && k < legs[i].n; k++)
			alive = run_hook(&w, legs[i].hooks[k], out);
		match_free(&w.traffic.match);
	}
	out->untracked = w.untracked;
	out->outcome = sum_up(out, w.unsure);
}

void flow_walk_free(struct flow_walk *w)
{
	free(w->v);
	*w = (struct flow_walk){ 0 };
}
