/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of interfaces: names and "name*" patterns. */
#include "config/exclusion.h"

#include <stdlib.h>
#include <string.h>
#include "util.h"

#define NAME_BYTES (IFNAMSIZ - 1)

/* One finding with its cure. */
static int wrong(const struct value *v, const struct list_item *i, size_t offset, const char *why,
		 const char *cure)
{
	value_error(v, i->start + offset, "'%s' %s", i->text, why);
	if (cure)
		diag_cure(v->d, "%s", cure);
	return -1;
}

/* What the kernel refuses (net/core/dev.c, dev_valid_name), what is no interface, and what would
 * mean something else to iptables or nft. */
static int read_item(const struct value *v, const struct list_item *i, void *out)
{
	const char *s = i->text, *star = strchr(s, '*'), *bad;
	size_t len = strlen(s);

	if (*s == ';' || *s == '#') /* behind a blank it is a comment */
		return wrong(v, i, 0, "begins like a comment", "rename the interface");
	if ((bad = strpbrk(s, "/\\\"'!")))
		return wrong(v, i, (size_t)(bad - s), "is not an interface name",
			     "a name has no slashes, quotes or '!'");
	if ((bad = strchr(s, ':')))
		return wrong(v, i, (size_t)(bad - s), "is not an interface name",
			     "what stands after ':' labels an address: name the interface only");
	if (star && star[1])
		return wrong(v, i, (size_t)(star - s), "has a '*' that is not last",
			     "only 'name*' is a pattern");
	if (s[len - 1] == '+')
		return wrong(v, i, len - 1, "ends in '+'", "the pattern is written 'name*' here");
	if (len > NAME_BYTES)
		return value_error(v, i->start + NAME_BYTES,
				   "'%s' has %zu bytes, interface names have at most %d", s, len,
				   NAME_BYTES);
	if (!strcmp(s, ".") || !strcmp(s, ".."))
		return wrong(v, i, 0, "is not an interface name", NULL);
	memcpy(out, s, len + 1);
	return 0;
}

static bool covers(const void *outer, const void *inner)
{
	const char *o = outer, *i = inner;
	size_t len = strlen(o);

	if (o[len - 1] != '*')
		return !strcmp(o, i);
	return !strncmp(o, i, len - 1);
}

static bool overlaps(const void *a, const void *b)
{
	return covers(a, b) || covers(b, a);
}

static const struct set_kind kind = { IFNAMSIZ, read_item, covers, overlaps };

/* Only [loopback] says what happens to lo. */
static int refuse_lo(const struct value *v, const struct sets *s)
{
	int rc = 0;

	for (size_t i = 0; i < s->items.n; i++) {
		const struct list_item *item = &s->items.v[i];

		if (item->excluded || !covers(sets_at(s, i), "lo") ||
		    sets_excluder(s, "lo") < s->items.n)
			continue;
		if (strcmp(item->text, "lo"))
			rc = wrong(v, item, 0, "matches lo, which only [loopback] may touch",
				   "name the interfaces that are meant, or add '!lo'");
		else
			rc = wrong(v, item, 0, "is exempted by [loopback] only",
				   "write 'notrack = yes' under [loopback]");
	}
	return rc;
}

int value_ifaces(const struct value *v, void *out, void *out_not)
{
	auto_sets struct sets s = { 0 };
	int rc = sets_read(v, &kind, &s);

	if (refuse_lo(v, &s))
		rc = -1;
	for (size_t i = 0; !rc && i < s.items.n; i++)
		ifaces_add(s.items.v[i].excluded ? out_not : out, sets_at(&s, i));
	if (!rc) {
		ifaces_normalise(out);
		ifaces_normalise(out_not);
	}
	return rc;
}
