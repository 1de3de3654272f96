/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_index: for random rules, and packets that are made to fit one of them or nearly, the index
 * finds the rule that going through all of them finds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "random_rules.h"
#include "rules/flow_index.h"

#define ROUNDS 2000
#define FLOWS 20

static uint16_t random_port(uint64_t *seed, const struct ports *p)
{
	static const uint16_t edges[] = { 0, 1, 4, 80, 443, 65535 };
	const struct port_range *r = p->n ? &p->v[random_below(seed, (unsigned)p->n)] : NULL;

	if (!r || !random_below(seed, 8))
		return edges[random_below(seed, ARRAY_SIZE(edges))];
	return random_below(seed, 2) ? r->lo : r->hi;
}

/* Inside a prefix of the list, or nearly. */
static void random_address(uint64_t *seed, enum family f, const struct addrs *l, uint8_t addr[16])
{
	const struct prefix *p = l->n ? &l->v[random_below(seed, (unsigned)l->n)] : NULL;
	unsigned bits = f == FAMILY_V4 ? 32 : 128;

	for (unsigned i = 0; i < bits; i++) {
		bool of_prefix = p && p->family == f && i < p->len;
		bool bit = of_prefix ? p->addr[i / 8] & 0x80 >> i % 8 : random_below(seed, 2);

		if (of_prefix && !random_below(seed, 200))
			bit = !bit;
		if (bit)
			addr[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
}

static void random_name_of(uint64_t *seed, const struct ifaces *l, char name[IFNAMSIZ])
{
	const char *from = l->n ? l->v[random_below(seed, (unsigned)l->n)] : "eth0";
	size_t len = strcspn(from, "*");

	memcpy(name, from, len);
	if (!*name)
		memcpy(name, "eth1", 5);
	else if (from[len])
		name[len] = '7';
}

static void random_flow(uint64_t *seed, const struct ruleset *rs, struct flow *f)
{
	const struct match *m = &rs->rules[random_below(seed, (unsigned)rs->n_rules)].match;

	bool swap;

	memset(f, 0, sizeof(*f));
	f->family = m->families == FAMILIES_V4	 ? FAMILY_V4
		    : m->families == FAMILIES_V6 ? FAMILY_V6
						 : random_below(seed, 2);
	f->proto = m->proto ? m->proto : IPPROTO_TCP;
	f->error = m->icmp == ICMP_IS_ERROR ? random_below(seed, 8) : !random_below(seed, 8);
	f->options = f->error && !random_below(seed, 8);
	f->fragment = !f->error && !random_below(seed, 8);
	f->icmp_type = (uint8_t)random_below(seed, 150);
	f->stage = random_below(seed, 3);
	f->way = random_below(seed, 4);
	f->sport = random_port(seed, &m->sport);
	f->dport = random_port(seed, &m->dport);
	/* Rules may mean the packet, or what it quotes. */
	swap = f->error && random_below(seed, 2);
	random_address(seed, f->family, swap ? &m->dst : &m->src, f->src);
	random_address(seed, f->family, swap ? &m->src : &m->dst, f->dst);
	if (f->way != FLOW_OUT)
		random_name_of(seed, &m->in, f->in);
	if (f->way != FLOW_IN)
		random_name_of(seed, &m->out, f->out);
}

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
