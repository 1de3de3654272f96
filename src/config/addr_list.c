/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of addresses and prefixes. */
#include "config/exclusion.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "util.h"

static unsigned bits_of(enum family f)
{
	return f == FAMILY_V4 ? 32 : 128;
}

static void clear_host_bits(struct prefix *p)
{
	for (unsigned bit = p->len; bit < bits_of(p->family); bit++)
		p->addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

/* Says why text is no prefix, as exactly as it can. */
static int explain(const struct value *v, const struct list_item *i)
{
	size_t slash = strcspn(i->text, "/");
	auto_free char *addr = xasprintf("%.*s", (int)slash, i->text);
	struct text network = { 0 };
	struct prefix p = { 0 };
	unsigned long len;

	if (!prefix_parse(addr, &p)) {
		value_error(v, i->start, "'%s' is not an IPv4 or IPv6 address", i->text);
		if (strchr(addr, '%'))
			diag_cure(v->d, "name the interface with 'interface ='");
		else if (strchr(addr, '-'))
			diag_cure(v->d, "write a range as prefixes, such as 192.0.2.0/28");
		else
			diag_cure(v->d, "host names are not looked up: write 192.0.2.1, "
					"198.51.100.0/24 or 2001:db8::/32");
		return -1;
	}
	if (!parse_uint(i->text + slash + 1, 0, bits_of(p.family), &len))
		return value_error(v, i->start + slash, "'%s': an %s prefix has 0 to %u bits",
				   i->text, p.family == FAMILY_V4 ? "IPv4" : "IPv6",
				   bits_of(p.family));
	p.len = (uint8_t)len;
	clear_host_bits(&p);
	prefix_text(&p, &network);
	value_error(v, i->start, "'%s' has bits beyond its prefix", i->text);
	diag_cure(v->d, "write %s for the network, or %s for the address", network.s, addr);
	free(network.s);
	return -1;
}

static int read_item(const struct value *v, const struct list_item *i, void *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct prefix *p = out;

	if (!prefix_parse(i->text, p))
		return explain(v, i);
	if (p->family == FAMILY_V6 && !memcmp(p->addr, mapped, sizeof mapped)) {
		value_error(v, i->start, "'%s' is never on the wire", i->text);
		diag_cure(v->d, "write the IPv4 address %u.%u.%u.%u", p->addr[12], p->addr[13],
			  p->addr[14], p->addr[15]);
		return -1;
	}
	return 0;
}

static bool covers(const void *outer, const void *inner)
{
	const struct prefix *o = outer, *i = inner;
	unsigned whole = o->len / 8, rest = o->len % 8;

	if (o->family != i->family || o->len > i->len || memcmp(o->addr, i->addr, whole))
		return false;
	return !rest || !((o->addr[whole] ^ i->addr[whole]) >> (8 - rest));
}

static bool overlaps(const void *a, const void *b)
{
	return covers(a, b) || covers(b, a);
}

static const struct set_kind kind = { sizeof(struct prefix), read_item, covers, overlaps };

int value_addrs(const struct value *v, void *out, void *out_not)
{
	auto_sets struct sets s = { 0 };
	int rc = sets_read(v, &kind, &s);

	for (size_t i = 0; !rc && i < s.items.n; i++)
		addrs_add(s.items.v[i].excluded ? out_not : out, sets_at(&s, i));
	if (!rc) {
		addrs_normalise(out);
		addrs_normalise(out_not);
	}
	return rc;
}
