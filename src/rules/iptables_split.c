/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One match as several rules of iptables. */
#include <string.h>
#include "rules/iptables.h"

size_t iptables_excluded_max(const struct match *m)
{
	return m->icmp == ICMP_IS_ERROR && m->families == FAMILIES_V6
		       ? IPTABLES_QUOTED_EXCLUDED6_MAX
		       : IPTABLES_EXCLUDED_MAX;
}

bool iptables_match_fits(const struct match *m)
{
	return (m->families == FAMILIES_V4 || m->families == FAMILIES_V6) &&
	       (m->proto || m->icmp == ICMP_IS_ERROR) && iptables_ports_fit(&m->sport, m->icmp) &&
	       iptables_ports_fit(&m->dport, m->icmp) && m->in.n + m->not_in.n <= 1 &&
	       m->out.n + m->not_out.n <= 1 && m->src.n <= 1 && m->dst.n <= 1 &&
	       m->not_src.n + m->not_dst.n <= iptables_excluded_max(m);
}

struct pieces {
	struct match *v;
	size_t n;
};

static void add_piece(struct pieces *p, const struct match *m)
{
	match_copy(ARRAY_ADD(p->v, p->n), m);
}

/* Each piece of p becomes what cut() makes of it. */
static void cut_all(struct pieces *p, void (*cut)(struct pieces *out, const struct match *m))
{
	struct pieces out = { 0 };

	for (size_t i = 0; i < p->n; i++) {
		cut(&out, &p->v[i]);
		match_free(&p->v[i]);
	}
	free(p->v);
	*p = out;
}

static void cut_ports(struct pieces *out, const struct match *m, bool src)
{
	size_t n;
	struct ports *v = iptables_ports_split(src ? &m->sport : &m->dport, m->icmp, &n);

	for (size_t i = 0; i < n; i++) {
		struct match piece = *m; /* borrows */

		*(src ? &piece.sport : &piece.dport) = v[i];
		add_piece(out, &piece);
		free(v[i].v);
	}
	free(v);
}

static void cut_sport(struct pieces *out, const struct match *m)
{
	cut_ports(out, m, true);
}

static void cut_dport(struct pieces *out, const struct match *m)
{
	cut_ports(out, m, false);
}

/* One included prefix, with those excluded ones that matter to it. */
static void keep_prefix(struct addrs *l, struct addrs *excluded, size_t i)
{
	size_t n = 0;

	if (!l->n)
		return;
	l->v[0] = l->v[i];
	l->n = 1;
	for (size_t k = 0; k < excluded->n; k++)
		if (prefix_holds(&l->v[0], &excluded->v[k]) ||
		    prefix_holds(&excluded->v[k], &l->v[0]))
			excluded->v[n++] = excluded->v[k];
	excluded->n = n;
}

static void cut_addresses(struct pieces *out, const struct match *m)
{
	for (size_t s = 0; s < (m->src.n ? m->src.n : 1); s++)
		for (size_t d = 0; d < (m->dst.n ? m->dst.n : 1); d++) {
			struct match *p;

			add_piece(out, m);
			p = &out->v[out->n - 1];
			keep_prefix(&p->src, &p->not_src, s);
			keep_prefix(&p->dst, &p->not_dst, d);
		}
}

static bool pattern_overlaps(const char *a, const char *b)
{
	size_t n = strlen(a), k = strlen(b);
	bool star_a = n && a[n - 1] == '*', star_b = k && b[k - 1] == '*';

	if (!star_a && !star_b)
		return !strcmp(a, b);
	n -= star_a;
	k -= star_b;
	if (star_a && star_b)
		return !strncmp(a, b, n < k ? n : k);
	return star_a ? !strncmp(a, b, n) : !strncmp(a, b, k);
}

/* One included interface, with those excluded ones that matter to it. */
static void keep_interface(struct ifaces *in, struct ifaces *not_in, size_t i)
{
	size_t n = 0;

	if (!in->n)
		return;
	memmove(in->v[0], in->v[i], IFNAMSIZ);
	in->n = 1;
	for (size_t k = 0; k < not_in->n; k++)
		if (pattern_overlaps(in->v[0], not_in->v[k]))
			memmove(not_in->v[n++], not_in->v[k], IFNAMSIZ);
	not_in->n = n;
}

static void cut_interfaces(struct pieces *out, const struct match *m)
{
	for (size_t i = 0; i < (m->in.n ? m->in.n : 1); i++)
		for (size_t o = 0; o < (m->out.n ? m->out.n : 1); o++) {
			struct match *p;

			add_piece(out, m);
			p = &out->v[out->n - 1];
			keep_interface(&p->in, &p->not_in, i);
			keep_interface(&p->out, &p->not_out, o);
		}
}

static void cut_families(struct pieces *out, const struct match *m)
{
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
		if (m->families & 1u << f) {
			add_piece(out, m);
			out->v[out->n - 1].families = 1u << f;
		}
}

struct match *iptables_match_cut(const struct match *m, size_t *n)
{
	struct pieces p = { 0 };

	add_piece(&p, m);
	if (m->families == FAMILIES_BOTH)
		cut_all(&p, cut_families);
	if (m->in.n || m->out.n)
		cut_all(&p, cut_interfaces);
	if (m->src.n > 1 || m->dst.n > 1)
		cut_all(&p, cut_addresses);
	for (size_t i = 0; i < p.n; i++)
		match_normalise(&p.v[i]);
	*n = p.n;
	return p.v;
}

struct match *iptables_match_split(const struct match *m, size_t *n)
{
	struct pieces p = { 0 };
	bool fits = true;

	p.v = iptables_match_cut(m, &p.n);
	cut_all(&p, cut_sport);
	cut_all(&p, cut_dport);
	for (size_t i = 0; i < p.n; i++)
		fits = fits && iptables_match_fits(&p.v[i]);
	for (size_t i = 0; !fits && i < p.n; i++)
		match_free(&p.v[i]);
	if (!fits) {
		free(p.v);
		p = (struct pieces){ 0 };
	}
	*n = p.n;
	return p.v;
}
