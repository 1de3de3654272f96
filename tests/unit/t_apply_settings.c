/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply with [conntrack]: rules and settings come together, or neither does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fake_backend.h"
#include "place.h"
#include "transaction/apply.h"
#include "util.h"

#define UDP "nf_conntrack_udp_timeout"
#define WEB "[service web]\nprotocol = tcp\nport = 80\n"
#define SHORT "[conntrack]\nmax = 1000\ntimeout-udp = 10s\n"
#define LONG "[conntrack]\nmax = 2000\ntimeout-udp = 20s\n"

struct world { /* of one test: base of the place stands for the kernel's directory */
	struct place *place;
	struct apply_options o;
	struct backend b;
	struct settings settings;
};

static void set(const struct world *w, const char *name, const char *value)
{
	put(w->place->base, name, value, strlen(value));
}

static void add_conntrack(const struct world *w)
{
	set(w, "nf_conntrack_count", "0\n");
	set(w, "nf_conntrack_max", "262144\n");
	set(w, UDP, "30\n");
}

static void world_init(struct world *w, void *place)
{
	const struct generation_header none = { 0 };

	*w = (struct world){ .place = place };
	w->o.paths = w->place->sp;
	w->o.sysctls = w->place->base;
	w->o.settings = &w->settings;
	fake_add_rule(&w->b, FAKE_ESTABLISHED, 0);
	fake_add_rule(&w->b, FAKE_PORT, 80);
	add_conntrack(w);
	/* its directories are made by who takes the lock */
	assert_int_equal(generation_write(&w->o.paths, "", "fake", &none, &w->place->d), 1);
	close(journal_lock(&w->o.paths, 0, &w->place->d));
}

static void world_free(struct world *w)
{
	diag_free(&w->place->d);
	settings_free(&w->settings);
	fake_free(&w->b);
}

static enum apply_result apply_text(struct world *w, const char *text)
{
	const struct host_params h = HOST_PARAMS_DEFAULT;
	struct diag *d = &w->place->d;
	struct policy p = { 0 };
	enum apply_result result;

	diag_free(d);
	settings_free(&w->settings);
	assert_int_equal(policy_parse(&p, text, "test", d), 0);
	result = apply_policy(&fake_backend, &w->b, &p, &h, &w->o, NULL, d);
	if (result == APPLY_CHANGED) {
		assert_true(journal_is_open(&w->o.paths));
		apply_end(&w->o, d);
	}
	policy_free(&p);
	return result;
}

static void assert_values(const struct world *w, const char *max, const char *udp)
{
	const char *const names[] = { "nf_conntrack_max", UDP }, *const values[] = { max, udp };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len;
		auto_free char *got = get(w->place->base, names[i], &len);

		got[strcspn(got, "\n")] = '\0';
		assert_string_equal(got, values[i]);
	}
}

/* A file of this process that reads as 0, and does not take 5000. */
static void break_udp(const struct world *w)
{
	auto_free char *file = NULL;

	assert_int_equal(unlink(path(w->place->base, UDP, &file)), 0);
	assert_int_equal(symlink("/proc/self/oom_score_adj", file), 0);
}
#define BROKEN "[conntrack]\nmax = 2000\ntimeout-udp = 5000s\n"

static bool has_finding(const struct world *w, const char *id, enum severity severity)
{
	const struct diag *d = &w->place->d;

	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->v[i].id, id) && d->v[i].severity == severity)
			return true;
	return false;
}

static void test_with_rules(void **state)
{
	struct world w;

	world_init(&w, *state);
	assert_int_equal(apply_text(&w, WEB SHORT), APPLY_CHANGED);
	assert_values(&w, "1000", "10");
	assert_int_equal(settings_count(&w.settings, SETTING_WANTED), 2);
	assert_int_equal(apply_text(&w, WEB SHORT), APPLY_UNCHANGED);
	assert_int_equal(apply_text(&w, ""), APPLY_CHANGED);
	assert_values(&w, "262144", "30");
	assert_int_equal(w.b.ours.n_rules, 0);
	world_free(&w);
}

static int count_calls(void *ctx, const struct ruleset *before, struct diag *d)
{
	(void)before;
	(void)d;
	++*(unsigned *)ctx;
	return 0;
}

/* Rules that stay are not written again, and whoever asks beforehand is asked. */
static void test_alone(void **state)
{
	struct world w;
	unsigned asked = 0, commits;

	world_init(&w, *state);
	assert_int_equal(apply_text(&w, WEB SHORT), APPLY_CHANGED);
	commits = w.b.commits;
	w.o.before_change = count_calls;
	w.o.ctx = &asked;
	assert_int_equal(apply_text(&w, WEB LONG), APPLY_CHANGED);
	assert_values(&w, "2000", "20");
	assert_int_equal(w.b.commits, commits);
	assert_int_equal(asked, 1);
	set(&w, UDP, "99\n"); /* somebody else */
	assert_int_equal(apply_text(&w, WEB LONG), APPLY_CHANGED);
	assert_values(&w, "2000", "20");
	world_free(&w);
}

struct drained { /* what a drain meets */
	const struct world *w;
	unsigned calls;
	size_t rules;
	const char *udp; /* in force by then */
};

static void drain(void *ctx, const struct ruleset *ours)
{
	struct drained *d = ctx;

	d->calls++;
	d->rules = ours->n_rules;
	assert_values(d->w, "262144", d->udp);
	set(d->w, "nf_conntrack_count", "999\n");
}

/* Stale entries go before max becomes less, and never for anything else. */
static void test_less_room(void **state)
{
	struct drained d = { .udp = "30" };
	struct world w;

	world_init(&w, *state);
	d.w = &w;
	w.o.before_less = drain;
	w.o.ctx = &d;
	set(&w, "nf_conntrack_count", "1500\n");
	assert_int_equal(apply_text(&w, WEB SHORT), APPLY_CHANGED);
	assert_values(&w, "1000", "10");
	assert_int_equal(d.calls, 1);
	assert_true(d.rules > 0);
	assert_false(has_finding(&w, "conntrack-settings", SEVERITY_WARNING));
	assert_int_equal(apply_text(&w, WEB SHORT), APPLY_UNCHANGED);
	assert_int_equal(apply_text(&w, WEB LONG), APPLY_CHANGED); /* more room */
	assert_int_equal(apply_text(&w, WEB "[conntrack]\ntimeout-udp = 9s\n"), APPLY_CHANGED);
	assert_int_equal(d.calls, 1);
	world_free(&w);
}

/* What would be too many afterwards is said, as ever. */
static void test_too_little_room(void **state)
{
	struct drained d = { .udp = "30" };
	struct world w;

	world_init(&w, *state);
	d.w = &w;
	w.o.before_less = drain;
	w.o.ctx = &d;
	assert_int_equal(apply_text(&w, WEB "[conntrack]\nmax = 500\n"), APPLY_CHANGED);
	assert_int_equal(d.calls, 1);
	assert_true(has_finding(&w, "conntrack-settings", SEVERITY_WARNING));
	world_free(&w);
}

static void test_failure_takes_rules_back(void **state)
{
	struct world w;

	world_init(&w, *state);
	assert_int_equal(apply_text(&w, "[conntrack]\nmax = 1000\n"), APPLY_CHANGED);
	break_udp(&w);
	assert_int_equal(apply_text(&w, WEB BROKEN), APPLY_ROLLED_BACK);
	assert_true(has_finding(&w, "conntrack-settings", SEVERITY_ERROR));
	assert_values(&w, "1000", "0");
	assert_int_equal(w.b.ours.n_rules, 0);
	assert_int_equal(w.b.ours.n_twins, 0);
	assert_false(journal_is_open(&w.o.paths));
	assert_int_equal(generation_newest(&w.o.paths, &w.place->d), 1);
	assert_int_equal(apply_text(&w, ""), APPLY_CHANGED);
	assert_values(&w, "262144", "0");
	world_free(&w);
}

static void test_failure_alone(void **state)
{
	struct world w;
	unsigned commits;

	world_init(&w, *state);
	assert_int_equal(apply_text(&w, WEB), APPLY_CHANGED);
	commits = w.b.commits;
	break_udp(&w);
	assert_int_equal(apply_text(&w, WEB BROKEN), APPLY_REFUSED);
	assert_values(&w, "262144", "0");
	assert_int_equal(w.b.commits, commits);
	assert_false(journal_is_open(&w.o.paths));
	world_free(&w);
}

/* Who must get back gets back, with what cannot be put back as it is. */
static void test_failure_is_no_excuse(void **state)
{
	struct world w;

	world_init(&w, *state);
	break_udp(&w);
	w.o.anyway = true;
	assert_int_equal(apply_text(&w, WEB BROKEN), APPLY_CHANGED);
	assert_true(has_finding(&w, "conntrack-settings", SEVERITY_WARNING));
	assert_values(&w, "262144", "0");
	assert_true(w.b.ours.n_rules > 0);
	world_free(&w);
}

/* A kernel that loads conntrack with the rules. */
static void load_conntrack(struct backend *b, unsigned read, void *ctx)
{
	if (b->commits && read)
		add_conntrack(ctx);
}

static void test_conntrack_comes_with_the_rules(void **state)
{
	static const char *const names[] = { "nf_conntrack_count", "nf_conntrack_max", UDP };
	struct world w;

	world_init(&w, *state);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *file = NULL;

		assert_int_equal(unlink(path(w.place->base, names[i], &file)), 0);
	}
	assert_int_equal(apply_text(&w, SHORT), APPLY_UNCHANGED);
	assert_true(has_finding(&w, "conntrack-settings", SEVERITY_WARNING));
	assert_int_equal(settings_count(&w.settings, SETTING_WAITING), 2);
	fake_reset_faults(&w.b);
	w.b.meddle = load_conntrack;
	w.b.ctx = &w;
	assert_int_equal(apply_text(&w, WEB SHORT), APPLY_CHANGED);
	assert_false(has_finding(&w, "conntrack-settings", SEVERITY_WARNING));
	w.b.meddle = NULL;
	assert_values(&w, "1000", "10");
	assert_int_equal(apply_text(&w, ""), APPLY_CHANGED);
	assert_values(&w, "262144", "30");
	world_free(&w);
}

static void test_damaged_record(void **state)
{
	struct world w;

	world_init(&w, *state);
	assert_int_equal(apply_text(&w, WEB SHORT), APPLY_CHANGED);
	put(w.place->run, SETTINGS_FILE, "rubbish", 7);
	assert_int_equal(apply_text(&w, ""), APPLY_REFUSED);
	assert_true(w.b.ours.n_rules > 0);
	w.o.force = true;
	assert_int_equal(apply_text(&w, ""), APPLY_CHANGED);
	assert_true(has_finding(&w, "conntrack-settings", SEVERITY_WARNING));
	assert_values(&w, "1000", "10"); /* nobody knows what they were */
	w.o.force = false;
	assert_int_equal(apply_text(&w, ""), APPLY_UNCHANGED);
	world_free(&w);
}

/* An evidence as a run leaves it behind that was killed between the two. */
static void leave_evidence(struct world *w, const char *steps)
{
	struct transaction t = { .backend = xstrdup("fake") };

	ruleset_copy(&t.before, &w->b.ours);
	ruleset_copy(&t.want, &w->b.ours);
	assert_int_equal(settings_parse(&t.settings, steps), 0);
	assert_int_equal(journal_begin(&w->o.paths, &t, &w->place->d), 0);
	transaction_free(&t);
}

static void test_recover(void **state)
{
	static const struct {
		const char *max, *udp;
		enum apply_result result;
	} cases[] = {
		{ "262144\n", "30\n", APPLY_UNCHANGED },
		{ "1000\n", "30\n", APPLY_UNKNOWN },
		{ "1000\n", "10\n", APPLY_CHANGED },
		{ "1000\n", "11\n", APPLY_UNKNOWN },
	};
	struct world w;

	world_init(&w, *state);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set(&w, "nf_conntrack_max", cases[i].max);
		set(&w, UDP, cases[i].udp);
		leave_evidence(&w, "max 262144 1000\ntimeout-udp 30 10\n");
		diag_free(&w.place->d);
		assert_int_equal(apply_recover(&fake_backend, &w.b, &w.o, &w.place->d),
				 cases[i].result);
		assert_true(has_finding(&w, "recovered",
					cases[i].result == APPLY_UNKNOWN ? SEVERITY_WARNING
									 : SEVERITY_NOTE));
		assert_false(journal_is_open(&w.o.paths));
	}
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(test_with_rules),
		PLACED(test_alone),
		PLACED(test_less_room),
		PLACED(test_too_little_room),
		PLACED(test_failure_takes_rules_back),
		PLACED(test_failure_alone),
		PLACED(test_failure_is_no_excuse),
		PLACED(test_conntrack_comes_with_the_rules),
		PLACED(test_damaged_record),
		PLACED(test_recover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
