/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policy to rules: the rows of the roles, and what must hold for all of them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include "rules/compile.h"

static const struct host_params host = { .ephemeral = { 32768, 60999 }, .forwards = true };

static void compile(const char *conf, struct ruleset *rs, struct diag *d)
{
	struct policy p = { 0 };

	assert_int_equal(policy_parse(&p, conf, "t.conf", d), 0);
	compile_rules(&p, &host, rs, d);
	for (size_t i = 0; i < rs->n_rules; i++)
		rs->rules[i].at = (struct origin){ 0 }; /* the policy goes now */
	policy_free(&p);
}

static char *compiled(const char *conf)
{
	struct ruleset rs = { 0 };
	struct diag d = { 0 };
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	compile(conf, &rs, &d);
	ruleset_print(&rs, f);
	fclose(f);
	ruleset_free(&rs);
	diag_free(&d);
	return s;
}

static const char *const confs[] = {
	"[service web]\nprotocol = tcp\nport = 80, 443, 8000-8010\n",
	"[service dns]\nprotocol = tcp, udp\nport = 53\nrole = peer\n",
	"[service out]\nprotocol = udp\nport = 123\nrole = client\nremote = 192.0.2.0/24\n",
	"[service ping]\nprotocol = icmp, icmpv6\n",
	"[service tun]\nprotocol = gre, esp\nrole = peer\nremote = 192.0.2.1, 2001:db8::1\n",
	("[service a]\nprotocol = tcp\nport = 80\ninterface = eth0, bond*, !bond9\n"
	 "local = 192.0.2.10, 2001:db8::/64\nremote = !198.51.100.0/24\n"),
	"[loopback]\nnotrack = yes\n",
	"[interface storage]\nname = eth2, eth3\n",
	"[untrack]\nfamily = ipv6\n[service a]\nprotocol = sctp\nport = 1-65535\n",
};

/* The packet that answers: every field of the two ends changes places. */
static void reverse(struct match *m)
{
	struct ports sport = m->sport;
	struct addrs src = m->src, not_src = m->not_src;
	struct ifaces in = m->in, not_in = m->not_in;

	m->sport = m->dport;
	m->dport = sport;
	m->src = m->dst;
	m->dst = src;
	m->not_src = m->not_dst;
	m->not_dst = not_src;
	m->in = m->out;
	m->out = in;
	m->not_in = m->not_out;
	m->not_out = not_in;
	/* What differs on purpose: the lookup of local addresses and the guard of the client. */
	m->dst_kind = DST_ANY;
	if (m->tcp == TCP_CONTINUING)
		m->tcp = TCP_ANY;
	if (m->icmp == ICMP_REQUEST || m->icmp == ICMP_REPLY)
		m->icmp = m->icmp == ICMP_REQUEST ? ICMP_REPLY : ICMP_REQUEST;
}

static bool has_rule(const struct ruleset *rs, enum hook hook, const struct match *m,
		     const char *name)
{
	for (size_t i = 0; i < rs->n_rules; i++) {
		struct match x = rs->rules[i].match;

		x.dst_kind = DST_ANY;
		if (x.tcp == TCP_CONTINUING)
			x.tcp = TCP_ANY;
		if (rs->rules[i].hook == hook && !strcmp(rs->rules[i].name, name) &&
		    !match_compare(&x, m))
			return true;
	}
	return false;
}

static void both_directions_always(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(confs); c++) {
		struct ruleset rs = { 0 };
		struct diag d = { 0 };

		compile(confs[c], &rs, &d);
		assert_true(rs.n_rules >= 2);
		for (size_t i = 0; i < rs.n_rules; i++) {
			struct match m = rs.rules[i].match;
			enum hook other =
				rs.rules[i].hook == HOOK_OUTPUT ? HOOK_PREROUTING : HOOK_OUTPUT;

			reverse(&m);
			assert_true(has_rule(&rs, other, &m, rs.rules[i].name));
		}
		ruleset_free(&rs);
		diag_free(&d);
	}
}

static void same_bytes_every_time(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(confs); c++) {
		char *a = compiled(confs[c]), *b = compiled(confs[c]);

		assert_string_equal(a, b);
		free(a);
		free(b);
	}
}

static void order_of_sections_does_not_matter(void **state)
{
	char *a = compiled("[service a]\nprotocol = tcp\nport = 80\n[service b]\nprotocol = "
			   "udp\nport = 53\n");
	char *b = compiled("[service b]\nprotocol = udp\nport = 53\n[service a]\nprotocol = "
			   "tcp\nport = 80\n");

	(void)state;
	assert_string_equal(a, b);
	free(a);
	free(b);
}

static void nothing_asked_nothing_compiled(void **state)
{
	struct ruleset rs = { 0 };
	struct diag d = { 0 };

	(void)state;
	compile("[untrack]\nbackend = auto\n", &rs, &d);
	assert_int_equal(rs.n_rules, 0);
	diag_free(&d);
}

static void a_port_belongs_to_the_first_service(void **state)
{
	struct ruleset rs = { 0 };
	struct diag d = { 0 };

	(void)state;
	compile("[service a]\nprotocol = tcp\nport = 80-90\n[service b]\nprotocol = tcp\nport = "
		"85-95\n[service c]\nprotocol = tcp\nport = 81\n",
		&rs, &d);
	assert_int_equal(d.warnings, 2);
	for (size_t i = 0; i < rs.n_rules; i++) {
		const struct rule *r = &rs.rules[i];

		assert_string_not_equal(r->name, "c"); /* nothing is left of it, not "any port" */
		if (!strcmp(r->name, "b") && r->match.dport.n)
			assert_int_equal(r->match.dport.v[0].lo, 91);
	}
	ruleset_free(&rs);
	diag_free(&d);
}

static const struct traffic *find(const struct traffic *v, size_t n, enum hook h,
				  enum packet_class c)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].hook == h && v[i].class == c)
			return &v[i];
	return NULL;
}

static void classes_of_the_roles(void **state)
{
	static const struct {
		const char *conf;
		bool in_opening, in_continuing, out_opening, out_continuing, forward;
	} rows[] = {
		{ "[service a]\nprotocol = tcp\nport = 80\n", true, true, true, true, false },
		{ "[service a]\nprotocol = udp\nport = 53\n", true, false, false, true, false },
		{ "[service a]\nprotocol = tcp\nport = 80\nrole = client\n", false, true, true,
		  true, false },
		{ "[service a]\nprotocol = udp\nport = 53\nrole = client\n", false, true, true,
		  false, false },
		{ "[service a]\nprotocol = tcp\nport = 80\nrole = router\n", false, false, false,
		  false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy p = { 0 };
		struct diag d = { 0 };
		struct traffic *v;
		size_t n;

		assert_int_equal(policy_parse(&p, rows[i].conf, "t", &d), 0);
		compile_traffic(&p, &host, &v, &n);
		assert_true(!find(v, n, HOOK_INPUT, CLASS_OPENING) == !rows[i].in_opening);
		assert_true(!find(v, n, HOOK_INPUT, CLASS_CONTINUING) == !rows[i].in_continuing);
		assert_true(!find(v, n, HOOK_OUTPUT, CLASS_OPENING) == !rows[i].out_opening);
		assert_true(!find(v, n, HOOK_OUTPUT, CLASS_CONTINUING) == !rows[i].out_continuing);
		assert_true(!find(v, n, HOOK_FORWARD, CLASS_OPENING) == !rows[i].forward);
		/* Errors always have a class: the router sends them itself, too. */
		assert_non_null(find(v, n, HOOK_OUTPUT, CLASS_ERROR));
		traffic_free(v, n);
		policy_free(&p);
		diag_free(&d);
	}
}

static void shapes_share_their_traffic(void **state)
{
	struct policy p = { 0 };
	struct diag d = { 0 };
	struct traffic *v;
	size_t n;
	const struct traffic *t;

	(void)state;
	assert_int_equal(policy_parse(&p,
				      "[service a]\nprotocol = tcp\nport = 80\n"
				      "[service b]\nprotocol = tcp\nport = 443\n"
				      "[service c]\nprotocol = tcp\nport = 22\naccept = none\n",
				      "t", &d),
			 0);
	compile_traffic(&p, &host, &v, &n);
	t = find(v, n, HOOK_INPUT, CLASS_OPENING);
	assert_string_equal(t->names, "a,b");
	assert_int_equal(t->match.dport.n, 2);
	assert_int_equal(n, 12); /* a and b together, and c */
	traffic_free(v, n);
	policy_free(&p);
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_always),
		cmocka_unit_test(same_bytes_every_time),
		cmocka_unit_test(order_of_sections_does_not_matter),
		cmocka_unit_test(nothing_asked_nothing_compiled),
		cmocka_unit_test(a_port_belongs_to_the_first_service),
		cmocka_unit_test(classes_of_the_roles),
		cmocka_unit_test(shapes_share_their_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
