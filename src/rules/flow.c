/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet against the raw rules, as the kernel would have it. */
#include "rules/flow.h"

#include <netinet/in.h>
#include <string.h>

/* ---- the packet --------------------------------------------------------------------------------
 */

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* Of the packet itself, not of one that it quotes. */
static uint8_t own_proto(const struct flow *f)
{
	if (!f->error)
		return f->proto;
	return f->family == FAMILY_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/* An ICMP error goes to where what it quotes came from. */
static const uint8_t *own_dst(const struct flow *f)
{
	return f->error ? f->src : f->dst;
}

static struct prefix prefix_of(enum family f, const uint8_t *addr)
{
	struct prefix p = { .family = f, .len = f == FAMILY_V4 ? 32 : 128 };

	memcpy(p.addr, addr, sizeof(p.addr));
	return p;
}

static bool is_for_many(enum family f, const uint8_t *a)
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };

	if (f == FAMILY_V6)
		return a[0] == 0xff;
	return (a[0] & 0xf0) == 0xe0 || !memcmp(a, broadcast, sizeof(broadcast));
}

static bool is_loopback_address(enum family f, const uint8_t *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return f == FAMILY_V4 ? a[0] == 127 : !memcmp(a, one, sizeof(one));
}

bool flow_is_local(const struct flow *f, const struct addrs *local)
{
	const uint8_t *dst = own_dst(f);
	struct prefix p = prefix_of(f->family, dst);

	if (is_for_many(f->family, dst))
		return false;
	if (!local || !local->n)
		return f->way == FLOW_IN || f->way == FLOW_LOOPBACK;
	return is_loopback_address(f->family, dst) || addrs_hold(local, &p);
}

/* noct_valid_new[] of net/netfilter/nf_conntrack_proto_icmpv6.c */
bool flow_is_never_tracked(const struct flow *f)
{
	return !f->error && !f->fragment && f->proto == IPPROTO_ICMPV6 &&
	       ((f->icmp_type >= 130 && f->icmp_type <= 136) || f->icmp_type == 143);
}

enum hook flow_raw_hook(const struct flow *f)
{
	return f->way == FLOW_OUT || f->way == FLOW_LOOPBACK ? HOOK_OUTPUT : HOOK_PREROUTING;
}

static void swap_interfaces(struct flow *f)
{
	char name[IFNAMSIZ];

	memcpy(name, f->in, sizeof(name));
	memcpy(f->in, f->out, sizeof(f->in));
	memcpy(f->out, name, sizeof(f->out));
	if (f->way == FLOW_IN || f->way == FLOW_OUT)
		f->way = f->way == FLOW_IN ? FLOW_OUT : FLOW_IN;
}

/* Requests and replies stand in the same order. */
static bool reply_type(struct flow *f)
{
	const uint8_t *from, *to;
	size_t n = icmp_kind_types(ICMP_REQUEST, f->family, &from);

	icmp_kind_types(ICMP_REPLY, f->family, &to);
	for (size_t i = 0; i < n; i++)
		if (from[i] == f->icmp_type) {
			f->icmp_type = to[i];
			return true;
		}
	return false;
}

bool flow_reply(const struct flow *f, struct flow *reply)
{
	struct flow r = *f;

	if (f->error || f->fragment || is_for_many(f->family, f->dst) ||
	    (is_icmp(f->proto) && !reply_type(&r)))
		return false;
	memcpy(r.src, f->dst, sizeof(r.src));
	memcpy(r.dst, f->src, sizeof(r.dst));
	r.sport = f->dport;
	r.dport = f->sport;
	r.stage = FLOW_CONTINUING;
	swap_interfaces(&r);
	*reply = r;
	return true;
}

bool flow_quoted(const struct flow *f, struct flow *quoted)
{
	if (!f->error)
		return false;
	*quoted = *f;
	quoted->error = quoted->options = false;
	if (!is_icmp(f->proto))
		quoted->stage = FLOW_CONTINUING;
	swap_interfaces(quoted);
	return true;
}

/* ---- the rules ---------------------------------------------------------------------------------
 */

/* A name that the packet does not have there is in no list. */
static bool interfaces_match(const char *name, const struct ifaces *with,
			     const struct ifaces *without)
{
	return (!with->n || (*name && ifaces_hold(with, name))) &&
	       !(*name && without->n && ifaces_hold(without, name));
}

static bool addresses_match(const struct flow *f, const uint8_t *addr, const struct addrs *with,
			    const struct addrs *without)
{
	struct prefix p = prefix_of(f->family, addr);

	return (!with->n || addrs_hold(with, &p)) && !(without->n && addrs_hold(without, &p));
}

static bool ports_match(const struct flow *f, const struct match *m)
{
	if (!m->sport.n && !m->dport.n)
		return true;
	return proto_has_ports(f->proto) && !f->fragment && ports_contains(&m->sport, f->sport) &&
	       ports_contains(&m->dport, f->dport);
}

/* IPv4 options move the ports, extension headers of IPv6 the protocol, too; the places where rules
 * look are fixed. */
static bool quote_matches(const struct flow *f, const struct match *m)
{
	if (!f->error)
		return false;
	if (f->options && f->family == FAMILY_V6 && m->proto)
		return false;
	if (f->options && (m->sport.n || m->dport.n))
		return false;
	return (!m->proto || m->proto == f->proto) && ports_match(f, m) &&
	       addresses_match(f, f->src, &m->src, &m->not_src) &&
	       addresses_match(f, f->dst, &m->dst, &m->not_dst);
}

/* ICMP errors have ends of their own, and neither ports nor a kind. */
static bool header_matches(const struct flow *f, const struct match *m)
{
	const uint8_t *types;
	size_t n = icmp_kind_types(m->icmp, f->family, &types);

	if (m->proto && m->proto != own_proto(f))
		return false;
	if (n && (f->error || f->fragment || !is_icmp(f->proto) || !memchr(types, f->icmp_type, n)))
		return false;
	if (m->tcp != TCP_ANY &&
	    (f->fragment || (m->tcp == TCP_OPENING) != (f->stage == FLOW_OPENING)))
		return false;
	return (f->error ? !m->sport.n && !m->dport.n : ports_match(f, m)) &&
	       addresses_match(f, f->error ? f->dst : f->src, &m->src, &m->not_src) &&
	       addresses_match(f, own_dst(f), &m->dst, &m->not_dst);
}

/* What the hook knows of where the packet came in. */
static const char *name_in(const struct flow *f, enum hook h)
{
	switch (h) {
	case HOOK_PREROUTING:
	case HOOK_INPUT:
	case HOOK_FORWARD:
		return f->in;
	case HOOK_POSTROUTING:
		return f->way == FLOW_FORWARDED ? f->in : "";
	case HOOK_OUTPUT:
		break;
	}
	return "";
}

static const char *name_out(const struct flow *f, enum hook h)
{
	return h == HOOK_PREROUTING || h == HOOK_INPUT ? "" : f->out;
}

bool flow_matches(const struct flow *f, const struct match *m, enum hook hook,
		  const struct addrs *local)
{
	if (!(m->families & 1u << f->family) ||
	    !interfaces_match(name_in(f, hook), &m->in, &m->not_in) ||
	    !interfaces_match(name_out(f, hook), &m->out, &m->not_out))
		return false;
	if (m->dst_kind != DST_ANY && (m->dst_kind == DST_LOCAL) != flow_is_local(f, local))
		return false;
	return m->icmp == ICMP_IS_ERROR ? quote_matches(f, m) : header_matches(f, m);
}

/* A RETURN stands before all others and ends the walk; NOTRACK goes on, and nothing undoes it. */
const struct rule *flow_rule(const struct flow *f, const struct ruleset *rs, enum hook raw,
			     const struct addrs *local)
{
	const struct rule *first = NULL;

	for (size_t i = 0; i < rs->n_rules; i++) {
		const struct rule *r = &rs->rules[i];

		if (r->hook != raw || (first && r->verdict != VERDICT_RETURN) ||
		    !flow_matches(f, &r->match, raw, local))
			continue;
		if (r->verdict == VERDICT_RETURN)
			return r;
		first = r;
	}
	return first;
}
