/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins in nft's language, for those who have to write them by other means than ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include "fw_build.h"
#include "rules/twin_want.h"

/* Of a verdict map by state the verdict is added that the class gets; a key of several fields says
 * what the others have to be. */
static void test_rules_with_maps(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = b_base(&fw, "input", HOOK_INPUT, FW_DROP);
	struct want w = { .chain = c,
			  .rule = b_rule(c),
			  .element = 2,
			  .match = { .families = FAMILIES_BOTH, .proto = IPPROTO_GRE } };
	struct fw_set *map = b_state_map(&fw, &c->rules[0]);
	struct text t = { 0 };

	(void)state;
	b_element(map, 1, FW_DROP, NULL);
	b_element(map, 2, FW_JUMP, "known");
	want_text(&w, &t);
	assert_string_equal(t.s, "meta l4proto gre ct state untracked jump known");
	free(t.s);
	t = (struct text){ 0 };
	map->concat = true;
	want_text(&w, &t);
	assert_string_equal(t.s, "meta l4proto gre ct state untracked load vmap { ... }");
	free(t.s);
	fw_free(&fw);
}

/* The match from its neutral words, as a rule in nft's. */
static char *rule_to_add(const char *words)
{
	auto_free char *copy = xstrdup(words);
	char *list[32] = { 0 }, *save = NULL;
	struct want w = { 0 };
	struct text t = { 0 };
	const char *why;
	size_t n = 0;

	for (char *s = copy; n < 31 && (list[n] = strtok_r(s, " ", &save)); s = NULL)
		n++;
	assert_int_equal(match_parse(list, &w.match, &why), n);
	want_text(&w, &t);
	match_free(&w.match);
	return t.s;
}

/* nft 1.0.6 was seen to take each of these (nft -c, in a table of the family inet). */
static void test_rules_to_add(void **state)
{
	static const struct {
		const char *match, *want;
	} cases[] = {
		{ "protocol gre", "meta l4proto gre" },
		{ "family ipv4 protocol tcp dport 80", "meta nfproto ipv4 tcp dport 80" },
		{ "protocol tcp sport 1,5-9 in eth0,bond* not-in bond9 to local opening",
		  "iifname { \"bond*\", \"eth0\" } iifname != \"bond9\" tcp sport { 1, 5-9 } tcp "
		  "flags & (fin|syn|rst|ack) == syn fib daddr type local" },
		{ "protocol tcp dport 80 out eth0 not-out eth1,eth2 to other continuing",
		  "oifname \"eth0\" oifname != { \"eth1\", \"eth2\" } tcp dport 80 tcp flags & "
		  "(fin|syn|rst|ack) != syn fib daddr type != local" },
		{ "family ipv4 protocol udp sport 53 src 192.0.2.0/24,198.51.100.1 not-dst "
		  "10.0.0.0/8",
		  "ip saddr { 192.0.2.0/24, 198.51.100.1 } ip daddr != 10.0.0.0/8 udp sport 53" },
		{ "family ipv6 protocol 99 not-src 2001:db8::1 dst 2001:db8::/32",
		  "ip6 saddr != 2001:db8::1 ip6 daddr 2001:db8::/32 meta l4proto 99" },
		{ "family ipv4 protocol icmp request", "icmp type { 8, 13, 15, 17 }" },
		{ "family ipv6 protocol icmpv6 reply in eth0",
		  "iifname \"eth0\" icmpv6 type { 129, 140 }" },
		{ "family ipv4 error", "icmp type { 3, 4, 5, 11, 12 }" },
		{ "family ipv4 error protocol udp sport 53 dport 1-5,7 src 192.0.2.0/25 not-src "
		  "192.0.2.1 dst 10.0.0.0/8,172.16.0.0/12",
		  "icmp type { 3, 4, 5, 11, 12 } @th,64,8 0x45 @th,136,8 17 @th,160,32 "
		  "0xc0000200-0xc000027f "
		  "@th,160,32 != 0xc0000201 @th,192,32 { 0x0a000000-0x0affffff, "
		  "0xac100000-0xac1fffff } @th,224,16 53 @th,240,16 { 1-5, 7 }" },
		{ "family ipv6 error protocol sctp dport 80 not-src 2001:db8::1,2001:db8::2 dst "
		  "2001:db8::/33",
		  "icmpv6 type { 1, 2, 3, 4 } @th,112,8 132 @th,128,128 != { "
		  "0x20010db8000000000000000000000001, 0x20010db8000000000000000000000002 } "
		  "@th,256,128 "
		  "0x20010db8000000000000000000000000-0x20010db87fffffffffffffffffffffff "
		  "@th,400,16 80" },
		{ "protocol tcp continuing", "tcp flags & (fin|syn|rst|ack) != syn" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *want = xasprintf("%s ct state untracked accept", cases[i].want);
		auto_free char *got = rule_to_add(cases[i].match);

		assert_string_equal(got, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_with_maps),
		cmocka_unit_test(test_rules_to_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
