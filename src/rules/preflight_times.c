/* SPDX-License-Identifier: GPL-2.0-or-later */
/* upstream-timeout: a load balancer, NAT or cloud network in front forgets an idle flow after it.
 * An exempt flow needs somebody who speaks before that. A flow that stays tracked must be forgotten
 * here first: else its answers go out by a path that the client does not know. */
#include <netinet/in.h>
#include <string.h>
#include "rules/preflight_part.h"

static const struct lifetime { /* of an idle flow that both sides have used */
	uint8_t proto;	       /* 0: every other one */
	const char *key, *sysctl;
} lifetimes[] = {
	{ IPPROTO_TCP, "timeout-tcp-established", "nf_conntrack_tcp_timeout_established" },
	{ IPPROTO_UDP, "timeout-udp-stream", "nf_conntrack_udp_timeout_stream" },
	{ IPPROTO_UDPLITE, "timeout-udp-stream", "nf_conntrack_udp_timeout_stream" },
	{ IPPROTO_SCTP, "timeout-sctp-established", "nf_conntrack_sctp_timeout_established" },
	{ IPPROTO_DCCP, "timeout-dccp-open", "nf_conntrack_dccp_timeout_open" },
	{ IPPROTO_GRE, "timeout-gre-stream", "nf_conntrack_gre_timeout_stream" },
	{ IPPROTO_ICMP, "timeout-icmp", "nf_conntrack_icmp_timeout" },
	{ IPPROTO_ICMPV6, "timeout-icmpv6", "nf_conntrack_icmpv6_timeout" },
	{ 0, "timeout-generic", "nf_conntrack_generic_timeout" },
};

static const struct lifetime *lifetime_of(uint8_t proto)
{
	const struct lifetime *l = lifetimes;

	while (l->proto && l->proto != proto)
		l++;
	return l;
}

/* "5d", "90s": the largest unit that says it exactly. */
static void add_time(struct text *t, uint64_t seconds)
{
	static const struct {
		unsigned seconds;
		char name;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (seconds % units[i].seconds)
		i++;
	text_add(t, "%llu%c", (unsigned long long)(seconds / units[i].seconds), units[i].name);
}

/* ---- what of a service stays tracked -----------------------------------------------------------
 */

static bool prefix_is_link_local(const struct prefix *p)
{
	return p->family == FAMILY_V4 ? p->addr[0] == 169 && p->addr[1] == 254
				      : p->addr[0] == 0xfe && (p->addr[1] & 0xc0) == 0x80;
}

/* Can clients come in to this address through something in front of the host? */
static bool is_reachable(const struct prefix *a)
{
	return !prefix_is_loopback(a) && !prefix_is_link_local(a);
}

/* An address that the service is reached by, and that l or without leaves out; l == NULL: any
 * address of the family. A host whose addresses are not known has all that one can think of. */
static bool has_other_address(const struct host *h, enum family f, const struct addrs *l,
			      const struct addrs *without)
{
	if (!h || !h->n_addresses)
		return true;
	for (size_t i = 0; i < h->n_addresses; i++) {
		const struct prefix *a = &h->addresses[i].prefix;

		if (a->family != f || !is_reachable(a))
			continue;
		if (!l || (l->n && !addrs_hold(l, a)) || addrs_hold(without, a))
			return true;
	}
	return false;
}

static bool names_family(const struct addrs *l, enum family f)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].family == f)
			return true;
	return !l->n;
}

static void add_reason(struct text *t, const char *reason)
{
	text_add(t, "%s%s", t->len ? "; " : "", reason);
}

/* Families that the policy, or the addresses of the service, leave out; the mask of the others. */
static unsigned left_out_families(const struct policy *p, const struct service *s,
				  const struct host *h, struct text *t)
{
	static const char *const names[] = { "IPv4", "IPv6" };
	unsigned exempt = 0;

	for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
		bool in = p->families & 1u << f;

		if (in && names_family(&s->local, f) && names_family(&s->remote, f)) {
			exempt |= 1u << f;
		} else if (has_other_address(h, f, NULL, NULL)) {
			auto_free char *why = xasprintf("%s, which %s", names[f],
							in ? "local and remote do not name"
							   : "'family' leaves out");

			add_reason(t, why);
		}
	}
	return exempt;
}

static bool has_other_interface(const struct policy *p, const struct service *s,
				const struct host *h)
{
	if (!s->ifaces.n && !s->not_ifaces.n)
		return false;
	if (!h || host_is_unread(h, "interfaces") || !h->n_interfaces)
		return true;
	for (size_t i = 0; i < h->n_interfaces; i++) {
		const char *name = h->interfaces[i].name;
		bool exempt = (!s->ifaces.n || ifaces_hold(&s->ifaces, name)) &&
			      !ifaces_hold(&s->not_ifaces, name);

		for (size_t k = 0; k < p->n_interfaces && !exempt; k++)
			exempt = ifaces_hold(&p->interfaces[k].ifaces, name) &&
				 !ifaces_hold(&p->interfaces[k].not_ifaces, name);
		if (!exempt && strcmp(name, "lo"))
			return true;
	}
	return false;
}

/* Why some of what the ports of s stand for is not exempt; NULL: all of it is. Traffic that the
 * service does not name (other ports, loopback) is not its own. */
static char *stays_tracked(const struct policy *p, const struct service *s, const struct host *h)
{
	struct text t = { 0 };
	unsigned families = left_out_families(p, s, h, &t);
	bool local = false;

	if (has_other_interface(p, s, h))
		add_reason(&t, "what passes other interfaces");
	for (int f = FAMILY_V4; f <= FAMILY_V6 && (s->local.n || s->not_local.n); f++)
		local = local ||
			(families & 1u << f && has_other_address(h, f, &s->local, &s->not_local));
	if (local)
		add_reason(&t, "what uses other addresses of this host");
	if (s->remote.n || s->not_remote.n)
		add_reason(&t, "other peers than 'remote' names");
	return t.s;
}

/* ---- the findings ------------------------------------------------------------------------------
 */

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

/* The value that the policy means to be, else the one that is; false: not known. */
static bool lifetime_value(const struct policy *p, const struct host *h, const struct lifetime *l,
			   bool *ours, uint64_t *value)
{
	const uint64_t *now = h ? host_sysctl(h, l->sysctl) : NULL;

	*ours = false;
	for (size_t i = 0; i < p->n_conntrack; i++)
		if (!strcmp(p->conntrack[i].key, l->key)) {
			*ours = true;
			*value = p->conntrack[i].value;
			return true;
		}
	if (now)
		*value = *now;
	return now != NULL;
}

static void check_lifetime(const struct policy *p, const struct service *s, const struct host *h,
			   const struct lifetime *l, const char *why, struct diag *d)
{
	struct text here = { 0 }, there = { 0 };
	uint64_t value;
	bool ours;

	if (!lifetime_value(p, h, l, &ours, &value) || value < s->upstream_timeout)
		return;
	add_time(&here, value);
	add_time(&there, s->upstream_timeout);
	diag_warn(d, &s->upstream_at, "upstream-timeout",
		  "%s: of its traffic this stays tracked: %s. This host remembers it for %s (%s), "
		  "not less than upstream-timeout (%s): after that, answers leave by a path that "
		  "the client does not know",
		  s->name, why, here.s, ours ? l->key : l->sysctl, there.s);
	if (s->upstream_timeout < 2)
		diag_cure(d, "exempt this traffic as well, or raise the timeout upstream");
	else if (ours)
		diag_cure(d, "set %s = %us in [conntrack], or exempt this traffic as well", l->key,
			  s->upstream_timeout - 1);
	else
		diag_cure(d,
			  "sysctl -w net.netfilter.%s=%u (and in /etc/sysctl.d), or exempt this "
			  "traffic as well",
			  l->sysctl, s->upstream_timeout - 1);
	free(here.s);
	free(there.s);
}

/* What speaks seldom must be remembered for longer than that. */
static void check_spoken(const struct policy *p, const struct service *s, const struct host *h,
			 const struct lifetime *l, const char *why, struct diag *d)
{
	struct text here = { 0 }, every = { 0 };
	uint64_t value;
	bool ours;

	if (!s->keepalive || !lifetime_value(p, h, l, &ours, &value) || value > s->keepalive)
		return;
	add_time(&here, value);
	add_time(&every, s->keepalive);
	diag_warn(d, &s->at, "timeout-short",
		  "%s: of its traffic this stays tracked: %s. This host forgets it after %s (%s), "
		  "and it speaks every %s only (keepalive)",
		  s->name, why, here.s, ours ? l->key : l->sysctl, every.s);
	diag_cure(d, "set %s = %us in [conntrack], or exempt this traffic as well", l->key,
		  s->keepalive + s->keepalive / 2 + 1);
	free(here.s);
	free(every.s);
}

static void check_lifetimes(const struct policy *p, const struct service *s, const struct host *h,
			    struct diag *d)
{
	auto_free char *why = s->upstream_timeout || s->keepalive ? stays_tracked(p, s, h) : NULL;

	for (size_t i = 0; why && i < s->protos.n; i++) {
		const struct lifetime *l = lifetime_of(s->protos.v[i]);
		bool said = false;

		for (size_t k = 0; k < i; k++)
			said = said || !strcmp(lifetime_of(s->protos.v[k])->key, l->key);
		if (said)
			continue;
		if (s->upstream_timeout)
			check_lifetime(p, s, h, l, why, d);
		check_spoken(p, s, h, l, why, d);
	}
}

void preflight_times(const struct policy *p, const struct host *h, struct diag *d)
{
	for (size_t i = 0; i < p->n_services; i++) {
		check_keepalive(&p->services[i], d);
		check_lifetimes(p, &p->services[i], h, d);
	}
}
