/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the words of a policy mean, and what they were hardly meant to: seen without any host. */
#include <netinet/in.h>
#include <string.h>
#include "rules/preflight_part.h"

static const struct use { /* of a port, by those who assign them */
	uint8_t proto;
	uint16_t port;
	const char *name;
} tunnels[] = { /* both ends send to the port, from another one */
		{ IPPROTO_UDP, 4789, "VXLAN" },
		{ IPPROTO_UDP, 6081, "Geneve" },
		{ IPPROTO_UDP, 8472, "VXLAN" } },
  helped[] = { /* modules nf_conntrack_*: what they read tells conntrack of further connections */
	       { IPPROTO_TCP, 21, "ftp" },	 { IPPROTO_UDP, 69, "tftp" },
	       { IPPROTO_UDP, 137, "netbios_ns" }, { IPPROTO_UDP, 161, "snmp" },
	       { IPPROTO_TCP, 1720, "h323" },	 { IPPROTO_TCP, 1723, "pptp" },
	       { IPPROTO_TCP, 5060, "sip" },	 { IPPROTO_UDP, 5060, "sip" },
	       { IPPROTO_TCP, 6566, "sane" },	 { IPPROTO_TCP, 6667, "irc" },
	       { IPPROTO_UDP, 10080, "amanda" } };

static bool has_use(const struct service *s, const struct use *u)
{
	return s->ports.n && memchr(s->protos.v, u->proto, s->protos.n) &&
	       ports_contains(&s->ports, u->port);
}

/* "udp port 4789 (VXLAN), ..." of those that s has; NULL: none. */
static char *uses_of(const struct service *s, const struct use *v, size_t n)
{
	struct text t = { 0 };

	for (size_t i = 0; i < n; i++)
		if (has_use(s, &v[i]))
			text_add(&t, "%s%s port %u (%s)", t.len ? ", " : "", proto_name(v[i].proto),
				 v[i].port, v[i].name);
	return t.s;
}

static void check_tunnels(const struct service *s, struct diag *d)
{
	auto_free char *what = s->role == ROLE_SERVER || s->role == ROLE_CLIENT
				       ? uses_of(s, tunnels, ARRAY_SIZE(tunnels))
				       : NULL;

	if (!what)
		return;
	diag_warn(d, &s->port_at, "one-direction",
		  "%s: both ends of such a tunnel send to %s, and what this host %s stays tracked",
		  s->name, what, s->role == ROLE_SERVER ? "sends" : "is sent");
	diag_cure(d, "write role = peer");
}

static void check_helpers(const struct service *s, struct diag *d)
{
	auto_free char *what = uses_of(s, helped, ARRAY_SIZE(helped));

	if (!what)
		return;
	diag_note(d, &s->port_at, "helper-port",
		  "%s: a helper of conntrack reads %s to know which further connections belong to "
		  "it, and sees none of what is exempt",
		  s->name, what);
	diag_cure(d, "nothing if no firewall needs these connections to be related; else take the "
		     "port out");
}

/* ---- addresses that no packet of the service has -----------------------------------------------
 */

static bool is_multicast(const struct prefix *p)
{
	return p->family == FAMILY_V4 ? (p->addr[0] & 0xf0) == 0xe0 && p->len >= 4
				      : p->addr[0] == 0xff && p->len >= 8;
}

static bool is_unspecified(const struct prefix *p)
{
	static const uint8_t zero[16];

	return p->len == (p->family == FAMILY_V4 ? 32 : 128) && !memcmp(p->addr, zero, 16);
}

/* Why; NULL: packets may well have it. */
static const char *why_none(const struct service *s, const struct prefix *p, bool local)
{
	if (is_unspecified(p))
		return "stands for no address at all";
	if (prefix_is_loopback(p) && p->len >= 8)
		return "is loopback, which only [loopback] exempts";
	if (local && s->role != ROLE_ROUTER && is_multicast(p))
		return "is multicast, which is no address of this host";
	return NULL;
}

static void check_addresses(const struct service *s, const struct addrs *l, bool local,
			    const struct origin *at, struct diag *d)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *why = why_none(s, &l->v[i], local);
		struct text t = { 0 };

		if (!why)
			continue;
		prefix_text(&l->v[i], &t);
		diag_warn(d, at, "no-packet", "%s: %s: %s %s, so that no packet matches it",
			  s->name, local ? "local" : "remote", t.s, why);
		diag_cure(d, is_unspecified(&l->v[i])
				     ? "leave the key out where every address is meant"
				     : "take it out");
		free(t.s);
	}
}

void preflight_use(const struct policy *p, struct diag *d)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		check_tunnels(s, d);
		check_helpers(s, d);
		check_addresses(s, &s->local, true, &s->local_at, d);
		check_addresses(s, &s->remote, false, &s->remote_at, d);
	}
}
