/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small firewalls for tests of the walks: each call adds one match or verdict to a rule. */
#ifndef UNTRACK_FW_BUILD_H
#define UNTRACK_FW_BUILD_H

#include <arpa/inet.h>
#include <string.h>
#include "rules/fw.h"

static inline struct fw_chain *b_chain(struct fw *fw, const char *name)
{
	struct fw_chain *c;

	if (!fw->chains) /* room for all, so that pointers stay */
		fw->chains = xcalloc(16, sizeof(*fw->chains));
	c = &fw->chains[fw->n_chains++];
	c->family = TABLE_INET;
	c->table = xstrdup("filter");
	c->name = xstrdup(name);
	c->rules = xcalloc(32, sizeof(*c->rules));
	return c;
}

static inline struct fw_chain *b_base(struct fw *fw, const char *name, enum hook h,
				      enum fw_verdict p)
{
	struct fw_chain *c = b_chain(fw, name);

	c->base = true;
	c->hook = h;
	c->type = xstrdup("filter");
	c->policy = p;
	return c;
}

static inline struct fw_rule *b_rule(struct fw_chain *c)
{
	struct fw_rule *r = &c->rules[c->n_rules++];

	r->handle = c->n_rules;
	r->twin = -1;
	r->exprs = xcalloc(16, sizeof(*r->exprs));
	return r;
}

static inline struct fw_expr *b_expr(struct fw_rule *r, enum fw_op op, const char *name, char *body)
{
	struct fw_expr *e = &r->exprs[r->n_exprs++];

	e->op = op;
	e->name = xstrdup(name);
	e->body = body;
	return e;
}

static inline void b_cmp(struct fw_rule *r, enum fw_cmp cmp, const void *data, uint8_t len,
			 char *body)
{
	struct fw_expr *e = b_expr(r, FW_CMP, "cmp", body);

	e->cmp = cmp;
	e->len = len;
	memcpy(e->data, data, len);
}

static inline struct fw_expr *b_load(struct fw_rule *r, enum fw_field f, uint16_t off, uint8_t len)
{
	struct fw_expr *e = b_expr(r, FW_LOAD, "load", xstrdup("load"));

	e->field = f;
	e->offset = off;
	e->len = len;
	return e;
}

/* ct state MASK, or ct state != MASK */
static inline struct fw_rule *b_state(struct fw_rule *r, uint32_t mask, bool negate)
{
	uint32_t zero = 0;
	struct fw_expr *e;

	b_load(r, FW_F_CT_STATE, 0, 4);
	e = b_expr(r, FW_BITWISE, "bitwise", xstrdup("mask"));
	e->len = 4;
	memcpy(e->data, &mask, 4);
	b_cmp(r, negate ? FW_EQ : FW_NEQ, &zero, 4, xstrdup("state"));
	return r;
}

static inline struct fw_rule *b_proto(struct fw_rule *r, uint8_t proto)
{
	b_load(r, FW_F_L4PROTO, 0, 1);
	b_cmp(r, FW_EQ, &proto, 1, xasprintf("proto=%u", proto));
	return r;
}

static inline struct fw_rule *b_dport(struct fw_rule *r, uint16_t lo, uint16_t hi)
{
	uint16_t a = htons(lo), b = htons(hi);
	struct fw_expr *e;

	b_load(r, FW_F_TRANSPORT, 2, 2);
	e = b_expr(r, FW_RANGE, "range", xasprintf("dport=%u-%u", lo, hi));
	e->len = 2;
	memcpy(e->data, &a, 2);
	memcpy(e->data2, &b, 2);
	return r;
}

static inline struct fw_rule *b_saddr(struct fw_rule *r, const char *addr)
{
	uint8_t data[4];

	inet_pton(AF_INET, addr, data);
	b_load(r, FW_F_NETWORK, 12, 4);
	b_cmp(r, FW_EQ, data, 4, xasprintf("saddr=%s", addr));
	return r;
}

static inline struct fw_rule *b_other(struct fw_rule *r, enum fw_op op, const char *name)
{
	b_expr(r, op, name, xasprintf("%s", name));
	return r;
}

static inline struct fw_rule *b_verdict(struct fw_rule *r, enum fw_verdict v, const char *chain)
{
	struct fw_expr *e = b_expr(r, FW_VERDICT, "immediate", xasprintf("verdict=%d", v));

	e->target.verdict = v;
	e->target.chain = chain ? xstrdup(chain) : NULL;
	return r;
}

/* ct state vmap { MASK : verdict, ... } */
static inline struct fw_set *b_state_map(struct fw *fw, struct fw_rule *r)
{
	struct fw_set *s = *ARRAY_ADD(fw->sets, fw->n_sets) = xcalloc(1, sizeof(*s));
	struct fw_expr *e;

	s->anonymous = s->map = s->verdict_map = s->known = true;
	s->name = xstrdup("__map0");
	s->key_len = 4;
	b_load(r, FW_F_CT_STATE, 0, 4);
	e = b_expr(r, FW_LOOKUP, "lookup", xstrdup("lookup"));
	e->set = s;
	return s;
}

static inline void b_element(struct fw_set *s, uint32_t state, enum fw_verdict v, const char *chain)
{
	struct fw_element *e = ARRAY_ADD(s->v, s->n);

	memcpy(e->lo, &state, 4);
	memcpy(e->hi, &state, 4);
	e->target.verdict = v;
	e->target.chain = chain ? xstrdup(chain) : NULL;
}

#endif
