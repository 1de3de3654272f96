/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel/ct_sysctl: names, reading and writing, in a directory of our own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "config/policy.h"
#include "kernel/ct_sysctl.h"
#include "place.h"
#include "util.h"

static void check_name(const char *key, const char *want)
{
	auto_free char *name = ct_sysctl_name(key);

	assert_string_equal(name, want);
}

static void test_names(void **state)
{
	(void)state;
	check_name("max", "nf_conntrack_max");
	check_name("buckets", "nf_conntrack_buckets");
	check_name("timeout-generic", "nf_conntrack_generic_timeout");
	check_name("timeout-icmpv6", "nf_conntrack_icmpv6_timeout");
	check_name("timeout-udp-stream", "nf_conntrack_udp_timeout_stream");
	check_name("timeout-gre-stream", "nf_conntrack_gre_timeout_stream");
	check_name("timeout-tcp-syn-sent", "nf_conntrack_tcp_timeout_syn_sent");
	check_name("timeout-sctp-shutdown-ack-sent", "nf_conntrack_sctp_timeout_shutdown_ack_sent");
	check_name("timeout-dccp-timewait", "nf_conntrack_dccp_timeout_timewait");
}

static void count_if_there(void *ctx, const char *section, const char *key)
{
	auto_free char *name = strcmp(section, "conntrack") ? NULL : ct_sysctl_name(key);
	unsigned long value;
	struct diag d = { 0 };

	if (name && !ct_sysctl_read(CT_SYSCTL_DIR, name, &value, &d))
		++*(size_t *)ctx;
	diag_free(&d);
}

/* Every timeout of this kernel has a key: what comes new with a kernel is
 * found out here. */
static void test_every_timeout_has_a_key(void **state)
{
	struct host_sysctl *v = NULL;
	size_t n = 0, of_kernel = 0, of_keys = 0;

	(void)state;
	if (!ct_sysctl_is_there(CT_SYSCTL_DIR))
		skip();
	assert_int_equal(ct_sysctl_all(CT_SYSCTL_DIR, &v, &n), 0);
	for (size_t i = 0; i < n; i++) {
		of_kernel += !strcmp(v[i].name, "nf_conntrack_max") ||
			     !strcmp(v[i].name, "nf_conntrack_buckets") ||
			     (!strncmp(v[i].name, "nf_conntrack_", 13) &&
			      strstr(v[i].name, "_timeout") && !strstr(v[i].name, "frag6"));
		free(v[i].name);
	}
	free(v);
	policy_keys(count_if_there, &of_keys);
	assert_int_equal(of_keys, of_kernel);
}

static void test_read(void **state)
{
	const struct place *pl = *state;
	const char *dir = pl->base;
	struct diag d = { 0 };
	unsigned long value = 7;

	assert_false(ct_sysctl_is_there(dir));
	put(dir, "nf_conntrack_count", "12\n", 3);
	put(dir, "nf_conntrack_max", "262144\n", 7);
	put(dir, "nf_conntrack_odd", "1 2\n", 4);
	assert_true(ct_sysctl_is_there(dir));
	assert_int_equal(ct_sysctl_read(dir, "nf_conntrack_max", &value, &d), 0);
	assert_int_equal(value, 262144);
	assert_int_equal(ct_sysctl_read(dir, "nf_conntrack_none", &value, &d), 1);
	assert_int_equal(d.n, 0);
	assert_int_equal(ct_sysctl_read(dir, "nf_conntrack_odd", &value, &d), -1);
	assert_int_equal(value, 262144);
	assert_int_equal(ct_sysctl_get(dir, "nf_conntrack_count", &value), 0);
	assert_int_equal(value, 12);
	assert_int_equal(ct_sysctl_get(dir, "nf_conntrack_none", &value), 1);
	assert_int_equal(ct_sysctl_get(dir, "nf_conntrack_odd", &value), -1);
	assert_int_equal(errno, 0);
	assert_int_equal(value, 12);
	assert_string_equal(d.v[0].id, "conntrack-settings");
	assert_non_null(strstr(d.v[0].text, "nf_conntrack_odd is no number: '1 2'"));
	diag_free(&d);
}

static void test_all(void **state)
{
	const struct place *pl = *state;
	const char *dir = pl->base;
	struct host_sysctl *v = NULL;
	size_t n = 0;

	assert_int_equal(ct_sysctl_all("/nowhere/at/all", &v, &n), 0);
	assert_int_equal(n, 0);
	put(dir, "nf_conntrack_max", "262144\n", 7);
	put(dir, "nf_conntrack_count", "12\n", 3);
	put(dir, "nf_words", "a b\n", 4);
	assert_int_equal(ct_sysctl_all(dir, &v, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(v[0].name, "nf_conntrack_count");
	assert_int_equal(v[1].value, 262144);
	for (size_t i = 0; i < n; i++)
		free(v[i].name);
	free(v);
}

static void test_write(void **state)
{
	const struct place *pl = *state;
	const char *dir = pl->base;
	auto_free char *full = xasprintf("%s/nf_conntrack_full", dir);
	struct diag d = { 0 };
	unsigned long value;

	put(dir, "nf_conntrack_max", "1\n", 2);
	assert_int_equal(ct_sysctl_ask(dir, "nf_conntrack_max"), CT_SYSCTL_WRITABLE);
	assert_int_equal(ct_sysctl_write(dir, "nf_conntrack_max", 4096), 0);
	assert_int_equal(ct_sysctl_read(dir, "nf_conntrack_max", &value, &d), 0);
	assert_int_equal(value, 4096);
	assert_int_equal(ct_sysctl_ask(dir, "nf_conntrack_none"), CT_SYSCTL_ABSENT);
	assert_int_equal(ct_sysctl_write(dir, "nf_conntrack_none", 1), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(symlink("/dev/full", full), 0);
	assert_int_equal(ct_sysctl_write(dir, "nf_conntrack_full", 1), -1);
	assert_int_equal(errno, ENOSPC);
}

/* Root, too: it is the mode that says whose it is. */
static void test_fixed(void **state)
{
	const struct place *pl = *state;
	const char *dir = pl->base;
	auto_free char *file = xasprintf("%s/nf_conntrack_max", dir);

	put(dir, "nf_conntrack_max", "1\n", 2);
	assert_int_equal(chmod(file, 0444), 0);
	assert_int_equal(ct_sysctl_ask(dir, "nf_conntrack_max"), CT_SYSCTL_FIXED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_every_timeout_has_a_key),
		PLACED(test_read),
		PLACED(test_all),
		PLACED(test_write),
		PLACED(test_fixed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
