/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply: every step of the transaction, every fault: result, kernel, journal, generations. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fake_backend.h"
#include "transaction/apply.h"
#include "util.h"

static const char api[] = "[service api]\nprotocol = tcp\nport = 8080\n";
static const char web[] = "[service web]\nprotocol = tcp\nport = 80, 443\n";
static const char nothing[] = "";

struct place { /* of one test: a host with a firewall, and our directories */
	char *base, *state, *run;
	struct apply_options o;
	struct backend b;
	struct diag d;
	struct ruleset after;
};

static void add_firewall(struct backend *b)
{
	fake_add_rule(b, FAKE_ESTABLISHED, 0);
	fake_add_rule(b, FAKE_PORT, 22);
	fake_add_rule(b, FAKE_PORT, 80);
	fake_add_rule(b, FAKE_PORT, 443);
	fake_add_rule(b, FAKE_PORT, 8080);
}

static void place_init(struct place *pl)
{
	char base[] = "/tmp/untrack-t_apply.XXXXXX";

	*pl = (struct place){ 0 };
	assert_non_null(mkdtemp(base));
	pl->base = xstrdup(base);
	pl->state = xasprintf("%s/state", base);
	pl->run = xasprintf("%s/run", base);
	pl->o.paths = (struct state_paths){ pl->state, pl->run };
	add_firewall(&pl->b);
}

static void place_free(struct place *pl)
{
	pid_t pid = fork();

	if (!pid) {
		execlp("rm", "rm", "-rf", pl->base, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	diag_free(&pl->d);
	ruleset_free(&pl->after);
	fake_free(&pl->b);
	free(pl->base);
	free(pl->state);
	free(pl->run);
}

static void record(struct place *pl, const struct policy *p)
{
	auto_free char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	policy_print(p, f);
	fclose(f);
	assert_true(generation_write(&pl->o.paths, text, "other", &pl->d) > 0);
}

/* As the command does it: what was changed goes on record. */
static enum apply_result apply_text(struct place *pl, const char *text)
{
	const struct host_params h = HOST_PARAMS_DEFAULT;
	struct policy p = { 0 };
	enum apply_result result;

	diag_free(&pl->d);
	ruleset_free(&pl->after);
	assert_int_equal(policy_parse(&p, text, "test", &pl->d), 0);
	result = apply_policy(&fake_backend, &pl->b, &p, &h, &pl->o, &pl->after, &pl->d);
	if (result == APPLY_CHANGED)
		record(pl, &p);
	policy_free(&p);
	return result;
}

/* Rules and twins, without the numbers of the twins' own handles. */
static char *kernel_text(const struct backend *b)
{
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	ruleset_print(&b->ours, f);
	for (size_t i = 0; i < b->ours.n_foreign; i++)
		fprintf(f, "foreign %s\n", b->ours.foreign[i]);
	fclose(f);
	return text;
}

static bool has_finding(const struct diag *d, const char *id, enum severity s)
{
	for (size_t i = 0; i < d->n; i++) {
		if (!strcmp(d->v[i].id, id) && d->v[i].severity == s)
			return true;
	}
	return false;
}

static bool is_journal_open(const struct place *pl)
{
	struct transaction t = { 0 };
	struct diag d = { 0 };
	bool open;

	assert_int_equal(journal_load(&pl->o.paths, &t, &d), 0);
	open = t.open;
	transaction_free(&t);
	return open;
}

static long newest(const struct place *pl)
{
	struct diag d = { 0 };

	return generation_newest(&pl->o.paths, &d);
}

static bool exists(const char *dir, const char *name)
{
	auto_free char *p = xasprintf("%s/%s", dir, name);

	return access(p, F_OK) == 0;
}

/* --- what others do between our calls --- */

static void delete_anchor_at_read_2(struct backend *b, unsigned read, void *ctx)
{
	(void)ctx;
	if (read == 1)
		fake_delete_rule(b, 0);
}

static void delete_other_rule(struct backend *b, unsigned read, void *ctx)
{
	(void)ctx;
	if (read == 1)
		fake_delete_rule(b, 1);
}

static void reload_at_read_2(struct backend *b, unsigned read, void *ctx)
{
	(void)ctx;
	if (read == 1)
		fake_reload(b);
}

static void reload_always(struct backend *b, unsigned read, void *ctx)
{
	(void)ctx;
	if (read % 3 == 1 && read < 40)
		fake_reload(b);
}

static void foreign_at_read_2(struct backend *b, unsigned read, void *ctx)
{
	(void)ctx;
	if (read == 1)
		fake_add_foreign(b, "chain mine");
}

enum kernel { BEFORE, WANT, OTHER };

struct row { /* from a host with api applied, to web */
	const char *name;
	enum fake_fault commits[FAKE_CALLS];
	const char *bad_reads; /* 'x': this call fails */
	void (*meddle)(struct backend *b, unsigned read, void *ctx);
	bool force;
	enum apply_result result;
	enum kernel kernel;
	const char *id; /* a finding that must be there; NULL: no error at all */
	enum severity severity;
};

#define STALE FAKE_STALE

static const struct row rows[] = {
	{ .name = "works", .result = APPLY_CHANGED, .kernel = WANT },
	{ .name = "first read fails",
	  .bad_reads = "x",
	  .result = APPLY_REFUSED,
	  .kernel = BEFORE,
	  .id = "fake" },
	{ .name = "refused",
	  .commits = { FAKE_REFUSES },
	  .result = APPLY_REFUSED,
	  .kernel = BEFORE,
	  .id = "fake" },
	{ .name = "error, yet applied",
	  .commits = { FAKE_LATE_ERROR },
	  .result = APPLY_CHANGED,
	  .kernel = WANT,
	  .id = "verified",
	  .severity = SEVERITY_NOTE },
	{ .name = "acknowledged, not applied",
	  .commits = { FAKE_LIES },
	  .result = APPLY_REFUSED,
	  .kernel = BEFORE,
	  .id = "not-applied" },
	{ .name = "half applied, error",
	  .commits = { FAKE_HALF_ERROR },
	  .result = APPLY_ROLLED_BACK,
	  .kernel = BEFORE,
	  .id = "verify-failed" },
	{ .name = "half applied, acknowledged",
	  .commits = { FAKE_HALF },
	  .result = APPLY_ROLLED_BACK,
	  .kernel = BEFORE,
	  .id = "verify-failed" },
	{ .name = "half, and the way back works at the third try",
	  .commits = { FAKE_HALF, FAKE_REFUSES, FAKE_LIES },
	  .result = APPLY_ROLLED_BACK,
	  .kernel = BEFORE,
	  .id = "verify-failed" },
	{ .name = "half, and the way back reports an error but works",
	  .commits = { FAKE_HALF, FAKE_LATE_ERROR },
	  .result = APPLY_ROLLED_BACK,
	  .kernel = BEFORE,
	  .id = "verify-failed" },
	{ .name = "half, and no way back",
	  .commits = { FAKE_HALF, FAKE_LIES, FAKE_LIES, FAKE_LIES, FAKE_LIES, FAKE_LIES, FAKE_LIES,
		       FAKE_LIES, FAKE_LIES, FAKE_LIES, FAKE_LIES },
	  .result = APPLY_UNKNOWN,
	  .kernel = OTHER,
	  .id = "unproven" },
	{ .name = "half, and the way back is refused",
	  .commits = { FAKE_HALF_ERROR, FAKE_REFUSES, FAKE_REFUSES, FAKE_REFUSES, FAKE_REFUSES,
		       FAKE_REFUSES, FAKE_REFUSES, FAKE_REFUSES, FAKE_REFUSES, FAKE_REFUSES,
		       FAKE_REFUSES },
	  .result = APPLY_UNKNOWN,
	  .kernel = OTHER,
	  .id = "unproven" },
	{ .name = "stale once", .commits = { STALE }, .result = APPLY_CHANGED, .kernel = WANT },
	{ .name = "stale nine times",
	  .commits = { STALE, STALE, STALE, STALE, STALE, STALE, STALE, STALE, STALE },
	  .result = APPLY_CHANGED,
	  .kernel = WANT },
	{ .name = "stale ten times",
	  .commits = { STALE, STALE, STALE, STALE, STALE, STALE, STALE, STALE, STALE, STALE },
	  .result = APPLY_REFUSED,
	  .kernel = BEFORE,
	  .id = "contended" },
	{ .name = "stale, then refused",
	  .commits = { STALE, FAKE_REFUSES },
	  .result = APPLY_REFUSED,
	  .kernel = BEFORE,
	  .id = "fake" },
	{ .name = "stale, then the read fails",
	  .commits = { STALE },
	  .bad_reads = "-x",
	  .result = APPLY_REFUSED,
	  .kernel = BEFORE,
	  .id = "fake" },
	{ .name = "read-back fails once",
	  .bad_reads = "-x",
	  .result = APPLY_CHANGED,
	  .kernel = WANT },
	{ .name = "read-back fails twice: back to before",
	  .bad_reads = "-xx",
	  .result = APPLY_ROLLED_BACK,
	  .kernel = BEFORE,
	  .id = "fake" },
	{ .name = "read-back fails for good",
	  .bad_reads = "-xxxxxxxxxxxxxxxxxxxxx",
	  .result = APPLY_UNKNOWN,
	  .kernel = WANT,
	  .id = "unproven" },
	{ .name = "error, and read-back fails for good",
	  .commits = { FAKE_HALF_ERROR },
	  .bad_reads = "-xxxxxxxxxxxxxxxxxxxxx",
	  .result = APPLY_UNKNOWN,
	  .kernel = OTHER,
	  .id = "unproven" },
	{ .name = "an anchor vanishes before the read-back",
	  .meddle = delete_anchor_at_read_2,
	  .result = APPLY_CHANGED,
	  .kernel = OTHER },
	{ .name = "another rule vanishes",
	  .meddle = delete_other_rule,
	  .result = APPLY_CHANGED,
	  .kernel = WANT },
	{ .name = "the firewall reloads before the read-back",
	  .meddle = reload_at_read_2,
	  .result = APPLY_CHANGED,
	  .kernel = OTHER },
	{ .name = "the firewall reloads, and then all goes wrong",
	  .meddle = reload_at_read_2,
	  .commits = { FAKE_WORKS, FAKE_HALF },
	  .result = APPLY_ROLLED_BACK,
	  .kernel = OTHER,
	  .id = "rolled-back",
	  .severity = SEVERITY_WARNING },
	{ .name = "the firewall reloads all the time",
	  .meddle = reload_always,
	  .result = APPLY_ROLLED_BACK,
	  .kernel = OTHER,
	  .id = "contended" },
	{ .name = "an anchor vanishes, half applied",
	  .meddle = delete_anchor_at_read_2,
	  .commits = { FAKE_HALF, FAKE_HALF },
	  .result = APPLY_ROLLED_BACK,
	  .kernel = OTHER,
	  .id = "rolled-back",
	  .severity = SEVERITY_WARNING },
	{ .name = "somebody writes into our table meanwhile",
	  .meddle = foreign_at_read_2,
	  .result = APPLY_CHANGED,
	  .kernel = OTHER,
	  .id = "foreign-objects",
	  .severity = SEVERITY_WARNING },
	{ .name = "somebody writes into our table, and all goes wrong",
	  .meddle = foreign_at_read_2,
	  .commits = { FAKE_HALF },
	  .result = APPLY_UNKNOWN,
	  .kernel = OTHER,
	  .id = "unproven" },
};

/* The text that a kernel has after an undisturbed apply of this policy. */
static char *undisturbed(const char *first, const char *then)
{
	struct place pl;
	char *text;

	place_init(&pl);
	assert_int_equal(apply_text(&pl, first), APPLY_CHANGED);
	if (then)
		assert_int_equal(apply_text(&pl, then), APPLY_CHANGED);
	text = kernel_text(&pl.b);
	place_free(&pl);
	return text;
}

static void check_row(const struct row *row, const char *before, const char *want)
{
	auto_free char *now = NULL;
	struct place pl;
	enum apply_result result;
	bool changed = row->result == APPLY_CHANGED;

	place_init(&pl);
	assert_int_equal(apply_text(&pl, api), APPLY_CHANGED);
	assert_int_equal(newest(&pl), 1);
	fake_reset_faults(&pl.b);
	memcpy(pl.b.fail_commit, row->commits, sizeof(row->commits));
	for (size_t i = 0; row->bad_reads && row->bad_reads[i]; i++)
		pl.b.fail_read[i] = row->bad_reads[i] == 'x';
	pl.b.meddle = row->meddle;
	pl.o.force = row->force;
	result = apply_text(&pl, web);
	now = kernel_text(&pl.b);
	if (result != row->result)
		diag_print(&pl.d, stderr, SEVERITY_NOTE, false);
	assert_int_equal(result, row->result);
	if (row->kernel != OTHER)
		assert_string_equal(now, row->kernel == WANT ? want : before);
	assert_int_equal(is_journal_open(&pl), row->result == APPLY_UNKNOWN);
	assert_int_equal(newest(&pl), changed ? 2 : 1);
	assert_false(exists(pl.state, "generation.new"));
	assert_false(exists(pl.run, "transaction.new"));
	assert_int_equal(pl.after.n_rules != 0, changed);
	assert_int_equal(pl.d.errors != 0, !changed);
	if (row->id)
		assert_true(has_finding(&pl.d, row->id, row->severity));
	place_free(&pl);
}

static void test_faults(void **state)
{
	auto_free char *before = undisturbed(api, NULL), *want = undisturbed(api, web);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("# %s\n", rows[i].name);
		check_row(&rows[i], before, want);
	}
}

/* Twice the same: no commit, no byte, no new file. */
static void test_unchanged(void **state)
{
	struct place pl;
	struct stat before, after;

	(void)state;
	place_init(&pl);
	assert_int_equal(apply_text(&pl, web), APPLY_CHANGED);
	fake_reset_faults(&pl.b);
	assert_int_equal(stat(pl.state, &before), 0);
	assert_int_equal(apply_text(&pl, web), APPLY_UNCHANGED);
	assert_int_equal(stat(pl.state, &after), 0);
	assert_int_equal(pl.b.commits, 0);
	assert_int_equal(pl.b.reads, 1);
	assert_int_equal(newest(&pl), 1);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	assert_true(pl.after.n_rules > 0);
	place_free(&pl);
}

static void test_removal(void **state)
{
	struct place pl;

	(void)state;
	place_init(&pl);
	assert_int_equal(apply_text(&pl, nothing), APPLY_UNCHANGED);
	assert_int_equal(newest(&pl), 0); /* there never was anything */
	assert_int_equal(apply_text(&pl, web), APPLY_CHANGED);
	assert_true(pl.b.ours.n_rules && pl.b.ours.n_twins);
	assert_int_equal(apply_text(&pl, nothing), APPLY_CHANGED);
	assert_int_equal(pl.b.ours.n_rules + pl.b.ours.n_twins, 0);
	assert_int_equal(newest(&pl), 2);
	assert_int_equal(apply_text(&pl, nothing), APPLY_UNCHANGED);
	assert_int_equal(newest(&pl), 2);
	place_free(&pl);
}

static void test_foreign_objects(void **state)
{
	static const char *const texts[] = { web, nothing };
	struct place pl;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		place_init(&pl);
		assert_int_equal(apply_text(&pl, api), APPLY_CHANGED);
		for (unsigned k = 0; k < 12; k++) {
			auto_free char *what = xasprintf("set s%02u", k);

			fake_add_foreign(&pl.b, what);
		}
		fake_reset_faults(&pl.b);
		assert_int_equal(apply_text(&pl, texts[i]), APPLY_REFUSED);
		assert_int_equal(pl.b.commits, 0);
		assert_true(has_finding(&pl.d, "foreign-objects", SEVERITY_ERROR));
		assert_non_null(strstr(pl.d.v[pl.d.n - 1].text, "set s09; and 2 more"));
		assert_non_null(strstr(pl.d.v[pl.d.n - 1].cure, "--force"));
		assert_int_equal(pl.b.ours.n_foreign, 12);
		pl.o.force = true;
		assert_int_equal(apply_text(&pl, texts[i]), APPLY_CHANGED);
		assert_int_equal(pl.b.ours.n_foreign, 0);
		place_free(&pl);
	}
}

/* A forced run that fails half-way cannot bring back what was not ours: it must not say it did. */
static void test_foreign_objects_lost(void **state)
{
	struct place pl;

	(void)state;
	place_init(&pl);
	assert_int_equal(apply_text(&pl, api), APPLY_CHANGED);
	fake_add_foreign(&pl.b, "set mine");
	fake_reset_faults(&pl.b);
	pl.o.force = true;
	pl.b.fail_commit[0] = FAKE_HALF;
	assert_int_equal(apply_text(&pl, web), APPLY_UNKNOWN);
	place_free(&pl);
}

/* What the derivation finds refuses, unless forced: then it is a warning. */
static void test_refused_by_findings(void **state)
{
	struct place pl;

	(void)state;
	place_init(&pl);
	fake_free(&pl.b);
	fake_add_rule(&pl.b, FAKE_STATE_NEGATED, 0);
	add_firewall(&pl.b);
	assert_int_equal(apply_text(&pl, web), APPLY_REFUSED);
	assert_true(pl.d.errors > 0);
	assert_int_equal(pl.b.commits, 0);
	assert_int_equal(newest(&pl), 0);
	assert_false(exists(pl.run, "transaction"));
	pl.o.force = true;
	assert_int_equal(apply_text(&pl, web), APPLY_CHANGED);
	assert_int_equal(pl.d.errors, 0);
	assert_true(pl.d.warnings > 0);
	place_free(&pl);
}

/* The evidence cannot be written: the kernel is not touched. */
static void test_no_evidence(void **state)
{
	struct place pl;

	(void)state;
	place_init(&pl);
	assert_int_equal(apply_text(&pl, api), APPLY_CHANGED);
	fake_reset_faults(&pl.b);
	chmod(pl.run, 0777);
	assert_int_equal(apply_text(&pl, web), APPLY_REFUSED);
	assert_int_equal(pl.b.commits, 0);
	assert_int_equal(newest(&pl), 1);
	assert_false(exists(pl.state, "generation.new"));
	chmod(pl.run, 0700);
	chmod(pl.state, 0777);
	assert_int_equal(apply_text(&pl, web), APPLY_REFUSED);
	assert_int_equal(pl.b.commits, 0);
	assert_false(exists(pl.run, "transaction"));
	place_free(&pl);
}

/* The record was written before the commit, and only renamed after it. */
static void test_record_is_prepared(void **state)
{
	struct place pl;
	auto_free char *text = NULL;

	(void)state;
	place_init(&pl);
	assert_int_equal(apply_text(&pl, web), APPLY_CHANGED);
	text = generation_read(&pl.o.paths, 1, &pl.d);
	assert_non_null(text);
	assert_non_null(strstr(text, " by fake\n"));
	place_free(&pl);
}

/* A child that applies web and is gone in the middle of the commit. */
static void die_while_applying(struct place *pl)
{
	pid_t pid;
	int status = 0;

	fake_reset_faults(&pl->b);
	pl->b.fail_commit[0] = FAKE_DIES;
	pid = fork();
	if (!pid) {
		apply_text(pl, web);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 99);
	fake_reset_faults(&pl->b);
	assert_true(is_journal_open(pl));
}

static void check_recovery(struct place *pl, enum apply_result result, enum severity s)
{
	diag_free(&pl->d);
	assert_int_equal(apply_recover(&fake_backend, &pl->b, &pl->o, &pl->d), result);
	assert_true(has_finding(&pl->d, "recovered", s));
	assert_int_equal(pl->d.errors, 0);
	assert_int_equal(pl->b.commits, 0);
	assert_false(is_journal_open(pl));
	diag_free(&pl->d);
	assert_int_equal(apply_recover(&fake_backend, &pl->b, &pl->o, &pl->d), APPLY_UNCHANGED);
	assert_int_equal(pl->d.n, 0);
}

static void test_recover(void **state)
{
	struct place pl;
	struct transaction t = { 0 };

	(void)state;
	place_init(&pl);
	assert_int_equal(apply_text(&pl, api), APPLY_CHANGED);
	die_while_applying(&pl); /* nothing was applied */
	check_recovery(&pl, APPLY_UNCHANGED, SEVERITY_NOTE);
	die_while_applying(&pl); /* all of it was */
	assert_int_equal(journal_load(&pl.o.paths, &t, &pl.d), 0);
	ruleset_free(&pl.b.ours);
	ruleset_copy(&pl.b.ours, &t.want);
	transaction_free(&t);
	check_recovery(&pl, APPLY_CHANGED, SEVERITY_NOTE);
	assert_int_equal(apply_text(&pl, web), APPLY_UNCHANGED);
	assert_int_equal(apply_text(&pl, api), APPLY_CHANGED);
	die_while_applying(&pl); /* and somebody went on from there */
	pl.b.ours.n_rules--;
	rule_free(&pl.b.ours.rules[pl.b.ours.n_rules]);
	check_recovery(&pl, APPLY_CHANGED, SEVERITY_WARNING);
	assert_int_equal(apply_text(&pl, web), APPLY_CHANGED);
	place_free(&pl);
}

/* The firewall was reloaded after the kill: the twins are gone, the raw rules still prove it. */
static void test_recover_after_reload(void **state)
{
	struct place pl;

	(void)state;
	place_init(&pl);
	assert_int_equal(apply_text(&pl, api), APPLY_CHANGED);
	die_while_applying(&pl);
	fake_reload(&pl.b);
	check_recovery(&pl, APPLY_UNCHANGED, SEVERITY_NOTE);
	place_free(&pl);
}

static void test_recover_refuses(void **state)
{
	static const struct backend_ops *fake = &fake_backend;
	struct backend_ops other = *fake;
	struct place pl;
	auto_free char *p = NULL;

	(void)state;
	place_init(&pl);
	assert_int_equal(apply_text(&pl, api), APPLY_CHANGED);
	die_while_applying(&pl);
	other.name = "other";
	assert_int_equal(apply_recover(&other, &pl.b, &pl.o, &pl.d), APPLY_REFUSED);
	assert_non_null(strstr(pl.d.v[0].cure, "--backend fake"));
	diag_free(&pl.d);
	pl.b.fail_read[0] = true;
	assert_int_equal(apply_recover(&fake_backend, &pl.b, &pl.o, &pl.d), APPLY_REFUSED);
	assert_true(is_journal_open(&pl));
	p = xasprintf("%s/transaction", pl.run);
	assert_int_equal(truncate(p, 30), 0);
	assert_int_equal(apply_recover(&fake_backend, &pl.b, &pl.o, &pl.d), APPLY_REFUSED);
	assert_true(has_finding(&pl.d, "journal", SEVERITY_ERROR));
	place_free(&pl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_removal),
		cmocka_unit_test(test_foreign_objects),
		cmocka_unit_test(test_foreign_objects_lost),
		cmocka_unit_test(test_refused_by_findings),
		cmocka_unit_test(test_no_evidence),
		cmocka_unit_test(test_record_is_prepared),
		cmocka_unit_test(test_recover),
		cmocka_unit_test(test_recover_after_reload),
		cmocka_unit_test(test_recover_refuses),
	};

	return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
