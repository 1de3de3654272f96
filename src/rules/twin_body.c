/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a twin carries over from the rule that it copies. */
#include <netinet/in.h>
#include <string.h>
#include "rules/packet.h"

/* "verdict:jump:CHAIN" with what would break the body's words percent-encoded. */
static void verdict_body(const struct fw_target *t, struct text *out)
{
	static const char *const names[] = { "accept", "drop", "continue", "return",
					     "jump",   "goto", "queue",	   "reject" };

	text_add(out, "verdict:%s", names[t->verdict]);
	if (!t->chain)
		return;
	text_add(out, ":");
	for (const unsigned char *c = (const unsigned char *)t->chain; *c; c++)
		text_add(out, *c <= ' ' || *c == '%' || *c > 126 ? "%%%02x" : "%c", *c);
}

/* Is the register that expression i loads read again by anything after expression i + 1? */
static bool read_later(const struct fw_rule *r, size_t i)
{
	for (size_t k = i + 2; k < r->n_exprs; k++) {
		const struct fw_expr *e = &r->exprs[k];

		switch (e->op) {
		case FW_LOAD:
			if (e->dreg == r->exprs[i].dreg)
				return false;
			break;
		case FW_VERDICT:
			return false;
		case FW_BITWISE:
		case FW_CMP:
		case FW_RANGE:
		case FW_LOOKUP:
			if (e->sreg <= r->exprs[i].dreg)
				return true; /* itself, or the start of a concatenation */
			break;
		case FW_EFFECT:
			if (strcmp(e->name, "counter") && strcmp(e->name, "log"))
				return true;
			break;
		case FW_LIMIT:
			if (strcmp(e->name, "limit"))
				return true;
			break;
		case FW_IMMEDIATE:
		case FW_MAYBE:
		case FW_CT_LIMIT:
		case FW_SYNPROXY:
		case FW_CT_WRITE:
		case FW_XT:
		case FW_NAT:
		case FW_UNKNOWN:
			return true;
		}
	}
	return false;
}

/* Expressions i and i + 1 test what m tests already: "meta l4proto tcp", "meta nfproto ipv4". */
static bool implied(const struct fw_rule *r, size_t i, const struct match *m)
{
	const struct fw_expr *load = &r->exprs[i], *cmp = load + 1;
	bool v4 = m->families == FAMILIES_V4;
	uint8_t proto = m->icmp != ICMP_IS_ERROR ? m->proto : v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	uint8_t nfproto = v4 ? 2 : 10; /* NFPROTO_IPV4, NFPROTO_IPV6 */

	if (i + 1 >= r->n_exprs || load->op != FW_LOAD || cmp->op != FW_CMP || cmp->cmp != FW_EQ ||
	    cmp->len != 1 || cmp->sreg != load->dreg || read_later(r, i))
		return false;
	if (load->field == FW_F_L4PROTO)
		return proto && cmp->data[0] == proto;
	return load->field == FW_F_NFPROTO && m->families != FAMILIES_BOTH &&
	       cmp->data[0] == nfproto;
}

struct registers { /* what was loaded last: is it conntrack's, and how many bytes? */
	bool conntrack[FW_REGS];
	uint8_t len[FW_REGS];
};

static void note_load(struct registers *regs, const struct fw_expr *e)
{
	bool from = e->sreg < FW_REGS && regs->conntrack[e->sreg];

	if (e->dreg >= FW_REGS)
		return;
	regs->len[e->dreg] = e->len;
	regs->conntrack[e->dreg] =
		e->op == FW_LOAD ? e->field == FW_F_CT_STATE || e->field == FW_F_CT_OTHER : from;
}

static size_t key_words(const struct fw_expr *e)
{
	return e->op == FW_LOOKUP && e->set ? (e->set->key_len + 3) / 4 : 1;
}

/* Does this test look at what is known of a tracked packet? */
static bool tests_conntrack(const struct registers *regs, const struct fw_expr *e)
{
	if (e->op != FW_CMP && e->op != FW_RANGE && e->op != FW_LOOKUP)
		return false;
	for (size_t r = e->sreg; r < e->sreg + key_words(e) && r < FW_REGS; r++)
		if (regs->conntrack[r])
			return true;
	return false;
}

static void value_text(struct text *t, const uint8_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text_add(t, "%02x", v[i]);
}

/* The rest of a key in which the state is one field: each field compared by itself. */
static void key_body(const struct registers *regs, const struct fw_expr *e,
		     const struct fw_element *el, struct text *t)
{
	for (size_t r = e->sreg, off = 0; off < e->set->key_len && r < FW_REGS;) {
		size_t len = regs->len[r];

		if (!len || off + len > e->set->key_len)
			return; /* no such key is twinned */
		if (!regs->conntrack[r]) {
			bool one = !memcmp(el->lo + off, el->hi + off, len);

			text_add(t, "%s%s:%zu:", t->len ? " " : "", one ? "is" : "within", r);
			value_text(t, el->lo + off, len);
			if (!one) {
				text_add(t, ":");
				value_text(t, el->hi + off, len);
			}
		}
		r += (len + 3) / 4;
		off += (len + 3) / 4 * 4;
	}
}

/* What is left of a test of the state. */
static void test_body(const struct registers *regs, const struct fw_expr *e, unsigned element,
		      struct text *t)
{
	const struct fw_element *el;

	if (e->op != FW_LOOKUP || !element || element > e->set->n)
		return;
	el = &e->set->v[element - 1];
	if (e->set->concat)
		key_body(regs, e, el, t);
	if (!e->set->verdict_map)
		return;
	text_add(t, "%s", t->len ? " " : "");
	verdict_body(&el->target, t);
}

char *rule_twin_body(const struct fw_rule *r, unsigned element, const struct match *m)
{
	struct registers regs = { 0 };
	struct text t = { 0 };

	for (size_t i = 0; i < r->n_exprs; i++) {
		const struct fw_expr *e = &r->exprs[i];

		if (implied(r, i, m)) {
			i++;
			continue;
		}
		if (e->op == FW_LOAD || e->op == FW_BITWISE) {
			note_load(&regs, e);
			if (e->dreg < FW_REGS && regs.conntrack[e->dreg])
				continue;
		}
		if (tests_conntrack(&regs, e))
			test_body(&regs, e, element, &t);
		else if (e->body)
			text_add(&t, "%s%s", t.len ? " " : "", e->body);
	}
	return t.s ? t.s : xstrdup("");
}

/* iptables-nft would add the counter when it writes its rules again. */
const char *verdict_twin_body(enum form form, enum fw_verdict verdict)
{
	bool returns = verdict == FW_RETURN;

	if (form == FORM_IPTABLES_NFT)
		return returns ? "counter: verdict:return" : "counter: verdict:accept";
	return returns ? "verdict:return" : "verdict:accept";
}
