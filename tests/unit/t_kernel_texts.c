/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel and a host's files say in words: slabinfo, the kernel's log, sysctl.d. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "config/sysctl_files.h"
#include "kernel/kernel_log.h"
#include "kernel/slab.h"
#include "place.h"
#include "util.h"

#define HEAD                                                                                       \
	"slabinfo - version: 2.1\n"                                                                \
	"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : ...\n" \
	"nf_conntrack_expect      0      0    208   19    1 : tunables    0    0    0\n"

static void test_slab(void **state)
{
	static const struct {
		const char *line;
		unsigned long objects, bytes; /* 0: refused */
	} cases[] = {
		{ "nf_conntrack         144    145    256   16    1 : tunables 0 0 0\n", 145, 256 },
		{ "nf_conntrack         144    145    320   12    1 : tunables 0 0 0\n", 145, 341 },
		{ "nf_conntrack         144    145    320   25    2 : tunables 0 0 0", 145, 327 },
		{ "nf_conntrack         144    145    320   26    2 :", 0, 0 },
		{ "nf_conntrack         144    145    0     26    2 :", 0, 0 },
		{ "nf_conntrack         144    145    256 72057594037927936 1 :", 0, 0 },
		{ "nf_conntrack         144    145\n", 0, 0 },
		{ "nf_conntrack 1 1 2 9223372036854775808 1 :", 0, 0 },
		{ "nf_conntrack 1 1 9223372036854775808 2 1 :", 0, 0 },
		{ "nf_conntrack_other   144    145    256   16    1 :", 0, 0 },
		{ "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *text = xasprintf(HEAD "%s", cases[i].line);
		struct slab got = { 0 };

		assert_int_equal(slab_parse(text, "nf_conntrack", 4096, &got),
				 cases[i].bytes ? 0 : -1);
		assert_int_equal(got.objects, cases[i].objects);
		assert_int_equal(got.bytes, cases[i].bytes);
	}
}

static void test_log(void **state)
{
	static const struct {
		const char *record;
		unsigned long lines, others;
		uint64_t last;
	} cases[] = {
		{ "4,812,73000000,-;nf_conntrack: nf_conntrack: table full, dropping packet\n", 1,
		  0, 73 },
		{ "4,812,73000000,-;nf_conntrack: table full, dropping packet\n SUBSYSTEM=x\n", 1,
		  0, 73 },
		{ "4,812,73000000,-;nf_conntrack: table full in netns 77, dropping packet\n", 1, 0,
		  73 },
		{ "4,812,73000000,-;nf_conntrack: table full in netns 78, dropping packet\n", 0, 1,
		  0 },
		{ "4,812,73000000,-;somebody: nf_conntrack: table full, dropping packet\n", 0, 0,
		  0 },
		{ "4,812,73000000,-;nf_conntrack: default automatic helper\n", 0, 0, 0 },
		{ "nf_conntrack: table full", 0, 0, 0 },
		{ "", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct full_log log = { 0 };

		full_log_add(&log, cases[i].record, 77);
		assert_int_equal(log.lines, cases[i].lines);
		assert_int_equal(log.others, cases[i].others);
		assert_int_equal(log.last, cases[i].last);
	}
}

static void assert_setting(const struct sysctl_files *f, const char *name, const char *value,
			   const char *file, unsigned line)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->v[i].name, name)) {
			assert_string_equal(f->v[i].value, value);
			assert_string_equal(f->v[i].file, file);
			assert_int_equal(f->v[i].line, line);
			return;
		}
	fail_msg("no %s", name);
}

static void test_lines(void **state)
{
	struct sysctl_files f = { 0 };

	(void)state;
	sysctl_files_add(&f,
			 "# net.netfilter.nf_conntrack_max = 1\n"
			 "; net.netfilter.nf_conntrack_max = 2\n"
			 "\n"
			 "  net.netfilter.nf_conntrack_max=3 \r\n"
			 "net/netfilter/nf_conntrack_buckets = 4\n"
			 "-net.nf_conntrack_udp_timeout = 5\n"
			 "net.ipv4.tcp_keepalive_time = 6\n"
			 "-net.netfilter.nf_conntrack_icmp_timeout\n"
			 "net.netfilter.nf_conntrack_max 7\n"
			 "net.netfilter.nf_conntrack_max = 8",
			 "a");
	assert_int_equal(f.n, 3);
	assert_setting(&f, "nf_conntrack_max", "8", "a", 10);
	assert_setting(&f, "nf_conntrack_buckets", "4", "a", 5);
	assert_setting(&f, "nf_conntrack_udp_timeout", "5", "a", 6);
	sysctl_files_free(&f);
	sysctl_files_free(&f);
}

static void write_file(const char *root, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s%s", root, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make_dirs(const char *root)
{
	static const char *const dirs[] = {
		"/etc",	    "/etc/sysctl.d",	"/run", "/run/sysctl.d", "/usr",
		"/usr/lib", "/usr/lib/sysctl.d"
	};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		auto_free char *path = xasprintf("%s%s", root, dirs[i]);

		assert_int_equal(mkdir(path, 0700), 0);
	}
}

/* By name over all directories; of one name the first directory's; sysctl.conf at last. */
static void test_order(void **state)
{
	const char *root = ((struct place *)*state)->base;
	struct sysctl_files f = { 0 };

	make_dirs(root);
	write_file(root, "/etc/sysctl.d/50-a.conf",
		   "net.netfilter.nf_conntrack_max=50\nnet.netfilter.nf_conntrack_gre_timeout=1\n");
	write_file(root, "/usr/lib/sysctl.d/60-b.conf",
		   "net.netfilter.nf_conntrack_max=60\nnet.netfilter.nf_conntrack_acct=0\n");
	write_file(root, "/usr/lib/sysctl.d/70-c.conf", "net.netfilter.nf_conntrack_max=70\n");
	write_file(root, "/usr/lib/sysctl.d/40-d.conf",
		   "net.netfilter.nf_conntrack_gre_timeout=40\n");
	write_file(root, "/run/sysctl.d/70-c.conf", "net.netfilter.nf_conntrack_events=0\n");
	write_file(root, "/etc/sysctl.d/99-off.conf.bak", "net.netfilter.nf_conntrack_max=99\n");
	write_file(root, "/etc/sysctl.conf", "net.netfilter.nf_conntrack_acct=1\n");
	sysctl_files_read(&f, root);
	assert_int_equal(f.n, 4);
	assert_int_equal(f.n_unread, 0);
	assert_setting(&f, "nf_conntrack_max", "60", "/usr/lib/sysctl.d/60-b.conf", 1);
	assert_setting(&f, "nf_conntrack_events", "0", "/run/sysctl.d/70-c.conf", 1);
	assert_setting(&f, "nf_conntrack_acct", "1", "/etc/sysctl.conf", 1);
	assert_setting(&f, "nf_conntrack_gre_timeout", "1", "/etc/sysctl.d/50-a.conf", 2);
	sysctl_files_free(&f);
}

static void test_unreadable(void **state)
{
	const char *root = ((struct place *)*state)->base;
	struct sysctl_files f = { 0 };

	sysctl_files_read(&f, root); /* nothing there: nothing asked */
	assert_int_equal(f.n + f.n_unread, 0);
	make_dirs(root);
	auto_free char *name = xasprintf("%s/etc/sysctl.d/a.conf", root);

	assert_int_equal(mkdir(name, 0700), 0);
	sysctl_files_read(&f, root);
	assert_int_equal(f.n_unread, 1);
	assert_string_equal(f.unread[0], "/etc/sysctl.d/a.conf: Is a directory");
	sysctl_files_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slab),  cmocka_unit_test(test_log),
		cmocka_unit_test(test_lines), PLACED(test_order),
		PLACED(test_unreadable),
	};

	return cmocka_run_group_tests_name("kernel_texts", tests, NULL, NULL);
}
