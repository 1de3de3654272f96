/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of iptables-nft back to twins. */
#include "kernel/nft_iptables.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nft_attr.h"
#include "rules/iptables.h"

#define TCP_FLAGS_OFFSET 13

/* ---- extensions --------------------------------------------------------------------------------
 */

/* A name that ends within its attribute. */
static const char *name_of(const struct nlattr *a)
{
	const char *s = a ? mnl_attr_get_payload(a) : NULL;
	size_t len = nft_attr_len(a);

	return len && strnlen(s, len) < len ? s : NULL;
}

bool xt_body_parse(const char *body, struct xt_ext *x, void **room)
{
	bool target = !strncmp(body, "target:", 7);
	const char *hex = strchr(body, ':');
	struct blob b = { 0 };
	struct nft_attrs t;
	uint32_t revision;

	if (!target && strncmp(body, "match:", 6) != 0)
		return false;
	if (!blob_unhex(&b, hex + 1, strlen(hex + 1)))
		goto not_one;
	nft_attrs_read(&t, b.v, b.n);
	revision = nft_attr_u32(t.v[NFTA_MATCH_REV], UINT32_MAX);
	if (!name_of(t.v[NFTA_MATCH_NAME]) || revision > UINT8_MAX || !t.v[NFTA_MATCH_INFO])
		goto not_one;
	*x = (struct xt_ext){
		.name = name_of(t.v[NFTA_MATCH_NAME]),
		.revision = (uint8_t)revision,
		.target = target,
		.data = mnl_attr_get_payload(t.v[NFTA_MATCH_INFO]),
		.len = nft_attr_len(t.v[NFTA_MATCH_INFO]),
	};
	*room = b.v;
	return true;
not_one:
	free(b.v);
	return false;
}

/* ---- the exemption's part of a rule ------------------------------------------------------------
 */

struct parts { /* of a rule, up to the comment */
	struct match header;
	struct text src, dst; /* words of the body */
	struct xt_ext *v;
	void **rooms; /* that v points into, n_rooms of them */
	size_t n, n_rooms;
	bool comment; /* seen */
};

static void parts_free(struct parts *p)
{
	match_free(&p->header);
	free(p->src.s);
	free(p->dst.s);
	for (size_t i = 0; i < p->n_rooms; i++)
		free(p->rooms[i]);
	free(p->rooms);
	free(p->v);
}

struct test { /* a load, perhaps a mask, and a comparison */
	const struct fw_expr *load, *mask, *cmp;
	bool inverted;
	size_t used;
};

static bool all_zero(const uint8_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i])
			return false;
	return true;
}

static bool read_test(const struct fw_expr *v, size_t n, struct test *t)
{
	size_t i = 1;
	uint8_t reg;

	*t = (struct test){ .load = v };
	if (n < 2 || v[0].op != FW_LOAD || !v[0].body || v[0].len > 16)
		return false;
	reg = v[0].dreg;
	if (v[i].op == FW_BITWISE) {
		if (v[i].sreg != reg || v[i].len != v[0].len || !all_zero(v[i].data2, v[i].len))
			return false;
		t->mask = &v[i];
		reg = v[i++].dreg;
	}
	t->cmp = &v[i];
	t->used = i + 1;
	if (i == n || t->cmp->op != FW_CMP || t->cmp->sreg != reg || !t->cmp->len ||
	    t->cmp->len > 16)
		return false;
	t->inverted = t->cmp->cmp == FW_NEQ;
	return t->inverted || t->cmp->cmp == FW_EQ;
}

/* The end of the name is compared, too, or it is a pattern. */
static bool read_iface(struct ifaces *in, struct ifaces *not_in, const struct test *t)
{
	size_t len = strnlen((const char *)t->cmp->data, t->cmp->len);
	bool pattern = len == t->cmp->len;
	char name[IFNAMSIZ] = { 0 };

	if (t->mask || in->n || not_in->n || !len || len + pattern >= IFNAMSIZ ||
	    !all_zero(t->cmp->data + len, t->cmp->len - len))
		return false;
	memcpy(name, t->cmp->data, len);
	if (!pattern && name[len - 1] == '*')
		return false; /* would come back as a pattern */
	if (pattern)
		name[len] = '*';
	ifaces_add(t->inverted ? not_in : in, name);
	return true;
}

static bool read_proto(struct match *m, const struct test *t)
{
	if (t->mask || t->inverted || t->cmp->len != 1 || m->proto || !t->cmp->data[0])
		return false;
	m->proto = t->cmp->data[0];
	return true;
}

/* Leading bits of a mask; SIZE_MAX: they are not all of its bits. */
static size_t mask_bits(const uint8_t *mask, size_t n)
{
	size_t bits = 0;

	while (bits < 8 * n && mask[bits / 8] & 0x80 >> bits % 8)
		bits++;
	for (size_t i = bits; i < 8 * n; i++)
		if (mask[i / 8] & 0x80 >> i % 8)
			return SIZE_MAX;
	return bits;
}

static bool read_address(struct parts *p, const struct test *t)
{
	bool v4 = p->header.families == FAMILIES_V4;
	bool src = t->load->offset == (v4 ? 12 : 8), dst = t->load->offset == (v4 ? 16 : 24);
	struct prefix x = { .family = v4 ? FAMILY_V4 : FAMILY_V6 };
	struct text *to = src ? &p->src : &p->dst;
	size_t bits = 8 * t->cmp->len;

	if (t->mask)
		bits = mask_bits(t->mask->data, t->mask->len);
	if ((!src && !dst) || to->len || t->cmp->len != t->load->len ||
	    t->cmp->len > (v4 ? 4 : 16) || bits == SIZE_MAX)
		return false;
	memcpy(x.addr, t->cmp->data, t->cmp->len);
	x.len = (uint8_t)bits;
	for (size_t i = bits; i < 8 * sizeof x.addr; i++)
		if (x.addr[i / 8] & 0x80 >> i % 8)
			return false; /* never true */
	iptables_put_address(to, src, t->inverted, &x);
	return true;
}

static void add_extension(struct parts *p, const struct xt_ext *x, void *room)
{
	*ARRAY_ADD(p->v, p->n) = *x;
	*ARRAY_ADD(p->rooms, p->n_rooms) = room;
}

/* TCP's flags, which iptables writes natively, as the match that they were. */
static bool read_tcp_flags(struct parts *p, const struct test *t)
{
	size_t len = 16; /* padded to 8 */
	struct xt_tcp tcp;
	uint8_t *room;

	if (t->load->offset != TCP_FLAGS_OFFSET || t->load->len != 1 || !t->mask ||
	    t->cmp->len != 1)
		return false;
	memset(&tcp, 0, sizeof tcp);
	tcp.spts[1] = tcp.dpts[1] = UINT16_MAX;
	tcp.flg_mask = t->mask->data[0];
	tcp.flg_cmp = t->cmp->data[0];
	tcp.invflags = t->inverted ? XT_TCP_INV_FLAGS : 0;
	room = xcalloc(1, len);
	memcpy(room, &tcp, sizeof tcp);
	add_extension(p, &(struct xt_ext){ .name = "tcp", .data = room, .len = len }, room);
	return true;
}

static bool read_header_test(struct parts *p, const struct test *t)
{
	struct match *m = &p->header;

	if (iptables_loads_proto(t->load, m->families == FAMILIES_V4 ? FAMILY_V4 : FAMILY_V6))
		return read_proto(m, t);
	switch (t->load->field) {
	case FW_F_IIFNAME:
		return read_iface(&m->in, &m->not_in, t);
	case FW_F_OIFNAME:
		return read_iface(&m->out, &m->not_out, t);
	case FW_F_NETWORK:
		return read_address(p, t);
	case FW_F_TRANSPORT:
		return read_tcp_flags(p, t);
	case FW_F_L4PROTO:
	case FW_F_OTHER:
	case FW_F_CT_STATE:
	case FW_F_CT_OTHER:
	case FW_F_NFPROTO:
	case FW_F_IIF:
	case FW_F_OIF:
	case FW_F_FIB_DADDR_TYPE:
	case FW_F_META_MARK:
	case FW_F_META_OTHER:
		break;
	}
	return false;
}

static bool read_extension(struct parts *p, const struct fw_expr *e)
{
	struct xt_ext x;
	void *room;

	if (!e->body || !xt_body_parse(e->body, &x, &room))
		return false;
	add_extension(p, &x, room);
	p->comment = !x.target && !strcmp(x.name, "comment");
	return true;
}

/* Up to the comment; *i is what comes behind it. false: there is something that is not ours. */
static bool read_parts(struct parts *p, const struct fw_rule *r, size_t *i)
{
	struct test t;

	for (*i = 0; *i < r->n_exprs && !p->comment;) {
		const struct fw_expr *e = &r->exprs[*i];

		if (e->op == FW_XT) {
			if (!read_extension(p, e))
				return false;
			for (++*i; *i < r->n_exprs && !r->exprs[*i].body; ++*i)
				; /* what it means */
		} else if (read_test(e, r->n_exprs - *i, &t) && read_header_test(p, &t)) {
			*i += t.used;
		} else {
			return false;
		}
	}
	return p->comment;
}

static char *read_body(const struct parts *p, const struct fw_rule *r, size_t from)
{
	const struct text *const first[] = { &p->src, &p->dst };
	struct text t = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		if (first[i]->len)
			text_add(&t, "%s%s", t.len ? " " : "", first[i]->s);
	for (size_t i = from; i < r->n_exprs; i++)
		if (r->exprs[i].body)
			text_add(&t, "%s%s", t.len ? " " : "", r->exprs[i].body);
	return t.s;
}

bool nft_iptables_read(const struct fw_chain *c, const struct fw_rule *r, struct twin *out)
{
	struct parts p = { .header.families = c->family == TABLE_IP ? FAMILIES_V4 : FAMILIES_V6 };
	char *names;
	size_t body, used;

	if (!read_parts(&p, r, &body) || body == r->n_exprs ||
	    !xt_twin_read(p.v, p.n, &p.header, &names, &used)) {
		parts_free(&p);
		return false;
	}
	*out = (struct twin){
		.form = c->form,
		.family = c->family,
		.table = xstrdup(c->table),
		.chain = xstrdup(c->name),
		.names = names,
		.match = p.header,
		.body = read_body(&p, r, body),
		.handle = r->handle,
	};
	p.header = (struct match){ 0 };
	parts_free(&p);
	return true;
}
