/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which connection tracking entries belong to exempt traffic: pure. */
#include "kernel/conntrack.h"

#include <linux/icmp.h>
#include <netinet/in.h>
#include <linux/icmpv6.h>
#include <string.h>
#include "util.h"

struct passage { /* packets of one direction at the first hook that they pass */
	struct ct_tuple t;
	enum hook hook;
	bool loopback; /* local to local: OUTPUT through lo decides, and PREROUTING comes too late
			*/
	bool original;
};

enum answer { NO, UNKNOWN, YES };

static bool is_name_in(const struct ifaces *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t n = strlen(l->v[i]);

		if (n && l->v[i][n - 1] == '*' ? !strncmp(l->v[i], name, n - 1)
					       : !strcmp(l->v[i], name))
			return true;
	}
	return false;
}

/* Does the list say no more than "lo"? */
static bool is_lo(const struct ifaces *l)
{
	return l->n == 1 && !strcmp(l->v[0], "lo");
}

static enum answer match_interface(const struct ifaces *is, const struct ifaces *is_not,
				   const struct ct_host *host, const struct passage *p)
{
	const uint8_t *other = p->hook == HOOK_OUTPUT ? p->t.dst : p->t.src;
	char name[IFNAMSIZ] = "lo";

	if (!is->n && !is_not->n)
		return YES;
	if (!p->loopback && is_lo(is))
		return NO;
	if (!p->loopback && !is->n && is_lo(is_not))
		return YES;
	if (!p->loopback && !(host->reaches && host->reaches(host->ctx, p->t.family, other, name)))
		return UNKNOWN;
	return (!is->n || is_name_in(is, name)) && !is_name_in(is_not, name) ? YES : NO;
}

static bool is_icmp_kind(const struct match *m, const struct ct_tuple *t)
{
	const uint8_t *types;
	size_t n;

	if (m->icmp == ICMP_ANY)
		return true;
	if (m->icmp == ICMP_IS_ERROR) /* never makes an entry of its own */
		return false;
	n = icmp_kind_types(m->icmp, t->family, &types);
	return n && memchr(types, t->icmp_type, n);
}

static bool is_dst_kind(enum dst_kind k, const struct ct_host *host, const struct ct_tuple *t)
{
	switch (k) {
	case DST_ANY:
		return true;
	case DST_LOCAL:
		return addrs_cover(&host->local, t->family, t->dst);
	case DST_NOT_LOCAL:
		return !addrs_cover(&host->local, t->family, t->dst);
	}
	return false;
}

static bool match_list(const struct addrs *is, const struct addrs *is_not, enum family f,
		       const uint8_t *addr)
{
	return (!is->n || addrs_cover(is, f, addr)) && !addrs_cover(is_not, f, addr);
}

/* What costs little and decides most comes first. */
static enum answer match_packets(const struct match *m, const struct ct_host *host,
				 const struct passage *p)
{
	const struct ct_tuple *t = &p->t;

	if (!(m->families & 1u << t->family) || (m->proto && m->proto != t->proto))
		return NO;
	if (m->icmp != ICMP_ANY && !is_icmp_kind(m, t))
		return NO;
	if ((m->sport.n || m->dport.n) && !proto_has_ports(t->proto))
		return NO;
	if (!ports_contains(&m->sport, t->sport) || !ports_contains(&m->dport, t->dport))
		return NO;
	if (m->tcp == TCP_OPENING && !(t->proto == IPPROTO_TCP && p->original))
		return NO;
	if (m->tcp == TCP_CONTINUING && t->proto != IPPROTO_TCP)
		return NO;
	if (!match_list(&m->src, &m->not_src, t->family, t->src) ||
	    !match_list(&m->dst, &m->not_dst, t->family, t->dst) ||
	    !is_dst_kind(m->dst_kind, host, t))
		return NO;
	return p->hook == HOOK_OUTPUT ? match_interface(&m->out, &m->not_out, host, p)
				      : match_interface(&m->in, &m->not_in, host, p);
}

static bool is_untracked(const struct ruleset *rs, const struct ct_host *host,
			 const struct passage *p)
{
	for (size_t i = 0; i < rs->n_rules; i++) {
		const struct rule *r = &rs->rules[i];
		enum answer a;

		if (r->hook != p->hook)
			continue;
		a = match_packets(&r->match, host, p);
		if (r->verdict == VERDICT_RETURN && a != NO)
			return false;
		if (r->verdict == VERDICT_NOTRACK && a == YES)
			return true;
	}
	return false;
}

/* Types that answer each other (net/netfilter/nf_conntrack_proto_icmp{,v6}.c, invmap). */
static uint8_t answering_type(enum family f, uint8_t type)
{
	static const uint8_t pairs[][3] = {
		{ FAMILY_V4, ICMP_ECHO, ICMP_ECHOREPLY },
		{ FAMILY_V4, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY },
		{ FAMILY_V4, ICMP_INFO_REQUEST, ICMP_INFO_REPLY },
		{ FAMILY_V4, ICMP_ADDRESS, ICMP_ADDRESSREPLY },
		{ FAMILY_V6, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY },
		{ FAMILY_V6, ICMPV6_NI_QUERY, ICMPV6_NI_REPLY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (pairs[i][0] == f && pairs[i][1] == type)
			return pairs[i][2];
		if (pairs[i][0] == f && pairs[i][2] == type)
			return pairs[i][1];
	}
	return type;
}

static struct ct_tuple invert(const struct ct_tuple *t)
{
	struct ct_tuple inverse = *t;

	memcpy(inverse.src, t->dst, sizeof(inverse.src));
	memcpy(inverse.dst, t->src, sizeof(inverse.dst));
	inverse.sport = t->dport;
	inverse.dport = t->sport;
	if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6)
		inverse.icmp_type = answering_type(t->family, t->icmp_type);
	return inverse;
}

static struct passage make_passage(const struct ct_host *host, const struct ct_tuple *t,
				   bool original)
{
	struct passage p = { .t = *t, .hook = HOOK_PREROUTING, .original = original };

	if (addrs_cover(&host->local, t->family, t->src)) {
		p.hook = HOOK_OUTPUT;
		p.loopback = addrs_cover(&host->local, t->family, t->dst);
	}
	return p;
}

bool conntrack_is_exempt(const struct ruleset *rs, const struct ct_host *host,
			 const struct ct_tuple *orig)
{
	struct ct_tuple inverse = invert(orig);
	struct passage there = make_passage(host, orig, true);
	struct passage back = make_passage(host, &inverse, false);

	return is_untracked(rs, host, &there) && is_untracked(rs, host, &back);
}

bool conntrack_is_local(const struct ct_host *host, enum family f, const uint8_t *addr)
{
	return addrs_cover(&host->local, f, addr);
}
