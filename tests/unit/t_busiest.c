/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses with the most entries: exact up to a bound, honest above it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>
#include "report/busiest.h"

static void add(struct busiest *b, const char *text, unsigned roles, unsigned times)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	while (times--)
		busiest_add(b, p.family, p.addr, roles);
}

static void assert_address(const struct busy_address *a, const char *text, uint64_t entries)
{
	char got[INET6_ADDRSTRLEN];

	assert_string_equal(busy_address_text(a, got), text);
	assert_int_equal(a->entries, entries);
}

static void test_exact(void **state)
{
	struct busiest *b = busiest_new(8);
	struct busy_address top[3];
	bool more;

	(void)state;
	assert_int_equal(busiest_top(b, top, 3), 0);
	add(b, "192.0.2.9", BUSY_SOURCE, 3);
	add(b, "192.0.2.1", BUSY_DESTINATION, 5);
	add(b, "2001:db8::1", BUSY_SOURCE, 3);
	add(b, "192.0.2.8", BUSY_SOURCE, 3);
	add(b, "127.0.0.1", BUSY_SOURCE | BUSY_DESTINATION, 1);
	add(b, "192.0.2.9", BUSY_DESTINATION, 1);
	assert_int_equal(busiest_addresses(b, &more), 5);
	assert_false(more);
	assert_int_equal(busiest_top(b, top, 3), 3);
	assert_address(&top[0], "192.0.2.1", 5);
	assert_address(&top[1], "192.0.2.9", 4);
	assert_address(&top[2], "192.0.2.8", 3); /* before the IPv6 address with as many */
	assert_int_equal(top[1].as_source, 3);
	assert_int_equal(top[1].as_destination, 1);
	assert_int_equal(top[1].surplus, 0);
	busiest_free(b);
	busiest_free(NULL);
}

/* An IPv4 address is not the IPv6 address that begins with the same bytes. */
static void test_families(void **state)
{
	struct busiest *b = busiest_new(8);
	struct busy_address top[3];

	(void)state;
	add(b, "32.1.13.184", BUSY_SOURCE, 2);
	add(b, "2001:db8::", BUSY_SOURCE, 1);
	assert_int_equal(busiest_top(b, top, 3), 2);
	assert_address(&top[0], "32.1.13.184", 2);
	assert_address(&top[1], "2001:db8::", 1);
	busiest_free(b);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Twenty addresses among noise of many more than there is room for: they are found, and no count
 * is further off than it says. */
static void test_estimate(void **state)
{
	enum { HEAVY = 20, TIMES = 2000, NOISE = 60000 };
	struct busiest *b = busiest_new(512);
	struct busy_address top[HEAVY];
	uint32_t seed = 1, true_count[HEAVY] = { 0 };
	bool more;

	(void)state;
	for (unsigned i = 0; i < NOISE + HEAVY * TIMES; i++) {
		uint32_t r = next_random(&seed), addr;

		if (r % 5 < 2) {
			true_count[r / 5 % HEAVY]++;
			addr = htonl(0x0a000000u + r / 5 % HEAVY);
		} else {
			addr = htonl(0xc0000000u + next_random(&seed) % 50000);
		}
		busiest_add(b, FAMILY_V4, (const uint8_t *)&addr, BUSY_SOURCE);
	}
	assert_int_equal(busiest_addresses(b, &more), 512);
	assert_true(more);
	assert_int_equal(busiest_top(b, top, HEAVY), HEAVY);
	for (unsigned i = 0; i < HEAVY; i++) {
		uint32_t addr;

		memcpy(&addr, top[i].addr, sizeof(addr));
		addr = ntohl(addr) - 0x0a000000u;
		assert_true(addr < HEAVY);
		assert_true(top[i].entries >= true_count[addr]);
		assert_true(top[i].entries - top[i].surplus <= true_count[addr]);
		assert_true(top[i].as_source <= true_count[addr]);
	}
	busiest_free(b);
}

/* Who takes the place of another may have had as many entries before. */
static void test_take_over(void **state)
{
	struct busiest *b = busiest_new(2);
	struct busy_address top[2];
	bool more;

	(void)state;
	add(b, "192.0.2.1", BUSY_SOURCE, 5);
	add(b, "192.0.2.2", BUSY_SOURCE, 3);
	add(b, "192.0.2.3", BUSY_DESTINATION, 1);
	assert_int_equal(busiest_addresses(b, &more), 2);
	assert_true(more);
	assert_int_equal(busiest_top(b, top, 2), 2);
	assert_address(&top[0], "192.0.2.1", 5);
	assert_int_equal(top[0].surplus, 0);
	assert_address(&top[1], "192.0.2.3", 4);
	assert_int_equal(top[1].surplus, 3);
	assert_int_equal(top[1].as_source, 0);
	assert_int_equal(top[1].as_destination, 1);
	busiest_free(b);
}

/* A whole table of different addresses, far more than the room for the first ones. */
static void test_room(void **state)
{
	struct busiest *b = busiest_new(65536);
	struct busy_address top[2];
	bool more;

	(void)state;
	for (uint32_t i = 0; i < 65536; i++) {
		uint32_t addr = htonl(i);

		busiest_add(b, FAMILY_V4, (const uint8_t *)&addr, BUSY_SOURCE);
	}
	add(b, "0.0.0.7", BUSY_SOURCE, 1);
	assert_int_equal(busiest_addresses(b, &more), 65536);
	assert_false(more);
	assert_int_equal(busiest_top(b, top, 2), 2);
	assert_address(&top[0], "0.0.0.7", 2);
	assert_address(&top[1], "0.0.0.0", 1);
	busiest_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),	 cmocka_unit_test(test_families),
		cmocka_unit_test(test_estimate), cmocka_unit_test(test_take_over),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests_name("busiest", tests, NULL, NULL);
}
