/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A twin in nft's language, for an administrator who has to write it by other means than ours. */
#include <netinet/in.h>
#include <string.h>
#include "rules/twin_want.h"

/* ---- the match ---------------------------------------------------------------------------------
 */

static void word(struct text *t, const char *s)
{
	text_add(t, "%s%s", t->len ? " " : "", s);
}

/* "{ 1, 2 }" around more than one. */
static void open_list(struct text *t, size_t n, bool negated)
{
	text_add(t, " %s%s", negated ? "!= " : "", n > 1 ? "{ " : "");
}

static void close_list(struct text *t, size_t n)
{
	text_add(t, "%s", n > 1 ? " }" : "");
}

static void put_ports(struct text *t, const char *field, const struct ports *p)
{
	if (!p->n)
		return;
	word(t, field);
	open_list(t, p->n, false);
	for (size_t i = 0; i < p->n; i++) {
		struct ports one = { &p->v[i], 1 };

		text_add(t, "%s", i ? ", " : "");
		ports_text(&one, t);
	}
	close_list(t, p->n);
}

static void put_ifaces(struct text *t, const char *field, const struct ifaces *l, bool negated)
{
	if (!l->n)
		return;
	word(t, field);
	open_list(t, l->n, negated);
	for (size_t i = 0; i < l->n; i++)
		text_add(t, "%s\"%.*s\"", i ? ", " : "", IFNAMSIZ, l->v[i]);
	close_list(t, l->n);
}

static void put_addrs(struct text *t, const char *field, const struct addrs *l, bool negated)
{
	if (!l->n)
		return;
	word(t, field);
	open_list(t, l->n, negated);
	for (size_t i = 0; i < l->n; i++) {
		text_add(t, "%s", i ? ", " : "");
		prefix_text(&l->v[i], t);
	}
	close_list(t, l->n);
}

static void put_all_addrs(struct text *t, const struct match *m, bool v4)
{
	put_addrs(t, v4 ? "ip saddr" : "ip6 saddr", &m->src, false);
	put_addrs(t, v4 ? "ip saddr" : "ip6 saddr", &m->not_src, true);
	put_addrs(t, v4 ? "ip daddr" : "ip6 daddr", &m->dst, false);
	put_addrs(t, v4 ? "ip daddr" : "ip6 daddr", &m->not_dst, true);
}

static void put_icmp_types(struct text *t, const struct match *m, bool v4)
{
	const uint8_t *types;
	size_t n = icmp_kind_types(m->icmp, v4 ? FAMILY_V4 : FAMILY_V6, &types);

	word(t, v4 ? "icmp type" : "icmpv6 type");
	open_list(t, n, false);
	for (size_t i = 0; i < n; i++)
		text_add(t, "%s%u", i ? ", " : "", types[i]);
	close_list(t, n);
}

/* Host bits zero (fill 0) or one (fill 0xff), as one number. */
static void put_number(struct text *t, const struct prefix *p, uint8_t fill)
{
	size_t len = p->family == FAMILY_V4 ? 4 : 16;

	text_add(t, "0x");
	for (size_t i = 0; i < len; i++) {
		unsigned bits = p->len > 8 * i ? p->len - 8 * i : 0;
		uint8_t host = bits >= 8 ? 0 : 0xff >> bits;

		text_add(t, "%02x", p->addr[i] | (host & fill));
	}
}

static void put_quoted_addrs(struct text *t, unsigned bit, const struct addrs *l, bool negated)
{
	if (!l->n)
		return;
	text_add(t, " @th,%u,%u", bit, l->v[0].family == FAMILY_V4 ? 32 : 128);
	open_list(t, l->n, negated);
	for (size_t i = 0; i < l->n; i++) {
		text_add(t, "%s", i ? ", " : "");
		put_number(t, &l->v[i], 0);
		if (l->v[i].len == (l->v[i].family == FAMILY_V4 ? 32 : 128))
			continue;
		text_add(t, "-");
		put_number(t, &l->v[i], 0xff);
	}
	close_list(t, l->n);
}

/* Where the quoted header (RFC 792, RFC 4443) has its fields, in bits from the ICMP header on. */
static void put_quoted(struct text *t, const struct match *m, bool v4)
{
	unsigned proto = v4 ? 136 : 112, src = v4 ? 160 : 128, dst = v4 ? 192 : 256;
	unsigned ports = v4 ? 224 : 384;
	auto_free char *sport = xasprintf("@th,%u,16", ports);
	auto_free char *dport = xasprintf("@th,%u,16", ports + 16);

	if (v4 && (m->sport.n || m->dport.n)) /* no options: else the ports are further on */
		text_add(t, " @th,64,8 0x45");
	if (m->proto)
		text_add(t, " @th,%u,8 %u", proto, m->proto);
	put_quoted_addrs(t, src, &m->src, false);
	put_quoted_addrs(t, src, &m->not_src, true);
	put_quoted_addrs(t, dst, &m->dst, false);
	put_quoted_addrs(t, dst, &m->not_dst, true);
	put_ports(t, sport, &m->sport);
	put_ports(t, dport, &m->dport);
}

static void put_proto(struct text *t, const struct match *m)
{
	const char *known = proto_name(m->proto);
	auto_free char *name = known ? xstrdup(known) : xasprintf("%u", m->proto);
	auto_free char *sport = xasprintf("%s sport", name), *dport = xasprintf("%s dport", name);

	if (m->proto && !m->sport.n && !m->dport.n && m->tcp == TCP_ANY) {
		word(t, "meta l4proto ");
		text_add(t, "%s", name);
	}
	put_ports(t, sport, &m->sport);
	put_ports(t, dport, &m->dport);
	if (m->tcp != TCP_ANY)
		word(t, m->tcp == TCP_OPENING ? "tcp flags & (fin|syn|rst|ack) == syn"
					      : "tcp flags & (fin|syn|rst|ack) != syn");
}

static void put_match(struct text *t, const struct match *m)
{
	bool v4 = m->families & FAMILIES_V4, icmp = m->icmp != ICMP_ANY;
	bool addrs = m->src.n || m->not_src.n || m->dst.n || m->not_dst.n;

	if (m->families != FAMILIES_BOTH && !icmp && !addrs)
		word(t, v4 ? "meta nfproto ipv4" : "meta nfproto ipv6");
	put_ifaces(t, "iifname", &m->in, false);
	put_ifaces(t, "iifname", &m->not_in, true);
	put_ifaces(t, "oifname", &m->out, false);
	put_ifaces(t, "oifname", &m->not_out, true);
	if (icmp)
		put_icmp_types(t, m, v4);
	if (m->icmp == ICMP_IS_ERROR) {
		put_quoted(t, m, v4);
	} else {
		put_all_addrs(t, m, v4);
		if (!icmp)
			put_proto(t, m);
	}
	if (m->dst_kind != DST_ANY)
		word(t,
		     m->dst_kind == DST_LOCAL ? "fib daddr type local" : "fib daddr type != local");
	word(t, "ct state untracked");
}

/* ---- the rest of the rule ----------------------------------------------------------------------
 */

static bool loads_conntrack(const struct fw_expr *e)
{
	return e->op == FW_LOAD && (e->field == FW_F_CT_STATE || e->field == FW_F_CT_OTHER);
}

/* The rule without its test of the state, with the verdict of this element of its map. A state
 * inside of a concatenation stays: it says best what the key's other fields have to be. */
static char *rest_text(const struct fw_rule *r, unsigned element)
{
	struct fw_rule rest = { .exprs = xcalloc(r->n_exprs + 1, sizeof(*rest.exprs)) };
	bool conntrack[FW_REGS] = { false };
	char *text;

	for (size_t i = 0; i < r->n_exprs; i++) {
		struct fw_expr e = r->exprs[i];
		bool from = e.sreg < FW_REGS && conntrack[e.sreg];
		bool test = e.op == FW_CMP || e.op == FW_RANGE || e.op == FW_LOOKUP;

		if (e.op == FW_LOAD || e.op == FW_BITWISE) {
			bool is = loads_conntrack(&e) || (e.op == FW_BITWISE && from);

			if (e.dreg < FW_REGS)
				conntrack[e.dreg] = is;
		} else if (test && from && !(e.set && e.set->concat)) {
			if (!e.set || !e.set->verdict_map || !element)
				continue;
			e.target = e.set->v[element - 1].target;
			e.op = FW_VERDICT;
		}
		rest.exprs[rest.n_exprs++] = e;
	}
	text = fw_rule_text(&rest);
	free(rest.exprs);
	return text;
}

void want_text(const struct want *w, struct text *t)
{
	auto_free char *rest = w->rule ? rest_text(w->rule, w->element)
				       : xstrdup(w->verdict == FW_RETURN ? "return" : "accept");
	struct text s = { 0 };

	put_match(&s, &w->match);
	word(&s, rest);
	text_add(t, "%s", s.s);
	free(s.s);
}
