/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of a batch that is about table inet untrack. */
#include "kernel/nft_commit.h"

#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nft_rule.h"

void nft_plan_about(struct nft_plan *p, enum nft_about about, const struct rule *rule,
		    const struct twin *twin)
{
	*ARRAY_ADD(p->subjects, p->n_subjects) =
		(struct nft_subject){ p->batch.n, about, rule, twin };
}

const struct nft_subject *nft_plan_subject(const struct nft_plan *p, uint32_t message)
{
	const struct nft_subject *found = NULL;

	for (size_t i = 0; i < p->n_subjects && p->subjects[i].first <= message; i++)
		found = &p->subjects[i];
	return found;
}

void nft_plan_free(struct nft_plan *p)
{
	nft_batch_free(&p->batch);
	free(p->subjects);
	*p = (struct nft_plan){ 0 };
}

void nft_state_free(struct nft_state *st)
{
	nft_snapshot_free(&st->s);
	ruleset_free(&st->ours);
	for (size_t i = 0; i < st->n_twin_sets; i++) {
		free(st->twin_sets[i].table);
		free(st->twin_sets[i].name);
	}
	free(st->twin_sets);
	*st = (struct nft_state){ 0 };
}

static struct nlmsghdr *message(struct nft_plan *p, uint16_t type, uint16_t flags)
{
	return nft_batch_msg(&p->batch, type, NFPROTO_INET, flags, NFT_ROOM);
}

static void put_table(struct nft_plan *p, uint16_t type)
{
	struct nlmsghdr *h = message(p, type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);

	mnl_attr_put_strz(h, NFTA_TABLE_NAME, NFT_OWN_TABLE);
	nft_batch_done(&p->batch, h);
}

static void put_deletion(struct nft_plan *p, uint16_t type, uint16_t table_attr, uint16_t name_attr,
			 const char *name)
{
	struct nlmsghdr *h = message(p, type, 0);

	mnl_attr_put_strz(h, table_attr, NFT_OWN_TABLE);
	mnl_attr_put_strz(h, name_attr, name);
	nft_batch_done(&p->batch, h);
}

static void put_counter(struct nft_plan *p, uint16_t type, const char *name,
			const struct counter *value)
{
	struct nlmsghdr *h = message(p, type, type == NFT_MSG_NEWOBJ ? NLM_F_CREATE : 0);
	struct nftnl_obj *o = nftnl_obj_alloc();

	if (!o)
		o = xcalloc(0, SIZE_MAX);
	nftnl_obj_set_str(o, NFTNL_OBJ_TABLE, NFT_OWN_TABLE);
	nftnl_obj_set_str(o, NFTNL_OBJ_NAME, name);
	nftnl_obj_set_u32(o, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	if (type == NFT_MSG_NEWOBJ) {
		nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_PKTS, value ? value->packets : 0);
		nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_BYTES, value ? value->bytes : 0);
	}
	nftnl_obj_nlmsg_build_payload(h, o);
	nftnl_obj_free(o);
	nft_batch_done(&p->batch, h);
}

static void put_chain(struct nft_plan *p, enum nft_chain_id id)
{
	const struct nft_chain_info *info = nft_chain_info(id);
	struct nlmsghdr *h = message(p, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nftnl_chain *c = nftnl_chain_alloc();

	if (!c)
		c = xcalloc(0, SIZE_MAX);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, NFT_OWN_TABLE);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, info->name);
	if (info->base) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM,
				    info->hook == HOOK_PREROUTING ? NF_INET_PRE_ROUTING
								  : NF_INET_LOCAL_OUT);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, NFT_OWN_PRIORITY);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nftnl_chain_nlmsg_build_payload(h, c);
	nftnl_chain_free(c);
	nft_batch_done(&p->batch, h);
}

static int compare_values(const void *va, const void *vb)
{
	const struct counter *a = va, *b = vb;
	int c = strcmp(a->name, b->name);

	return c ? c : (a->hook > b->hook) - (a->hook < b->hook);
}

/* Normalised rulesets have their counters sorted. */
static const struct counter *find_value(const struct ruleset *rs, const struct nft_counter *c)
{
	struct counter key = { .name = (char *)c->exemption, .hook = c->hook };

	if (!rs->n_counters)
		return NULL;
	return bsearch(&key, rs->counters, rs->n_counters, sizeof key, compare_values);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of what the layout needs, sorted. */
static char **sorted_counters(const struct nft_layout *l)
{
	char **v = xcalloc(l->n_counters, sizeof *v);

	for (size_t i = 0; i < l->n_counters; i++)
		v[i] = l->counters[i].name;
	qsort(v, l->n_counters, sizeof *v, compare_names);
	return v;
}

static bool chain_exists(const struct nft_snapshot *s, enum nft_chain_id id)
{
	for (size_t i = 0; i < s->own.n_chains; i++)
		if (!strcmp(s->own.chains[i].name, nft_chain_info(id)->name))
			return true;
	return false;
}

/* The table stays, and with it the counters that stay; rules, sets and what else is not needed go.
 */
static void clear_table(struct nft_plan *p, const struct nft_snapshot *s,
			const struct nft_layout *l)
{
	auto_free char **needed = sorted_counters(l);

	for (size_t i = 0; i < s->own.n_chains; i++)
		if (s->own.chains[i].n_rules)
			put_deletion(p, NFT_MSG_DELRULE, NFTA_RULE_TABLE, NFTA_RULE_CHAIN,
				     s->own.chains[i].name);
	for (enum nft_chain_id c = 0; c < NFT_CHAINS; c++)
		if (!l->chains[c] && chain_exists(s, c))
			put_deletion(p, NFT_MSG_DELCHAIN, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME,
				     nft_chain_info(c)->name);
	for (size_t i = 0; i < s->n_sets; i++)
		if (s->sets[i].family == TABLE_INET && !s->sets[i].set->anonymous &&
		    !strcmp(s->sets[i].table, NFT_OWN_TABLE))
			put_deletion(p, NFT_MSG_DELSET, NFTA_SET_TABLE, NFTA_SET_NAME,
				     s->sets[i].set->name);
	for (size_t i = 0; i < s->n_objects; i++)
		if (!bsearch(&s->objects[i].name, needed, l->n_counters, sizeof *needed,
			     compare_names))
			put_counter(p, NFT_MSG_DELOBJ, s->objects[i].name, NULL);
}

/* A counter that the kernel had goes on from there, one of an older ruleset from what it had then.
 */
static void put_counters(struct nft_plan *p, const struct nft_state *now,
			 const struct nft_layout *l, const struct ruleset *want, bool anew)
{
	for (size_t i = 0; i < l->n_counters; i++) {
		const struct counter *value = find_value(&now->ours, &l->counters[i]);

		if (value && !anew)
			continue;
		if (!value)
			value = find_value(want, &l->counters[i]);
		put_counter(p, NFT_MSG_NEWOBJ, l->counters[i].name, value);
	}
}

struct numbered { /* a set of the layout and its id in the batch */
	const struct nft_set *set;
	uint32_t id;
};

static int compare_numbered(const void *va, const void *vb)
{
	const struct numbered *a = va, *b = vb;

	return (a->set > b->set) - (a->set < b->set);
}

static struct numbered *put_sets(struct nft_plan *p, const struct nft_layout *l)
{
	struct numbered *v = xcalloc(l->n_sets, sizeof *v);

	for (size_t i = 0; i < l->n_sets; i++) {
		v[i] = (struct numbered){ l->sets[i], ++p->set_id };
		nft_set_put(&p->batch, TABLE_INET, NFT_OWN_TABLE, l->sets[i], v[i].id, l);
	}
	if (l->n_sets)
		qsort(v, l->n_sets, sizeof *v, compare_numbered);
	return v;
}

static struct nft_set_ref set_ref(const struct numbered *v, size_t n, const struct nft_set *set)
{
	struct numbered key = { .set = set }, *found;

	found = n && set ? bsearch(&key, v, n, sizeof *v, compare_numbered) : NULL;
	return found ? (struct nft_set_ref){ set->name, found->id } : (struct nft_set_ref){ 0 };
}

static void put_rule(struct nft_plan *p, const struct nft_layout *l, const struct nft_rule *r,
		     const struct numbered *sets)
{
	struct nlmsghdr *h = nft_batch_msg(&p->batch, NFT_MSG_NEWRULE, NFPROTO_INET,
					   NLM_F_CREATE | NLM_F_APPEND, NFT_RULE_ROOM);
	struct nft_set_ref refs[NFT_SLOTS], map = set_ref(sets, l->n_sets, r->map);
	struct nlattr *nest;

	for (size_t i = 0; i < NFT_SLOTS; i++)
		refs[i] = set_ref(sets, l->n_sets, r->sets[i]);
	mnl_attr_put_strz(h, NFTA_RULE_TABLE, NFT_OWN_TABLE);
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, nft_chain_info(r->chain)->name);
	nest = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	nft_match_put(h, &r->match, TABLE_INET, refs);
	switch (r->action) {
	case NFT_DO_RETURN:
		nft_verdict_put(h, NFT_RETURN, NULL);
		break;
	case NFT_DO_JUMP:
		nft_verdict_put(h, NFT_JUMP, nft_chain_info(r->target)->name);
		break;
	case NFT_DO_NOTRACK:
		if (r->map)
			nft_counter_map_put(h, r->map_slot, &map);
		else
			nft_counter_put(h, l->counters[r->counter].name);
		nft_notrack_put(h);
		break;
	}
	mnl_attr_nest_end(h, nest);
	if (r->comment)
		nft_comment_put(h, r->comment);
	nft_batch_done(&p->batch, h);
}

static void put_layout(struct nft_plan *p, const struct nft_state *now, const struct ruleset *want,
		       const struct nft_layout *l, bool anew)
{
	struct numbered *sets;

	put_counters(p, now, l, want, anew);
	for (enum nft_chain_id c = 0; c < NFT_CHAINS; c++)
		if (l->chains[c] && (anew || !chain_exists(&now->s, c)))
			put_chain(p, c);
	nft_plan_about(p, NFT_ABOUT_SET, NULL, NULL);
	sets = put_sets(p, l);
	for (size_t i = 0; i < l->n_rules; i++) {
		nft_plan_about(p, NFT_ABOUT_RULE, l->rules[i].origin, NULL);
		put_rule(p, l, &l->rules[i], sets);
	}
	free(sets);
}

static bool same_rules(const struct ruleset *a, const struct ruleset *b)
{
	if (a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (rule_compare(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

void nft_plan_own(struct nft_plan *p, const struct nft_state *now, const struct ruleset *want)
{
	/* What somebody else put there goes with the table, whatever it is. */
	bool anew = !now->s.own_table || now->ours.n_foreign;
	struct nft_layout l;

	if (!now->ours.n_foreign && same_rules(&now->ours, want) && now->ours.husk == want->husk)
		return;
	nft_plan_about(p, NFT_ABOUT_TABLE, NULL, NULL);
	if (now->s.own_table && (anew || !want->n_rules))
		put_table(p, NFT_MSG_DELTABLE);
	if (!want->n_rules)
		return;
	nft_layout_build(want, &l);
	if (anew)
		put_table(p, NFT_MSG_NEWTABLE);
	else
		clear_table(p, &now->s, &l);
	put_layout(p, now, want, &l, anew);
	nft_layout_free(&l);
}
