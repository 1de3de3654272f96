/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset: normal form, text and back; by example and by random rulesets. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>
#include "random_rules.h"
#include "rules/fw.h"
#include "rules/ruleset.h"

#define SEED UINT64_C(88172645463325252)
#define FRAME(lines) "untrack-rules 1\n" lines "end\n"

static char *printed(const struct ruleset *rs)
{
	size_t n;
	char *s;
	FILE *f = xmemstream(&s, &n);

	ruleset_print(rs, f);
	fclose(f);
	return s;
}

static struct ruleset parsed(const char *text)
{
	struct ruleset rs = { 0 };
	struct diag d = { 0 };

	if (ruleset_parse(&rs, text, "t", &d))
		fail_msg("%u:%u: %s", d.v[0].line, d.v[0].col, d.v[0].text);
	diag_free(&d);
	return rs;
}

static void check_printed(const struct ruleset *rs, const char *want)
{
	auto_free char *got = printed(rs);

	assert_string_equal(got, want);
}

static void check_normal(const char *text, const char *want)
{
	struct ruleset rs = parsed(text);

	ruleset_normalise(&rs);
	check_printed(&rs, want);
	ruleset_free(&rs);
}

static void test_print_is_what_parse_takes(void **state)
{
	static const char *const texts[] = {
		FRAME(""),
		FRAME("prerouting return loopback in lo\n"
		      "output return loopback out lo\n"
		      "prerouting notrack web protocol tcp dport 80,443,8000-8010 to local\n"
		      "output notrack web protocol tcp sport 80,443,8000-8010\n"),
		FRAME("twin inet filter input before 12 untrack:web,api,+12 protocol tcp dport 80 "
		      "opening :: immediate:0a counter:00\n"
		      "twin ip a%20b %25 last untrack:%25 ::\n"
		      "twin ip6 filter :: last untrack: family ipv6 src :: :: ::\n"),
		FRAME("prerouting notrack a%7F%1F%25%20b%09 in a%2Cb,a:b\n"),
		FRAME("counter web in packets 1 bytes 2\n"
		      "counter % out packets 18446744073709551615 bytes 0\n"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ruleset rs = parsed(texts[i]);

		check_printed(&rs, texts[i]);
		ruleset_free(&rs);
		ruleset_free(&rs);
	}
}

/* Text, and the fault as "LINE:COL". */
static void test_faults(void **state)
{
	static const char *const cases[][2] = {
		{ "", "1:1" },
		{ "\n", "1:1" },
		{ "untrack-rules 2\nend\n", "1:1" },
		{ "untrack-rules 1", "1:1" },
		{ "untrack-rules 1\n", "2:1" },
		{ "untrack-rules 1\nend", "2:1" },
		{ "untrack-rules 1\nend\n\n", "3:1" },
		{ "untrack-rules 1\nend\nend\n", "3:1" },
		{ "untrack-rules 1\nend \n", "2:5" },
		{ "untrack-rules 1\n\nend\n", "2:1" },
		{ "untrack-rules 1\r\nend\r\n", "1:1" },
		{ FRAME("input notrack web\n"), "2:1" },
		{ FRAME(" prerouting notrack web\n"), "2:1" },
		{ FRAME("prerouting\n"), "2:11" },
		{ FRAME("prerouting accept web\n"), "2:12" },
		{ FRAME("prerouting notrack\n"), "2:19" },
		{ FRAME("prerouting notrack a%zz\n"), "2:20" },
		{ FRAME("prerouting notrack web \n"), "2:24" },
		{ FRAME("prerouting notrack web ports 80\n"), "2:24" },
		{ FRAME("prerouting notrack web protocol tcp dport 0x50\n"), "2:43" },
		{ FRAME("prerouting notrack web protocol 6\n"), "2:33" },
		{ FRAME("prerouting notrack web protocol tcp dport 443,80\n"), "2:43" },
		{ FRAME("prerouting notrack web protocol tcp dport 80,0443\n"), "2:46" },
		{ FRAME("prerouting notrack web%41\n"), "2:23" },
		{ FRAME("output notrack web answers\n"), "2:20" },
		{ FRAME("counter a in packets 1 bytes 1\nprerouting notrack web\n"), "3:1" },
		{ FRAME("counter a up packets 1 bytes 1\n"), "2:11" },
		{ FRAME("counter a in packets -1 bytes 1\n"), "2:22" },
		{ FRAME("counter a in packets 18446744073709551616 bytes 1\n"), "2:22" },
		{ FRAME("counter a in packets 99999999999999999999 bytes 1\n"), "2:22" },
		{ FRAME("counter a in packets 1 bytes\n"), "2:29" },
		{ FRAME("counter a in packets 1 bytes 1 \n"), "2:31" },
		{ FRAME("twin arp a b last untrack:x ::\n"), "2:6" },
		{ FRAME("twin ip a\n"), "2:10" },
		{ FRAME("twin ip a b after 1 untrack:x ::\n"), "2:13" },
		{ FRAME("twin ip a b before 0 untrack:x ::\n"), "2:13" },
		{ FRAME("twin ip a b before x untrack:x ::\n"), "2:20" },
		{ FRAME("twin ip a b last web ::\n"), "2:18" },
		{ FRAME("twin ip a b last untrack:x\n"), "2:27" },
		{ FRAME("twin ip a b last untrack:x opening ::\n"), "2:28" },
		{ FRAME("twin ip a b last untrack:x :: \n"), "2:30" },
		{ FRAME("twin ip a b last untrack:x :: a%4\n"), "2:31" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ruleset rs = { .n_foreign = 77 };
		struct diag d = { 0 };
		auto_free char *at = NULL;

		assert_int_equal(ruleset_parse(&rs, cases[i][0], "t", &d), -1);
		assert_int_equal(rs.n_foreign, 77);
		assert_int_equal(d.errors, 1);
		assert_string_equal(d.v[0].id, "ruleset");
		assert_string_equal(d.v[0].file, "t");
		at = xasprintf("%u:%u", d.v[0].line, d.v[0].col);
		if (strcmp(at, cases[i][1]))
			fail_msg("%s at %s, not %s: %s", d.v[0].text, at, cases[i][1], cases[i][0]);
		diag_free(&d);
	}
}

/* Whatever is cut off, it is noticed. */
static void test_truncation(void **state)
{
	const char *text = FRAME("prerouting notrack web protocol tcp dport 80,443 to local\n"
				 "twin inet filter input last untrack:web :: immediate:0a\n"
				 "counter web in packets 10 bytes 1000\n");

	(void)state;
	for (size_t n = 0; n < strlen(text); n++) {
		struct ruleset rs = { 0 };
		struct diag d = { 0 };
		auto_free char *cut = xstrdup(text);

		cut[n] = 0;
		assert_int_equal(ruleset_parse(&rs, cut, "t", &d), -1);
		diag_free(&d);
	}
}

static void test_normal_form(void **state)
{
	(void)state;
	check_normal(FRAME("output notrack b\nprerouting notrack b\nprerouting notrack a\n"
			   "output return loopback out lo\nprerouting return loopback in lo\n"),
		     FRAME("prerouting return loopback in lo\noutput return loopback out lo\n"
			   "prerouting notrack a\nprerouting notrack b\noutput notrack b\n"));
	/* one side differs */
	check_normal(FRAME("prerouting notrack a protocol tcp dport 80\n"
			   "prerouting notrack a protocol tcp dport 443\n"
			   "prerouting notrack a protocol tcp dport 79-80\n"),
		     FRAME("prerouting notrack a protocol tcp dport 79-80,443\n"));
	check_normal(FRAME("output notrack a protocol udp sport 53 dport 1024-65535\n"
			   "output notrack a protocol udp sport 123 dport 1024-65535\n"),
		     FRAME("output notrack a protocol udp sport 53,123 dport 1024-65535\n"));
	/* any port is not a port; other names and kinds stay apart */
	check_normal(FRAME("prerouting notrack a protocol tcp\n"
			   "prerouting notrack a protocol tcp dport 80\n"
			   "prerouting notrack a protocol tcp sport 80\n"
			   "prerouting notrack a protocol udp dport 81\n"
			   "prerouting notrack b protocol tcp dport 81\n"),
		     FRAME("prerouting notrack a protocol tcp\n"
			   "prerouting notrack a protocol tcp dport 80\n"
			   "prerouting notrack a protocol tcp sport 80\n"
			   "prerouting notrack a protocol udp dport 81\n"
			   "prerouting notrack b protocol tcp dport 81\n"));
	/* duplicates */
	check_normal(FRAME("prerouting notrack a in eth0\nprerouting notrack a in eth0\n"),
		     FRAME("prerouting notrack a in eth0\n"));
	/* a cascade: what one union makes equal, the next one unites */
	check_normal(FRAME("prerouting notrack a protocol tcp sport 1 dport 1\n"
			   "prerouting notrack a protocol tcp sport 1 dport 2\n"
			   "prerouting notrack a protocol tcp sport 2 dport 1-2\n"
			   "prerouting notrack a protocol tcp sport 1-2 dport 3\n"
			   "prerouting notrack a protocol tcp sport 3 dport 1-3\n"),
		     FRAME("prerouting notrack a protocol tcp sport 1-3 dport 1-3\n"));
	/* twins keep their order in a chain, and duplicates */
	check_normal(FRAME("twin ip6 t c last untrack:z ::\ntwin ip t c last untrack:b ::\n"
			   "twin ip t b last untrack:c ::\ntwin ip t c before 1 untrack:a ::\n"
			   "twin ip t c last untrack:b ::\n"
			   "counter b in packets 1 bytes 1\ncounter a out packets 1 bytes 1\n"
			   "counter a in packets 1 bytes 1\n"),
		     FRAME("twin ip t b last untrack:c ::\ntwin ip t c last untrack:b ::\n"
			   "twin ip t c before 1 untrack:a ::\ntwin ip t c last untrack:b ::\n"
			   "twin ip6 t c last untrack:z ::\n"
			   "counter a in packets 1 bytes 1\ncounter a out packets 1 bytes 1\n"
			   "counter b in packets 1 bytes 1\n"));
}

/* Rules of one name in a world of 8 ports a side: each set a random range. */
static void add_port_rule(uint64_t *seed, struct ruleset *rs)
{
	struct rule *r = ruleset_add_rule(rs);
	unsigned kind = random_below(seed, 8);

	r->hook = HOOK_OUTPUT;
	r->name = xstrdup(random_below(seed, 8) ? "a" : "b");
	r->match.families = FAMILIES_BOTH;
	r->match.proto = IPPROTO_UDP;
	if (!random_below(seed, 3))
		ifaces_add(&r->match.in, random_below(seed, 2) ? "eth0" : "eth1");
	if (!random_below(seed, 3))
		r->match.families = 1 + random_below(seed, 2);
	for (unsigned side = 0; side < 2; side++) {
		struct ports *p = side ? &r->match.sport : &r->match.dport;
		unsigned lo = random_below(seed, 4), hi = lo + random_below(seed, 4);

		if (kind != side)
			ports_add(p, (uint16_t)(2 * lo), (uint16_t)hi < 2 * lo ? 2 * lo : hi);
	}
}

static bool covered(const struct ruleset *rs, const char *name, const char *in, enum family f,
		    uint16_t sport, uint16_t dport)
{
	for (size_t i = 0; i < rs->n_rules; i++) {
		const struct match *m = &rs->rules[i].match;

		if (!strcmp(rs->rules[i].name, name) && m->families & 1u << f &&
		    (!m->in.n || ifaces_hold(&m->in, in)) && ports_contains(&m->sport, sport) &&
		    ports_contains(&m->dport, dport))
			return true;
	}
	return false;
}

static void check_same_packets(const struct ruleset *a, const struct ruleset *b)
{
	static const char *const names[] = { "a", "b" }, *const ins[] = { "eth0", "eth1", "lo" };

	for (unsigned i = 0; i < 2 * 3 * 2 * 9 * 9; i++) {
		const char *name = names[i % 2], *in = ins[i / 2 % 3];
		enum family f = i / 6 % 2;
		uint16_t sport = (uint16_t)(i / 12 % 9), dport = (uint16_t)(i / 12 / 9);

		assert_int_equal(covered(a, name, in, f, sport, dport),
				 covered(b, name, in, f, sport, dport));
	}
}

/* The definition, in the plainest way: unite all groups that are equal but for one list. */
static bool unite_plainly(struct ruleset *rs, enum match_list list)
{
	size_t kept = 0;

	for (size_t i = 0; i < rs->n_rules; i++) {
		struct match *m = &rs->rules[i].match;
		size_t j = 0;

		for (; j < kept; j++) {
			struct match *into = &rs->rules[j].match;

			if (rule_compare_but(&rs->rules[j], &rs->rules[i], list) ||
			    !match_list_size(m, list) != !match_list_size(into, list))
				continue;
			match_join(into, m, list);
			break;
		}
		if (j < kept)
			rule_free(&rs->rules[i]);
		else
			rs->rules[kept++] = rs->rules[i];
	}
	for (size_t i = 0; i < kept; i++)
		match_normalise(&rs->rules[i].match);
	if (kept == rs->n_rules)
		return false;
	rs->n_rules = kept;
	return true;
}

static void unite_all_plainly(struct ruleset *rs)
{
	static const enum match_list lists[] = { LIST_DPORT, LIST_SPORT, LIST_FAMILIES, LIST_IN,
						 LIST_OUT,   LIST_SRC,	 LIST_DST };

	for (bool moved = true; moved;) {
		moved = false;
		for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
			moved = unite_plainly(rs, lists[i]) || moved;
	}
}

static void shuffle_rules(uint64_t *seed, struct ruleset *rs)
{
	for (size_t i = rs->n_rules; i > 1; i--) {
		size_t j = random_below(seed, (unsigned)i);
		struct rule r = rs->rules[i - 1];

		rs->rules[i - 1] = rs->rules[j];
		rs->rules[j] = r;
	}
}

/* Same packets, as defined, whatever the order of the input, and once is enough. */
static void test_merging(void **state)
{
	uint64_t seed = SEED;

	(void)state;
	for (int round = 0; round < 1000; round++) {
		struct ruleset rs = { 0 }, normal, other, plain;

		for (unsigned n = random_below(&seed, 14); n; n--)
			add_port_rule(&seed, &rs);
		ruleset_copy(&normal, &rs);
		ruleset_normalise(&normal);
		check_same_packets(&rs, &normal);

		ruleset_copy(&other, &rs);
		shuffle_rules(&seed, &other);
		ruleset_normalise(&other);
		assert_int_equal(ruleset_diff(&normal, &other, NULL), 0);
		ruleset_normalise(&other);
		assert_int_equal(ruleset_diff(&normal, &other, NULL), 0);

		ruleset_copy(&plain, &rs);
		unite_all_plainly(&plain);
		assert_int_equal(plain.n_rules, normal.n_rules);
		ruleset_normalise(&plain);
		assert_int_equal(ruleset_diff(&normal, &plain, NULL), 0);
		ruleset_free(&rs);
		ruleset_free(&normal);
		ruleset_free(&other);
		ruleset_free(&plain);
	}
}

/* parse(print) is the same, normal or not; normalise twice is once; diff is 0 only for equals. */
static void test_random_rulesets(void **state)
{
	struct ruleset last = { 0 };
	uint64_t seed = SEED;

	(void)state;
	for (int round = 0; round < 1000; round++) {
		auto_free char *text = NULL, *normal_text = NULL, *last_text = printed(&last);
		struct ruleset rs, again, copy;

		random_ruleset(&seed, &rs);
		text = printed(&rs);
		again = parsed(text);
		check_printed(&again, text);
		ruleset_copy(&copy, &rs);
		ruleset_free(&again);
		check_printed(&copy, text);

		ruleset_normalise(&rs);
		normal_text = printed(&rs);
		shuffle_rules(&seed, &copy);
		ruleset_normalise(&copy);
		check_printed(&copy, normal_text);
		ruleset_normalise(&copy);
		check_printed(&copy, normal_text);
		assert_int_equal(ruleset_diff(&rs, &copy, NULL), 0);
		if (strcmp(normal_text, last_text) && !rs.n_counters && !last.n_counters)
			assert_true(ruleset_diff(&rs, &last, NULL));
		assert_int_equal(ruleset_diff(&rs, &last, NULL), ruleset_diff(&last, &rs, NULL));
		ruleset_free(&last);
		ruleset_free(&copy);
		last = rs;
	}
	ruleset_free(&last);
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* print, parse, normalise and diff in time that grows with the size: the limit is far above what
 * it takes and far below what a square would. */
static void check_speed(struct ruleset *rs, const char *what)
{
	struct timespec start;
	auto_free char *text = NULL;
	struct ruleset again;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	text = printed(rs);
	again = parsed(text);
	ruleset_normalise(rs);
	ruleset_normalise(&again);
	assert_int_equal(ruleset_diff(rs, &again, NULL), 0);
	print_message("# %s: %.3f s\n", what, seconds_since(&start));
	assert_true(seconds_since(&start) < 2);
	ruleset_free(&again);
	ruleset_free(rs);
}

static struct match *add_rule(struct ruleset *rs, const char *name)
{
	struct rule *r = ruleset_add_rule(rs);

	r->name = xstrdup(name);
	r->match.families = FAMILIES_BOTH;
	r->match.proto = IPPROTO_TCP;
	return &r->match;
}

static void test_speed(void **state)
{
	struct ruleset rs = { 0 };
	struct match *m;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		auto_free char *name = xasprintf("service-%u", 7919 * i % 10000);

		ports_add(&add_rule(&rs, name)->dport, (uint16_t)i, (uint16_t)i);
	}
	check_speed(&rs, "10,000 rules");
	m = add_rule(&rs, "a");
	for (unsigned i = 0; i < 20000; i += 2)
		ports_add(&m->dport, (uint16_t)(20000 - i), (uint16_t)(20000 - i));
	ports_normalise(&m->dport);
	check_speed(&rs, "10,000 ports in one rule");
	for (unsigned i = 0; i < 20000; i += 2)
		ports_add(&add_rule(&rs, "a")->dport, (uint16_t)i, (uint16_t)i);
	check_speed(&rs, "10,000 rules that are one");
	for (unsigned i = 1; i < 5000; i++) {
		m = add_rule(&rs, "a");
		ports_add(&m->sport, 1, (uint16_t)i);
		ports_add(&m->dport, (uint16_t)i, (uint16_t)i);
		m = add_rule(&rs, "a");
		ports_add(&m->sport, (uint16_t)(i + 1), (uint16_t)(i + 1));
		ports_add(&m->dport, 1, (uint16_t)i);
	}
	check_speed(&rs, "a cascade of 10,000 unions");
	for (unsigned i = 0; i < 10000; i++) {
		struct twin *w = ruleset_add_twin(&rs);

		w->table = xstrdup("t");
		w->chain = xstrdup(i % 3 ? "c" : "d");
		w->match.families = FAMILIES_BOTH;
		w->body = xasprintf("immediate:%u", i);
	}
	check_speed(&rs, "10,000 twins");
}

static void test_firewall_chains(void **state)
{
	struct fw fw = { 0 };
	struct text t = { 0 };
	const char *const names[][2] = { { "a", "x" }, { "a", "y" }, { "b", "x" }, { "a", "x" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct fw_chain *c = ARRAY_ADD(fw.chains, fw.n_chains);

		c->family = i == 3 ? TABLE_INET : TABLE_IP;
		c->table = xstrdup(names[i][0]);
		c->name = xstrdup(names[i][1]);
	}
	assert_ptr_equal(fw_chain_find(&fw, &fw.chains[1], "x"), &fw.chains[0]);
	assert_ptr_equal(fw_chain_find(&fw, &fw.chains[2], "x"), &fw.chains[2]);
	assert_ptr_equal(fw_chain_find(&fw, &fw.chains[3], "x"), &fw.chains[3]);
	assert_null(fw_chain_find(&fw, &fw.chains[3], "y"));
	fw_chain_text(&fw.chains[3], &t);
	assert_string_equal(t.s, "inet a x");
	free(t.s);
	fw_free(&fw);
	fw_free(&fw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print_is_what_parse_takes),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_normal_form),
		cmocka_unit_test(test_merging),
		cmocka_unit_test(test_random_rulesets),
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_firewall_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
