/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports cut into lists that fit one rule of iptables: the same ports, and as few lists as can be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "random_rules.h"
#include "rules/iptables.h"

/* Runs of ports of a length that is drawn from a bag: many single ones, many pairs, many ranges. */
static void random_list(uint64_t *seed, struct ports *p)
{
	unsigned kinds = 1 + random_below(seed, 7), at = random_below(seed, 100);
	unsigned runs = random_below(seed, 120), cut = random_below(seed, runs + 1);

	for (unsigned i = 0; i < runs; i++) {
		unsigned kind = random_below(seed, 3), len;

		if (i == cut) /* the mixture changes on the way */
			kinds = 1 + random_below(seed, 7);
		while (!(kinds & 1u << kind))
			kind = (kind + 1) % 3;
		len = kind == 2 ? 3 + random_below(seed, 20) : kind + 1;
		ports_add(p, (uint16_t)at, (uint16_t)(at + len - 1));
		at += len + 1 + random_below(seed, 50);
	}
}

static size_t fewest(const struct ports *p)
{
	size_t slots = 0, ranges = 0, n;

	for (size_t i = 0; i < p->n; i++) {
		unsigned len = p->v[i].hi - p->v[i].lo + 1u;

		slots += len > 1 ? 2 : 1;
		ranges += len > 2;
	}
	n = (slots + IPTABLES_PORT_SLOTS - 1) / IPTABLES_PORT_SLOTS;
	if (n < (ranges + 6) / 7)
		n = (ranges + 6) / 7;
	return n ? n : 1;
}

static size_t count(const struct ports *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].hi - p->v[i].lo + 1u;
	return n;
}

/* The union, and no port twice. */
static void check_cut(const struct ports *p, const struct ports *v, size_t n, enum icmp_kind icmp)
{
	struct ports all = { 0 };
	size_t total = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(iptables_ports_fit(&v[i], icmp));
		assert_true(v[i].n || !p->n);
		total += count(&v[i]);
		for (size_t k = 0; k < v[i].n; k++)
			ports_add(&all, v[i].v[k].lo, v[i].v[k].hi);
	}
	ports_normalise(&all);
	assert_int_equal(ports_compare(&all, p), 0);
	assert_int_equal(total, count(p));
	free(all.v);
}

static void free_lists(struct ports *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].v);
	free(v);
}

static void as_few_as_can_be(void **state)
{
	uint64_t seed = 4711;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct ports p = { 0 };
		size_t n;
		struct ports *v;

		random_list(&seed, &p);
		v = iptables_ports_split(&p, ICMP_ANY, &n);
		check_cut(&p, v, n, ICMP_ANY);
		assert_int_equal(n, fewest(&p));
		free_lists(v, n);
		v = iptables_ports_split(&p, ICMP_IS_ERROR, &n);
		check_cut(&p, v, n, ICMP_IS_ERROR);
		assert_int_equal(n, p.n ? (p.n + 9) / 10 : 1);
		free_lists(v, n);
		free(p.v);
	}
}

/* Where nothing is lost by it, each list ends before the next begins. */
static void in_order(void **state)
{
	struct ports p = { 0 };
	struct ports *v;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		ports_add(&p, (uint16_t)(5 * i), (uint16_t)(5 * i + (i % 4 == 0)));
	v = iptables_ports_split(&p, ICMP_ANY, &n);
	assert_int_equal(n, 84);
	for (size_t i = 1; i < n; i++)
		assert_true(v[i - 1].v[v[i - 1].n - 1].hi < v[i].v[0].lo);
	free_lists(v, n);
	free(p.v);
}

/* Eight ranges and a port: the port could fill the first list, and would make it wide. */
static void no_port_is_brought_forward(void **state)
{
	struct ports p = { 0 };
	struct ports *v;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		ports_add(&p, (uint16_t)(100 + 10 * i), (uint16_t)(105 + 10 * i));
	ports_add(&p, 9000, 9000);
	v = iptables_ports_split(&p, ICMP_ANY, &n);
	assert_int_equal(n, 2);
	assert_int_equal(v[0].n, 7);
	assert_int_equal(v[0].v[6].hi, 165);
	assert_int_equal(v[1].n, 2);
	free_lists(v, n);
	free(p.v);
}

/* Fifteen ports, then fifteen ranges: in order they are four lists, and three hold them. */
static void out_of_order_where_it_pays(void **state)
{
	struct ports p = { 0 };
	struct ports *v;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 15; i++)
		ports_add(&p, (uint16_t)(2 * i), (uint16_t)(2 * i));
	for (unsigned i = 0; i < 15; i++)
		ports_add(&p, (uint16_t)(100 + 10 * i), (uint16_t)(105 + 10 * i));
	v = iptables_ports_split(&p, ICMP_ANY, &n);
	assert_int_equal(n, 3);
	check_cut(&p, v, n, ICMP_ANY);
	free_lists(v, n);
	free(p.v);
}

static void every_port_is_one_range(void **state)
{
	struct ports p = { 0 };
	struct ports *v;
	size_t n;

	(void)state;
	ports_add(&p, 0, 65535);
	v = iptables_ports_split(&p, ICMP_ANY, &n);
	assert_int_equal(n, 1);
	check_cut(&p, v, n, ICMP_ANY);
	free_lists(v, n);
	free(p.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_few_as_can_be),
		cmocka_unit_test(in_order),
		cmocka_unit_test(no_port_is_brought_forward),
		cmocka_unit_test(out_of_order_where_it_pays),
		cmocka_unit_test(every_port_is_one_range),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
