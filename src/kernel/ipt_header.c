/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header of an entry of iptables-legacy. What the kernel makes of it: ip_packet_match() in
 * net/ipv4/netfilter/ip_tables.c, ip6_packet_match() in net/ipv6/netfilter/ip6_tables.c. */
#include "kernel/ipt_header.h"

#include <libiptc/libxtc.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netinet/in.h>
#include <string.h>

#include "rules/iptables.h"

/* The same numbers in both families. */
#define INV_IN IPT_INV_VIA_IN
#define INV_OUT IPT_INV_VIA_OUT
#define INV_SRC IPT_INV_SRCIP
#define INV_DST IPT_INV_DSTIP
#define INV_PROTO XT_INV_PROTO
#define INV_KNOWN (INV_IN | INV_OUT | INV_SRC | INV_DST | INV_PROTO)
_Static_assert(IPT_INV_VIA_IN == IP6T_INV_VIA_IN && IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT &&
		       IPT_INV_SRCIP == IP6T_INV_SRCIP && IPT_INV_DSTIP == IP6T_INV_DSTIP,
	       "the same numbers");

static size_t addr_len(enum family f)
{
	return f == FAMILY_V4 ? 4 : 16;
}

static bool is_zero(const uint8_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i])
			return false;
	return true;
}

static void read_v4(const struct ipt_entry *e, struct ipt_header *h, uint8_t *inv)
{
	memcpy(h->src.addr, &e->ip.src, 4);
	memcpy(h->src.mask, &e->ip.smsk, 4);
	memcpy(h->dst.addr, &e->ip.dst, 4);
	memcpy(h->dst.mask, &e->ip.dmsk, 4);
	memcpy(h->in.name, e->ip.iniface, IFNAMSIZ);
	memcpy(h->in.mask, e->ip.iniface_mask, IFNAMSIZ);
	memcpy(h->out.name, e->ip.outiface, IFNAMSIZ);
	memcpy(h->out.mask, e->ip.outiface_mask, IFNAMSIZ);
	h->proto = e->ip.proto;
	h->is_goto = e->ip.flags & IPT_F_GOTO;
	h->odd = e->ip.flags & ~IPT_F_GOTO;
	*inv = e->ip.invflags;
}

/* Without IP6T_F_PROTO the kernel neither looks at the protocol nor finds the transport header for
 * the matches (FACTS B3). */
static void read_v6(const struct ip6t_entry *e, struct ipt_header *h, uint8_t *inv)
{
	memcpy(h->src.addr, &e->ipv6.src, 16);
	memcpy(h->src.mask, &e->ipv6.smsk, 16);
	memcpy(h->dst.addr, &e->ipv6.dst, 16);
	memcpy(h->dst.mask, &e->ipv6.dmsk, 16);
	memcpy(h->in.name, e->ipv6.iniface, IFNAMSIZ);
	memcpy(h->in.mask, e->ipv6.iniface_mask, IFNAMSIZ);
	memcpy(h->out.name, e->ipv6.outiface, IFNAMSIZ);
	memcpy(h->out.mask, e->ipv6.outiface_mask, IFNAMSIZ);
	h->proto = e->ipv6.proto;
	h->is_goto = e->ipv6.flags & IP6T_F_GOTO;
	h->odd = e->ipv6.flags & ~(IP6T_F_GOTO | IP6T_F_PROTO) ||
		 (h->proto && !(e->ipv6.flags & IP6T_F_PROTO));
	*inv = e->ipv6.invflags;
}

bool ipt_header_read(enum family f, const void *entry, size_t len, struct ipt_header *h,
		     struct ipt_span *s)
{
	struct ipt_entry v4;
	struct ip6t_entry v6;
	uint8_t inv;

	*h = (struct ipt_header){ .family = f };
	s->matches = ipt_header_size(f);
	if (len < s->matches)
		return false;
	if (f == FAMILY_V4) {
		memcpy(&v4, entry, sizeof(v4));
		read_v4(&v4, h, &inv);
		s->target = v4.target_offset;
		s->next = v4.next_offset;
	} else {
		memcpy(&v6, entry, sizeof(v6));
		read_v6(&v6, h, &inv);
		s->target = v6.target_offset;
		s->next = v6.next_offset;
	}
	h->in.inverted = inv & INV_IN;
	h->out.inverted = inv & INV_OUT;
	h->src.inverted = inv & INV_SRC;
	h->dst.inverted = inv & INV_DST;
	h->not_proto = h->proto && inv & INV_PROTO;
	h->odd = h->odd || inv & ~INV_KNOWN || h->proto > UINT8_MAX;
	return s->matches <= s->target && s->target <= s->next && s->next <= len;
}

/* ---- to operations -----------------------------------------------------------------------------
 */

static struct fw_expr *add(struct fw_rule *r, enum fw_op op, const char *name, size_t len)
{
	struct fw_expr *e = ARRAY_ADD(r->exprs, r->n_exprs);

	e->op = op;
	e->name = xstrdup(name);
	e->len = (uint8_t)len;
	return e;
}

static void add_load(struct fw_rule *r, const char *name, enum fw_field field, size_t offset,
		     size_t len)
{
	struct fw_expr *e = add(r, FW_LOAD, name, len);

	e->field = field;
	e->offset = (uint16_t)offset;
}

static void add_cmp(struct fw_rule *r, bool inverted, const uint8_t *v, size_t len)
{
	struct fw_expr *e = add(r, FW_CMP, "cmp", len);

	e->cmp = inverted ? FW_NEQ : FW_EQ;
	memcpy(e->data, v, len);
}

/* A test that says nothing which an operation here could: it decides, and nobody copies it. */
static void add_odd(struct fw_rule *r)
{
	add(r, FW_MAYBE, "header", 0)->once = true;
}

/* Bytes of 0xff that the mask begins with, when zeros follow; IFNAMSIZ + 1: something else. */
static size_t name_mask(const struct ipt_iface *i)
{
	size_t n = 0;

	while (n < IFNAMSIZ && i->mask[n] == 0xff)
		n++;
	return is_zero(i->mask + n, IFNAMSIZ - n) ? n : IFNAMSIZ + 1;
}

/* The kernel pads names with zeros as far as a mask of iptables reaches: one byte. */
static bool name_is_plain(const struct ipt_iface *i, size_t masked)
{
	size_t len = strnlen((const char *)i->name, masked);

	return masked <= IFNAMSIZ && len && is_zero(i->name + len, masked - len);
}

static void iface_rule(const struct ipt_iface *i, const char *name, enum fw_field field,
		       struct fw_rule *r)
{
	uint8_t v[IFNAMSIZ] = { 0 };
	size_t masked = name_mask(i), len;

	if (!masked && !i->inverted)
		return;
	if (!masked || !name_is_plain(i, masked)) {
		add_odd(r);
		return;
	}
	len = strnlen((const char *)i->name, masked);
	memcpy(v, i->name, len);
	add_load(r, name, field, 0, IFNAMSIZ);
	add_cmp(r, i->inverted, v, len < masked ? IFNAMSIZ : len);
}

/* As iptables-nft: whole bytes of a prefix are loaded alone, other masks are masks. */
static void side_rule(const struct ipt_side *s, enum family f, size_t offset, struct fw_rule *r)
{
	size_t full = addr_len(f), n = 0;
	struct fw_expr *e;

	if (is_zero(s->mask, full)) {
		if (s->inverted || !is_zero(s->addr, full)) /* matches never, or always */
			add_odd(r);
		return;
	}
	while (n < full && s->mask[n] == 0xff)
		n++;
	if (is_zero(s->mask + n, full - n)) {
		add_load(r, "payload", FW_F_NETWORK, offset, n);
	} else {
		n = full;
		add_load(r, "payload", FW_F_NETWORK, offset, n);
		e = add(r, FW_BITWISE, "bitwise", n);
		memcpy(e->data, s->mask, n);
	}
	if (!is_zero(s->addr + n, full - n)) /* outside of the mask: as above */
		add_odd(r);
	add_cmp(r, s->inverted, s->addr, n);
}

void ipt_header_rule(const struct ipt_header *h, struct fw_rule *r)
{
	const uint8_t proto = (uint8_t)h->proto;
	const bool v4 = h->family == FAMILY_V4;

	if (h->odd)
		add_odd(r);
	iface_rule(&h->in, "meta iifname", FW_F_IIFNAME, r);
	iface_rule(&h->out, "meta oifname", FW_F_OIFNAME, r);
	if (h->proto && !h->odd) {
		add_load(r, "meta l4proto", FW_F_L4PROTO, 0, 1);
		add_cmp(r, h->not_proto, &proto, 1);
	}
	side_rule(&h->src, h->family, v4 ? 12 : 8, r);
	side_rule(&h->dst, h->family, v4 ? 16 : 24, r);
}

/* ---- to a match and back -----------------------------------------------------------------------
 */

static bool iface_match(const struct ipt_iface *i, struct ifaces *is, struct ifaces *is_not)
{
	char name[IFNAMSIZ + 1] = "";
	size_t masked = name_mask(i), len;

	if (!masked)
		return !i->inverted;
	if (!name_is_plain(i, masked))
		return false;
	len = strnlen((const char *)i->name, masked);
	memcpy(name, i->name, len);
	if (len == masked)
		name[len++] = '*';
	if (len >= IFNAMSIZ)
		return false;
	ifaces_add(i->inverted ? is_not : is, name);
	return true;
}

static bool side_match(const struct ipt_side *s, enum family f, bool is_src, struct text *body)
{
	struct prefix p = { .family = f };
	size_t full = addr_len(f);

	while (p.len < full * 8 && s->mask[p.len / 8] & 0x80 >> p.len % 8)
		p.len++;
	for (size_t i = p.len / 8; i < full; i++) {
		const uint8_t rest = i == p.len / 8 ? 0xff >> p.len % 8 : 0xff;

		if ((s->mask[i] | s->addr[i]) & rest)
			return false;
	}
	if (!p.len)
		return !s->inverted;
	memcpy(p.addr, s->addr, full);
	iptables_put_address(body, is_src, s->inverted, &p);
	return true;
}

bool ipt_header_match(const struct ipt_header *h, struct match *m, struct text *body)
{
	struct match got = {
		.families = h->family == FAMILY_V4 ? FAMILIES_V4 : FAMILIES_V6,
		.proto = (uint8_t)h->proto,
	};
	struct text words = { 0 };

	if (!h->odd && !h->not_proto && iface_match(&h->in, &got.in, &got.not_in) &&
	    iface_match(&h->out, &got.out, &got.not_out) &&
	    side_match(&h->src, h->family, true, &words) &&
	    side_match(&h->dst, h->family, false, &words)) {
		*m = got;
		*body = words;
		return true;
	}
	match_free(&got);
	free(words.s);
	return false;
}

/* "eth0" with a mask that holds its end, "eth*" as iptables writes "eth+" (FACTS B2, B3). */
static bool iface_of(const struct ifaces *is, const struct ifaces *is_not, struct ipt_iface *out)
{
	const struct ifaces *l = is->n ? is : is_not;
	size_t len;

	if (is->n + is_not->n > 1)
		return false;
	if (!l->n)
		return true;
	len = strlen(l->v[0]);
	if (!len)
		return false;
	memcpy(out->name, l->v[0], len);
	if (out->name[len - 1] == '*') {
		out->name[len - 1] = '+';
		memset(out->mask, 0xff, len - 1);
	} else {
		memset(out->mask, 0xff, len + 1);
	}
	out->inverted = !is->n;
	return true;
}

void ipt_header_address(struct ipt_header *h, bool is_src, bool inverted, const struct prefix *p)
{
	struct ipt_side *s = is_src ? &h->src : &h->dst;

	memcpy(s->addr, p->addr, addr_len(p->family));
	for (size_t i = 0; i < p->len; i++)
		s->mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	s->inverted = inverted;
}

const char *ipt_header_of(const struct match *m, const char **body, struct ipt_header *h)
{
	const enum family f = m->families == FAMILIES_V4 ? FAMILY_V4 : FAMILY_V6;
	bool is_src, inverted, seen[2] = { false };
	struct prefix p;

	*h = (struct ipt_header){ .family = f, .proto = m->proto };
	if (m->icmp == ICMP_IS_ERROR)
		h->proto = f == FAMILY_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	if (!iface_of(&m->in, &m->not_in, &h->in) || !iface_of(&m->out, &m->not_out, &h->out))
		return "not one interface";
	while (iptables_take_address(body, &is_src, &inverted, &p)) {
		if (p.family != f || !p.len || seen[is_src])
			return "an address that no header can hold";
		seen[is_src] = true;
		ipt_header_address(h, is_src, inverted, &p);
	}
	return NULL;
}

size_t ipt_header_size(enum family f)
{
	return f == FAMILY_V4 ? XT_ALIGN(sizeof(struct ipt_entry))
			      : XT_ALIGN(sizeof(struct ip6t_entry));
}

static void write_v4(const struct ipt_header *h, const struct ipt_span *s, uint8_t inv, void *entry)
{
	struct ipt_entry e = {
		.ip.proto = h->proto,
		.ip.flags = h->is_goto ? IPT_F_GOTO : 0,
		.ip.invflags = inv,
		.target_offset = (uint16_t)s->target,
		.next_offset = (uint16_t)s->next,
	};

	memcpy(&e.ip.src, h->src.addr, 4);
	memcpy(&e.ip.smsk, h->src.mask, 4);
	memcpy(&e.ip.dst, h->dst.addr, 4);
	memcpy(&e.ip.dmsk, h->dst.mask, 4);
	memcpy(e.ip.iniface, h->in.name, IFNAMSIZ);
	memcpy(e.ip.iniface_mask, h->in.mask, IFNAMSIZ);
	memcpy(e.ip.outiface, h->out.name, IFNAMSIZ);
	memcpy(e.ip.outiface_mask, h->out.mask, IFNAMSIZ);
	memcpy(entry, &e, sizeof(e));
}

static void write_v6(const struct ipt_header *h, const struct ipt_span *s, uint8_t inv, void *entry)
{
	struct ip6t_entry e = {
		.ipv6.proto = h->proto,
		.ipv6.flags =
			(uint8_t)((h->is_goto ? IP6T_F_GOTO : 0) | (h->proto ? IP6T_F_PROTO : 0)),
		.ipv6.invflags = inv,
		.target_offset = (uint16_t)s->target,
		.next_offset = (uint16_t)s->next,
	};

	memcpy(&e.ipv6.src, h->src.addr, 16);
	memcpy(&e.ipv6.smsk, h->src.mask, 16);
	memcpy(&e.ipv6.dst, h->dst.addr, 16);
	memcpy(&e.ipv6.dmsk, h->dst.mask, 16);
	memcpy(e.ipv6.iniface, h->in.name, IFNAMSIZ);
	memcpy(e.ipv6.iniface_mask, h->in.mask, IFNAMSIZ);
	memcpy(e.ipv6.outiface, h->out.name, IFNAMSIZ);
	memcpy(e.ipv6.outiface_mask, h->out.mask, IFNAMSIZ);
	memcpy(entry, &e, sizeof(e));
}

void ipt_header_write(const struct ipt_header *h, const struct ipt_span *s, void *entry)
{
	uint8_t inv = (uint8_t)((h->in.inverted ? INV_IN : 0) | (h->out.inverted ? INV_OUT : 0) |
				(h->src.inverted ? INV_SRC : 0) | (h->dst.inverted ? INV_DST : 0) |
				(h->not_proto ? INV_PROTO : 0));

	if (h->family == FAMILY_V4)
		write_v4(h, s, inv, entry);
	else
		write_v6(h, s, inv, entry);
}

static size_t counters_at(enum family f)
{
	return f == FAMILY_V4 ? offsetof(struct ipt_entry, counters)
			      : offsetof(struct ip6t_entry, counters);
}

void ipt_header_read_counters(enum family f, const void *entry, uint64_t *packets, uint64_t *bytes)
{
	struct xt_counters c;

	memcpy(&c, (const uint8_t *)entry + counters_at(f), sizeof(c));
	*packets = c.pcnt;
	*bytes = c.bcnt;
}

void ipt_header_write_counters(enum family f, void *entry, uint64_t packets, uint64_t bytes)
{
	const struct xt_counters c = { packets, bytes };

	memcpy((uint8_t *)entry + counters_at(f), &c, sizeof(c));
}

void ipt_header_canon(struct blob *b, enum family f, const void *entry)
{
	const uint8_t *p = entry;

	if (f == FAMILY_V4)
		blob_add(b, p + offsetof(struct ipt_entry, ip), sizeof(struct ipt_ip));
	else
		blob_add(b, p + offsetof(struct ip6t_entry, ipv6), sizeof(struct ip6t_ip6));
}
