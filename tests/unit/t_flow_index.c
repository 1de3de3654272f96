/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_index: for random rules, and packets that are made to fit one of them or nearly, the index
 * finds the rule that going through all of them finds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "random_flow.h"
#include "rules/flow_index.h"

#define ROUNDS 2000
#define FLOWS 20

static void random_rules(uint64_t *seed, struct ruleset *rs)
{
	unsigned n = 1 + random_below(seed, 60);

	for (unsigned i = 0; i < n; i++) {
		struct rule *r = ruleset_add_rule(rs);

		r->hook = random_below(seed, 2) ? HOOK_PREROUTING : HOOK_OUTPUT;
		r->verdict = random_below(seed, 8) ? VERDICT_NOTRACK : VERDICT_RETURN;
		random_match(seed, &r->match);
	}
	if (random_below(seed, 2)) /* or in any order */
		ruleset_normalise(rs);
}

static void test_same_as_all(void **state)
{
	size_t found = 0;

	(void)state;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		uint64_t seed = round * 0x9e3779b97f4a7c15;
		struct ruleset rs = { 0 };
		struct flow_index *ix;

		random_rules(&seed, &rs);
		ix = flow_index_make(&rs);
		for (unsigned i = 0; i < FLOWS; i++) {
			enum hook raw = random_below(&seed, 2) ? HOOK_OUTPUT : HOOK_PREROUTING;
			const struct rule *want;
			struct flow f;

			random_flow(&seed, &rs, &f);
			want = flow_rule(&f, &rs, raw, NULL);
			if (flow_index_rule(ix, &f, raw, NULL) != want)
				fail_msg("round %u, flow %u", (unsigned)round, i);
			found += want != NULL;
		}
		flow_index_free(ix);
		ruleset_free(&rs);
	}
	assert_true(found > (size_t)ROUNDS * FLOWS / 10);
}

static void test_no_rules(void **state)
{
	const struct ruleset rs = { 0 };
	const struct flow f = { 0 };
	struct flow_index *ix = flow_index_make(&rs);

	(void)state;
	assert_null(flow_index_rule(ix, &f, HOOK_PREROUTING, NULL));
	flow_index_free(ix);
	flow_index_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_all),
		cmocka_unit_test(test_no_rules),
	};

	return cmocka_run_group_tests_name("flow_index", tests, NULL, NULL);
}
