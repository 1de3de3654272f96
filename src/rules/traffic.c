/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policy to traffic: the same legs as classes at the filter hooks. */
#include <netinet/in.h>
#include <string.h>
#include "rules/compile.h"
#include "rules/leg.h"

#define NAMES_MAX 96 /* bytes of joined exemption names; a comment of nft holds 128 */

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
	leg_error_match(&error->match, leg, a, families);
	for (size_t i = first; i < l->n; i++) {
		l->v[i].original = leg->original;
		l->v[i].reply = !leg->original;
		l->v[i].accept = s->accept;
	}
}

static void shape_traffic(struct traffic_list *l, const struct policy *p, const struct atom *all,
			  const char *names, const struct host_params *h)
{
	unsigned masks[2];
	size_t n = leg_families(p, all, masks);

	for (size_t i = 0; i < ROLE_SIDES; i++) {
		if (role_sides[i].role != all->service->role)
			continue;
		for (size_t k = 0; k < role_sides[i].n_legs; k++)
			for (size_t f = 0; f < n; f++)
				leg_traffic(l, &role_sides[i].legs[k], all, names, masks[f], h);
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
	for (size_t end = 0; end < n && !atom_compare(v, &v[end]); end++) {
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
	} else if (proto_is_icmp(m->proto)) {
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

			if (!f || (c == CLASS_CONTINUING && !proto_has_ports(proto) &&
				   !proto_is_icmp(proto)))
				continue;
			t = add_traffic(l, name, hook, c, at);
			t->match.families = f;
			t->match.proto = proto;
			interface_class(&t->match, c, in, h);
		}
	add_traffic(l, name, hook, CLASS_ERROR, at)->match =
		(struct match){ .families = p->families, .icmp = ICMP_IS_ERROR };
	for (size_t i = first; i < l->n; i++) {
		leg_interfaces(&l->v[i].match, raw, with, without);
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

/* What iptables cannot untrack is known by another state to the rules on the way out. */
static void add_answers(struct traffic_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct match *m = &l->v[i].match;

		m->answers = l->v[i].hook == HOOK_OUTPUT &&
			     (m->proto == IPPROTO_TCP || m->icmp == ICMP_IS_ERROR);
	}
}

void compile_traffic(const struct policy *p, const struct host_params *h, struct traffic **out,
		     size_t *n_out)
{
	char lo_name[1][IFNAMSIZ] = { "lo" };
	struct interface lo = { .name = (char[]){ "loopback" },
				.ifaces = { lo_name, 1 },
				.accept = p->accept,
				.at = p->loopback_at };
	struct host_params no_forward = { .ephemeral = h->ephemeral };
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
	if (h->home == FORM_LEGACY)
		add_answers(&l);
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
