/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has to be inserted into, and deleted from, one table of iptables-legacy. */
#include "kernel/ipt_plan.h"

#include <string.h>

#define NONE SIZE_MAX

struct wanted { /* the twins of one chain, in their order */
	const struct twin **v;
	size_t n;
};

struct place { /* what is ours directly before one anchor: items [first, end) of the chain */
	uint64_t anchor;
	size_t first, end;
};

static void add_edit(struct ipt_plan *p, size_t chain, size_t place, const struct twin *twin)
{
	*ARRAY_ADD(p->v, p->n) = (struct ipt_edit){ chain, place, twin, { 0 } };
}

void ipt_plan_free(struct ipt_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].written.entry);
	free(p->v);
	*p = (struct ipt_plan){ 0 };
}

void ipt_plan_tell(const struct ipt_table *t, const struct ipt_edit *e, bool adds, const char *why,
		   struct diag *d)
{
	struct text text = { 0 };

	twin_text(e->twin, &text);
	diag_error(d, NULL, "iptables-legacy", 0,
		   "cannot %s chain %s of the iptables-legacy table %s %s: %s: %s",
		   adds ? "add a rule to" : "delete a rule of", t->chains[e->chain].name,
		   t->family->name, t->name, why, text.s);
	free(text.s);
}

/* What twins can be anchored to. */
static bool is_anchor(const struct ipt_item *i)
{
	return !i->twin && !i->ours;
}

static struct wanted wanted_of(const struct ipt_table *t, const struct ipt_chain *c,
			       const struct ruleset *want)
{
	struct wanted w = { 0 };

	for (size_t i = 0; i < want->n_twins; i++) {
		const struct twin *twin = &want->twins[i];

		if (ipt_twin_is_in(twin, t) && strcmp(twin->chain, c->name) == 0)
			*ARRAY_ADD(w.v, w.n) = twin;
	}
	return w;
}

/* From the last place of a chain to the first: edits in this order do not move what is yet to come.
 * Start with end at c->n and anchor 0; false: there is no other place. */
static bool next_place(const struct ipt_chain *c, struct place *p, bool *begun)
{
	if (!*begun) {
		*begun = true;
		p->end = c->n;
		p->anchor = 0;
	} else if (!p->first) {
		return false;
	} else {
		uint64_t rules = 0;

		p->end = p->first - 1;
		if (p->anchor) {
			p->anchor--;
		} else {
			for (size_t i = 0; i < c->n; i++)
				rules += is_anchor(&c->items[i]);
			p->anchor = rules;
		}
	}
	p->first = p->end;
	while (p->first && !is_anchor(&c->items[p->first - 1]))
		p->first--;
	return true;
}

/* Which item each wanted twin of the place is already: in the same order, or none. stays: of each
 * item of the chain. */
static void pair(const struct ipt_chain *c, const struct place *p, const struct wanted *w,
		 size_t *partner, bool *stays)
{
	size_t from = p->first;

	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i]->anchor != p->anchor)
			continue;
		partner[i] = NONE;
		for (size_t k = from; k < p->end; k++)
			if (c->items[k].twin && !twin_compare(w->v[i], c->items[k].twin)) {
				partner[i] = k;
				stays[k] = true;
				from = k + 1;
				break;
			}
	}
}

static void add_to_place(struct ipt_plan *plan, size_t chain, const struct place *p,
			 const struct wanted *w, const size_t *partner, bool *placed)
{
	size_t at = p->end;

	for (size_t i = w->n; i--;) {
		if (w->v[i]->anchor != p->anchor)
			continue;
		placed[i] = true;
		if (partner[i] != NONE)
			at = partner[i];
		else
			add_edit(plan, chain, at, w->v[i]);
	}
}

static int no_place(const struct twin *w, struct diag *d)
{
	struct text t = { 0 };

	twin_text(w, &t);
	diag_error(d, NULL, "iptables-legacy", 0,
		   "there is no rule %llu that this could go before: %s",
		   (unsigned long long)w->anchor, t.s);
	diag_cure(d, "somebody has changed the chain: run it again");
	free(t.s);
	return -1;
}

static int add_to_chain(struct ipt_plan *plan, const struct ipt_table *t, size_t chain,
			const struct ruleset *want, struct diag *d)
{
	const struct ipt_chain *c = &t->chains[chain];
	struct wanted w = wanted_of(t, c, want);
	auto_free size_t *partner = xcalloc(w.n, sizeof(*partner));
	auto_free bool *stays = xcalloc(c->n, sizeof(*stays));
	auto_free bool *placed = xcalloc(w.n, sizeof(*placed));
	struct place p = { 0 };
	bool begun = false;
	int rc = 0;

	while (w.n && next_place(c, &p, &begun)) {
		pair(c, &p, &w, partner, stays);
		add_to_place(plan, chain, &p, &w, partner, placed);
	}
	for (size_t i = 0; i < w.n; i++)
		if (!placed[i])
			rc = no_place(w.v[i], d);
	free(w.v);
	return rc;
}

static bool has_chain(const struct ipt_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(name, t->chains[i].name) == 0)
			return true;
	return false;
}

/* Twins for a chain of the table that does not exist. */
static int check_chains(const struct ipt_table *t, const struct ruleset *want, struct diag *d)
{
	int rc = 0;

	for (size_t i = 0; i < want->n_twins; i++) {
		const struct twin *w = &want->twins[i];

		if (ipt_twin_is_in(w, t) && !has_chain(t, w->chain))
			rc = diag_error(d, NULL, "iptables-legacy", 0,
					"there is no chain %s in the iptables-legacy table %s %s",
					w->chain, t->family->name, t->name);
	}
	return rc;
}

/* libiptc makes a jump of a target that has the name of a chain, and an extension of any other. */
static const char *wrong_target(const struct ipt_table *t, const struct ipt_written *w)
{
	if (w->kind == IPT_CHAIN && !has_chain(t, w->target))
		return "there is no such chain to jump to";
	if (w->kind == IPT_EXTENSION && has_chain(t, w->target))
		return "a chain has the name of its target";
	return NULL;
}

static int write_entry(const struct ipt_table *t, struct ipt_edit *e, struct diag *d)
{
	const char *why = NULL;

	if (ipt_entry_write(e->twin, &e->written, &why))
		why = wrong_target(t, &e->written);
	if (why)
		ipt_plan_tell(t, e, true, why, d);
	return why ? -1 : 0;
}

int ipt_plan_add(struct ipt_plan *p, const struct ipt_table *t, const struct ruleset *want,
		 struct diag *d)
{
	int rc = check_chains(t, want, d);

	for (size_t i = 0; i < t->n; i++)
		if (add_to_chain(p, t, i, want, d))
			rc = -1;
	for (size_t i = 0; i < p->n; i++)
		if (write_entry(t, &p->v[i], d))
			rc = -1;
	return rc;
}

static void remove_from_chain(struct ipt_plan *plan, const struct ipt_table *t, size_t chain,
			      const struct ruleset *want)
{
	const struct ipt_chain *c = &t->chains[chain];
	struct wanted w = wanted_of(t, c, want);
	auto_free size_t *partner = xcalloc(w.n, sizeof(*partner));
	auto_free bool *stays = xcalloc(c->n, sizeof(*stays));
	struct place p = { 0 };
	bool begun = false;

	while (w.n && next_place(c, &p, &begun))
		pair(c, &p, &w, partner, stays);
	for (size_t k = c->n; k--;)
		if (c->items[k].twin && !stays[k])
			add_edit(plan, chain, k, c->items[k].twin);
	free(w.v);
}

void ipt_plan_remove(struct ipt_plan *p, const struct ipt_table *t, const struct ruleset *want)
{
	for (size_t i = 0; i < t->n; i++)
		remove_from_chain(p, t, i, want);
}
