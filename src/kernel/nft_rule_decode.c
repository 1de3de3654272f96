/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of nf_tables back to a match. */
#include "kernel/nft_rule.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define TCP_FLAGS_OF_STATE 0x17
#define TCP_SYN 0x02
#define IHL_WITHOUT_OPTIONS 0x45

struct test { /* one term as the kernel has it: a load, perhaps a mask, and a comparison */
	const struct fw_expr *load, *mask, *is;
	size_t used;
	bool negated;
};

struct decoder {
	struct match m;
	const struct nft_field *fields[NFT_SLOTS]; /* of the terms seen */
	size_t n;
	uint8_t l4proto;
	unsigned families; /* that the fields seen so far have */
};

static bool all_zero(const uint8_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i])
			return false;
	return true;
}

static bool comparison_is_ours(struct test *t)
{
	const struct fw_expr *e = t->is;

	switch (e->op) {
	case FW_CMP:
		t->negated = e->cmp == FW_NEQ;
		return (e->cmp == FW_EQ || e->cmp == FW_NEQ) && e->len && e->len <= 16;
	case FW_RANGE:
		t->negated = e->inverted;
		return e->len && e->len <= 16;
	case FW_LOOKUP:
		t->negated = e->inverted;
		return e->set && e->set->known && !e->set->map && !e->set->verdict_map &&
		       !e->set->dynamic && !e->set->concat && e->set->key_len == t->load->len &&
		       e->set->n && e->set->elements_do == FW_LOAD;
	case FW_LOAD:
	case FW_BITWISE:
	case FW_VERDICT:
	case FW_IMMEDIATE:
	case FW_EFFECT:
	case FW_LIMIT:
	case FW_MAYBE:
	case FW_CT_LIMIT:
	case FW_SYNPROXY:
	case FW_CT_WRITE:
	case FW_XT:
	case FW_NAT:
	case FW_UNKNOWN:
		break;
	}
	return false;
}

static bool read_test(const struct fw_expr *v, size_t n, struct test *t)
{
	size_t i = 1;
	uint8_t reg;

	*t = (struct test){ 0 };
	if (n < 2 || v[0].op != FW_LOAD || v[0].len > 16)
		return false;
	t->load = &v[0];
	reg = v[0].dreg;
	if (v[i].op == FW_BITWISE) {
		if (v[i].sreg != reg || v[i].len != v[0].len || !all_zero(v[i].data2, v[i].len))
			return false;
		t->mask = &v[i];
		reg = v[i++].dreg;
	}
	if (i == n || v[i].sreg != reg)
		return false;
	t->is = &v[i];
	t->used = i + 1;
	return comparison_is_ours(t);
}

static bool tests_bits(const struct test *t, uint32_t bits)
{
	return !memcmp(t->mask->data, &bits, sizeof bits);
}

bool nft_untracked_get(const struct fw_expr *v, size_t n, struct match *m)
{
	struct test t;

	if (!read_test(v, n, &t) || t.used != NFT_UNTRACKED_EXPRS ||
	    t.load->field != FW_F_CT_STATE || !t.mask || t.mask->len != sizeof(uint32_t) ||
	    t.is->op != FW_CMP || !t.negated || t.is->len != sizeof(uint32_t) ||
	    !all_zero(t.is->data, sizeof(uint32_t)))
		return false;
	for (int answers = 0; answers < 2; answers++) {
		m->answers = answers;
		if (tests_bits(&t, nft_untracked_bits(m)))
			return true;
	}
	m->answers = false;
	return false;
}

/* The n-th pair of first and last key that the test compares with, len bytes each. */
static size_t test_ranges(const struct test *t)
{
	return t->is->op == FW_LOOKUP ? t->is->set->n : 1;
}

static const uint8_t *range_lo(const struct test *t, size_t i)
{
	return t->is->op == FW_LOOKUP ? t->is->set->v[i].lo : t->is->data;
}

static const uint8_t *range_hi(const struct test *t, size_t i)
{
	if (t->is->op == FW_LOOKUP)
		return t->is->set->v[i].hi;
	return t->is->op == FW_RANGE ? t->is->data2 : t->is->data;
}

static uint16_t port_of(const uint8_t *key)
{
	return (uint16_t)(key[0] << 8 | key[1]);
}

static bool read_ports(const struct test *t, struct ports *out)
{
	if (t->mask || t->negated || (t->is->op != FW_LOOKUP && t->is->len != 2))
		return false;
	for (size_t i = 0; i < test_ranges(t); i++) {
		uint16_t lo = port_of(range_lo(t, i)), hi = port_of(range_hi(t, i));

		if (lo > hi)
			return false;
		ports_add(out, lo, hi);
	}
	ports_normalise(out);
	return true;
}

bool nft_set_ports(const struct fw_set *s, struct ports *out)
{
	struct fw_expr load = { .op = FW_LOAD, .len = 2 }, is = { .op = FW_LOOKUP, .set = s };
	struct test t = { .load = &load, .is = &is };

	return comparison_is_ours(&t) && read_ports(&t, out);
}

/* A mask of leading ones only; its length in *len. */
static bool read_mask(const uint8_t *mask, size_t bytes, uint8_t *len)
{
	size_t ones = 0;

	while (ones < bytes * 8 && mask[ones / 8] & 0x80 >> ones % 8)
		ones++;
	for (size_t i = ones; i < bytes * 8; i++)
		if (mask[i / 8] & 0x80 >> i % 8)
			return false;
	*len = (uint8_t)ones;
	return true;
}

/* lo and hi differ in all of their last bits and in no others. */
static bool read_prefix_range(const uint8_t *lo, const uint8_t *hi, size_t bytes, struct prefix *p)
{
	uint8_t same[16];

	for (size_t i = 0; i < bytes; i++) {
		same[i] = (uint8_t) ~(lo[i] ^ hi[i]);
		if (lo[i] & ~same[i])
			return false;
	}
	memcpy(p->addr, lo, bytes);
	return read_mask(same, bytes, &p->len);
}

static bool read_prefix(const struct test *t, const struct nft_field *f, struct prefix *p)
{
	size_t len = t->load->len;

	if (t->is->op != FW_CMP || t->is->len != len)
		return false;
	memcpy(p->addr, t->is->data, len);
	if (!t->mask) { /* a shorter load is a prefix of whole bytes */
		p->len = (uint8_t)(len * 8);
		return true;
	}
	if (len != f->len || !read_mask(t->mask->data, len, &p->len))
		return false;
	for (size_t i = 0; i < len; i++) /* a bit outside the mask: never true */
		if (p->addr[i] & ~t->mask->data[i])
			return false;
	return true;
}

static bool read_addrs(const struct test *t, const struct nft_field *f, struct addrs *out)
{
	struct prefix p = { .family = f->families == FAMILIES_V4 ? FAMILY_V4 : FAMILY_V6 };

	if (t->is->op != FW_LOOKUP) {
		if (!read_prefix(t, f, &p))
			return false;
		addrs_add(out, &p);
		return true;
	}
	if (t->mask || t->load->len != f->len)
		return false;
	for (size_t i = 0; i < test_ranges(t); i++) {
		if (!read_prefix_range(range_lo(t, i), range_hi(t, i), f->len, &p))
			return false;
		addrs_add(out, &p);
	}
	addrs_normalise(out);
	return true;
}

static bool add_name(struct ifaces *out, const uint8_t *bytes, size_t len, bool pattern)
{
	char name[IFNAMSIZ] = { 0 };

	if (len + pattern >= IFNAMSIZ || memchr(bytes, 0, len) || (!pattern && !len))
		return false;
	memcpy(name, bytes, len);
	/* "eth*" as a name would come back as a pattern. */
	if (!pattern && name[len - 1] == '*')
		return false;
	if (pattern)
		name[len] = '*';
	ifaces_add(out, name);
	return true;
}

/* [name, name] or ["veth\0...", "veth\xff..."]. */
static bool read_name_range(const uint8_t *lo, const uint8_t *hi, struct ifaces *out)
{
	size_t len = strnlen((const char *)lo, IFNAMSIZ);

	if (!all_zero(lo + len, IFNAMSIZ - len) || memcmp(lo, hi, len))
		return false;
	if (!memcmp(lo, hi, IFNAMSIZ))
		return add_name(out, lo, len, false);
	for (size_t i = len; i < IFNAMSIZ; i++)
		if (hi[i] != 0xff)
			return false;
	return add_name(out, lo, len, true);
}

static bool read_ifaces(const struct test *t, struct ifaces *out)
{
	if (t->mask || t->is->op == FW_RANGE)
		return false;
	if (t->is->op == FW_CMP) {
		size_t len = strnlen((const char *)t->is->data, t->is->len);

		if (t->is->len == IFNAMSIZ)
			return all_zero(t->is->data + len, IFNAMSIZ - len) &&
			       add_name(out, t->is->data, len, false);
		return len == t->is->len && add_name(out, t->is->data, len, true);
	}
	for (size_t i = 0; i < test_ranges(t); i++)
		if (!read_name_range(range_lo(t, i), range_hi(t, i), out))
			return false;
	ifaces_normalise(out);
	return true;
}

/* Exactly the types of one kind, of the family that the rest of the rule must then have. */
static bool read_types(const struct test *t, struct decoder *d)
{
	size_t n = test_ranges(t);

	if (t->mask || t->negated || (t->is->op == FW_CMP && t->is->len != 1) ||
	    t->is->op == FW_RANGE)
		return false;
	for (enum family f = FAMILY_V4; f <= FAMILY_V6; f++)
		for (enum icmp_kind k = ICMP_REQUEST; k <= ICMP_IS_ERROR; k++) {
			const uint8_t *types;
			size_t same = 0;

			if (icmp_kind_types(k, f, &types) != n)
				continue;
			while (same < n && range_lo(t, same)[0] == types[same] &&
			       range_hi(t, same)[0] == types[same])
				same++;
			if (same < n)
				continue;
			d->families &= f == FAMILY_V4 ? FAMILIES_V4 : FAMILIES_V6;
			d->m.icmp = k;
			return true;
		}
	return false;
}

static bool read_byte(const struct test *t, uint8_t *out)
{
	if (t->mask || t->negated || t->is->op != FW_CMP || t->is->len != 1)
		return false;
	*out = t->is->data[0];
	return true;
}

static bool read_nfproto(const struct test *t, struct decoder *d)
{
	uint8_t nfproto;

	if (!read_byte(t, &nfproto) || (nfproto != AF_INET && nfproto != AF_INET6))
		return false;
	d->families &= nfproto == AF_INET ? FAMILIES_V4 : FAMILIES_V6;
	return true;
}

static bool read_tcp_flags(const struct test *t, struct decoder *d)
{
	if (!t->mask || t->mask->data[0] != TCP_FLAGS_OF_STATE || t->is->op != FW_CMP ||
	    t->is->len != 1 || t->is->data[0] != TCP_SYN)
		return false;
	d->m.tcp = t->negated ? TCP_CONTINUING : TCP_OPENING;
	return true;
}

static bool read_dst_kind(const struct test *t, struct decoder *d)
{
	const uint32_t local = RTN_LOCAL;

	if (t->mask || t->is->op != FW_CMP || t->is->len != sizeof local ||
	    memcmp(t->is->data, &local, sizeof local))
		return false;
	d->m.dst_kind = t->negated ? DST_NOT_LOCAL : DST_LOCAL;
	return true;
}

static bool read_slot(const struct test *t, const struct nft_field *f, struct decoder *d)
{
	uint8_t ihl;

	switch (f->slot) {
	case NFT_IN:
		return read_ifaces(t, t->negated ? &d->m.not_in : &d->m.in);
	case NFT_OUT:
		return read_ifaces(t, t->negated ? &d->m.not_out : &d->m.out);
	case NFT_NFPROTO:
		return read_nfproto(t, d);
	case NFT_L4PROTO:
		return read_byte(t, &d->l4proto);
	case NFT_ICMP_TYPE:
		return read_types(t, d);
	case NFT_QUOTED_IHL:
		return read_byte(t, &ihl) && ihl == IHL_WITHOUT_OPTIONS;
	case NFT_QUOTED_PROTO:
		return read_byte(t, &d->m.proto);
	case NFT_SPORT:
		return read_ports(t, &d->m.sport);
	case NFT_DPORT:
		return read_ports(t, &d->m.dport);
	case NFT_SRC:
		return read_addrs(t, f, t->negated ? &d->m.not_src : &d->m.src);
	case NFT_DST:
		return read_addrs(t, f, t->negated ? &d->m.not_dst : &d->m.dst);
	case NFT_TCP_FLAGS:
		return read_tcp_flags(t, d);
	case NFT_DST_KIND:
		return read_dst_kind(t, d);
	case NFT_NOT_IN:
	case NFT_NOT_OUT:
	case NFT_NOT_SRC:
	case NFT_NOT_DST:
	case NFT_SLOTS:
		break; /* no field has them: the negation says it */
	}
	return false;
}

static bool has_negative(enum nft_slot s)
{
	return s == NFT_IN || s == NFT_OUT || s == NFT_SRC || s == NFT_DST;
}

static bool read_term(const struct test *t, const struct nft_field *f, struct decoder *d)
{
	enum nft_slot slot = has_negative(f->slot) && t->negated ? f->slot + 1 : f->slot;

	if (d->fields[slot])
		return false;
	d->fields[slot] = f;
	d->n++;
	d->families &= f->families;
	return read_slot(t, f, d);
}

/* A rule must ask for exactly what encoding its meaning would ask for: one that leaves out the
 * protocol, say, matches more than it seems to. */
static bool is_complete(const struct decoder *d, enum table_family table)
{
	struct nft_term terms[NFT_SLOTS];
	size_t n;

	if (!nft_match_fits(&d->m, table))
		return false;
	n = nft_terms(&d->m, table, terms);
	for (size_t i = 0; i < n; i++) {
		if (d->fields[terms[i].slot] != terms[i].field)
			return false;
		if (terms[i].slot == NFT_L4PROTO && terms[i].list.number != d->l4proto)
			return false;
	}
	return n == d->n;
}

bool nft_match_get(const struct fw_expr *v, size_t n, enum table_family table, struct match *out,
		   size_t *used)
{
	struct decoder d = { .families = table == TABLE_IP    ? FAMILIES_V4
					 : table == TABLE_IP6 ? FAMILIES_V6
							      : FAMILIES_BOTH };
	struct test t;
	bool ok = true;

	*used = 0;
	while (ok && *used < n && read_test(v + *used, n - *used, &t)) {
		const struct nft_field *f =
			nft_field_find(t.load->field, t.load->offset, t.load->len);

		if (!f)
			break;
		ok = read_term(&t, f, &d);
		*used += t.used;
	}
	d.m.families = d.families;
	if (d.m.icmp != ICMP_IS_ERROR)
		d.m.proto = d.l4proto;
	if (!ok || !is_complete(&d, table)) {
		match_free(&d.m);
		return false;
	}
	*out = d.m;
	return true;
}
