/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of a ruleset as single rules of iptables-legacy. */
#include "kernel/ipt_leaf.h"

#include <netinet/in.h>
#include <string.h>

#include "kernel/ipt_rule.h"
#include "rules/iptables.h"

struct leaves {
	struct ipt_leaf *v;
	size_t n;
};

void ipt_leaves_free(struct ipt_leaf *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ipt_rule_free(&v[i].rule);
	free(v);
}

/* ---- order -------------------------------------------------------------------------------------
 */

int ipt_leaf_compare_excluded(const struct ipt_leaf *a, const struct ipt_leaf *b)
{
	if (a->excludes != b->excludes)
		return a->excludes ? 1 : -1;
	return a->excludes ? match_compare(&a->excluded, &b->excluded) : 0;
}

int ipt_leaf_compare_cluster(const struct ipt_leaf *a, const struct ipt_leaf *b)
{
	const struct match *x = &a->rule.match, *y = &b->rule.match;
	bool error_a = x->icmp == ICMP_IS_ERROR, error_b = y->icmp == ICMP_IS_ERROR;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (error_a != error_b)
		return error_a ? 1 : -1;
	return a->key == IPT_BY_NOTHING ? 0 : x->proto - y->proto;
}

int ipt_leaf_compare(const struct ipt_leaf *a, const struct ipt_leaf *b)
{
	bool return_a = a->rule.does == IPT_RETURN, return_b = b->rule.does == IPT_RETURN;
	int c;

	if (return_a != return_b)
		return return_a ? -1 : 1;
	if (!return_a) {
		if (a->proto != b->proto)
			return a->proto - b->proto;
		c = ipt_leaf_compare_excluded(a, b);
		if (!c)
			c = ipt_leaf_compare_cluster(a, b);
		if (!c)
			c = a->lo - b->lo;
		if (!c)
			c = a->hi - b->hi;
		if (c)
			return c;
	}
	c = strcmp(a->rule.name, b->rule.name);
	return c ? c : match_compare(&a->rule.match, &b->rule.match);
}

static int compare_in_hooks(const void *va, const void *vb)
{
	const struct ipt_leaf *a = va, *b = vb;

	return a->hook != b->hook ? (a->hook < b->hook ? -1 : 1) : ipt_leaf_compare(a, b);
}

/* Everything but ports. */
static int compare_but_ports(const struct ipt_leaf *a, const struct ipt_leaf *b)
{
	int c = a->hook != b->hook	       ? (a->hook < b->hook ? -1 : 1)
		: a->rule.does != b->rule.does ? (a->rule.does < b->rule.does ? -1 : 1)
					       : strcmp(a->rule.name, b->rule.name);

	if (!c)
		c = ipt_leaf_compare_excluded(a, b);
	return c ? c : match_compare_but(&a->rule.match, &b->rule.match, LIST_SPORT | LIST_DPORT);
}

static int compare_dport_last(const void *va, const void *vb)
{
	const struct ipt_leaf *a = va, *b = vb;
	int c = compare_but_ports(a, b);

	if (!c)
		c = ports_compare(&a->rule.match.sport, &b->rule.match.sport);
	return c ? c : ports_compare(&a->rule.match.dport, &b->rule.match.dport);
}

static int compare_sport_last(const void *va, const void *vb)
{
	const struct ipt_leaf *a = va, *b = vb;
	int c = compare_but_ports(a, b);

	if (!c)
		c = ports_compare(&a->rule.match.dport, &b->rule.match.dport);
	return c ? c : ports_compare(&a->rule.match.sport, &b->rule.match.sport);
}

/* ---- cutting, joining, cutting -----------------------------------------------------------------
 */

static int refuse(const struct rule *r, const char *why, struct diag *d)
{
	struct text t = { 0 };

	rule_text(r, &t);
	diag_error(d, &r->at, "iptables-legacy", 0, "iptables cannot say %s: %s", t.s, why);
	diag_cure(d, "ask for less in one section, or let 'backend = nftables' do it");
	free(t.s);
	return -1;
}

static int refuse_number(const struct rule *r, struct diag *d)
{
	diag_error(d, &r->at, "iptables-legacy", 0,
		   "with %s there are more than %d rules of iptables, and each packet would pay",
		   r->name, IPT_RULES_MAX);
	diag_cure(d, "list fewer addresses and interfaces, or let 'backend = nftables' do it");
	return -1;
}

bool ipt_leaf_excluding(const struct ipt_leaf *l, size_t i, struct ipt_rule *out)
{
	const struct match *e = &l->excluded;
	const struct ifaces *ifaces[] = { &e->not_in, &e->not_out };
	const struct addrs *addrs[] = { &e->not_src, &e->not_dst };

	*out = (struct ipt_rule){ .does = IPT_RETURN };
	out->match.families = l->rule.match.families;
	for (size_t k = 0; k < ARRAY_SIZE(ifaces); k++) {
		if (i < ifaces[k]->n) {
			*(k ? &out->match.out : &out->match.in) =
				(struct ifaces){ &ifaces[k]->v[i], 1 };
			return true;
		}
		i -= ifaces[k]->n;
	}
	/* A quote that ends before its addresses is not excluded. Where the rule asks for ports,
	 * which come after them, it does not match such a quote either. */
	out->match.icmp = e->icmp;
	for (size_t k = 0; k < ARRAY_SIZE(addrs); k++) {
		if (i < addrs[k]->n) {
			*(k ? &out->match.dst : &out->match.src) =
				(struct addrs){ &addrs[k]->v[i], 1 };
			return true;
		}
		i -= addrs[k]->n;
	}
	return false;
}

static const char *fault(const struct ipt_leaf *l)
{
	const char *why = ipt_rule_fault(&l->rule);
	struct ipt_rule r;

	if (l->excludes && l->rule.does == IPT_RETURN)
		return "what is always tracked excludes something";
	for (size_t i = 0; !why && ipt_leaf_excluding(l, i, &r); i++)
		why = ipt_rule_fault(&r);
	return why;
}

static size_t at_least_one(size_t n)
{
	return n ? n : 1;
}

static bool is_too_many(const struct match *m, size_t already)
{
	size_t n = IPT_RULES_MAX;

	return already > n || at_least_one(m->in.n) * at_least_one(m->out.n) > n ||
	       at_least_one(m->src.n) * at_least_one(m->dst.n) > n ||
	       already + at_least_one(m->in.n) * at_least_one(m->out.n) * at_least_one(m->src.n) *
				       at_least_one(m->dst.n) >
		       n;
}

/* One leaf for each interface and prefix, its ports whole. */
static int cut_lists(struct leaves *l, const struct rule *r, enum family f, struct diag *d)
{
	const struct match *m = &r->match;
	struct ipt_leaf like = { .hook = r->hook, .from = r };
	struct match asks = *m;
	struct match *v;
	size_t n;

	if (is_too_many(m, l->n))
		return refuse_number(r, d);
	asks.families = 1u << f;
	asks.not_in = asks.not_out = (struct ifaces){ 0 };
	asks.not_src = asks.not_dst = (struct addrs){ 0 };
	like.excluded = (struct match){ .not_in = m->not_in,
					.not_out = m->not_out,
					.not_src = m->not_src,
					.not_dst = m->not_dst };
	like.excludes = m->not_in.n || m->not_out.n || m->not_src.n || m->not_dst.n;
	if (like.excludes && m->icmp == ICMP_IS_ERROR)
		like.excluded.icmp = ICMP_IS_ERROR;
	like.proto = m->icmp != ICMP_IS_ERROR ? m->proto
		     : f == FAMILY_V4	      ? IPPROTO_ICMP
					      : IPPROTO_ICMPV6;
	like.rule.does = r->verdict == VERDICT_RETURN ? IPT_RETURN : IPT_NOTRACK;
	like.rule.at = r->at;
	v = iptables_match_cut(&asks, &n);
	for (size_t i = 0; i < n; i++) {
		struct ipt_leaf *leaf = ARRAY_ADD(l->v, l->n);

		*leaf = like;
		leaf->rule.match = v[i];
		leaf->rule.name = xstrdup(r->name ? r->name : "");
	}
	free(v);
	return 0;
}

/* Do both or neither have some, so that the union says what both say? */
static bool join(struct ports *to, const struct ports *from)
{
	if (!to->n != !from->n)
		return false;
	for (size_t i = 0; i < from->n; i++)
		ports_add(to, from->v[i].lo, from->v[i].hi);
	return true;
}

/* Leaves that differ in the ports of one side become one: how the rules of the ruleset were cut
 * must not decide where the leaves are cut. */
static void join_ports(struct leaves *l, bool dport)
{
	size_t last = 0;

	if (!l->n)
		return;
	qsort(l->v, l->n, sizeof(*l->v), dport ? compare_dport_last : compare_sport_last);
	for (size_t i = 1; i < l->n; i++) {
		struct match *a = &l->v[last].rule.match, *b = &l->v[i].rule.match;
		bool same = !compare_but_ports(&l->v[last], &l->v[i]) &&
			    !ports_compare(dport ? &a->sport : &a->dport,
					   dport ? &b->sport : &b->dport);

		if (same && join(dport ? &a->dport : &a->sport, dport ? &b->dport : &b->sport)) {
			ipt_rule_free(&l->v[i].rule);
			continue;
		}
		match_normalise(a);
		last++;
		if (last != i)
			l->v[last] = l->v[i];
	}
	match_normalise(&l->v[last].rule.match);
	l->n = last + 1;
}

static unsigned width(const struct ports *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].hi - p->v[i].lo + 1u;
	return n;
}

/* The side that tells more: of a client's packets the service's port, not the ephemeral ones. */
static enum ipt_key key_of(const struct match *m)
{
	if (!m->sport.n || !m->dport.n)
		return m->dport.n ? IPT_BY_DPORT : m->sport.n ? IPT_BY_SPORT : IPT_BY_NOTHING;
	return width(&m->sport) < width(&m->dport) ? IPT_BY_SPORT : IPT_BY_DPORT;
}

/* l without its ports, which may be thousands, and with its key. */
static void add_piece(struct leaves *out, const struct ipt_leaf *l, const struct ports *sport,
		      const struct ports *dport)
{
	struct ipt_leaf *leaf = ARRAY_ADD(out->v, out->n);
	struct match *m = &leaf->rule.match;
	const struct ports *by;

	*leaf = *l;
	ipt_rule_copy(&leaf->rule, &l->rule);
	ports_copy(&m->sport, sport);
	ports_copy(&m->dport, dport);
	by = leaf->key == IPT_BY_DPORT ? &m->dport : &m->sport;
	if (leaf->key == IPT_BY_NOTHING)
		return;
	leaf->lo = by->v[0].lo;
	leaf->hi = by->v[by->n - 1].hi;
}

static void ports_list_free(struct ports *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].v);
	free(v);
}

static void cut_ports(struct leaves *out, const struct ipt_leaf *l)
{
	const struct match *m = &l->rule.match;
	struct ipt_leaf bare = *l; /* borrows */
	size_t n_sports, n_dports;
	struct ports *sports = iptables_ports_split(&m->sport, m->icmp, &n_sports);
	struct ports *dports = iptables_ports_split(&m->dport, m->icmp, &n_dports);

	bare.key = key_of(m);
	bare.rule.match.sport = bare.rule.match.dport = (struct ports){ 0 };
	for (size_t s = 0; s < n_sports && out->n <= IPT_RULES_MAX; s++)
		for (size_t k = 0; k < n_dports && out->n <= IPT_RULES_MAX; k++)
			add_piece(out, &bare, &sports[s], &dports[k]);
	ports_list_free(sports, n_sports);
	ports_list_free(dports, n_dports);
}

static int check(const struct leaves *l, struct diag *d)
{
	const struct rule *told = NULL;
	int rc = 0;

	if (l->n > IPT_RULES_MAX)
		return refuse_number(l->v[l->n - 1].from, d);
	for (size_t i = 0; i < l->n; i++) {
		const char *why = l->v[i].from != told ? fault(&l->v[i]) : NULL;

		if (!why)
			continue;
		told = l->v[i].from;
		rc = refuse(told, why, d);
	}
	return rc;
}

struct ipt_leaf *ipt_leaves_make(const struct ruleset *rs, enum family f, size_t *n, struct diag *d)
{
	struct leaves whole = { 0 }, cut = { 0 };
	int rc = 0;

	for (size_t i = 0; i < rs->n_rules && !rc; i++)
		if (rs->rules[i].form == FORM_LEGACY && rs->rules[i].match.families & 1u << f)
			rc = cut_lists(&whole, &rs->rules[i], f, d);
	join_ports(&whole, true);
	join_ports(&whole, false);
	for (size_t i = 0; i < whole.n && !rc; i++)
		cut_ports(&cut, &whole.v[i]);
	ipt_leaves_free(whole.v, whole.n);
	if (!rc)
		rc = check(&cut, d);
	if (rc) {
		ipt_leaves_free(cut.v, cut.n);
		cut = (struct leaves){ 0 };
	}
	if (cut.n)
		qsort(cut.v, cut.n, sizeof(*cut.v), compare_in_hooks);
	*n = cut.n;
	return cut.v;
}
