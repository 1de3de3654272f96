/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fills the table: counts, addresses, entries that nothing explains, and both printers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <jansson.h>
#include <netinet/in.h>
#include <string.h>
#include "report/table_text.h"
#include "util.h"

static struct ct_tuple tuple(uint8_t proto, const char *src, const char *dst)
{
	struct ct_tuple t = { .proto = proto, .sport = 40000, .dport = 80 };
	struct prefix p;

	assert_true(prefix_parse(src, &p));
	t.family = p.family;
	memcpy(t.src, p.addr, 16);
	assert_true(prefix_parse(dst, &p));
	memcpy(t.dst, p.addr, 16);
	return t;
}

static struct ct_tuple inverse(const struct ct_tuple *t)
{
	struct ct_tuple r = *t;

	memcpy(r.src, t->dst, 16);
	memcpy(r.dst, t->src, 16);
	r.sport = t->dport;
	r.dport = t->sport;
	return r;
}

static struct ct_entry entry(uint8_t proto, const char *src, const char *dst, enum ct_state state,
			     unsigned flags)
{
	struct ct_entry e = { .orig = tuple(proto, src, dst),
			      .state = state,
			      .flags = (uint16_t)flags };

	e.reply = inverse(&e.orig);
	return e;
}

static void add(struct census *c, unsigned n, struct ct_entry e)
{
	while (n--)
		census_add(c, &e);
}

static void fill(struct census *c)
{
	census_begin(c, NULL, NULL);
	add(c, 5,
	    entry(IPPROTO_TCP, "192.0.2.20", "192.0.2.10", CT_ESTABLISHED,
		  CT_SEEN_REPLY | CT_ASSURED));
	add(c, 3,
	    entry(IPPROTO_TCP, "192.0.2.21", "192.0.2.10", CT_TIME_WAIT,
		  CT_SEEN_REPLY | CT_ASSURED));
	add(c, 1, entry(IPPROTO_UDP, "2001:db8::1", "2001:db8::2", CT_NONE, CT_HELPER));
	add(c, 2, entry(132, "192.0.2.22", "192.0.2.10", CT_NONE, CT_SRC_NAT | CT_SEEN_REPLY));
	add(c, 1, entry(200, "127.0.0.1", "127.0.0.1", CT_NONE, 0));
}

static void test_counts(void **state)
{
	struct busy_address top[2];
	struct census c;

	(void)state;
	fill(&c);
	assert_int_equal(c.entries, 12);
	assert_int_equal(c.families[FAMILY_V4], 11);
	assert_int_equal(c.families[FAMILY_V6], 1);
	assert_int_equal(c.protos[IPPROTO_TCP], 8);
	assert_int_equal(c.protos[132], 2);
	assert_int_equal(c.states[CT_ESTABLISHED], 5);
	assert_int_equal(c.states[CT_NONE], 0); /* of TCP only */
	assert_int_equal(c.unreplied, 2);
	assert_int_equal(c.assured, 8);
	assert_int_equal(c.translated, 2);
	assert_int_equal(c.helped, 1);
	assert_int_equal(c.lifetimes[LIFE_ESTABLISHED].entries, 5);
	assert_int_equal(c.lifetimes[LIFE_UDP].unreplied, 1);
	assert_int_equal(busiest_top(c.addresses, top, 2), 2);
	assert_int_equal(top[0].entries, 10);
	assert_int_equal(top[0].as_destination, 10);
	census_free(&c);
	census_free(&c);
}

static void test_lifetimes(void **state)
{
	static const struct {
		uint8_t proto;
		enum ct_state state;
		unsigned flags;
		enum lifetime_id want;
	} cases[] = {
		{ IPPROTO_TCP, CT_NONE, 0, LIFE_NONE },
		{ IPPROTO_TCP, CT_SYN_SENT, 0, LIFE_SYN_SENT },
		{ IPPROTO_TCP, CT_SYN_SENT2, 0, LIFE_NONE },
		{ IPPROTO_TCP, CT_CLOSE, 0, LIFE_CLOSE },
		{ IPPROTO_UDP, CT_NONE, CT_SEEN_REPLY, LIFE_UDP },
		{ IPPROTO_UDP, CT_NONE, CT_SEEN_REPLY | CT_ASSURED, LIFE_UDP_STREAM },
		{ IPPROTO_ICMP, CT_NONE, 0, LIFE_ICMP },
		{ IPPROTO_ICMPV6, CT_NONE, 0, LIFE_ICMPV6 },
		{ IPPROTO_GRE, CT_NONE, 0, LIFE_GRE },
		{ IPPROTO_GRE, CT_NONE, CT_SEEN_REPLY, LIFE_GRE_STREAM },
		{ IPPROTO_SCTP, CT_NONE, 0, LIFE_NONE },
		{ 112, CT_NONE, 0, LIFE_GENERIC },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ct_entry e = entry(cases[i].proto, "192.0.2.1", "192.0.2.2", cases[i].state,
					  cases[i].flags);

		assert_int_equal(lifetime_of(&e), cases[i].want);
	}
}

/* ---- entries that nothing explains -------------------------------------------------------------
 */

static bool reaches(void *ctx, enum family f, const uint8_t *addr)
{
	(void)ctx;
	(void)f;
	return addr[0] != 172; /* no route to containers */
}

static void put(struct addrs *l, const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	addrs_add(l, &p);
}

struct around {
	struct addrs local, broadcast;
	struct census_host host;
};

static void set_up(struct around *a, bool forwards)
{
	*a = (struct around){ 0 };
	put(&a->local, "127.0.0.0/8");
	put(&a->local, "192.0.2.10");
	put(&a->local, "2001:db8::10");
	put(&a->broadcast, "192.0.2.255");
	a->host = (struct census_host){ .local = &a->local,
					.broadcast = &a->broadcast,
					.forwards = { forwards, forwards },
					.reaches = reaches };
}

static void tear_down(struct around *a)
{
	free(a->local.v);
	free(a->broadcast.v);
}

static void test_stale_ends(void **state)
{
	static const struct {
		const char *src, *dst;
		bool stale;
	} cases[] = {
		{ "192.0.2.20", "192.0.2.10", false },	   { "192.0.2.10", "192.0.2.20", false },
		{ "127.0.0.1", "127.0.0.1", false },	   { "192.0.2.20", "192.0.2.11", true },
		{ "192.0.2.20", "192.0.2.255", false },	   { "192.0.2.20", "224.0.0.251", false },
		{ "0.0.0.0", "255.255.255.255", false },   { "192.0.2.20", "10.0.0.1", true },
		{ "2001:db8::20", "2001:db8::11", true },  { "2001:db8::20", "ff02::fb", false },
		{ "2001:db8::20", "2001:db8::10", false },
	};
	struct around a;

	(void)state;
	set_up(&a, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct census c;

		census_begin(&c, NULL, &a.host);
		add(&c, 2, entry(IPPROTO_UDP, cases[i].src, cases[i].dst, CT_NONE, 0));
		assert_int_equal(c.stale[STALE_ENDS], cases[i].stale ? 2 : 0);
		census_free(&c);
	}
	tear_down(&a);
}

/* A router cannot tell whose these were. */
static void test_stale_router(void **state)
{
	struct around a;
	struct census c;

	(void)state;
	set_up(&a, true);
	census_begin(&c, NULL, &a.host);
	add(&c, 1, entry(IPPROTO_UDP, "192.0.2.20", "10.0.0.1", CT_NONE, 0));
	assert_int_equal(c.stale[STALE_ENDS], 0);
	census_free(&c);
	tear_down(&a);
}

static void test_stale_nat(void **state)
{
	static const struct {
		const char *src, *dst, *reply_src, *reply_dst;
		unsigned flags;
		int stale; /* STALE_KINDS: none */
	} cases[] = {
		{ "10.0.0.2", "203.0.113.1", "203.0.113.1", "192.0.2.10", CT_SRC_NAT, STALE_KINDS },
		{ "10.0.0.2", "203.0.113.1", "203.0.113.1", "192.0.2.9", CT_SRC_NAT, STALE_SOURCE },
		{ "203.0.113.1", "192.0.2.10", "10.0.0.2", "203.0.113.1", CT_DST_NAT, STALE_KINDS },
		{ "203.0.113.1", "192.0.2.10", "172.17.0.2", "203.0.113.1", CT_DST_NAT,
		  STALE_TARGET },
		{ "203.0.113.1", "192.0.2.9", "10.0.0.2", "203.0.113.1", CT_DST_NAT, STALE_ASKED },
		{ "203.0.113.1", "192.0.2.9", "192.0.2.10", "203.0.113.1", CT_DST_NAT,
		  STALE_ASKED },
	};
	struct around a;

	(void)state;
	set_up(&a, true);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ct_entry e = entry(IPPROTO_TCP, cases[i].src, cases[i].dst, CT_ESTABLISHED,
					  cases[i].flags);
		struct census c;

		e.reply = tuple(IPPROTO_TCP, cases[i].reply_src, cases[i].reply_dst);
		census_begin(&c, NULL, &a.host);
		add(&c, 1, e);
		for (int kind = 0; kind < STALE_KINDS; kind++)
			assert_int_equal(c.stale[kind], kind == cases[i].stale);
		census_free(&c);
	}
	tear_down(&a);
}

/* ---- printers ----------------------------------------------------------------------------------
 */

static char *text_of(const struct table_status *t, bool bar)
{
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	table_text(t, bar, f);
	fclose(f);
	return text;
}

static void test_text(void **state)
{
	const struct ct_stats stats = { .drop = 7, .early_drop = 1, .clash_resolve = 1 };
	struct census c;
	struct table_status t = {
		.count = 12, .max = 16, .buckets = 8, .stats = &stats, .census = &c
	};

	(void)state;
	fill(&c);
	auto_free char *plain = text_of(&t, false), *bar = text_of(&t, true);

	assert_non_null(strstr(plain, "  12 of 16 entries (75.0 %)\n"));
	assert_non_null(strstr(bar, "  [##############################..........]  12 of 16"));
	assert_non_null(strstr(plain, "8 buckets, 1.50 entries a bucket"));
	assert_non_null(strstr(plain, "since boot 7 dropped, 1 thrown out early, 0 not entered, 1 "
				      "clash, 0 chains too long, 0 invalid\n"));
	assert_non_null(strstr(plain, "tcp 8 (66.7 %), sctp 2 (16.7 %), udp 1 (8.3 %), protocol "
				      "200 1 (8.3 %)\n"));
	assert_non_null(strstr(plain, "ESTABLISHED 5 (62.5 %), TIME_WAIT 3 (37.5 %)\n"));
	assert_non_null(strstr(plain, "192.0.2.10                                     10         0 "
				      "       10\n"));
	assert_null(strstr(plain, "estimate"));
	census_free(&c);
}

static void test_bar_is_never_longer(void **state)
{
	struct table_status t = { .count = 20, .max = 16 }, none = { .absent = true };

	(void)state;
	auto_free char *text = text_of(&t, true), *absent = text_of(&none, true);

	assert_non_null(strstr(text, "  [########################################]  20 of 16"));
	assert_non_null(strstr(absent, "no connection tracking"));
}

static void test_json(void **state)
{
	const struct table_status none = { .absent = true };
	struct census c;
	struct table_status t = { .count = 12, .max = 16, .buckets = 8, .census = &c };
	json_t *root;
	int tcp, busiest;

	(void)state;
	fill(&c);
	root = table_json(&t);
	assert_int_equal(json_unpack(root, "{s:{s:i}, s:[{s:i}]}", "protocols", "tcp", &tcp,
				     "busiest", "entries", &busiest),
			 0);
	assert_int_equal(tcp, 8);
	assert_int_equal(busiest, 10);
	assert_true(json_is_null(json_object_get(root, "statistics")));
	assert_true(json_is_false(json_object_get(root, "addresses_estimated")));
	json_decref(root);
	census_free(&c);
	root = table_json(&none);
	assert_true(json_is_null(root));
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_stale_ends),
		cmocka_unit_test(test_stale_router),
		cmocka_unit_test(test_stale_nat),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bar_is_never_longer),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("census", tests, NULL, NULL);
}
