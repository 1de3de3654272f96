/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header of an iptables rule, and what a twin of the rule makes of it. */
#include "rules/iptables.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include "rules/packet.h"

enum header_field {
	HEADER_IN,
	HEADER_OUT,
	HEADER_PROTO,
	HEADER_SRC,
	HEADER_DST,
	HEADER_SPORT,
	HEADER_DPORT,
	HEADER_FLAGS, /* TCP's */
	HEADER_ODD,   /* something of the network header that no twin can carry over */
};

struct header_test { /* a load, perhaps a mask, and a comparison */
	enum header_field field;
	bool inverted;
	char name[IFNAMSIZ]; /* IN, OUT: "eth0" or "eth*" */
	struct prefix prefix;
	uint16_t lo, hi; /* ports, protocol; flags: mask and value */
	size_t used;	 /* expressions */
};

struct test_parts {
	const struct fw_expr *load, *mask, *cmp; /* mask may be NULL */
};

static bool read_parts(const struct fw_rule *r, size_t i, struct test_parts *p)
{
	const struct fw_expr *e = &r->exprs[i], *end = r->exprs + r->n_exprs;

	*p = (struct test_parts){ .load = e };
	if (e->op != FW_LOAD)
		return false;
	if (++e < end && e->op == FW_BITWISE && e->sreg == p->load->dreg) {
		p->mask = e;
		e++;
	}
	p->cmp = e;
	return e < end && (e->op == FW_CMP || e->op == FW_RANGE) &&
	       e->sreg == (p->mask ? p->mask->dreg : p->load->dreg);
}

/* "eth0" is compared with its end, "eth*" without (nft_ifname of iptables, FACTS C6). */
static bool read_name(const struct test_parts *p, struct header_test *t)
{
	size_t len = strnlen((const char *)p->cmp->data, p->cmp->len);

	bool prefix = len == p->cmp->len;

	if (p->mask || p->cmp->op != FW_CMP || !len || len + prefix >= IFNAMSIZ)
		return false;
	memcpy(t->name, p->cmp->data, len);
	if (prefix)
		t->name[len] = '*';
	return true;
}

static bool mask_length(const uint8_t *mask, size_t n, uint8_t *len)
{
	size_t bits = 0;

	while (bits < n * 8 && mask[bits / 8] & 0x80 >> bits % 8)
		bits++;
	for (size_t i = bits; i < n * 8; i++)
		if (mask[i / 8] & 0x80 >> i % 8)
			return false;
	*len = (uint8_t)bits;
	return true;
}

static bool read_prefix(const struct test_parts *p, enum family f, struct header_test *t)
{
	const size_t full = f == FAMILY_V4 ? 4 : 16, n = p->cmp->len;
	static const uint8_t zero[FW_DATA_MAX];

	t->prefix = (struct prefix){ .family = f, .len = (uint8_t)(n * 8) };
	if (p->cmp->op != FW_CMP || !n || n > full || n != p->load->len)
		return false;
	if (p->mask && (p->mask->len != n || memcmp(p->mask->data2, zero, n) ||
			!mask_length(p->mask->data, n, &t->prefix.len)))
		return false;
	memcpy(t->prefix.addr, p->cmp->data, n);
	for (size_t i = t->prefix.len; i < n * 8; i++)
		if (t->prefix.addr[i / 8] & 0x80 >> i % 8)
			return false; /* never true: not what anybody means */
	return true;
}

static uint16_t port_of(const uint8_t *v)
{
	return (uint16_t)(v[0] << 8 | v[1]);
}

static bool read_ports(const struct test_parts *p, struct header_test *t)
{
	if (p->mask || p->cmp->len != 2)
		return false;
	t->lo = t->hi = port_of(p->cmp->data);
	if (p->cmp->op == FW_RANGE)
		t->hi = port_of(p->cmp->data2);
	return t->lo <= t->hi;
}

static bool read_flags(const struct test_parts *p, struct header_test *t)
{
	if (!p->mask || p->mask->len != 1 || p->mask->data2[0] || p->cmp->op != FW_CMP)
		return false;
	t->lo = p->mask->data[0];
	t->hi = p->cmp->data[0];
	return true;
}

static bool read_number(const struct test_parts *p, struct header_test *t)
{
	if (p->mask || p->cmp->op != FW_CMP || p->cmp->len != 1)
		return false;
	t->lo = t->hi = p->cmp->data[0];
	return true;
}

bool iptables_loads_proto(const struct fw_expr *load, enum family f)
{
	return load->field == FW_F_L4PROTO || (load->field == FW_F_NETWORK && f == FAMILY_V4 &&
					       load->offset == 9 && load->len == 1);
}

/* Where the fields lie: RFC 791, RFC 8200; TCP and UDP begin with their ports. */
static bool which_field(const struct fw_expr *load, enum family f, enum header_field *out)
{
	const bool v4 = f == FAMILY_V4;
	const uint16_t src = v4 ? 12 : 8, dst = v4 ? 16 : 24;

	if (iptables_loads_proto(load, f)) {
		*out = HEADER_PROTO;
		return true;
	}
	switch (load->field) {
	case FW_F_IIFNAME:
		*out = HEADER_IN;
		return true;
	case FW_F_OIFNAME:
		*out = HEADER_OUT;
		return true;
	case FW_F_NETWORK:
		*out = load->offset == src   ? HEADER_SRC
		       : load->offset == dst ? HEADER_DST
					     : HEADER_ODD;
		return true;
	case FW_F_TRANSPORT:
		*out = load->offset == 0   ? HEADER_SPORT
		       : load->offset == 2 ? HEADER_DPORT
					   : HEADER_FLAGS;
		return load->len == (load->offset < 13 ? 2 : 1) &&
		       (load->offset == 0 || load->offset == 2 || load->offset == 13);
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

/* false: no test of the header; *t is HEADER_ODD where it is one all the same. */
static bool read_test(const struct fw_rule *r, size_t i, enum family f, struct header_test *t)
{
	struct test_parts p;
	bool good = false;

	*t = (struct header_test){ 0 };
	if (!read_parts(r, i, &p) || !which_field(p.load, f, &t->field))
		return false;
	if (p.cmp->op == FW_CMP && p.cmp->cmp != FW_EQ && p.cmp->cmp != FW_NEQ)
		return false;
	t->used = (size_t)(p.cmp - &r->exprs[i]) + 1;
	t->inverted = p.cmp->op == FW_CMP ? p.cmp->cmp == FW_NEQ : p.cmp->inverted;
	switch (t->field) {
	case HEADER_IN:
	case HEADER_OUT:
		good = read_name(&p, t);
		break;
	case HEADER_PROTO:
		good = read_number(&p, t);
		break;
	case HEADER_SRC:
	case HEADER_DST:
		good = read_prefix(&p, f, t);
		break;
	case HEADER_SPORT:
	case HEADER_DPORT:
		return read_ports(&p, t);
	case HEADER_FLAGS:
		return read_flags(&p, t);
	case HEADER_ODD:
		break;
	}
	if (!good)
		t->field = HEADER_ODD;
	return true;
}

/* The operations after a carrier, or alone, that have no text of their own. */
static size_t lowered_end(const struct fw_rule *r, size_t i)
{
	while (i < r->n_exprs && !r->exprs[i].body)
		i++;
	return i;
}

void iptables_mark_odd(struct fw_rule *r, enum family f)
{
	struct header_test t;

	for (size_t i = 0; i < r->n_exprs; i++) {
		if (r->exprs[i].op == FW_XT) {
			i = lowered_end(r, i + 1) - 1;
			continue;
		}
		if (read_test(r, i, f, &t)) {
			r->exprs[i].once = r->exprs[i].once || t.field == HEADER_ODD;
			i += t.used - 1;
		} else if (r->exprs[i].op == FW_LOAD && r->exprs[i].field == FW_F_NETWORK) {
			r->exprs[i].once = true;
		}
	}
}

/* ---- narrowing ---------------------------------------------------------------------------------
 */

static bool is_pattern(const char *s)
{
	return *s && s[strlen(s) - 1] == '*';
}

/* Every interface of inner is one of outer. */
static bool contains(const char *outer, const char *inner)
{
	size_t n = strlen(outer);

	return is_pattern(outer) ? !strncmp(outer, inner, n - 1) &&
					   (is_pattern(inner) ? strlen(inner) >= n : true)
				 : !strcmp(outer, inner);
}

static bool overlap(const char *a, const char *b)
{
	return contains(a, b) || contains(b, a);
}

/* Only the interfaces of name; false: none is left. */
static bool keep_interfaces(struct ifaces *in, struct ifaces *not_in, const char *name)
{
	struct ifaces kept = { 0 }, excluded = { 0 };

	for (size_t i = 0; i < not_in->n; i++)
		if (contains(not_in->v[i], name))
			return false;
	for (size_t i = 0; i < in->n; i++)
		if (overlap(in->v[i], name))
			ifaces_add(&kept, contains(name, in->v[i]) ? in->v[i] : name);
	if (!in->n)
		ifaces_add(&kept, name);
	for (size_t i = 0; i < not_in->n; i++)
		if (overlap(not_in->v[i], name))
			ifaces_add(&excluded, not_in->v[i]);
	free(in->v);
	free(not_in->v);
	*in = kept;
	*not_in = excluded;
	ifaces_normalise(in);
	return kept.n != 0;
}

static bool drop_interfaces(struct ifaces *in, struct ifaces *not_in, const char *name)
{
	bool any = !in->n, within = !in->n;
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++) {
		if (contains(name, in->v[i]))
			continue;
		within = within || contains(in->v[i], name);
		memmove(in->v[n++], in->v[i], IFNAMSIZ);
	}
	in->n = n;
	if (within) {
		ifaces_add(not_in, name);
		ifaces_normalise(not_in);
	}
	return any || n;
}

static uint8_t proto_of(const struct match *m)
{
	if (m->icmp == ICMP_IS_ERROR)
		return m->families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	return m->proto;
}

static bool keep_ports(struct ports *p, uint16_t lo, uint16_t hi)
{
	struct ports kept = { 0 };

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].lo <= hi && p->v[i].hi >= lo)
			ports_add(&kept, p->v[i].lo > lo ? p->v[i].lo : lo,
				  p->v[i].hi < hi ? p->v[i].hi : hi);
	if (!p->n)
		ports_add(&kept, lo, hi);
	free(p->v);
	*p = kept;
	return kept.n != 0;
}

static bool drop_ports(struct ports *p, uint16_t lo, uint16_t hi)
{
	struct port_range range = { lo, hi };
	struct ports minus = { &range, 1 };

	if (!p->n)
		ports_add(p, 0, UINT16_MAX);
	ports_subtract(p, &minus);
	return p->n != 0;
}

static bool has_plain_ports(const struct match *m)
{
	return m->icmp == ICMP_ANY && (m->proto == IPPROTO_TCP || m->proto == IPPROTO_UDP);
}

/* Does m say already that the flags are so? SYN alone of FIN, SYN, RST, ACK (match.h). */
static bool flags_implied(const struct header_test *t, const struct match *m)
{
	return t->lo == 0x17 && t->hi == 0x02 &&
	       m->tcp == (t->inverted ? TCP_CONTINUING : TCP_OPENING);
}

enum narrowed { NARROWED, CARRIED, EMPTY };

static enum narrowed narrow(const struct header_test *t, struct match *m)
{
	bool left = true;

	switch (t->field) {
	case HEADER_IN:
	case HEADER_OUT:
		left = (t->inverted ? drop_interfaces : keep_interfaces)(
			t->field == HEADER_IN ? &m->in : &m->out,
			t->field == HEADER_IN ? &m->not_in : &m->not_out, t->name);
		break;
	case HEADER_PROTO:
		left = (proto_of(m) == t->lo) != t->inverted;
		break;
	case HEADER_SPORT:
	case HEADER_DPORT:
		if (!has_plain_ports(m))
			return CARRIED;
		left = (t->inverted ? drop_ports : keep_ports)(
			t->field == HEADER_SPORT ? &m->sport : &m->dport, t->lo, t->hi);
		break;
	case HEADER_FLAGS:
		return flags_implied(t, m) ? NARROWED : CARRIED;
	case HEADER_SRC:
	case HEADER_DST:
	case HEADER_ODD:
		return CARRIED;
	}
	return left ? NARROWED : EMPTY;
}

/* ---- the body ----------------------------------------------------------------------------------
 */

struct body {
	const struct fw_rule *rule;
	enum family family;
	struct match *match;
	struct text src, dst, rest; /* addresses come first, in this order */
};

void iptables_put_address(struct text *t, bool is_src, bool inverted, const struct prefix *p)
{
	text_add(t, "%s%s:%s", t->len ? " " : "", is_src ? "saddr" : "daddr", inverted ? "!" : "");
	prefix_text(p, t);
}

bool iptables_take_address(const char **body, bool *is_src, bool *inverted, struct prefix *out)
{
	const char *s = *body + strspn(*body, " ");
	char word[INET6_ADDRSTRLEN + 8] = "";
	bool src = !strncmp(s, "saddr:", 6);
	size_t n;

	if (!src && strncmp(s, "daddr:", 6) != 0)
		return false;
	s += 6;
	n = strcspn(s, " ");
	if (n >= sizeof(word))
		return false;
	memcpy(word, s, n);
	if (!prefix_parse(word + (*word == '!'), out))
		return false;
	*is_src = src;
	*inverted = *word == '!';
	*body = s + n + strspn(s + n, " ");
	return true;
}

static void carry(struct body *b, const struct fw_expr *e)
{
	text_add(&b->rest, "%s%s", b->rest.len ? " " : "", e->body);
}

/* A test of the header; NARROWED where it need not be carried over. */
static enum narrowed header(struct body *b, const struct header_test *t)
{
	if (t->field == HEADER_SRC || t->field == HEADER_DST) {
		bool src = t->field == HEADER_SRC;

		iptables_put_address(src ? &b->src : &b->dst, src, t->inverted, &t->prefix);
		return NARROWED;
	}
	return narrow(t, b->match);
}

static bool asks_conntrack(const struct fw_rule *r, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (r->exprs[i].op == FW_LOAD &&
		    (r->exprs[i].field == FW_F_CT_STATE || r->exprs[i].field == FW_F_CT_OTHER))
			return true;
	return false;
}

/* -m tcp --dport 80: its ports go into the twin's match, if that is all that it asks. */
static enum narrowed narrow_ports(struct body *b, size_t from, size_t to)
{
	struct match m;
	struct header_test t;
	enum narrowed result = NARROWED;

	match_copy(&m, b->match);
	for (size_t i = from; i < to && result == NARROWED; i += t.used) {
		if (!read_test(b->rule, i, b->family, &t) || i + t.used > to ||
		    t.field < HEADER_SPORT || t.field > HEADER_FLAGS)
			result = CARRIED;
		else
			result = narrow(&t, &m);
	}
	if (result == NARROWED) {
		match_free(b->match);
		*b->match = m;
	} else {
		match_free(&m);
	}
	return result;
}

static enum narrowed extension(struct body *b, size_t i, size_t end)
{
	const struct fw_expr *e = &b->rule->exprs[i];
	bool ports = e->object && (!strcmp(e->object, "tcp") || !strcmp(e->object, "udp"));
	enum narrowed n;

	if (asks_conntrack(b->rule, i + 1, end))
		return NARROWED;
	n = ports && end > i + 1 ? narrow_ports(b, i + 1, end) : CARRIED;
	if (n == CARRIED)
		carry(b, e);
	return n;
}

static bool make_body(struct body *b)
{
	const struct fw_rule *r = b->rule;
	struct header_test t;
	enum narrowed n;

	for (size_t i = 0; i < r->n_exprs;) {
		size_t end = i + 1;

		if (r->exprs[i].op == FW_XT) {
			end = lowered_end(r, i + 1);
			n = extension(b, i, end);
		} else if (read_test(r, i, b->family, &t)) {
			end = i + t.used;
			n = header(b, &t);
			for (size_t k = i; n == CARRIED && k < end; k++)
				if (r->exprs[k].body)
					carry(b, &r->exprs[k]);
		} else {
			n = CARRIED;
			if (r->exprs[i].body)
				carry(b, &r->exprs[i]);
		}
		if (n == EMPTY)
			return false;
		i = end;
	}
	return true;
}

char *iptables_twin_body(const struct fw_rule *r, struct match *m)
{
	struct match narrowed;
	struct body b = { r,	     m->families == FAMILIES_V4 ? FAMILY_V4 : FAMILY_V6,
			  &narrowed, { 0 },
			  { 0 },     { 0 } };
	struct text t = { 0 };
	const struct text *parts[] = { &b.src, &b.dst, &b.rest };
	bool made;

	match_copy(&narrowed, m);
	made = make_body(&b);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i]->len)
			text_add(&t, "%s%s", t.len ? " " : "", parts[i]->s);
	free(b.src.s);
	free(b.dst.s);
	free(b.rest.s);
	if (!made) {
		match_free(&narrowed);
		free(t.s);
		return NULL;
	}
	match_free(m);
	*m = narrowed;
	return t.s ? t.s : xstrdup("");
}
