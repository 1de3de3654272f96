/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths through this host of which only one end is exempt. A packet is looked at where it comes in:
 * what goes from an exempt interface to another one is untracked, its answer is tracked. */
#include <string.h>
#include "rules/preflight_part.h"

#define NAMED_MAX 8 /* of a list of interfaces; the rest is counted */

static bool among(const struct ifaces *with, const struct ifaces *without, const char *name)
{
	return (!with->n || ifaces_hold(with, name)) && !ifaces_hold(without, name);
}

/* Does every interface section leave this one out? */
static bool is_tracked(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_interfaces; i++)
		if (among(&p->interfaces[i].ifaces, &p->interfaces[i].not_ifaces, name))
			return false;
	return true;
}

/* Does router service s exempt all that router service t does? */
static bool includes(const struct service *s, const struct service *t)
{
	struct ports left;
	bool all;

	for (size_t i = 0; i < t->protos.n; i++)
		if (!memchr(s->protos.v, t->protos.v[i], s->protos.n))
			return false;
	ports_copy(&left, &t->ports);
	ports_subtract(&left, &s->ports);
	all = !left.n;
	free(left.v);
	return all;
}

/* Is what t exempts tracked where it comes in by this interface? */
static bool is_routed_tracked(const struct policy *p, const struct service *t, const char *name)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (s->role == ROLE_ROUTER && among(&s->ifaces, &s->not_ifaces, name) &&
		    includes(s, t))
			return false;
	}
	return is_tracked(p, name);
}

struct path { /* what an exemption has of a host's interfaces, and what it has not */
	struct text ours, others;
	size_t n_ours, n_others;
};

static void add_name(struct text *t, size_t *n, const char *name)
{
	if ((*n)++ < NAMED_MAX)
		text_add(t, "%s%s", t->len ? ", " : "", name);
}

static void add_rest(struct text *t, size_t n)
{
	if (n > NAMED_MAX)
		text_add(t, " and %zu more", n - NAMED_MAX);
}

/* Can the interface be one end of a path in one of these families? */
static unsigned forwards(const struct host_interface *i, unsigned families)
{
	unsigned f = (i->forwards4 ? FAMILIES_V4 : 0) | (i->forwards6 ? FAMILIES_V6 : 0);

	return strcmp(i->name, "lo") ? f & families : 0;
}

/* s: a router service; NULL: the section i. */
static bool is_ours(const struct interface *i, const struct service *s, const char *name)
{
	return s ? among(&s->ifaces, &s->not_ifaces, name)
		 : among(&i->ifaces, &i->not_ifaces, name);
}

static void find_path(const struct policy *p, const struct host *h, const struct interface *i,
		      const struct service *s, struct path *out)
{
	unsigned families = 0;

	*out = (struct path){ 0 };
	for (size_t k = 0; k < h->n_interfaces; k++) {
		const char *name = h->interfaces[k].name;
		unsigned f = forwards(&h->interfaces[k], p->families);

		if (!f || !is_ours(i, s, name))
			continue;
		families |= f;
		add_name(&out->ours, &out->n_ours, name);
	}
	for (size_t k = 0; k < h->n_interfaces; k++) {
		const char *name = h->interfaces[k].name;

		if (forwards(&h->interfaces[k], families) &&
		    (s ? is_routed_tracked(p, s, name) : is_tracked(p, name)))
			add_name(&out->others, &out->n_others, name);
	}
	add_rest(&out->ours, out->n_ours);
	add_rest(&out->others, out->n_others);
}

static void say_half(const struct path *path, const char *name, const struct origin *at,
		     struct diag *d)
{
	diag_warn(d, at, "half-interface",
		  "%s: what this host forwards between %s and %s is exempt on one half of its way: "
		  "tracked where it comes in by %s",
		  name, path->ours.s, path->others.s, path->others.s);
	diag_cure(d,
		  "name %s as well, so that both directions are exempt, or turn forwarding "
		  "off on %s (net.ipv4.conf.*.forwarding, net.ipv6.conf.*.forwarding)",
		  path->others.s, path->ours.s);
}

static void check_path(const struct policy *p, const struct host *h, const struct interface *i,
		       const struct service *s, struct diag *d)
{
	struct path path;

	find_path(p, h, i, s, &path);
	if (path.n_others)
		say_half(&path, s ? s->name : i->name, s ? &s->iface_at : &i->iface_at, d);
	free(path.ours.s);
	free(path.others.s);
}

/* The one interface by its name that s has; NULL: it has none, several, or a pattern. */
static const char *lone_interface(const struct service *s)
{
	return s->role == ROLE_ROUTER && s->ifaces.n == 1 && !strchr(s->ifaces.v[0], '*')
		       ? s->ifaces.v[0]
		       : NULL;
}

/* Is there another exemption for what comes in on the other side? */
static bool has_other_side(const struct policy *p, const struct service *s)
{
	for (size_t i = 0; i < p->n_interfaces; i++)
		if (p->interfaces[i].ifaces.n != 1 ||
		    strcmp(p->interfaces[i].ifaces.v[0], s->ifaces.v[0]) != 0)
			return true;
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *t = &p->services[i];

		if (t != s && t->role == ROLE_ROUTER && includes(t, s) &&
		    !(lone_interface(t) && !strcmp(lone_interface(t), s->ifaces.v[0])))
			return true;
	}
	return false;
}

void preflight_lone_interface(const struct policy *p, struct diag *d)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];
		const char *name = lone_interface(s);

		if (!name || has_other_side(p, s))
			continue;
		diag_warn(d, &s->iface_at, "half-interface",
			  "%s: what is forwarded comes in by %s in one direction only, and the "
			  "other one stays tracked",
			  s->name, name);
		diag_cure(d, "name the interface on the other side as well, or leave the key out");
	}
}

void preflight_paths(const struct policy *p, const struct host *h, struct diag *d)
{
	for (size_t i = 0; i < p->n_services; i++)
		if (p->services[i].role == ROLE_ROUTER)
			check_path(p, h, NULL, &p->services[i], d);
	for (size_t i = 0; i < p->n_interfaces; i++)
		check_path(p, h, &p->interfaces[i], NULL, d);
}
