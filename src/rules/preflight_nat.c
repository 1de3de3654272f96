/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Live connections that the kernel translates, and that an exemption would take this away from: NAT
 * lives in conntrack (FACTS T5). The rules that translate are found by the walks. */
#include "rules/preflight_part.h"

/* Where the port stands in the entry, and whose address goes with it: as the legs of the role. */
static bool is_hit(const struct service *s, const struct host_nat *n)
{
	bool dst = ports_contains(&s->ports, n->dport);
	bool reply_src = ports_contains(&s->ports, n->reply_sport);

	switch (s->role) {
	case ROLE_SERVER:
		return dst && n->dst_local;
	case ROLE_CLIENT:
		return reply_src && n->reply_dst_local;
	case ROLE_PEER:
		return (dst && n->dst_local) || (reply_src && n->reply_dst_local);
	case ROLE_ROUTER:
		return (dst && !n->dst_local) || (reply_src && !n->reply_dst_local);
	}
	return false;
}

/* The port by which an entry of is_hit is known. */
static uint16_t hit_port(const struct service *s, const struct host_nat *n)
{
	bool local = s->role != ROLE_ROUTER;

	return ports_contains(&s->ports, n->dport) && s->role != ROLE_CLIENT &&
			       n->dst_local == local
		       ? n->dport
		       : n->reply_sport;
}

/* Entries are counted by port: whether one has these addresses or interfaces is not known. */
static bool is_narrowed(const struct service *s)
{
	return s->ifaces.n || s->not_ifaces.n || s->local.n || s->not_local.n || s->remote.n ||
	       s->not_remote.n;
}

static void say_translated(const struct policy *p, const struct service *s, uint8_t proto,
			   const struct ports *ports, uint64_t n, struct diag *d)
{
	const char *name = proto_name(proto);
	auto_free char *number = xasprintf("protocol %u", proto);
	const struct origin *at = s->ports.n ? &s->port_at : &s->at;
	struct text t = { 0 };

	text_add(&t, "%s: NAT translates %llu live %s of %s", s->name, (unsigned long long)n,
		 n == 1 ? "connection" : "connections", name ? name : number);
	if (s->ports.n) {
		text_add(&t, " port ");
		ports_text(ports, &t);
	}
	if (is_narrowed(s))
		diag_warn(d, at, "nat-conflict", "%s, and some may be exempt", t.s);
	else if (p->on_nat == ON_NAT_WARN)
		diag_warn(d, at, "nat-conflict", "%s, and needs them tracked", t.s);
	else
		diag_error(d, at, "nat-conflict", 0, "%s, and needs them tracked", t.s);
	diag_cure(d,
		  "see them with 'conntrack -L -j%s%s'; narrow the exemption (port, interface, "
		  "local, remote)%s",
		  name ? " -p " : "", name ? name : "",
		  is_narrowed(s) ? " further if they are meant"
				 : ", or set on-nat = warn if they can do without");
	free(t.s);
}

static void check_entries(const struct policy *p, const struct service *s, uint8_t proto,
			  const struct host *h, struct diag *d)
{
	struct ports ports = { 0 };
	uint64_t n = 0;

	for (size_t i = 0; i < h->n_nat; i++) {
		const struct host_nat *e = &h->nat[i];

		if (e->proto != proto || !(p->families & 1u << e->family) || !is_hit(s, e))
			continue;
		ports_add(&ports, hit_port(s, e), hit_port(s, e));
		n = n + e->entries < n ? UINT64_MAX : n + e->entries;
	}
	ports_normalise(&ports);
	if (n)
		say_translated(p, s, proto, &ports, n, d);
	free(ports.v);
}

void preflight_nat(const struct policy *p, const struct host *h, struct diag *d)
{
	if (host_is_unread(h, "nat"))
		return;
	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; k < p->services[i].protos.n; k++)
			check_entries(p, &p->services[i], p->services[i].protos.v[k], h, d);
}
