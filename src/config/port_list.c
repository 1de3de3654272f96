/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of ports: numbers, ranges, names of services(5). */
#include "config/exclusion.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "util.h"

#define PORT_MAX 65535
#define NAME_BYTES 64 /* a name that is longer is no service */

static int read_port(const struct value *v, const struct list_item *i, size_t offset,
		     const char *text, uint16_t *out)
{
	unsigned long n;

	if (!parse_uint(text, 1, PORT_MAX, &n))
		return value_error(v, i->start + offset, "%s is not a port (1 to %d)", text,
				   PORT_MAX);
	*out = (uint16_t)n;
	return 0;
}

static int read_range(const struct value *v, const struct list_item *i, struct port_range *out)
{
	size_t dash = strcspn(i->text, "-");
	auto_free char *lo = xasprintf("%.*s", (int)dash, i->text);
	const char *hi = i->text + dash + 1;

	if (!*lo && !*hi) {
		value_error(v, i->start, "'-' alone");
		diag_cure(v->d, "write a range without blanks: 8000-8010");
		return -1;
	}
	if (!*lo)
		return value_error(v, i->start, "range '%s' has no beginning", i->text);
	if (!*hi)
		return value_error(v, i->start + dash, "range '%s' has no end", i->text);
	if (strchr(hi, '-'))
		return value_error(v, i->start, "'%s' is not a range", i->text);
	if (read_port(v, i, 0, lo, &out->lo) || read_port(v, i, dash + 1, hi, &out->hi))
		return -1;
	if (out->lo > out->hi) {
		value_error(v, i->start, "range '%s' runs backwards", i->text);
		diag_cure(v->d, "write %u-%u", out->hi, out->lo);
		return -1;
	}
	return 0;
}

/* The port of a service name for one protocol, 0: none. */
static uint16_t look_up(const char *name, const char *proto)
{
	struct servent entry, *found = NULL;
	char buf[4096];

	if (strlen(name) > NAME_BYTES ||
	    getservbyname_r(name, proto, &entry, buf, sizeof buf, &found) || !found)
		return 0;
	return ntohs((uint16_t)found->s_port);
}

static int unknown_name(const struct value *v, const struct list_item *i)
{
	const struct protos *protos = &v->draft->service.protos;
	struct text names = { 0 };

	for (size_t k = 0; k < protos->n; k++) {
		if (proto_has_ports(protos->v[k]))
			text_add(&names, "%s%s", names.len ? ", " : "", proto_name(protos->v[k]));
	}
	if (i->text[strcspn(i->text, ":;+!/.")] || strspn(i->text, "0123456789")) {
		value_error(v, i->start, "'%s' is not a port", i->text);
		diag_cure(v->d, "write ports as in 80, 443, 8000-8010, http");
	} else {
		value_error(v, i->start, "services(5) has no '%s' for %s", i->text, names.s);
		diag_cure(v->d, "write its number");
	}
	free(names.s);
	return -1;
}

static int read_name(const struct value *v, const struct list_item *i, struct port_range *out)
{
	const struct protos *protos = &v->draft->service.protos;
	uint16_t port = 0;
	bool asked = false;

	for (size_t k = 0; k < protos->n; k++) {
		uint16_t one;

		if (!proto_has_ports(protos->v[k]))
			continue;
		asked = true;
		one = look_up(i->text, proto_name(protos->v[k]));
		if (one && port && one != port) {
			value_error(v, i->start, "'%s' is port %u or %u, by protocol", i->text,
				    port, one);
			diag_cure(v->d, "write the number, or a section for each protocol");
			return -1;
		}
		port = one ? one : port;
	}
	if (!asked)
		return -1; /* the protocol has a finding of its own */
	if (!port)
		return unknown_name(v, i);
	*out = (struct port_range){ port, port };
	return 0;
}

static int read_item(const struct value *v, const struct list_item *i, void *out)
{
	struct port_range *r = out;

	if (i->text[strspn(i->text, "0123456789-")])
		return read_name(v, i, r);
	if (strchr(i->text, '-'))
		return read_range(v, i, r);
	if (read_port(v, i, 0, i->text, &r->lo))
		return -1;
	r->hi = r->lo;
	return 0;
}

static bool covers(const void *outer, const void *inner)
{
	const struct port_range *o = outer, *i = inner;

	return o->lo <= i->lo && i->hi <= o->hi;
}

static bool overlaps(const void *va, const void *vb)
{
	const struct port_range *a = va, *b = vb;

	return a->lo <= b->hi && b->lo <= a->hi;
}

static const struct set_kind kind = { sizeof(struct port_range), read_item, covers, overlaps };

/* "80, 443": what most lists are like. False: it may be wrong, or say more than numbers. */
static bool read_numbers(const char *s, struct ports *out)
{
	struct ports p = { 0 };
	unsigned long n;

	for (;; s++) {
		s += strspn(s, " \t");
		for (n = 0; n <= PORT_MAX && *s >= '0' && *s <= '9'; s++)
			n = 10 * n + (unsigned long)(*s - '0');
		if (!n || n > PORT_MAX || (*s && *s != ','))
			break;
		ports_add(&p, (uint16_t)n, (uint16_t)n);
		if (*s)
			continue;
		ports_normalise(&p);
		*out = p;
		return true;
	}
	free(p.v);
	return false;
}

int value_ports(const struct value *v, void *out, void *out_not)
{
	auto_sets struct sets s = { 0 };
	struct ports with = { 0 }, without = { 0 };
	int rc;

	(void)out_not;
	if (read_numbers(v->it->value, out))
		return 0;
	rc = sets_read(v, &kind, &s);
	for (size_t i = 0; i < s.items.n; i++) {
		const struct port_range *r = sets_at(&s, i);

		ports_add(s.items.v[i].excluded ? &without : &with, r->lo, r->hi);
	}
	if (!with.n)
		ports_add(&with, 1, PORT_MAX);
	ports_normalise(&with);
	ports_normalise(&without);
	ports_subtract(&with, &without);
	free(without.v);
	if (!rc && !with.n)
		rc = value_error(v, 0, "the exclusions leave no port");
	if (rc)
		free(with.v);
	else
		*(struct ports *)out = with;
	return rc;
}
