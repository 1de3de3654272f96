/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shape of table inet untrack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "kernel/nft_text.h"
#include "random_nft.h"

static void parse(struct ruleset *rs, const char *lines)
{
	auto_free char *text = xasprintf("untrack-rules 1\n%send\n", lines);
	struct diag d = { 0 };

	*rs = (struct ruleset){ 0 };
	if (ruleset_parse(rs, text, "test", &d))
		diag_print(&d, stderr, SEVERITY_NOTE, false);
	assert_int_equal(d.n, 0);
	diag_free(&d);
	ruleset_normalise(rs);
}

/* The rules of a chain, one a line, as they stand in the text. */
static char *chain_text(const struct nft_layout *l, enum nft_chain_id c)
{
	struct text t = { 0 };

	text_add(&t, "%s", "");
	for (size_t i = 0; i < l->n_rules; i++)
		if (l->rules[i].chain == c) {
			nft_rule_text(l, &l->rules[i], &t);
			text_add(&t, "\n");
		}
	return t.s;
}

static void assert_chain(const char *lines, enum nft_chain_id c, const char *want)
{
	struct nft_layout l;
	struct ruleset rs;
	char *got;

	parse(&rs, lines);
	nft_layout_build(&rs, &l);
	got = chain_text(&l, c);
	assert_string_equal(got, want);
	free(got);
	nft_layout_free(&l);
	ruleset_free(&rs);
}

static void one_exemption(void **state)
{
	static const char lines[] =
		"prerouting return loopback in lo\n"
		"prerouting notrack web protocol tcp dport 80,443 to local\n"
		"prerouting notrack web error protocol tcp sport 80,443 to local\n";

	(void)state;
	assert_chain(lines, NFT_PREROUTING,
		     "iifname \"lo\" return comment \"loopback\"\n"
		     "meta l4proto icmp jump icmp_in\n"
		     "meta l4proto ipv6-icmp jump icmpv6_in\n"
		     "tcp dport @web_tcp fib daddr type local counter name \"web_in\" notrack "
		     "comment \"web\"\n");
	assert_chain(lines, NFT_ICMP_IN,
		     "icmp type @icmp_errors @th,64,8 0x45 @th,136,8 0x6 @th,224,16 "
		     "@web_tcp_quoted fib daddr type local counter name \"web_in\" notrack "
		     "comment \"web\"\n");
	assert_chain(lines, NFT_ICMPV6_IN,
		     "icmpv6 type @icmpv6_errors @th,112,8 0x6 @th,384,16 @web_tcp_quoted "
		     "fib daddr type local counter name \"web_in\" notrack comment \"web\"\n");
	assert_chain(lines, NFT_OUTPUT, "");
}

static void exemptions_of_one_shape_share_a_rule(void **state)
{
	(void)state;
	assert_chain("prerouting notrack web protocol tcp dport 80,443 to local\n"
		     "prerouting notrack api protocol tcp dport 81 to local\n"
		     "prerouting notrack dns protocol udp dport 53 to local\n"
		     "prerouting notrack far protocol tcp dport 82 to other\n",
		     NFT_PREROUTING,
		     "tcp dport @tcp_ports fib daddr type local counter name tcp dport map "
		     "@tcp_ports_in notrack comment \"api, web\"\n"
		     "udp dport @dns_udp fib daddr type local counter name \"dns_in\" notrack "
		     "comment \"dns\"\n"
		     "tcp dport @far_tcp fib daddr type != local counter name \"far_in\" notrack "
		     "comment \"far\"\n");
}

/* A UDP client's local side is the ephemeral range for all; the remote one tells them apart. */
static void clients_share_by_their_service_port(void **state)
{
	(void)state;
	assert_chain("prerouting notrack dns protocol udp sport 53 dport 32768-60999\n"
		     "prerouting notrack ntp protocol udp sport 123 dport 32768-60999\n",
		     NFT_PREROUTING,
		     "udp sport @udp_ports udp dport @udp_local_ports counter name udp sport map "
		     "@udp_ports_in notrack comment \"dns, ntp\"\n");
	assert_chain(
		"prerouting notrack dns protocol udp sport 53 dport 32768-60999\n", NFT_PREROUTING,
		"udp sport @dns_udp udp dport @udp_local_ports counter name \"dns_in\" notrack "
		"comment \"dns\"\n");
}

static void overlapping_ports_do_not_share(void **state)
{
	(void)state;
	assert_chain(
		"prerouting notrack a protocol tcp dport 80-90\n"
		"prerouting notrack b protocol tcp dport 85\n"
		"prerouting notrack c protocol tcp dport 91\n",
		NFT_PREROUTING,
		"tcp dport @tcp_ports counter name tcp dport map @tcp_ports_in notrack comment "
		"\"a, c\"\n"
		"tcp dport @b_tcp counter name \"b_in\" notrack comment \"b\"\n");
}

static void lists_stand_inline_or_in_sets(void **state)
{
	(void)state;
	assert_chain("prerouting notrack a family ipv4 protocol tcp dport 80 in eth0 not-in "
		     "bond*,br0 src 192.0.2.0/24,198.51.100.1 not-src 192.0.2.7\n",
		     NFT_PREROUTING,
		     "iifname \"eth0\" iifname != @a_not_ifaces tcp dport @a_tcp ip saddr @a_addr4 "
		     "ip saddr != 192.0.2.7 counter name \"a_in\" notrack comment \"a\"\n");
	assert_chain(
		"prerouting notrack a family ipv6 protocol tcp continuing\n"
		"prerouting notrack b protocol gre in wg*\n"
		"prerouting notrack c family ipv4 protocol icmp request\n",
		NFT_PREROUTING,
		"meta nfproto ipv6 tcp flags != syn / fin,syn,rst,ack counter name \"a_in\" "
		"notrack comment \"a\"\n"
		"iifname \"wg*\" meta l4proto gre counter name \"b_in\" notrack comment \"b\"\n"
		"icmp type @icmp_requests counter name \"c_in\" notrack comment \"c\"\n");
	assert_chain("prerouting notrack a family ipv4 error protocol udp src 192.0.2.0/24 not-dst "
		     "10.0.0.0/9\n",
		     NFT_ICMP_IN,
		     "icmp type @icmp_errors @th,136,8 0x11 @th,160,24 0xc00002 @th,192,32 & "
		     "0xff800000 != 0xa000000 counter name \"a_in\" notrack comment \"a\"\n");
}

static const struct nft_set *set_named(const struct nft_layout *l, const char *name)
{
	for (size_t i = 0; i < l->n_sets; i++)
		if (!strcmp(l->sets[i]->name, name))
			return l->sets[i];
	return NULL;
}

static void equal_lists_are_one_set(void **state)
{
	struct nft_layout l;
	struct ruleset rs;

	(void)state;
	parse(&rs, "prerouting notrack web protocol tcp dport 80,443\n"
		   "output notrack web protocol tcp sport 80,443\n"
		   "prerouting notrack far protocol tcp dport 80,443 to other\n"
		   "prerouting notrack web protocol tcp dport 80-81 in eth1\n");
	nft_layout_build(&rs, &l);
	assert_int_equal(l.n_sets, 2);
	assert_int_equal(l.n_counters, 3);
	assert_non_null(set_named(&l, "far_tcp"));
	assert_non_null(set_named(&l, "web_tcp"));
	nft_layout_free(&l);
	ruleset_free(&rs);
}

/* Every other port from 1001, as a rule of 200 ports. */
static void long_lists_of_scattered_ports(void **state)
{
	auto_free char *text = NULL;
	struct text line = { 0 };
	struct nft_layout l;
	struct ruleset rs;
	size_t len;
	FILE *out = xmemstream(&text, &len);

	(void)state;
	text_add(&line, "prerouting notrack web protocol tcp dport 1001");
	for (unsigned p = 1003; p < 1401; p += 2)
		text_add(&line, ",%u", p);
	text_add(&line, "\nprerouting notrack few protocol udp dport 1001,1003\n");
	parse(&rs, line.s);
	nft_layout_build(&rs, &l);
	assert_true(nft_set_is_scattered(set_named(&l, "web_tcp")));
	assert_false(nft_set_is_scattered(set_named(&l, "few_udp")));
	nft_text(&rs, out);
	fclose(out);
	assert_non_null(strstr(text, "flags dynamic\n\t\telements = { 1001, 1003, 1005,"));
	assert_non_null(strstr(text, "flags interval\n\t\telements = { 1001, 1003 }"));
	nft_layout_free(&l);
	ruleset_free(&rs);
	free(line.s);
}

static void names_of_sets_are_known(void **state)
{
	static const char *const ours[] = { "web_tcp",	    "web_tcp_quoted", "tcp_ports",
					    "tcp_ports_in", "web_ifaces",     "web_not_addr4",
					    "icmp_errors",  "a_udp_2" };
	static const char *const theirs[] = { "mine", "web", "_", "blocklist_", "in", "web_tcp_1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		assert_true(nft_layout_names_set(ours[i]));
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++)
		assert_false(nft_layout_names_set(theirs[i]));
}

static void comments_stay_short(void **state)
{
	struct nft_layout l;
	struct ruleset rs;
	struct text lines = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		text_add(&lines, "prerouting notrack service%03d protocol tcp dport %d\n", i,
			 1000 + i);
	parse(&rs, lines.s);
	nft_layout_build(&rs, &l);
	assert_int_equal(l.n_rules, 1);
	assert_int_equal(l.n_counters, 1000);
	assert_int_equal(l.n_sets, 2);
	assert_true(strlen(l.rules[0].comment) <= NFT_COMMENT_MAX);
	assert_string_equal(
		l.rules[0].comment,
		"service000, service001, service002, service003, service004, service005, "
		"service006, service007, and 992 more");
	nft_layout_free(&l);
	ruleset_free(&rs);
	free(lines.s);
}

/* Every raw rule is in some rule of the layout, nothing is laid out twice, names are unique. */
static void random_layouts(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct nft_layout l;
		struct ruleset rs;
		char *a = NULL, *b = NULL;
		size_t n;
		FILE *f;

		nft_random_ruleset(&seed, &rs);
		nft_layout_build(&rs, &l);
		for (size_t k = 0; k < l.n_sets; k++)
			assert_ptr_equal(set_named(&l, l.sets[k]->name), l.sets[k]);
		for (size_t k = 1; k < l.n_rules; k++)
			assert_true(l.rules[k - 1].chain <= l.rules[k].chain);
		nft_layout_free(&l);
		f = open_memstream(&a, &n);
		nft_text(&rs, f);
		fclose(f);
		f = open_memstream(&b, &n);
		nft_text(&rs, f);
		fclose(f);
		assert_string_equal(a, b);
		free(a);
		free(b);
		ruleset_free(&rs);
	}
}

static void nothing_for_no_rules(void **state)
{
	struct ruleset rs = { 0 };
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	nft_text(&rs, f);
	fclose(f);
	assert_int_equal(n, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_exemption),
		cmocka_unit_test(exemptions_of_one_shape_share_a_rule),
		cmocka_unit_test(clients_share_by_their_service_port),
		cmocka_unit_test(overlapping_ports_do_not_share),
		cmocka_unit_test(lists_stand_inline_or_in_sets),
		cmocka_unit_test(equal_lists_are_one_set),
		cmocka_unit_test(long_lists_of_scattered_ports),
		cmocka_unit_test(names_of_sets_are_known),
		cmocka_unit_test(comments_stay_short),
		cmocka_unit_test(random_layouts),
		cmocka_unit_test(nothing_for_no_rules),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
