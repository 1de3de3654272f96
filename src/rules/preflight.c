/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings that need the policy and a few facts of the host, and no walk of its firewall. */
#include "rules/preflight.h"

#include <netinet/in.h>
#include <string.h>

static void check_interfaces(const struct ifaces *l, const struct origin *at, const char *name,
			     const struct host *h, struct diag *d)
{
	for (size_t i = 0; i < l->n; i++) {
		if (host_has_interface(h, l->v[i]))
			continue;
		if (strchr(l->v[i], '*'))
			diag_note(d, at, "missing-interface", "%s: no interface matches '%s' now",
				  name, l->v[i]);
		else
			diag_note(d, at, "missing-interface", "%s: there is no interface '%s' now",
				  name, l->v[i]);
	}
}

/* Does this service exempt connections that come in to the TCP port? */
static bool serves_tcp_port(const struct service *sv, uint16_t port)
{
	if (sv->role != ROLE_SERVER && sv->role != ROLE_PEER)
		return false;
	return memchr(sv->protos.v, IPPROTO_TCP, sv->protos.n) && ports_contains(&sv->ports, port);
}

/* What speaks on an idle flow must do so before whatever is in front forgets the flow. */
static void check_keepalive(const struct service *s, struct diag *d)
{
	if (!s->keepalive || !s->upstream_timeout || s->keepalive < s->upstream_timeout)
		return;
	diag_warn(d, &s->upstream_at, "upstream-timeout",
		  "%s: keepalive (%us) is not shorter than upstream-timeout (%us): idle "
		  "connections are forgotten upstream",
		  s->name, s->keepalive, s->upstream_timeout);
	diag_cure(d, "let the application speak more often, or raise the timeout upstream");
}

void preflight_policy(const struct policy *p, struct diag *d)
{
	for (size_t i = 0; i < p->n_services; i++)
		check_keepalive(&p->services[i], d);
	if (!p->n_conntrack)
		return;
	diag_warn(d, &p->conntrack[0].at, "conntrack-settings",
		  "[conntrack] is checked, but this version sets none of it");
	diag_cure(d, "set net.netfilter.nf_conntrack_* in /etc/sysctl.d");
}

void preflight_check(const struct policy *p, const struct host *h, struct diag *d)
{
	preflight_policy(p, d);
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *sv = &p->services[i];

		check_interfaces(&sv->ifaces, &sv->iface_at, sv->name, h, d);
		if (!h->ssh_port || !serves_tcp_port(sv, h->ssh_port))
			continue;
		diag_warn(d, &sv->port_at, "management-port",
			  "%s: the SSH session that runs this uses port %u", sv->name, h->ssh_port);
		diag_cure(d, "keep a second session open; 'untrack rollback' goes back");
	}
	for (size_t i = 0; i < p->n_interfaces; i++)
		check_interfaces(&p->interfaces[i].ifaces, &p->interfaces[i].iface_at,
				 p->interfaces[i].name, h, d);
}
