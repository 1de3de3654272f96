/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel guarantees, and a file does not: registers and lengths that fit, sorted sets, and
 * jumps that lead somewhere and come to an end. */
#include "report/facts_check.h"

#include <string.h>

#define REGISTER_BYTES 4u
#define NFT_DEPTH 16	 /* NFT_JUMP_STACK_SIZE */
#define LEGACY_DEPTH 256 /* x_tables knows no limit; the stack of the walks does */

static bool fits(uint8_t reg, size_t len)
{
	return reg * REGISTER_BYTES + len <= FW_DATA_MAX && reg < FW_DATA_MAX / REGISTER_BYTES;
}

static bool leads_on(enum fw_verdict v)
{
	return v == FW_JUMP || v == FW_GOTO;
}

static bool writes_register(enum fw_op op)
{
	return op == FW_LOAD || op == FW_BITWISE || op == FW_IMMEDIATE;
}

static bool tests_value(enum fw_op op)
{
	return op == FW_CMP || op == FW_RANGE || op == FW_BITWISE;
}

static const char *expr_fault(const struct fw_expr *e)
{
	bool measured = tests_value(e->op) || e->op == FW_IMMEDIATE;

	if (e->len > FW_DATA_MAX || (measured && !e->len))
		return "len is out of range";
	if (!fits(e->dreg, writes_register(e->op) ? e->len : 0) ||
	    !fits(e->sreg, tests_value(e->op) ? e->len
			   : e->set	      ? e->set->key_len
					      : 0))
		return "a register is out of range";
	if (e->op == FW_LOOKUP && !e->set)
		return "a lookup without a set";
	if (e->op == FW_VERDICT && leads_on(e->target.verdict) && !e->target.chain)
		return "a jump without a chain";
	if (e->target.chain && (e->op != FW_VERDICT || !leads_on(e->target.verdict)))
		return "a chain without a jump";
	return NULL;
}

/* What an extension of iptables means follows it, and has no body of its own. */
static char *rule_fault(const struct fw_rule *r, const struct fw_chain *c)
{
	bool lowered = c->form == FORM_LEGACY;

	if (r->twin < -1)
		return xstrdup(".twin: out of range");
	for (size_t i = 0; i < r->n_exprs; i++) {
		const char *fault = expr_fault(&r->exprs[i]);

		lowered = lowered || r->exprs[i].op == FW_XT;
		if (!fault && !r->exprs[i].body && !lowered)
			fault = "an expression without a body";
		if (fault)
			return xasprintf(".exprs[%zu]: %s", i, fault);
	}
	return NULL;
}

static char *set_fault(const struct fw_set *s)
{
	if (s->key_len > FW_DATA_MAX)
		return xasprintf(".key-len: more than %d", FW_DATA_MAX);
	if (s->known && !s->key_len)
		return xstrdup(".key-len: missing, and the elements are known");
	if (s->n && !s->known)
		return xstrdup(".elements: of a set whose elements are not known");
	if (s->verdict_map && !s->map)
		return xstrdup(".verdict-map: of a set that is no map");
	for (size_t i = 0; i < s->n; i++) {
		const struct fw_element *e = &s->v[i];

		if (leads_on(e->target.verdict) != (e->target.chain != NULL))
			return xasprintf(".elements[%zu]: %s", i,
					 e->target.chain ? "a chain without a jump"
							 : "a jump without a chain");
		if (i && !s->concat && memcmp(e[-1].lo, e->lo, s->key_len) > 0)
			return xasprintf(".elements[%zu]: not in order", i);
	}
	return NULL;
}

static char *chain_fault(const struct fw_chain *c)
{
	if (c->base && !c->type)
		return xstrdup(".type: missing in a base chain");
	return NULL;
}

/* ---- jumps ---- */

struct place { /* of a chain */
	const struct fw_chain *chain;
	bool entered;	 /* the walk is inside */
	unsigned height; /* levels that it needs below itself, plus one; 0: not known yet */
};

struct graph {
	const struct fw *fw;
	struct place *v; /* sorted by compare_chains */
};

/* As fw_chain_find tells them apart. */
static int compare_chains(const void *a, const void *b)
{
	const struct fw_chain *x = ((const struct place *)a)->chain;
	const struct fw_chain *y = ((const struct place *)b)->chain;
	int diff = (int)x->family - (int)y->family;

	if (!diff)
		diff = (x->form == FORM_LEGACY) - (y->form == FORM_LEGACY);
	if (!diff)
		diff = strcmp(x->table, y->table);
	return diff ? diff : strcmp(x->name, y->name);
}

static char *fault_at(const struct graph *g, const struct fw_chain *c, const char *fault,
		      const char *name)
{
	return xasprintf(".chains[%zu]: %s%s%s", (size_t)(c - g->fw->chains), fault,
			 name ? " " : "", name ? name : "");
}

static char *visit(const struct graph *g, struct place *p, unsigned depth);

/* A way on from chain p. */
static char *follow(const struct graph *g, struct place *p, const char *name, unsigned depth)
{
	struct fw_chain wanted = *p->chain;
	struct place *to;
	char *fault;

	wanted.name = (char *)name;
	to = bsearch(&(struct place){ .chain = &wanted }, g->v, g->fw->n_chains, sizeof(*g->v),
		     compare_chains);
	if (!to)
		return fault_at(g, p->chain, "a jump to a chain that does not exist:", name);
	fault = visit(g, to, depth + 1);
	if (!fault && to->height >= p->height)
		p->height = to->height + 1;
	return fault;
}

static char *follow_rule(const struct graph *g, struct place *p, const struct fw_rule *r,
			 unsigned depth)
{
	char *fault = NULL;

	for (size_t i = 0; i < r->n_exprs && !fault; i++) {
		const struct fw_expr *e = &r->exprs[i];

		if (e->target.chain)
			fault = follow(g, p, e->target.chain, depth);
		for (size_t k = 0; e->set && k < e->set->n && !fault; k++)
			if (e->set->v[k].target.chain)
				fault = follow(g, p, e->set->v[k].target.chain, depth);
	}
	return fault;
}

static char *visit(const struct graph *g, struct place *p, unsigned depth)
{
	unsigned most = p->chain->form == FORM_LEGACY ? LEGACY_DEPTH : NFT_DEPTH;
	char *fault = NULL;

	if (p->entered)
		return fault_at(g, p->chain, "jumps lead back to where they began", NULL);
	if (depth + (p->height ? p->height - 1 : 0) > most)
		return fault_at(g, p->chain, "jumps lead deeper than the kernel allows", NULL);
	if (p->height)
		return NULL;
	p->entered = true;
	p->height = 1;
	for (size_t i = 0; i < p->chain->n_rules && !fault; i++)
		fault = follow_rule(g, p, &p->chain->rules[i], depth);
	p->entered = false;
	return fault;
}

/* Only what hangs on a base chain is ever walked, and kernels from 6.11 on check no more either. */
static char *jumps_fault(struct graph *g)
{
	char *fault = NULL;

	for (size_t i = 0; i < g->fw->n_chains; i++)
		g->v[i].chain = &g->fw->chains[i];
	qsort(g->v, g->fw->n_chains, sizeof(*g->v), compare_chains);
	for (size_t i = 1; i < g->fw->n_chains; i++)
		if (!compare_chains(&g->v[i - 1], &g->v[i]))
			return fault_at(g, g->v[i].chain,
					"the second of this name:", g->v[i].chain->name);
	for (size_t i = 0; i < g->fw->n_chains && !fault; i++)
		if (g->v[i].chain->base)
			fault = visit(g, &g->v[i], 0);
	return fault;
}

static char *firewall_fault(const struct fw *fw)
{
	struct graph g = { .fw = fw };
	char *fault;

	if (!fw->n_chains)
		return NULL;
	g.v = xcalloc(fw->n_chains, sizeof(*g.v));
	fault = jumps_fault(&g);
	free(g.v);
	return fault;
}

/* ---- the host ---- */

static char *listener_fault(struct host_listener *l)
{
	static const uint8_t nowhere[16];

	l->any = !memcmp(l->addr, nowhere, sizeof(nowhere));
	return l->both && l->family != FAMILY_V6 ? xstrdup(".both: of an IPv4 socket") : NULL;
}

static char *ports_fault(const struct port_range *r)
{
	return r->lo > r->hi ? xstrdup(": a range that ends before it starts") : NULL;
}

char *facts_fault(enum facts_check check, void *item, const void *parent)
{
	struct host_address *a = item;

	switch (check) {
	case CHECK_NOTHING:
		break;
	case CHECK_PORTS:
		return ports_fault(item);
	case CHECK_LISTENER:
		return listener_fault(item);
	case CHECK_ADDRESS:
		a->prefix.len = a->prefix.family == FAMILY_V4 ? 32 : 128;
		break;
	case CHECK_SET:
		return set_fault(item);
	case CHECK_RULE:
		return rule_fault(item, parent);
	case CHECK_CHAIN:
		return chain_fault(item);
	case CHECK_FIREWALL:
		return firewall_fault(item);
	case CHECK_HOST:
		ports_normalise(&((struct host *)item)->reserved);
		break;
	}
	return NULL;
}
