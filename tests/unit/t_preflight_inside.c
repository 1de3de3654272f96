/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exemptions inside others, and those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "rules/preflight.h"
#include "util.h"

/* What "shadowed" says of two services of TCP, "NAME: ...": its first words; NULL: nothing. */
static void check(const char *a, const char *b, const char *want)
{
	auto_free char *conf = xasprintf("[service a]\nprotocol = tcp\n%s\n"
					 "[service b]\nprotocol = tcp\n%s\n",
					 a, b);
	struct policy p = { 0 };
	struct diag d = { 0 };
	const char *got = NULL;
	size_t n = 0;

	assert_int_equal(policy_parse(&p, conf, "t.conf", &d), 0);
	preflight_policy(&p, &d);
	for (size_t i = 0; i < d.n; i++)
		if (!strcmp(d.v[i].id, "shadowed")) {
			got = d.v[i].text;
			n++;
		}
	if (want && !got)
		print_error("nothing of:\n%s", conf);
	assert_int_equal(n, want != NULL);
	if (want && strncmp(got, want, strlen(want)) != 0)
		assert_string_equal(got, want);
	diag_free(&d);
	policy_free(&p);
}

static void test_ports(void **state)
{
	(void)state;
	check("port = 1-100\nrole = peer", "port = 90-110", "b: tcp port 90-100 ");
	check("port = 1-100\nrole = peer", "port = 101-110", NULL);
	check("port = 5,7,9,11\nrole = peer", "port = 1-7,11-20", "b: tcp port 5,7,11 ");
	/* one shape: compile_rules tells */
	check("port = 80", "port = 80", NULL);
}

static void test_roles(void **state)
{
	(void)state;
	check("port = 80\nrole = peer", "port = 80\nrole = client", "b: ");
	check("port = 80\nrole = client", "port = 80\nrole = peer", "a: ");
	check("port = 80\nrole = server", "port = 80\nrole = client", NULL);
	check("port = 80\nrole = router", "port = 80\nrole = peer", NULL);
}

static void test_interfaces(void **state)
{
	(void)state;
	check("port = 80", "port = 80\ninterface = eth0", "b: ");
	check("port = 80\ninterface = eth*", "port = 80\ninterface = eth0, eth1*", "b: ");
	check("port = 80\ninterface = eth*", "port = 80\ninterface = eth0, wg0", NULL);
	check("port = 80\ninterface = eth0", "port = 80\ninterface = eth*", "a: ");
	check("port = 80\ninterface = !eth0", "port = 80\ninterface = eth0", NULL);
	check("port = 80\ninterface = !eth0", "port = 80\ninterface = eth1", "b: ");
	check("port = 80\ninterface = !eth0", "port = 80\ninterface = eth*", NULL);
	check("port = 80\ninterface = eth*, !eth0", "port = 80\ninterface = eth1*", "b: ");
	check("port = 80\ninterface = !eth*", "port = 80\ninterface = eth0", NULL);
}

static void test_addresses(void **state)
{
	(void)state;
	check("port = 80\nlocal = 192.0.2.0/24", "port = 80\nlocal = 192.0.2.1", "b: ");
	check("port = 80\nlocal = 192.0.2.0/24", "port = 80\nlocal = 192.0.3.1", NULL);
	check("port = 80\nlocal = 192.0.2.0/24", "port = 80\nlocal = 192.0.2.1, 2001:db8::1", NULL);
	check("port = 80\nlocal = 10.0.0.0/8, 2001:db8::/32",
	      "port = 80\nlocal = 10.9.0.0/16, 2001:db8:1::/48", "b: ");
	check("port = 80\nlocal = 10.0.0.0/8, 2001:db8::/32",
	      "port = 80\nlocal = 10.9.0.0/16, 2001:db9::/48", NULL);
	check("port = 80\nlocal = 10.0.0.0/9, 10.128.0.0/10", "port = 80\nlocal = 10.129.0.0/16",
	      "b: ");
	check("port = 80\nlocal = 192.0.2.0/24", "port = 80\nremote = 192.0.2.1", NULL);
	check("port = 80\nremote = 192.0.2.0/24", "port = 80", "a: ");
	check("port = 80\nremote = !192.0.2.1", "port = 80\nremote = 192.0.2.0/24", NULL);
	check("port = 80\nremote = !192.0.2.1", "port = 80\nremote = 192.0.3.0/24", "b: ");
	check("port = 80\nremote = !192.0.2.1", "port = 80\nremote = 192.0.2.0/24, !192.0.2.0/30",
	      "b: ");
}

/* 10,000 services in one pass. */
static void test_many(void **state)
{
	struct text t = { 0 };
	struct policy p = { 0 };
	struct diag d = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		text_add(&t, "[service s%d]\nprotocol = tcp\nport = %d\ninterface = eth%d\n", i,
			 i + 1, i % 7);
	assert_int_equal(policy_parse(&p, t.s, "t.conf", &d), 0);
	preflight_policy(&p, &d);
	assert_int_equal(d.warnings, 0);
	diag_free(&d);
	policy_free(&p);
	free(t.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),	   cmocka_unit_test(test_roles),
		cmocka_unit_test(test_interfaces), cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("preflight_inside", tests, NULL, NULL);
}
