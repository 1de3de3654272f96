/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The roles as rows. */
#include "rules/leg.h"

#include <netinet/in.h>
#include <string.h>

static const struct leg server_legs[] = {
	{ .raw = HOOK_PREROUTING,
	  .filter = HOOK_INPUT,
	  .port_is_dst = true,
	  .local_is_dst = true,
	  .original = true,
	  .dst = DST_LOCAL },
	{ .raw = HOOK_OUTPUT, .filter = HOOK_OUTPUT },
};
static const struct leg client_legs[] = {
	{ .raw = HOOK_PREROUTING,
	  .filter = HOOK_INPUT,
	  .local_is_dst = true,
	  .client = true,
	  .dst = DST_LOCAL },
	{ .raw = HOOK_OUTPUT,
	  .filter = HOOK_OUTPUT,
	  .port_is_dst = true,
	  .original = true,
	  .client = true },
};
/* The last two: errors that the router itself sends about packets it forwards (packet too big). */
static const struct leg router_legs[] = {
	{ .raw = HOOK_PREROUTING,
	  .filter = HOOK_FORWARD,
	  .port_is_dst = true,
	  .local_is_dst = true,
	  .original = true,
	  .dst = DST_NOT_LOCAL },
	{ .raw = HOOK_PREROUTING, .filter = HOOK_FORWARD, .dst = DST_NOT_LOCAL },
	{ .raw = HOOK_OUTPUT, .filter = HOOK_OUTPUT, .errors_only = true },
	{ .raw = HOOK_OUTPUT,
	  .filter = HOOK_OUTPUT,
	  .port_is_dst = true,
	  .local_is_dst = true,
	  .original = true,
	  .errors_only = true },
};

const struct side role_sides[ROLE_SIDES] = {
	/* a peer is a server and a client */
	{ ROLE_SERVER, server_legs, ARRAY_SIZE(server_legs) },
	{ ROLE_CLIENT, client_legs, ARRAY_SIZE(client_legs) },
	{ ROLE_PEER, server_legs, ARRAY_SIZE(server_legs) },
	{ ROLE_PEER, client_legs, ARRAY_SIZE(client_legs) },
	{ ROLE_ROUTER, router_legs, ARRAY_SIZE(router_legs) },
};

bool proto_is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
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

size_t leg_families(const struct policy *p, const struct atom *a, unsigned out[2])
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

void leg_interfaces(struct match *m, enum hook raw, const struct ifaces *with,
		    const struct ifaces *without)
{
	bool in = raw == HOOK_PREROUTING;

	add_interfaces(in ? &m->in : &m->out, with);
	add_interfaces(in ? &m->not_in : &m->not_out, without);
}

void leg_match(struct match *m, const struct leg *l, const struct atom *a, unsigned families,
	       const struct host_params *h)
{
	*m = (struct match){ .families = families, .proto = a->proto, .dst_kind = l->dst };
	ports_copy(l->port_is_dst ? &m->dport : &m->sport, &a->ports);
	if (l->client && a->proto == IPPROTO_TCP && !l->original)
		m->tcp = TCP_CONTINUING;
	if (l->client && a->proto != IPPROTO_TCP && a->ports.n)
		ports_add(l->port_is_dst ? &m->sport : &m->dport, h->ephemeral.lo, h->ephemeral.hi);
	if (proto_is_icmp(a->proto))
		m->icmp = l->original ? ICMP_REQUEST : ICMP_REPLY;
	match_addresses(m, a->service, l->local_is_dst);
	leg_interfaces(m, l->raw, &a->service->ifaces, &a->service->not_ifaces);
}

void leg_error_match(struct match *m, const struct leg *l, const struct atom *a, unsigned families)
{
	*m = (struct match){
		.families = families, .proto = a->proto, .dst_kind = l->dst, .icmp = ICMP_IS_ERROR
	};
	ports_copy(l->port_is_dst ? &m->sport : &m->dport, &a->ports);
	match_addresses(m, a->service, !l->local_is_dst);
	leg_interfaces(m, l->raw, &a->service->ifaces, &a->service->not_ifaces);
}
