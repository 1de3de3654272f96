/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables: what one rule holds, matches cut into such rules, and the body of a twin. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include "fw_build.h"
#include "random_rules.h"
#include "rules/iptables.h"

#define SEED UINT64_C(88172645463325252)

struct probe { /* a packet, as far as a match that is cut can tell */
	enum family family;
	uint16_t sport, dport;
	const char *in, *out;
	uint8_t src[16], dst[16];
};

static bool has_port(const struct ports *p, uint16_t port)
{
	for (size_t i = 0; i < p->n; i++)
		if (port >= p->v[i].lo && port <= p->v[i].hi)
			return true;
	return !p->n;
}

static bool has_interface(const struct ifaces *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t n = strlen(l->v[i]);
		bool star = n && l->v[i][n - 1] == '*';

		if (star ? !strncmp(l->v[i], name, n - 1) : !strcmp(l->v[i], name))
			return true;
	}
	return false;
}

static bool has_address(const struct addrs *l, const uint8_t *a)
{
	for (size_t i = 0; i < l->n; i++) {
		unsigned bit = 0;

		while (bit < l->v[i].len &&
		       !((a[bit / 8] ^ l->v[i].addr[bit / 8]) & 0x80 >> bit % 8))
			bit++;
		if (bit == l->v[i].len)
			return true;
	}
	return false;
}

static bool matches(const struct match *m, const struct probe *p)
{
	return m->families & 1u << p->family && has_port(&m->sport, p->sport) &&
	       has_port(&m->dport, p->dport) && (!m->in.n || has_interface(&m->in, p->in)) &&
	       (!m->out.n || has_interface(&m->out, p->out)) && !has_interface(&m->not_in, p->in) &&
	       !has_interface(&m->not_out, p->out) && (!m->src.n || has_address(&m->src, p->src)) &&
	       (!m->dst.n || has_address(&m->dst, p->dst)) && !has_address(&m->not_src, p->src) &&
	       !has_address(&m->not_dst, p->dst);
}

static void random_probe(uint64_t *seed, struct probe *p)
{
	static const uint16_t ports[] = { 0, 1, 2, 3, 4, 5, 6, 79, 80, 81, 82, 65534, 65535 };
	static const char *const names[] = { "eth0", "eth1", "bond0", "lo", "fifteen-letters" };

	memset(p, 0, sizeof *p);
	p->family = random_below(seed, 2) ? FAMILY_V6 : FAMILY_V4;
	p->sport = ports[random_below(seed, ARRAY_SIZE(ports))];
	p->dport = ports[random_below(seed, ARRAY_SIZE(ports))];
	p->in = names[random_below(seed, ARRAY_SIZE(names))];
	p->out = names[random_below(seed, ARRAY_SIZE(names))];
	for (size_t i = 0; i < 16; i++) {
		p->src[i] = (uint8_t)random_below(seed, 256);
		p->dst[i] = (uint8_t)random_below(seed, 256);
	}
}

static void test_pieces_are_the_whole(void **state)
{
	uint64_t seed = SEED;
	unsigned cut = 0, whole = 0, hits = 0;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct match m, *v;
		size_t n;

		random_match(&seed, &m);
		if (m.icmp != ICMP_IS_ERROR && !m.proto)
			m.proto = IPPROTO_TCP;
		v = iptables_match_split(&m, &n);
		cut += n > 1;
		whole += n == 1;
		for (size_t i = 0; i < n; i++)
			assert_true(iptables_match_fits(&v[i]));
		for (unsigned k = 0; n && k < 20; k++) {
			struct probe p;
			bool any = false;

			random_probe(&seed, &p);
			for (size_t i = 0; i < n; i++)
				any = any || matches(&v[i], &p);
			assert_int_equal(any, matches(&m, &p));
			hits += any;
		}
		for (size_t i = 0; i < n; i++)
			match_free(&v[i]);
		free(v);
		match_free(&m);
	}
	assert_true(cut > 1000 && whole > 1000 && hits > 1000);
}

static void test_ports_fill_the_slots(void **state)
{
	struct match m = { .families = FAMILIES_V4, .proto = IPPROTO_TCP }, *v;
	size_t n;

	(void)state;
	for (uint16_t i = 0; i < 31; i++)
		ports_add(&m.dport, (uint16_t)(2 * i + 1), (uint16_t)(2 * i + 1));
	assert_false(iptables_match_fits(&m));
	v = iptables_match_split(&m, &n);
	assert_int_equal(n, 3);
	assert_int_equal(v[0].dport.n, IPTABLES_PORT_SLOTS);
	assert_int_equal(v[2].dport.n, 1);
	for (size_t i = 0; i < n; i++)
		match_free(&v[i]);
	free(v);
	m.dport.n = 8;
	for (size_t i = 0; i < 8; i++)
		m.dport.v[i] = (struct port_range){ (uint16_t)(100 * i), (uint16_t)(100 * i + 9) };
	assert_false(iptables_match_fits(&m)); /* sixteen slots */
	m.dport.n = 7;
	assert_true(iptables_match_fits(&m));
	match_free(&m);
}

/* "eth*" but not eth1: no rule of iptables has two interfaces in one field. */
static void test_what_iptables_cannot_say(void **state)
{
	struct match m = { .families = FAMILIES_V6, .proto = IPPROTO_UDP }, *v;
	size_t n;

	(void)state;
	ifaces_add(&m.in, "bond*");
	ifaces_add(&m.in, "eth*");
	ifaces_add(&m.not_in, "lan0");
	v = iptables_match_split(&m, &n);
	assert_int_equal(n, 2);
	assert_int_equal(v[0].not_in.n, 0);
	for (size_t i = 0; i < n; i++)
		match_free(&v[i]);
	free(v);
	ifaces_add(&m.not_in, "eth1");
	v = iptables_match_split(&m, &n);
	assert_int_equal(n, 0);
	assert_null(v);
	match_free(&m);
}

static void add_prefix(struct addrs *l, const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	addrs_add(l, &p);
}

/* What is excluded elsewhere takes no room. */
static void test_excluded_elsewhere(void **state)
{
	struct match m = { .families = FAMILIES_V4, .proto = IPPROTO_UDP }, *v;
	char other[32];
	size_t n;

	(void)state;
	add_prefix(&m.src, "10.0.0.0/8");
	add_prefix(&m.src, "192.0.2.8/29");
	add_prefix(&m.not_src, "10.1.0.0/16");
	add_prefix(&m.not_src, "10.2.0.0/16");
	add_prefix(&m.not_src, "192.0.2.0/24");
	for (int i = 0; i < IPTABLES_EXCLUDED_MAX; i++) {
		snprintf(other, sizeof other, "172.16.%d.0/24", i);
		add_prefix(&m.not_src, other);
	}
	add_prefix(&m.not_dst, "172.16.0.1");
	match_normalise(&m);
	v = iptables_match_split(&m, &n);
	assert_int_equal(n, 2);
	assert_int_equal(v[0].not_src.n, 2);
	assert_int_equal(v[0].not_dst.n, 1);
	assert_int_equal(v[1].not_src.n, 1);
	for (size_t i = 0; i < n; i++)
		match_free(&v[i]);
	free(v);
	m.src.n = 0; /* of any address all of them are excluded */
	v = iptables_match_split(&m, &n);
	assert_int_equal(n, 0);
	match_free(&m);
}

/* ---- the body ----------------------------------------------------------------------------------
 */

static void add_name(struct fw_rule *r, bool in, enum fw_cmp cmp, const char *name, uint8_t len)
{
	b_load(r, in ? FW_F_IIFNAME : FW_F_OIFNAME, 0, 16);
	b_cmp(r, cmp, name, len, xstrdup("name"));
}

static void add_address(struct fw_rule *r, uint16_t offset, enum fw_cmp cmp, const char *addr,
			uint8_t len)
{
	uint8_t data[4];

	inet_pton(AF_INET, addr, data);
	b_load(r, FW_F_NETWORK, offset, len);
	b_cmp(r, cmp, data, len, xstrdup("address"));
}

static void add_mask(struct fw_rule *r, uint16_t offset, const char *mask, const char *addr)
{
	struct fw_expr *e;
	uint8_t data[4];

	b_load(r, FW_F_NETWORK, offset, 4);
	e = b_expr(r, FW_BITWISE, "bitwise", xstrdup("mask"));
	e->len = 4;
	inet_pton(AF_INET, mask, e->data);
	inet_pton(AF_INET, addr, data);
	b_cmp(r, FW_EQ, data, 4, xstrdup("masked"));
}

/* A carrier and what it means. */
static void add_match(struct fw_rule *r, const char *name)
{
	b_expr(r, FW_XT, "match", xasprintf("match:%s", name))->object = xstrdup(name);
}

static void lowered(struct fw_rule *r, size_t from)
{
	for (size_t i = from; i < r->n_exprs; i++) {
		free(r->exprs[i].body);
		r->exprs[i].body = NULL;
	}
}

static void add_conntrack(struct fw_rule *r)
{
	size_t from = r->n_exprs + 1;

	add_match(r, "conntrack");
	b_state(r, 8, false);
	lowered(r, from);
}

static void add_tcp(struct fw_rule *r, uint16_t lo, uint16_t hi, bool option)
{
	size_t from = r->n_exprs + 1;

	add_match(r, "tcp");
	b_dport(r, lo, hi);
	if (option)
		b_other(r, FW_MAYBE, "option");
	lowered(r, from);
}

static struct match web(void)
{
	struct match m = { .families = FAMILIES_V4, .proto = IPPROTO_TCP, .tcp = TCP_OPENING };

	ports_add(&m.dport, 80, 80);
	ports_add(&m.dport, 443, 443);
	return m;
}

/* The twin of r for m: its match and body as text; "" for none. */
static void check_twin(struct fw_rule *r, struct match *m, const char *match, const char *body)
{
	char *got = iptables_twin_body(r, m);
	struct text t = { 0 };

	match_text(m, &t);
	assert_string_equal(t.s, match);
	assert_string_equal(got ? got : "none", body);
	free(got);
	free(t.s);
	match_free(m);
}

#define WEB "family ipv4 protocol tcp dport 80,443"

static void test_header_is_one(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = b_base(&fw, "INPUT", HOOK_INPUT, FW_DROP);
	struct fw_rule *r = b_rule(c);
	struct match m = web();

	(void)state;
	add_name(r, true, FW_NEQ, "lo", 3);
	b_proto(r, IPPROTO_TCP);
	add_address(r, 16, FW_NEQ, "192.0.2.1", 4);
	add_address(r, 12, FW_EQ, "10.1.0.0", 2);
	add_conntrack(r);
	add_match(r, "recent");
	b_other(r, FW_LIMIT, "recent");
	lowered(r, r->n_exprs - 1);
	b_other(r, FW_EFFECT, "counter");
	b_verdict(r, FW_ACCEPT, NULL);
	check_twin(r, &m, WEB " not-in lo opening",
		   "saddr:10.1.0.0/16 daddr:!192.0.2.1 match:recent counter verdict=0");
	fw_free(&fw);
}

static void test_ports_of_the_rule(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = b_base(&fw, "INPUT", HOOK_INPUT, FW_DROP);
	struct fw_rule *plain = b_rule(c), *native = b_rule(c), *option = b_rule(c),
		       *none = b_rule(c);
	struct match m = web();

	(void)state;
	add_tcp(plain, 1, 100, false);
	check_twin(plain, &m, "family ipv4 protocol tcp dport 80 opening", "");
	m = web();
	b_dport(native, 400, 500);
	check_twin(native, &m, "family ipv4 protocol tcp dport 443 opening", "");
	m = web();
	add_tcp(option, 1, 100, true);
	check_twin(option, &m, WEB " opening", "match:tcp");
	m = web();
	add_tcp(none, 81, 442, false);
	check_twin(none, &m, WEB " opening", "none");
	fw_free(&fw);
}

static void test_interfaces_meet(void **state)
{
	static const struct {
		const char *mine, *not_mine; /* of the exemption */
		enum fw_cmp cmp;
		const char *rule;
		uint8_t len;
		const char *want; /* "none": they never meet */
	} cases[] = {
		{ "eth0", NULL, FW_EQ, "eth", 3, " in eth0" },
		{ "eth*", NULL, FW_EQ, "eth0", 5, " in eth0" },
		{ "eth*", NULL, FW_EQ, "wan", 4, "none" },
		{ "eth0", NULL, FW_NEQ, "eth0", 5, "none" },
		{ "eth0", NULL, FW_NEQ, "eth1", 5, " in eth0" },
		{ "eth*", NULL, FW_NEQ, "eth1", 5, " in eth* not-in eth1" },
		{ NULL, NULL, FW_NEQ, "eth", 3, " not-in eth*" },
		{ NULL, "eth1", FW_EQ, "eth0", 5, " in eth0" },
		{ NULL, "eth1", FW_EQ, "eth1", 5, "none" },
		{ NULL, "eth1", FW_EQ, "eth", 3, " in eth* not-in eth1" },
		{ NULL, "eth*", FW_EQ, "eth1", 5, "none" },
		{ NULL, NULL, FW_EQ, "fifteen-letters", 16, " in fifteen-letters" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fw fw = { 0 };
		struct fw_rule *r = b_rule(b_base(&fw, "INPUT", HOOK_INPUT, FW_DROP));
		struct match m = web();
		bool none = !strcmp(cases[i].want, "none");
		char *want;

		if (cases[i].mine)
			ifaces_add(&m.in, cases[i].mine);
		if (cases[i].not_mine)
			ifaces_add(&m.not_in, cases[i].not_mine);
		add_name(r, true, cases[i].cmp, cases[i].rule, cases[i].len);
		if (none) {
			assert_null(iptables_twin_body(r, &m));
			match_free(&m);
		} else {
			want = xasprintf(WEB "%s opening", cases[i].want);
			check_twin(r, &m, want, "");
			free(want);
		}
		fw_free(&fw);
	}
}

static void add_flags(struct fw_rule *r, uint8_t mask, uint8_t value, enum fw_cmp cmp)
{
	struct fw_expr *e;

	b_load(r, FW_F_TRANSPORT, 13, 1);
	e = b_expr(r, FW_BITWISE, "bitwise", xstrdup("flags-mask"));
	e->len = 1;
	e->data[0] = mask;
	b_cmp(r, cmp, &value, 1, xstrdup("flags"));
}

static void test_flags_are_the_class(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = b_base(&fw, "INPUT", HOOK_INPUT, FW_DROP);
	struct fw_rule *syn = b_rule(c), *other = b_rule(c), *not_icmp = b_rule(c);
	uint8_t icmp = IPPROTO_ICMP;
	struct match m = web();

	(void)state;
	add_flags(syn, 0x17, 0x02, FW_EQ);
	check_twin(syn, &m, WEB " opening", "");
	m = web();
	add_flags(other, 0x3f, 0x00, FW_EQ);
	check_twin(other, &m, WEB " opening", "load flags-mask flags");
	m = web();
	b_load(not_icmp, FW_F_L4PROTO, 0, 1);
	b_cmp(not_icmp, FW_NEQ, &icmp, 1, xstrdup("not-icmp"));
	check_twin(not_icmp, &m, WEB " opening", "");
	fw_free(&fw);
}

static void test_odd_headers(void **state)
{
	struct fw fw = { 0 };
	struct fw_chain *c = b_base(&fw, "INPUT", HOOK_INPUT, FW_DROP);
	struct fw_rule *good = b_rule(c), *odd = b_rule(c), *fragment = b_rule(c);
	size_t once = 0;
	struct match m = web();

	(void)state;
	add_mask(good, 12, "255.255.240.0", "10.1.16.0");
	add_mask(odd, 12, "255.0.255.0", "10.0.1.0");
	add_address(fragment, 6, FW_NEQ, "0.0.0.0", 2);
	iptables_mark_odd(good, FAMILY_V4);
	iptables_mark_odd(odd, FAMILY_V4);
	iptables_mark_odd(fragment, FAMILY_V4);
	for (size_t i = 0; i < good->n_exprs; i++)
		assert_false(good->exprs[i].once);
	for (size_t i = 0; i < odd->n_exprs; i++)
		once += odd->exprs[i].once;
	assert_int_equal(once, 1);
	assert_true(fragment->exprs[0].once);
	check_twin(good, &m, WEB " opening", "saddr:10.1.16.0/20");
	fw_free(&fw);
}

static void test_address_words(void **state)
{
	static const char text[] = "saddr:!10.0.0.0/8 daddr:2001:db8::/32 match:00";
	const char *body = text;
	struct text t = { 0 };
	struct prefix p;
	bool src, inverted;

	(void)state;
	assert_true(iptables_take_address(&body, &src, &inverted, &p));
	assert_true(src && inverted);
	iptables_put_address(&t, src, inverted, &p);
	assert_true(iptables_take_address(&body, &src, &inverted, &p));
	assert_true(!src && !inverted && p.family == FAMILY_V6);
	iptables_put_address(&t, src, inverted, &p);
	assert_string_equal(t.s, "saddr:!10.0.0.0/8 daddr:2001:db8::/32");
	assert_false(iptables_take_address(&body, &src, &inverted, &p));
	assert_string_equal(body, "match:00");
	body = "saddr:10.0.0.1/8";
	assert_false(iptables_take_address(&body, &src, &inverted, &p));
	body = "";
	assert_false(iptables_take_address(&body, &src, &inverted, &p));
	free(t.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_the_whole),
		cmocka_unit_test(test_ports_fill_the_slots),
		cmocka_unit_test(test_what_iptables_cannot_say),
		cmocka_unit_test(test_excluded_elsewhere),
		cmocka_unit_test(test_header_is_one),
		cmocka_unit_test(test_ports_of_the_rule),
		cmocka_unit_test(test_interfaces_meet),
		cmocka_unit_test(test_flags_are_the_class),
		cmocka_unit_test(test_odd_headers),
		cmocka_unit_test(test_address_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
