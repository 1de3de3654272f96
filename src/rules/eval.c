/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule of the host's firewall against one abstract packet: its register operations executed on
 * domains instead of values. */
#include <stdlib.h>
#include <string.h>
#include "rules/domain.h"
#include "rules/packet.h"

struct value {			     /* what a register holds */
	struct domain own;	     /* when it is not a field of the packet */
	const struct domain *domain; /* NULL: unknown, or several fields of a header */
	bool state;		     /* what we know of a tracked packet: its state, direction */
	bool status;		     /* is ct status */
	uint8_t len;		     /* bytes; 0: not known */
	bool payload;		     /* a piece of a header that starts at offset of field */
	enum fw_field field;
	uint16_t offset;
};

struct machine {
	const struct packet *packet;
	uint32_t state;
	struct value regs[FW_REGS]; /* of those in use; most rules need one or two */
	uint32_t used;		    /* a bit for each */
	struct eval *out;
	enum tri match;	   /* so far */
	enum tri *element; /* of a set of concatenations with the state in them: each one's answer,
			    * for a twin copies one element; NULL: none met */
	size_t n_elements;
};

/* A field of a header by position. IPv4: RFC 791; IPv6: RFC 8200; ports: their first four bytes. */
struct header_field {
	enum fw_field header;
	uint16_t offset, len;
	const struct domain *domain;
};

static size_t header_fields(const struct packet *p, struct header_field out[8])
{
	bool v4 = p->family == FAMILY_V4;
	size_t n = 0;

	out[n++] = v4 ? (struct header_field){ FW_F_NETWORK, 9, 1, &p->proto }
		      : (struct header_field){ FW_F_NETWORK, 6, 1, &p->next_header };
	out[n++] = v4 ? (struct header_field){ FW_F_NETWORK, 12, 4, &p->saddr }
		      : (struct header_field){ FW_F_NETWORK, 8, 16, &p->saddr };
	out[n++] = v4 ? (struct header_field){ FW_F_NETWORK, 16, 4, &p->daddr }
		      : (struct header_field){ FW_F_NETWORK, 24, 16, &p->daddr };
	if (p->icmp_type.n) {
		out[n++] = (struct header_field){ FW_F_TRANSPORT, 0, 1, &p->icmp_type };
		return n;
	}
	out[n++] = (struct header_field){ FW_F_TRANSPORT, 0, 2, &p->sport };
	out[n++] = (struct header_field){ FW_F_TRANSPORT, 2, 2, &p->dport };
	if (p->tcp_flags.n)
		out[n++] = (struct header_field){ FW_F_TRANSPORT, 13, 1, &p->tcp_flags };
	return n;
}

static const struct domain *simple_field(const struct packet *p, enum fw_field f)
{
	switch (f) {
	case FW_F_L4PROTO:
		return &p->proto;
	case FW_F_NFPROTO:
		return &p->nfproto;
	case FW_F_IIFNAME:
		return &p->iifname;
	case FW_F_OIFNAME:
		return &p->oifname;
	case FW_F_IIF:
		return &p->iif;
	case FW_F_OIF:
		return &p->oif;
	case FW_F_FIB_DADDR_TYPE:
		return &p->fib_daddr;
	case FW_F_OTHER:
	case FW_F_CT_STATE:
	case FW_F_CT_OTHER:
	case FW_F_NETWORK:
	case FW_F_TRANSPORT:
	case FW_F_META_MARK:
	case FW_F_META_OTHER:
		break;
	}
	return NULL;
}

/* The whole field, or its leading bytes (a prefix match loads no more than it needs). */
static void load_payload(const struct packet *p, const struct fw_expr *e, struct value *v)
{
	struct header_field f[8];
	size_t n = header_fields(p, f);

	v->payload = true;
	v->field = e->field;
	v->offset = e->offset;
	for (size_t i = 0; i < n; i++)
		if (f[i].header == e->field && f[i].offset == e->offset && e->len == f[i].len)
			v->domain = f[i].domain;
		else if (f[i].header == e->field && f[i].offset == e->offset && e->len < f[i].len)
			domain_truncate(f[i].domain, e->len, &v->own);
}

static void set_reg(struct machine *m, uint8_t reg, struct value v)
{
	if (reg >= FW_REGS)
		return;
	if (m->used & 1u << reg)
		domain_free(&m->regs[reg].own);
	m->used |= 1u << reg;
	m->regs[reg] = v;
	if (v.own.n)
		m->regs[reg].domain = &m->regs[reg].own;
}

/* nft_ct_get_eval() breaks the rule when the packet has no entry; a helper is a property of the
 * connection that expects this one, and nothing expects exempt flows. */
static void load_conntrack(struct machine *m, const struct fw_expr *e, struct value *v)
{
	const struct traffic *t = m->packet->traffic;

	if (m->state == STATE_UNTRACKED || !strcmp(e->name, "ct helper"))
		m->match = NO;
	if (!strcmp(e->name, "ct direction") && (t->original || t->reply) &&
	    t->class != CLASS_ERROR) {
		uint8_t direction = t->reply; /* IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY */

		domain_point(&v->own, &direction, 1);
		v->state = true;
		m->out->flags |= EVAL_STATE;
		return;
	}
	v->status = !strcmp(e->name, "ct status");
	if (!v->status)
		m->out->flags |= EVAL_CT_OTHER;
}

static void load(struct machine *m, const struct fw_expr *e)
{
	struct value v = { .field = e->field, .len = e->len };

	switch (e->field) {
	case FW_F_CT_STATE:
		domain_point(&v.own, &m->state, 4);
		v.state = true;
		break;
	case FW_F_NETWORK:
	case FW_F_TRANSPORT:
		load_payload(m->packet, e, &v);
		break;
	case FW_F_CT_OTHER:
		load_conntrack(m, e, &v);
		break;
	case FW_F_OTHER: /* what the packet may not have: an extension header, a socket */
		m->match = tri_and(m->match, MAYBE);
		m->out->flags &= ~EVAL_FLOW;
		break;
	case FW_F_META_MARK:
	case FW_F_META_OTHER:
		m->out->flags &= ~EVAL_FLOW;
		break;
	case FW_F_L4PROTO:
	case FW_F_NFPROTO:
	case FW_F_IIFNAME:
	case FW_F_OIFNAME:
	case FW_F_IIF:
	case FW_F_OIF:
	case FW_F_FIB_DADDR_TYPE:
		v.domain = simple_field(m->packet, e->field);
		break;
	}
	if (e->field == FW_F_TRANSPORT && e->offset + e->len > 4) /* not the ports */
		m->out->flags &= ~EVAL_FLOW;
	set_reg(m, e->dreg, v);
}

static struct value *reg(struct machine *m, uint8_t r)
{
	r = r < FW_REGS ? r : 0;
	if (!(m->used & 1u << r))
		m->regs[r] = (struct value){ 0 };
	m->used |= 1u << r;
	return &m->regs[r];
}

/* Exempt flows have no NAT (that is a finding of its own), so these two bits are known. */
static void bitwise_status(struct machine *m, const struct fw_expr *e, struct value *v)
{
	uint32_t mask, zero = 0, nat = 1 << 4 | 1 << 5; /* IPS_SRC_NAT, IPS_DST_NAT */

	memcpy(&mask, e->data, sizeof(mask));
	if (mask & ~nat || memcmp(e->data2, &zero, sizeof(zero)))
		m->out->flags |= EVAL_CT_OTHER;
	else
		domain_point(&v->own, &zero, sizeof(zero));
	v->state = v->own.n != 0;
	m->out->flags |= v->state ? EVAL_STATE : 0;
}

static void bitwise(struct machine *m, const struct fw_expr *e)
{
	struct value *s = reg(m, e->sreg), v = { .state = s->state, .len = e->len };

	if (s->status)
		bitwise_status(m, e, &v);
	else if (s->domain && s->domain->n && e->len == s->domain->len)
		domain_bitwise(s->domain, e->data, e->data2, &v.own);
	set_reg(m, e->dreg, v);
}

/* A load of several neighbouring fields (nft merges sport and dport): equal only piece by piece. */
static enum tri compare_pieces(struct machine *m, const struct value *v, const struct fw_expr *e)
{
	struct header_field f[8];
	size_t n = header_fields(m->packet, f), seen = 0;
	enum tri all = YES;

	for (size_t i = 0; i < n; i++) {
		size_t at = f[i].offset - v->offset;

		if (f[i].header != v->field || f[i].offset < v->offset ||
		    f[i].offset + f[i].len > v->offset + e->len)
			continue;
		all = tri_and(all, domain_compare(f[i].domain, FW_EQ, e->data + at, f[i].len));
		seen += f[i].len;
	}
	if (seen < e->len && all == YES)
		all = MAYBE;
	return e->cmp == FW_EQ ? all : e->cmp == FW_NEQ ? tri_not(all) : MAYBE;
}

static bool is_whole_name(const struct value *v, const struct fw_expr *e)
{
	return (v->field == FW_F_IIFNAME || v->field == FW_F_OIFNAME) && e->len &&
	       e->len < IFNAMSIZ && !e->data[e->len - 1];
}

static enum tri compare(struct machine *m, const struct fw_expr *e)
{
	const struct value *v = reg(m, e->sreg);

	if (v->domain) /* "lo" with its end is all of the name: what follows is zero (iptables-nft)
			*/
		return domain_compare(v->domain, e->cmp, e->data,
				      is_whole_name(v, e) ? IFNAMSIZ : e->len);
	if (v->payload)
		return compare_pieces(m, v, e);
	return MAYBE;
}

static void add_branch(struct machine *m, const struct fw_target *t, unsigned element,
		       enum tri when)
{
	struct branch *b = ARRAY_ADD(m->out->v, m->out->n);

	b->target = *t;
	b->element = element;
	b->when = tri_and(when, m->match);
}

/* A key of several fields: each fills whole registers of four bytes. */
static enum tri in_concatenation(struct machine *m, const struct fw_expr *e,
				 const struct fw_element *el)
{
	enum tri all = YES;

	for (size_t off = 0; off < e->set->key_len;) {
		const struct value *v = reg(m, (uint8_t)(e->sreg + off / 4));

		if (!v->len || off + v->len > e->set->key_len)
			return tri_and(all, MAYBE);
		if (!v->domain)
			all = tri_and(all, MAYBE);
		else
			all = tri_and(all, domain_in_range(v->domain, el->lo + off, el->hi + off,
							   v->len));
		off += (v->len + 3u) / 4 * 4;
	}
	return all;
}

static enum tri in_element(struct machine *m, const struct fw_expr *e, const struct fw_element *el)
{
	const struct domain *d = reg(m, e->sreg)->domain;

	if (e->set->concat)
		return in_concatenation(m, e, el);
	return d ? domain_in_range(d, el->lo, el->hi, e->set->key_len) : MAYBE;
}

/* The answer, and what each element says to it. */
static enum tri choose_element(struct machine *m, const struct fw_expr *e)
{
	enum tri any = NO;

	m->n_elements = e->set->n;
	m->element = xcalloc(e->set->n + 1, sizeof(*m->element));
	for (size_t i = 0; i < e->set->n; i++) {
		m->element[i] = in_concatenation(m, e, &e->set->v[i]);
		any = m->element[i] > any ? m->element[i] : any;
	}
	return any;
}

static enum tri in_set(struct machine *m, const struct fw_expr *e)
{
	const struct domain *d = reg(m, e->sreg)->domain;
	enum tri any = NO;

	if (!e->set || !e->set->known)
		return MAYBE;
	if (!e->set->concat)
		return d ? domain_in_set(d, e->set) : MAYBE;
	for (size_t i = 0; i < e->set->n && any != YES; i++) {
		enum tri t = in_concatenation(m, e, &e->set->v[i]);

		any = t > any ? t : any;
	}
	return any;
}

/* Verdict map: one branch for every element that the value may be; what is not in the map, and what
 * "continue" says, goes on with the next rule. */
static void lookup_verdict(struct machine *m, const struct fw_expr *e)
{
	for (size_t i = 0; e->set->known && i < e->set->n; i++) {
		enum tri t = in_element(m, e, &e->set->v[i]);

		if (t != NO)
			add_branch(m, &e->set->v[i].target, (unsigned)i + 1, t);
	}
	if (!e->set->known) {
		m->out->flags |= EVAL_UNKNOWN;
		add_branch(m, &(struct fw_target){ FW_CONTINUE, NULL }, 0, MAYBE);
	}
	m->match = m->out->n ? m->match : NO;
}

static bool state_in_key(struct machine *m, const struct fw_expr *e)
{
	size_t words = e->set ? (e->set->key_len + 3) / 4 : 1;

	for (size_t r = e->sreg; r < e->sreg + words && r < FW_REGS; r++)
		if (m->used & 1u << r && m->regs[r].state)
			return true;
	return false;
}

/* Can a twin say by comparisons what this lookup of a state says? */
static bool is_simple_key(const struct machine *m, const struct fw_expr *e)
{
	if (!e->set || !e->set->known)
		return false;
	return !e->set->concat || (!m->element && !e->set->dynamic && !e->inverted &&
				   (e->set->verdict_map || !e->set->map));
}

static void lookup(struct machine *m, const struct fw_expr *e)
{
	const struct value *v = reg(m, e->sreg);
	enum tri t;

	const bool state = state_in_key(m, e);

	if (state)
		m->out->flags |= is_simple_key(m, e) ? EVAL_STATE : EVAL_STATE_HARD;
	if (v->status)
		m->out->flags |= EVAL_CT_OTHER;
	if (!e->set || e->set->dynamic)
		m->out->flags &= ~EVAL_FLOW;
	if (e->set && e->set->verdict_map) {
		lookup_verdict(m, e);
		return;
	}
	if (state && e->set && e->set->concat && !(m->out->flags & EVAL_STATE_HARD))
		t = choose_element(m, e);
	else
		t = in_set(m, e);
	m->match = tri_and(m->match, e->inverted ? tri_not(t) : t);
	if (e->set && e->set->map)
		set_reg(m, e->dreg, (struct value){ 0 });
}

/* Does the tested mask or value hold the untracked bit? Only for naming the cure. */
static void note_untracked(struct machine *m, const struct fw_expr *e)
{
	uint32_t bits = 0;

	if (e->op == FW_BITWISE && reg(m, e->sreg)->state)
		memcpy(&bits, e->data, 4);
	if (e->op == FW_CMP && reg(m, e->sreg)->state && e->cmp == FW_EQ && e->len == 4)
		memcpy(&bits, e->data, 4);
	if (e->op == FW_LOOKUP && reg(m, e->sreg)->state && e->set && !e->inverted) {
		uint32_t u = STATE_UNTRACKED;

		for (size_t i = 0; i < e->set->n && !e->set->concat; i++)
			if (!memcmp(e->set->v[i].lo, &u, 4))
				bits = u;
	}
	if (bits != UINT32_MAX && bits & STATE_UNTRACKED)
		m->out->flags |= EVAL_NAMES_UNTRACKED;
}

static void effect(struct machine *m, const struct fw_expr *e)
{
	static const char *const harmless[] = { "counter", "log",  "notrack",
						"objref",  "last", "meta nftrace" };

	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (!strcmp(e->name, harmless[i]))
			return;
	m->out->flags |= EVAL_EFFECT;
}

static void maybe(struct machine *m, unsigned flags)
{
	m->match = tri_and(m->match, MAYBE);
	m->out->flags |= flags;
	m->out->flags &= ~EVAL_FLOW;
}

/* What depends on the addresses alone is the same for all packets of a flow. */
static void maybe_constant(struct machine *m, const struct fw_expr *e)
{
	unsigned flow = !strcmp(e->name, "addrtype") ? m->out->flags & EVAL_FLOW : 0;

	maybe(m, 0);
	m->out->flags |= flow;
}

static void test(struct machine *m, const struct fw_expr *e)
{
	enum tri t;

	if (reg(m, e->sreg)->state)
		m->out->flags |= EVAL_STATE;
	if (reg(m, e->sreg)->status)
		m->out->flags |= EVAL_CT_OTHER;
	if (e->op == FW_CMP)
		t = compare(m, e);
	else
		t = reg(m, e->sreg)->domain
			    ? domain_in_range(reg(m, e->sreg)->domain, e->data, e->data2, e->len)
			    : MAYBE;
	m->match = tri_and(m->match, e->op == FW_RANGE && e->inverted ? tri_not(t) : t);
}

static void execute(struct machine *m, const struct fw_expr *e)
{
	note_untracked(m, e);
	if (e->once)
		m->out->flags |= EVAL_ONCE;
	switch (e->op) {
	case FW_LOAD:
		load(m, e);
		break;
	case FW_BITWISE:
		bitwise(m, e);
		break;
	case FW_CMP:
	case FW_RANGE:
		test(m, e);
		break;
	case FW_LOOKUP:
		lookup(m, e);
		break;
	case FW_VERDICT:
		add_branch(m, &e->target, 0, YES);
		break;
	case FW_IMMEDIATE: {
		struct value v = { 0 };

		if (e->len && e->len <= DOMAIN_BYTES)
			domain_point(&v.own, e->data, e->len);
		v.len = e->len;
		set_reg(m, e->dreg, v);
		break;
	}
	case FW_EFFECT:
		effect(m, e);
		break;
	case FW_LIMIT:
		maybe(m, EVAL_LIMIT | (e->set && state_in_key(m, e) ? EVAL_STATE_HARD : 0));
		break;
	case FW_MAYBE:
		maybe_constant(m, e);
		break;
	case FW_CT_LIMIT:
		maybe(m, EVAL_CT_LIMIT | EVAL_LIMIT);
		break;
	case FW_SYNPROXY:
		maybe(m, EVAL_SYNPROXY);
		add_branch(m, &(struct fw_target){ FW_QUEUE, NULL }, 0, MAYBE);
		break;
	case FW_CT_WRITE:
		m->out->flags |= EVAL_CT_WRITE;
		break;
	case FW_XT: /* the operations after it say it */
		break;
	case FW_NAT:
		m->out->flags |= EVAL_NAT;
		add_branch(m, &(struct fw_target){ FW_ACCEPT, NULL }, 0, YES);
		break;
	case FW_UNKNOWN:
		maybe(m, EVAL_UNKNOWN);
		break;
	}
}

/* Each way in which the rule ends once for every element that it may have come by. */
static void spread_elements(struct machine *m)
{
	struct eval *out = m->out, all = { .flags = out->flags };

	for (size_t i = 0; i < out->n; i++) {
		if (out->v[i].element)
			all.flags |= EVAL_STATE_HARD; /* a verdict map behind it */
		for (size_t k = 0; k < m->n_elements; k++) {
			struct branch b = out->v[i];

			if (m->element[k] == NO)
				continue;
			b.when = b.when < m->element[k] ? b.when : m->element[k];
			b.element = (unsigned)k + 1;
			*ARRAY_ADD(all.v, all.n) = b;
		}
	}
	free(out->v);
	*out = all;
}

void packet_eval(const struct packet *p, const struct fw_rule *r, uint32_t state, struct eval *out)
{
	struct machine m;

	m.packet = p;
	m.state = state;
	m.used = 0;
	m.out = out;
	m.match = YES;
	m.element = NULL;
	*out = (struct eval){ .flags = EVAL_FLOW };
	for (size_t i = 0; i < r->n_exprs && m.match != NO && !out->n; i++)
		execute(&m, &r->exprs[i]);
	if (m.match != NO && !out->n && r->n_exprs && r->exprs[r->n_exprs - 1].op == FW_UNKNOWN)
		add_branch(&m, &(struct fw_target){ FW_QUEUE, NULL }, 0, MAYBE); /* a verdict? */
	if (m.match == NO)
		out->n = 0;
	else if (!out->n)
		add_branch(&m, &(struct fw_target){ FW_CONTINUE, NULL }, 0, YES);
	if (m.element)
		spread_elements(&m);
	free(m.element);
	for (size_t i = 0; i < FW_REGS; i++)
		if (m.used & 1u << i)
			domain_free(&m.regs[i].own);
}

bool rule_asks_conntrack(const struct fw_rule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++)
		if (r->exprs[i].op == FW_LOAD &&
		    (r->exprs[i].field == FW_F_CT_STATE || r->exprs[i].field == FW_F_CT_OTHER))
			return true;
	return false;
}

void eval_free(struct eval *e)
{
	free(e->v);
	*e = (struct eval){ 0 };
}
