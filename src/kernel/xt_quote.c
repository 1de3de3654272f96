/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP as programs of the u32 match. */
#include "kernel/xt_quote.h"

#include <linux/netfilter/xt_u32.h>
#include <netinet/in.h>
#include <string.h>

/* iptables-restore takes no argument longer than 1023 characters (1.8.9, xshared.c). */
#define PROGRAM_TEXT_MAX 900
#define TCP_FLAGS_OF_STATE 0x17 /* FIN, SYN, RST, ACK */
#define TCP_SYN 0x02
#define IHL_WITHOUT_OPTIONS 0x45

enum quoted { /* what a test looks at */
	      OUTER_PROTO,
	      ICMP_TYPE,
	      QUOTED_HEADER, /* IPv4: version and length */
	      QUOTED_PROTO,
	      QUOTED_SPORT,
	      QUOTED_DPORT,
	      QUOTED_SRC,
	      QUOTED_DST,
};

struct program { /* being written */
	struct xt_u32 now;
	size_t text; /* of its tests, as iptables-save prints them */
	struct xt_buf **v;
	size_t *n;
};

static bool is_v4(const struct match *m)
{
	return m->families == FAMILIES_V4;
}

/* ---- where things are --------------------------------------------------------------------------
 */

static void step(struct xt_u32_test *t, enum xt_u32_ops op, uint32_t number)
{
	t->location[t->nnums].nextop = (uint8_t)op;
	t->location[t->nnums++].number = number;
}

/* "22 & 0x3C @ to": over an IPv4 header, whose length stands in its first word. */
static void skip_header(struct xt_u32_test *t, uint32_t to)
{
	step(t, XT_U32_RIGHTSH, 22);
	step(t, XT_U32_AND, 0x3c);
	step(t, XT_U32_AT, to);
}

/* The ICMP header is 8 bytes long, the quoted header of 20 bytes follows (QUOTED_HEADER makes sure
 * that it has no options, as nftables' rules do), then the quoted ports. */
static void locate4(struct xt_u32_test *t, enum quoted what)
{
	step(t, XT_U32_AND, 0); /* the first number has no operation */
	switch (what) {
	case OUTER_PROTO: /* iptables has found the right header itself */
		break;
	case ICMP_TYPE:
		skip_header(t, 0);
		step(t, XT_U32_RIGHTSH, 24);
		break;
	case QUOTED_HEADER:
		skip_header(t, 8);
		step(t, XT_U32_RIGHTSH, 24);
		break;
	case QUOTED_PROTO:
		skip_header(t, 16);
		step(t, XT_U32_RIGHTSH, 16);
		step(t, XT_U32_AND, 0xff);
		break;
	case QUOTED_SPORT:
	case QUOTED_DPORT:
		skip_header(t, 28);
		step(t, what == QUOTED_SPORT ? XT_U32_RIGHTSH : XT_U32_AND,
		     what == QUOTED_SPORT ? 16 : 0xffff);
		break;
	case QUOTED_SRC:
		skip_header(t, 20);
		break;
	case QUOTED_DST:
		skip_header(t, 24);
		break;
	}
}

/* Fixed places: OUTER_PROTO makes sure that no extension header lies before the ICMP header. */
static void locate6(struct xt_u32_test *t, enum quoted what, uint32_t word)
{
	switch (what) {
	case QUOTED_HEADER: /* always 40 bytes */
		break;
	case OUTER_PROTO:
		step(t, XT_U32_AND, 4);
		step(t, XT_U32_RIGHTSH, 8);
		step(t, XT_U32_AND, 0xff);
		break;
	case ICMP_TYPE:
		step(t, XT_U32_AND, 40);
		step(t, XT_U32_RIGHTSH, 24);
		break;
	case QUOTED_PROTO:
		step(t, XT_U32_AND, 52);
		step(t, XT_U32_RIGHTSH, 8);
		step(t, XT_U32_AND, 0xff);
		break;
	case QUOTED_SPORT:
		step(t, XT_U32_AND, 88);
		step(t, XT_U32_RIGHTSH, 16);
		break;
	case QUOTED_DPORT:
		step(t, XT_U32_AND, 88);
		step(t, XT_U32_AND, 0xffff);
		break;
	case QUOTED_SRC:
		step(t, XT_U32_AND, 56 + 4 * word);
		break;
	case QUOTED_DST:
		step(t, XT_U32_AND, 72 + 4 * word);
		break;
	}
}

/* word: which of the four of an IPv6 address, else 0. */
static void locate(struct xt_u32_test *t, bool v4, enum quoted what, uint32_t word)
{
	memset(t, 0, sizeof *t);
	if (v4)
		locate4(t, what);
	else
		locate6(t, what, word);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static void value(struct xt_u32_test *t, uint32_t min, uint32_t max)
{
	t->value[t->nvalues].min = min;
	t->value[t->nvalues++].max = max;
}

static size_t number_text(uint32_t n)
{
	size_t len = strlen("0x0");

	while (n >>= 4)
		len++;
	return len;
}

/* Length of "0x0>>0x16&0x3c@0x0>>0x18=0x3:0x5,0xb&&", at most. */
static size_t test_text(const struct xt_u32_test *t)
{
	size_t len = 0;

	for (size_t i = 0; i < t->nnums; i++)
		len += number_text(t->location[i].number) + strlen(">>");
	for (size_t i = 0; i < t->nvalues; i++)
		len += number_text(t->value[i].min) + number_text(t->value[i].max) + strlen(":,");
	return len + strlen("=&&");
}

static void end_match(struct program *p)
{
	if (p->now.ntests)
		xt_buf_add(p->v, p->n, "u32", 0, &p->now, sizeof p->now);
	memset(&p->now, 0, sizeof p->now);
	p->text = 0;
}

static void test(struct program *p, const struct xt_u32_test *t)
{
	size_t len = test_text(t);

	if (p->now.ntests == XT_U32_MAXSIZE || p->text + len > PROGRAM_TEXT_MAX)
		end_match(p);
	memcpy(&p->now.tests[p->now.ntests++], t, sizeof *t);
	p->text += len;
}

static void test_number(struct program *p, bool v4, enum quoted what, uint32_t number)
{
	struct xt_u32_test t;

	locate(&t, v4, what, 0);
	value(&t, number, number);
	test(p, &t);
}

static void test_types(struct program *p, const struct match *m)
{
	const uint8_t *types;
	size_t n = icmp_kind_types(m->icmp, is_v4(m) ? FAMILY_V4 : FAMILY_V6, &types);
	struct xt_u32_test t;

	locate(&t, is_v4(m), ICMP_TYPE, 0);
	for (size_t i = 0; i < n; i++)
		if (t.nvalues && t.value[t.nvalues - 1].max + 1 == types[i])
			t.value[t.nvalues - 1].max = types[i];
		else
			value(&t, types[i], types[i]);
	test(p, &t);
}

static void test_ports(struct program *p, bool v4, enum quoted what, const struct ports *ports)
{
	struct xt_u32_test t;

	if (!ports->n)
		return;
	locate(&t, v4, what, 0);
	for (size_t i = 0; i < ports->n && i < XT_U32_MAXSIZE; i++)
		value(&t, ports->v[i].lo, ports->v[i].hi);
	test(p, &t);
}

static uint32_t word_of(const uint8_t *v)
{
	return (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3];
}

static uint32_t mask_of(unsigned bits)
{
	return bits ? UINT32_MAX << (32 - bits) : 0;
}

/* Bits of a prefix that lie in one of its words. */
static unsigned bits_in(const struct prefix *p, unsigned word)
{
	unsigned bits = p->len > 32 * word ? p->len - 32 * word : 0;

	return bits < 32 ? bits : 32;
}

static void mask_word(struct xt_u32_test *t, unsigned bits)
{
	if (bits < 32)
		step(t, XT_U32_AND, mask_of(bits));
}

/* In the prefix: one test for each word of it, the first even where it has no bits, so that the
 * prefix can be read back. */
static void test_prefix(struct program *p, bool v4, enum quoted what, const struct prefix *x)
{
	struct xt_u32_test t;

	for (unsigned word = 0; word == 0 || bits_in(x, word); word++) {
		locate(&t, v4, what, word);
		mask_word(&t, bits_in(x, word));
		value(&t, word_of(x->addr + 4 * word), word_of(x->addr + 4 * word));
		test(p, &t);
		if (word == (v4 ? 0 : 3))
			break;
	}
}

/* Not in the prefix: all values but one. */
static void test_no_prefix4(struct program *p, enum quoted what, const struct prefix *x)
{
	uint32_t number = word_of(x->addr);
	struct xt_u32_test t;

	locate(&t, true, what, 0);
	mask_word(&t, bits_in(x, 0));
	if (number)
		value(&t, 0, number - 1);
	if (number < UINT32_MAX)
		value(&t, number + 1, UINT32_MAX);
	test(p, &t);
}

/* Several words differ somewhere: a match of its own, inverted. That is true of a packet that ends
 * too early, too; test_address_is_there sees to it. */
static void test_no_prefix6(struct program *p, enum quoted what, const struct prefix *x)
{
	end_match(p);
	test_prefix(p, false, what, x);
	p->now.invert = 1;
	end_match(p);
}

static void test_address_is_there(struct program *p, enum quoted what)
{
	struct xt_u32_test t;

	locate(&t, false, what, 3);
	value(&t, 0, UINT32_MAX);
	test(p, &t);
}

static void test_addresses(struct program *p, bool v4, enum quoted what, const struct addrs *in,
			   const struct addrs *not_in)
{
	for (size_t i = 0; i < in->n; i++)
		test_prefix(p, v4, what, &in->v[i]);
	for (size_t i = 0; v4 && i < not_in->n; i++)
		test_no_prefix4(p, what, &not_in->v[i]);
	if (!v4 && not_in->n)
		test_address_is_there(p, what);
}

void xt_quote_write(const struct match *m, struct xt_buf **v, size_t *n)
{
	struct program p = { .v = v, .n = n };
	bool v4 = is_v4(m);

	if (m->icmp == ICMP_ANY)
		return;
	memset(&p.now, 0, sizeof p.now);
	if (!v4)
		test_number(&p, v4, OUTER_PROTO, IPPROTO_ICMPV6);
	test_types(&p, m);
	if (m->icmp == ICMP_IS_ERROR) {
		if (v4 && (m->sport.n || m->dport.n))
			test_number(&p, v4, QUOTED_HEADER, IHL_WITHOUT_OPTIONS);
		if (m->proto)
			test_number(&p, v4, QUOTED_PROTO, m->proto);
		test_ports(&p, v4, QUOTED_SPORT, &m->sport);
		test_ports(&p, v4, QUOTED_DPORT, &m->dport);
		test_addresses(&p, v4, QUOTED_SRC, &m->src, &m->not_src);
		test_addresses(&p, v4, QUOTED_DST, &m->dst, &m->not_dst);
		for (size_t i = 0; !v4 && i < m->not_src.n; i++)
			test_no_prefix6(&p, QUOTED_SRC, &m->not_src.v[i]);
		for (size_t i = 0; !v4 && i < m->not_dst.n; i++)
			test_no_prefix6(&p, QUOTED_DST, &m->not_dst.v[i]);
	}
	end_match(&p);
}

/* Byte 13 of the TCP header, in its fourth word: SYN alone, or anything else. */
void xt_quote_flags(const struct match *m, struct xt_buf **v, size_t *n)
{
	struct program p = { .v = v, .n = n };
	bool v4 = is_v4(m);
	struct xt_u32_test t;

	memset(&p.now, 0, sizeof p.now);
	memset(&t, 0, sizeof t);
	step(&t, XT_U32_AND, v4 ? 0 : 52);
	if (v4)
		skip_header(&t, 12);
	else
		test_number(&p, v4, OUTER_PROTO, IPPROTO_TCP);
	step(&t, XT_U32_RIGHTSH, 16);
	step(&t, XT_U32_AND, TCP_FLAGS_OF_STATE);
	if (m->tcp == TCP_OPENING) {
		value(&t, TCP_SYN, TCP_SYN);
	} else {
		value(&t, 0, TCP_SYN - 1);
		value(&t, TCP_SYN + 1, TCP_FLAGS_OF_STATE);
	}
	test(&p, &t);
	end_match(&p);
}

/* ---- reading -----------------------------------------------------------------------------------
 */

struct place { /* what a test looks at, as read */
	enum quoted what;
	unsigned word;
	unsigned bits; /* of the word that are compared */
};

static bool same_steps(const struct xt_u32_test *t, const struct xt_u32_test *at)
{
	for (size_t i = 0; i < at->nnums; i++)
		if (t->location[i].number != at->location[i].number ||
		    t->location[i].nextop != at->location[i].nextop)
			return false;
	return true;
}

static bool is_address(enum quoted what)
{
	return what == QUOTED_SRC || what == QUOTED_DST;
}

/* Is this the place that t looks at, with a mask behind it where it is an address? */
static bool is_at(const struct xt_u32_test *t, const struct xt_u32_test *at, struct place *p)
{
	uint32_t mask;

	p->bits = 32;
	if (t->nnums < at->nnums || !same_steps(t, at))
		return false;
	if (t->nnums == at->nnums)
		return true;
	if (t->nnums != at->nnums + 1 || !is_address(p->what) ||
	    t->location[at->nnums].nextop != XT_U32_AND)
		return false;
	mask = t->location[at->nnums].number;
	for (p->bits = 0; p->bits < 32 && mask_of(p->bits) != mask; p->bits++)
		;
	return p->bits < 32;
}

static bool find_place(const struct xt_u32_test *t, bool v4, struct place *p)
{
	for (enum quoted what = OUTER_PROTO; what <= QUOTED_DST; what++) {
		if (!v4 && what == QUOTED_HEADER)
			continue;
		for (unsigned word = 0; word < (!v4 && is_address(what) ? 4 : 1); word++) {
			struct xt_u32_test at;

			*p = (struct place){ what, word, 0 };
			locate(&at, v4, what, word);
			if (is_at(t, &at, p))
				return true;
		}
	}
	return false;
}

/* A word of a prefix: the first begins a new one. */
static bool read_prefix(struct addrs *l, const struct match *m, const struct place *p,
			uint32_t number)
{
	struct prefix x = { .family = is_v4(m) ? FAMILY_V4 : FAMILY_V6 };
	struct prefix *to;

	if (p->word == 0)
		addrs_add(l, &x);
	if (number & ~mask_of(p->bits) || !l->n || l->v[l->n - 1].len != 32 * p->word)
		return false;
	to = &l->v[l->n - 1];
	to->len = (uint8_t)(to->len + p->bits);
	for (unsigned i = 0; i < 4; i++)
		to->addr[4 * p->word + i] = (uint8_t)(number >> (24 - 8 * i));
	return true;
}

static bool read_address(struct match *m, const struct xt_u32_test *t, const struct place *p,
			 bool inverted)
{
	bool src = p->what == QUOTED_SRC;
	struct addrs *in = src ? &m->src : &m->dst, *not_in = src ? &m->not_src : &m->not_dst;
	uint32_t min = t->value[0].min, max = t->value[0].max;

	if (t->nvalues == 1 && min == max)
		return read_prefix(inverted ? not_in : in, m, p, min);
	if (t->nvalues == 1 && min == 0 && max == UINT32_MAX)
		return true; /* the address is there */
	/* All values but one; it is the first, the last, or between two ranges. */
	return is_v4(m) && !inverted && read_prefix(not_in, m, p, min == 1 ? 0 : max + 1);
}

static bool read_ports(struct ports *p, const struct xt_u32_test *t)
{
	for (size_t i = 0; i < t->nvalues; i++) {
		if (t->value[i].min > t->value[i].max || t->value[i].max > UINT16_MAX)
			return false;
		ports_add(p, (uint16_t)t->value[i].min, (uint16_t)t->value[i].max);
	}
	return true;
}

static bool read_kind(struct match *m, uint32_t first)
{
	for (enum icmp_kind k = ICMP_REQUEST; k <= ICMP_IS_ERROR; k++) {
		const uint8_t *types;

		if (icmp_kind_types(k, is_v4(m) ? FAMILY_V4 : FAMILY_V6, &types) &&
		    *types == first) {
			m->icmp = k;
			if (k == ICMP_IS_ERROR)
				m->proto = 0; /* that of the header; the quoted one follows */
			return true;
		}
	}
	return false;
}

static bool read_one(struct match *m, const struct xt_u32_test *t, bool inverted)
{
	struct place p;

	if (t->nnums > ARRAY_SIZE(t->location) || !t->nvalues ||
	    t->nvalues > ARRAY_SIZE(t->value) || !find_place(t, is_v4(m), &p))
		return false;
	switch (p.what) {
	case OUTER_PROTO:
	case QUOTED_HEADER:
		return true;
	case ICMP_TYPE:
		return read_kind(m, t->value[0].min);
	case QUOTED_PROTO:
		m->proto = (uint8_t)t->value[0].min;
		return true;
	case QUOTED_SPORT:
		return read_ports(&m->sport, t);
	case QUOTED_DPORT:
		return read_ports(&m->dport, t);
	case QUOTED_SRC:
	case QUOTED_DST:
		return read_address(m, t, &p, inverted);
	}
	return false;
}

bool xt_quote_read(const struct xt_ext *x, struct match *m)
{
	struct xt_u32 u;

	if (x->len < sizeof u)
		return false;
	memcpy(&u, x->data, sizeof u);
	if (u.ntests > ARRAY_SIZE(u.tests))
		return false;
	for (size_t i = 0; i < u.ntests; i++)
		if (!read_one(m, &u.tests[i], u.invert))
			return false;
	return true;
}
