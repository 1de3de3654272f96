/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address prefixes and lists of them. */
#include "rules/match.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static unsigned family_bits(enum family f)
{
	return f == FAMILY_V4 ? 32 : 128;
}

void addrs_add(struct addrs *l, const struct prefix *p)
{
	*ARRAY_ADD(l->v, l->n) = *p;
}

static int compare_prefixes(const void *va, const void *vb)
{
	const struct prefix *a = va, *b = vb;
	int c;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	c = memcmp(a->addr, b->addr, family_bits(a->family) / 8);
	return c ? c : a->len - b->len;
}

/* Are the first len bits of a and b the same? */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned len)
{
	unsigned whole = len / 8, rest = len % 8;

	if (memcmp(a, b, whole))
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

bool prefix_holds(const struct prefix *outer, const struct prefix *inner)
{
	return outer->family == inner->family && outer->len <= inner->len &&
	       same_bits(outer->addr, inner->addr, outer->len);
}

bool addrs_hold(const struct addrs *l, const struct prefix *p)
{
	for (size_t i = 0; i < l->n; i++)
		if (prefix_holds(&l->v[i], p))
			return true;
	return false;
}

/* None is inside another: only the last one that begins at or before the address can cover it. */
bool addrs_cover(const struct addrs *l, enum family f, const uint8_t *addr)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct prefix *p = &l->v[mid];

		if (p->family < f ||
		    (p->family == f && memcmp(p->addr, addr, family_bits(f) / 8) <= 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && l->v[lo - 1].family == f &&
	       same_bits(l->v[lo - 1].addr, addr, l->v[lo - 1].len);
}

void addrs_normalise(struct addrs *l)
{
	size_t n = 0;

	if (l->n < 2)
		return;
	qsort(l->v, l->n, sizeof *l->v, compare_prefixes);
	for (size_t i = 1; i < l->n; i++)
		if (!prefix_holds(&l->v[n], &l->v[i]))
			l->v[++n] = l->v[i];
	l->n = n + 1;
}

void prefix_text(const struct prefix *p, struct text *t)
{
	char addr[INET6_ADDRSTRLEN];

	inet_ntop(p->family == FAMILY_V4 ? AF_INET : AF_INET6, p->addr, addr, sizeof addr);
	text_add(t, "%s", addr);
	if (p->len != family_bits(p->family))
		text_add(t, "/%u", p->len);
}

void addrs_text(const struct addrs *l, const char *before_each, struct text *t)
{
	for (size_t i = 0; i < l->n; i++) {
		text_add(t, "%s%s", i ? "," : "", before_each);
		prefix_text(&l->v[i], t);
	}
}

static bool host_bits_are_zero(const struct prefix *p)
{
	struct prefix zero = { 0 };
	unsigned bits = family_bits(p->family), whole = p->len / 8, rest = p->len % 8;

	if (rest && (p->addr[whole++] & (0xff >> rest)))
		return false;
	return !memcmp(p->addr + whole, zero.addr, bits / 8 - whole);
}

bool prefix_parse(const char *s, struct prefix *out)
{
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	char addr[INET6_ADDRSTRLEN];
	struct prefix p = { 0 };
	unsigned long len;

	if (n >= sizeof addr)
		return false;
	memcpy(addr, s, n);
	addr[n] = 0;
	if (strchr(addr, ':'))
		p.family = FAMILY_V6;
	if (inet_pton(p.family == FAMILY_V4 ? AF_INET : AF_INET6, addr, p.addr) != 1)
		return false;
	len = family_bits(p.family);
	if (slash && !parse_uint(slash + 1, 0, len, &len))
		return false;
	p.len = (uint8_t)len;
	if (!host_bits_are_zero(&p))
		return false;
	*out = p;
	return true;
}
