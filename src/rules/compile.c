/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policy to raw rules and traffic classes, both from one row per leg of a role. */
#include "rules/compile.h"

#include <netinet/in.h>
#include <string.h>

#define NAMES_MAX 96 /* bytes of joined exemption names; a comment of nft holds 128 */

/* One direction of a role's packets at this host. The end of the flow that owns the service port is
 * "port"; the end that is on this host (behind it, for a router) is "local". */
struct leg {
	enum hook raw, filter;
	bool port_is_dst, local_is_dst;
	bool original; /* the direction of the packet that opens the flow */
	bool client;   /* guard: not a lone SYN from outside; local port in the ephemeral range */
	enum dst_kind dst;
	bool errors_only; /* ICMP errors about the flow, but none of its own packets */
};

static const struct leg server_legs[] = {
	{ HOOK_PREROUTING, HOOK_INPUT, true, true, true, false, DST_LOCAL, false },
	{ HOOK_OUTPUT, HOOK_OUTPUT, false, false, false, false, DST_ANY, false },
};
static const struct leg client_legs[] = {
	{ HOOK_PREROUTING, HOOK_INPUT, false, true, false, true, DST_LOCAL, false },
	{ HOOK_OUTPUT, HOOK_OUTPUT, true, false, true, true, DST_ANY, false },
};
/* The last two: errors that the router itself sends about packets it forwards (packet too big). */
static const struct leg router_legs[] = {
	{ HOOK_PREROUTING, HOOK_FORWARD, true, true, true, false, DST_NOT_LOCAL, false },
	{ HOOK_PREROUTING, HOOK_FORWARD, false, false, false, false, DST_NOT_LOCAL, false },
	{ HOOK_OUTPUT, HOOK_OUTPUT, false, false, false, false, DST_ANY, true },
	{ HOOK_OUTPUT, HOOK_OUTPUT, true, true, true, false, DST_ANY, true },
};

static const struct side {
	enum role role;
	const struct leg *legs;
	size_t n_legs;
} sides[] = {
	/* a peer is a server and a client */
	{ ROLE_SERVER, server_legs, ARRAY_SIZE(server_legs) },
	{ ROLE_CLIENT, client_legs, ARRAY_SIZE(client_legs) },
	{ ROLE_PEER, server_legs, ARRAY_SIZE(server_legs) },
	{ ROLE_PEER, client_legs, ARRAY_SIZE(client_legs) },
	{ ROLE_ROUTER, router_legs, ARRAY_SIZE(router_legs) },
};

struct atom { /* one protocol of one service, with the ports that it really owns */
	const struct service *service;
	uint8_t proto;
	struct ports ports;
	bool empty;   /* every port belongs to an earlier service of the same shape */
	size_t index; /* order in the policy */
};

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

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

/* Everything but the ports and the name. */
static int compare_shapes(const struct atom *a, const struct atom *b)
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
	int c = compare_shapes(x, y);

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

/* Atoms sorted by shape, ports of one shape disjoint. */
static struct atom *atoms_make(const struct policy *p, size_t *n, struct diag *d)
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
		if (i && compare_shapes(&v[i - 1], &v[i]))
			memset(owned, 0, 65536 / 8);
		if (!v[i].ports.n && i && !compare_shapes(&v[i - 1], &v[i])) {
			v[i].empty = true; /* a portless protocol that an earlier service has */
			note_shadowed(&v[i], true, d);
		}
		claim_ports(&v[i], owned, d);
	}
	free(owned);
	return v;
}

static void atoms_free(struct atom *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].ports.v);
	free(v);
}

static bool addrs_have(const struct addrs *l, enum family f)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].family == f)
			return true;
	return false;
}

static void addrs_pick(struct addrs *to, const struct addrs *from, enum family f)
{
	for (size_t i = 0; i < from->n; i++)
		if (from->v[i].family == f)
			addrs_add(to, &from->v[i]);
	addrs_normalise(to);
}

/* A service that lists addresses is compiled once for each family, others once for both. The masks
 * to compile for go into out[2]; their number is returned. */
static size_t family_masks(const struct policy *p, const struct atom *a, unsigned out[2])
{
	const struct service *s = a->service;
	bool lists = s->local.n || s->not_local.n || s->remote.n || s->not_remote.n;
	unsigned all = p->families;
	size_t n = 0;

	if (a->proto == IPPROTO_ICMP)
		all &= FAMILIES_V4;
	if (a->proto == IPPROTO_ICMPV6)
		all &= FAMILIES_V6;
	if (!lists) {
		out[0] = all;
		return all ? 1 : 0;
	}
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
		if (!(all & 1u << f) || (s->local.n && !addrs_have(&s->local, f)) ||
		    (s->remote.n && !addrs_have(&s->remote, f)))
			continue;
		out[n++] = 1u << f;
	}
	return n;
}

static void match_addresses(struct match *m, const struct service *s, bool local_is_dst)
{
	enum family f = m->families == FAMILIES_V6 ? FAMILY_V6 : FAMILY_V4;
	struct addrs *local = local_is_dst ? &m->dst : &m->src;
	struct addrs *remote = local_is_dst ? &m->src : &m->dst;
	struct addrs *not_local = local_is_dst ? &m->not_dst : &m->not_src;
	struct addrs *not_remote = local_is_dst ? &m->not_src : &m->not_dst;

	if (m->families == FAMILIES_BOTH)
		return;
	addrs_pick(local, &s->local, f);
	addrs_pick(remote, &s->remote, f);
	addrs_pick(not_local, &s->not_local, f);
	addrs_pick(not_remote, &s->not_remote, f);
}

/* Every interface ("*", which the policy allows only with exclusions) is no constraint. */
static void add_interfaces(struct ifaces *to, const struct ifaces *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (!strcmp(from->v[i], "*"))
			return;
	for (size_t i = 0; i < from->n; i++)
		ifaces_add(to, from->v[i]);
	ifaces_normalise(to);
}

static void match_interfaces(struct match *m, enum hook raw, const struct ifaces *with,
			     const struct ifaces *without)
{
	bool in = raw == HOOK_PREROUTING;

	add_interfaces(in ? &m->in : &m->out, with);
	add_interfaces(in ? &m->not_in : &m->not_out, without);
}

/* The packets of one leg. */
static void leg_match(struct match *m, const struct leg *l, const struct atom *a, unsigned families,
		      const struct host_params *h)
{
	*m = (struct match){ .families = families, .proto = a->proto, .dst_kind = l->dst };
	ports_copy(l->port_is_dst ? &m->dport : &m->sport, &a->ports);
	if (l->client && a->proto == IPPROTO_TCP && !l->original)
		m->tcp = TCP_CONTINUING;
	if (l->client && a->proto != IPPROTO_TCP && a->ports.n)
		ports_add(l->port_is_dst ? &m->sport : &m->dport, h->ephemeral.lo, h->ephemeral.hi);
	if (is_icmp(a->proto))
		m->icmp = l->original ? ICMP_REQUEST : ICMP_REPLY;
	match_addresses(m, a->service, l->local_is_dst);
	match_interfaces(m, l->raw, &a->service->ifaces, &a->service->not_ifaces);
}

/* The ICMP errors that travel with a leg: they quote a packet of the opposite direction. */
static void error_match(struct match *m, const struct leg *l, const struct atom *a,
			unsigned families)
{
	*m = (struct match){
		.families = families, .proto = a->proto, .dst_kind = l->dst, .icmp = ICMP_IS_ERROR
	};
	ports_copy(l->port_is_dst ? &m->sport : &m->dport, &a->ports);
	match_addresses(m, a->service, !l->local_is_dst);
	match_interfaces(m, l->raw, &a->service->ifaces, &a->service->not_ifaces);
}

static struct rule *add_rule(struct ruleset *out, enum hook hook, const char *name,
			     const struct origin *at)
{
	struct rule *r = ruleset_add_rule(out);

	r->hook = hook;
	r->verdict = VERDICT_NOTRACK;
	r->name = xstrdup(name);
	r->at = *at;
	return r;
}

static void service_rules(const struct policy *p, const struct host_params *h, const struct atom *a,
			  struct ruleset *out)
{
	unsigned masks[2];
	size_t n = family_masks(p, a, masks);
	const struct service *s = a->service;

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
		for (size_t k = 0; sides[i].role == s->role && k < sides[i].n_legs; k++)
			for (size_t f = 0; f < n; f++) {
				const struct leg *l = &sides[i].legs[k];

				if (!l->errors_only)
					leg_match(&add_rule(out, l->raw, s->name, &s->at)->match, l,
						  a, masks[f], h);
				error_match(&add_rule(out, l->raw, s->name, &s->at)->match, l, a,
					    masks[f]);
			}
}

static void both_hooks(const struct policy *p, const char *name, enum verdict verdict,
		       const struct ifaces *with, const struct ifaces *without,
		       const struct origin *at, struct ruleset *out)
{
	static const enum hook hooks[] = { HOOK_PREROUTING, HOOK_OUTPUT };

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct rule *r = add_rule(out, hooks[i], name, at);

		r->verdict = verdict;
		/* Loopback is never touched, whatever families are exempt. */
		r->match.families = verdict == VERDICT_RETURN ? FAMILIES_BOTH : p->families;
		match_interfaces(&r->match, hooks[i], with, without);
	}
}

unsigned compile_host_facts(const struct policy *p)
{
	unsigned facts = p->loopback || p->n_interfaces ? HOST_EPHEMERAL : 0;

	if (p->n_interfaces)
		facts |= HOST_FORWARDS;
	for (size_t i = 0; i < p->n_services; i++)
		if (p->services[i].role == ROLE_CLIENT || p->services[i].role == ROLE_PEER)
			facts |= HOST_EPHEMERAL;
	return facts;
}

void compile_rules(const struct policy *p, const struct host_params *h, struct ruleset *out,
		   struct diag *d)
{
	char lo_name[1][IFNAMSIZ] = { "lo" };
	const struct ifaces lo = { lo_name, 1 }, none = { 0 };
	size_t n;
	struct atom *atoms;

	if (policy_is_empty(p))
		return;
	both_hooks(p, "loopback", p->loopback ? VERDICT_NOTRACK : VERDICT_RETURN, &lo, &none,
		   &p->loopback_at, out);
	for (size_t i = 0; i < p->n_interfaces; i++)
		both_hooks(p, p->interfaces[i].name, VERDICT_NOTRACK, &p->interfaces[i].ifaces,
			   &p->interfaces[i].not_ifaces, &p->interfaces[i].at, out);
	atoms = atoms_make(p, &n, d);
	for (size_t i = 0; i < n; i++)
		if (!atoms[i].empty)
			service_rules(p, h, &atoms[i], out);
	atoms_free(atoms, n);
	ruleset_normalise(out);
}

/* ---- traffic: the same legs as classes at the filter hooks ------------------------------------
 */

struct traffic_list {
	struct traffic *v;
	size_t n;
	unsigned shapes;
};

static struct traffic *add_traffic(struct traffic_list *l, const char *names, enum hook hook,
				   enum packet_class class, const struct origin *at)
{
	struct traffic *t = ARRAY_ADD(l->v, l->n);

	t->names = xstrdup(names);
	t->hook = hook;
	t->class = class;
	t->at = *at;
	t->shape = l->shapes;
	return t;
}

static enum port_side port_side(bool dst, const struct atom *a)
{
	return !a->ports.n ? SIDE_NONE : dst ? SIDE_DST : SIDE_SRC;
}

/* The filter hooks know where a packet goes: the raw hook's lookup need not be repeated there. */
static void leg_traffic(struct traffic_list *l, const struct leg *leg, const struct atom *a,
			const char *names, unsigned families, const struct host_params *h)
{
	const struct service *s = a->service;
	bool tcp = a->proto == IPPROTO_TCP;
	size_t first = l->n;
	struct traffic *error;

	for (int c = CLASS_OPENING; c <= CLASS_CONTINUING; c++) {
		struct traffic *t;

		if (leg->errors_only ||
		    (tcp && c == CLASS_OPENING && leg->client && !leg->original))
			continue;
		if (!tcp && leg->original != (c == CLASS_OPENING))
			continue;
		t = add_traffic(l, names, leg->filter, c, &s->at);
		t->side = port_side(leg->port_is_dst, a);
		leg_match(&t->match, leg, a, families, h);
		if (tcp)
			t->match.tcp = c == CLASS_OPENING ? TCP_OPENING : TCP_CONTINUING;
	}
	error = add_traffic(l, names, leg->filter, CLASS_ERROR, &s->at);
	error->side = port_side(!leg->port_is_dst, a);
	error_match(&error->match, leg, a, families);
	for (size_t i = first; i < l->n; i++) {
		l->v[i].original = leg->original;
		l->v[i].accept = s->accept;
	}
}

static void shape_traffic(struct traffic_list *l, const struct policy *p, const struct atom *all,
			  const char *names, const struct host_params *h)
{
	unsigned masks[2];
	size_t n = family_masks(p, all, masks);

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		if (sides[i].role != all->service->role)
			continue;
		for (size_t k = 0; k < sides[i].n_legs; k++)
			for (size_t f = 0; f < n; f++)
				leg_traffic(l, &sides[i].legs[k], all, names, masks[f], h);
		l->shapes++;
	}
}

/* "web,api,+12" */
static char *join_names(char **v, size_t n)
{
	struct text t = { 0 };
	size_t i;

	for (i = 0; i < n && (i == 0 || t.len + strlen(v[i]) + 8 < NAMES_MAX); i++)
		text_add(&t, "%s%s", i ? "," : "", v[i]);
	if (i < n)
		text_add(&t, ",+%zu", n - i);
	return t.s;
}

/* Atoms of one shape and one accept mode become one traffic with all their ports. */
static void join_shape(const struct atom *v, size_t n, bool *done, struct atom *all, char **names)
{
	char **list = NULL;
	size_t n_list = 0;

	*all = (struct atom){ .service = v->service, .proto = v->proto };
	for (size_t end = 0; end < n && !compare_shapes(v, &v[end]); end++) {
		if (done[end] || v[end].empty || v[end].service->accept != v->service->accept)
			continue;
		done[end] = true;
		for (size_t k = 0; k < v[end].ports.n; k++)
			ports_add(&all->ports, v[end].ports.v[k].lo, v[end].ports.v[k].hi);
		*ARRAY_ADD(list, n_list) = v[end].service->name;
	}
	ports_normalise(&all->ports);
	*names = join_names(list, n_list);
	free(list);
}

static const struct { /* what passes an exempt interface, as far as twins know it */
	uint8_t proto;
	unsigned families;
} interface_protos[] = {
	{ IPPROTO_TCP, FAMILIES_BOTH },	 { IPPROTO_UDP, FAMILIES_BOTH },
	{ IPPROTO_SCTP, FAMILIES_BOTH }, { IPPROTO_ICMP, FAMILIES_V4 },
	{ IPPROTO_ICMPV6, FAMILIES_V6 }, { IPPROTO_GRE, FAMILIES_BOTH },
	{ IPPROTO_ESP, FAMILIES_BOTH },
};

/* No side of an interface's flows is known to open them. TCP and ICMP tell by themselves; for ports
 * the local one decides: inside the ephemeral range this host is the client. Tunnels open. */
static void interface_class(struct match *m, enum packet_class c, bool in,
			    const struct host_params *h)
{
	bool client = (c == CLASS_CONTINUING) == in;
	struct ports *local = in ? &m->dport : &m->sport;

	if (m->proto == IPPROTO_TCP) {
		m->tcp = c == CLASS_OPENING ? TCP_OPENING : TCP_CONTINUING;
	} else if (is_icmp(m->proto)) {
		m->icmp = c == CLASS_OPENING ? ICMP_REQUEST : ICMP_REPLY;
	} else if (proto_has_ports(m->proto)) {
		if (client) {
			ports_add(local, h->ephemeral.lo, h->ephemeral.hi);
			return;
		}
		ports_add(local, 0, h->ephemeral.lo - 1);
		if (h->ephemeral.hi < 65535)
			ports_add(local, h->ephemeral.hi + 1, 65535);
	}
}

static void interface_hook(struct traffic_list *l, const struct policy *p, const char *name,
			   enum accept_mode accept, const struct ifaces *with,
			   const struct ifaces *without, const struct origin *at, enum hook hook,
			   const struct host_params *h)
{
	bool in = hook != HOOK_OUTPUT;
	enum hook raw = in ? HOOK_PREROUTING : HOOK_OUTPUT;
	size_t first = l->n;

	for (size_t i = 0; i < ARRAY_SIZE(interface_protos); i++)
		for (int c = CLASS_OPENING; c <= CLASS_CONTINUING; c++) {
			unsigned f = interface_protos[i].families & p->families;
			uint8_t proto = interface_protos[i].proto;
			struct traffic *t;

			if (!f ||
			    (c == CLASS_CONTINUING && !proto_has_ports(proto) && !is_icmp(proto)))
				continue;
			t = add_traffic(l, name, hook, c, at);
			t->match.families = f;
			t->match.proto = proto;
			interface_class(&t->match, c, in, h);
		}
	add_traffic(l, name, hook, CLASS_ERROR, at)->match =
		(struct match){ .families = p->families, .icmp = ICMP_IS_ERROR };
	for (size_t i = first; i < l->n; i++) {
		match_interfaces(&l->v[i].match, raw, with, without);
		l->v[i].accept = accept;
	}
	l->shapes++;
}

static void interface_traffic(struct traffic_list *l, const struct policy *p,
			      const struct interface *i, const struct host_params *h)
{
	static const enum hook hooks[] = { HOOK_INPUT, HOOK_OUTPUT, HOOK_FORWARD };

	for (size_t k = 0; k < ARRAY_SIZE(hooks); k++)
		if (hooks[k] != HOOK_FORWARD || h->forwards)
			interface_hook(l, p, i->name, i->accept, &i->ifaces, &i->not_ifaces, &i->at,
				       hooks[k], h);
}

void compile_traffic(const struct policy *p, const struct host_params *h, struct traffic **out,
		     size_t *n_out)
{
	char lo_name[1][IFNAMSIZ] = { "lo" };
	struct interface lo = { .name = (char[]){ "loopback" },
				.ifaces = { lo_name, 1 },
				.accept = p->accept,
				.at = p->loopback_at };
	struct host_params no_forward = { h->ephemeral, false };
	struct traffic_list l = { 0 };
	size_t n;
	struct atom *v = atoms_make(p, &n, NULL);
	bool *done = xcalloc(n + 1, sizeof(*done));

	if (p->loopback)
		interface_traffic(&l, p, &lo, &no_forward);
	for (size_t i = 0; i < p->n_interfaces; i++)
		interface_traffic(&l, p, &p->interfaces[i], h);
	for (size_t i = 0; i < n; i++) {
		struct atom all;
		char *names;

		if (done[i] || v[i].empty)
			continue;
		join_shape(&v[i], n - i, &done[i], &all, &names);
		shape_traffic(&l, p, &all, names, h);
		free(all.ports.v);
		free(names);
	}
	free(done);
	atoms_free(v, n);
	*out = l.v;
	*n_out = l.n;
}

void traffic_free(struct traffic *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].names);
		match_free(&v[i].match);
	}
	free(v);
}

const char *packet_class_name(enum packet_class c)
{
	switch (c) {
	case CLASS_OPENING:
		return "opening";
	case CLASS_CONTINUING:
		return "continuing";
	case CLASS_ERROR:
		return "error";
	}
	return "";
}
