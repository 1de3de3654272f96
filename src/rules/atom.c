/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services cut into protocols, in the order of their shapes. */
#include "rules/atom.h"

#include <string.h>

static size_t count_lists(const struct service *s)
{
	return s->ifaces.n + s->not_ifaces.n + s->local.n + s->not_local.n + s->remote.n +
	       s->not_remote.n;
}

static int compare_lists(const struct service *s, const struct service *t)
{
	int c = ifaces_compare(&s->ifaces, &t->ifaces);
	if (!c)
		c = ifaces_compare(&s->not_ifaces, &t->not_ifaces);
	if (!c)
		c = addrs_compare(&s->local, &t->local);
	if (!c)
		c = addrs_compare(&s->not_local, &t->not_local);
	if (!c)
		c = addrs_compare(&s->remote, &t->remote);
	return c ? c : addrs_compare(&s->not_remote, &t->not_remote);
}

int atom_compare(const struct atom *a, const struct atom *b)
{
	const struct service *s = a->service, *t = b->service;
	int c = (int)s->role - (int)t->role;

	if (!c)
		c = (int)a->proto - (int)b->proto;
	/* Most services have none. */
	return c || !(count_lists(s) || count_lists(t)) ? c : compare_lists(s, t);
}

static int order_by_shape(const void *a, const void *b)
{
	const struct atom *x = a, *y = b;
	int c = atom_compare(x, y);

	return c ? c : (x->index > y->index) - (x->index < y->index);
}

/* ports: of a, that owner counts; without any, all that it has. */
static void say_shadowed(const struct atom *a, const struct atom *owner, const struct ports *ports,
			 struct diag *d)
{
	struct text t = { 0 };

	text_add(&t, "%s: ", a->service->name);
	if (proto_name(a->proto))
		text_add(&t, "%s", proto_name(a->proto));
	else
		text_add(&t, "protocol %u", a->proto);
	if (ports->n) {
		text_add(&t, " port ");
		ports_text(ports, &t);
	}
	diag_warn(d, &a->service->at, "shadowed",
		  "%s belongs to service %s already, which counts it", t.s, owner->service->name);
	diag_cure(d, "name each port in one service only");
	free(t.s);
}

/* What both have; each is sorted. */
static void ports_common(const struct ports *a, const struct ports *b, struct ports *out)
{
	for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
		const struct port_range *x = &a->v[i], *y = &b->v[k];

		if (x->lo <= y->hi && y->lo <= x->hi)
			ports_add(out, x->lo > y->lo ? x->lo : y->lo,
				  x->hi < y->hi ? x->hi : y->hi);
		if (x->hi < y->hi)
			i++;
		else
			k++;
	}
}

/* lost: the ports of a that the atoms of its shape before it own, first the first of them. */
static void note_shadowed(const struct atom *a, const struct atom *first, const struct ports *lost,
			  struct diag *d)
{
	const struct atom *o = a;

	if (!d)
		return;
	while (o > first && !atom_compare(o - 1, a))
		o--;
	if (!lost->n)
		say_shadowed(a, o, lost, d);
	for (; o < a; o++) {
		struct ports of_it = { 0 };

		ports_common(lost, &o->ports, &of_it);
		if (of_it.n)
			say_shadowed(a, o, &of_it, d);
		free(of_it.v);
	}
}

static void append_port(struct ports *p, unsigned port)
{
	if (p->n && p->v[p->n - 1].hi + 1u == port)
		p->v[p->n - 1].hi = (uint16_t)port;
	else
		ports_add(p, (uint16_t)port, (uint16_t)port);
}

/* Unless somebody owns one of these already. */
static bool claim_free(const struct ports *l, uint8_t *owned)
{
	for (size_t i = 0; i < l->n; i++)
		for (unsigned p = l->v[i].lo; p <= l->v[i].hi; p++)
			if (owned[p / 8] & 1 << p % 8)
				return false;
	for (size_t i = 0; i < l->n; i++)
		for (unsigned p = l->v[i].lo; p <= l->v[i].hi; p++)
			owned[p / 8] |= (uint8_t)(1 << p % 8);
	return true;
}

/* Take the ports that earlier services of this shape own away from a. owned: one bit a port. */
static void claim_ports(struct atom *a, const struct atom *first, uint8_t *owned, struct diag *d)
{
	struct ports mine = { 0 }, lost = { 0 };

	if (claim_free(&a->ports, owned))
		return;
	for (size_t i = 0; i < a->ports.n; i++)
		for (unsigned p = a->ports.v[i].lo; p <= a->ports.v[i].hi; p++) {
			append_port(owned[p / 8] & 1 << p % 8 ? &lost : &mine, p);
			owned[p / 8] |= 1 << p % 8;
		}
	if (lost.n)
		note_shadowed(a, first, &lost, d);
	a->empty = lost.n && !mine.n;
	free(lost.v);
	a->ports = a->left = mine;
}

static bool is_sorted(const struct atom *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (order_by_shape(&v[i - 1], &v[i]) > 0)
			return false;
	return true;
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
			a->ports = p->services[i].ports;
		}
	if (!is_sorted(v, *n))
		qsort(v, *n, sizeof(*v), order_by_shape);
	for (size_t i = 0; i < *n; i++) {
		if (i && atom_compare(&v[i - 1], &v[i]))
			memset(owned, 0, 65536 / 8);
		if (!v[i].ports.n && i && !atom_compare(&v[i - 1], &v[i])) {
			v[i].empty = true; /* a portless protocol that an earlier service has */
			note_shadowed(&v[i], v, &(struct ports){ 0 }, d);
		}
		claim_ports(&v[i], v, owned, d);
	}
	free(owned);
	return v;
}

void atoms_free(struct atom *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].left.v);
	free(v);
}
