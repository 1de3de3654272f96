/* SPDX-License-Identifier: GPL-2.0-or-later */
/* match: sets of ports, interfaces and addresses, kinds of ICMP, and the words of a match. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include "random_rules.h"
#include "rules/match.h"

#define WORDS_MAX 64
#define SEED UINT64_C(88172645463325252)

/* "80,443,8000-8010" to ports that are not normalised. */
static struct ports ports_of(const char *list)
{
	struct ports p = { 0 };

	while (*list) {
		unsigned lo, hi;
		int n;

		if (sscanf(list, "%u-%u%n", &lo, &hi, &n) != 2) {
			assert_int_equal(sscanf(list, "%u%n", &lo, &n), 1);
			hi = lo;
		}
		ports_add(&p, (uint16_t)lo, (uint16_t)hi);
		list += n;
		list += *list == ',';
	}
	return p;
}

static void check_ports(const struct ports *p, const char *want)
{
	struct text t = { 0 };

	text_add(&t, "%s", "");
	ports_text(p, &t);
	assert_string_equal(t.s, want);
	free(t.s);
}

static void test_ports_normal_form(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "80", "80" },
		{ "443,80", "80,443" },
		{ "80,80", "80" },
		{ "80,81", "80-81" },
		{ "80,82", "80,82" },
		{ "10-20,15-30,5", "5,10-30" },
		{ "1-100,5-6,7", "1-100" },
		{ "0,65535", "0,65535" },
		{ "65535,65534,0-65535", "0-65535" },
		{ "0-65534,65535", "0-65535" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ports p = ports_of(cases[i][0]);

		ports_normalise(&p);
		check_ports(&p, cases[i][1]);
		free(p.v);
	}
}

static void test_ports_subtract(void **state)
{
	static const char *const cases[][3] = {
		{ "80", "", "80" },
		{ "80", "80", "" },
		{ "80", "81", "80" },
		{ "0-65535", "0", "1-65535" },
		{ "0-65535", "65535", "0-65534" },
		{ "0-65535", "0-65535", "" },
		{ "10-20", "12,14-15", "10-11,13,16-20" },
		{ "10-20,30-40", "15-35", "10-14,36-40" },
		{ "10-20,30-40,50", "1-100", "" },
		{ "5,10-20", "5-9,20-30", "10-19" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ports p = ports_of(cases[i][0]), minus = ports_of(cases[i][1]);

		ports_subtract(&p, &minus);
		check_ports(&p, cases[i][2]);
		free(p.v);
		free(minus.v);
	}
}

/* Every operation against the set of single ports that it is about. */
static void test_ports_are_sets(void **state)
{
	uint64_t seed = SEED;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct ports a = { 0 }, b = { 0 }, left;
		bool meet = false;

		random_ports(&seed, &a);
		random_ports(&seed, &b);
		ports_copy(&left, &a);
		ports_subtract(&left, &b);
		for (unsigned port = 0; port <= UINT16_MAX; port += port == 90 ? 65400 : 1) {
			bool in_a = a.n && ports_contains(&a, (uint16_t)port);
			bool in_b = b.n && ports_contains(&b, (uint16_t)port);

			assert_int_equal(left.n && ports_contains(&left, (uint16_t)port),
					 in_a && !in_b);
			meet |= in_a && in_b;
		}
		assert_int_equal(ports_overlap(&a, &b), meet);
		assert_int_equal(ports_overlap(&b, &a), meet);
		free(a.v);
		free(b.v);
		free(left.v);
	}
}

/* Capacity is implied by the count: a copy must leave room to grow. */
static void test_a_copy_grows(void **state)
{
	struct ports p = ports_of("1,3,5,7,9"), copy;

	(void)state;
	ports_copy(&copy, &p);
	for (uint16_t port = 20; port < 200; port += 2)
		ports_add(&copy, port, port);
	assert_int_equal(copy.n, 95);
	assert_int_equal(p.n, 5);
	free(p.v);
	free(copy.v);
	p = (struct ports){ 0 };
	assert_true(ports_contains(&p, 80));
}

static void test_ifaces(void **state)
{
	struct ifaces l = { 0 };
	struct text t = { 0 };

	(void)state;
	ifaces_add(&l, "eth1");
	ifaces_add(&l, "bond*");
	ifaces_add(&l, "eth1");
	ifaces_add(&l, "fifteen-letters");
	ifaces_add(&l, "eth0");
	ifaces_normalise(&l);
	ifaces_text(&l, "!", &t);
	assert_string_equal(t.s, "!bond*,!eth0,!eth1,!fifteen-letters");
	free(t.s);
	t = (struct text){ 0 };
	ifaces_add(&l, "bond0"); /* what a pattern covers is in it already */
	ifaces_add(&l, "bond1*");
	ifaces_add(&l, "bon");
	ifaces_normalise(&l);
	ifaces_text(&l, "", &t);
	assert_string_equal(t.s, "bon,bond*,eth0,eth1,fifteen-letters");
	free(l.v);
	free(t.s);
}

static void test_prefixes(void **state)
{
	static const char *const good[][2] = {
		{ "192.0.2.10", "192.0.2.10" },
		{ "192.0.2.10/32", "192.0.2.10" },
		{ "192.0.2.0/24", "192.0.2.0/24" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "128.0.0.0/1", "128.0.0.0/1" },
		{ "2001:DB8:0::/64", "2001:db8::/64" },
		{ "::/0", "::/0" },
		{ "::", "::" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127" },
	};
	static const char *const bad[] = {
		"",
		"/",
		"192.0.2",
		"192.0.2.10/33",
		"192.0.2.10/",
		"192.0.2.10/-1",
		"192.0.2.10/24",
		"192.0.2.1/31",
		"192.0.2.010",
		"192.0.2.10 ",
		"::1/64",
		"::/129",
		"fe80::1%eth0",
		"eth0",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"!192.0.2.10",
		"1.2.3.4/8/8",
		"00000000000000000000000000000000000000000000000000000000000000000000000000000::",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct text t = { 0 };
		struct prefix p;

		assert_true(prefix_parse(good[i][0], &p));
		prefix_text(&p, &t);
		assert_string_equal(t.s, good[i][1]);
		free(t.s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct prefix p = { .len = 77 };

		if (prefix_parse(bad[i], &p))
			fail_msg("accepted \"%s\"", bad[i]);
		assert_int_equal(p.len, 77);
	}
}

static void test_addrs_normal_form(void **state)
{
	static const char *const items[] = {
		"2001:db8::/32", "10.0.0.0/25", "10.0.0.128/25", "10.0.0.1",
		"2001:db8::1",	 "2001:db9::",	"10.0.0.1",	 "9.255.255.255",
	};
	struct addrs l = { 0 };
	struct text t = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		struct prefix p;

		assert_true(prefix_parse(items[i], &p));
		addrs_add(&l, &p);
	}
	addrs_normalise(&l);
	addrs_text(&l, "", &t);
	assert_string_equal(t.s,
			    "9.255.255.255,10.0.0.0/25,10.0.0.128/25,2001:db8::/32,2001:db9::");
	free(l.v);
	free(t.s);
}

static void test_protocols(void **state)
{
	static const char *const bad[] = { "", "0", "256", "TCP", "tcp ", "-1", "tc", "6x" };
	uint8_t proto = 0;

	(void)state;
	for (unsigned n = 1; n <= 255; n++) {
		char number[4];

		snprintf(number, sizeof number, "%u", n);
		assert_true(proto_parse(number, &proto));
		assert_int_equal(proto, n);
		if (!proto_name((uint8_t)n))
			continue;
		assert_true(proto_parse(proto_name((uint8_t)n), &proto));
		assert_int_equal(proto, n);
	}
	assert_null(proto_name(0));
	assert_true(proto_parse("ipv6-icmp", &proto));
	assert_string_equal(proto_name(proto), "icmpv6");
	assert_true(proto_parse("ipencap", &proto));
	assert_int_equal(proto, IPPROTO_IPIP);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(proto_parse(bad[i], &proto));
	assert_int_equal(proto, IPPROTO_IPIP);
	assert_true(proto_has_ports(IPPROTO_UDPLITE));
	assert_false(proto_has_ports(IPPROTO_ICMP));
	assert_false(proto_has_ports(0));
}

/* No type is of two kinds, and each request has its reply. */
static void test_icmp_kinds(void **state)
{
	(void)state;
	for (enum family f = FAMILY_V4; f <= FAMILY_V6; f++) {
		unsigned seen[256] = { 0 };
		const uint8_t *types;

		for (enum icmp_kind k = ICMP_REQUEST; k <= ICMP_IS_ERROR; k++)
			for (size_t i = icmp_kind_types(k, f, &types); i--;)
				assert_int_equal(seen[types[i]]++, 0);
		assert_int_equal(icmp_kind_types(ICMP_ANY, f, &types), 0);
		assert_int_equal(icmp_kind_types(ICMP_REQUEST, f, &types),
				 icmp_kind_types(ICMP_REPLY, f, &types));
		assert_int_equal(seen[f == FAMILY_V4 ? 3 : 2], 1);
	}
}

/* Cuts line at its blanks; the words point into it. */
static void split(char *line, char **words)
{
	size_t n = 0;

	for (char *s = line; *s && n < WORDS_MAX - 1;) {
		words[n++] = s;
		s += strcspn(s, " ");
		if (*s)
			*s++ = 0;
	}
	words[n] = NULL;
}

/* What match_parse made of the line: "N: TEXT", or the word that it refused. */
static char *parsed(const char *line)
{
	auto_free char *copy = xstrdup(line);
	char *words[WORDS_MAX];
	struct text t = { 0 };
	const char *why = NULL;
	struct match m;
	int n;

	split(copy, words);
	n = match_parse(words, &m, &why);
	if (n < 0)
		return xasprintf("not %s", why);
	text_add(&t, "%d: ", n);
	match_text(&m, &t);
	match_free(&m);
	return t.s;
}

static void check_parsed(const char *line, const char *want)
{
	auto_free char *got = parsed(line);

	assert_string_equal(got, want);
}

static void test_words(void **state)
{
	(void)state;
	check_parsed("", "0: ");
	check_parsed("family ipv4 protocol tcp dport 80,443 in eth0 to local",
		     "10: family ipv4 protocol tcp dport 80,443 in eth0 to local");
	check_parsed("protocol 6 sport 443,80-81,82 continuing",
		     "5: protocol tcp sport 80-82,443 continuing");
	check_parsed("protocol 200", "2: protocol 200");
	check_parsed(
		"family ipv6 error protocol udp dport 53 src 2001:db8::/64 not-src 2001:db8::1 "
		"dst ::/0 not-dst ::",
		"15: family ipv6 error protocol udp dport 53 src 2001:db8::/64 "
		"not-src 2001:db8::1 dst ::/0 not-dst ::");
	check_parsed("family ipv4 protocol icmp request to other",
		     "7: family ipv4 protocol icmp request to other");
	check_parsed("family ipv6 protocol icmpv6 reply", "5: family ipv6 protocol icmpv6 reply");
	check_parsed("in bond*,eth0 not-in lo out eth1 not-out a%20b,a%2Cb,%",
		     "8: in bond*,eth0 not-in lo out eth1 not-out %,a%20b,a%2Cb");
	check_parsed("protocol tcp :: opening", "2: protocol tcp");
	check_parsed("elsewhere in lo", "0: ");
}

static void test_wrong_words(void **state)
{
	static const char *const cases[][2] = {
		{ "family", "family" },
		{ "family both", "both" },
		{ "protocol tcp family ipv4", "family" },
		{ "protocol tcp protocol tcp", "protocol" },
		{ "protocol 0", "0" },
		{ "protocol tcp dport", "dport" },
		{ "protocol tcp dport 65536", "65536" },
		{ "protocol tcp dport 90-80", "90-80" },
		{ "protocol tcp dport 80,", "80," },
		{ "protocol tcp dport ,80", ",80" },
		{ "protocol tcp dport -80", "-80" },
		{ "protocol tcp dport 80-", "80-" },
		{ "protocol tcp dport 1-2-3", "1-2-3" },
		{ "in sixteen-letters-", "sixteen-letters-" },
		{ "in eth0,", "eth0," },
		{ "in ,eth0", ",eth0" },
		{ "in a%2", "a%2" },
		{ "in a%00", "a%00" },
		{ "in a%2c", "a%2c" },
		{ "src 192.0.2.1", "192.0.2.1" },
		{ "family ipv6 src 192.0.2.1", "192.0.2.1" },
		{ "family ipv4 src 192.0.2.1/24", "192.0.2.1/24" },
		{ "to nowhere", "nowhere" },
		{ "opening", "opening" },
		{ "protocol udp continuing", "continuing" },
		{ "protocol tcp opening continuing", "continuing" },
		{ "error protocol tcp opening", "opening" },
		{ "protocol icmp request", "request" },
		{ "family ipv6 protocol icmp reply", "reply" },
		{ "family ipv4 protocol icmp request reply", "reply" },
		{ "family ipv4 error protocol icmp reply", "reply" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *want = xasprintf("not %s", cases[i][1]);

		check_parsed(cases[i][0], want);
	}
}

/* No two of these are equal, and each differs in one field only. */
static void test_every_field_counts(void **state)
{
	static const char *const lines[] = {
		"family ipv4 protocol tcp",
		"family ipv6 protocol tcp",
		"family ipv4 protocol udp",
		"family ipv4 error protocol tcp",
		"family ipv4 protocol tcp sport 1",
		"family ipv4 protocol tcp dport 1",
		"family ipv4 protocol tcp in lo",
		"family ipv4 protocol tcp not-in lo",
		"family ipv4 protocol tcp out lo",
		"family ipv4 protocol tcp not-out lo",
		"family ipv4 protocol tcp src 0.0.0.0/0",
		"family ipv4 protocol tcp not-src 0.0.0.0/0",
		"family ipv4 protocol tcp dst 0.0.0.0/0",
		"family ipv4 protocol tcp dst 0.0.0.0/1",
		"family ipv4 protocol tcp not-dst 0.0.0.0/0",
		"family ipv4 protocol tcp to local",
		"family ipv4 protocol tcp to other",
		"family ipv4 protocol tcp opening",
		"family ipv4 protocol tcp continuing",
		"family ipv4 protocol icmp",
		"family ipv4 protocol icmp request",
		"family ipv4 protocol icmp reply",
	};
	struct match m[ARRAY_SIZE(lines)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		auto_free char *copy = xstrdup(lines[i]);
		char *words[WORDS_MAX];
		const char *why;

		split(copy, words);
		assert_true(match_parse(words, &m[i], &why) > 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		for (size_t j = 0; j < ARRAY_SIZE(lines); j++)
			assert_int_equal(!match_compare(&m[i], &m[j]), i == j);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		match_free(&m[i]);
}

static void test_every_list_is_normalised(void **state)
{
	(void)state;
	check_parsed("family ipv4 protocol udp sport 2,1 dport 4,3 in b,a not-in d,c out f,e "
		     "not-out h,g src 2.0.0.0,1.0.0.0 not-src 4.0.0.0,3.0.0.0 dst 6.0.0.0,5.0.0.0 "
		     "not-dst 8.0.0.0,7.0.0.0",
		     "24: family ipv4 protocol udp sport 1-2 dport 3-4 in a,b not-in c,d out e,f "
		     "not-out g,h src 1.0.0.0,2.0.0.0 not-src 3.0.0.0,4.0.0.0 dst 5.0.0.0,6.0.0.0 "
		     "not-dst 7.0.0.0,8.0.0.0");
}

static void test_text_is_appended(void **state)
{
	struct match m = { .families = FAMILIES_BOTH, .dst_kind = DST_LOCAL };
	struct text t = { 0 };

	(void)state;
	text_add(&t, "web");
	match_text(&m, &t);
	assert_string_equal(t.s, "web to local");
	text_add(&t, ": ");
	match_text(&m, &t);
	assert_string_equal(t.s, "web to local: to local");
	free(t.s);
}

/* Text and parse are inverse, equal means the same text, copies are equal and their own. */
static void test_random_matches(void **state)
{
	uint64_t seed = SEED;
	struct match last = { .families = FAMILIES_BOTH };

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct text t = { 0 }, u = { 0 };
		char *words[WORDS_MAX];
		struct match m, again, copy;
		const char *why;
		auto_free char *line = NULL;

		random_match(&seed, &m);
		text_add(&t, "%s", "");
		match_text(&m, &t);
		line = xstrdup(t.s);
		split(line, words);
		assert_true(match_parse(words, &again, &why) >= 0);
		assert_int_equal(match_compare(&m, &again), 0);
		match_copy(&copy, &m);
		assert_int_equal(match_compare(&copy, &m), 0);
		match_free(&m);
		match_text(&last, &u);
		assert_int_equal(!match_compare(&copy, &last), !strcmp(t.s, u.s ? u.s : ""));
		match_free(&last);
		last = copy;
		match_free(&again);
		match_free(&again);
		free(t.s);
		free(u.s);
	}
	match_free(&last);
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void test_compare_is_an_order(void **state)
{
	struct match m[40];
	uint64_t seed = SEED;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(m); i++)
		random_match(&seed, &m[i]);
	for (size_t i = 0; i < ARRAY_SIZE(m); i++)
		for (size_t j = 0; j < ARRAY_SIZE(m); j++) {
			int c = match_compare(&m[i], &m[j]);

			assert_int_equal(sign(c), -sign(match_compare(&m[j], &m[i])));
			for (size_t k = 0; k < ARRAY_SIZE(m); k++)
				if (c <= 0 && match_compare(&m[j], &m[k]) <= 0)
					assert_true(match_compare(&m[i], &m[k]) <= 0);
		}
	for (size_t i = 0; i < ARRAY_SIZE(m); i++)
		match_free(&m[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports_normal_form),
		cmocka_unit_test(test_ports_subtract),
		cmocka_unit_test(test_ports_are_sets),
		cmocka_unit_test(test_a_copy_grows),
		cmocka_unit_test(test_ifaces),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_addrs_normal_form),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_icmp_kinds),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_wrong_words),
		cmocka_unit_test(test_every_field_counts),
		cmocka_unit_test(test_every_list_is_normalised),
		cmocka_unit_test(test_text_is_appended),
		cmocka_unit_test(test_random_matches),
		cmocka_unit_test(test_compare_is_an_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
