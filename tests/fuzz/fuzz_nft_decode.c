/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any rules in any of our chains, and in two of the firewall's, one of which iptables wrote: what
 * is read must make sense. */
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "kernel/nft_body.h"
#include "kernel/nft_decode.h"
#include "kernel/nft_iptables.h"
#include "kernel/nft_text.h"
#include "kernel/nft_xt.h"
#include "random_xt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fw_set *add_set(struct nft_snapshot *s, const char *name, uint32_t key_len,
			      struct input *in)
{
	struct fw_set *set = xcalloc(1, sizeof *set);
	struct nft_set_info *info = ARRAY_ADD(s->sets, s->n_sets);

	set->name = xstrdup(name);
	set->known = true;
	set->elements_do = FW_LOAD;
	set->key_len = key_len;
	for (unsigned n = take(in) % 5; n; n--) {
		struct fw_element *e = ARRAY_ADD(set->v, set->n);

		for (unsigned i = 0; i < key_len; i++)
			e->lo[i] = e->hi[i] = take(in);
		if (take(in) & 1)
			memset(e->hi + key_len / 2, 0xff, key_len - key_len / 2);
	}
	*ARRAY_ADD(s->own.sets, s->own.n_sets) = set;
	info->family = TABLE_INET;
	info->table = xstrdup(NFT_OWN_TABLE);
	info->set = set;
	return set;
}

static void add_sets(struct nft_snapshot *s, struct input *in)
{
	static const char *const counters[] = { "web_in", "web_out", "_in", "api_in" };
	struct nft_set_info *info;

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		struct nft_object *o = ARRAY_ADD(s->objects, s->n_objects);

		o->name = xstrdup(counters[i]);
		o->type = NFT_OBJECT_COUNTER;
	}
	add_set(s, "ports", 2, in);
	add_set(s, "addr4", 4, in);
	add_set(s, "addr6", 16, in);
	add_set(s, "types", 1, in);
	add_set(s, "map", 2, in)->map = true;
	info = &s->sets[s->n_sets - 1];
	info->objects = xcalloc(info->set->n, sizeof *info->objects);
	for (size_t i = 0; i < info->set->n; i++)
		info->objects[i] = take(in) & 3 ? xstrdup(counters[take(in) % 4]) : NULL;
}

static void fill_load(struct fw_expr *e, struct input *in)
{
	static const uint8_t loads[][3] = {
		{ FW_F_IIFNAME, 0, 16 },   { FW_F_OIFNAME, 0, 16 },	  { FW_F_NFPROTO, 0, 1 },
		{ FW_F_L4PROTO, 0, 1 },	   { FW_F_TRANSPORT, 0, 1 },	  { FW_F_TRANSPORT, 0, 2 },
		{ FW_F_TRANSPORT, 2, 2 },  { FW_F_TRANSPORT, 8, 1 },	  { FW_F_TRANSPORT, 17, 1 },
		{ FW_F_TRANSPORT, 28, 2 }, { FW_F_TRANSPORT, 20, 4 },	  { FW_F_TRANSPORT, 14, 1 },
		{ FW_F_TRANSPORT, 48, 2 }, { FW_F_TRANSPORT, 16, 16 },	  { FW_F_NETWORK, 12, 4 },
		{ FW_F_NETWORK, 8, 16 },   { FW_F_TRANSPORT, 13, 1 },	  { FW_F_CT_STATE, 0, 4 },
		{ FW_F_NETWORK, 24, 3 },   { FW_F_FIB_DADDR_TYPE, 0, 4 },
	};
	const uint8_t *l = loads[take(in) % ARRAY_SIZE(loads)];

	e->op = FW_LOAD;
	e->field = l[0];
	e->offset = l[1];
	e->len = l[2];
}

static void fill_test(struct fw_expr *e, struct nft_snapshot *s, struct input *in)
{
	static const enum fw_op ops[] = { FW_CMP, FW_CMP, FW_LOOKUP, FW_RANGE, FW_BITWISE };
	uint8_t how = take(in);

	e->op = ops[how % ARRAY_SIZE(ops)];
	e->inverted = how & 0x40;
	e->cmp = how & 0x80 ? FW_NEQ : FW_EQ;
	e->len = (uint8_t)(1 + take(in) % 20);
	for (unsigned i = 0; i < e->len; i++)
		e->data[i] = take(in);
	if (e->op == FW_RANGE)
		memcpy(e->data2, e->data, e->len);
	if (e->op == FW_LOOKUP)
		e->set = s->sets[take(in) % s->n_sets].set;
}

static void fill_deed(struct fw_expr *e, struct nft_snapshot *s, struct input *in)
{
	static const char *const names[] = { "objref", "notrack", "immediate", "objref" };
	static const char *const chains[] = { "icmp_in", "icmpv6_out", "output", "other" };
	uint8_t how = take(in);

	free(e->name);
	e->name = xstrdup(names[how % 4]);
	e->op = FW_EFFECT;
	if (how % 4 == 0)
		e->object = xstrdup(s->objects[take(in) % s->n_objects].name);
	if (how % 4 == 3) {
		e->op = FW_MAYBE;
		e->set = s->sets[take(in) % s->n_sets].set;
	}
	if (how % 4 != 2)
		return;
	e->op = FW_VERDICT;
	e->target.verdict = how & 0x80 ? FW_JUMP : FW_RETURN;
	if (how & 0x80)
		e->target.chain = xstrdup(chains[take(in) % 4]);
}

static void add_rule(struct fw_chain *c, struct nft_snapshot *s, struct input *in)
{
	struct fw_rule *r = ARRAY_ADD(c->rules, c->n_rules);
	uint8_t shape = take(in);

	r->handle = c->n_rules;
	r->twin = -1;
	r->comment = shape & 0x80 ? xstrdup(NFT_TWIN_PREFIX "web") : NULL;
	for (unsigned n = shape % 16; n; n--) {
		struct fw_expr *e = ARRAY_ADD(r->exprs, r->n_exprs);
		uint8_t what = take(in);

		e->name = xstrdup("x");
		e->body = xstrdup("x:00");
		if (what % 4 == 0)
			fill_load(e, in);
		else if (what % 4 == 3)
			fill_deed(e, s, in);
		else
			fill_test(e, s, in);
		e->sreg = e->dreg = what & 0x80 ? 1 : 0;
	}
}

static void add_chain(struct fw *fw, const char *table, const char *name, struct nft_snapshot *s,
		      struct input *in)
{
	struct fw_chain *c = ARRAY_ADD(fw->chains, fw->n_chains);
	bool base = !strcmp(name, "prerouting") || !strcmp(name, "output");

	c->family = TABLE_INET;
	c->table = xstrdup(table);
	c->name = xstrdup(name);
	c->base = base;
	c->type = base ? xstrdup("filter") : NULL;
	c->priority = NFT_OWN_PRIORITY;
	c->hook = !strcmp(name, "output") ? HOOK_OUTPUT : HOOK_PREROUTING;
	for (unsigned n = take(in) % 4; n; n--)
		add_rule(c, s, in);
}

/* ---- rules of iptables-nft ---- */

static const char *const bodies[] = {
	"counter: verdict:accept",
	"verdict:drop",
	"saddr:10.0.0.0/9 daddr:!192.0.2.1/32 counter: verdict:accept",
	"daddr:2001:db8::/32 counter: verdict:jump:web",
	"counter: verdict:goto:other",
};

/* The message that would be sent for it; the caller frees. NULL: not the body of such a rule. */
static struct nlmsghdr *written(const struct twin *w)
{
	size_t n, room;
	struct xt_buf *v = xt_twin_write(&w->match, w->names, &n);
	struct nlmsghdr *h;

	room = nft_iptables_room(w, v, n) + 256;
	h = mnl_nlmsg_put_header(xcalloc(1, room));
	if (nft_iptables_put(h, w, v, n)) {
		free(h);
		h = NULL;
	} else if (h->nlmsg_len > room) {
		abort();
	}
	xt_bufs_free(v, n);
	return h;
}

static void read_exprs(struct fw *fw, struct fw_rule *r, enum table_family f, struct nlmsghdr *h)
{
	const struct nlattr *list = mnl_nlmsg_get_payload(h), *elem;

	if (!mnl_attr_ok(list, (int)mnl_nlmsg_get_payload_len(h)))
		return;
	mnl_attr_for_each_nested(elem, list)
	{
		nft_expr_parse(elem, NULL, 0, ARRAY_ADD(r->exprs, r->n_exprs));
		nft_xt_lower(fw, r, f, elem);
	}
}

static void make_twin(struct input *in, enum table_family f, struct twin *w)
{
	uint64_t seed = 1 + take(in) + 256u * take(in);
	size_t body = take(in) % ARRAY_SIZE(bodies);

	if (f == TABLE_IP ? body == 3 : body == 2)
		body = 0;
	*w = (struct twin){ .form = FORM_IPTABLES_NFT, .family = f, .names = xstrdup("web") };
	w->body = xstrdup(bodies[body]);
	xt_random_match(&seed, f, true, &w->match);
}

static void twin_free(struct twin *w)
{
	struct ruleset rs = { 0 };

	*ruleset_add_twin(&rs) = *w;
	ruleset_free(&rs);
}

/* A twin, with some bytes of its message changed. */
static void add_written(struct fw *fw, struct fw_chain *c, struct input *in)
{
	struct fw_rule *r = ARRAY_ADD(c->rules, c->n_rules);
	struct nlmsghdr *h;
	struct twin w;

	make_twin(in, c->family, &w);
	r->handle = c->n_rules;
	r->twin = -1;
	h = written(&w);
	if (!h)
		abort();
	for (unsigned n = take(in) % 4; n; n--) {
		size_t at = take(in) + 256u * take(in);

		((uint8_t *)mnl_nlmsg_get_payload(h))[at % mnl_nlmsg_get_payload_len(h)] = take(in);
	}
	read_exprs(fw, r, c->family, h);
	iptables_mark_odd(r, c->family == TABLE_IP ? FAMILY_V4 : FAMILY_V6);
	free(h);
	twin_free(&w);
}

static void add_iptables(struct nft_snapshot *s, struct input *in)
{
	struct fw_chain *c;
	uint8_t shape = take(in);

	add_chain(&s->fw, "filter", "INPUT", s, in);
	c = &s->fw.chains[s->fw.n_chains - 1];
	c->form = FORM_IPTABLES_NFT;
	c->family = shape & 1 ? TABLE_IP : TABLE_IP6;
	for (unsigned n = (shape >> 1) % 4; n; n--)
		add_written(&s->fw, c, in);
}

/* What was read can be written, and is then read as the same. */
static void check_iptables(const struct twin *w)
{
	struct fw_chain c = { .form = w->form, .family = w->family, .table = w->table };
	struct nlmsghdr *h = written(w);
	struct fw_rule r = { 0 };
	struct fw fw = { 0 };
	struct twin again;

	c.name = w->chain;
	if (!h || !nft_iptables_fits(w))
		abort();
	read_exprs(&fw, &r, w->family, h);
	if (!nft_iptables_read(&c, &r, &again))
		abort();
	again.anchor = w->anchor;
	if (twin_compare(w, &again) != 0)
		abort();
	twin_free(&again);
	fw.chains = xcalloc(1, sizeof *fw.chains);
	fw.n_chains = 1;
	fw.chains->rules = xcalloc(1, sizeof r);
	*fw.chains->rules = r;
	fw.chains->n_rules = 1;
	fw_free(&fw);
	free(h);
}

static void check(const struct ruleset *rs, const struct fw *fw)
{
	struct nft_layout l;

	for (size_t i = 0; i < rs->n_rules; i++) {
		struct match m = rs->rules[i].match;

		if (m.families == FAMILIES_BOTH && m.icmp == ICMP_IS_ERROR)
			m.families = FAMILIES_V4;
		if (!nft_match_fits(&m, TABLE_INET) || !rs->rules[i].name)
			abort();
	}
	for (size_t k = 0; k < fw->n_chains; k++)
		for (size_t i = 0; i < fw->chains[k].n_rules; i++) {
			const struct fw_rule *r = &fw->chains[k].rules[i];

			if (r->twin >= 0 && rs->twins[r->twin].handle != r->handle)
				abort();
		}
	for (size_t i = 0; i < rs->n_twins; i++)
		if (rs->twins[i].form == FORM_IPTABLES_NFT)
			check_iptables(&rs->twins[i]);
	nft_layout_build(rs, &l);
	nft_layout_free(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "prerouting", "output", "icmp_in", "icmpv6_out" };
	struct input in = { data, size };
	struct nft_snapshot s = { .own_table = true };
	struct ruleset rs;

	add_sets(&s, &in);
	add_iptables(&s, &in);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add_chain(&s.own, NFT_OWN_TABLE, names[i], &s, &in);
	add_chain(&s.fw, "fw", "input", &s, &in);
	nft_decode(&s, &rs);
	check(&rs, &s.fw);
	ruleset_free(&rs);
	nft_snapshot_free(&s);
	return 0;
}
