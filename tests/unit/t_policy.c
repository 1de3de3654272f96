/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: what the language means, and that printing and parsing are inverse. Wrong input is in
 * tests/golden/bad. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include "config/policy.h"

static void parse_good(struct policy *p, const char *text)
{
	struct diag d = { 0 };

	if (policy_parse(p, text, "t.conf", &d) || d.n) {
		diag_print(&d, stderr, SEVERITY_NOTE, false);
		fail_msg("not accepted without findings:\n%s", text);
	}
	diag_free(&d);
}

static char *print(const struct policy *p)
{
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	assert_non_null(f);
	policy_print(p, f);
	fclose(f);
	return s;
}

/* The first finding of a text that is wrong, or accepted with a remark. */
static void check_finding(const char *text, enum severity severity, const char *want)
{
	struct policy p = { 0 };
	struct diag d = { 0 };

	assert_int_equal(policy_parse(&p, text, "t.conf", &d), severity == SEVERITY_ERROR ? -1 : 0);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.v[0].severity, severity);
	assert_string_equal(d.v[0].text, want);
	diag_free(&d);
	policy_free(&p);
}

static const char example[] = "[untrack]                       # at most once\n"
			      "backend  = iptables             # auto | nftables | iptables\n"
			      "family   = ipv4, ipv6\n"
			      "accept   = first\n"
			      "drain    = no\n"
			      "on-nat   = warn\n"
			      "[loopback]\n"
			      "notrack  = yes\n"
			      "[service web]\n"
			      "description = public web front end\n"
			      "protocol = udp tcp\n"
			      "port     = 443, 80,\n"
			      "  8000-8010 # the range\n"
			      "  !8005\n"
			      "role     = peer\n"
			      "interface = eth0, bond*, !bond9\n"
			      "local    = 192.0.2.10, 2001:db8::/64\n"
			      "remote   = !198.51.100.0/24\n"
			      "accept   = none\n"
			      "upstream-timeout = 20s\n"
			      "keepalive        = 3m\n"
			      "[interface storage]\n"
			      "name     = eth2, eth3\n"
			      "[conntrack]\n"
			      "timeout-udp-stream      = 15s\n"
			      "max      = 1048576\n"
			      "timeout-tcp-established = 1h\n";

static void test_example_service(void **state)
{
	struct policy p = { 0 };
	const struct service *s;

	(void)state;
	parse_good(&p, example);
	assert_int_equal(p.n_services, 1);
	s = &p.services[0];
	assert_string_equal(s->name, "web");
	assert_string_equal(s->description, "public web front end");
	assert_int_equal(s->protos.n, 2);
	assert_int_equal(s->protos.v[0], IPPROTO_TCP);
	assert_int_equal(s->protos.v[1], IPPROTO_UDP);
	assert_int_equal(s->ports.n, 4);
	assert_int_equal(s->ports.v[0].lo, 80);
	assert_int_equal(s->ports.v[1].hi, 443);
	assert_int_equal(s->ports.v[2].hi, 8004);
	assert_int_equal(s->ports.v[3].lo, 8006);
	assert_int_equal(s->role, ROLE_PEER);
	assert_int_equal(s->ifaces.n, 2);
	assert_string_equal(s->ifaces.v[0], "bond*");
	assert_string_equal(s->not_ifaces.v[0], "bond9");
	assert_int_equal(s->local.n, 2);
	assert_int_equal(s->local.v[1].len, 64);
	assert_int_equal(s->not_local.n, 0);
	assert_int_equal(s->remote.n, 0);
	assert_int_equal(s->not_remote.n, 1);
	assert_int_equal(s->accept, ACCEPT_NONE);
	assert_int_equal(s->upstream_timeout, 20);
	assert_int_equal(s->keepalive, 180);
	assert_int_equal(s->at.line, 9);
	assert_int_equal(s->proto_at.line, 11);
	assert_int_equal(s->port_at.line, 12);
	assert_int_equal(s->port_at.col, 12);
	assert_int_equal(s->iface_at.line, 16);
	assert_int_equal(s->local_at.line, 17);
	assert_int_equal(s->remote_at.line, 18);
	assert_int_equal(s->upstream_at.line, 20);
	assert_ptr_equal(s->at.file, p.files[0]);
	policy_free(&p);
}

static void test_example_rest(void **state)
{
	struct policy p = { 0 };

	(void)state;
	parse_good(&p, example);
	assert_int_equal(p.backend, BACKEND_IPTABLES);
	assert_int_equal(p.families, FAMILIES_BOTH);
	assert_int_equal(p.accept, ACCEPT_FIRST);
	assert_false(p.drain);
	assert_int_equal(p.on_nat, ON_NAT_WARN);
	assert_true(p.loopback);
	assert_int_equal(p.loopback_at.line, 7);
	assert_int_equal(p.n_interfaces, 1);
	assert_string_equal(p.interfaces[0].name, "storage");
	assert_int_equal(p.interfaces[0].ifaces.n, 2);
	assert_int_equal(p.interfaces[0].accept, ACCEPT_FIRST);
	assert_int_equal(p.interfaces[0].at.line, 22);
	assert_int_equal(p.interfaces[0].iface_at.col, 12);
	assert_int_equal(p.n_conntrack, 3);
	assert_string_equal(p.conntrack[0].key, "max");
	assert_int_equal(p.conntrack[0].value, 1048576);
	assert_string_equal(p.conntrack[1].key, "timeout-tcp-established");
	assert_int_equal(p.conntrack[1].value, 3600);
	assert_int_equal(p.conntrack[2].at.line, 25);
	assert_int_equal(p.n_files, 1);
	policy_free(&p);
	policy_free(&p);
	parse_good(&p, "[conntrack]\nmax = 5\nbuckets = 3\ntimeout-gre = 1s\n");
	assert_string_equal(p.conntrack[0].key, "buckets");
	assert_string_equal(p.conntrack[1].key, "max");
	policy_free(&p);
}

/* The longest of everything. */
static void test_limits(void **state)
{
	char *text = xasprintf("[service a%031d]\nprotocol = 255\ndescription = %0128d\n", 1, 2);
	struct policy p = { 0 };

	(void)state;
	parse_good(&p, text);
	assert_int_equal(strlen(p.services[0].name), 32);
	assert_int_equal(strlen(p.services[0].description), 128);
	policy_free(&p);
	free(text);
	text = xasprintf("[service a]\nprotocol = 255\ndescription = %0129d\n", 2);
	check_finding(text, SEVERITY_ERROR, "description: 129 bytes, at most 128 are allowed");
	free(text);
}

static void test_defaults(void **state)
{
	struct policy p = { 0 };

	(void)state;
	parse_good(&p, "");
	assert_true(policy_is_empty(&p));
	assert_int_equal(p.backend, BACKEND_AUTO);
	assert_int_equal(p.families, FAMILIES_BOTH);
	assert_int_equal(p.accept, ACCEPT_TWIN);
	assert_true(p.drain);
	assert_int_equal(p.on_nat, ON_NAT_REFUSE);
	assert_false(p.loopback);
	policy_free(&p);
	parse_good(&p, "[untrack]\ndrain = no\n[loopback]\nnotrack = no\n[conntrack]\nmax = 1\n");
	assert_true(policy_is_empty(&p));
	assert_int_equal(p.families, FAMILIES_BOTH);
	policy_free(&p);
	parse_good(&p, "[service a]\nprotocol = gre\n");
	assert_false(policy_is_empty(&p));
	assert_int_equal(p.services[0].role, ROLE_SERVER);
	assert_int_equal(p.services[0].ports.n, 0);
	policy_free(&p);
	parse_good(&p, "[untrack]\nbackend = nftables\n[service ping]\nprotocol = icmp icmpv6\n");
	assert_true(p.drain);
	assert_int_equal(p.backend, BACKEND_NFTABLES);
	policy_free(&p);
	parse_good(&p, "[loopback]\nnotrack = yes\n");
	assert_false(policy_is_empty(&p));
	policy_free(&p);
}

/* [untrack] may stand anywhere, what it says holds everywhere. */
static void test_accept_is_inherited(void **state)
{
	struct policy p = { 0 };

	(void)state;
	parse_good(&p, "[service a]\nprotocol = gre\n"
		       "[service b]\nprotocol = esp\naccept = twin\n"
		       "[interface c]\nname = eth1\naccept = first\n"
		       "[interface d]\nname = eth2\n"
		       "[untrack]\naccept = none\n");
	assert_int_equal(p.services[0].accept, ACCEPT_NONE);
	assert_int_equal(p.services[1].accept, ACCEPT_TWIN);
	assert_int_equal(p.interfaces[0].accept, ACCEPT_FIRST);
	assert_int_equal(p.interfaces[1].accept, ACCEPT_NONE);
	policy_free(&p);
}

/* The value of a setting as policy_print writes it. */
static void check_printed(const char *lines, const char *want)
{
	char *text = xasprintf("[service a]\nprotocol = tcp, udp\n%s", lines), *printed;
	struct policy p = { 0 };

	parse_good(&p, text);
	printed = print(&p);
	if (!strstr(printed, want))
		fail_msg("'%s' is not in\n%s", want, printed);
	free(printed);
	free(text);
	policy_free(&p);
}

static void test_ports(void **state)
{
	(void)state;
	check_printed("port = 443 80,81\n", "\nport = 80-81, 443\n");
	check_printed("port = 80, 80, 80-90, 85-100\n", "\nport = 80-100\n");
	check_printed("port = 1-65535\n", "\nport = 1-65535\n");
	check_printed("port = !22\n", "\nport = 1-21, 23-65535\n");
	check_printed("port = 1-100, !50-60, !90-200\n", "\nport = 1-49, 61-89\n");
	check_printed("port = 0080\n", "\nport = 80\n");
	check_printed("port = domain http\n", "\nport = 53, 80\n");
	check_printed("port = 80-80\n", "\nport = 80\n");
	check_printed("port = 1-100, !90-200, !50-60, !55-57\n", "\nport = 1-49, 61-89\n");
	check_printed("port =\n  1,\n\t2\n 4\n", "\nport = 1-2, 4\n");
}

static void test_interfaces(void **state)
{
	(void)state;
	check_printed("port = 1\ninterface = b a,a\n", "\ninterface = a, b\n");
	check_printed("port = 1\ninterface = abcdefghijklmno\n", "\ninterface = abcdefghijklmno\n");
	check_printed("port = 1\ninterface = abcdefghijklmn*\n", "\ninterface = abcdefghijklmn*\n");
	check_printed("port = 1\ninterface = !eth0\n", "\ninterface = !eth0\n");
	check_printed("port = 1\ninterface = l*, !lo\n", "\ninterface = l*, !lo\n");
	check_printed("port = 1\ninterface = *, !lo\n", "\ninterface = !lo\n");
	check_printed("port = 1\ninterface = eth0, *, !lo\n", "\ninterface = !lo\n");
	check_printed("port = 1\n[interface b]\nname = *, !lo\n", "\nname = *, !lo\n");
	check_printed("port = 1\n[interface b]\nname = eth0.100 wg-\xc3\xa9\n",
		      "\nname = eth0.100, wg-\xc3\xa9\n");
}

static void test_addresses(void **state)
{
	(void)state;
	check_printed("port = 1\nlocal = 2001:DB8::0:1, 192.0.2.1/32\n",
		      "\nlocal = 192.0.2.1, 2001:db8::1\n");
	check_printed("port = 1\nremote = !10.0.0.0/8\n", "\nremote = !10.0.0.0/8\n");
	check_printed("port = 1\nremote = 10.0.0.0/8, ::1, !10.0.0.0/16, !10.128.0.0/9\n",
		      "\nremote = 10.0.0.0/8, ::1, !10.0.0.0/16, !10.128.0.0/9\n");
	check_printed("port = 1\nremote = 0.0.0.0/0, ::/0, !fe80::/10\n",
		      "\nremote = 0.0.0.0/0, ::/0, !fe80::/10\n");
	check_printed("port = 1\nlocal = 10.0.0.0/8, 10.1.0.0/16, ::1\n",
		      "\nlocal = 10.0.0.0/8, ::1\n");
}

static void test_times(void **state)
{
	(void)state;
	check_printed("port = 1\nkeepalive = 1s\n", "\nkeepalive = 1s\n");
	check_printed("port = 1\nkeepalive = 24d\nupstream-timeout = 2h\n",
		      "\nupstream-timeout = 7200s\nkeepalive = 2073600s\n");
}

static void test_remarks(void **state)
{
	(void)state;
	check_finding("[service a]\nprotocol = tcp\nport = 80\nlocal = 192.0.2.1\n", SEVERITY_NOTE,
		      "'a' is exempt for IPv4 only: 'local' lists no IPv6 address");
	check_finding("[service a]\nprotocol = tcp\nport = 80\nremote = ::1 192.0.2.1, !::2\n",
		      SEVERITY_WARNING, "remote: '!::2' excludes nothing that is listed");
	check_finding("[service a]\nprotocol = tcp\nport = 80\n"
		      "remote = ::1 192.0.2.200, !192.0.2.0/25\n",
		      SEVERITY_WARNING, "remote: '!192.0.2.0/25' excludes nothing that is listed");
	check_finding("[service a]\nprotocol = tcp\nport = 80\nremote = !::2\n[loopback]\n",
		      SEVERITY_ERROR, "empty section [loopback]");
}

/* Findings of one list are few when they are few, and thousands take no noticeable time. */
static void test_thousands_of_errors(void **state)
{
	struct text t = { 0 };
	struct policy p = { 0 };
	struct diag d = { 0 };
	clock_t begin = clock();

	(void)state;
	for (int i = 0; i < 5000; i++)
		text_add(&t, "[service s%d]\nprotocl = tcp\nport = 0\nlocal 1\nport = 70000\n",
			 i % 2500);
	text_add(&t, "[service list]\nprotocol = tcp\nport = 1\n");
	for (int i = 0; i < 5000; i++)
		text_add(&t, " , 0-%d, nosuch%d, x", i, i);
	text_add(&t, "\n");
	for (char *s = strstr(t.s, "list]"); (s = strstr(s, ", x ,")); s++)
		s[3] = '\n';
	assert_int_equal(policy_parse(&p, t.s, "t.conf", &d), -1);
	assert_true(d.errors > 25000);
	assert_true((clock() - begin) / CLOCKS_PER_SEC < 10); /* sanitizers are slow */
	assert_int_equal(p.n_services, 0);
	diag_free(&d);
	free(t.s);
}

/* --- random policies --- */

static unsigned next(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

static void random_ports(struct text *t, unsigned *seed)
{
	unsigned n = 1 + next(seed, 40);

	text_add(t, "port =\n");
	for (unsigned i = 0; i < n; i++) {
		unsigned lo = 1 + next(seed, 65000);

		text_add(t, "  %u-%u\n", lo, lo + next(seed, 500));
	}
}

static void random_list(struct text *t, unsigned *seed, const char *key, const char *const *words,
			size_t n)
{
	size_t first = next(seed, (unsigned)n);

	if (!next(seed, 3))
		return;
	text_add(t, "%s = %s", key, words[first]);
	for (size_t i = 0; i < n; i++) {
		if (i != first && next(seed, 2))
			text_add(t, "%s\n  %s", next(seed, 2) ? "," : "", words[i]);
	}
	text_add(t, "\n");
}

static const char *const iface_words[] = { "eth0", "wg*", "bond1", "!eth9", "!br-*", "l*", "!lo" };
static const char *const addr_words[] = { "192.0.2.1",	"2001:db8::/48",    "!198.51.100.0/24",
					  "10.0.0.0/9", "!2001:db8:1::/48", "fe80::1" };
static const char *const role_words[] = { "server", "client", "peer", "router" };
static const char *const accept_words[] = { "twin", "first", "none" };

static void random_service(struct text *t, unsigned *seed, unsigned i)
{
	static const char *const portless[] = { "gre", "esp", "icmp", "200", "icmpv6" };
	static const char *const with_ports[] = { "tcp", "udp", "sctp", "udplite", "dccp" };
	bool ports = next(seed, 4);

	text_add(t, "[service s%u]\nprotocol = %s, %s\n", i,
		 (ports ? with_ports : portless)[next(seed, 5)],
		 (ports ? with_ports : portless)[next(seed, 5)]);
	if (ports)
		random_ports(t, seed);
	if (next(seed, 2))
		text_add(t, "description = number %u = one; two#3, \xe2\x82\xac\n", i);
	if (next(seed, 2))
		text_add(t, "role = %s\n", role_words[next(seed, 4)]);
	if (next(seed, 2))
		text_add(t, "accept = %s\n", accept_words[next(seed, 3)]);
	if (next(seed, 2))
		text_add(t, "keepalive = %um\n", 1 + next(seed, 999));
	if (next(seed, 2))
		text_add(t, "upstream-timeout = %us\n", 1 + next(seed, 9999));
	random_list(t, seed, "interface", iface_words, ARRAY_SIZE(iface_words));
	random_list(t, seed, "local", addr_words, ARRAY_SIZE(addr_words));
	random_list(t, seed, "remote", addr_words, ARRAY_SIZE(addr_words));
}

static char *random_text(unsigned *seed)
{
	struct text t = { 0 };

	text_add(&t, "[untrack]\naccept = %s\ndrain = %s\n", accept_words[next(seed, 3)],
		 next(seed, 2) ? "yes" : "no");
	if (next(seed, 2))
		text_add(&t, "family = %s\non-nat = warn\nbackend = nftables\n",
			 next(seed, 2) ? "ipv6" : "ipv4");
	if (next(seed, 2))
		text_add(&t, "[loopback]\nnotrack = yes\n");
	for (unsigned i = next(seed, 4); i; i--)
		random_service(&t, seed, i);
	for (unsigned i = next(seed, 3); i; i--) {
		text_add(&t, "[interface i%u]\n", i);
		random_list(&t, seed, "name", iface_words, ARRAY_SIZE(iface_words));
		text_add(&t, "accept = %s\n", accept_words[next(seed, 3)]);
	}
	if (next(seed, 2))
		text_add(&t, "[conntrack]\nmax = %u\ntimeout-gre = %uh\n", 1 + next(seed, 30000),
			 1 + next(seed, 99));
	return t.s;
}

static void assert_same_ifaces(const struct ifaces *a, const struct ifaces *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_string_equal(a->v[i], b->v[i]);
}

static void assert_same_addrs(const struct addrs *a, const struct addrs *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_int_equal(a->v[i].family, b->v[i].family);
		assert_int_equal(a->v[i].len, b->v[i].len);
		assert_memory_equal(a->v[i].addr, b->v[i].addr, sizeof a->v[i].addr);
	}
}

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same_service(const struct service *a, const struct service *b)
{
	assert_string_equal(a->name, b->name);
	assert_same_text(a->description, b->description);
	assert_int_equal(a->protos.n, b->protos.n);
	assert_memory_equal(a->protos.v, b->protos.v, a->protos.n);
	assert_int_equal(a->ports.n, b->ports.n);
	if (a->ports.n)
		assert_memory_equal(a->ports.v, b->ports.v, a->ports.n * sizeof *a->ports.v);
	assert_int_equal(a->role, b->role);
	assert_same_ifaces(&a->ifaces, &b->ifaces);
	assert_same_ifaces(&a->not_ifaces, &b->not_ifaces);
	assert_same_addrs(&a->local, &b->local);
	assert_same_addrs(&a->not_local, &b->not_local);
	assert_same_addrs(&a->remote, &b->remote);
	assert_same_addrs(&a->not_remote, &b->not_remote);
	assert_int_equal(a->accept, b->accept);
	assert_int_equal(a->upstream_timeout, b->upstream_timeout);
	assert_int_equal(a->keepalive, b->keepalive);
}

static void assert_same_policy(const struct policy *a, const struct policy *b)
{
	assert_int_equal(a->backend, b->backend);
	assert_int_equal(a->families, b->families);
	assert_int_equal(a->accept, b->accept);
	assert_int_equal(a->drain, b->drain);
	assert_int_equal(a->on_nat, b->on_nat);
	assert_int_equal(a->loopback, b->loopback);
	assert_int_equal(a->n_services, b->n_services);
	for (size_t i = 0; i < a->n_services; i++)
		assert_same_service(&a->services[i], &b->services[i]);
	assert_int_equal(a->n_interfaces, b->n_interfaces);
	for (size_t i = 0; i < a->n_interfaces; i++) {
		assert_string_equal(a->interfaces[i].name, b->interfaces[i].name);
		assert_same_ifaces(&a->interfaces[i].ifaces, &b->interfaces[i].ifaces);
		assert_same_ifaces(&a->interfaces[i].not_ifaces, &b->interfaces[i].not_ifaces);
		assert_int_equal(a->interfaces[i].accept, b->interfaces[i].accept);
	}
	assert_int_equal(a->n_conntrack, b->n_conntrack);
	for (size_t i = 0; i < a->n_conntrack; i++) {
		assert_string_equal(a->conntrack[i].key, b->conntrack[i].key);
		assert_int_equal(a->conntrack[i].value, b->conntrack[i].value);
	}
}

/* Most random texts are right; those that are not (l* without !lo, say) are skipped. */
static void test_print_and_parse_are_inverse(void **state)
{
	unsigned seed = 20, right = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct policy p = { 0 }, q = { 0 };
		struct diag d = { 0 };
		char *text = random_text(&seed), *canonical, *again;

		if (!policy_parse(&p, text, "random", &d)) {
			right++;
			canonical = print(&p);
			diag_free(&d);
			if (policy_parse(&q, canonical, "canonical", &d))
				fail_msg("%s\n%s", d.v[0].text, canonical);
			assert_same_policy(&p, &q);
			again = print(&q);
			assert_string_equal(canonical, again);
			free(canonical);
			free(again);
		}
		diag_free(&d);
		policy_free(&p);
		policy_free(&q);
		free(text);
	}
	assert_true(right > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_service),
		cmocka_unit_test(test_example_rest),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_accept_is_inherited),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_remarks),
		cmocka_unit_test(test_thousands_of_errors),
		cmocka_unit_test(test_print_and_parse_are_inverse),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
