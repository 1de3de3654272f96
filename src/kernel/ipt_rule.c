/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule of ours in the iptables-legacy table raw to an entry and back. */
#include "kernel/ipt_rule.h"

#include <netinet/in.h> /* before the headers of the kernel */

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_comment.h>
#include <string.h>

#include "kernel/ipt_writer.h"
#include "rules/iptables.h"

#define CT_REVISION 2 /* what iptables -j CT --notrack writes (FACTS B2) */

static enum family family_of(const struct match *m)
{
	return m->families == FAMILIES_V6 ? FAMILY_V6 : FAMILY_V4;
}

/* ---- what an entry can hold --------------------------------------------------------------------
 */

static const char *interface_fault(const struct ifaces *l)
{
	const char *name = l->n ? l->v[0] : "eth0";

	if (l->n > 1)
		return "more than one interface";
	if (!*name || !strcmp(name, "*"))
		return "an interface without a name";
	/* iptables-save would print it as a pattern. */
	return name[strlen(name) - 1] == '+' ? "an interface whose name ends in +" : NULL;
}

static const char *address_fault(const struct match *m)
{
	const struct addrs *lists[] = { &m->src, &m->dst };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (lists[i]->n > 1)
			return "more than one address";
		if (lists[i]->n && lists[i]->v[0].family != family_of(m))
			return "an address of the other family";
	}
	return NULL;
}

static const char *kind_fault(const struct match *m)
{
	const uint8_t icmp = m->families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if ((m->sport.n || m->dport.n) && !proto_has_ports(m->proto))
		return "ports of a protocol that has none";
	if (m->tcp != TCP_ANY && (m->proto != IPPROTO_TCP || m->icmp == ICMP_IS_ERROR))
		return "flags of a protocol that is not TCP";
	if ((m->icmp == ICMP_REQUEST || m->icmp == ICMP_REPLY) && m->proto != icmp)
		return "requests or replies of a protocol that is not ICMP";
	if (!iptables_ports_fit(&m->sport, m->icmp) || !iptables_ports_fit(&m->dport, m->icmp))
		return "more ports than one match holds";
	return m->answers ? "answers, which only twins have" : NULL;
}

static const char *name_fault(const struct ipt_rule *r)
{
	size_t len = r->name ? strlen(r->name) : 0;

	if (r->does == IPT_JUMP)
		return !len || len >= XT_EXTENSION_MAXNAMELEN ? "no chain has such a name" : NULL;
	if (r->does == IPT_NOTRACK && !r->name)
		return "no name";
	return len >= XT_MAX_COMMENT_LEN ? "a name that no comment holds" : NULL;
}

const char *ipt_rule_fault(const struct ipt_rule *r)
{
	const struct match *m = &r->match;
	const char *why = NULL;

	if (m->families != FAMILIES_V4 && m->families != FAMILIES_V6)
		return "not one family";
	if (m->not_in.n || m->not_out.n || m->not_src.n || m->not_dst.n)
		return "something excluded";
	why = interface_fault(&m->in);
	if (!why)
		why = interface_fault(&m->out);
	if (!why)
		why = address_fault(m);
	if (!why)
		why = kind_fault(m);
	return why ? why : name_fault(r);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

/* A header cannot tell 0.0.0.0/0 from no address. */
static bool is_everything(const struct addrs *l)
{
	return l->n && !l->v[0].len;
}

static void write_header(const struct match *m, struct ipt_header *h)
{
	const char *no_body = "";

	ipt_header_of(m, &no_body, h); /* does not fail: ipt_rule_fault */
	if (m->icmp == ICMP_IS_ERROR)
		return;
	if (m->src.n)
		ipt_header_address(h, true, false, &m->src.v[0]);
	if (m->dst.n)
		ipt_header_address(h, false, false, &m->dst.v[0]);
}

static struct xt_buf *write_matches(const struct ipt_rule *r, size_t *n)
{
	const struct match *m = &r->match;
	struct xt_buf *v = NULL;

	*n = 0;
	xt_match_write(m, &v, n);
	if (m->icmp != ICMP_IS_ERROR) {
		const struct match everything = {
			.src = is_everything(&m->src) ? m->src : (struct addrs){ 0 },
			.dst = is_everything(&m->dst) ? m->dst : (struct addrs){ 0 },
		};

		xt_addresses_write(&everything, &v, n);
	}
	if (r->name && r->does != IPT_JUMP)
		xt_comment_write("", r->name, &v, n);
	return v;
}

static void put_target(struct ipt_writer *w, const struct ipt_rule *r)
{
	struct xt_ct_target_info_v1 ct;

	switch (r->does) {
	case IPT_NOTRACK:
		memset(&ct, 0, sizeof(ct));
		ct.flags = XT_CT_NOTRACK;
		ipt_writer_target(w, "CT", CT_REVISION, &ct, sizeof(ct));
		break;
	case IPT_RETURN:
		ipt_writer_standard(w, "RETURN", IPT_VERDICT);
		break;
	case IPT_JUMP:
		ipt_writer_standard(w, r->name, IPT_CHAIN);
		break;
	}
}

bool ipt_rule_write(const struct ipt_rule *r, struct ipt_written *out, const char **why)
{
	struct ipt_writer w = { .why = ipt_rule_fault(r) };
	struct xt_buf *v;
	size_t n;

	if (w.why) {
		*why = w.why;
		return false;
	}
	write_header(&r->match, &w.header);
	ipt_writer_begin(&w);
	v = write_matches(r, &n);
	for (size_t i = 0; i < n; i++)
		ipt_writer_match(&w, v[i].name, v[i].revision, v[i].data, v[i].len);
	xt_bufs_free(v, n);
	put_target(&w, r);
	if (!ipt_writer_end(&w, out, why))
		return false;
	ipt_header_write_counters(w.header.family, out->entry, r->count.packets, r->count.bytes);
	return true;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

/* The pointer at the end of CT's data is the kernel's own. */
static bool is_notrack(const struct xt_ext *x)
{
	const size_t n = offsetof(struct xt_ct_target_info_v1, ct);
	const uint16_t flags = XT_CT_NOTRACK;
	struct xt_ct_target_info_v1 ct;

	if (strcmp(x->name, "CT") != 0 || x->revision != CT_REVISION ||
	    x->len != XT_ALIGN(sizeof(ct)))
		return false;
	memset(&ct, 0, sizeof(ct));
	ct.flags = flags;
	return !memcmp(x->data, &ct, n);
}

static bool read_does(const struct ipt_entry_parts *p, struct ipt_rule *r)
{
	if (!p->standard) {
		r->does = IPT_NOTRACK;
		return is_notrack(&p->target);
	}
	if (!strcmp(p->verdict, "RETURN")) {
		r->does = IPT_RETURN;
		return true;
	}
	r->does = IPT_JUMP;
	return !r->name && !strncmp(p->verdict, IPT_OWN_PREFIX, strlen(IPT_OWN_PREFIX));
}

static bool read_addresses(const char *words, struct match *m)
{
	bool is_src, inverted;
	struct prefix p;

	while (iptables_take_address(&words, &is_src, &inverted, &p)) {
		if (inverted)
			return false;
		addrs_add(is_src ? &m->src : &m->dst, &p);
	}
	return true;
}

/* Header and matches as far as they can be read at all. */
static bool read_match(const struct ipt_entry_parts *p, struct ipt_rule *r)
{
	struct text words = { 0 };
	size_t used;
	bool good;

	if (!ipt_header_match(&p->header, &r->match, &words))
		return false;
	used = xt_match_gather(p->matches, p->n_matches, &r->match);
	good = read_addresses(words.s ? words.s : "", &r->match);
	free(words.s);
	match_normalise(&r->match);
	if (used < p->n_matches)
		r->name = xt_comment_read(&p->matches[used++], "");
	return good && used == p->n_matches;
}

/* Does writing it give this entry? */
static bool is_written_so(const struct ipt_rule *r, const struct ipt_entry_parts *p,
			  const void *entry)
{
	const struct ipt_span none = { 0 };
	struct blob want = { 0 }, got = { 0 };
	struct ipt_header h;
	struct xt_buf *v;
	size_t n, i = 0;
	void *written;

	write_header(&r->match, &h);
	written = xcalloc(1, ipt_header_size(h.family));
	ipt_header_write(&h, &none, written);
	ipt_header_canon(&want, h.family, written);
	ipt_header_canon(&got, h.family, entry);
	v = write_matches(r, &n);
	if (n == p->n_matches && want.n == got.n && !memcmp(want.v, got.v, got.n))
		while (i < n && xt_is_written(&p->matches[i], &v[i]))
			i++;
	else
		i = n + 1;
	xt_bufs_free(v, n);
	free(written);
	free(want.v);
	free(got.v);
	return i == n;
}

bool ipt_rule_read(const struct ipt_entry_parts *p, const void *entry, struct ipt_rule *r)
{
	struct ipt_rule got = { 0 };

	if (!read_match(p, &got) || !read_does(p, &got)) {
		ipt_rule_free(&got);
		return false;
	}
	if (got.does == IPT_JUMP)
		got.name = xstrdup(p->verdict);
	if (ipt_rule_fault(&got) || !is_written_so(&got, p, entry)) {
		ipt_rule_free(&got);
		return false;
	}
	ipt_header_read_counters(p->header.family, entry, &got.count.packets, &got.count.bytes);
	*r = got;
	return true;
}
