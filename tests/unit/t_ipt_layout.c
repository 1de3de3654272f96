/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains of iptables-legacy: they say what the rules say, packet for packet, and give the rules
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>

#include "legacy_packets.h"
#include "random_ipt.h"

#define GOLDEN "tests/golden/good/*.rules"

/* ---- rulesets ----------------------------------------------------------------------------------
 */

static void add_loopback(struct ruleset *rs)
{
	for (int i = 0; i < 2; i++) {
		struct rule *r = ruleset_add_rule(rs);

		r->form = FORM_LEGACY;
		r->hook = i ? HOOK_OUTPUT : HOOK_PREROUTING;
		r->verdict = VERDICT_RETURN;
		r->name = xstrdup("loopback");
		r->match.families = FAMILIES_BOTH;
		ifaces_add(i ? &r->match.out : &r->match.in, "lo");
	}
}

/* Exemptions of different names are never one rule, however they were cut. */
static void random_legacy(uint64_t *seed, struct ruleset *rs, bool names_differ)
{
	nft_random_ruleset(seed, rs);
	for (int i = 0; i < 3; i++) /* with addresses in ICMP errors */
		nft_random_rule(seed, rs, "more");
	for (size_t i = 0; i < rs->n_rules; i++) {
		struct rule *r = &rs->rules[i];

		r->form = FORM_LEGACY;
		if (names_differ) {
			free(r->name);
			r->name = xasprintf("rule%zu", i);
		}
	}
	if (random_below(seed, 2))
		add_loopback(rs);
	ruleset_normalise(rs);
}

static void make(struct ipt_layout *l, const struct ruleset *rs, enum family f)
{
	struct diag d = { 0 };

	if (ipt_layout_make(l, rs, f, &d)) {
		diag_print(&d, stderr, SEVERITY_NOTE, false);
		fail_msg("no layout");
	}
	diag_free(&d);
}

static void print_all(const struct ruleset *want, const struct ruleset *got,
		      const struct ipt_layout *l)
{
	ruleset_diff(want, got, stderr);
	for (size_t f = 0; f < 2; f++)
		ipt_layout_text(&l[f], stderr);
	for (size_t i = 0; i < got->n_foreign; i++)
		fprintf(stderr, "%s\n", got->foreign[i]);
}

static void check_round_trip(const struct ruleset *rs)
{
	struct ipt_layout l[2];
	struct ruleset got = { 0 };

	for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
		make(&l[f], rs, f);
		ipt_layout_read(&l[f], &got);
	}
	ruleset_normalise(&got);
	if (got.n_foreign || ruleset_diff(rs, &got, NULL)) {
		print_all(rs, &got, l);
		fail_msg("does not come back");
	}
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
		ipt_layout_free(&l[f]);
	ruleset_free(&got);
}

static void rules_come_back(void **state)
{
	uint64_t seed = 4711;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct ruleset rs;

		random_legacy(&seed, &rs, true);
		check_round_trip(&rs);
		ruleset_free(&rs);
	}
}

static void read_golden(const char *path, struct ruleset *rs)
{
	struct diag d = { 0 };
	size_t len;
	auto_free char *text = read_file(AT_FDCWD, path, &len);
	char *end = strstr(text, "\nend\n");

	*rs = (struct ruleset){ 0 };
	assert_non_null(end);
	end[strlen("\nend\n")] = '\0';
	assert_int_equal(ruleset_parse(rs, text, path, &d), 0);
	for (size_t i = 0; i < rs->n_rules; i++)
		rs->rules[i].form = FORM_LEGACY;
	ruleset_normalise(rs);
	diag_free(&d);
}

static void check_meaning(uint64_t *seed, const struct ruleset *rs, int packets)
{
	struct ipt_layout l[2];
	size_t steps;

	for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
		make(&l[f], rs, f);
	for (int i = 0; rs->n_rules && i < packets; i++) {
		enum hook hook = random_below(seed, 2) ? HOOK_PREROUTING : HOOK_OUTPUT;
		struct room room;
		struct sent p;

		random_sent(seed, rs, &p, &room);
		if (rules_untrack(rs, hook, &p) !=
		    layout_untracks(&l[p.family], hook, &p, &steps)) {
			print_all(rs, rs, l);
			fail_msg("family %d hook %s proto %u ports %u %u quoted %u %u in %s out %s",
				 p.family, hook_name(hook), p.t.proto, p.t.sport, p.t.dport,
				 p.quoted.sport, p.quoted.dport, p.in, p.out);
		}
	}
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
		ipt_layout_free(&l[f]);
}

static void packets_fare_alike(void **state)
{
	uint64_t seed = 1848;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct ruleset rs;

		random_legacy(&seed, &rs, i % 2);
		check_meaning(&seed, &rs, 100);
		ruleset_free(&rs);
	}
}

static void golden_files(void **state)
{
	uint64_t seed = 815;
	glob_t found = { 0 };

	(void)state;
	assert_int_equal(glob(GOLDEN, 0, NULL, &found), 0);
	assert_true(found.gl_pathc > 50);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct ruleset rs;

		read_golden(found.gl_pathv[i], &rs);
		check_round_trip(&rs);
		check_meaning(&seed, &rs, 50);
		ruleset_free(&rs);
	}
	globfree(&found);
}

/* ---- many --------------------------------------------------------------------------------------
 */

static void many_ports(uint64_t *seed, struct ports *p)
{
	for (unsigned n = 1 + random_below(seed, 300); n; n--) {
		unsigned lo = random_below(seed, 65000);

		ports_add(p, (uint16_t)lo, (uint16_t)(lo + random_below(seed, 3) * 7));
	}
	ports_normalise(p);
}

/* Few shapes, many ports. */
static void random_many(uint64_t *seed, struct ruleset *rs)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
	unsigned rules = 1 + random_below(seed, 60);

	memset(rs, 0, sizeof(*rs));
	for (unsigned i = 0; i < rules; i++) {
		struct rule *r = ruleset_add_rule(rs);
		unsigned sides = 1 + random_below(seed, 3);

		r->form = FORM_LEGACY;
		r->hook = random_below(seed, 2) ? HOOK_PREROUTING : HOOK_OUTPUT;
		r->name = xasprintf("s%u", i);
		r->match.families = FAMILIES_BOTH;
		r->match.proto = protos[random_below(seed, 2)];
		r->match.icmp = random_below(seed, 4) ? ICMP_ANY : ICMP_IS_ERROR;
		if (sides & 1)
			many_ports(seed, &r->match.sport);
		if (sides & 2)
			many_ports(seed, &r->match.dport);
		if (sides == 3) /* the product would be long */
			r->match.sport.n = 1;
		if (!random_below(seed, 3))
			ifaces_add(&r->match.in, "eth*");
		if (!random_below(seed, 3))
			ifaces_add(&r->match.not_in, "eth1");
	}
	ruleset_normalise(rs);
}

static void many_ports_come_back(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct ruleset rs;

		random_many(&seed, &rs);
		check_round_trip(&rs);
		check_meaning(&seed, &rs, 300);
		ruleset_free(&rs);
	}
}

static struct rule *add_service(struct ruleset *rs, const char *name, enum hook hook)
{
	struct rule *r = ruleset_add_rule(rs);

	r->form = FORM_LEGACY;
	r->hook = hook;
	r->name = xstrdup(name);
	r->match.families = FAMILIES_BOTH;
	r->match.proto = IPPROTO_TCP;
	return r;
}

/* A packet meets few rules, however many there are. */
static void few_are_looked_at(void **state)
{
	struct ruleset rs = { 0 };
	struct ipt_layout l;
	size_t most = 0, rules = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		auto_free char *name = xasprintf("s%u", i);

		ports_add(&add_service(&rs, name, HOOK_PREROUTING)->match.dport,
			  (uint16_t)(5000 + 7 * i), (uint16_t)(5000 + 7 * i));
	}
	ruleset_normalise(&rs);
	make(&l, &rs, FAMILY_V4);
	for (unsigned port = 4990; port < 5000 + 7 * 1000; port++) {
		struct sent p = { .family = FAMILY_V4, .in = "eth0", .out = "" };
		size_t steps;

		p.t.proto = IPPROTO_TCP;
		p.t.dport = (uint16_t)port;
		assert_int_equal(layout_untracks(&l, HOOK_PREROUTING, &p, &steps),
				 port >= 5000 && (port - 5000) % 7 == 0);
		most = steps > most ? steps : most;
	}
	assert_in_range(most, 10, 26);
	for (size_t i = 0; i < l.n; i++) {
		assert_in_range(l.chains[i].n, i == 1 ? 0 : 1, 8);
		assert_in_range(strlen(l.chains[i].name), 1, 28);
		rules += l.chains[i].n;
	}
	assert_in_range(rules, 1000, 1300);
	ipt_layout_free(&l);
	ruleset_free(&rs);
}

/* ---- counters ----------------------------------------------------------------------------------
 */

static void add_counter(struct ruleset *rs, const char *name, enum hook hook, uint64_t packets)
{
	*ARRAY_ADD(rs->counters, rs->n_counters) =
		(struct counter){ xstrdup(name), hook, packets, 10 * packets };
}

static uint64_t counted(const struct ruleset *rs, const char *name, enum hook hook)
{
	for (size_t i = 0; i < rs->n_counters; i++)
		if (rs->counters[i].hook == hook && !strcmp(rs->counters[i].name, name)) {
			assert_true(rs->counters[i].bytes == 10 * rs->counters[i].packets);
			return rs->counters[i].packets;
		}
	return UINT64_MAX;
}

static void counters_add_up(void **state)
{
	struct ruleset rs = { 0 }, got = { 0 };
	struct ipt_layout l[2];

	(void)state;
	for (int hook = 0; hook < 2; hook++) {
		struct rule *r = add_service(&rs, "web", hook ? HOOK_OUTPUT : HOOK_PREROUTING);

		for (unsigned i = 0; i < 100; i++)
			ports_add(&r->match.dport, (uint16_t)(3 * i), (uint16_t)(3 * i));
	}
	add_service(&rs, "six", HOOK_PREROUTING)->match.families = FAMILIES_V6;
	add_counter(&rs, "web", HOOK_PREROUTING, 7);
	add_counter(&rs, "web", HOOK_OUTPUT, 11);
	add_counter(&rs, "six", HOOK_PREROUTING, 13);
	add_counter(&rs, "gone", HOOK_PREROUTING, 17);
	ruleset_normalise(&rs);
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
		make(&l[f], &rs, f);
		l[f].chains[l[f].n - 1].v[0].count.packets += 100; /* what has come since */
		l[f].chains[l[f].n - 1].v[0].count.bytes += 1000;
		ipt_layout_read(&l[f], &got);
		ipt_layout_free(&l[f]);
	}
	assert_int_equal(got.n_counters, 3);
	assert_int_equal(counted(&got, "web", HOOK_PREROUTING), 7);
	assert_int_equal(counted(&got, "web", HOOK_OUTPUT), 211);
	assert_int_equal(counted(&got, "six", HOOK_PREROUTING), 13);
	ruleset_free(&rs);
	ruleset_free(&got);
}

/* ---- what is not ours --------------------------------------------------------------------------
 */

#define OF " of the iptables-legacy table ip raw, "
#define NOT_OURS OF "which is not ours or not in its place: "

static void make_web(struct ipt_layout *l)
{
	struct ruleset rs = { 0 };
	struct rule *r = add_service(&rs, "web", HOOK_PREROUTING);

	ports_add(&r->match.dport, 80, 80);
	ifaces_add(&r->match.not_in, "eth9");
	ports_add(&add_service(&rs, "api", HOOK_PREROUTING)->match.dport, 90, 90);
	ports_add(&add_service(&rs, "api", HOOK_OUTPUT)->match.sport, 90, 90);
	ruleset_normalise(&rs);
	make(l, &rs, FAMILY_V4);
	ruleset_free(&rs);
}

static void insert_rule(struct ipt_rules *c, size_t place, enum ipt_does does, const char *name,
			const char *in)
{
	struct ipt_rule r = { .does = does, .name = name ? xstrdup(name) : NULL };

	r.match.families = FAMILIES_V4;
	ifaces_add(&r.match.in, in);
	ARRAY_ADD(c->v, c->n);
	memmove(&c->v[place + 1], &c->v[place], (c->n - 1 - place) * sizeof(*c->v));
	c->v[place] = r;
}

static void tells(struct ipt_layout *l, size_t n, const char *what)
{
	struct ruleset got = { 0 };
	bool found = false;

	ipt_layout_read(l, &got);
	for (size_t i = 0; i < got.n_foreign; i++)
		found = found || !strcmp(got.foreign[i], what);
	if (got.n_foreign != n || !found) {
		for (size_t i = 0; i < got.n_foreign; i++)
			fprintf(stderr, "%s\n", got.foreign[i]);
		fail_msg("%zu, not %zu, or not: %s", got.n_foreign, n, what);
	}
	ruleset_free(&got);
	ipt_layout_free(l);
}

static void swap_rules(struct ipt_rules *c)
{
	struct ipt_rule r = c->v[0];

	c->v[0] = c->v[1];
	c->v[1] = r;
}

static void what_is_foreign_is_told(void **state)
{
	struct ipt_layout l;

	(void)state;
	make_web(&l);
	insert_rule(&l.chains[0], 1, IPT_RETURN, NULL, "eth7");
	tells(&l, 1, "rule 2 of chain UNTRACK-PRE" NOT_OURS "-i eth7 -j RETURN");
	make_web(&l);
	insert_rule(&l.chains[0], 2, IPT_JUMP, "UNTRACK-PRE-tcp", "eth7");
	tells(&l, 1, "rule 3 of chain UNTRACK-PRE" NOT_OURS "-i eth7 -j UNTRACK-PRE-tcp");
	make_web(&l);
	insert_rule(&l.chains[2], 2, IPT_RETURN, NULL, "eth7");
	tells(&l, 1, "rule 3 of chain UNTRACK-PRE-tcp" NOT_OURS "-i eth7 -j RETURN");
	make_web(&l);
	swap_rules(&l.chains[0]);
	tells(&l, 2,
	      "chain UNTRACK-PRE" OF
	      "which lacks a rule: -p tcp -m multiport --dports 90 -m comment "
	      "--comment api -j CT --notrack");
	make_web(&l);
	snprintf(ARRAY_ADD(l.chains, l.n)->name, sizeof(l.chains->name), "UNTRACK-PRE-tcp-2");
	tells(&l, 1, "chain UNTRACK-PRE-tcp-2" OF "which nothing needs");
	make_web(&l);
	ipt_rule_free(&l.chains[2].v[--l.chains[2].n]);
	ipt_rule_free(&l.chains[2].v[--l.chains[2].n]);
	tells(&l, 2, "chain UNTRACK-PRE-tcp" OF "which nothing needs");
	make_web(&l);
	l.chains[2].name[0] = 'X';
	tells(&l, 2, "chain XNTRACK-PRE-tcp" OF "which nothing needs");
}

/* Chains that lead into themselves, or to nowhere, end. */
static void hostile_jumps_end(void **state)
{
	struct ruleset got = { 0 };
	struct ipt_layout l;

	(void)state;
	make_web(&l);
	insert_rule(&l.chains[2], 0, IPT_JUMP, "UNTRACK-PRE", "eth0");
	insert_rule(&l.chains[2], 0, IPT_JUMP, "UNTRACK-PRE-tcp", "eth0");
	insert_rule(&l.chains[1], 0, IPT_JUMP, "UNTRACK-PRE-tcp", "eth0");
	insert_rule(&l.chains[1], 0, IPT_JUMP, "UNTRACK-NOWHERE", "eth0");
	ipt_layout_read(&l, &got);
	assert_true(got.n_foreign >= 4);
	ipt_layout_free(&l);
	ruleset_free(&got);
}

static void empty_chains_are_a_husk(void **state)
{
	struct ruleset none = { 0 }, got = { 0 };
	struct ipt_layout l;

	(void)state;
	make(&l, &none, FAMILY_V4);
	assert_int_equal(l.n, 0);
	ipt_layout_read(&l, &got);
	assert_false(got.husk);
	snprintf(ARRAY_ADD(l.chains, l.n)->name, sizeof(l.chains->name), "%s", IPT_OWN_PRE);
	ipt_layout_read(&l, &got);
	assert_true(got.husk);
	assert_int_equal(got.n_foreign, 0);
	ipt_layout_free(&l);
	ruleset_free(&got);
}

/* ---- what cannot be laid out -------------------------------------------------------------------
 */

static void refuses(struct ruleset *rs, const char *text)
{
	struct diag d = { 0 };
	struct ipt_layout l;

	ruleset_normalise(rs);
	assert_int_equal(ipt_layout_make(&l, rs, FAMILY_V4, &d), -1);
	assert_int_equal(l.n, 0);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.v[0].text, text);
	assert_int_equal(d.v[0].line, 12);
	diag_free(&d);
	ruleset_free(rs);
}

static void some_rules_are_refused(void **state)
{
	struct ruleset rs = { 0 };
	struct rule *r = add_service(&rs, "many", HOOK_PREROUTING);

	(void)state;
	r->at = (struct origin){ "web.conf", 12, 1 };
	r->match.families = FAMILIES_V4;
	r->match.proto = 0;
	for (unsigned i = 0; i < 400; i++) {
		struct prefix p = { FAMILY_V4, 32, { 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };

		addrs_add(&r->match.src, &p);
		if (i < 300)
			addrs_add(&r->match.dst, &p);
	}
	refuses(&rs, "with many there are more than 100000 rules of iptables, and each packet "
		     "would pay");
	r = add_service(&rs, "lo", HOOK_PREROUTING);
	r->at = (struct origin){ "web.conf", 12, 1 };
	r->match.proto = 0;
	r->verdict = VERDICT_RETURN;
	ifaces_add(&r->match.not_in, "lo");
	refuses(&rs, "iptables cannot say iptables-legacy prerouting return lo not-in lo: "
		     "what is always tracked excludes something");
	r = add_service(&rs, "odd", HOOK_PREROUTING);
	r->at = (struct origin){ "web.conf", 12, 1 };
	ports_add(&r->match.dport, 80, 80);
	ifaces_add(&r->match.not_in, "eth+");
	refuses(&rs, "iptables cannot say iptables-legacy prerouting notrack odd protocol tcp "
		     "dport 80 not-in eth+: an interface whose name ends in +");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_come_back),
		cmocka_unit_test(packets_fare_alike),
		cmocka_unit_test(golden_files),
		cmocka_unit_test(many_ports_come_back),
		cmocka_unit_test(few_are_looked_at),
		cmocka_unit_test(counters_add_up),
		cmocka_unit_test(what_is_foreign_is_told),
		cmocka_unit_test(hostile_jumps_end),
		cmocka_unit_test(empty_chains_are_a_husk),
		cmocka_unit_test(some_rules_are_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
