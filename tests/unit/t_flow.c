/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow: one packet as a line and back, its reply, and what the raw rules do to it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include "rules/flow.h"

static const struct origin nowhere = { 0 };

static struct flow flow_of(const char *text)
{
	struct diag d = { 0 };
	struct flow f = { 0 };

	if (flow_parse(&f, text, &nowhere, &d))
		fail_msg("%s: %s", text, d.v[0].text);
	diag_free(&d);
	return f;
}

static char *text_of(const struct flow *f)
{
	struct text t = { 0 };

	flow_text(f, &t);
	return t.s;
}

/* ---- text --------------------------------------------------------------------------------------
 */

static void test_canonical(void **state)
{
	static const char *const same[] = {
		"tcp 198.51.100.7:51000 -> 192.0.2.10:443 in eth0",
		"tcp 192.0.2.10:443 -> 198.51.100.7:51000 continuing out eth0",
		"tcp 198.51.100.7:0 -> 192.0.2.10:65535 stray in eth0 out eth1",
		"tcp [2001:db8::7]:51000 -> [::1]:443 in lo",
		"udp 198.51.100.7:51000 -> 192.0.2.10:53 continuing in eth0",
		"gre 198.51.100.7 -> 192.0.2.10 in eth0",
		"gre 2001:db8::7 -> 2001:db8::1 continuing in eth0",
		"200 198.51.100.7 -> 192.0.2.10 in eth0",
		"udp 198.51.100.7 -> 192.0.2.10 fragment in eth0",
		"icmp 198.51.100.7 -> 192.0.2.10 echo-request in eth0",
		"icmp 198.51.100.7 -> 192.0.2.10 fragment in eth0",
		"icmp 198.51.100.7 -> 192.0.2.10 type 13 in eth0",
		"icmpv6 2001:db8::7 -> 2001:db8::1 echo-reply in eth0",
		"icmpv6 fe80::7 -> ff02::1:ff00:1 type 135 in eth0",
		"icmp error about tcp 192.0.2.10:443 -> 198.51.100.7:51000 in eth0",
		"icmp error about tcp 192.0.2.10:443 -> 198.51.100.7:51000 with options out eth0",
		("icmpv6 error about icmpv6 2001:db8::1 -> 2001:db8::7 echo-request in eth0 out "
		 "eth1"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		struct flow f = flow_of(same[i]);
		auto_free char *text = text_of(&f);

		assert_string_equal(text, same[i]);
	}
}

static void test_spellings(void **state)
{
	static const char *const cases[][2] = {
		{ " 6\t1.2.3.4:1 ->  5.6.7.8:2 out  lo ", "tcp 1.2.3.4:1 -> 5.6.7.8:2 in lo" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 in lo out lo", "tcp 1.2.3.4:1 -> 5.6.7.8:2 in lo" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 opening out b in a",
		  "tcp 1.2.3.4:1 -> 5.6.7.8:2 in a out b" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 in in out out",
		  "tcp 1.2.3.4:1 -> 5.6.7.8:2 in in out out" },
		{ "icmp 1.2.3.4 -> 5.6.7.8 in a type 8",
		  "icmp 1.2.3.4 -> 5.6.7.8 echo-request in a" },
		{ "icmp 1.2.3.4 -> 5.6.7.8 in a", "icmp 1.2.3.4 -> 5.6.7.8 echo-request in a" },
		{ "icmp error about udp [2001:DB8:0::1]:1 -> [::2]:2 in a",
		  "icmpv6 error about udp [2001:db8::1]:1 -> [::2]:2 in a" },
		{ "icmp error about icmp 1.2.3.4 -> 5.6.7.8 type 0 in a",
		  "icmp error about icmp 1.2.3.4 -> 5.6.7.8 echo-reply in a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flow f = flow_of(cases[i][0]);
		auto_free char *text = text_of(&f);

		assert_string_equal(text, cases[i][1]);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		unsigned col;
		const char *why;
	} cases[] = {
		{ "", 1, "no protocol: the flow ends here" },
		{ "  ", 3, "no protocol: the flow ends here" },
		{ "tpc 1.2.3.4:1 -> 5.6.7.8:2 in a", 1, "no protocol 'tpc'" },
		{ "256 1.2.3.4 -> 5.6.7.8 in a", 1, "no protocol '256'" },
		{ "0 1.2.3.4 -> 5.6.7.8 in a", 1, "no protocol '0'" },
		{ "tcp", 4, "no address: the flow ends here" },
		{ "tcp 1.2.3:1 -> 5.6.7.8:2 in a", 5, "no address '1.2.3:1'" },
		{ "tcp 1.2.3.4:65536 -> 5.6.7.8:2 in a", 5, "no address '1.2.3.4:65536'" },
		{ "tcp [1.2.3.4]:1 -> 5.6.7.8:2 in a", 5, "no address '[1.2.3.4]:1'" },
		{ "tcp [::1 -> [::2]:2 in a", 5, "no address '[::1'" },
		{ "tcp [::1] -> [::2]:2 in a", 5, "no address '[::1]'" },
		{ "tcp [::1]:1 -> []:2 in a", 16, "no address '[]:2'" },
		{ "tcp ::1 -> [::2]:2 in a", 5, "no port '::1'" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8 in a", 18, "no port '5.6.7.8'" },
		{ "tcp 1.2.3.4:1 5.6.7.8:2 in a", 15, "'->' is missing before '5.6.7.8:2'" },
		{ "tcp 1.2.3.4:1 -> [::1]:2 in a", 18, "not of the source's family '[::1]:2'" },
		{ "gre 1.2.3.4:1 -> 5.6.7.8 in a", 5, "the protocol has no ports '1.2.3.4:1'" },
		{ "icmp ::1 -> ::2 in a", 6, "not the family of this protocol '::1'" },
		{ "icmpv6 1.2.3.4 -> 5.6.7.8 in a", 8,
		  "not the family of this protocol '1.2.3.4'" },
		{ "tcp 1.2.3.4 -> 5.6.7.8:2 fragment in a", 16,
		  "a fragment after the first has no port '5.6.7.8:2'" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2", 27, "no interface: the flow ends here" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 in", 30,
		  "no name of an interface: the flow ends here" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 in eth*", 31, "no name of an interface 'eth*'" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 in a23456789012345x", 31,
		  "no name of an interface 'a23456789012345x'" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 in a in b", 33, "twice 'in'" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 in a out lo", 39,
		  "nothing is forwarded through lo: the flow ends here" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 forwarded in a", 28, "not understood: 'forwarded'" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 with options in a", 28, "not understood: 'with'" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 stray continuing in a", 34, "not here 'continuing'" },
		{ "udp 1.2.3.4:1 -> 5.6.7.8:2 stray in a", 28, "not here 'stray'" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 type 8 in a", 28, "not here 'type'" },
		{ "icmp 1.2.3.4 -> 5.6.7.8 type 8 type 8 in a", 32, "not here 'type'" },
		{ "icmp 1.2.3.4 -> 5.6.7.8 type 256 in a", 30, "no ICMP type '256'" },
		{ "icmp 1.2.3.4 -> 5.6.7.8 type 3 in a", 25, "the type of an ICMP error 'type'" },
		{ "icmp 1.2.3.4 -> 5.6.7.8 fragment echo-reply in a", 34, "not here 'echo-reply'" },
		{ "icmp 1.2.3.4 -> 5.6.7.8 continuing in a", 25, "not here 'continuing'" },
		{ "icmp error tcp 1.2.3.4:1 -> 5.6.7.8:2 in a", 12,
		  "'about' is missing before 'tcp'" },
		{ "icmp error about tcp 1.2.3.4:1 -> 5.6.7.8:2 stray in a", 45,
		  "not here 'stray'" },
		{ "icmp error about tcp 1.2.3.4 -> 5.6.7.8 fragment in a", 22,
		  "no port '1.2.3.4'" },
		{ "a a a a a a a a a a a a a a a a a a a a a a a a b", 49,
		  "too many words, from 'b'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct origin at = { "file", 7, 11 };
		struct flow f = { .proto = 99 }, before = f;
		struct diag d = { 0 };

		if (!flow_parse(&f, cases[i].text, &at, &d))
			fail_msg("taken: %s", cases[i].text);
		assert_memory_equal(&f, &before, sizeof(f));
		assert_int_equal(d.n, 1);
		assert_string_equal(d.v[0].text, cases[i].why);
		assert_string_equal(d.v[0].id, "flow");
		assert_string_equal(d.v[0].file, "file");
		assert_int_equal(d.v[0].line, 7);
		if (d.v[0].col != 10 + cases[i].col)
			fail_msg("%s: column %u", cases[i].text, d.v[0].col - 10);
		assert_non_null(d.v[0].cure);
		diag_free(&d);
	}
}

static void test_reply(void **state)
{
	static const char *const cases[][2] = {
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 in a",
		  "tcp 5.6.7.8:2 -> 1.2.3.4:1 continuing out a" },
		{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 stray out a",
		  "tcp 5.6.7.8:2 -> 1.2.3.4:1 continuing in a" },
		{ "udp 1.2.3.4:1 -> 5.6.7.8:2 in a out b",
		  "udp 5.6.7.8:2 -> 1.2.3.4:1 continuing in b out a" },
		{ "esp ::1 -> ::2 in lo", "esp ::2 -> ::1 continuing in lo" },
		{ "icmp 1.2.3.4 -> 5.6.7.8 type 13 in a", "icmp 5.6.7.8 -> 1.2.3.4 type 14 out a" },
		{ "icmpv6 ::1 -> ::2 in a", "icmpv6 ::2 -> ::1 echo-reply out a" },
		{ "icmp 1.2.3.4 -> 5.6.7.8 echo-reply in a", NULL },
		{ "icmp error about tcp 1.2.3.4:1 -> 5.6.7.8:2 in a", NULL },
		{ "tcp 1.2.3.4 -> 5.6.7.8 fragment in a", NULL },
		{ "udp 1.2.3.4:1 -> 224.0.0.1:2 in a", NULL },
		{ "udp 1.2.3.4:1 -> 255.255.255.255:2 in a", NULL },
		{ "udp [::1]:1 -> [ff02::1]:2 in a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flow f = flow_of(cases[i][0]), reply = { 0 };
		auto_free char *text = NULL;

		assert_int_equal(flow_reply(&f, &reply), cases[i][1] != NULL);
		if (!cases[i][1])
			continue;
		text = text_of(&reply);
		assert_string_equal(text, cases[i][1]);
	}
}

/* ---- rules -------------------------------------------------------------------------------------
 */

static const char rules[] =
	"untrack-rules 1\n"
	"prerouting return loopback in lo\n"
	"output return loopback out lo\n"
	"prerouting notrack bond in bond*\n"
	"output notrack bond out bond*\n"
	"prerouting notrack web protocol tcp dport 80,443 not-in eth9 to local\n"
	"prerouting notrack web error protocol tcp sport 80,443 not-in eth9 to local\n"
	"output notrack web protocol tcp sport 80,443\n"
	"output notrack web error protocol tcp dport 80,443\n"
	"prerouting notrack dns family ipv4 protocol udp sport 53 dport 32768-60999 "
	"src 192.0.2.0/24 not-src 192.0.2.99 to local\n"
	"prerouting notrack dns family ipv4 error protocol udp dport 53 dst 192.0.2.0/24 to local\n"
	"prerouting notrack gre protocol gre in eth* to other\n"
	"prerouting notrack gre error protocol gre in eth* to other\n"
	"prerouting notrack http protocol tcp sport 8080 to local continuing\n"
	"output notrack http protocol tcp dport 8080\n"
	"prerouting notrack ping family ipv4 protocol icmp request to local\n"
	"output notrack ping family ipv4 protocol icmp reply\n"
	"prerouting notrack datagrams protocol sctp dport 0-65535 to local\n"
	"prerouting notrack replies protocol tcp in eth5 continuing\n"
	"prerouting notrack every6 family ipv6 error in eth6\n"
	"end\n";

static struct ruleset rules_of(const char *text, enum form form)
{
	struct ruleset rs = { 0 };
	struct diag d = { 0 };

	if (ruleset_parse(&rs, text, "rules", &d))
		fail_msg("%u: %s", d.v[0].line, d.v[0].text);
	for (size_t i = 0; i < rs.n_rules; i++)
		rs.rules[i].form = form;
	diag_free(&d);
	return rs;
}

struct answer { /* the same in both homes */
	const char *flow, *rule;
};

static const struct answer answers[] = {
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:80 in eth0", "web" },
	{ "tcp [::1]:1 -> [::2]:443 continuing in eth0", "web" },
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:81 in eth0", "" },
	{ "tcp 1.2.3.4:80 -> 5.6.7.8:1 in eth0", "" },
	{ "udp 1.2.3.4:1 -> 5.6.7.8:80 in eth0", "" },
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:80 in eth9", "" },
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:80 in eth0 out eth1", "" },
	{ "tcp 1.2.3.4:1 -> 224.1.1.1:80 in eth0", "" },
	{ "tcp [::1]:1 -> [ff02::1]:80 in eth0", "" },
	{ "tcp 1.2.3.4 -> 5.6.7.8 fragment in eth0", "" },
	{ "tcp 1.2.3.4:80 -> 5.6.7.8:1 continuing out eth0", "web" },
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:80 out eth0", "" },
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:80 in lo", "loopback" },
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:9 in bond7", "bond" },
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:9 in bond7 out eth0", "bond" },
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:9 in eth0 out bond7", "" },
	{ "tcp 1.2.3.4 -> 5.6.7.8 fragment out bond", "bond" },
	{ "udp 192.0.2.1:53 -> 5.6.7.8:40000 in eth0", "dns" },
	{ "udp 192.0.2.1:53 -> 5.6.7.8:4000 in eth0", "" },
	{ "udp 192.0.2.99:53 -> 5.6.7.8:40000 in eth0", "" },
	{ "udp 192.0.3.1:53 -> 5.6.7.8:40000 in eth0", "" },
	{ "icmp error about udp 5.6.7.8:4 -> 192.0.2.1:53 in eth0", "dns" },
	{ "icmp error about udp 5.6.7.8:4 -> 192.0.3.1:53 in eth0", "" },
	{ "icmp error about tcp 5.6.7.8:80 -> 1.2.3.4:1 in eth0", "web" },
	{ "icmpv6 error about tcp [::2]:80 -> [::1]:1 in eth0", "web" },
	{ "icmp error about tcp 5.6.7.8:1 -> 1.2.3.4:80 in eth0", "" },
	{ "icmp error about tcp 5.6.7.8:1 -> 1.2.3.4:80 out eth0", "web" },
	{ "icmp error about tcp 5.6.7.8:80 -> 1.2.3.4:1 with options in eth0", "" },
	{ "icmpv6 error about tcp [::2]:80 -> [::1]:1 with options in eth0", "" },
	{ "icmp error about gre 5.6.7.8 -> 1.2.3.4 with options in eth0 out b", "gre" },
	{ "icmpv6 error about gre ::2 -> ::1 with options in eth0 out b", "" },
	{ "icmpv6 error about gre ::2 -> ::1 with options in eth6", "every6" },
	{ "icmp error about gre 5.6.7.8 -> 1.2.3.4 in eth6", "" },
	{ "gre ::2 -> ::1 fragment in eth6 out b", "gre" },
	{ "gre ::2 -> ::1 in eth6", "" },
	{ "tcp 1.2.3.4:8080 -> 5.6.7.8:1 in eth0", "" },
	{ "tcp 1.2.3.4:8080 -> 5.6.7.8:1 continuing in eth0", "http" },
	{ "tcp 1.2.3.4:8080 -> 5.6.7.8:1 stray in eth0", "http" },
	{ "tcp 1.2.3.4 -> 5.6.7.8 fragment continuing in eth0", "" },
	{ "tcp 1.2.3.4 -> 5.6.7.8 fragment continuing in eth5", "" },
	{ "tcp 1.2.3.4:1 -> 5.6.7.8:2 continuing in eth5", "replies" },
	{ "sctp 1.2.3.4:1 -> 5.6.7.8:2 in eth0", "datagrams" },
	{ "sctp 1.2.3.4 -> 5.6.7.8 fragment in eth0", "" },
	{ "icmp 1.2.3.4 -> 5.6.7.8 in eth0", "ping" },
	{ "icmp 1.2.3.4 -> 5.6.7.8 type 17 in eth0", "ping" },
	{ "icmp 1.2.3.4 -> 5.6.7.8 echo-reply in eth0", "" },
	{ "icmp 1.2.3.4 -> 5.6.7.8 fragment in eth0", "" },
	{ "icmp 1.2.3.4 -> 5.6.7.8 echo-reply out eth0", "ping" },
	{ "icmp error about icmp 5.6.7.8 -> 1.2.3.4 in eth0", "" },
};

static void test_rules(void **state)
{
	(void)state;
	for (int form = FORM_NFT; form <= FORM_LEGACY; form += FORM_LEGACY) {
		struct ruleset rs = rules_of(rules, (enum form)form);

		for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
			const struct answer *a = &answers[i];
			struct flow f = flow_of(a->flow);
			const struct rule *r = flow_rule(&f, &rs, flow_raw_hook(&f), NULL);

			if (strcmp(r ? r->name : "", a->rule))
				fail_msg("%s: %s, want %s", a->flow, r ? r->name : "nothing",
					 a->rule);
		}
		ruleset_free(&rs);
	}
}

static void test_return_wins(void **state)
{
	struct ruleset rs = rules_of(rules, FORM_NFT);
	struct flow f = flow_of("tcp 1.2.3.4:1 -> 5.6.7.8:80 in lo");
	const struct rule *r;
	struct rule last;

	(void)state;
	last = rs.rules[0]; /* as if it were not in its place */
	memmove(rs.rules, rs.rules + 1, (rs.n_rules - 1) * sizeof(*rs.rules));
	rs.rules[rs.n_rules - 1] = last;
	r = flow_rule(&f, &rs, HOOK_PREROUTING, NULL);
	assert_int_equal(r->verdict, VERDICT_RETURN);
	ruleset_free(&rs);
}

/* With the addresses at hand they tell, whatever way the flow names. */
static void test_local(void **state)
{
	static const struct {
		const char *flow;
		bool unknown, known;
	} cases[] = {
		{ "tcp 1.2.3.4:1 -> 192.0.2.10:80 in a", true, true },
		{ "tcp 1.2.3.4:1 -> 192.0.2.11:80 in a", true, false },
		{ "tcp 1.2.3.4:1 -> 192.0.2.10:80 in a out b", false, true },
		{ "tcp 1.2.3.4:1 -> 192.0.2.10:80 out b", false, true },
		{ "tcp 1.2.3.4:1 -> 127.1.2.3:80 in lo", true, true },
		{ "tcp [::1]:1 -> [::1]:80 in lo", true, true },
		{ "udp 1.2.3.4:1 -> 255.255.255.255:80 in a", false, false },
		{ "udp 1.2.3.4:1 -> 239.0.0.1:80 in a", false, false },
		{ "icmp error about udp 192.0.2.10:1 -> 9.9.9.9:2 in a", true, true },
		{ "icmp error about udp 9.9.9.9:1 -> 192.0.2.10:2 in a", true, false },
	};
	struct addrs local = { 0 };
	struct prefix p;

	(void)state;
	assert_true(prefix_parse("192.0.2.10", &p));
	addrs_add(&local, &p);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flow f = flow_of(cases[i].flow);

		if (flow_is_local(&f, NULL) != cases[i].unknown ||
		    flow_is_local(&f, &local) != cases[i].known)
			fail_msg("%s", cases[i].flow);
	}
	free(local.v);
}

static void test_never_tracked(void **state)
{
	struct flow ask = flow_of("icmpv6 fe80::1 -> ff02::1:ff00:1 type 135 in a"),
		    ping = flow_of("icmpv6 fe80::1 -> fe80::2 in a"),
		    v4 = flow_of("icmp 1.2.3.4 -> 5.6.7.8 type 135 in a"),
		    quoted = flow_of("icmp error about icmpv6 fe80::1 -> fe80::2 type 135 in a");

	(void)state;
	assert_true(flow_is_never_tracked(&ask));
	assert_false(flow_is_never_tracked(&ping));
	assert_false(flow_is_never_tracked(&v4));
	assert_false(flow_is_never_tracked(&quoted));
}

/* parse(print(f)) == f, of whatever words can make. */
static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	return *x ^= *x << 17;
}

static void test_random(void **state)
{
	static const char *const words[] = {
		"tcp",	   "udp",	  "gre",	  "icmp",      "icmpv6",     "99",
		"error",   "about",	  "1.2.3.4:5",	  "9.8.7.6:9", "1.2.3.4",    "::1",
		"[::1]:5", "[fe80::1]:7", "fe80::1",	  "->",	       "->",	     "fragment",
		"type",	   "7",		  "echo-request", "opening",   "continuing", "stray",
		"with",	   "options",	  "in",		  "out",       "lo",	     "eth0",
	};
	static const char *const shapes[] = { "tcp 1.2.3.4:5 -> 9.8.7.6:9",
					      "gre ::1 -> fe80::1",
					      "icmp 1.2.3.4 -> 1.2.3.4",
					      "udp 1.1.1.1 -> 2.2.2.2",
					      "icmp error about udp [::1]:1 -> [::2]:2",
					      "" };
	uint64_t seed = 88172645463325252;
	size_t taken = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct text t = { 0 };
		struct flow f = { 0 }, again;
		struct diag d = { 0 };
		auto_free char *out = NULL;

		text_add(&t, "%s", shapes[next(&seed) % ARRAY_SIZE(shapes)]);
		for (uint64_t n = next(&seed) % 6; n; n--)
			text_add(&t, " %s", words[next(&seed) % ARRAY_SIZE(words)]);
		if (!flow_parse(&f, t.s, &nowhere, &d)) {
			out = text_of(&f);
			again = flow_of(out);
			assert_memory_equal(&f, &again, sizeof(f));
			taken++;
		}
		diag_free(&d);
		free(t.s);
	}
	assert_true(taken > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical), cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_bad),	  cmocka_unit_test(test_reply),
		cmocka_unit_test(test_rules),	  cmocka_unit_test(test_return_wins),
		cmocka_unit_test(test_local),	  cmocka_unit_test(test_never_tracked),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
