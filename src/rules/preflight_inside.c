/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exemptions inside wider ones. Services that differ in their ports only are told by compile_rules,
 * which gives each port to one of them; here one of the two takes in more than the other. */
#include <netinet/in.h>
#include <string.h>
#include "rules/preflight_part.h"

/* Enough of a list of addresses to see quickly that it is not inside another: thousands of services
 * may share a port. Addresses are looked at by their first 32 bits. */
struct brief {
	size_t n[2];	 /* prefixes of each family */
	uint32_t top[2]; /* of the first one of each family */
	unsigned len[2]; /* its length, 32 at most */
};

struct part { /* a service, one protocol of it and one range of its ports */
	const struct service *s;
	struct port_range r;
	struct brief local, remote;
};

struct pair {
	const struct service *inner, *outer;
	uint8_t proto;
	struct ports ports;
};

struct pairs {
	struct pair *v;
	size_t n;
};

/* Is all of a, but for without, in b, but for not_b? */
static bool ifaces_inside(const struct ifaces *a, const struct ifaces *not_a,
			  const struct ifaces *b, const struct ifaces *not_b)
{
	for (size_t i = 0; i < a->n && b->n; i++)
		if (!ifaces_hold(b, a->v[i]))
			return false;
	if (b->n && !a->n)
		return false;
	for (size_t i = 0; i < not_b->n; i++) {
		struct ifaces cut = { not_b->v + i, 1 };
		bool meets = !a->n;

		for (size_t k = 0; k < a->n; k++) {
			struct ifaces one = { a->v + k, 1 };

			meets = meets || ifaces_hold(&cut, a->v[k]) ||
				ifaces_hold(&one, not_b->v[i]);
		}
		if (meets && !ifaces_hold(not_a, not_b->v[i]))
			return false;
	}
	return true;
}

static bool addrs_inside(const struct addrs *a, const struct addrs *not_a, const struct addrs *b,
			 const struct addrs *not_b)
{
	for (size_t i = 0; i < a->n && b->n; i++)
		if (!addrs_hold(b, &a->v[i]))
			return false;
	if (b->n && !a->n)
		return false;
	for (size_t i = 0; i < not_b->n; i++) {
		bool meets = !a->n;

		for (size_t k = 0; k < a->n; k++)
			meets = meets || prefix_holds(&a->v[k], &not_b->v[i]) ||
				prefix_holds(&not_b->v[i], &a->v[k]);
		if (meets && !addrs_hold(not_a, &not_b->v[i]))
			return false;
	}
	return true;
}

/* Ports and protocols aside. A peer is a server and a client. */
static bool is_inside(const struct service *a, const struct service *b)
{
	bool role = a->role == b->role || (b->role == ROLE_PEER && a->role != ROLE_ROUTER);

	return role && ifaces_inside(&a->ifaces, &a->not_ifaces, &b->ifaces, &b->not_ifaces) &&
	       addrs_inside(&a->local, &a->not_local, &b->local, &b->not_local) &&
	       addrs_inside(&a->remote, &a->not_remote, &b->remote, &b->not_remote);
}

static void add_pair(struct pairs *all, const struct part *inner, const struct part *outer,
		     uint8_t proto)
{
	uint16_t lo = inner->r.lo > outer->r.lo ? inner->r.lo : outer->r.lo;
	uint16_t hi = inner->r.hi < outer->r.hi ? inner->r.hi : outer->r.hi;
	struct pair *p = NULL;

	for (size_t i = 0; i < all->n && !p; i++)
		if (all->v[i].inner == inner->s && all->v[i].outer == outer->s &&
		    all->v[i].proto == proto)
			p = &all->v[i];
	if (!p) {
		p = ARRAY_ADD(all->v, all->n);
		p->inner = inner->s;
		p->outer = outer->s;
		p->proto = proto;
	}
	ports_add(&p->ports, lo, hi);
}

static struct brief brief_of(const struct addrs *l)
{
	struct brief b = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		const struct prefix *p = &l->v[i];
		enum family f = p->family;

		if (b.n[f]++)
			continue;
		for (int k = 0; k < 4; k++)
			b.top[f] = b.top[f] << 8 | p->addr[k];
		b.len[f] = p->len < 32 ? p->len : 32;
	}
	return b;
}

/* Some address of a is certainly not in b. */
static bool is_outside(const struct brief *a, const struct brief *b)
{
	for (int f = FAMILY_V4; f <= FAMILY_V6 && b->n[FAMILY_V4] + b->n[FAMILY_V6]; f++)
		if (a->n[f] && (!b->n[f] || (b->n[f] == 1 && b->len[f] &&
					     (a->top[f] ^ b->top[f]) >> (32 - b->len[f]))))
			return true;
	return false;
}

static bool part_is_inside(const struct part *x, const struct part *y)
{
	return !is_outside(&x->local, &y->local) && !is_outside(&x->remote, &y->remote) &&
	       is_inside(x->s, y->s);
}

static void look_at(struct pairs *all, const struct part *x, const struct part *y, uint8_t proto)
{
	bool in = part_is_inside(x, y), around = part_is_inside(y, x);

	if (in && !around)
		add_pair(all, x, y, proto);
	else if (around && !in)
		add_pair(all, y, x, proto);
}

static int by_port(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->r.lo != y->r.lo ? (x->r.lo < y->r.lo ? -1 : 1) : (x->s > y->s) - (x->s < y->s);
}

/* All ranges that meet, by one pass from the low ports to the high ones. */
static void find_pairs(struct part *v, size_t n, uint8_t proto, struct pairs *all)
{
	const struct part **open = xcalloc(n, sizeof(*open));
	size_t n_open = 0;

	qsort(v, n, sizeof(*v), by_port);
	for (size_t i = 0; i < n; i++) {
		size_t kept = 0;

		for (size_t k = 0; k < n_open; k++) {
			if (open[k]->r.hi < v[i].r.lo)
				continue;
			open[kept++] = open[k];
			look_at(all, open[k], &v[i], proto);
		}
		n_open = kept;
		open[n_open++] = &v[i];
	}
	free(open);
}

static void collect(const struct policy *p, uint8_t proto, struct pairs *all)
{
	struct part *v = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		const struct brief local = brief_of(&s->local), remote = brief_of(&s->remote);

		if (!memchr(s->protos.v, proto, s->protos.n))
			continue;
		for (size_t k = 0; k < s->ports.n; k++)
			*ARRAY_ADD(v, n) = (struct part){ s, s->ports.v[k], local, remote };
		if (!s->ports.n)
			*ARRAY_ADD(v, n) = (struct part){ s, { 0, UINT16_MAX }, local, remote };
	}
	if (n > 1)
		find_pairs(v, n, proto, all);
	free(v);
}

static void say_inside(const struct service *s, const char *what, const char *kind,
		       const char *name, struct diag *d)
{
	diag_warn(d, &s->at, "shadowed", "%s: %s is exempt by %s %s as well, which takes in more",
		  s->name, what, kind, name);
	diag_cure(d, "take it out of one of them: what is in both is counted by one only");
}

static void say_pair(struct pair *p, struct diag *d)
{
	struct text t = { 0 };

	if (proto_name(p->proto))
		text_add(&t, "%s", proto_name(p->proto));
	else
		text_add(&t, "protocol %u", p->proto);
	if (proto_has_ports(p->proto)) {
		ports_normalise(&p->ports);
		text_add(&t, " port ");
		ports_text(&p->ports, &t);
	}
	say_inside(p->inner, t.s, "service", p->outer->name, d);
	free(t.s);
	free(p->ports.v);
}

/* Services on interfaces that are exempt as a whole. */
static void inside_interfaces(const struct policy *p, struct diag *d)
{
	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; k < p->n_interfaces; k++) {
			const struct service *s = &p->services[i];
			const struct interface *o = &p->interfaces[k];

			if (s->ifaces.n &&
			    ifaces_inside(&s->ifaces, &s->not_ifaces, &o->ifaces, &o->not_ifaces))
				say_inside(s, "all of it", "interface", o->name, d);
		}
}

static int by_place(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->inner != y->inner)
		return x->inner < y->inner ? -1 : 1;
	if (x->outer != y->outer)
		return x->outer < y->outer ? -1 : 1;
	return (int)x->proto - (int)y->proto;
}

void preflight_inside(const struct policy *p, struct diag *d)
{
	bool seen[UINT8_MAX + 1] = { false };
	struct pairs all = { 0 };

	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; k < p->services[i].protos.n; k++)
			seen[p->services[i].protos.v[k]] = true;
	for (unsigned proto = 0; proto <= UINT8_MAX; proto++)
		if (seen[proto])
			collect(p, (uint8_t)proto, &all);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_place);
	for (size_t i = 0; i < all.n; i++)
		say_pair(&all.v[i], d);
	free(all.v);
	inside_interfaces(p, d);
}
