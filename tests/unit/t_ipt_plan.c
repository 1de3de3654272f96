/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which twins come and which go in a legacy table, and where. Rules of others are digits, twins are
 * letters: "a1b2c". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/ipt_plan.h"
#include "random_rules.h"

#define LONGEST 64

static void set_twin(struct twin *w, char name, uint64_t anchor)
{
	*w = (struct twin){ .form = FORM_LEGACY, .family = TABLE_IP, .anchor = anchor };
	w->table = xstrdup("filter");
	w->chain = xstrdup("INPUT");
	w->names = xasprintf("%c", name);
	w->body = xstrdup("verdict:accept");
	w->match.families = FAMILIES_V4;
	w->match.proto = 6;
}

/* The number of the first digit from s on, by counting all digits before it; 0: there is none. */
static uint64_t anchor_of(const char *all, const char *s)
{
	uint64_t n = 1;

	s += strcspn(s, "123456789");
	if (!*s)
		return 0;
	for (const char *c = all; c < s; c++)
		n += isdigit((unsigned char)*c) != 0;
	return n;
}

static void make_table(struct ipt_table *t, const char *spec)
{
	struct ipt_chain *c;

	*t = (struct ipt_table){ .family = ipt_family(FAMILY_V4), .name = "filter" };
	c = ARRAY_ADD(t->chains, t->n);
	strncpy(c->name, "INPUT", sizeof(c->name) - 1);
	for (const char *s = spec; *s; s++) {
		struct ipt_item *i = ARRAY_ADD(c->items, c->n);

		i->canon = xmemdup(s, 1);
		i->len = 1;
		if (isalpha((unsigned char)*s)) {
			i->twin = xcalloc(1, sizeof(*i->twin));
			set_twin(i->twin, *s, anchor_of(spec, s));
		}
	}
}

static void make_want(struct ruleset *rs, const char *spec)
{
	*rs = (struct ruleset){ 0 };
	for (const char *s = spec; *s; s++)
		if (isalpha((unsigned char)*s))
			set_twin(ruleset_add_twin(rs), *s, anchor_of(spec, s));
}

static void carry_out(const struct ipt_plan *p, char *spec)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct ipt_edit *e = &p->v[i];
		char *at = spec + e->place;

		assert_true(e->place <= strlen(spec));
		if (e->written.entry) {
			memmove(at + 1, at, strlen(at) + 1);
			*at = *e->twin->names;
		} else {
			assert_true(isalpha((unsigned char)*at));
			memmove(at, at + 1, strlen(at));
		}
	}
}

/* The table after IPT_ADD, and after IPT_REMOVE. */
static void both_phases(const char *have, const char *want, char added[LONGEST],
			char removed[LONGEST])
{
	struct ipt_plan add = { 0 }, remove = { 0 };
	struct diag d = { 0 };
	struct ipt_table t;
	struct ruleset rs;

	make_table(&t, have);
	make_want(&rs, want);
	strcpy(added, have);
	assert_int_equal(ipt_plan_add(&add, &t, &rs, &d), 0);
	carry_out(&add, added);
	ipt_table_free(&t);
	make_table(&t, added);
	strcpy(removed, added);
	ipt_plan_remove(&remove, &t, &rs);
	carry_out(&remove, removed);
	ipt_plan_free(&add);
	ipt_plan_free(&remove);
	ipt_table_free(&t);
	ruleset_free(&rs);
	diag_free(&d);
}

static void phases(void **state)
{
	static const char *const cases[][4] = {
		/* have, want, after the first phase, after the second */
		{ "", "", "", "" },
		{ "12", "12", "12", "12" },
		{ "12", "a1b2c", "a1b2c", "a1b2c" },
		{ "a1b2c", "a1b2c", "a1b2c", "a1b2c" },
		{ "a1b2c", "12", "a1b2c", "12" },
		{ "", "a", "a", "a" },
		{ "x1", "a1", "xa1", "a1" },
		{ "ac1", "abc1", "abc1", "abc1" },
		{ "aa1", "a1", "aa1", "a1" },
		{ "1a", "a1", "a1a", "a1" },
		{ "ba1", "ab1", "bab1", "ab1" },
		{ "1x2a3y", "1b2a3", "1xb2a3y", "1b2a3" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char added[LONGEST], removed[LONGEST];

		both_phases(cases[i][0], cases[i][1], added, removed);
		assert_string_equal(added, cases[i][2]);
		assert_string_equal(removed, cases[i][3]);
	}
}

static bool is_subsequence(const char *s, const char *of)
{
	for (; *of; of++)
		s += *s == *of;
	return !*s;
}

/* Digits in order, and up to three letters of four before each and behind the last. */
static void random_spec(uint64_t *seed, unsigned rules, char spec[LONGEST])
{
	size_t n = 0;

	for (unsigned i = 1; i <= rules + 1; i++) {
		for (uint64_t k = random_below(seed, 4); k; k--)
			spec[n++] = (char)('a' + random_below(seed, 4));
		if (i <= rules)
			spec[n++] = (char)('0' + i);
	}
	spec[n] = '\0';
}

static void random_tables(void **state)
{
	uint64_t seed = 17;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		char have[LONGEST], want[LONGEST], added[LONGEST], removed[LONGEST];
		unsigned rules = (unsigned)random_below(&seed, 5);

		random_spec(&seed, rules, have);
		random_spec(&seed, rules, want);
		both_phases(have, want, added, removed);
		if (strcmp(removed, want) != 0)
			fail_msg("%s to %s: %s, then %s", have, want, added, removed);
		assert_true(is_subsequence(have, added));
		assert_true(is_subsequence(want, added));
	}
}

static int plan(const char *have, const char *want, const char *chain, const char *body,
		struct diag *d)
{
	struct ipt_plan p = { 0 };
	struct ipt_table t;
	struct ruleset rs;
	int rc;

	make_table(&t, have);
	make_want(&rs, want);
	free(rs.twins[0].chain);
	rs.twins[0].chain = xstrdup(chain);
	free(rs.twins[0].body);
	rs.twins[0].body = xstrdup(body);
	rc = ipt_plan_add(&p, &t, &rs, d);
	ipt_plan_free(&p);
	ipt_table_free(&t);
	ruleset_free(&rs);
	return rc;
}

static void no_place(void **state)
{
	struct xt_ext x = { "INPUT", 0, true, NULL, 0 };
	auto_free char *target = xt_body(&x);
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(plan("12", "1a2", "INPUT", "verdict:jump:INPUT", &d), 0);
	assert_int_equal(d.n, 0);
	assert_int_equal(plan("12", "12a3", "INPUT", "verdict:accept", &d), -1);
	assert_non_null(strstr(d.v[0].text, "there is no rule 3"));
	diag_free(&d);
	assert_int_equal(plan("12", "1a2", "FORWARD", "verdict:accept", &d), -1);
	assert_non_null(strstr(d.v[0].text, "there is no chain FORWARD"));
	diag_free(&d);
	assert_int_equal(plan("12", "1a2", "INPUT", "verdict:jump:web", &d), -1);
	assert_non_null(strstr(d.v[0].text, "there is no such chain"));
	assert_non_null(strstr(d.v[0].text, "untrack:a"));
	diag_free(&d);
	assert_int_equal(plan("12", "1a2", "INPUT", target, &d), -1);
	assert_non_null(strstr(d.v[0].text, "a chain has the name of its target"));
	diag_free(&d);
}

/* Those of other tables, families and forms are none of this table's business. */
static void elsewhere(void **state)
{
	struct ipt_plan p = { 0 };
	struct diag d = { 0 };
	struct ipt_table t;
	struct ruleset rs;

	(void)state;
	make_table(&t, "1");
	make_want(&rs, "abc1");
	rs.twins[0].family = TABLE_IP6;
	rs.twins[1].form = FORM_IPTABLES_NFT;
	free(rs.twins[2].table);
	rs.twins[2].table = xstrdup("mangle");
	assert_int_equal(ipt_plan_add(&p, &t, &rs, &d), 0);
	assert_int_equal(p.n, 0);
	ipt_table_free(&t);
	make_table(&t, "abc1");
	ipt_plan_remove(&p, &t, &rs);
	assert_int_equal(p.n, 3);
	ipt_plan_free(&p);
	ipt_table_free(&t);
	ruleset_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases),
		cmocka_unit_test(random_tables),
		cmocka_unit_test(no_place),
		cmocka_unit_test(elsewhere),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
