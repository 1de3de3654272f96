/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services cut into protocols, in the order of their shapes. */
#include "rules/atom.h"

#include <string.h>

static int compare_ifaces(const struct ifaces *a, const struct ifaces *b)
{
	struct match x = { .in = *a }, y = { .in = *b };

	return match_compare(&x, &y);
}

static int compare_addrs(const struct addrs *a, const struct addrs *b)
{
	struct match x = { .src = *a }, y = { .src = *b };

	return match_compare(&x, &y);
}

int atom_compare(const struct atom *a, const struct atom *b)
{
	const struct service *s = a->service, *t = b->service;
	int c = (int)s->role - (int)t->role;

	if (!c)
		c = (int)a->proto - (int)b->proto;
	if (!c)
		c = compare_ifaces(&s->ifaces, &t->ifaces);
	if (!c)
		c = compare_ifaces(&s->not_ifaces, &t->not_ifaces);
	if (!c)
		c = compare_addrs(&s->local, &t->local);
	if (!c)
		c = compare_addrs(&s->not_local, &t->not_local);
	if (!c)
		c = compare_addrs(&s->remote, &t->remote);
	if (!c)
		c = compare_addrs(&s->not_remote, &t->not_remote);
	return c;
}

static int order_by_shape(const void *a, const void *b)
{
	const struct atom *x = a, *y = b;
	int c = atom_compare(x, y);

	return c ? c : (x->index > y->index) - (x->index < y->index);
}

static void note_shadowed(const struct atom *a, bool wholly, struct diag *d)
{
	if (!d)
		return;
	diag_warn(d, &a->service->at, "shadowed",
		  "%s ports of service %s (%s) already belong to an earlier service of the same "
		  "shape",
		  wholly ? "all" : "some", a->service->name,
		  proto_name(a->proto) ? proto_name(a->proto) : "its protocol");
	diag_cure(d, "name each port in one service only");
}

/* Take the ports that earlier services of this shape own away from a. owned: one bit a port. */
static void claim_ports(struct atom *a, uint8_t *owned, struct diag *d)
{
	struct ports mine = { 0 };
	bool lost = false;

	for (size_t i = 0; i < a->ports.n; i++)
		for (unsigned p = a->ports.v[i].lo; p <= a->ports.v[i].hi; p++) {
			if (owned[p / 8] & 1 << p % 8) {
				lost = true;
				continue;
			}
			owned[p / 8] |= 1 << p % 8;
			if (mine.n && mine.v[mine.n - 1].hi + 1u == p)
				mine.v[mine.n - 1].hi = p;
			else
				ports_add(&mine, p, p);
		}
	if (lost)
		note_shadowed(a, !mine.n, d);
	a->empty = lost && !mine.n;
	free(a->ports.v);
	a->ports = mine;
}

struct atom *atoms_make(const struct policy *p, size_t *n, struct diag *d)
{
	struct atom *v = NULL;
	uint8_t *owned = xcalloc(1, 65536 / 8);

	*n = 0;
	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; k < p->services[i].protos.n; k++) {
			struct atom *a = ARRAY_ADD(v, *n);

			a->service = &p->services[i];
			a->proto = p->services[i].protos.v[k];
			a->index = *n;
			ports_copy(&a->ports, &p->services[i].ports);
		}
	if (*n)
		qsort(v, *n, sizeof(*v), order_by_shape);
	for (size_t i = 0; i < *n; i++) {
		if (i && atom_compare(&v[i - 1], &v[i]))
			memset(owned, 0, 65536 / 8);
		if (!v[i].ports.n && i && !atom_compare(&v[i - 1], &v[i])) {
			v[i].empty = true; /* a portless protocol that an earlier service has */
			note_shadowed(&v[i], true, d);
		}
		claim_ports(&v[i], owned, d);
	}
	free(owned);
	return v;
}

void atoms_free(struct atom *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].ports.v);
	free(v);
}
