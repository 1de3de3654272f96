/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of ours in the table raw of iptables-legacy: there and back, and nothing else is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "kernel/ipt_header.h"
#include "random_ipt.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#define ROUNDS 20000

/* The words of match.h. */
static struct match match_of(const char *words)
{
	auto_free char *copy = xstrdup(words);
	char *v[32] = { NULL }, *save = NULL;
	const char *why = NULL;
	size_t n = 0;
	struct match m;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		v[n++] = w;
	if (match_parse(v, &m, &why) != (int)n)
		fail_msg("%s: %s", words, why ? why : "");
	return m;
}

static struct ipt_rule rule_of(enum ipt_does does, const char *name, const char *words)
{
	return (struct ipt_rule){ .does = does,
				  .name = name ? xstrdup(name) : NULL,
				  .match = match_of(words) };
}

static void comes_back(const struct ipt_rule *r)
{
	enum family f = r->match.families == FAMILIES_V4 ? FAMILY_V4 : FAMILY_V6;
	struct ipt_written w;
	struct ipt_rule got;
	const char *why = NULL;
	struct text t = { 0 };

	ipt_rule_text(r, &t);
	if (!ipt_rule_write(r, &w, &why))
		fail_msg("%s: %s", t.s, why);
	assert_int_equal(ipt_entry_size(f, w.entry), w.len);
	if (!ipt_read_back(f, &w, &got))
		fail_msg("does not come back: %s", t.s);
	if (ipt_rule_compare(&got, r)) {
		ipt_rule_text(&got, &t);
		fail_msg("comes back as another: %s", t.s);
	}
	assert_true(got.count.packets == r->count.packets);
	assert_true(got.count.bytes == r->count.bytes);
	ipt_rule_free(&got);
	free(w.entry);
	free(t.s);
}

static void what_is_written_comes_back(void **state)
{
	uint64_t seed = 4711;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct ipt_rule r;

		ipt_random_rule(&seed, i % 2 ? FAMILY_V4 : FAMILY_V6, &r);
		comes_back(&r);
		ipt_rule_free(&r);
	}
}

static const char *const plain[] = {
	"family ipv4 in lo",
	"family ipv6 out lo",
	"family ipv4 in eth*",
	"family ipv6 protocol tcp dport 80,443 in bond* to local",
	"family ipv4 protocol udp sport 1-65535 dport 32768-60999",
	"family ipv4 protocol tcp sport 80 src 192.0.2.0/24 dst 198.51.100.1 continuing",
	"family ipv6 protocol tcp sport 80 src 2001:db8::/33 opening",
	"family ipv4 protocol tcp dport 80 dst 0.0.0.0/0",
	"family ipv6 protocol gre src ::/0 dst ::/0",
	"family ipv4 error protocol tcp sport 80,443 src 192.0.2.10 to local",
	"family ipv6 error protocol udp dport 53 dst 2001:db8::/64",
	"family ipv4 protocol icmp request",
	"family ipv6 protocol icmpv6 reply",
};

static void every_kind_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		for (int does = IPT_NOTRACK; does <= IPT_JUMP; does++) {
			struct ipt_rule r =
				rule_of((enum ipt_does)does,
					does == IPT_JUMP ? "UNTRACK-PRE" : "web", plain[i]);

			comes_back(&r);
			ipt_rule_free(&r);
		}
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		struct ipt_rule r = rule_of(IPT_RETURN, NULL, plain[i]);

		comes_back(&r);
		ipt_rule_free(&r);
	}
}

/* FACTS B3: without its flag the rule of IPv6 is dead, and nothing shows it. */
static void ipv6_knows_its_protocol(void **state)
{
	struct ipt_rule r = rule_of(IPT_NOTRACK, "web", "family ipv6 protocol tcp dport 80");
	struct ip6t_entry e;
	struct ipt_written w;
	const char *why;

	(void)state;
	assert_true(ipt_rule_write(&r, &w, &why));
	memcpy(&e, w.entry, sizeof(e));
	assert_int_equal(e.ipv6.flags, IP6T_F_PROTO);
	assert_int_equal(e.ipv6.proto, 6);
	free(w.entry);
	ipt_rule_free(&r);
	r = rule_of(IPT_NOTRACK, "web", "family ipv6 in eth0");
	assert_true(ipt_rule_write(&r, &w, &why));
	memcpy(&e, w.entry, sizeof(e));
	assert_int_equal(e.ipv6.flags, 0);
	assert_int_equal(e.ipv6.proto, 0);
	free(w.entry);
	ipt_rule_free(&r);
}

/* Any bit changed: another rule, or none; never the same, but for what is not compared. */
static void other_bytes_are_another_rule(void **state)
{
	uint64_t seed = 815;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		enum family f = i % 2 ? FAMILY_V4 : FAMILY_V6;
		struct ipt_rule r, got;
		struct ipt_written w;
		struct blob b = { 0 };
		const char *why;
		size_t header, byte;

		ipt_random_rule(&seed, f, &r);
		if (r.does == IPT_JUMP) /* its name does not lie in the entry */
			r.does = IPT_RETURN;
		assert_true(ipt_rule_write(&r, &w, &why));
		ipt_header_canon(&b, f, w.entry);
		header = b.n;
		free(b.v);
		byte = random_below(&seed, 4) ? random_below(&seed, (unsigned)w.len)
					      : random_below(&seed, (unsigned)header);
		((uint8_t *)w.entry)[byte] ^= (uint8_t)(1u << random_below(&seed, 8));
		if (ipt_read_back(f, &w, &got)) {
			bool same = !ipt_rule_compare(&got, &r);
			bool in_header = byte < ipt_header_size(f);
			struct ipt_written again;

			/* nfcache, comefrom and counters; the rest of a name; the kernel's pointer
			 * and padding behind a target */
			if (same && in_header)
				assert_true(byte >= header);
			assert_true(ipt_rule_write(&got, &again, &why));
			assert_true(again.len == w.len);
			free(again.entry);
			ipt_rule_free(&got);
		}
		free(w.entry);
		ipt_rule_free(&r);
	}
}

static void nothing_is_read_too_far(void **state)
{
	uint64_t seed = 1848;

	(void)state;
	for (int i = 0; i < 200; i++) {
		enum family f = i % 2 ? FAMILY_V4 : FAMILY_V6;
		struct ipt_rule r, got;
		struct ipt_written w;
		const char *why;

		ipt_random_rule(&seed, f, &r);
		assert_true(ipt_rule_write(&r, &w, &why));
		for (size_t len = 0; len < w.len; len++) {
			auto_free uint8_t *copy = xmemdup(w.entry, len);
			struct ipt_entry_parts p;

			assert_false(ipt_entry_read(f, copy, len, "RETURN", &p));
		}
		for (size_t at = 0; at + 2 <= w.len; at += 2) { /* hostile lengths and counts */
			auto_free uint8_t *copy = xmemdup(w.entry, w.len);
			struct ipt_written other = w;

			memset(copy + at, i % 3 ? 0xff : 0x20, 2);
			other.entry = copy;
			other.target = (const char *)copy + (w.target - (const char *)w.entry);
			if (!memchr(other.target, 0, 29))
				continue;
			if (ipt_read_back(f, &other, &got))
				ipt_rule_free(&got);
		}
		free(w.entry);
		ipt_rule_free(&r);
	}
}

static void refused(enum ipt_does does, const char *name, const char *words, const char *reason)
{
	struct ipt_rule r = rule_of(does, name, words);
	struct ipt_written w;
	const char *why = "";

	assert_false(ipt_rule_write(&r, &w, &why));
	assert_string_equal(why, reason);
	assert_string_equal(ipt_rule_fault(&r), reason);
	ipt_rule_free(&r);
}

static void what_no_entry_holds(void **state)
{
	char name[257];

	(void)state;
	refused(IPT_NOTRACK, "a", "protocol tcp", "not one family");
	refused(IPT_NOTRACK, "a", "family ipv4 not-in eth0", "something excluded");
	refused(IPT_NOTRACK, "a", "family ipv4 not-src 10.0.0.0/8", "something excluded");
	refused(IPT_NOTRACK, "a", "family ipv4 in eth0,eth1", "more than one interface");
	refused(IPT_NOTRACK, "a", "family ipv4 out *", "an interface without a name");
	refused(IPT_NOTRACK, "a", "family ipv4 out a+", "an interface whose name ends in +");
	refused(IPT_NOTRACK, "a", "family ipv4 src 10.0.0.0/8,11.0.0.0/8", "more than one address");
	refused(IPT_NOTRACK, "a", "family ipv4 protocol gre dport 80",
		"ports of a protocol that has none");
	refused(IPT_NOTRACK, "a", "family ipv4 dport 80", "ports of a protocol that has none");
	refused(IPT_NOTRACK, "a", "family ipv4 error dport 80",
		"ports of a protocol that has none");
	refused(IPT_NOTRACK, "a",
		"family ipv4 protocol tcp dport 1-2,4-5,7-8,10-11,13-14,16-17,19-20,22-23",
		"more ports than one match holds");
	refused(IPT_NOTRACK, "a", "family ipv4 answers", "answers, which only twins have");
	refused(IPT_NOTRACK, NULL, "family ipv4", "no name");
	refused(IPT_JUMP, NULL, "family ipv4", "no chain has such a name");
	refused(IPT_JUMP, "UNTRACK-PRE-that-is-too-long--", "family ipv4",
		"no chain has such a name");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	refused(IPT_RETURN, name, "family ipv4", "a name that no comment holds");
}

/* What is not ours in our chains: other targets, other flags, matches of others, another order. */
static void others_are_not_ours(void **state)
{
	struct ipt_rule r = rule_of(IPT_NOTRACK, "web", "family ipv4 protocol tcp dport 80"), got;
	struct ipt_written w;
	struct ipt_entry_parts p;
	const char *why;
	uint16_t flags; /* the first member of xt_ct_target_info_v1 */
	uint8_t *ct;

	(void)state;
	assert_true(ipt_rule_write(&r, &w, &why));
	assert_true(ipt_entry_read(FAMILY_V4, w.entry, w.len, "CT", &p));
	assert_int_equal(p.n_matches, 2);
	ct = (uint8_t *)w.entry + ((const uint8_t *)p.target.data - (const uint8_t *)w.entry);
	flags = 3; /* -j NOTRACK */
	memcpy(ct, &flags, sizeof(flags));
	assert_false(ipt_rule_read(&p, w.entry, &got));
	flags = 1;
	memcpy(ct, &flags, sizeof(flags));
	assert_true(ipt_rule_read(&p, w.entry, &got));
	ipt_rule_free(&got);
	p.target.revision = 1;
	assert_false(ipt_rule_read(&p, w.entry, &got));
	p.target.revision = 2;
	p.target.name = "NOTRACK";
	assert_false(ipt_rule_read(&p, w.entry, &got));
	p.standard = true;
	p.verdict = "ACCEPT";
	assert_false(ipt_rule_read(&p, w.entry, &got));
	p.verdict = "UNTRACK-PRE"; /* jumps have no comment */
	assert_false(ipt_rule_read(&p, w.entry, &got));
	p.n_matches = 1;
	assert_true(ipt_rule_read(&p, w.entry, &got));
	ipt_rule_free(&got);
	p.verdict = "web";
	assert_false(ipt_rule_read(&p, w.entry, &got));
	free(p.matches);
	free(w.entry);
	ipt_rule_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_comes_back),
		cmocka_unit_test(every_kind_comes_back),
		cmocka_unit_test(ipv6_knows_its_protocol),
		cmocka_unit_test(other_bytes_are_another_rule),
		cmocka_unit_test(nothing_is_read_too_far),
		cmocka_unit_test(what_no_entry_holds),
		cmocka_unit_test(others_are_not_ours),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
