/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policy to raw rules. */
#include "rules/compile.h"

#include <string.h>
#include "rules/flow.h"
#include "rules/leg.h"

static struct rule *add_rule(struct ruleset *out, enum hook hook, const char *name,
			     const struct origin *at)
{
	struct rule *r = ruleset_add_rule(out);

	r->hook = hook;
	r->verdict = VERDICT_NOTRACK;
	r->name = xstrdup(name);
	r->at = *at;
	return r;
}

/* Those of one raw hook. */
static void service_rules(const struct policy *p, const struct host_params *h, const struct atom *a,
			  enum hook raw, struct ruleset *out)
{
	unsigned masks[2];
	size_t n = leg_families(p, a, masks);
	const struct service *s = a->service;

	for (size_t i = 0; i < ROLE_SIDES; i++)
		for (size_t k = 0; role_sides[i].role == s->role && k < role_sides[i].n_legs; k++)
			for (size_t f = 0; f < n; f++) {
				const struct leg *l = &role_sides[i].legs[k];

				if (l->raw != raw)
					continue;
				if (!l->errors_only)
					leg_match(&add_rule(out, l->raw, s->name, &s->at)->match, l,
						  a, masks[f], h);
				leg_error_match(&add_rule(out, l->raw, s->name, &s->at)->match, l,
						a, masks[f]);
			}
}

static void both_hooks(const struct policy *p, const char *name, enum verdict verdict,
		       const struct ifaces *with, const struct ifaces *without,
		       const struct origin *at, struct ruleset *out)
{
	static const enum hook hooks[] = { HOOK_PREROUTING, HOOK_OUTPUT };

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct rule *r = add_rule(out, hooks[i], name, at);

		r->verdict = verdict;
		/* Loopback is never touched, whatever families are exempt. */
		r->match.families = verdict == VERDICT_RETURN ? FAMILIES_BOTH : p->families;
		leg_interfaces(&r->match, hooks[i], with, without);
	}
}

unsigned compile_host_facts(const struct policy *p)
{
	unsigned facts = p->loopback || p->n_interfaces ? HOST_EPHEMERAL : 0;

	if (p->n_interfaces)
		facts |= HOST_FORWARDS;
	for (size_t i = 0; i < p->n_services; i++)
		if (p->services[i].role == ROLE_CLIENT || p->services[i].role == ROLE_PEER)
			facts |= HOST_EPHEMERAL;
	return facts;
}

/* Rules about whatever stands in the packet, or in the one that it quotes: never fewer. */
static bool may_concern(const struct atom *a, const struct flow *f)
{
	return a->proto == f->proto && (f->fragment || ports_contains(&a->ports, f->sport) ||
					ports_contains(&a->ports, f->dport));
}

static int by_name(const void *a, const void *b)
{
	const struct atom *const *x = a, *const *y = b;

	return strcmp((*x)->service->name, (*y)->service->name);
}

/* In the order that rules have in the end, by hook and name: services are fewer to sort than rules.
 * v: of all services. f NULL: of all packets. */
static void services_rules(const struct flow *f, const struct policy *p,
			   const struct host_params *h, const struct atom *v, size_t n,
			   struct ruleset *out)
{
	auto_free const struct atom **order = xcalloc(n, sizeof *order);
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (!v[i].empty && (!f || may_concern(&v[i], f)))
			order[k++] = &v[i];
	if (k)
		qsort(order, k, sizeof *order, by_name);
	for (size_t i = 0; i < k; i++)
		service_rules(p, h, order[i], HOOK_PREROUTING, out);
	for (size_t i = 0; i < k; i++)
		service_rules(p, h, order[i], HOOK_OUTPUT, out);
}

/* f NULL: of all packets. */
static void make_rules(const struct flow *f, const struct policy *p, const struct host_params *h,
		       struct ruleset *out, struct diag *d)
{
	char lo_name[1][IFNAMSIZ] = { "lo" };
	const struct ifaces lo = { lo_name, 1 }, none = { 0 };
	size_t n;
	struct atom *atoms;

	if (policy_is_empty(p))
		return;
	both_hooks(p, "loopback", p->loopback ? VERDICT_NOTRACK : VERDICT_RETURN, &lo, &none,
		   &p->loopback_at, out);
	for (size_t i = 0; i < p->n_interfaces; i++)
		both_hooks(p, p->interfaces[i].name, VERDICT_NOTRACK, &p->interfaces[i].ifaces,
			   &p->interfaces[i].not_ifaces, &p->interfaces[i].at, out);
	atoms = atoms_make(p, &n, d);
	services_rules(f, p, h, atoms, n, out);
	atoms_free(atoms, n);
	ruleset_set_form(out, h->home);
	ruleset_normalise(out);
}

void compile_rules(const struct policy *p, const struct host_params *h, struct ruleset *out,
		   struct diag *d)
{
	make_rules(NULL, p, h, out, d);
}

void compile_rules_about(const struct flow *f, const struct policy *p, const struct host_params *h,
			 struct ruleset *out, struct diag *d)
{
	make_rules(f, p, h, out, d);
}
