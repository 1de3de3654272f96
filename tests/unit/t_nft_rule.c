/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Matches to expressions of nf_tables and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "nft_written.h"
#include "random_nft.h"

struct as_read { /* a rule as expressions */
	struct fw_expr v[128];
	size_t n;
	struct written from;
};

/* The match, and what follows it in an exemption. */
static void write_rule(const struct match *m, enum table_family table, struct as_read *r)
{
	struct written *w = &r->from;
	const struct nlattr *a;

	memset(r, 0, sizeof *r);
	write_match(m, table, w);
	nft_untracked_put(w->h, m);
	nft_notrack_put(w->h);
	mnl_attr_nest_end(w->h, w->nest);
	assert_true(w->h->nlmsg_len < NFT_RULE_ROOM / 2);
	mnl_attr_for_each_nested(a, w->nest)
	{
		assert_true(r->n < ARRAY_SIZE(r->v));
		assert_int_equal(nft_expr_parse(a, w->sets, w->n_sets, &r->v[r->n++]), 0);
	}
}

static void free_rule(struct as_read *r)
{
	for (size_t i = 0; i < r->n; i++)
		expr_free(&r->v[i]);
	written_free(&r->from);
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
	struct as_read w;
	size_t used = 0;

	write_rule(m, table, &w);
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
	free_rule(&w);
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
		struct as_read w;
		size_t used;

		nft_random_match(&seed, TABLE_INET, true, &m);
		write_rule(&m, TABLE_INET, &w);
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
		free_rule(&w);
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

static struct fw_expr *find_op(struct as_read *w, enum fw_op op)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].op == op)
			return &w->v[i];
	fail_msg("no such expression");
	return NULL;
}

static void assert_unread_from(struct as_read *w, size_t from)
{
	struct match got;
	size_t used;

	if (nft_match_get(w->v + from, w->n - from, TABLE_INET, &got, &used)) {
		bool rest = nft_untracked_get(w->v + from + used, w->n - from - used, &got);

		match_free(&got);
		assert_false(rest);
	}
}

static void assert_unread(struct as_read *w)
{
	assert_unread_from(w, 0);
}

static void altered_rules_are_not_ours(void **state)
{
	struct match m = { .families = FAMILIES_BOTH, .proto = IPPROTO_TCP, .tcp = TCP_OPENING };
	struct as_read w;

	(void)state;
	ports_add(&m.dport, 80, 80);
	ports_add(&m.dport, 443, 443);
	write_rule(&m, TABLE_INET, &w);
	/* Without the protocol it would match everything else that has 80 there, too. */
	assert_int_equal(w.v[0].field, FW_F_L4PROTO);
	assert_unread_from(&w, 2);
	find_op(&w, FW_LOOKUP)->inverted = true;
	assert_unread(&w);
	find_op(&w, FW_LOOKUP)->inverted = false;
	w.from.sets[0]->dynamic = true;
	assert_unread(&w);
	w.from.sets[0]->dynamic = false;
	w.from.sets[0]->known = false;
	assert_unread(&w);
	w.from.sets[0]->known = true;
	find_op(&w, FW_LOOKUP)->sreg = 5;
	assert_unread(&w);
	find_op(&w, FW_LOOKUP)->sreg = find_op(&w, FW_LOAD)->dreg;
	find_op(&w, FW_BITWISE)->data[0] = 0xff;
	assert_unread(&w);
	find_op(&w, FW_BITWISE)->data[0] = 0x17;
	find_op(&w, FW_CMP)->cmp = FW_GT;
	assert_unread(&w);
	free_rule(&w);
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
