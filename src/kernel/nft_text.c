/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A layout in nft's language. */
#include "kernel/nft_text.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *icmp_type_name(uint8_t type)
{
	static const char *const names[] = {
		[0] = "echo-reply",	     [3] = "destination-unreachable",
		[4] = "source-quench",	     [5] = "redirect",
		[8] = "echo-request",	     [11] = "time-exceeded",
		[12] = "parameter-problem",  [13] = "timestamp-request",
		[14] = "timestamp-reply",    [15] = "info-request",
		[16] = "info-reply",	     [17] = "address-mask-request",
		[18] = "address-mask-reply",
	};

	return type < ARRAY_SIZE(names) ? names[type] : NULL;
}

static const char *icmpv6_type_name(uint8_t type)
{
	static const char *const errors[] = {
		[1] = "destination-unreachable",
		[2] = "packet-too-big",
		[3] = "time-exceeded",
		[4] = "parameter-problem",
	};

	if (type == 128)
		return "echo-request";
	if (type == 129)
		return "echo-reply";
	return type < ARRAY_SIZE(errors) ? errors[type] : NULL;
}

/* 0xa000000: no leading zeros, as nft prints it. */
static void hex_text(const uint8_t *v, size_t len, struct text *t)
{
	size_t i = 0;

	while (i + 1 < len && !v[i])
		i++;
	text_add(t, "0x%x", v[i]);
	while (++i < len)
		text_add(t, "%02x", v[i]);
}

static void range_text(const struct nft_list *l, size_t i, struct text *t)
{
	size_t len = nft_kind_info(l->kind)->key_len;
	uint8_t lo[16], hi[16];

	nft_list_range(l, i, lo, hi);
	hex_text(lo, len, t);
	if (!memcmp(lo, hi, len))
		return;
	text_add(t, "-");
	hex_text(hi, len, t);
}

static void type_text(uint8_t type, const char *name, struct text *t)
{
	if (name)
		text_add(t, "%s", name);
	else
		text_add(t, "%u", type);
}

static void element_text(const struct nft_list *l, size_t i, struct text *t)
{
	const struct port_range *ports = l->v;
	const struct prefix *addrs = l->v;
	const char(*ifaces)[IFNAMSIZ] = (const char(*)[IFNAMSIZ])l->v;
	const uint8_t *types = l->v;

	switch (l->kind) {
	case NFT_PORTS:
		text_add(t, "%u", ports[i].lo);
		if (ports[i].hi != ports[i].lo)
			text_add(t, "-%u", ports[i].hi);
		break;
	case NFT_ADDRS4:
	case NFT_ADDRS6:
		prefix_text(&addrs[i], t);
		break;
	case NFT_IFACES:
		text_add(t, "\"%.*s\"", IFNAMSIZ, ifaces[i]);
		break;
	case NFT_ICMP_TYPES:
		type_text(types[i], icmp_type_name(types[i]), t);
		break;
	case NFT_ICMPV6_TYPES:
		type_text(types[i], icmpv6_type_name(types[i]), t);
		break;
	case NFT_QUOTED_PORTS:
	case NFT_QUOTED_ADDRS4:
	case NFT_QUOTED_ADDRS6:
		range_text(l, i, t);
		break;
	case NFT_NUMBER:
	case NFT_KINDS:
		break;
	}
}

static void number_text(const struct nft_term *e, struct text *t)
{
	uint32_t n = e->list.number;

	if (e->slot == NFT_NFPROTO)
		text_add(t, "%s", n == AF_INET ? "ipv4" : "ipv6");
	else if (e->slot == NFT_L4PROTO)
		nft_proto_text((uint8_t)n, t);
	else if (e->slot == NFT_TCP_FLAGS)
		text_add(t, "syn / fin,syn,rst,ack");
	else if (e->slot == NFT_DST_KIND)
		text_add(t, "local");
	else
		text_add(t, "0x%x", n);
}

/* "@th,160,24 0xc00002": a quoted prefix of whole bytes is a shorter load, another one has a mask.
 */
static void quoted_prefix_text(const struct nft_term *e, struct text *t)
{
	const struct prefix *p = e->list.v;
	unsigned base = e->field->offset * 8u, bits = e->field->len * 8u;
	uint8_t mask[16] = { 0 };

	text_add(t, "@th,%u,%u ", base, p->len % 8 ? bits : p->len);
	if (p->len % 8) {
		for (unsigned i = 0; i < p->len; i++)
			mask[i / 8] |= 0x80 >> i % 8;
		text_add(t, "& ");
		hex_text(mask, bits / 8, t);
		text_add(t, e->negated ? " " : " == ");
	}
	text_add(t, e->negated ? "!= " : "");
	hex_text(p->addr, p->len % 8 ? bits / 8 : p->len / 8, t);
}

static void field_text(const struct nft_term *e, const struct match *m, struct text *t)
{
	const struct nft_field *f = e->field;

	if (!f->text) {
		text_add(t, "@th,%u,%u ", f->offset * 8u, f->len * 8u);
		return;
	}
	if (f->slot == NFT_SPORT || f->slot == NFT_DPORT) {
		nft_proto_text(m->proto, t);
		text_add(t, " ");
	}
	if (f->slot == NFT_ICMP_TYPE)
		text_add(t, e->list.kind == NFT_ICMP_TYPES ? "icmp " : "icmpv6 ");
	text_add(t, "%s ", f->text);
}

static void term_text(const struct nft_term *e, const struct nft_rule *r, struct text *t)
{
	const struct nft_set *set = r->sets[e->slot];
	enum nft_kind k = e->list.kind;

	if (!set && (k == NFT_QUOTED_ADDRS4 || k == NFT_QUOTED_ADDRS6)) {
		quoted_prefix_text(e, t);
		return;
	}
	field_text(e, &r->match, t);
	text_add(t, "%s", e->negated ? "!= " : "");
	if (set)
		text_add(t, "@%s", set->name);
	else if (k == NFT_NUMBER)
		number_text(e, t);
	else
		element_text(&e->list, 0, t);
}

void nft_rule_text(const struct nft_layout *l, const struct nft_rule *r, struct text *t)
{
	struct nft_term terms[NFT_SLOTS];
	size_t n = nft_terms(&r->match, TABLE_INET, terms);

	for (size_t i = 0; i < n; i++) {
		if (terms[i].implied)
			continue;
		term_text(&terms[i], r, t);
		text_add(t, " ");
	}
	switch (r->action) {
	case NFT_DO_RETURN:
		text_add(t, "return");
		break;
	case NFT_DO_JUMP:
		text_add(t, "jump %s", nft_chain_info(r->target)->name);
		break;
	case NFT_DO_NOTRACK:
		if (r->map) {
			text_add(t, "counter name ");
			nft_proto_text(r->match.proto, t);
			text_add(t, " %s map @%s notrack",
				 r->map_slot == NFT_SPORT ? "sport" : "dport", r->map->name);
		} else {
			text_add(t, "counter name \"%s\" notrack", l->counters[r->counter].name);
		}
		break;
	}
	if (r->comment)
		text_add(t, " comment \"%s\"", r->comment);
}

static void print_element(const struct nft_layout *l, const struct nft_set *s,
			  const struct nft_list *list, size_t i, size_t counter, size_t printed,
			  FILE *out)
{
	struct text t = { 0 };

	if (printed)
		fputs(printed % nft_kind_info(list->kind)->per_line ? ", " : ",\n\t\t\t     ", out);
	element_text(list, i, &t);
	fputs(t.s, out);
	free(t.s);
	if (s->counters)
		fprintf(out, " : \"%s\"", l->counters[counter].name);
}

/* Port by port, as the kernel holds and nft lists them. */
static void print_scattered(const struct nft_layout *l, const struct nft_set *s, FILE *out)
{
	const struct port_range *v = s->list.v;
	size_t printed = 0;

	for (size_t i = 0; i < s->list.n; i++)
		for (unsigned p = v[i].lo; p <= v[i].hi; p++) {
			const struct port_range one = { (uint16_t)p, (uint16_t)p };
			const struct nft_list list = { .kind = s->list.kind, .v = &one, .n = 1 };

			print_element(l, s, &list, 0, s->counters ? s->counters[i] : 0, printed++,
				      out);
		}
}

static void print_set(const struct nft_layout *l, const struct nft_set *s, FILE *out)
{
	const struct nft_kind_info *info = nft_kind_info(s->list.kind);
	bool scattered = nft_set_is_scattered(s);
	size_t printed = 0;
	uint8_t lo[16], hi[16];

	fprintf(out, "\n\t%s %s {\n\t\t%s%s\n", s->counters ? "map" : "set", s->name, info->type,
		s->counters ? " : counter" : "");
	if (info->interval && !scattered)
		fputs("\t\tflags interval\n", out);
	if (scattered && !s->counters)
		fputs("\t\tflags dynamic\n", out);
	fputs("\t\telements = { ", out);
	if (scattered)
		print_scattered(l, s, out);
	for (size_t i = 0; !scattered && i < s->list.n; i++)
		if (nft_list_range(&s->list, i, lo, hi))
			print_element(l, s, &s->list, i, s->counters ? s->counters[i] : 0,
				      printed++, out);
	fputs(" }\n\t}\n", out);
}

static void print_chain(const struct nft_layout *l, enum nft_chain_id c, FILE *out)
{
	const struct nft_chain_info *info = nft_chain_info(c);

	fprintf(out, "\n\tchain %s {\n", info->name);
	if (info->base)
		fprintf(out, "\t\ttype filter hook %s priority raw; policy accept;\n",
			hook_name(info->hook));
	for (size_t i = 0; i < l->n_rules; i++) {
		struct text t = { 0 };

		if (l->rules[i].chain != c)
			continue;
		nft_rule_text(l, &l->rules[i], &t);
		fprintf(out, "\t\t%s\n", t.s);
		free(t.s);
	}
	fputs("\t}\n", out);
}

void nft_text(const struct ruleset *rs, FILE *out)
{
	struct nft_layout l;

	if (!rs->n_rules)
		return;
	nft_layout_build(rs, &l);
	fputs("table inet untrack {\n", out);
	for (size_t i = 0; i < l.n_counters; i++)
		fprintf(out, "%s\tcounter %s {\n\t\tpackets 0 bytes 0\n\t}\n", i ? "\n" : "",
			l.counters[i].name);
	for (size_t i = 0; i < l.n_sets; i++)
		print_set(&l, l.sets[i], out);
	for (enum nft_chain_id c = 0; c < NFT_CHAINS; c++)
		if (l.chains[c])
			print_chain(&l, c, out);
	fputs("}\n", out);
	nft_layout_free(&l);
}
