/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_load: which files are read, in which order, and which are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "config/policy.h"

/* Each test works in a directory of its own; *state is its path. */
static int enter(void **state)
{
	char *dir = xstrdup("/tmp/t_policy_load.XXXXXX");

	*state = dir;
	umask(022);
	return mkdtemp(dir) ? chdir(dir) : -1;
}

static int leave(void **state)
{
	char *command[] = { (char *)(uintptr_t) "rm", (char *)(uintptr_t) "-rf", *state, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execvp(command[0], command);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	free(*state);
	return chdir("/");
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* [service NAME] in a file of its own. */
static void write_service(const char *file, const char *name)
{
	char *text = xasprintf("[service %s]\nprotocol = gre\n", name);

	write_file(file, text);
	free(text);
}

/* The names of the services, or the findings, after loading the paths. */
static void check_load(const char *const *paths, size_t n, int rc, const char *want)
{
	struct policy p = { 0 };
	struct diag d = { 0 };
	char *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	assert_non_null(f);
	assert_int_equal(policy_load(&p, paths, n, &d), rc);
	for (size_t i = 0; i < p.n_services; i++)
		fprintf(f, "%s ", p.services[i].name);
	sources_free(&d.sources); /* the lines themselves are not of interest */
	diag_print(&d, f, SEVERITY_NOTE, false);
	fclose(f);
	assert_string_equal(got, want);
	free(got);
	diag_free(&d);
	policy_free(&p);
}

static void check_one(const char *path, int rc, const char *want)
{
	check_load(&path, 1, rc, want);
}

static void make_tree(void)
{
	assert_int_equal(mkdir("etc", 0755), 0);
	assert_int_equal(mkdir("etc/rules.d", 0755), 0);
	write_service("etc/rules.d/20-b.conf", "second");
	write_service("etc/rules.d/10-z.conf", "first");
	write_service("etc/rules.d/Z.conf", "capital");
	write_service("etc/rules.d/.hidden.conf", "hidden");
	write_service("etc/rules.d/a.conf~", "backup");
	write_service("etc/rules.d/a.conf.bak", "backup");
	write_service("etc/rules.d/conf", "nothing");
	write_service("etc/rules.d/.conf", "nothing");
	write_service("etc/untrack.conf", "main");
	write_service("etc/other.conf", "other");
}

static void test_directory(void **state)
{
	(void)state;
	make_tree();
	check_one("etc", 0, "main first second capital ");
	check_one("etc//", 0, "main first second capital ");
	assert_int_equal(unlink("etc/untrack.conf"), 0);
	check_one("etc", 0, "first second capital ");
	check_one("etc/rules.d", 0, "first second capital ");
	assert_int_equal(rename("etc/rules.d", "rules.d"), 0);
	check_one("etc", 0, "other ");
	check_one(".", 0, "first second capital ");
	assert_int_equal(unlink("etc/other.conf"), 0);
	check_one("etc", 0, "");
}

static void test_several_paths(void **state)
{
	const char *const paths[] = { "etc/other.conf", "etc" };
	const char *const twice[] = { "etc/other.conf", "etc/other.conf" };

	(void)state;
	make_tree();
	check_load(paths, 2, 0, "other main first second capital ");
	check_load(paths, 0, 0, "");
	check_load(twice, 2, -1,
		   "etc/other.conf:1:1: error: the name 'other' is taken by [service other] at "
		   "etc/other.conf:1 [config]\n"
		   "  cure: merge the sections, or give this one another name\n");
}

static void test_standard_input(void **state)
{
	(void)state;
	write_service("in", "piped");
	assert_non_null(freopen("in", "r", stdin));
	check_one("-", 0, "piped ");
	write_file("in", "[a\n");
	assert_non_null(freopen("in", "r", stdin));
	check_one("-", -1,
		  "standard input:1:3: error: section header without ']' [config]\n"
		  "  cure: close the header; the settings up to the next section header are "
		  "ignored until then\n");
	assert_non_null(freopen("/dev/null", "r", stdin));
}

/* Faults of all files in one run, and of what cannot be read. */
static void test_all_files_are_reported(void **state)
{
	const char *const paths[] = { "a.conf", "missing.conf", "b.conf", "c.conf" };

	(void)state;
	write_file("a.conf", "[service a]\nprotocol = gre\nprotocol = gre\n");
	write_file("b.conf", "[service b]\n");
	write_service("c.conf", "a");
	check_load(paths, 4, -2,
		   "a.conf:3:1: error: 'protocol' again in [service a], first on line 2 [config]\n"
		   "  cure: keep one of them; a list continues on indented lines\n"
		   "missing.conf: error: cannot open: No such file or directory [config]\n"
		   "  cure: is the name right? untrack.conf(5) says what belongs there\n"
		   "b.conf:1:1: error: empty section [service b] [config]\n"
		   "  cure: give it settings, or remove it\n"
		   "c.conf:1:1: error: the name 'a' is taken by [service a] at a.conf:1 [config]\n"
		   "  cure: merge the sections, or give this one another name\n");
}

static void test_sections_of_several_files(void **state)
{
	const char *const paths[] = { "a.conf", "b.conf" };

	(void)state;
	write_file("a.conf", "[untrack]\ndrain = no\n");
	write_file("b.conf", "drain = no\n[untrack]\ndrain = no\n");
	check_load(paths, 2, -1,
		   "b.conf:1:1: error: setting before the first section header [config]\n"
		   "  cure: put it under a header such as [service NAME]; the settings up to the "
		   "first header are ignored until then\n"
		   "b.conf:2:1: error: [untrack] again, first at a.conf:1 [config]\n"
		   "  cure: merge the two sections\n");
}

static void test_what_is_no_file(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("fifo.conf", 0644), 0);
	assert_int_equal(symlink("nowhere", "link.conf"), 0);
	assert_int_equal(symlink("loop.conf", "loop.conf"), 0);
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(mkdir("d/dir.conf", 0755), 0);
	check_one("fifo.conf", -2,
		  "fifo.conf: error: not a regular file [config]\n"
		  "  cure: name a file or a directory, or '-' for standard input\n");
	check_one("link.conf", -2,
		  "link.conf: error: symbolic link to a file that does not exist [config]\n"
		  "  cure: remove the link, or put the file where it points\n");
	check_one("loop.conf", -2,
		  "loop.conf: error: cannot open: Too many levels of symbolic links [config]\n");
	check_one("d", -2,
		  "d/dir.conf: error: not a regular file [config]\n"
		  "  cure: name a file or a directory, or '-' for standard input\n");
	check_one("/dev/zero", -2,
		  "/dev/zero: error: not a regular file [config]\n"
		  "  cure: name a file or a directory, or '-' for standard input\n");
	check_one("", -2,
		  ": error: cannot open: No such file or directory [config]\n"
		  "  cure: is the name right? untrack.conf(5) says what belongs there\n");
}

static void test_broken_links_in_a_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(symlink("nowhere", "d/rules.d"), 0);
	assert_int_equal(symlink("nowhere", "d/untrack.conf"), 0);
	check_one("d", -2,
		  "d/untrack.conf: error: symbolic link to a file that does not exist [config]\n"
		  "  cure: remove the link, or put the file where it points\n"
		  "d/rules.d: error: symbolic link to a file that does not exist [config]\n"
		  "  cure: remove the link, or put the file where it points\n");
	assert_int_equal(unlink("d/rules.d"), 0);
	write_file("d/rules.d", "");
	assert_int_equal(unlink("d/untrack.conf"), 0);
	check_one("d", -2, "d/rules.d: error: cannot open: Not a directory [config]\n");
}

static void test_links_are_followed(void **state)
{
	(void)state;
	make_tree();
	assert_int_equal(symlink("../other.conf", "etc/rules.d/30-link.conf"), 0);
	assert_int_equal(symlink("etc", "link"), 0);
	assert_int_equal(unlink("etc/rules.d/10-z.conf"), 0);
	assert_int_equal(symlink("/dev/null", "etc/rules.d/10-z.conf"), 0); /* masked */
	check_one("link", 0, "main second other capital ");
}

static void test_too_large(void **state)
{
	(void)state;
	write_file("large.conf", "");
	assert_int_equal(truncate("large.conf", ((off_t)64 << 20) + 1), 0);
	check_one("large.conf", -2, "large.conf: error: cannot read: File too large [config]\n");
}

static void test_only_root_writes(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	make_tree();
	assert_int_equal(chmod("etc/other.conf", 0664), 0);
	check_one("etc/other.conf", -2,
		  "etc/other.conf: error: users other than root can write to it [config]\n"
		  "  cure: chmod go-w etc/other.conf\n");
	assert_int_equal(chmod("etc/rules.d/Z.conf", 0602), 0);
	assert_int_equal(chown("etc/untrack.conf", 65534, 0), 0);
	check_one("etc", -2,
		  "etc/untrack.conf: error: not owned by root [config]\n"
		  "  cure: chown root etc/untrack.conf\n"
		  "etc/rules.d/Z.conf: error: users other than root can write to it [config]\n"
		  "  cure: chmod go-w etc/rules.d/Z.conf\n");
	assert_int_equal(chmod("etc/rules.d", 0777), 0);
	check_one("etc/rules.d", -2,
		  "etc/rules.d: error: users other than root can write to it [config]\n"
		  "  cure: chmod go-w etc/rules.d\n");
}

static void test_other_users_may_read(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	make_tree();
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(chmod("etc/other.conf", 0666), 0);
	assert_int_equal(chmod("etc/untrack.conf", 0600), 0);
	assert_int_equal(seteuid(65534), 0);
	check_one("etc/other.conf", 0, "other ");
	check_one("etc/untrack.conf", -2,
		  "etc/untrack.conf: error: cannot open: Permission denied [config]\n"
		  "  cure: read it as root, or name files that you may read\n");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod("etc/rules.d", 0700), 0);
	assert_int_equal(seteuid(65534), 0);
	check_one("etc/rules.d", -2,
		  "etc/rules.d: error: cannot open: Permission denied [config]\n"
		  "  cure: read it as root, or name files that you may read\n");
	assert_int_equal(seteuid(0), 0);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(test_directory),
		IN_DIR(test_several_paths),
		IN_DIR(test_standard_input),
		IN_DIR(test_all_files_are_reported),
		IN_DIR(test_sections_of_several_files),
		IN_DIR(test_what_is_no_file),
		IN_DIR(test_broken_links_in_a_directory),
		IN_DIR(test_links_are_followed),
		IN_DIR(test_too_large),
		IN_DIR(test_only_root_writes),
		IN_DIR(test_other_users_may_read),
	};

	return cmocka_run_group_tests_name("policy_load", tests, NULL, NULL);
}
