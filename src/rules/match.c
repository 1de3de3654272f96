/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packets: order, copies, and what the kinds of ICMP are. */
#include "rules/match.h"

#include <stdlib.h>
#include <string.h>

size_t icmp_kind_types(enum icmp_kind k, enum family f, const uint8_t **types)
{
	/* Errors: the types that nf_conntrack_icmpv4_error() and nf_conntrack_icmpv6_error() look
	 * into; requests and replies: valid_new[] and invmap[] of
	 * net/netfilter/nf_conntrack_proto_icmp.c and nf_conntrack_proto_icmpv6.c. */
	static const uint8_t error[] = { 3, 4, 5, 11, 12 }, error6[] = { 1, 2, 3, 4 };
	static const uint8_t request[] = { 8, 13, 15, 17 }, request6[] = { 128, 139 };
	static const uint8_t reply[] = { 0, 14, 16, 18 }, reply6[] = { 129, 140 };
	bool v4 = f == FAMILY_V4;

	switch (k) {
	case ICMP_ANY:
		break;
	case ICMP_REQUEST:
		*types = v4 ? request : request6;
		return v4 ? ARRAY_SIZE(request) : ARRAY_SIZE(request6);
	case ICMP_REPLY:
		*types = v4 ? reply : reply6;
		return v4 ? ARRAY_SIZE(reply) : ARRAY_SIZE(reply6);
	case ICMP_IS_ERROR:
		*types = v4 ? error : error6;
		return v4 ? ARRAY_SIZE(error) : ARRAY_SIZE(error6);
	}
	*types = NULL;
	return 0;
}

static int compare_numbers(unsigned a, unsigned b)
{
	return a < b ? -1 : a > b;
}

int ifaces_compare(const struct ifaces *a, const struct ifaces *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int c = strncmp(a->v[i], b->v[i], IFNAMSIZ);

		if (c)
			return c;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

int addrs_compare(const struct addrs *a, const struct addrs *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		const struct prefix *x = &a->v[i], *y = &b->v[i];
		int c = compare_numbers(x->family, y->family);

		if (!c)
			c = memcmp(x->addr, y->addr, x->family == FAMILY_V4 ? 4 : 16);
		if (!c)
			c = compare_numbers(x->len, y->len);
		if (c)
			return c;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

static int compare_kinds(const struct match *a, const struct match *b, unsigned without)
{
	int c = compare_numbers(a->icmp, b->icmp);

	if (!c)
		c = compare_numbers(a->proto, b->proto);
	if (!c && !(without & LIST_FAMILIES))
		c = compare_numbers(a->families, b->families);
	if (!c)
		c = compare_numbers(a->tcp, b->tcp);
	if (!c)
		c = compare_numbers(a->dst_kind, b->dst_kind);
	return c ? c : compare_numbers(a->answers, b->answers);
}

static size_t count_names(const struct match *m)
{
	return m->in.n + m->not_in.n + m->out.n + m->not_out.n + m->src.n + m->not_src.n +
	       m->dst.n + m->not_dst.n;
}

/* Interfaces and addresses. */
static int compare_names(const struct match *a, const struct match *b, unsigned without)
{
	int c = 0;

	if (!(without & LIST_IN))
		c = ifaces_compare(&a->in, &b->in);
	if (!c)
		c = ifaces_compare(&a->not_in, &b->not_in);
	if (!c && !(without & LIST_OUT))
		c = ifaces_compare(&a->out, &b->out);
	if (!c)
		c = ifaces_compare(&a->not_out, &b->not_out);
	if (!c && !(without & LIST_SRC))
		c = addrs_compare(&a->src, &b->src);
	if (!c)
		c = addrs_compare(&a->not_src, &b->not_src);
	if (!c && !(without & LIST_DST))
		c = addrs_compare(&a->dst, &b->dst);
	return c ? c : addrs_compare(&a->not_dst, &b->not_dst);
}

/* Thousands of rules that differ in their ports alone are sorted. */
int match_compare_but(const struct match *a, const struct match *b, unsigned without)
{
	int c = compare_kinds(a, b, without);

	if (!c && (count_names(a) || count_names(b)))
		c = compare_names(a, b, without);
	if (!c && !(without & LIST_SPORT))
		c = ports_compare(&a->sport, &b->sport);
	return c || without & LIST_DPORT ? c : ports_compare(&a->dport, &b->dport);
}

int match_compare_but_ports(const struct match *a, const struct match *b)
{
	return match_compare_but(a, b, LIST_SPORT | LIST_DPORT);
}

int match_compare(const struct match *a, const struct match *b)
{
	return match_compare_but(a, b, 0);
}

size_t match_list_size(const struct match *m, enum match_list list)
{
	switch (list) {
	case LIST_SPORT:
		return m->sport.n;
	case LIST_DPORT:
		return m->dport.n;
	case LIST_IN:
		return m->in.n;
	case LIST_OUT:
		return m->out.n;
	case LIST_SRC:
		return m->src.n;
	case LIST_DST:
		return m->dst.n;
	case LIST_FAMILIES:
		return m->families == FAMILIES_BOTH ? 2 : 1;
	}
	return 0;
}

static void join_ports(struct ports *to, const struct ports *from)
{
	for (size_t i = 0; i < from->n; i++)
		ports_add(to, from->v[i].lo, from->v[i].hi);
}

static void copy_ifaces(struct ifaces *to, const struct ifaces *from)
{
	for (size_t i = 0; i < from->n; i++)
		ifaces_add(to, from->v[i]);
}

static void copy_addrs(struct addrs *to, const struct addrs *from)
{
	for (size_t i = 0; i < from->n; i++)
		addrs_add(to, &from->v[i]);
}

void match_join(struct match *to, const struct match *from, enum match_list list)
{
	switch (list) {
	case LIST_SPORT:
		join_ports(&to->sport, &from->sport);
		break;
	case LIST_DPORT:
		join_ports(&to->dport, &from->dport);
		break;
	case LIST_IN:
		copy_ifaces(&to->in, &from->in);
		break;
	case LIST_OUT:
		copy_ifaces(&to->out, &from->out);
		break;
	case LIST_SRC:
		copy_addrs(&to->src, &from->src);
		break;
	case LIST_DST:
		copy_addrs(&to->dst, &from->dst);
		break;
	case LIST_FAMILIES:
		to->families |= from->families;
		break;
	}
}

void match_copy(struct match *to, const struct match *from)
{
	struct match m = {
		.families = from->families,
		.proto = from->proto,
		.dst_kind = from->dst_kind,
		.tcp = from->tcp,
		.icmp = from->icmp,
		.answers = from->answers,
	};

	ports_copy(&m.sport, &from->sport);
	ports_copy(&m.dport, &from->dport);
	copy_ifaces(&m.in, &from->in);
	copy_ifaces(&m.not_in, &from->not_in);
	copy_ifaces(&m.out, &from->out);
	copy_ifaces(&m.not_out, &from->not_out);
	copy_addrs(&m.src, &from->src);
	copy_addrs(&m.not_src, &from->not_src);
	copy_addrs(&m.dst, &from->dst);
	copy_addrs(&m.not_dst, &from->not_dst);
	*to = m;
}

void match_normalise(struct match *m)
{
	ports_normalise(&m->sport);
	ports_normalise(&m->dport);
	if (!count_names(m))
		return;
	ifaces_normalise(&m->in);
	ifaces_normalise(&m->not_in);
	ifaces_normalise(&m->out);
	ifaces_normalise(&m->not_out);
	addrs_normalise(&m->src);
	addrs_normalise(&m->not_src);
	addrs_normalise(&m->dst);
	addrs_normalise(&m->not_dst);
}

void match_free(struct match *m)
{
	free(m->sport.v);
	free(m->dport.v);
	free(m->in.v);
	free(m->not_in.v);
	free(m->out.v);
	free(m->not_out.v);
	free(m->src.v);
	free(m->not_src.v);
	free(m->dst.v);
	free(m->not_dst.v);
	*m = (struct match){ 0 };
}
