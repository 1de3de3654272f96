/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings that need the policy and the facts of a host, and no walk of its firewall. */
#include "rules/preflight.h"

#include <netinet/in.h>
#include <string.h>
#include "rules/packet.h"
#include "rules/preflight_part.h"

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
		diag_cure(d, "nothing if it is to come, the rules wait for it; else see 'ip link' "
			     "for the names");
	}
}

static void missing_interfaces(const struct policy *p, const struct host *h, struct diag *d)
{
	if (host_is_unread(h, "interfaces"))
		return;
	for (size_t i = 0; i < p->n_services; i++)
		check_interfaces(&p->services[i].ifaces, &p->services[i].iface_at,
				 p->services[i].name, h, d);
	for (size_t i = 0; i < p->n_interfaces; i++)
		check_interfaces(&p->interfaces[i].ifaces, &p->interfaces[i].iface_at,
				 p->interfaces[i].name, h, d);
}

/* Of a service on this host. */
static void check_address(const struct service *s, const struct prefix *a, const struct host *h,
			  struct diag *d)
{
	struct text t = { 0 };

	if (host_has_address(h, a) || prefix_is_loopback(a))
		return;
	prefix_text(a, &t);
	diag_note(d, &s->local_at, "missing-address", "%s: this host has no address %s%s now",
		  s->name, strchr(t.s, '/') ? "in " : "", t.s);
	diag_cure(d, "nothing if it is to come, the rules wait for it; else see 'ip address'");
	free(t.s);
}

static void missing_addresses(const struct policy *p, const struct host *h, struct diag *d)
{
	if (!h->n_addresses || host_is_unread(h, "interfaces") || host_is_unread(h, "addresses"))
		return;
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		for (size_t k = 0; k < s->local.n && s->role != ROLE_ROUTER; k++)
			check_address(s, &s->local.v[k], h, d);
	}
}

/* Does this service exempt connections that come in to the TCP port? */
static bool serves_tcp_port(const struct service *s, uint16_t port)
{
	return service_serves(s) && memchr(s->protos.v, IPPROTO_TCP, s->protos.n) &&
	       ports_contains(&s->ports, port);
}

static void management_port(const struct policy *p, const struct host *h, struct diag *d)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (!h->ssh_port || !serves_tcp_port(s, h->ssh_port))
			continue;
		diag_warn(d, &s->port_at, "management-port",
			  "%s: the SSH session that runs this uses port %u", s->name, h->ssh_port);
		diag_cure(d, "keep a second session open, and use 'untrack apply --confirm': it "
			     "goes back by itself if a new connection does not work");
	}
}

static bool rule_uses_conntrack(const struct fw_rule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++)
		if (r->exprs[i].op == FW_NAT || r->exprs[i].op == FW_CT_LIMIT ||
		    r->exprs[i].op == FW_CT_WRITE || r->exprs[i].op == FW_SYNPROXY)
			return true;
	return rule_asks_conntrack(r);
}

static bool chain_uses_conntrack(const struct fw_chain *c)
{
	if (c->base && c->type && !strcmp(c->type, "nat"))
		return true;
	for (size_t i = 0; i < c->n_rules; i++)
		if (c->rules[i].twin < 0 && rule_uses_conntrack(&c->rules[i]))
			return true;
	return false;
}

/* Conntrack is registered in a network namespace by the first rule that asks for it (FACTS T3).
 * Entries that are there show that something does, whatever it is. */
static void stateless_host(const struct policy *p, const struct host *h, struct diag *d)
{
	const uint64_t *entries = host_sysctl(h, "nf_conntrack_count");

	if (policy_is_empty(p) || host_is_unread(h, "firewall") || (entries && *entries))
		return;
	for (size_t i = 0; i < h->fw.n_chains; i++)
		if (chain_uses_conntrack(&h->fw.chains[i]))
			return;
	diag_note(d, NULL, "stateless-host",
		  "nothing on this host tracks connections: no rule of its ip, ip6 and inet tables "
		  "asks for it, so there is nothing yet to exempt traffic from");
	diag_cure(d, "nothing to do: the exemptions wait for the first rule that does");
}

/* What the words say, whatever the host. */
static void policy_alone(const struct policy *p, struct diag *d)
{
	preflight_inside(p, d);
	preflight_use(p, d);
}

void preflight_policy(const struct policy *p, struct diag *d)
{
	policy_alone(p, d);
	preflight_default_ports(p, d);
	preflight_lone_interface(p, d);
	preflight_times(p, NULL, d);
}

/* Of a service that serves. */
static unsigned port_facts(const struct service *s)
{
	unsigned facts = 0;

	if (s->ports.n)
		facts |= HOST_EPHEMERAL | HOST_RESERVED;
	if (memchr(s->protos.v, IPPROTO_TCP, s->protos.n))
		facts |= HOST_TCP_LISTENERS | HOST_SESSION;
	if (memchr(s->protos.v, IPPROTO_UDP, s->protos.n))
		facts |= HOST_UDP_LISTENERS;
	return facts;
}

unsigned preflight_facts(const struct policy *p)
{
	unsigned facts = (p->n_interfaces ? HOST_INTERFACES : 0) | (p->n_services ? HOST_NAT : 0);

	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (service_serves(s))
			facts |= port_facts(s);
		if (s->role == ROLE_ROUTER || s->ifaces.n || s->local.n)
			facts |= HOST_INTERFACES;
		if (s->upstream_timeout || s->keepalive)
			facts |= HOST_SETTINGS | HOST_INTERFACES;
	}
	return facts;
}

static bool serves_sctp(const struct policy *p)
{
	for (size_t i = 0; i < p->n_services; i++)
		if (service_serves(&p->services[i]) &&
		    memchr(p->services[i].protos.v, IPPROTO_SCTP, p->services[i].protos.n))
			return true;
	return false;
}

static void unread_facts(const struct policy *p, const struct host *h, struct diag *d)
{
	for (size_t i = 0; i < h->n_unread; i++) {
		if (!strncmp(h->unread[i], "sctp-", strlen("sctp-")) && !serves_sctp(p))
			continue;
		diag_note(d, NULL, "facts-unread", "not known, and so not checked: %s",
			  h->unread[i]);
		diag_cure(d, "see 'untrack facts', as root");
	}
}

void preflight_check(const struct policy *p, const struct host *h, struct diag *d)
{
	unread_facts(p, h, d);
	policy_alone(p, d);
	preflight_ports(p, h, d);
	preflight_nat(p, h, d);
	preflight_paths(p, h, d);
	preflight_times(p, h, d);
	management_port(p, h, d);
	missing_interfaces(p, h, d);
	missing_addresses(p, h, d);
	stateless_host(p, h, d);
}
