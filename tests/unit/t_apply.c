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
#include "place.h"
#include "transaction/apply.h"
#include "util.h"

static const struct generation_header none; /* nothing was said */

static const char api[] = "[service api]\nprotocol = tcp\nport = 8080\n";
static const char web[] = "[service web]\nprotocol = tcp\nport = 80, 443\n";
static const char nothing[] = "";

struct world { /* of one test: a host with a firewall, and our directories */
	struct place place;
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

static void world_init(struct world *w)
{
	*w = (struct world){ 0 };
	place_init(&w->place);
	w->o.paths = w->place.sp;
	add_firewall(&w->b);
}

static void world_free(struct world *w)
{
	place_free(&w->place);
	diag_free(&w->d);
	ruleset_free(&w->after);
	fake_free(&w->b);
}

static void record(struct world *w, const struct policy *p)
{
	auto_free char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	policy_print(p, f);
	fclose(f);
	assert_true(generation_write(&w->o.paths, text, "other", &none, &w->d) > 0);
}

/* As the command does it: what was changed goes on record. */
static enum apply_result apply_text(struct world *w, const char *text)
{
	const struct host_params h = HOST_PARAMS_DEFAULT;
	struct policy p = { 0 };
	enum apply_result result;

	diag_free(&w->d);
	ruleset_free(&w->after);
	assert_int_equal(policy_parse(&p, text, "test", &w->d), 0);
	result = apply_policy(&fake_backend, &w->b, &p, &h, &w->o, &w->after, &w->d);
	if (result == APPLY_CHANGED) {
		assert_true(journal_is_open(&w->o.paths));
		record(w, &p);
		apply_end(&w->o, &w->d);
	}
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

static bool is_journal_open(const struct world *w)
{
	struct transaction t = { 0 };
	struct diag d = { 0 };
	bool open;

	assert_int_equal(journal_load(&w->o.paths, &t, &d), 0);
	open = t.open;
	transaction_free(&t);
	return open;
}

static long newest(const struct world *w)
{
	struct diag d = { 0 };

	return generation_newest(&w->o.paths, &d);
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

#define ERROR SEVERITY_ERROR
#define WARNING SEVERITY_WARNING
#define NOTE SEVERITY_NOTE

struct row { /* from a host with api applied, to web */
	const char *name;
	enum apply_result result;
	enum kernel kernel;
	const char *id; /* a finding that must be there; NULL: any */
	enum severity severity;
	const char *commits; /* a letter for each: see fault_of */
	const char *reads;   /* 'x': this one fails */
	void (*meddle)(struct backend *b, unsigned read, void *ctx);
};

static enum fake_fault fault_of(char letter)
{
	switch (letter) {
	case 'r':
		return FAKE_REFUSES;
	case 'l':
		return FAKE_LATE_ERROR;
	case 'e':
		return FAKE_HALF_ERROR;
	case 'a':
		return FAKE_LIES;
	case 'h':
		return FAKE_HALF;
	case 's':
		return FAKE_STALE;
	}
	return FAKE_WORKS;
}

static const struct row rows[] = {
	{ "works", APPLY_CHANGED, WANT, NULL, ERROR, "", "", NULL },
	{ "first read fails", APPLY_REFUSED, BEFORE, "fake", ERROR, "", "x", NULL },
	{ "refused", APPLY_REFUSED, BEFORE, "fake", ERROR, "r", "", NULL },
	{ "error, yet applied", APPLY_CHANGED, WANT, "verified", NOTE, "l", "", NULL },
	{ "acknowledged, not applied", APPLY_REFUSED, BEFORE, "not-applied", ERROR, "a", "", NULL },
	{ "half applied, error", APPLY_ROLLED_BACK, BEFORE, "verify-failed", ERROR, "e", "", NULL },
	{ "half applied, acknowledged", APPLY_ROLLED_BACK, BEFORE, "verify-failed", ERROR, "h", "",
	  NULL },
	{ "half, and the way back works at the third try", APPLY_ROLLED_BACK, BEFORE,
	  "verify-failed", ERROR, "hra", "", NULL },
	{ "half, and the way back reports an error but works", APPLY_ROLLED_BACK, BEFORE,
	  "verify-failed", ERROR, "hl", "", NULL },
	{ "half, and no way back", APPLY_UNKNOWN, OTHER, "unproven", ERROR, "haaaaaaaaaa", "",
	  NULL },
	{ "half, and the way back is refused", APPLY_UNKNOWN, OTHER, "unproven", ERROR,
	  "errrrrrrrrr", "", NULL },
	{ "stale once", APPLY_CHANGED, WANT, NULL, ERROR, "s", "", NULL },
	{ "stale nine times", APPLY_CHANGED, WANT, NULL, ERROR, "sssssssss", "", NULL },
	{ "stale ten times", APPLY_REFUSED, BEFORE, "contended", ERROR, "ssssssssss", "", NULL },
	{ "stale, then refused", APPLY_REFUSED, BEFORE, "fake", ERROR, "sr", "", NULL },
	{ "stale, then the read fails", APPLY_REFUSED, BEFORE, "fake", ERROR, "s", "-x", NULL },
	{ "read-back fails once", APPLY_CHANGED, WANT, NULL, ERROR, "", "-x", NULL },
	{ "read-back fails twice: back to before", APPLY_ROLLED_BACK, BEFORE, "fake", ERROR, "",
	  "-xx", NULL },
	{ "read-back fails for good", APPLY_UNKNOWN, WANT, "unproven", ERROR, "",
	  "-xxxxxxxxxxxxxxxxxxxxx", NULL },
	{ "error, and read-back fails for good", APPLY_UNKNOWN, OTHER, "unproven", ERROR, "e",
	  "-xxxxxxxxxxxxxxxxxxxxx", NULL },
	{ "an anchor vanishes before the read-back", APPLY_CHANGED, OTHER, NULL, ERROR, "", "",
	  delete_anchor_at_read_2 },
	{ "another rule vanishes", APPLY_CHANGED, WANT, NULL, ERROR, "", "", delete_other_rule },
	{ "the firewall reloads before the read-back", APPLY_CHANGED, OTHER, NULL, ERROR, "", "",
	  reload_at_read_2 },
	{ "the firewall reloads, and then all goes wrong", APPLY_ROLLED_BACK, OTHER, "rolled-back",
	  WARNING, ".h", "", reload_at_read_2 },
	{ "the firewall reloads all the time", APPLY_ROLLED_BACK, OTHER, "contended", ERROR, "", "",
	  reload_always },
	{ "an anchor vanishes, half applied", APPLY_ROLLED_BACK, OTHER, "rolled-back", WARNING,
	  "hh", "", delete_anchor_at_read_2 },
	{ "somebody writes into our table meanwhile", APPLY_CHANGED, OTHER, "foreign-objects",
	  WARNING, "", "", foreign_at_read_2 },
	{ "somebody writes into our table, and all goes wrong", APPLY_UNKNOWN, OTHER, "unproven",
	  ERROR, "h", "", foreign_at_read_2 },
};

/* The text that a kernel has after an undisturbed apply of this policy. */
static char *undisturbed(const char *first, const char *then)
{
	struct world w;
	char *text;

	world_init(&w);
	assert_int_equal(apply_text(&w, first), APPLY_CHANGED);
	if (then)
		assert_int_equal(apply_text(&w, then), APPLY_CHANGED);
	text = kernel_text(&w.b);
	world_free(&w);
	return text;
}

static void check_row(const struct row *row, const char *before, const char *want)
{
	auto_free char *now = NULL;
	struct world w;
	enum apply_result result;
	bool changed = row->result == APPLY_CHANGED;

	world_init(&w);
	assert_int_equal(apply_text(&w, api), APPLY_CHANGED);
	assert_int_equal(newest(&w), 1);
	fake_reset_faults(&w.b);
	for (size_t i = 0; row->commits[i]; i++)
		w.b.fail_commit[i] = fault_of(row->commits[i]);
	for (size_t i = 0; row->reads[i]; i++)
		w.b.fail_read[i] = row->reads[i] == 'x';
	w.b.meddle = row->meddle;
	result = apply_text(&w, web);
	now = kernel_text(&w.b);
	if (result != row->result)
		diag_print(&w.d, stderr, SEVERITY_NOTE, false);
	assert_int_equal(result, row->result);
	if (row->kernel != OTHER)
		assert_string_equal(now, row->kernel == WANT ? want : before);
	assert_int_equal(is_journal_open(&w), row->result == APPLY_UNKNOWN);
	assert_int_equal(newest(&w), changed ? 2 : 1);
	assert_false(exists(w.place.state, "generation.new"));
	assert_false(exists(w.place.run, "transaction.new"));
	assert_int_equal(w.after.n_rules != 0, changed);
	assert_int_equal(w.d.errors != 0, !changed);
	if (row->id)
		assert_true(has_finding(&w.d, row->id, row->severity));
	world_free(&w);
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
	struct world w;
	struct stat before, after;

	(void)state;
	world_init(&w);
	assert_int_equal(apply_text(&w, web), APPLY_CHANGED);
	fake_reset_faults(&w.b);
	assert_int_equal(stat(w.place.state, &before), 0);
	assert_int_equal(apply_text(&w, web), APPLY_UNCHANGED);
	assert_int_equal(stat(w.place.state, &after), 0);
	assert_int_equal(w.b.commits, 0);
	assert_int_equal(w.b.reads, 1);
	assert_int_equal(newest(&w), 1);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	assert_true(w.after.n_rules > 0);
	world_free(&w);
}

static void test_removal(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(apply_text(&w, nothing), APPLY_UNCHANGED);
	assert_int_equal(newest(&w), 0); /* there never was anything */
	assert_int_equal(apply_text(&w, web), APPLY_CHANGED);
	assert_true(w.b.ours.n_rules && w.b.ours.n_twins);
	assert_int_equal(apply_text(&w, nothing), APPLY_CHANGED);
	assert_int_equal(w.b.ours.n_rules + w.b.ours.n_twins, 0);
	assert_int_equal(newest(&w), 2);
	assert_int_equal(apply_text(&w, nothing), APPLY_UNCHANGED);
	assert_int_equal(newest(&w), 2);
	world_free(&w);
}

static void test_foreign_objects(void **state)
{
	static const char *const texts[] = { web, nothing };
	struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		world_init(&w);
		assert_int_equal(apply_text(&w, api), APPLY_CHANGED);
		for (unsigned k = 0; k < 12; k++) {
			auto_free char *what = xasprintf("set s%02u", k);

			fake_add_foreign(&w.b, what);
		}
		fake_reset_faults(&w.b);
		assert_int_equal(apply_text(&w, texts[i]), APPLY_REFUSED);
		assert_int_equal(w.b.commits, 0);
		assert_true(has_finding(&w.d, "foreign-objects", SEVERITY_ERROR));
		assert_non_null(strstr(w.d.v[w.d.n - 1].text, "set s09; and 2 more"));
		assert_non_null(strstr(w.d.v[w.d.n - 1].cure, "--force"));
		assert_int_equal(w.b.ours.n_foreign, 12);
		w.o.force = true;
		assert_int_equal(apply_text(&w, texts[i]), APPLY_CHANGED);
		assert_int_equal(w.b.ours.n_foreign, 0);
		world_free(&w);
	}
}

/* A forced run that fails half-way cannot bring back what was not ours: it must not say it did. */
static void test_foreign_objects_lost(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(apply_text(&w, api), APPLY_CHANGED);
	fake_add_foreign(&w.b, "set mine");
	fake_reset_faults(&w.b);
	w.o.force = true;
	w.b.fail_commit[0] = FAKE_HALF;
	assert_int_equal(apply_text(&w, web), APPLY_UNKNOWN);
	world_free(&w);
}

/* What the derivation finds refuses, unless forced: then it is a warning. */
static void test_refused_by_findings(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	fake_free(&w.b);
	fake_add_rule(&w.b, FAKE_STATE_NEGATED, 0);
	add_firewall(&w.b);
	assert_int_equal(apply_text(&w, web), APPLY_REFUSED);
	assert_true(w.d.errors > 0);
	assert_int_equal(w.b.commits, 0);
	assert_int_equal(newest(&w), 0);
	assert_false(exists(w.place.run, "transaction"));
	w.o.force = true;
	assert_int_equal(apply_text(&w, web), APPLY_CHANGED);
	assert_int_equal(w.d.errors, 0);
	assert_true(w.d.warnings > 0);
	world_free(&w);
}

/* The evidence cannot be written: the kernel is not touched. */
static void test_no_evidence(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(apply_text(&w, api), APPLY_CHANGED);
	fake_reset_faults(&w.b);
	chmod(w.place.run, 0777);
	assert_int_equal(apply_text(&w, web), APPLY_REFUSED);
	assert_int_equal(w.b.commits, 0);
	assert_int_equal(newest(&w), 1);
	assert_false(exists(w.place.state, "generation.new"));
	chmod(w.place.run, 0700);
	chmod(w.place.state, 0777);
	assert_int_equal(apply_text(&w, web), APPLY_REFUSED);
	assert_int_equal(w.b.commits, 0);
	assert_false(exists(w.place.run, "transaction"));
	world_free(&w);
}

/* The record was written before the commit, and only renamed after it. */
static void test_record_is_prepared(void **state)
{
	struct world w;
	auto_free char *text = NULL;

	(void)state;
	world_init(&w);
	assert_int_equal(apply_text(&w, web), APPLY_CHANGED);
	text = generation_read(&w.o.paths, 1, &w.d);
	assert_non_null(text);
	assert_non_null(strstr(text, " by fake\n"));
	world_free(&w);
}

/* A child that applies web and is gone in the middle of the commit. */
static void die_while_applying(struct world *w)
{
	pid_t pid;
	int status = 0;

	fake_reset_faults(&w->b);
	w->b.fail_commit[0] = FAKE_DIES;
	pid = fork();
	if (!pid) {
		apply_text(w, web);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 99);
	fake_reset_faults(&w->b);
	assert_true(is_journal_open(w));
}

static void check_recovery(struct world *w, enum apply_result result, enum severity s)
{
	diag_free(&w->d);
	assert_int_equal(apply_recover(&fake_backend, &w->b, &w->o, &w->d), result);
	assert_true(has_finding(&w->d, "recovered", s));
	assert_int_equal(w->d.errors, 0);
	assert_int_equal(w->b.commits, 0);
	assert_false(is_journal_open(w));
	diag_free(&w->d);
	assert_int_equal(apply_recover(&fake_backend, &w->b, &w->o, &w->d), APPLY_UNCHANGED);
	assert_int_equal(w->d.n, 0);
}

static void test_recover(void **state)
{
	struct world w;
	struct transaction t = { 0 };

	(void)state;
	world_init(&w);
	assert_int_equal(apply_text(&w, api), APPLY_CHANGED);
	die_while_applying(&w); /* nothing was applied */
	check_recovery(&w, APPLY_UNCHANGED, SEVERITY_NOTE);
	assert_int_equal(newest(&w), 1);
	die_while_applying(&w); /* all of it was */
	assert_int_equal(journal_load(&w.o.paths, &t, &w.d), 0);
	ruleset_free(&w.b.ours);
	ruleset_copy(&w.b.ours, &t.want);
	transaction_free(&t);
	check_recovery(&w, APPLY_CHANGED, SEVERITY_NOTE);
	assert_int_equal(newest(&w), 2); /* and is on record */
	assert_int_equal(apply_text(&w, web), APPLY_UNCHANGED);
	assert_int_equal(apply_text(&w, api), APPLY_CHANGED);
	die_while_applying(&w); /* and somebody went on from there */
	w.b.ours.n_rules--;
	rule_free(&w.b.ours.rules[w.b.ours.n_rules]);
	check_recovery(&w, APPLY_UNKNOWN, SEVERITY_WARNING);
	assert_int_equal(apply_text(&w, web), APPLY_CHANGED);
	world_free(&w);
}

/* The firewall was reloaded after the kill: the twins are gone, the raw rules still prove it. */
static void test_recover_after_reload(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(apply_text(&w, api), APPLY_CHANGED);
	die_while_applying(&w);
	fake_reload(&w.b);
	check_recovery(&w, APPLY_UNCHANGED, SEVERITY_NOTE);
	world_free(&w);
}

static void test_recover_refuses(void **state)
{
	struct world w;
	auto_free char *p = NULL;

	(void)state;
	world_init(&w);
	assert_int_equal(apply_text(&w, api), APPLY_CHANGED);
	die_while_applying(&w);
	w.b.fail_read[0] = true;
	assert_int_equal(apply_recover(&fake_backend, &w.b, &w.o, &w.d), APPLY_REFUSED);
	assert_true(is_journal_open(&w));
	p = xasprintf("%s/transaction", w.place.run);
	assert_int_equal(truncate(p, 30), 0);
	assert_int_equal(apply_recover(&fake_backend, &w.b, &w.o, &w.d), APPLY_REFUSED);
	assert_true(has_finding(&w.d, "journal", SEVERITY_ERROR));
	world_free(&w);
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
