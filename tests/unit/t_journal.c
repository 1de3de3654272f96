/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal, generation, store: what is on disk, and what is refused there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "place.h"
#include "util.h"

static const struct generation_header none; /* nothing was said */

static void add_rule(struct ruleset *rs, const char *name, uint16_t port)
{
	struct rule *r = ruleset_add_rule(rs);

	r->hook = HOOK_PREROUTING;
	r->name = xstrdup(name);
	r->match.families = FAMILIES_BOTH;
	r->match.proto = IPPROTO_TCP;
	ports_add(&r->match.dport, port, port);
	ruleset_normalise(rs);
}

static void add_twin(struct ruleset *rs, const char *name, uint64_t anchor)
{
	struct twin *w = ruleset_add_twin(rs);

	w->family = TABLE_INET;
	w->table = xstrdup("filter");
	w->chain = xstrdup("input");
	w->anchor = anchor;
	w->names = xstrdup(name);
	w->match.families = FAMILIES_BOTH;
	w->match.proto = IPPROTO_TCP;
	w->body = xstrdup("immediate:00");
	ruleset_normalise(rs);
}

#define STEPS "max 262144 1000000\ntimeout-udp - 15\n"

static void begin(struct place *pl, uint16_t before_port, uint16_t want_port)
{
	struct transaction t = { .backend = xstrdup("fake") };

	add_rule(&t.before, "before", before_port);
	add_rule(&t.want, "want", want_port);
	add_twin(&t.want, "want", 7);
	assert_int_equal(settings_parse(&t.settings, STEPS), 0);
	assert_int_equal(journal_begin(&pl->sp, &t, &pl->d), 0);
	transaction_free(&t);
}

static void assert_load_fails(struct place *pl, const char *id, const char *words)
{
	struct transaction t = { 0 };

	assert_int_equal(journal_load(&pl->sp, &t, &pl->d), -1);
	assert_false(t.open);
	assert_null(t.backend);
	assert_finding(&pl->d, id, words);
}

static void test_begin_load_end(void **state)
{
	struct place *pl = *state;
	struct transaction t = { 0 };

	assert_int_equal(journal_load(&pl->sp, &t, &pl->d), 0); /* no directory at all */
	assert_false(t.open);
	assert_int_equal(journal_end(&pl->sp, &pl->d), 0);
	begin(pl, 1, 2);
	begin(pl, 80, 443); /* replaces */
	assert_int_equal(journal_load(&pl->sp, &t, &pl->d), 0);
	assert_true(t.open);
	assert_string_equal(t.backend, "fake");
	assert_int_equal(t.before.n_rules, 1);
	assert_int_equal(t.before.n_twins, 0);
	assert_int_equal(t.before.rules[0].match.dport.v[0].lo, 80);
	assert_int_equal(t.want.rules[0].match.dport.v[0].lo, 443);
	assert_int_equal(t.want.twins[0].anchor, 7);
	transaction_free(&t);
	transaction_free(&t);
	assert_int_equal(journal_end(&pl->sp, &pl->d), 0);
	assert_int_equal(journal_load(&pl->sp, &t, &pl->d), 0);
	assert_false(t.open);
	assert_int_equal(pl->d.n, 0);
}

static char *print(const struct transaction *t, size_t *len)
{
	char *text = NULL;
	FILE *f = xmemstream(&text, len);

	transaction_print(t, f);
	fclose(f);
	return text;
}

/* What has no settings is as it ever was. */
static void check_print_parse(const char *steps, const char *magic)
{
	struct transaction t = { .backend = xstrdup("nftables") }, again = { 0 };
	auto_free char *first = NULL, *second = NULL;
	struct diag d = { 0 };
	size_t len;

	for (uint16_t i = 0; i < 20; i++) {
		add_rule(i % 2 ? &t.before : &t.want, i % 3 ? "a" : "b", 1 + 7 * i);
		add_twin(i % 2 ? &t.before : &t.want, "c", 5 * i);
	}
	ARRAY_ADD(t.want.counters, t.want.n_counters)->name = xstrdup("b");
	t.want.counters[0].packets = UINT64_MAX;
	assert_int_equal(settings_parse(&t.settings, steps), 0);
	first = print(&t, &len);
	assert_memory_equal(first, magic, strlen(magic));
	assert_int_equal(transaction_parse(first, len, "t", &again, &d), 0);
	assert_int_equal(ruleset_diff(&t.want, &again.want, NULL), 0);
	assert_int_equal(ruleset_diff(&t.before, &again.before, NULL), 0);
	assert_int_equal(t.settings.n, again.settings.n);
	second = print(&again, &len);
	assert_string_equal(first, second);
	transaction_free(&t);
	transaction_free(&again);
}

static void test_print_parse(void **state)
{
	(void)state;
	check_print_parse("", "untrack transaction 1\n");
	check_print_parse(STEPS, "untrack transaction 2\n");
}

static void test_truncated_anywhere(void **state)
{
	struct place *pl = *state;
	auto_free char *text = NULL, *longer = NULL;
	size_t len;

	begin(pl, 80, 443);
	text = get(pl->run, "transaction", &len);
	for (size_t i = 0; i < len; i++) {
		put(pl->run, "transaction", text, i);
		assert_load_fails(pl, "journal", "truncated");
	}
	longer = xasprintf("%smore\n", text);
	put(pl->run, "transaction", longer, len + 5);
	assert_load_fails(pl, "journal", "damaged");
	text[len - 1] = 'x';
	put(pl->run, "transaction", text, len);
	assert_load_fails(pl, "journal", "damaged");
}

static void test_content_of_others(void **state)
{
	struct place *pl = *state;
	static const struct {
		const char *text;
		size_t len;
		const char *words;
	} cases[] = {
		{ "*filter\nCOMMIT\n", 15, "not written by untrack" },
		{ "untrack transaction 1\nbackend x\nbefore 0\n\0want 0\nend\n", 54,
		  "not written by untrack" },
		{ "untrack transaction 3\nanything", 30, "newer untrack (format 3)" },
		{ "untrack transaction one\n", 24, "damaged" },
		{ "untrack transaction 1\nbackend x\nbefore 99999999999\nwant 0\nend\n", 62,
		  "damaged" },
	};

	begin(pl, 80, 443);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put(pl->run, "transaction", cases[i].text, cases[i].len);
		assert_load_fails(pl, "journal", cases[i].words);
	}
}

static void test_settings_that_are_none(void **state)
{
	static const char *const steps[] = {
		"",
		"max 1\n",
		"max 1 2 3\n",
		"max 1 2",
		"max -1 2\n",
		"max - -\n",
		"../x 1 2\n",
		"max 1 2\nmax 1 2\n",
		"max 1 2\nbuckets 1 2\n",
		" 1 2\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		auto_free char *text = xasprintf("untrack transaction 2\nbackend x\nbefore 0\n"
						 "want 0\nsettings %zu\n%send\n",
						 strlen(steps[i]), steps[i]);
		struct transaction t = { 0 };
		struct diag d = { 0 };

		assert_int_equal(transaction_parse(text, strlen(text), "t", &t, &d), -1);
		assert_string_equal(d.v[d.n - 1].id, "journal");
		diag_free(&d);
	}
}

static void test_rules_that_are_none(void **state)
{
	struct transaction t = { 0 };
	struct diag d = { 0 };
	static const char text[] =
		"untrack transaction 1\nbackend x\nbefore 5\nrule\nwant 0\nend\n";

	(void)state;
	assert_int_equal(transaction_parse(text, strlen(text), "t", &t, &d), -1);
	assert_true(d.errors >= 1);
	assert_string_equal(d.v[d.n - 1].id, "journal");
	assert_null(t.backend);
	diag_free(&d);
}

/* What stands in place of a file is neither followed, nor waited for, nor trusted. */
static void test_not_our_file(void **state)
{
	struct place *pl = *state;
	auto_free char *p = NULL, *q = NULL;

	begin(pl, 80, 443);
	path(pl->run, "transaction", &p);
	assert_int_equal(chmod(p, 0666), 0);
	assert_load_fails(pl, "state-file", "others than its owner can write");
	chmod(p, 0644);
	assert_int_equal(truncate(p, 65l << 20), 0);
	assert_load_fails(pl, "state-file", "too large");
	assert_int_equal(rename(p, path(pl->base, "elsewhere", &q)), 0);
	assert_int_equal(symlink(q, p), 0);
	assert_load_fails(pl, "state-file", "symbolic links");
	unlink(p);
	assert_int_equal(mkfifo(p, 0600), 0);
	assert_load_fails(pl, "state-file", "not a plain file");
	unlink(p);
	assert_int_equal(mkdir(p, 0700), 0);
	assert_load_fails(pl, "state-file", "not a plain file");
	assert_int_equal(rmdir(p), 0);
	begin(pl, 80, 443);
	if (geteuid() == 0) {
		assert_int_equal(chown(p, 12345, 0), 0);
		assert_load_fails(pl, "state-file", "belongs to user 12345");
	}
}

/* A link under the temporary name is replaced, and what it points to stays as it is. */
static void test_leftovers(void **state)
{
	struct place *pl = *state;
	struct transaction t = { 0 };
	auto_free char *p = NULL, *victim = NULL, *text = NULL;
	size_t len;

	begin(pl, 80, 443);
	put(pl->base, "victim", "precious", 8);
	assert_int_equal(
		symlink(path(pl->base, "victim", &victim), path(pl->run, "transaction.new", &p)),
		0);
	begin(pl, 81, 444);
	assert_int_equal(journal_load(&pl->sp, &t, &pl->d), 0);
	assert_int_equal(t.before.rules[0].match.dport.v[0].lo, 81);
	transaction_free(&t);
	text = get(pl->base, "victim", &len);
	assert_string_equal(text, "precious");
}

static void test_directories(void **state)
{
	struct place *pl = *state;
	struct stat st;
	int fd = journal_lock(&pl->sp, 0, &pl->d);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(stat(pl->state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(pl->run, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	chmod(pl->run, 0777);
	assert_int_equal(journal_lock(&pl->sp, 0, &pl->d), -1);
	assert_finding(&pl->d, "state-file", "others than its owner can write to");
	chmod(pl->run, 0700);
	if (geteuid() == 0) {
		assert_int_equal(chown(pl->run, 12345, 0), 0);
		assert_load_fails(pl, "state-file", "belongs to user 12345");
		assert_int_equal(chown(pl->run, 0, 0), 0);
	}
	assert_int_equal(rmdir(pl->state), 0);
	put(pl->base, "state", "", 0);
	assert_int_equal(generation_newest(&pl->sp, &pl->d), -1);
	assert_int_equal(pl->d.errors, 1);
	diag_free(&pl->d);
	unlink(pl->state);
	free(pl->state);
	pl->state = xasprintf("%s/no/such/parent", pl->base);
	pl->sp.state_dir = pl->state;
	assert_int_equal(journal_lock(&pl->sp, 0, &pl->d), -1);
	assert_string_equal(pl->d.v[0].id, "state-file");
}

/* A child that holds the lock until it is killed, or for so many ms. */
static pid_t hold_lock(struct place *pl, int ms)
{
	int ready[2];
	char c = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		const struct timespec t = { ms / 1000, ms % 1000 * 1000000l };
		int fd = journal_lock(&pl->sp, 0, &pl->d);

		if (fd < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		nanosleep(&t, NULL);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void test_lock(void **state)
{
	struct place *pl = *state;
	auto_free char *holder = NULL, *p = NULL, *text = NULL, *mine = NULL;
	struct timespec t0, t1;
	pid_t pid = hold_lock(pl, 60000);
	size_t len;
	int fd;

	holder = xasprintf("process %ld,", (long)pid);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(journal_lock(&pl->sp, 100, &pl->d), -1);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_in_range((t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000, 99,
			2000);
	assert_finding(&pl->d, "locked", holder);
	put(pl->run, "lock", "", 0); /* a holder that could not write its pid */
	assert_int_equal(journal_lock(&pl->sp, 0, &pl->d), -1);
	assert_finding(&pl->d, "locked", "another process");
	kill(pid, SIGKILL); /* no lock outlives its process */
	waitpid(pid, NULL, 0);
	fd = journal_lock(&pl->sp, 0, &pl->d);
	assert_true(fd >= 0);
	text = get(pl->run, "lock", &len);
	mine = xasprintf("%ld\n", (long)getpid());
	assert_string_equal(text, mine);
	close(fd);
	pid = hold_lock(pl, 150);
	fd = journal_lock(&pl->sp, 5000, &pl->d); /* waits for a short one */
	assert_true(fd >= 0);
	close(fd);
	waitpid(pid, NULL, 0);
	unlink(path(pl->run, "lock", &p));
	assert_int_equal(symlink("/etc/passwd", p), 0);
	assert_int_equal(journal_lock(&pl->sp, 0, &pl->d), -1);
	assert_finding(&pl->d, "state-file", "symbolic links");
}

/* Runs in a child of its own: limits and mounts end with it. Exit status 77: not possible here. */
static void in_child(struct place *pl, void (*fn)(struct place *pl))
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		fn(pl);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void expect(bool ok, int line)
{
	if (!ok) {
		fprintf(stderr, "# line %d failed\n", line);
		_exit(1);
	}
}
#define EXPECT(x) expect(x, __LINE__)

static bool only_finding(const struct diag *d, const char *id, const char *words)
{
	return d->errors == 1 && !strcmp(d->v[0].id, id) && strstr(d->v[0].text, words) &&
	       d->v[0].cure;
}

/* The old evidence survives a new one that could not be written, and no temporary file is left. */
static void expect_failed_writes(struct place *pl, const char *words)
{
	struct transaction big = { .backend = xstrdup("fake") }, t = { 0 };
	struct ruleset *want = &big.want;
	auto_free char *p = NULL;

	for (unsigned i = 0; i < 2000; i++)
		ports_add(&ruleset_add_rule(want)->match.dport, (uint16_t)(i * 3),
			  (uint16_t)(i * 3));
	for (size_t i = 0; i < want->n_rules; i++) {
		want->rules[i].name = xasprintf("rule%zu", i);
		want->rules[i].match.families = FAMILIES_BOTH;
	}
	EXPECT(journal_begin(&pl->sp, &big, &pl->d) == -1);
	EXPECT(only_finding(&pl->d, "state-file", words));
	diag_free(&pl->d);
	EXPECT(access(path(pl->run, "transaction.new", &p), F_OK) == -1);
	EXPECT(journal_load(&pl->sp, &t, &pl->d) == 0 && t.open);
	EXPECT(t.before.rules[0].match.dport.v[0].lo == 80);
	for (size_t i = 0; i < want->n_rules; i++)
		free(want->rules[i].name);
	free(p);
	p = xcalloc(200001, 1);
	memset(p, '\n', 200000);
	EXPECT(generation_write(&pl->sp, p, "nftables", &none, &pl->d) == -1);
	EXPECT(only_finding(&pl->d, "state-file", words));
	diag_free(&pl->d);
	EXPECT(generation_newest(&pl->sp, &pl->d) == 1);
	EXPECT(access(path(pl->state, "generation.new", &p), F_OK) == -1);
}

static void write_beyond_limit(struct place *pl)
{
	const struct rlimit limit = { 8192, 8192 };

	signal(SIGXFSZ, SIG_IGN);
	EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	expect_failed_writes(pl, "File too large");
}

static void prepare_both(struct place *pl)
{
	assert_int_equal(generation_write(&pl->sp, "a\n", "nftables", &none, &pl->d), 1);
	begin(pl, 80, 443);
}

static void test_file_size_limit(void **state)
{
	struct place *pl = *state;

	prepare_both(pl);
	in_child(pl, write_beyond_limit);
}

static void mount_small(struct place *pl, const char *options)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", pl->base, "tmpfs", 0, options))
		_exit(77);
}

/* A mark that cannot be written leaves the generation as it was. */
static void expect_failed_mark(struct place *pl, const char *words)
{
	auto_free char *p = NULL;

	EXPECT(generation_mark(&pl->sp, 1, GENERATION_UNCONFIRMED, &pl->d) == -1);
	EXPECT(only_finding(&pl->d, "state-file", words));
	diag_free(&pl->d);
	EXPECT(access(path(pl->state, "generation.marked", &p), F_OK) == -1);
	EXPECT(!generation_is_unconfirmed(&pl->sp, 1));
	EXPECT(generation_is_newest(&pl->sp, "a\n"));
	EXPECT(generation_mark(&pl->sp, 1, GENERATION_CONFIRMED, &pl->d) == 0); /* as it is */
}

static void fill_disk(struct place *pl)
{
	auto_free char *p = NULL;
	auto_close int fd = open(path(pl->state, "filler", &p), O_WRONLY | O_CREAT, 0600);
	char page[4096] = "";

	while (write(fd, page, sizeof page) > 0)
		;
}

static void write_to_full_disk(struct place *pl)
{
	mount_small(pl, "size=64k,mode=0700");
	EXPECT(generation_write(&pl->sp, "a\n", "nftables", &none, &pl->d) == 1);
	begin(pl, 80, 443);
	expect_failed_writes(pl, "No space left on device");
	fill_disk(pl);
	expect_failed_mark(pl, "No space left on device");
}

static void write_to_read_only_disk(struct place *pl)
{
	int fd;

	mount_small(pl, "size=1m,mode=0700");
	EXPECT(generation_write(&pl->sp, "a\n", "nftables", &none, &pl->d) == 1);
	begin(pl, 80, 443);
	EXPECT(mount("none", pl->base, NULL, MS_REMOUNT | MS_RDONLY, "size=1m,mode=0700") == 0);
	expect_failed_writes(pl, "Read-only file system");
	expect_failed_mark(pl, "Read-only file system");
	fd = journal_lock(&pl->sp, 0, &pl->d);
	EXPECT(fd == -1 && only_finding(&pl->d, "state-file", "Read-only file system"));
	diag_free(&pl->d);
	EXPECT(journal_end(&pl->sp, &pl->d) == -1);
	EXPECT(only_finding(&pl->d, "state-file", "Read-only file system"));
}

static void test_full_disk(void **state)
{
	in_child(*state, write_to_full_disk);
}

static void test_read_only_disk(void **state)
{
	in_child(*state, write_to_read_only_disk);
}

static void write_unprivileged(struct place *pl)
{
	if (setgid(12345) || setuid(12345))
		_exit(77);
	EXPECT(journal_lock(&pl->sp, 0, &pl->d) == -1);
	EXPECT(only_finding(&pl->d, "state-file", "Permission denied"));
}

static void test_unwritable(void **state)
{
	struct place *pl = *state;

	chmod(pl->base, 0755);
	in_child(pl, write_unprivileged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(test_begin_load_end),
		cmocka_unit_test(test_print_parse),
		PLACED(test_truncated_anywhere),
		PLACED(test_content_of_others),
		cmocka_unit_test(test_rules_that_are_none),
		cmocka_unit_test(test_settings_that_are_none),
		PLACED(test_not_our_file),
		PLACED(test_leftovers),
		PLACED(test_directories),
		PLACED(test_lock),
		PLACED(test_file_size_limit),
		PLACED(test_full_disk),
		PLACED(test_read_only_disk),
		PLACED(test_unwritable),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
