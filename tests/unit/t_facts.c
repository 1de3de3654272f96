/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts as JSON: what comes back is what went in, and nothing else is taken. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include "fw_build.h"
#include "native.h"
#include "random_rules.h"
#include "report/facts.h"
#include "rules/packet.h"
#include "rules/twin.h"

#define ROUNDS 400

static const char conf[] = "[service web]\nprotocol = tcp\nport = 80, 443, 8000-8010\n"
			   "[service dns]\nprotocol = udp\nport = 53\nrole = client\n";

static char *print(const struct host *h)
{
	char *s;
	size_t len;
	FILE *f = xmemstream(&s, &len);

	facts_print(h, f);
	fclose(f);
	return s;
}

/* ---- random firewalls ---- */

static const uint16_t some_ports[] = { 22, 53, 80, 443, 8005, 60000 };

static enum fw_verdict some_verdict(uint64_t *seed)
{
	static const enum fw_verdict v[] = { FW_ACCEPT, FW_ACCEPT, FW_DROP,    FW_REJECT,
					     FW_RETURN, FW_QUEUE,  FW_CONTINUE };

	return v[random_below(seed, ARRAY_SIZE(v))];
}

static void add_set_test(uint64_t *seed, struct fw *fw, struct fw_rule *r)
{
	struct fw_set *s = *ARRAY_ADD(fw->sets, fw->n_sets) = xcalloc(1, sizeof(*s));
	uint16_t port = 20;
	struct fw_expr *e;

	s->name = xasprintf("set%zu", fw->n_sets);
	s->known = random_below(seed, 4);
	s->anonymous = random_below(seed, 2);
	s->dynamic = !random_below(seed, 5);
	s->key_type = 13;
	s->key_len = 2;
	s->body = s->anonymous ? xstrdup("0a/0b") : NULL;
	for (unsigned n = s->known ? 1 + random_below(seed, 6) : 0; n; n--) {
		struct fw_element *el = ARRAY_ADD(s->v, s->n);
		uint16_t lo, hi;

		port = (uint16_t)(port + 1 + random_below(seed, 300));
		lo = htons(port);
		port = (uint16_t)(port + random_below(seed, 3));
		hi = htons(port);
		memcpy(el->lo, &lo, 2);
		memcpy(el->hi, &hi, 2);
	}
	b_load(r, FW_F_TRANSPORT, 2, 2);
	e = b_expr(r, FW_LOOKUP, "lookup", xstrdup("lookup:00{0a/0b}"));
	e->set = s;
	e->inverted = !random_below(seed, 4);
	e->len = 2;
}

static void add_state(uint64_t *seed, struct fw *fw, struct fw_rule *r, const char *deeper)
{
	static const uint32_t states[] = { 1, 2, 6, 8, 10, 64 };

	if (random_below(seed, 5)) {
		b_state(r, states[random_below(seed, ARRAY_SIZE(states))], !random_below(seed, 5));
		return;
	}
	b_state_map(fw, r);
	b_element(fw->sets[fw->n_sets - 1], 2, some_verdict(seed), NULL);
	if (deeper)
		b_element(fw->sets[fw->n_sets - 1], 8, FW_JUMP, deeper);
}

static void add_tests(uint64_t *seed, struct fw *fw, struct fw_rule *r)
{
	uint16_t port = some_ports[random_below(seed, ARRAY_SIZE(some_ports))];

	switch (random_below(seed, 7)) {
	case 0:
		b_dport(b_proto(r, IPPROTO_TCP), port, (uint16_t)(port + random_below(seed, 9)));
		break;
	case 1:
		b_proto(r, random_below(seed, 2) ? IPPROTO_UDP : IPPROTO_ICMP);
		break;
	case 2:
		b_saddr(r, "192.0.2.7");
		break;
	case 3:
		add_set_test(seed, fw, r);
		break;
	case 4:
		b_other(r, FW_LIMIT, "limit");
		break;
	case 5:
		b_other(r, FW_EFFECT, "counter");
		break;
	case 6:
		b_load(r, FW_F_CT_OTHER, 0, 4)->once = !random_below(seed, 3);
		break;
	}
}

static void add_extension(uint64_t *seed, struct fw_rule *r)
{
	struct fw_expr *e = b_other(r, FW_XT, "match")->exprs + r->n_exprs - 1;

	e->object = xstrdup("conntrack");
	b_state(r, random_below(seed, 2) ? 2 : 8, false);
	for (size_t i = 0; i < r->n_exprs; i++) /* what it means has no body */
		if (&r->exprs[i] > e) {
			free(r->exprs[i].body);
			r->exprs[i].body = NULL;
		}
}

static void add_rule(uint64_t *seed, struct fw *fw, struct fw_chain *c, const char *deeper)
{
	static const char *const comments[] = { "", "mine", "\"quoted\"\\\n", "gr\xc3\xbc\xc3\x9f",
						"\x01\x7f" };
	struct fw_rule *r = b_rule(c);

	if (!random_below(seed, 3))
		r->comment = xstrdup(comments[random_below(seed, ARRAY_SIZE(comments))]);
	if (!random_below(seed, 9))
		r->twin = (ssize_t)random_below(seed, 4);
	if (random_below(seed, 2))
		add_tests(seed, fw, r);
	if (c->form != FORM_NFT && random_below(seed, 2))
		add_extension(seed, r);
	else if (random_below(seed, 2))
		add_state(seed, fw, r, deeper);
	if (deeper && random_below(seed, 2))
		b_verdict(r, random_below(seed, 3) ? FW_JUMP : FW_GOTO, deeper);
	else if (random_below(seed, 8))
		b_verdict(r, some_verdict(seed), NULL);
}

/* Chain i leads to later ones only. */
static void random_firewall(uint64_t *seed, struct fw *fw)
{
	static const char *const names[] = { "c0", "c1", "c2", "c3", "c4", "c5" };
	unsigned base = 1 + random_below(seed, 3);

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct fw_chain *c =
			i < base ? b_base(fw, names[i], (enum hook)random_below(seed, HOOK_COUNT),
					  random_below(seed, 2) ? FW_DROP : FW_ACCEPT)
				 : b_chain(fw, names[i]);

		c->priority = (int)random_below(seed, 600) - 300;
		c->owned = !random_below(seed, 8);
		c->form = (enum form)random_below(seed, 3);
		c->form = c->form == FORM_LEGACY ? FORM_NFT : c->form;
		for (unsigned n = random_below(seed, 12); n; n--) {
			unsigned to = i + 1 + random_below(seed, ARRAY_SIZE(names));

			add_rule(seed, fw, c,
				 to < ARRAY_SIZE(names) && to >= base ? names[to] : NULL);
		}
	}
}

struct derived {
	char *twins;
	struct diag d;
};

static void derive(const struct host *h, struct derived *out)
{
	struct ruleset rs = { 0 };
	struct policy p = { 0 };
	size_t len;
	FILE *f;

	*out = (struct derived){ 0 };
	assert_int_equal(policy_parse(&p, conf, "t.conf", &out->d), 0);
	twin_derive(&p, &h->params, &h->fw, &rs, NULL, &out->d);
	f = xmemstream(&out->twins, &len);
	ruleset_print(&rs, f);
	fclose(f);
	ruleset_free(&rs);
	policy_free(&p);
}

static void same_derivation(const struct host *a, const struct host *b)
{
	struct derived x, y;

	derive(a, &x);
	derive(b, &y);
	assert_string_equal(x.twins, y.twins);
	assert_int_equal(x.d.n, y.d.n);
	for (size_t i = 0; i < x.d.n; i++) {
		assert_string_equal(x.d.v[i].id, y.d.v[i].id);
		assert_string_equal(x.d.v[i].text, y.d.v[i].text);
	}
	free(x.twins);
	free(y.twins);
	diag_free(&x.d);
	diag_free(&y.d);
}

static void test_firewalls_come_back(void **state)
{
	uint64_t seed = 20251122;
	size_t n_twins = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct host h = { .name = xstrdup("h"), .params = HOST_PARAMS_DEFAULT }, back;
		struct diag d = { 0 };
		char *first, *second;
		struct derived x;

		random_firewall(&seed, &h.fw);
		first = print(&h);
		if (facts_parse(&back, first, strlen(first), "f.json", &d))
			fail_msg("%s\n%s", d.v[0].text, first);
		second = print(&back);
		assert_string_equal(first, second);
		same_derivation(&h, &back);
		derive(&h, &x);
		n_twins += x.twins[0] != '\0';
		free(x.twins);
		diag_free(&x.d);
		free(first);
		free(second);
		host_free(&h);
		host_free(&back);
	}
	assert_in_range(n_twins, ROUNDS / 10, ROUNDS); /* they do ask for something */
}

/* ---- hosts ---- */

static const char whole[] =
	"{\"untrack-facts\":1,\n" NATIVE_FACTS "\"host\":\"web1\",\n"
	"\"kernel\":\"6.1.0\",\n"
	"\"time\":\"2025-11-22T03:55:00Z\",\n"
	"\"unread\":[\"nat: Operation not permitted\"],\n"
	"\"forwards\":true,\n"
	"\"ephemeral\":{\"lo\":32768,\"hi\":60999},\n"
	"\"reserved\":[{\"lo\":8080,\"hi\":8080},{\"lo\":9000,\"hi\":9010}],\n"
	"\"ssh-port\":22,\n"
	"\"interfaces\":[\n"
	"{\"name\":\"lo\"},\n"
	"{\"name\":\"eth0\",\"forwards4\":true,\"forwards6\":true}],\n"
	"\"addresses\":[\n"
	"{\"address\":\"192.0.2.1\",\"interface\":\"eth0\"},\n"
	"{\"address\":\"2001:db8::1\",\"interface\":\"eth0\"}],\n"
	"\"listeners\":[\n"
	"{\"proto\":6,\"address\":\"::\",\"port\":80,\"both\":true},\n"
	"{\"proto\":17,\"address\":\"127.0.0.1\",\"port\":53}],\n"
	"\"sysctls\":[\n"
	"{\"name\":\"nf_conntrack_max\",\"value\":262144}],\n"
	"\"nat\":[\n"
	"{\"family\":\"ipv4\",\"proto\":6,\"dport\":80,\"dst-local\":true,\"reply-sport\":8080,"
	"\"reply-dst-local\":true,\"entries\":3}],\n"
	"\"firewall\":{\"others\":[\n"
	"{\"family\":\"bridge\",\"table\":\"b\",\"name\":\"i\",\"type\":\"filter\","
	"\"hook\":\"input\",\"priority\":-200,\"drops\":true,\"dormant\":true}],\"sets\":[\n"
	"{\"name\":\"m\",\"map\":true,\"verdict-map\":true,\"dynamic\":true,\"concat\":true,"
	"\"known\":true,\"key-type\":13,\"key-len\":2,\"data-len\":4,\"elements-do\":\"limit\","
	"\"elements\":[{\"lo\":\"0050\"},{\"lo\":\"0100\",\"hi\":\"01ff\",\"verdict\":\"jump\","
	"\"chain\":\"more\"}]}],\"chains\":[\n"
	"{\"form\":\"iptables-nft\",\"family\":\"ip6\",\"table\":\"filter\",\"name\":\"INPUT\","
	"\"owned\":true,\"base\":true,\"type\":\"filter\",\"hook\":\"input\",\"priority\":-5,"
	"\"policy\":\"drop\",\"rules\":[\n"
	"{\"handle\":7,\"comment\":\"x\",\"twin\":0,\"exprs\":["
	"{\"op\":\"load\",\"name\":\"meta l4proto\",\"field\":\"l4proto\",\"dreg\":1,\"len\":1,"
	"\"body\":\"meta:00\"},"
	"{\"op\":\"cmp\",\"name\":\"cmp\",\"sreg\":1,\"len\":1,\"cmp\":\"ne\",\"data\":\"06\","
	"\"body\":\"cmp:00\"},"
	"{\"op\":\"lookup\",\"name\":\"lookup\",\"len\":2,\"inverted\":true,\"set\":0,"
	"\"body\":\"lookup:00\"},"
	"{\"op\":\"verdict\",\"name\":\"immediate\",\"verdict\":\"goto\",\"chain\":\"more\","
	"\"once\":true,\"body\":\"verdict:goto:more\"}]}]},\n"
	"{\"form\":\"iptables-nft\",\"family\":\"ip6\",\"table\":\"filter\",\"name\":\"more\"}]}}"
	"\n";

static void test_every_member(void **state)
{
	struct diag d = { 0 };
	struct host h;
	char *again;

	(void)state;
	if (facts_parse(&h, whole, strlen(whole), "f.json", &d))
		fail_msg("%s", d.v[0].text);
	again = print(&h);
	assert_string_equal(again, whole);
	assert_true(h.listeners[0].any && h.listeners[0].both && !h.listeners[1].any);
	assert_int_equal(h.addresses[0].prefix.len, 32);
	assert_int_equal(h.addresses[1].prefix.len, 128);
	assert_true(host_has_interface(&h, "eth*"));
	assert_int_equal(*host_sysctl(&h, "nf_conntrack_max"), 262144);
	assert_true(h.fw.chains[0].rules[0].exprs[2].set == h.fw.sets[0]);
	assert_int_equal(h.fw.chains[1].n_rules, 0);
	free(again);
	host_free(&h);
}

static void test_names_that_are_not_utf8(void **state)
{
	struct host h = { .name = xstrdup("a\xff\xc3\x28z\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x80"),
			  .params = HOST_PARAMS_DEFAULT };
	struct diag d = { 0 };
	struct host back;
	char *s = print(&h);

	(void)state;
	assert_int_equal(facts_parse(&back, s, strlen(s), "f.json", &d), 0);
	assert_string_equal(back.name, "a\\xff\\xc3(z\xe2\x82\xac\xf0\x9f\x98\x80\\xed\\xa0\\x80");
	free(s);
	host_free(&h);
	host_free(&back);
}

static void test_a_firewall_that_is_unread(void **state)
{
	struct host h = { .name = xstrdup("h"), .params = HOST_PARAMS_DEFAULT }, back;
	struct diag d = { 0 };
	char *s;

	(void)state;
	*ARRAY_ADD(h.unread, h.n_unread) = xstrdup("firewall: not permitted");
	s = print(&h);
	assert_null(strstr(s, "\"firewall\""));
	assert_int_equal(facts_parse(&back, s, strlen(s), "f.json", &d), 0);
	assert_true(host_is_unread(&back, "firewall"));
	free(s);
	host_free(&h);
	host_free(&back);
}

/* ---- what is refused ---- */

#define HEAD "{\"untrack-facts\":1,\"host\":\"h\",\"ephemeral\":{\"lo\":1,\"hi\":2},"
#define CHAIN(name) "{\"form\":\"nft\",\"family\":\"ip\",\"table\":\"t\",\"name\":\"" name "\""
#define BASE(name) CHAIN(name) ",\"base\":true,\"type\":\"filter\""
#define CHAINS(list) HEAD "\"firewall\":{\"chains\":[" list "]}}"
#define EXPR(list) CHAINS(CHAIN("c") ",\"rules\":[{\"exprs\":[" list "]}]}")
#define SET(list) HEAD "\"firewall\":{\"sets\":[{\"name\":\"s\"," list "}]}}"
#define OP(op) "{\"op\":\"" op "\",\"name\":\"n\",\"body\":\"b\""
#define JUMP(to) \
	",\"rules\":[{\"exprs\":[" OP("verdict") ",\"verdict\":\"jump\",\"chain\":\"" to "\"}]}]}"

static const struct {
	const char *json, *text;
	unsigned line, col;
} refused[] = {
	{ "", "not JSON: '[' or '{' expected near end of file", 1, 0 },
	{ "{\"untrack-facts\":1,\n\"host\":\"h", "not JSON: premature end of input", 2, 0 },
	{ "nonsense", "not JSON: '[' or '{' expected near 'nonsense'", 1, 0 },
	{ "{\"a\":1}{", "not JSON: end of file expected near '{'", 1, 0 },
	{ "{\"untrack-facts\":1,\"host\":\"a\",\"host\":\"b\"}",
	  "not JSON: duplicate object key near '\"host\"'", 1, 0 },
	{ HEAD "\"kernel\":\"a\\u0000b\"}", "not JSON: \\u0000 is not allowed", 1, 0 },
	{ HEAD "\"ssh-port\":99999999999999999999}", "not JSON: too big integer", 1, 0 },
	{ "[1]", "this is not a file of facts", 0, 0 },
	{ "{\"host\":\"h\"}", "this is not a file of facts", 0, 0 },
	{ "{\"untrack-facts\":2,\"host\":7}", "facts of format 2; this version reads format 1", 0,
	  0 },
	{ "{\"untrack-facts\":1}", "host: missing", 0, 0 },
	{ "{\"untrack-facts\":1,\"big-endian\":1}", "big-endian: neither true nor false", 0, 0 },
	{ "{\"untrack-facts\":1,\"host\":7}", "host: not a string", 0, 0 },
	{ HEAD "\"firewall\":[]}", "firewall: not an object", 0, 0 },
	{ HEAD "\"kernel\":\"k\"}", "firewall: missing, and not among what is unread", 0, 0 },
	{ HEAD "\"colour\":1,\"firewall\":{}}", "colour: this version knows no such member", 0, 0 },
	{ HEAD "\"ssh-port\":65536}", "ssh-port: not a whole number from 0 to 65535", 0, 0 },
	{ HEAD "\"ssh-port\":-1}", "ssh-port: not a whole number from 0 to 65535", 0, 0 },
	{ HEAD "\"ssh-port\":22.5}", "ssh-port: not a whole number from 0 to 65535", 0, 0 },
	{ HEAD "\"forwards\":1}", "forwards: neither true nor false", 0, 0 },
	{ HEAD "\"unread\":[\"a\",2]}", "unread[1]: not a string", 0, 0 },
	{ HEAD "\"reserved\":[{\"lo\":7,\"hi\":6}]}",
	  "reserved[0]: a range that ends before it starts", 0, 0 },
	{ HEAD "\"interfaces\":[{\"name\":\"sixteen-letters!\"}]}",
	  "interfaces[0].name: not the name of an interface", 0, 0 },
	{ HEAD "\"addresses\":[{\"address\":\"192.0.2.300\"}]}",
	  "addresses[0].address: not an address", 0, 0 },
	{ HEAD "\"listeners\":[{\"proto\":6,\"address\":\"0.0.0.0\",\"port\":1,\"both\":true}]}",
	  "listeners[0].both: of an IPv4 socket", 0, 0 },
	{ HEAD "\"nat\":[{\"family\":\"ipx\",\"proto\":6,\"entries\":1}]}",
	  "nat[0].family: 'ipx' is none of the words for it", 0, 0 },
	{ CHAINS("7"), "firewall.chains[0]: not an object", 0, 0 },
	{ CHAINS("{\"form\":\"nft\"}"), "firewall.chains[0].family: missing", 0, 0 },
	{ CHAINS(CHAIN("c") ",\"base\":true}"), "firewall.chains[0].type: missing in a base chain",
	  0, 0 },
	{ CHAINS(CHAIN("c") ",\"policy\":\"jump\"}"),
	  "firewall.chains[0].policy: 'jump' is none of the words for it", 0, 0 },
	{ CHAINS(CHAIN("c") "}," CHAIN("c") "}"), "firewall.chains[1]: the second of this name: c",
	  0, 0 },
	{ CHAINS(CHAIN("c") ",\"rules\":[{\"twin\":-2}]}"),
	  "firewall.chains[0].rules[0].twin: not a whole number from 0 to 2147483647", 0, 0 },
	{ EXPR(OP("cmp") ",\"len\":1,\"sreg\":16}"),
	  "firewall.chains[0].rules[0].exprs[0]: a register is out of range", 0, 0 },
	{ EXPR(OP("cmp") ",\"len\":8,\"sreg\":15}"),
	  "firewall.chains[0].rules[0].exprs[0]: a register is out of range", 0, 0 },
	{ EXPR(OP("load") ",\"len\":61,\"dreg\":1}"),
	  "firewall.chains[0].rules[0].exprs[0]: a register is out of range", 0, 0 },
	{ EXPR(OP("range") ",\"len\":65}"),
	  "firewall.chains[0].rules[0].exprs[0]: len is out of range", 0, 0 },
	{ EXPR(OP("cmp") "}"), "firewall.chains[0].rules[0].exprs[0]: len is out of range", 0, 0 },
	{ EXPR(OP("lookup") "}"), "firewall.chains[0].rules[0].exprs[0]: a lookup without a set", 0,
	  0 },
	{ EXPR(OP("lookup") ",\"set\":0}"),
	  "firewall.chains[0].rules[0].exprs[0].set: a set, and there are none", 0, 0 },
	{ EXPR(OP("verdict") ",\"verdict\":\"jump\"}"),
	  "firewall.chains[0].rules[0].exprs[0]: a jump without a chain", 0, 0 },
	{ EXPR(OP("nat") ",\"chain\":\"x\"}"),
	  "firewall.chains[0].rules[0].exprs[0]: a chain without a jump", 0, 0 },
	{ EXPR("{\"op\":\"nat\",\"name\":\"nat\"}"),
	  "firewall.chains[0].rules[0].exprs[0]: an expression without a body", 0, 0 },
	{ EXPR(OP("cmp") ",\"len\":1,\"data\":\"0\"}"),
	  "firewall.chains[0].rules[0].exprs[0].data: not up to 64 bytes as hexadecimal digits", 0,
	  0 },
	{ EXPR(OP("cmp") ",\"len\":1,\"data\":\"0G\"}"),
	  "firewall.chains[0].rules[0].exprs[0].data: not up to 64 bytes as hexadecimal digits", 0,
	  0 },
	{ SET("\"key-len\":65"), "firewall.sets[0].key-len: more than 64", 0, 0 },
	{ SET("\"known\":true"), "firewall.sets[0].key-len: missing, and the elements are known", 0,
	  0 },
	{ SET("\"elements\":[{\"lo\":\"00\"}]"),
	  "firewall.sets[0].elements[0].lo: a key, and the set's key-len is out of range", 0, 0 },
	{ SET("\"known\":true,\"key-len\":2,\"elements\":[{\"lo\":\"00\"}]"),
	  "firewall.sets[0].elements[0].lo: not 2 bytes as hexadecimal digits", 0, 0 },
	{ SET("\"key-len\":1,\"elements\":[{\"lo\":\"00\"}]"),
	  "firewall.sets[0].elements: of a set whose elements are not known", 0, 0 },
	{ SET("\"known\":true,\"key-len\":1,\"elements\":[{\"lo\":\"02\"},{\"lo\":\"01\"}]"),
	  "firewall.sets[0].elements[1]: not in order", 0, 0 },
	{ SET("\"known\":true,\"key-len\":1,\"elements\":[{\"lo\":\"02\",\"verdict\":\"goto\"}]"),
	  "firewall.sets[0].elements[0]: a jump without a chain", 0, 0 },
	{ SET("\"verdict-map\":true"), "firewall.sets[0].verdict-map: of a set that is no map", 0,
	  0 },
	{ CHAINS(BASE("a") JUMP("b")),
	  "firewall.chains[0]: a jump to a chain that does not exist: b", 0, 0 },
	{ CHAINS(BASE("a") JUMP("b") "," CHAIN("b") JUMP("c") "," CHAIN("c") JUMP("b")),
	  "firewall.chains[1]: jumps lead back to where they began", 0, 0 },
	{ CHAINS(BASE("a") JUMP("a")), "firewall.chains[0]: jumps lead back to where they began", 0,
	  0 },
};

static void refuse(const char *json, size_t len, const char *text, unsigned line)
{
	struct diag d = { 0 };
	struct host h;

	assert_int_equal(facts_parse(&h, json, len, "f.json", &d), -1);
	assert_int_equal(d.n, 1);
	if (strncmp(d.v[0].text, text, strlen(text)) != 0)
		fail_msg("%s\n\"%s\", not\n\"%s\"", json, d.v[0].text, text);
	assert_string_equal(d.v[0].file, "f.json");
	assert_int_equal(d.v[0].line, line);
	assert_string_equal(d.v[0].id, "facts");
	host_free(&h);
	diag_free(&d);
}

static void test_what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		refuse(refused[i].json, strlen(refused[i].json), refused[i].text, refused[i].line);
}

/* A file that was cut off anywhere is one finding. */
static void test_truncated(void **state)
{
	(void)state;
	for (size_t len = 0; len + 2 < strlen(whole); len += 7) {
		struct diag d = { 0 };
		struct host h;

		assert_int_equal(facts_parse(&h, whole, len, "f.json", &d), -1);
		assert_int_equal(d.n, 1);
		host_free(&h);
		diag_free(&d);
	}
}

static void test_too_much(void **state)
{
	struct text deep = { 0 }, wide = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		text_put(&deep, "[", 1);
	refuse(deep.s, deep.len, "not JSON: maximum parsing depth reached", 1);
	text_put(&wide, "[", 1);
	for (int i = 0; i < 4000000; i++)
		text_put(&wide, "0,", 2);
	text_put(&wide, "0]", 2);
	refuse(wide.s, wide.len, "more than 4000000 values", 0);
	free(deep.s);
	free(wide.s);
}

static struct fw_chain *add_chain(struct fw *fw, char *name, bool base, const char *jump)
{
	struct fw_chain *c = ARRAY_ADD(fw->chains, fw->n_chains);

	c->table = xstrdup("t");
	c->name = name;
	c->base = base;
	c->type = base ? xstrdup("filter") : NULL;
	c->rules = xcalloc(1, sizeof(*c->rules));
	if (jump)
		b_verdict(b_rule(c), FW_JUMP, jump);
	return c;
}

/* A chain that another base chain enters half the way down has been visited before. */
static void check_depth(enum form form, int levels, bool good)
{
	struct host h = { .name = xstrdup("h"), .params = HOST_PARAMS_DEFAULT }, back;
	struct diag d = { 0 };
	char *s;

	add_chain(&h.fw, xstrdup("a"), true, "c9");
	for (int i = 0; i <= levels; i++) {
		char *next = xasprintf("c%d", i + 1);

		add_chain(&h.fw, xasprintf("c%d", i), i == 0, i < levels ? next : NULL);
		free(next);
	}
	for (size_t i = 0; i < h.fw.n_chains; i++) {
		h.fw.chains[i].form = form;
		h.fw.chains[i].family = form == FORM_NFT ? TABLE_INET : TABLE_IP;
	}
	s = print(&h);
	assert_int_equal(facts_parse(&back, s, strlen(s), "f", &d), good ? 0 : -1);
	if (!good)
		assert_string_equal(d.v[0].text, "firewall.chains[10]: jumps lead deeper than the "
						 "kernel allows");
	free(s);
	diag_free(&d);
	host_free(&h);
	host_free(&back);
}

/* Sixteen levels are what nf_tables allows; x_tables allows any, and the walks not. */
static void test_depth(void **state)
{
	(void)state;
	check_depth(FORM_NFT, 16, true);
	check_depth(FORM_NFT, 17, false);
	check_depth(FORM_IPTABLES_NFT, 16, true);
	check_depth(FORM_IPTABLES_NFT, 17, false);
	check_depth(FORM_LEGACY, 256, true);
	check_depth(FORM_LEGACY, 257, false);
}

/* Loops that no packet can enter: nf_tables has them, and the walks never see them. */
static void test_loop_out_of_reach(void **state)
{
	static const char json[] =
		CHAINS(BASE("i") "}," CHAIN("a") JUMP("b") "," CHAIN("b") JUMP("a"));
	struct diag d = { 0 };
	struct host h;

	(void)state;
	assert_int_equal(facts_parse(&h, json, strlen(json), "f", &d), 0);
	host_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_firewalls_come_back),
		cmocka_unit_test(test_every_member),
		cmocka_unit_test(test_names_that_are_not_utf8),
		cmocka_unit_test(test_a_firewall_that_is_unread),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_loop_out_of_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
