/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The matches of iptables back to the exemption's part of a twin: what they say is gathered
 * without much ado, and believed only if writing it again gives the same bytes. */
#include "kernel/xt_quote.h"

#include <netinet/in.h> /* before the headers of the kernel */

#include <linux/netfilter.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nft_snapshot.h"

typedef bool reader(const struct xt_ext *x, struct match *m);

/* The whole of a struct out of bytes that may lie anywhere. */
static bool take(const struct xt_ext *x, void *out, size_t len)
{
	if (x->len < len)
		return false;
	memcpy(out, x->data, len);
	return true;
}

static bool read_tcp(const struct xt_ext *x, struct match *m)
{
	struct xt_tcp tcp;

	if (!take(x, &tcp, sizeof tcp))
		return false;
	m->tcp = tcp.invflags & XT_TCP_INV_FLAGS ? TCP_CONTINUING : TCP_OPENING;
	return true;
}

static bool read_ports(const struct xt_ext *x, struct match *m)
{
	struct xt_multiport_v1 p;
	struct ports *to;

	if (!take(x, &p, sizeof p) || p.count > XT_MULTI_PORTS)
		return false;
	to = p.flags == XT_MULTIPORT_SOURCE ? &m->sport : &m->dport;
	for (size_t i = 0; i < p.count; i++) {
		uint16_t lo = p.ports[i];

		if (p.pflags[i] && ++i == p.count)
			return false;
		if (lo > p.ports[i])
			return false;
		ports_add(to, lo, p.ports[i]);
	}
	return true;
}

static bool read_dst_kind(const struct xt_ext *x, struct match *m)
{
	struct xt_addrtype_info_v1 a;

	if (!take(x, &a, sizeof a))
		return false;
	m->dst_kind = a.flags & XT_ADDRTYPE_INVERT_DEST ? DST_NOT_LOCAL : DST_LOCAL;
	return true;
}

static bool read_range(const struct xt_ext *x, struct match *m)
{
	bool v4 = m->families == FAMILIES_V4, src;
	struct prefix p = { .family = v4 ? FAMILY_V4 : FAMILY_V6 };
	const uint8_t *min, *max;
	struct xt_iprange_mtinfo r;

	if (!take(x, &r, sizeof r))
		return false;
	src = r.flags & IPRANGE_SRC;
	min = (const uint8_t *)(src ? &r.src_min : &r.dst_min);
	max = (const uint8_t *)(src ? &r.src_max : &r.dst_max);
	memcpy(p.addr, min, v4 ? 4 : 16);
	while (p.len < (v4 ? 32 : 128) && !((min[p.len / 8] ^ max[p.len / 8]) & 0x80 >> p.len % 8))
		p.len++;
	for (size_t i = p.len; i < 8 * sizeof p.addr; i++)
		if (p.addr[i / 8] & 0x80 >> i % 8)
			return false; /* no prefix, or none in normal form */
	if (src)
		addrs_add(r.flags & IPRANGE_SRC_INV ? &m->not_src : &m->src, &p);
	else
		addrs_add(r.flags & IPRANGE_DST_INV ? &m->not_dst : &m->dst, &p);
	return true;
}

static bool read_state(const struct xt_ext *x, struct match *m)
{
	struct xt_conntrack_mtinfo3 info;

	if (!take(x, &info, sizeof info))
		return false;
	m->answers = info.state_mask & XT_CONNTRACK_STATE_INVALID;
	return true; /* the rest: writing says what it is */
}

bool xt_is_written(const struct xt_ext *x, const struct xt_buf *b)
{
	return !x->target && x->revision == b->revision && x->len == b->len &&
	       !strcmp(x->name, b->name) && !memcmp(x->data, b->data, b->len);
}

/* The program that stands for the tcp match next to a body's own (nft_iptables.c). */
static bool is_flags_program(const struct xt_ext *x, const struct match *m)
{
	struct xt_buf *v = NULL;
	size_t n = 0;
	bool same;

	if (m->tcp == TCP_ANY || strcmp(x->name, "u32") != 0)
		return false;
	xt_quote_flags(m, &v, &n);
	same = xt_is_written(x, v);
	xt_bufs_free(v, n);
	return same;
}

static bool read_program(const struct xt_ext *x, struct match *m)
{
	struct match flags = { .families = m->families };

	for (flags.tcp = TCP_OPENING; flags.tcp <= TCP_CONTINUING; flags.tcp++)
		if (m->proto == IPPROTO_TCP && is_flags_program(x, &flags)) {
			m->tcp = flags.tcp;
			return true;
		}
	return xt_quote_read(x, m);
}

static reader *reader_of(const struct xt_ext *x)
{
	static const struct {
		const char *name;
		reader *read;
	} readers[] = {
		{ "tcp", read_tcp },	   { "multiport", read_ports },
		{ "u32", read_program },   { "addrtype", read_dst_kind },
		{ "iprange", read_range }, { "conntrack", read_state },
	};

	for (size_t i = 0; !x->target && i < ARRAY_SIZE(readers); i++)
		if (!strcmp(readers[i].name, x->name))
			return readers[i].read;
	return NULL;
}

char *xt_comment_read(const struct xt_ext *x, const char *prefix)
{
	const size_t n = strlen(prefix);
	const char *s = (const char *)x->data;
	size_t len;
	char *rest;

	if (x->target || strcmp(x->name, "comment") != 0 || x->len < n || memcmp(s, prefix, n) != 0)
		return NULL;
	len = strnlen(s + n, x->len - n);
	rest = xcalloc(len + 1, 1);
	memcpy(rest, s + n, len);
	return rest;
}

static bool has_addresses(const struct match *m)
{
	return m->src.n || m->not_src.n || m->dst.n || m->not_dst.n;
}

/* What the rule of a header can hold, beside what writing it again proves. */
static bool fits(const struct match *m, uint8_t header_proto)
{
	uint8_t icmp = m->families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (m->icmp != ICMP_ANY && header_proto != icmp)
		return false;
	if ((m->sport.n || m->dport.n) && !proto_has_ports(m->proto))
		return false;
	return (m->tcp == TCP_ANY || m->proto == IPPROTO_TCP) && m->src.n <= 1 && m->dst.n <= 1;
}

static bool is_written_so(const struct xt_ext *v, size_t n, const struct match *m,
			  const char *names)
{
	size_t n_written;
	struct xt_buf *written = xt_twin_write(m, names, &n_written);
	bool same = n == n_written;

	for (size_t i = 0; same && i < n; i++)
		same = xt_is_written(&v[i], &written[i]) ||
		       (!strcmp(written[i].name, "tcp") && is_flags_program(&v[i], m));
	xt_bufs_free(written, n_written);
	return same;
}

size_t xt_match_gather(const struct xt_ext *v, size_t n, struct match *m)
{
	size_t i = 0;

	while (i < n) {
		reader *read = reader_of(&v[i]);

		if (!read || !read(&v[i], m))
			break;
		i++;
	}
	return i;
}

bool xt_twin_read(const struct xt_ext *v, size_t n, struct match *m, char **names, size_t *used)
{
	struct match got;
	char *found = NULL;
	size_t last;

	if ((m->families != FAMILIES_V4 && m->families != FAMILIES_V6) || has_addresses(m))
		return false;
	match_copy(&got, m);
	last = xt_match_gather(v, n, &got);
	found = last < n ? xt_comment_read(&v[last], NFT_TWIN_PREFIX) : NULL;
	match_normalise(&got);
	if (!found || !fits(&got, m->proto) || !is_written_so(v, last + 1, &got, found)) {
		match_free(&got);
		free(found);
		return false;
	}
	match_free(m);
	*m = got;
	*names = found;
	*used = last + 1;
	return true;
}
