/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Table inet untrack back to the raw rules that it was laid out from. Each rule is read by itself
 * and means what its expressions say; names of sets and comments mean nothing. */
#include "kernel/nft_decode.h"

#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nft_layout.h"
#include "kernel/nft_rule.h"

struct reader {
	const struct nft_snapshot *s;
	struct ruleset *out;
	const struct nft_object **counters; /* sorted by name */
	bool *used_counters;
	size_t n_counters;
	const struct nft_set_info **sets; /* sorted by address of the set */
	bool *used_sets;
	bool reached[NFT_CHAINS]; /* by a jump from where it should be */
	struct rule *errors;	  /* of the ICMP chains, one family each */
	size_t n_errors;
};

__attribute__((format(printf, 2, 3))) static void foreign(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*ARRAY_ADD(r->out->foreign, r->out->n_foreign) = xvasprintf(fmt, ap);
	va_end(ap);
}

static int compare_counters(const void *va, const void *vb)
{
	const struct nft_object *const *a = va, *const *b = vb;

	return strcmp((*a)->name, (*b)->name);
}

static int compare_sets(const void *va, const void *vb)
{
	const struct nft_set_info *const *a = va, *const *b = vb;

	return ((*a)->set > (*b)->set) - ((*a)->set < (*b)->set);
}

static void index_objects(struct reader *r)
{
	const struct nft_snapshot *s = r->s;

	r->counters = xcalloc(s->n_objects, sizeof *r->counters);
	r->used_counters = xcalloc(s->n_objects, sizeof *r->used_counters);
	r->sets = xcalloc(s->n_sets, sizeof *r->sets);
	r->used_sets = xcalloc(s->n_sets, sizeof *r->used_sets);
	for (size_t i = 0; i < s->n_objects; i++)
		if (s->objects[i].type == NFT_OBJECT_COUNTER)
			r->counters[r->n_counters++] = &s->objects[i];
	for (size_t i = 0; i < s->n_sets; i++)
		r->sets[i] = &s->sets[i];
	qsort(r->counters, r->n_counters, sizeof *r->counters, compare_counters);
	qsort(r->sets, s->n_sets, sizeof *r->sets, compare_sets);
}

static bool is_own(const struct nft_set_info *i)
{
	return i->family == TABLE_INET && !strcmp(i->table, NFT_OWN_TABLE);
}

/* "web_in" of a chain for arriving packets is "web"; NULL: no counter of ours. The caller frees. */
static char *exemption_of(struct reader *r, const char *counter, enum hook hook)
{
	const char *suffix = hook == HOOK_PREROUTING ? "_in" : "_out";
	size_t len = strlen(counter), n = strlen(suffix);
	struct nft_object key = { .name = (char *)counter };
	const struct nft_object *wanted = &key, **found;
	char *name;

	found = bsearch(&wanted, r->counters, r->n_counters, sizeof *r->counters, compare_counters);
	if (!found || len <= n || strcmp(counter + len - n, suffix) != 0)
		return NULL;
	r->used_counters[found - r->counters] = true;
	name = xstrdup(counter);
	name[len - n] = 0;
	return name;
}

static struct nft_set_info const *set_info(struct reader *r, const struct fw_set *set)
{
	struct nft_set_info key = { .set = set };
	const struct nft_set_info *wanted = &key, **found;

	found = bsearch(&wanted, r->sets, r->s->n_sets, sizeof *r->sets, compare_sets);
	if (!found)
		return NULL;
	r->used_sets[found - r->sets] = true;
	return *found;
}

static void mark_sets(struct reader *r, const struct fw_rule *rule)
{
	for (size_t i = 0; i < rule->n_exprs; i++)
		if (rule->exprs[i].set)
			set_info(r, rule->exprs[i].set);
}

static enum nft_chain_id chain_id(const char *name)
{
	enum nft_chain_id c = 0;

	while (c < NFT_CHAINS && strcmp(nft_chain_info(c)->name, name) != 0)
		c++;
	return c;
}

static void add_rule(struct reader *r, enum nft_chain_id c, enum verdict v, char *name,
		     const struct match *m)
{
	bool base = nft_chain_info(c)->base;
	struct rule *rule = base ? ruleset_add_rule(r->out) : ARRAY_ADD(r->errors, r->n_errors);

	*rule = (struct rule){
		.hook = nft_chain_info(c)->hook, .verdict = v, .name = name, .match = *m
	};
}

struct place { /* a rule of ours being read */
	enum nft_chain_id chain;
	const struct match *m;
	const struct fw_expr *v; /* what follows the match */
	size_t n;
};

static bool is_notrack(const struct fw_expr *e)
{
	return e->op == FW_EFFECT && !strcmp(e->name, "notrack");
}

static bool read_counted(struct reader *r, const struct place *p)
{
	char *name;

	if (p->n != 2 || p->v[0].op != FW_EFFECT || !p->v[0].object || !is_notrack(&p->v[1]))
		return false;
	name = exemption_of(r, p->v[0].object, nft_chain_info(p->chain)->hook);
	if (name) {
		struct match copy;

		match_copy(&copy, p->m);
		add_rule(r, p->chain, VERDICT_NOTRACK, name, &copy);
	}
	return name != NULL;
}

struct claim { /* one element of an object map */
	const char *object;
	const struct fw_element *e;
};

static int compare_claims(const void *va, const void *vb)
{
	const struct claim *a = va, *b = vb;

	return strcmp(a->object, b->object);
}

static struct claim *read_claims(const struct nft_set_info *info)
{
	struct claim *v = xcalloc(info->set->n, sizeof *v);

	for (size_t i = 0; i < info->set->n; i++) {
		v[i] = (struct claim){ info->objects[i], &info->set->v[i] };
		if (!v[i].object) {
			free(v);
			return NULL;
		}
	}
	qsort(v, info->set->n, sizeof *v, compare_claims);
	return v;
}

static void claim_port(struct ports *p, const struct fw_element *e)
{
	ports_add(p, (uint16_t)(e->lo[0] << 8 | e->lo[1]), (uint16_t)(e->hi[0] << 8 | e->hi[1]));
}

/* One rule for each object of the map, with its ports; all of them together in *all. */
static bool split_shared(struct reader *r, const struct place *p, const struct nft_set_info *info,
			 bool by_sport, struct ports *all)
{
	auto_free struct claim *v = read_claims(info);
	size_t n = info->set->n;

	for (size_t i = 0, k; v && i < n; i = k) {
		char *name = exemption_of(r, v[i].object, nft_chain_info(p->chain)->hook);
		struct ports own = { 0 }, *side;
		struct match m;

		if (!name)
			return false;
		for (k = i; k < n && !compare_claims(&v[i], &v[k]); k++) {
			claim_port(&own, v[k].e);
			claim_port(all, v[k].e);
		}
		match_copy(&m, p->m);
		side = by_sport ? &m.sport : &m.dport;
		free(side->v);
		*side = own;
		ports_normalise(side);
		add_rule(r, p->chain, VERDICT_NOTRACK, name, &m);
	}
	ports_normalise(all);
	return v != NULL;
}

/* Takes back what split_shared added. */
static void drop_rules(struct ruleset *rs, size_t from)
{
	while (rs->n_rules > from)
		rule_free(&rs->rules[--rs->n_rules]);
}

/* "counter name tcp dport map @tcp_ports_in notrack": the map must hold the ports of the match. */
static bool read_shared(struct reader *r, const struct place *p)
{
	const struct fw_expr *load, *ref;
	const struct nft_set_info *info;
	size_t before = r->out->n_rules;
	struct ports all = { 0 };
	const struct ports *side;
	bool ok;

	if (p->n != 3)
		return false;
	load = p->v;
	ref = load + 1;
	if (load->op != FW_LOAD || load->field != FW_F_TRANSPORT || load->len != 2 ||
	    load->offset & ~2 || strcmp(ref->name, "objref") != 0 || ref->object || !ref->set ||
	    ref->sreg != load->dreg || ref->set->key_len != 2 || !ref->set->known ||
	    ref->set->dynamic || !is_notrack(&p->v[2]) || !nft_chain_info(p->chain)->base)
		return false;
	info = set_info(r, ref->set);
	if (!info || !info->objects)
		return false;
	side = load->offset ? &p->m->dport : &p->m->sport;
	ok = split_shared(r, p, info, !load->offset, &all) && !ports_compare(side, &all);
	if (!ok)
		drop_rules(r->out, before);
	free(all.v);
	return ok;
}

/* Nothing but the protocol leads into an ICMP chain. */
static bool read_jump(struct reader *r, const struct place *p)
{
	struct match plain = { .families = FAMILIES_BOTH, .proto = p->m->proto };
	enum nft_chain_id to;

	if (p->n != 1 || p->v->op != FW_VERDICT || p->v->target.verdict != FW_JUMP)
		return false;
	to = chain_id(p->v->target.chain);
	if (to == NFT_CHAINS || !nft_chain_info(p->chain)->base || nft_chain_info(to)->base ||
	    nft_chain_info(to)->hook != nft_chain_info(p->chain)->hook ||
	    nft_chain_info(to)->proto != p->m->proto || match_compare(&plain, p->m) != 0)
		return false;
	r->reached[to] = true;
	return true;
}

static bool read_return(struct reader *r, const struct place *p, const char *comment)
{
	struct match m;

	if (p->n != 1 || p->v->op != FW_VERDICT || p->v->target.verdict != FW_RETURN || !comment ||
	    !nft_chain_info(p->chain)->base)
		return false;
	match_copy(&m, p->m);
	add_rule(r, p->chain, VERDICT_RETURN, xstrdup(comment), &m);
	return true;
}

/* An ICMP chain sees ICMP of its family only, where it holds nothing but the companions. */
static bool belongs(const struct match *m, enum nft_chain_id c)
{
	const struct nft_chain_info *info = nft_chain_info(c);

	return info->base || (m->icmp == ICMP_IS_ERROR && m->families == 1u << info->family);
}

/* may_return: nothing but returns came before in this chain. */
static bool read_rule(struct reader *r, enum nft_chain_id c, const struct fw_rule *rule,
		      bool *may_return)
{
	struct place p = { .chain = c };
	struct match m;
	size_t used;
	bool ok;

	if (!rule->n_exprs || !nft_match_get(rule->exprs, rule->n_exprs, TABLE_INET, &m, &used))
		return false;
	p.m = &m;
	p.v = rule->exprs + used;
	p.n = rule->n_exprs - used;
	ok = *may_return && read_return(r, &p, rule->comment);
	if (!ok) {
		*may_return = false;
		ok = belongs(&m, c) &&
		     (read_jump(r, &p) || read_counted(r, &p) || read_shared(r, &p));
	}
	match_free(&m);
	return ok;
}

static void read_rules(struct reader *r, const struct fw_chain *c, enum nft_chain_id id)
{
	bool may_return = true;

	for (size_t i = 0; i < c->n_rules; i++) {
		mark_sets(r, &c->rules[i]);
		if (!read_rule(r, id, &c->rules[i], &may_return)) {
			auto_free char *text = fw_rule_text(&c->rules[i]);

			foreign(r, "rule %zu of chain %s: %s", i + 1, c->name, text);
		}
	}
}

static bool chain_is_ours(const struct fw_chain *c, enum nft_chain_id id)
{
	const struct nft_chain_info *info;

	if (id == NFT_CHAINS)
		return false;
	info = nft_chain_info(id);
	if (!info->base)
		return !c->base && !c->type;
	return c->base && c->hook == info->hook && c->priority == NFT_OWN_PRIORITY &&
	       !strcmp(c->type, "filter") && c->policy == FW_ACCEPT;
}

/* A chain of ours that has lost the jump to it: its rules are as good as gone, and the next commit
 * writes them anew. Only what somebody else put there counts. */
static void read_orphan(struct reader *r, const struct fw_chain *c, enum nft_chain_id id)
{
	size_t kept = r->n_errors;

	read_rules(r, c, id);
	while (r->n_errors > kept)
		rule_free(&r->errors[--r->n_errors]);
}

static void read_chains(struct reader *r, bool base)
{
	for (size_t i = 0; i < r->s->own.n_chains; i++) {
		const struct fw_chain *c = &r->s->own.chains[i];
		enum nft_chain_id id = chain_id(c->name);
		bool ours = chain_is_ours(c, id);

		if ((ours && nft_chain_info(id)->base) != base)
			continue;
		if (ours && (base || r->reached[id])) {
			read_rules(r, c, id);
			continue;
		}
		if (ours) {
			read_orphan(r, c, id);
			continue;
		}
		for (size_t k = 0; k < c->n_rules; k++)
			mark_sets(r, &c->rules[k]);
		foreign(r, "chain %s", c->name);
	}
}

static int compare_errors(const void *va, const void *vb)
{
	const struct rule *a = va, *b = vb;
	struct rule x = *a, y = *b;
	int c;

	x.match.families = y.match.families = FAMILIES_BOTH;
	c = rule_compare(&x, &y);
	return c ? c : (int)a->match.families - (int)b->match.families;
}

/* What stands in the chains of both families was one rule. */
static void join_errors(struct reader *r)
{
	if (r->n_errors)
		qsort(r->errors, r->n_errors, sizeof *r->errors, compare_errors);
	for (size_t i = 0; i < r->n_errors; i++) {
		struct rule *e = &r->errors[i], *next = e + 1, alike;

		if (i + 1 < r->n_errors && e->match.families != next->match.families) {
			alike = *next;
			alike.match.families = e->match.families;
			if (!rule_compare(e, &alike)) {
				e->match.families = FAMILIES_BOTH;
				rule_free(next);
				i++;
			}
		}
		*ruleset_add_rule(r->out) = *e;
	}
	free(r->errors);
}

static void keep_counters(struct reader *r)
{
	for (size_t i = 0; i < r->n_counters; i++) {
		const struct nft_object *o = r->counters[i];
		struct counter *c;
		char *name;

		enum hook hook = HOOK_PREROUTING;
		bool used = r->used_counters[i];

		name = exemption_of(r, o->name, hook);
		if (!name) {
			hook = HOOK_OUTPUT;
			name = exemption_of(r, o->name, hook);
		}
		if (!used) { /* of a rule that somebody deleted, or somebody's own */
			if (!name)
				foreign(r, "counter %s, which no rule of ours uses", o->name);
			free(name);
			continue;
		}
		c = ARRAY_ADD(r->out->counters, r->out->n_counters);
		c->hook = hook;
		c->name = name;
		c->packets = o->packets;
		c->bytes = o->bytes;
	}
}

static void report_unused(struct reader *r)
{
	for (size_t i = 0; i < r->s->n_objects; i++)
		if (r->s->objects[i].type != NFT_OBJECT_COUNTER)
			foreign(r, "object %s", r->s->objects[i].name);
	for (size_t i = 0; i < r->s->n_sets; i++)
		if (!r->used_sets[i] && is_own(r->sets[i]) &&
		    !nft_layout_names_set(r->sets[i]->set->name))
			foreign(r, "%s %s, which no rule uses",
				r->sets[i]->set->map ? "map" : "set", r->sets[i]->set->name);
	if (r->s->own_flags)
		foreign(r, "flags 0x%x of the table", r->s->own_flags);
}

void nft_decode_own(const struct nft_snapshot *s, struct ruleset *ours)
{
	struct reader r = { .s = s, .out = ours };

	if (!s->own_table)
		return;
	index_objects(&r);
	read_chains(&r, true);
	read_chains(&r, false);
	join_errors(&r);
	keep_counters(&r);
	report_unused(&r);
	ours->husk = !ours->n_rules;
	free(r.counters);
	free(r.used_counters);
	free(r.sets);
	free(r.used_sets);
}
