/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule of somebody's firewall in the words of nft, for messages. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include "rules/fw_value.h"

#define TEXT_MAX 200   /* characters of one rule */
#define ELEMENTS_MAX 8 /* of an anonymous set */

struct held {				   /* what a register holds */
	const struct fw_expr *load, *mask; /* NULL: nothing known, no mask */
};

struct printer {
	struct text t;
	struct held regs[FW_REGS];
	uint8_t proto, nfproto;		 /* tested by the rule so far; 0: not */
	bool owe_nfproto;		 /* not said yet, and the next field may imply it */
	const struct fw_expr *owe_proto; /* the same: what loaded it; NULL: nothing is owed */
	const struct fw_expr *xt;	 /* the extension of iptables whose meaning is being said */
};

static void put(struct printer *p, const char *s)
{
	text_add(&p->t, "%s%s", p->t.len ? " " : "", s);
}

static bool is_ip6(const struct printer *p, const struct fw_expr *e)
{
	if (p->nfproto)
		return p->nfproto == 10;
	return e->len > 4 || e->offset == 24 || (e->offset == 8 && e->len > 1);
}

/* "saddr", "daddr" or NULL. Prefixes of whole bytes are loaded at less than full length. */
static const char *address_side(const struct printer *p, const struct fw_expr *e)
{
	if (e->field != FW_F_NETWORK)
		return NULL;
	if (is_ip6(p, e))
		return e->offset == 8 ? "saddr" : e->offset == 24 ? "daddr" : NULL;
	return e->offset == 12 ? "saddr" : e->offset == 16 ? "daddr" : NULL;
}

static bool is_port(const struct fw_expr *e)
{
	return e->field == FW_F_TRANSPORT && e->len == 2 && (e->offset == 0 || e->offset == 2);
}

static bool is_tcp_flags(const struct printer *p, const struct fw_expr *e)
{
	return e->field == FW_F_TRANSPORT && p->proto == IPPROTO_TCP && e->offset == 13 &&
	       e->len == 1;
}

static bool is_protocol(const struct printer *p, const struct fw_expr *e)
{
	return e->field == FW_F_L4PROTO ||
	       (e->field == FW_F_NETWORK && e->len == 1 && e->offset == (is_ip6(p, e) ? 6 : 9));
}

static void put_network(struct printer *p, const struct fw_expr *e)
{
	const char *family = is_ip6(p, e) ? "ip6" : "ip", *side = address_side(p, e);

	p->owe_nfproto = false;
	if (side)
		text_add(&p->t, "%s %s", family, side);
	else if (is_protocol(p, e))
		text_add(&p->t, "%s %s", family, is_ip6(p, e) ? "nexthdr" : "protocol");
	else
		text_add(&p->t, "@nh,%u,%u", 8u * e->offset, 8u * e->len);
}

static void put_transport(struct printer *p, const struct fw_expr *e)
{
	const char *proto = p->proto ? proto_name(p->proto) : NULL;

	p->owe_proto = proto ? NULL : p->owe_proto;
	proto = proto ? proto : "th";
	if (is_port(e))
		text_add(&p->t, "%s %s", proto, e->offset ? "dport" : "sport");
	else if (is_tcp_flags(p, e))
		text_add(&p->t, "tcp flags");
	else if (e->offset == 0 && e->len == 1 && !proto_has_ports(p->proto))
		text_add(&p->t, "%s type", proto);
	else if (e->offset == 1 && e->len == 1 &&
		 (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6))
		text_add(&p->t, "%s code", proto);
	else
		text_add(&p->t, "@th,%u,%u", 8u * e->offset, 8u * e->len);
}

static void put_field(struct printer *p, const struct fw_expr *e)
{
	switch (e->field) {
	case FW_F_NETWORK:
		put_network(p, e);
		return;
	case FW_F_TRANSPORT:
		put_transport(p, e);
		return;
	case FW_F_FIB_DADDR_TYPE:
		text_add(&p->t, "fib daddr type");
		return;
	case FW_F_IIFNAME:
	case FW_F_OIFNAME:
	case FW_F_IIF:
	case FW_F_OIF:
		text_add(&p->t, "%s", strncmp(e->name, "meta ", 5) ? e->name : e->name + 5);
		return;
	case FW_F_CT_STATE:
	case FW_F_CT_OTHER:
	case FW_F_L4PROTO:
	case FW_F_NFPROTO:
	case FW_F_META_MARK:
	case FW_F_META_OTHER:
		text_add(&p->t, "%s", e->name);
		return;
	case FW_F_OTHER:
		text_add(&p->t, "[%s]", e->name);
		return;
	}
}

static unsigned prefix_of(const uint8_t *mask, size_t len)
{
	unsigned bits = 0;

	while (bits < 8 * len && mask[bits / 8] & 0x80 >> bits % 8)
		bits++;
	return bits;
}

static void put_address(struct printer *p, const struct fw_expr *e, const struct fw_expr *mask,
			const uint8_t *v)
{
	size_t full = is_ip6(p, e) ? 16 : 4;
	unsigned bits = mask ? prefix_of(mask->data, e->len) : 8u * e->len;
	uint8_t addr[16] = { 0 };
	char s[INET6_ADDRSTRLEN];

	memcpy(addr, v, e->len < full ? e->len : full);
	text_add(&p->t, "%s", inet_ntop(full == 16 ? AF_INET6 : AF_INET, addr, s, sizeof s));
	if (bits < 8 * full)
		text_add(&p->t, "/%u", bits);
}

/* A value of the field that e loads, len bytes at v. */
static void put_value(struct printer *p, const struct held *h, const uint8_t *v, size_t len)
{
	const struct fw_expr *e = h->load;
	struct text *t = &p->t;

	if (address_side(p, e) && len == e->len)
		put_address(p, e, h->mask, v);
	else if (is_port(e) && len == 2)
		text_add(t, "%u", v[0] << 8 | v[1]);
	else if (is_protocol(p, e) && len == 1)
		fw_protocol_text(t, v[0]);
	else if (is_tcp_flags(p, e) && len == 1)
		fw_tcp_flags_text(t, v[0]);
	else
		fw_value_text(t, e, v, len);
}

/* What a later field implies is said only where none came. */
static void pay(struct printer *p, const struct fw_expr *next)
{
	if (p->owe_nfproto && !(next && next->field == FW_F_NETWORK)) {
		put(p, p->nfproto == 10 ? "meta nfproto ipv6" : "meta nfproto ipv4");
		p->owe_nfproto = false;
	}
	if (p->owe_proto && !(next && next->field == FW_F_TRANSPORT && proto_name(p->proto))) {
		bool by_meta = p->owe_proto->field == FW_F_L4PROTO;

		put(p, by_meta ? "meta l4proto" : "");
		if (!by_meta)
			put_field(p, p->owe_proto);
		text_add(&p->t, " ");
		fw_protocol_text(&p->t, p->proto);
		p->owe_proto = NULL;
	}
}

static struct held *held(struct printer *p, uint8_t reg)
{
	return &p->regs[reg < FW_REGS ? reg : FW_REGS - 1];
}

static const char *comparison(enum fw_cmp c)
{
	switch (c) {
	case FW_EQ:
		return "";
	case FW_NEQ:
		return "!= ";
	case FW_LT:
		return "< ";
	case FW_LTE:
		return "<= ";
	case FW_GT:
		return "> ";
	case FW_GTE:
		return ">= ";
	}
	return "";
}

static bool is_zero(const uint8_t *v, size_t len)
{
	while (len && !*v) {
		v++;
		len--;
	}
	return !len;
}

/* Sees to the dependencies: true where the comparison is one that a later field may imply. */
static bool is_dependency(struct printer *p, const struct fw_expr *e, const struct fw_expr *load)
{
	if (e->cmp != FW_EQ || e->len != 1)
		return false;
	if (load->field == FW_F_NFPROTO && (e->data[0] == 2 || e->data[0] == 10)) {
		p->nfproto = e->data[0];
		p->owe_nfproto = true;
		return true;
	}
	if (!is_protocol(p, load))
		return false;
	pay(p, load);
	p->proto = e->data[0];
	/* Where the header was told from the other family's, it says the family, too. */
	p->owe_proto = load->field == FW_F_L4PROTO || !p->nfproto ? load : NULL;
	return p->owe_proto;
}

static void put_cmp(struct printer *p, const struct fw_expr *e)
{
	const struct held *h = held(p, e->sreg);
	const uint8_t *v = e->data;
	const char *op = comparison(e->cmp);

	if (!h->load) {
		put(p, "[cmp]");
		return;
	}
	if (is_dependency(p, e, h->load))
		return;
	pay(p, h->load);
	put(p, "");
	put_field(p, h->load);
	text_add(&p->t, " ");
	if (h->mask && e->cmp == FW_NEQ && is_zero(v, e->len) && h->mask->len == e->len) {
		v = h->mask->data; /* any of these bits */
		op = "";
	} else if (h->mask && !address_side(p, h->load)) {
		const struct held bits = { h->load, NULL };

		text_add(&p->t, "& ");
		put_value(p, &bits, h->mask->data, h->mask->len);
		op = e->cmp == FW_EQ ? "== " : op;
		text_add(&p->t, " ");
	}
	text_add(&p->t, "%s", op);
	put_value(p, h, v, e->len);
}

static void put_range(struct printer *p, const struct fw_expr *e)
{
	const struct held *h = held(p, e->sreg);

	pay(p, h->load);
	put(p, "");
	if (!h->load) {
		text_add(&p->t, "[range]");
		return;
	}
	put_field(p, h->load);
	text_add(&p->t, e->inverted ? " != " : " ");
	put_value(p, h, e->data, e->len);
	text_add(&p->t, "-");
	put_value(p, h, e->data2, e->len);
}

static void put_target(struct text *t, const struct fw_target *to)
{
	switch (to->verdict) {
	case FW_ACCEPT:
		text_add(t, "accept");
		return;
	case FW_DROP:
		text_add(t, "drop");
		return;
	case FW_CONTINUE:
		text_add(t, "continue");
		return;
	case FW_RETURN:
		text_add(t, "return");
		return;
	case FW_JUMP:
	case FW_GOTO:
		text_add(t, "%s %s", to->verdict == FW_JUMP ? "jump" : "goto",
			 to->chain ? to->chain : "?");
		return;
	case FW_QUEUE:
		text_add(t, "queue");
		return;
	case FW_REJECT:
		text_add(t, "reject");
		return;
	}
}

/* An interval of names is a prefix: from "wg" to "wg" and all ones. */
static bool is_prefix(const struct held *h, const struct fw_element *e, size_t len)
{
	size_t n = strnlen((const char *)e->lo, len);

	if (h->load->field != FW_F_IIFNAME && h->load->field != FW_F_OIFNAME)
		return false;
	for (size_t i = n; i < len; i++)
		if (e->hi[i] != 0xff)
			return false;
	return n < len && memcmp(e->lo, e->hi, n) == 0;
}

static void put_element(struct printer *p, const struct held *h, const struct fw_element *e,
			size_t len)
{
	if (is_prefix(h, e, len)) {
		fw_name_text(&p->t, e->lo, strnlen((const char *)e->lo, len));
		return;
	}
	put_value(p, h, e->lo, len);
	if (memcmp(e->lo, e->hi, len) == 0)
		return;
	text_add(&p->t, "-");
	put_value(p, h, e->hi, len);
}

static void put_elements(struct printer *p, const struct held *h, const struct fw_set *s)
{
	const char *comma = "";

	if (s->concat || !h->load || !s->known) {
		text_add(&p->t, "{ ... }");
		return;
	}
	text_add(&p->t, "{ ");
	for (size_t i = 0; i < s->n && i < ELEMENTS_MAX; i++) {
		const struct fw_element *e = &s->v[i];

		/* The rest, between the states (nft_sets.c): not worth the room. */
		if (h->load->field == FW_F_CT_STATE && memcmp(e->lo, e->hi, s->key_len) != 0)
			continue;
		text_add(&p->t, "%s", comma);
		comma = ", ";
		put_element(p, h, e, s->key_len);
		if (!s->verdict_map)
			continue;
		text_add(&p->t, " : ");
		put_target(&p->t, &e->target);
	}
	text_add(&p->t, s->n > ELEMENTS_MAX ? ", ... }" : " }");
}

/* The fields that make up the key, from the first register on. */
static void put_key(struct printer *p, const struct fw_expr *e)
{
	size_t words = e->set ? (e->set->key_len + 3) / 4 : 1, reg = e->sreg;
	const char *dot = "";

	pay(p, held(p, e->sreg)->load);
	put(p, "");
	for (size_t end = reg + words; reg < end && reg < FW_REGS;) {
		const struct fw_expr *load = p->regs[reg].load;

		text_add(&p->t, "%s", dot);
		dot = " . ";
		if (load)
			put_field(p, load);
		else
			text_add(&p->t, "[key]");
		reg += load && load->len ? (load->len + 3u) / 4 : words;
	}
}

static void put_lookup(struct printer *p, const struct fw_expr *e)
{
	const struct fw_set *s = e->set;

	put_key(p, e);
	text_add(&p->t, e->inverted ? " != " : " ");
	if (s && s->map)
		text_add(&p->t, s->verdict_map ? "vmap " : "map ");
	if (s && s->anonymous)
		put_elements(p, held(p, e->sreg), s);
	else
		text_add(&p->t, "@%s", s ? s->name : "?");
}

/* An operation that is part of what an extension of iptables means. */
static bool is_meaning(const struct printer *p, const struct fw_expr *e)
{
	return p->xt && !e->body;
}

/* Not a log, but harmless like one: LED, TRACE. */
static bool is_logged_otherwise(const struct printer *p, const struct fw_expr *e)
{
	return is_meaning(p, e) && strcmp(e->name, "log") == 0 && p->xt->object &&
	       !strstr(p->xt->object, "LOG");
}

static void put_other(struct printer *p, const struct fw_expr *e)
{
	static const struct {
		const char *name, *text;
	} words[] = {
		{ "connlimit", "ct count" },
		{ "counter", "counter" },
		{ "dnat", "dnat" },
		{ "limit", "limit" },
		{ "log", "log" },
		{ "masq", "masquerade" },
		{ "nat", "nat" },
		{ "netmap", "netmap" },
		{ "notrack", "notrack" },
		{ "quota", "quota" },
		{ "redir", "redirect" },
		{ "snat", "snat" },
		{ "synproxy", "synproxy" },
		{ "tproxy", "tproxy" },
	};

	pay(p, NULL);
	if (is_logged_otherwise(p, e)) {
		put(p, "");
		text_add(&p->t, "[%s]", p->xt->object);
		return;
	}
	if (is_meaning(p, e) && e->op == FW_UNKNOWN)
		e = p->xt;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].name, e->name) == 0) {
			put(p, words[i].text);
			return;
		}
	}
	put(p, "");
	if ((e->op == FW_EFFECT || e->op == FW_CT_WRITE) &&
	    (strncmp(e->name, "meta ", 5) == 0 || strncmp(e->name, "ct ", 3) == 0))
		text_add(&p->t, "%s set", e->name);
	else if (e->object)
		text_add(&p->t, "[%s \"%s\"]", e->name, e->object);
	else
		text_add(&p->t, "[%s]", e->name);
}

/* What carries the name and the bytes of an extension says nothing where its meaning follows; and
 * how a target that we do not know may end the rule is a guess (xt_lower). */
static bool is_silent(const struct printer *p, const struct fw_expr *e)
{
	return (e->op == FW_XT && e->body) ||
	       (e->op == FW_VERDICT && is_meaning(p, e) && p->xt->object &&
		strcmp(e->name, p->xt->object) == 0);
}

static void put_expr(struct printer *p, const struct fw_expr *e)
{
	if (e->body)
		p->xt = e->op == FW_XT ? e : NULL;
	if (is_silent(p, e))
		return;
	switch (e->op) {
	case FW_LOAD:
		*held(p, e->dreg) = (struct held){ e, NULL };
		return;
	case FW_BITWISE:
		*held(p, e->dreg) = (struct held){ held(p, e->sreg)->load, e };
		return;
	case FW_CMP:
		put_cmp(p, e);
		return;
	case FW_RANGE:
		put_range(p, e);
		return;
	case FW_LOOKUP:
		put_lookup(p, e);
		return;
	case FW_VERDICT:
		pay(p, NULL);
		put(p, "");
		put_target(&p->t, &e->target);
		return;
	case FW_IMMEDIATE:
		*held(p, e->dreg) = (struct held){ NULL, NULL };
		return;
	case FW_EFFECT:
	case FW_LIMIT:
	case FW_MAYBE:
	case FW_CT_LIMIT:
	case FW_SYNPROXY:
	case FW_CT_WRITE:
	case FW_XT:
	case FW_NAT:
	case FW_UNKNOWN:
		put_other(p, e);
		return;
	}
}

char *fw_rule_text(const struct fw_rule *r)
{
	struct printer p = { 0 };

	for (size_t i = 0; i < r->n_exprs && p.t.len <= TEXT_MAX; i++)
		put_expr(&p, &r->exprs[i]);
	pay(&p, NULL);
	if (p.t.len > TEXT_MAX) {
		p.t.len = TEXT_MAX - 3;
		p.t.s[p.t.len] = '\0';
		text_add(&p.t, "...");
	}
	return p.t.s ? p.t.s : xstrdup("");
}
