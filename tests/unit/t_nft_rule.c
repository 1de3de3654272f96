/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Matches to expressions of nf_tables and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

#include "kernel/nft_body.h"
#include "kernel/nft_rule.h"
#include "random_nft.h"

struct written { /* a rule as expressions, with the sets it looks things up in */
	struct fw_expr v[128];
	size_t n;
	struct fw_set *sets[NFT_SLOTS];
	size_t n_sets;
};

/* The list as the snapshot would read it back; names sort as the slots do. */
static struct fw_set *make_set(const struct nft_list *l, enum nft_slot slot)
{
	struct fw_set *s = xcalloc(1, sizeof *s);

	s->name = xasprintf("s%c", 'a' + (int)slot);
	s->known = true;
	s->elements_do = FW_LOAD;
	s->key_type = nft_kind_info(l->kind)->key_type;
	s->key_len = nft_kind_info(l->kind)->key_len;
	for (size_t i = 0; i < l->n; i++) {
		struct fw_element e = { 0 };

		if (nft_list_range(l, i, e.lo, e.hi))
			*ARRAY_ADD(s->v, s->n) = e;
	}
	return s;
}

static bool single(const struct nft_list *l)
{
	bool types = l->kind == NFT_ICMP_TYPES || l->kind == NFT_ICMPV6_TYPES;

	return !types && nft_list_is_single(l);
}

static void write_match(const struct match *m, enum table_family table, struct written *w)
{
	struct nft_set_ref refs[NFT_SLOTS] = { 0 };
	struct nft_term terms[NFT_SLOTS];
	char *buf = xcalloc(1, NFT_RULE_ROOM);
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	size_t n = nft_terms(m, table, terms);
	const struct nlattr *a;
	struct nlattr *nest;

	memset(w, 0, sizeof *w);
	for (enum nft_slot slot = 0; slot < NFT_SLOTS; slot++)
		for (size_t i = 0; i < n; i++)
			if (terms[i].slot == slot && !single(&terms[i].list)) {
				struct fw_set *s = make_set(&terms[i].list, slot);

				w->sets[w->n_sets++] = s;
				refs[slot].name = s->name;
			}
	nest = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	nft_match_put(h, m, table, refs);
	nft_untracked_put(h, m);
	nft_notrack_put(h);
	mnl_attr_nest_end(h, nest);
	assert_true(h->nlmsg_len < NFT_RULE_ROOM / 2);
	mnl_attr_for_each_nested(a, nest)
	{
		assert_true(w->n < ARRAY_SIZE(w->v));
		assert_int_equal(nft_expr_parse(a, w->sets, w->n_sets, &w->v[w->n++]), 0);
	}
	free(buf);
}

static void free_written(struct written *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].name);
		free(w->v[i].body);
		free(w->v[i].object);
		free(w->v[i].target.chain);
	}
	for (size_t i = 0; i < w->n_sets; i++) {
		free(w->sets[i]->name);
		free(w->sets[i]->v);
		free(w->sets[i]);
	}
}

static void explain(const struct match *want, const struct match *got)
{
	struct text a = { 0 }, b = { 0 };

	match_text(want, &a);
	match_text(got, &b);
	print_error("want %s\ngot  %s\n", a.s, b.s);
	free(a.s);
	free(b.s);
}

static void assert_comes_back(const struct match *m, enum table_family table)
{
	struct match got = { 0 };
	struct written w;
	size_t used = 0;

	write_match(m, table, &w);
	if (!nft_match_get(w.v, w.n, table, &got, &used)) {
		explain(m, &got);
		fail_msg("not read as a match");
	}
	assert_int_equal(used + NFT_UNTRACKED_EXPRS + 1, w.n);
	assert_true(nft_untracked_get(w.v + used, w.n - used, &got));
	if (match_compare(m, &got) != 0) {
		explain(m, &got);
		fail_msg("another match");
	}
	match_free(&got);
	free_written(&w);
}

static void round_trip(void **state)
{
	uint64_t seed = 20260101;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		enum table_family table = random_below(&seed, 3);
		struct match m;

		nft_random_match(&seed, table, random_below(&seed, 2), &m);
		m.answers = random_below(&seed, 2);
		assert_true(nft_match_fits(&m, table));
		assert_comes_back(&m, table);
		match_free(&m);
	}
}

/* A rule that asks for less than its meaning must not be read as that meaning. */
static void every_expression_counts(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 400; i++) {
		struct match m, got;
		struct written w;
		size_t used;

		nft_random_match(&seed, TABLE_INET, true, &m);
		write_match(&m, TABLE_INET, &w);
		for (size_t k = 0; k + NFT_UNTRACKED_EXPRS + 1 < w.n; k++) {
			struct fw_expr *v = xmemdup(w.v, w.n * sizeof *v);

			memmove(v + k, v + k + 1, (w.n - k - 1) * sizeof *v);
			if (nft_match_get(v, w.n - 1, TABLE_INET, &got, &used)) {
				/* Taking away a whole condition can leave another match, never
				 * this one with everything else in its place. */
				assert_true(!nft_untracked_get(v + used, w.n - 1 - used, &got) ||
					    match_compare(&m, &got) != 0);
				match_free(&got);
			}
			free(v);
		}
		free_written(&w);
		match_free(&m);
	}
}

static void misfits(void **state)
{
	struct match both = { .families = FAMILIES_BOTH, .icmp = ICMP_IS_ERROR };
	struct match v6 = { .families = FAMILIES_V6 };
	struct match ports = { .families = FAMILIES_V4, .proto = IPPROTO_GRE };
	struct match none = { 0 };

	(void)state;
	ports_add(&ports.dport, 80, 80);
	assert_false(nft_match_fits(&both, TABLE_INET));
	assert_false(nft_match_fits(&v6, TABLE_IP));
	assert_true(nft_match_fits(&v6, TABLE_IP6));
	assert_false(nft_match_fits(&ports, TABLE_INET));
	assert_false(nft_match_fits(&none, TABLE_INET));
	match_free(&ports);
}

static struct fw_expr *find_op(struct written *w, enum fw_op op)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].op == op)
			return &w->v[i];
	fail_msg("no such expression");
	return NULL;
}

static void assert_unread_from(struct written *w, size_t from)
{
	struct match got;
	size_t used;

	if (nft_match_get(w->v + from, w->n - from, TABLE_INET, &got, &used)) {
		bool rest = nft_untracked_get(w->v + from + used, w->n - from - used, &got);

		match_free(&got);
		assert_false(rest);
	}
}

static void assert_unread(struct written *w)
{
	assert_unread_from(w, 0);
}

static void altered_rules_are_not_ours(void **state)
{
	struct match m = { .families = FAMILIES_BOTH, .proto = IPPROTO_TCP, .tcp = TCP_OPENING };
	struct written w;

	(void)state;
	ports_add(&m.dport, 80, 80);
	ports_add(&m.dport, 443, 443);
	write_match(&m, TABLE_INET, &w);
	/* Without the protocol it would match everything else that has 80 there, too. */
	assert_int_equal(w.v[0].field, FW_F_L4PROTO);
	assert_unread_from(&w, 2);
	find_op(&w, FW_LOOKUP)->inverted = true;
	assert_unread(&w);
	find_op(&w, FW_LOOKUP)->inverted = false;
	w.sets[0]->dynamic = true;
	assert_unread(&w);
	w.sets[0]->dynamic = false;
	w.sets[0]->known = false;
	assert_unread(&w);
	w.sets[0]->known = true;
	find_op(&w, FW_LOOKUP)->sreg = 5;
	assert_unread(&w);
	find_op(&w, FW_LOOKUP)->sreg = find_op(&w, FW_LOAD)->dreg;
	find_op(&w, FW_BITWISE)->data[0] = 0xff;
	assert_unread(&w);
	find_op(&w, FW_BITWISE)->data[0] = 0x17;
	find_op(&w, FW_CMP)->cmp = FW_GT;
	assert_unread(&w);
	free_written(&w);
	match_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(every_expression_counts),
		cmocka_unit_test(misfits),
		cmocka_unit_test(altered_rules_are_not_ours),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
