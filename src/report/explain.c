/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explanations made and printed. */
#include "report/explain.h"

#include <string.h>
#include "config/expect.h"
#include "report/json.h"
#include "rules/flow_index.h"

enum { PRIORITY_RAW = -300 }; /* linux/netfilter_ipv4.h */

/* ---- the value ---------------------------------------------------------------------------------
 */

static const struct rule *deciding_rule(const struct flow *f, enum hook raw,
					const struct ruleset *rs, const struct flow_host *h)
{
	return h->index ? flow_index_rule(h->index, f, raw, h->local)
			: flow_rule(f, rs, raw, h->local);
}

static bool is_exempt(const struct flow *f, const struct ruleset *rs, const struct flow_host *h)
{
	const struct rule *r = deciding_rule(f, flow_raw_hook(f), rs, h);

	return r && r->verdict == VERDICT_NOTRACK;
}

/* Is the flow that an error is about exempt in both directions, so that conntrack knows nothing? */
static bool quotes_exempt(const struct flow *f, const struct ruleset *rs, const struct flow_host *h)
{
	struct flow quoted, back;

	return flow_quoted(f, &quoted) && is_exempt(&quoted, rs, h) &&
	       (!flow_reply(&quoted, &back) || is_exempt(&back, rs, h));
}

static void explain_packet(struct explained *x, const struct ruleset *rs, const struct flow_host *h)
{
	const struct rule *first;

	x->hooks[x->n_hooks++].hook = flow_raw_hook(&x->flow);
	if (x->flow.way == FLOW_LOOPBACK)
		x->hooks[x->n_hooks++].hook = HOOK_PREROUTING;
	for (size_t i = 0; i < x->n_hooks; i++)
		x->hooks[i].rule = deciding_rule(&x->flow, x->hooks[i].hook, rs, h);
	first = x->hooks[0].rule;
	x->exempt = first && first->verdict == VERDICT_NOTRACK;
	x->untracked = x->exempt || flow_is_never_tracked(&x->flow);
}

static void walk_packet(struct explained *x, bool alone, const struct flow_host *h)
{
	const struct flow_known known = { x->exempt, x->reply, alone };

	flow_walk(&x->flow, &known, h, &x->walk);
	x->untracked = x->walk.untracked;
}

void explain_make(struct explanation *e, const struct flow *f, const struct ruleset *rs,
		  const struct flow_host *h)
{
	e->packets[e->n++].flow = *f;
	if (flow_reply(f, &e->packets[e->n].flow))
		e->packets[e->n++].reply = true;
	for (size_t i = 0; i < e->n; i++)
		explain_packet(&e->packets[i], rs, h);
	if (!h->fw)
		return;
	e->walked = true;
	walk_packet(&e->packets[0], quotes_exempt(f, rs, h), h);
	if (e->n > 1)
		walk_packet(&e->packets[1], e->packets[0].untracked, h);
}

void explain_free(struct explanation *e)
{
	for (size_t i = 0; i < e->n; i++)
		flow_walk_free(&e->packets[i].walk);
	*e = (struct explanation){ 0 };
}

/* ---- words -------------------------------------------------------------------------------------
 */

static const char *state_word(uint32_t state)
{
	switch (state) {
	case STATE_INVALID:
		return "invalid"; /* or not looked at yet */
	case STATE_ESTABLISHED:
		return "established";
	case STATE_RELATED:
		return "related";
	case STATE_NEW:
		return "new";
	}
	return "untracked";
}

/* As the firewall counts its rules, without twins, from 1. */
static size_t rule_number(const struct flow_end *e)
{
	size_t n = 0;

	for (const struct fw_rule *r = e->chain->rules; r <= e->rule; r++)
		n += r->twin < 0;
	return n;
}

static const char *why_text(const struct explained *x)
{
	if (x->exempt)
		return "untracked";
	if (flow_is_never_tracked(&x->flow))
		return "untracked: conntrack leaves such packets alone";
	return x->untracked ? "untracked by a rule of the firewall" : "tracked";
}

/* ---- text --------------------------------------------------------------------------------------
 */

static void decision_text(const struct rule *r, struct text *t)
{
	if (!r) {
		text_add(t, "no rule of ours");
		return;
	}
	text_add(t, "%s by %s", r->verdict == VERDICT_NOTRACK ? "untracked" : "left tracked",
		 r->name);
	if (r->at.file)
		text_add(t, ", %s:%u", r->at.file, r->at.line);
	text_add(t, ": ");
	match_text(&r->match, t);
}

static void hook_text(const struct explained *x, size_t i, struct text *t)
{
	text_add(t, "  %-12s", hook_name(x->hooks[i].hook));
	decision_text(x->hooks[i].rule, t);
	text_add(t, "\n");
}

static void end_text(const struct flow_passage *p, const struct flow_end *e, struct text *t)
{
	auto_free char *rule = e->rule ? fw_rule_text(e->rule) : NULL;

	text_add(t, "%s%s by ", p->n_ends > 1 ? "may be " : "", outcome_name(e->outcome));
	if (e->rule && e->chain != p->chain)
		text_add(t, "rule %zu of %s", rule_number(e), e->chain->name);
	else if (e->rule)
		text_add(t, "rule %zu", rule_number(e));
	else
		text_add(t, e->twin ? "a rule of ours at the head" : "policy");
	if (e->rule)
		text_add(t, "%s: %s", e->twin ? ", by its twin" : "", rule);
}

static void passage_words(const struct flow_passage *p, struct text *t)
{
	fw_chain_text(p->chain, t);
	text_add(t, ", %s: ", state_word(p->state));
	for (size_t i = 0; i < p->n_ends; i++) {
		text_add(t, "%s", i ? ", or " : "");
		end_text(p, &p->ends[i], t);
	}
	if (p->translated)
		text_add(t, "; its addresses may be translated here");
}

static void passage_text(const struct flow_passage *p, struct text *t)
{
	text_add(t, "  %-12s", hook_name(p->chain->hook));
	passage_words(p, t);
	text_add(t, "\n");
}

/* Our chains stand among those of the firewall by their priority; what comes back by lo has been
 * through the hooks of what goes out. */
static bool is_before(const struct explained *x, const struct flow_passage *p, enum hook ours)
{
	enum hook h = p->chain->hook;

	if (h == ours)
		return p->chain->priority < PRIORITY_RAW;
	return x->flow.way == FLOW_LOOPBACK && ours == HOOK_PREROUTING &&
	       (h == HOOK_OUTPUT || h == HOOK_POSTROUTING);
}

static void packet_text(const struct explained *x, bool walked, struct text *t)
{
	size_t i = 0;

	text_add(t, "%s", x->reply ? "reply: " : "");
	flow_text(&x->flow, t);
	text_add(t, "\n");
	for (size_t k = 0; k < x->n_hooks; k++) {
		while (i < x->walk.n && is_before(x, &x->walk.v[i], x->hooks[k].hook))
			passage_text(&x->walk.v[i++], t);
		hook_text(x, k, t);
	}
	for (; i < x->walk.n; i++)
		passage_text(&x->walk.v[i], t);
	text_add(t, "  %-12s%s", "in the end", why_text(x));
	if (walked)
		text_add(t, ", %s", outcome_name(x->walk.outcome));
	text_add(t, "\n");
}

void explain_text(const struct explanation *e, FILE *out)
{
	struct text t = { 0 };

	for (size_t i = 0; i < e->n; i++)
		packet_text(&e->packets[i], e->walked, &t);
	fputs(t.s ? t.s : "", out);
	free(t.s);
}

void explain_tracking(const struct explained *x, struct text *t)
{
	const struct explained_hook *first = &x->hooks[0];

	if (x->untracked && !x->exempt) {
		text_add(t, "%s", why_text(x));
		return;
	}
	text_add(t, "%s", x->untracked ? "" : "tracked: ");
	decision_text(first->rule, t);
	if (!first->rule)
		text_add(t, " in %s", hook_name(first->hook));
}

/* What is not certain in one chain is not certain in the end; else the last one has the word. */
void explain_verdict(const struct explained *x, struct text *t)
{
	size_t i = 0;

	text_add(t, "%s", outcome_name(x->walk.outcome));
	while (i + 1 < x->walk.n && x->walk.v[i].n_ends == 1 && !x->walk.v[i].translated)
		i++;
	if (i < x->walk.n) {
		text_add(t, ": ");
		passage_words(&x->walk.v[i], t);
	}
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

/* Takes the text. */
static json_t *json_of_text(struct text *t)
{
	json_t *j = json_text(t->s ? t->s : "");

	free(t->s);
	return j;
}

static json_t *rule_json(const struct rule *r)
{
	struct text t = { 0 };
	json_t *j;

	if (!r)
		return json_null();
	match_text(&r->match, &t);
	j = json_pack("{s: s, s: o, s: o}", "does",
		      r->verdict == VERDICT_NOTRACK ? "notrack" : "return", "name",
		      json_text(r->name), "match", json_of_text(&t));
	if (r->at.file) {
		json_object_set_new(j, "file", json_text(r->at.file));
		json_object_set_new(j, "line", json_integer(r->at.line));
		json_object_set_new(j, "column", json_integer(r->at.col));
	}
	return j;
}

static json_t *hooks_json(const struct explained *x)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->n_hooks; i++)
		json_array_append_new(list,
				      json_pack("{s: s, s: o}", "hook", hook_name(x->hooks[i].hook),
						"rule", rule_json(x->hooks[i].rule)));
	return list;
}

static json_t *end_json(const struct flow_end *e)
{
	json_t *j = json_pack("{s: s, s: b}", "verdict", outcome_name(e->outcome), "twin",
			      e->twin != NULL);

	if (e->rule) {
		struct text chain = { 0 };
		auto_free char *rule = fw_rule_text(e->rule);

		fw_chain_text(e->chain, &chain);
		json_object_set_new(j, "chain", json_of_text(&chain));
		json_object_set_new(j, "number", json_integer((json_int_t)rule_number(e)));
		json_object_set_new(j, "rule", json_text(rule));
	}
	return j;
}

static json_t *passages_json(const struct flow_walk *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->n; i++) {
		const struct flow_passage *p = &w->v[i];
		struct text chain = { 0 };
		json_t *ends = json_array();

		for (size_t k = 0; k < p->n_ends; k++)
			json_array_append_new(ends, end_json(&p->ends[k]));
		fw_chain_text(p->chain, &chain);
		json_array_append_new(list,
				      json_pack("{s: s, s: o, s: i, s: s, s: b, s: o}", "hook",
						hook_name(p->chain->hook), "chain",
						json_of_text(&chain), "priority",
						p->chain->priority, "state", state_word(p->state),
						"translated", p->translated, "ends", ends));
	}
	return list;
}

static json_t *packet_json(const struct explained *x, bool walked)
{
	struct text flow = { 0 };
	json_t *j;

	flow_text(&x->flow, &flow);
	j = json_pack("{s: o, s: b, s: s, s: b, s: b, s: o}", "flow", json_of_text(&flow), "reply",
		      x->reply, "way", flow_way_name(x->flow.way), "exempt", x->exempt, "untracked",
		      x->untracked, "hooks", hooks_json(x));
	if (walked) {
		json_object_set_new(j, "chains", passages_json(&x->walk));
		json_object_set_new(j, "verdict", json_string(outcome_name(x->walk.outcome)));
	}
	return j;
}

void explain_json(const struct explanation *v, size_t n, FILE *out)
{
	json_t *flows = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *packets = json_array();

		for (size_t k = 0; k < v[i].n; k++)
			json_array_append_new(packets, packet_json(&v[i].packets[k], v[i].walked));
		json_array_append_new(flows, json_pack("{s: o}", "packets", packets));
	}
	json_print(json_pack("{s: o}", "flows", flows), out);
}
