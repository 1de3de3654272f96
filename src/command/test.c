/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack test: the [expect NAME] sections against what the configuration does, and with facts or
 * on this host what the firewall does. */
#include <sys/stat.h>
#include "command/scene.h"
#include "report/trial.h"

enum { FORMAT_DEFAULT, FORMAT_TEXT, FORMAT_TAP, FORMAT_JUNIT };

static bool is_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Paths of expectations leave the operands of the configuration; a directory may be both. */
static void sort_operands(struct session *s, struct words *expected)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->req.n_operands; i++) {
		const char *path = s->req.operands[i];
		bool is_file = expect_is_name(path);

		if (is_file || is_directory(path))
			*ARRAY_ADD(expected->v, expected->n) = path;
		if (!is_file && policy_is_there(path))
			s->req.operands[kept++] = path;
	}
	if (!s->req.n_operands)
		*ARRAY_ADD(expected->v, expected->n) = s->config;
	s->req.n_operands = kept;
}

static enum exit_code load(struct session *s, struct expectations *e)
{
	struct words paths = { 0 };
	int rc;

	sort_operands(s, &paths);
	rc = expect_load(e, paths.v, paths.n, s->d);
	if (!rc && !e->n) {
		const struct origin at = { .file = paths.n == 1 ? paths.v[0] : NULL };

		diag_error(s->d, &at, "expect", 0,
			   "nothing here is expected, so nothing is tested");
		diag_cure(s->d, "name files that end in .expect, or a directory that holds some; "
				"untrack(8) has the form");
	}
	free(paths.v);
	return rc || !e->n ? CODE_USAGE : CODE_DONE;
}

/* What cannot be compared is no success. */
static enum exit_code check_verdicts(struct session *s, const struct expectations *e,
				     const struct scene *c)
{
	enum exit_code code = CODE_DONE;

	for (size_t i = 0; i < e->n && !c->has_host; i++) {
		if (!e->v[i].verdict_at.file)
			continue;
		diag_error(s->d, &e->v[i].verdict_at, "expect", 0,
			   "verdict: no firewall is given that could decide about '%s'",
			   e->v[i].name);
		diag_cure(s->d, "give --facts FILE or --live, or keep such expectations in files "
				"of their own");
		code = CODE_USAGE;
	}
	return code;
}

static void run(struct session *s, const struct expectations *e, struct scene *c, struct trial *v)
{
	scene_index(c);
	for (size_t i = 0; i < e->n; i++) {
		struct explanation x = { 0 };

		scene_check_flow(s, c, &e->v[i].flow, &e->v[i].flow_at);
		explain_make(&x, &e->v[i].flow, &c->rules, &c->at);
		trial_make(&v[i], &e->v[i], &x, &c->policy);
		explain_free(&x);
	}
}

static void print(const struct session *s, const struct trial *v, size_t n)
{
	switch (s->req.format) {
	case FORMAT_TAP:
		trial_tap(v, n, s->out);
		break;
	case FORMAT_JUNIT:
		trial_junit(v, n, s->out);
		break;
	default: /* a number, no enum */
		trial_text(v, n, s->req.quiet, s->colour, s->out);
	}
}

/* A reader of the results alone must not take a run that broke off for one without failures. */
static void print_broken(const struct session *s)
{
	const char *why = s->d->n ? s->d->v[s->d->n - 1].text : "";

	for (size_t i = s->d->n; i-- > 0;)
		if (s->d->v[i].severity == SEVERITY_ERROR)
			why = s->d->v[i].text;
	if (s->req.format == FORMAT_TAP)
		trial_tap_broken(why, s->out);
	else if (s->req.format == FORMAT_JUNIT)
		trial_junit_broken(why, s->out);
}

static enum exit_code test(struct session *s, struct expectations *e, struct scene *c)
{
	enum exit_code code = load(s, e);
	struct trial *v;

	if (code == CODE_DONE)
		code = scene_open(s, "test", c);
	if (code == CODE_DONE)
		code = check_verdicts(s, e, c);
	if (code != CODE_DONE)
		return code;
	v = xcalloc(e->n, sizeof(*v));
	run(s, e, c, v);
	print(s, v, e->n);
	code = trial_failures(v, e->n) ? CODE_NO : CODE_DONE;
	for (size_t i = 0; i < e->n; i++)
		trial_free(&v[i]);
	free(v);
	return code;
}

enum exit_code command_test(struct session *s)
{
	struct expectations e = { 0 };
	struct scene c = { 0 };
	enum exit_code code = test(s, &e, &c);

	if (code == CODE_USAGE)
		print_broken(s);
	scene_close(&c);
	expect_free(&e);
	return code;
}
