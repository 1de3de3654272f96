/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings before acting, from a policy and given facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "rules/preflight.h"

static void check(const char *text, uint16_t ssh_port, struct diag *d)
{
	struct host_interface eth0 = { .name = "eth0" };
	struct host h = { .params = HOST_PARAMS_DEFAULT,
			  .ssh_port = ssh_port,
			  .interfaces = &eth0,
			  .n_interfaces = 1 };
	struct policy p = { 0 };

	assert_int_equal(policy_parse(&p, text, "test.conf", d), 0);
	preflight_check(&p, &h, d);
	policy_free(&p);
}

static void test_missing_interfaces(void **state)
{
	struct diag d = { 0 };

	(void)state;
	check("[service a]\nprotocol = tcp\nport = 80\ninterface = eth0, eth1\n"
	      "[interface b]\nname = eth*, bond*\n",
	      0, &d);
	assert_int_equal(d.n, 2);
	assert_string_equal(d.v[0].id, "missing-interface");
	assert_int_equal(d.v[0].severity, SEVERITY_NOTE);
	assert_string_equal(d.v[0].text, "a: there is no interface 'eth1' now");
	assert_string_equal(d.v[0].file, "test.conf");
	assert_int_equal(d.v[0].line, 4);
	assert_string_equal(d.v[1].text, "b: no interface matches 'bond*' now");
	assert_int_equal(d.v[1].line, 6);
	diag_free(&d);
}

static void test_management_port(void **state)
{
	struct diag d = { 0 };

	(void)state;
	check("[service a]\nprotocol = tcp\nport = 20-30\n"
	      "[service b]\nprotocol = udp\nport = 22\n"
	      "[service c]\nprotocol = tcp\nport = 22\nrole = client\n",
	      22, &d);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.v[0].id, "management-port");
	assert_int_equal(d.v[0].severity, SEVERITY_WARNING);
	assert_int_equal(d.v[0].line, 3);
	diag_free(&d);
}

static void test_what_is_not_done_is_said(void **state)
{
	struct diag d = { 0 };

	(void)state;
	check("[conntrack]\nmax = 1000\n[service a]\nprotocol = tcp\nport = 80\n"
	      "upstream-timeout = 20s\nkeepalive = 30s\n"
	      "[service b]\nprotocol = tcp\nport = 81\nupstream-timeout = 20s\nkeepalive = 19s\n",
	      0, &d);
	assert_int_equal(d.n, 2);
	assert_string_equal(d.v[0].id, "upstream-timeout");
	assert_int_equal(d.v[0].line, 6);
	assert_string_equal(d.v[1].id, "conntrack-settings");
	assert_int_equal(d.v[1].line, 2);
	diag_free(&d);
}

static void test_no_session(void **state)
{
	struct diag d = { 0 };

	(void)state;
	check("[service a]\nprotocol = tcp\nport = 22\n", 0, &d);
	assert_int_equal(d.n, 0);
	check("[service a]\nprotocol = tcp\nport = 22\n", 2222, &d);
	assert_int_equal(d.n, 0);
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_interfaces),
		cmocka_unit_test(test_management_port),
		cmocka_unit_test(test_what_is_not_done_is_said),
		cmocka_unit_test(test_no_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
