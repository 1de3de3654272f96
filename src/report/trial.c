/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expectations compared, and the results as text. */
#include "report/trial.h"

#include <string.h>
#include "config/guess.h"

/* ---- comparison --------------------------------------------------------------------------------
 */

static struct text *add_fault(struct trial *t, const struct origin *at, struct text *text,
			      const char *key, const char *wanted)
{
	ARRAY_ADD(t->faults, t->n_faults)->at = *at;
	*text = (struct text){ 0 };
	text_add(text, "%s: expected %s, got ", key, wanted);
	return text;
}

/* Takes the text. */
static void end_fault(struct trial *t, struct text *text)
{
	t->faults[t->n_faults - 1].text = text->s;
}

static void compare_tracking(struct trial *t, const struct origin *at, const char *key,
			     enum tracking wanted, const struct explained *got)
{
	struct text text;

	if (got->untracked == (wanted == TRACKING_UNTRACKED))
		return;
	explain_tracking(got, add_fault(t, at, &text, key, tracking_name(wanted)));
	end_fault(t, &text);
}

/* A name that nothing has is a slip, or of an exemption that went away. */
static void add_stranger(const char *name, const struct policy *p, struct text *text)
{
	struct guess g = { .word = name };
	bool is = !strcmp(name, "loopback");

	for (size_t i = 0; i < p->n_services; i++) {
		is = is || !strcmp(name, p->services[i].name);
		guess_try(&g, p->services[i].name);
	}
	for (size_t i = 0; i < p->n_interfaces; i++) {
		is = is || !strcmp(name, p->interfaces[i].name);
		guess_try(&g, p->interfaces[i].name);
	}
	if (is)
		return;
	text_add(text, "; no exemption is called '%s'", name);
	if (g.best)
		text_add(text, ", did you mean '%s'?", g.best);
}

static void compare_by(struct trial *t, const struct expectation *e, const struct explained *got,
		       const struct policy *p)
{
	const struct rule *r = got->exempt ? got->hooks[0].rule : NULL;
	auto_free char *wanted = NULL;
	struct text text;

	if (!e->by || !got->untracked || (r && !strcmp(r->name, e->by)))
		return;
	wanted = xasprintf("untracked by %s", e->by);
	explain_tracking(got, add_fault(t, &e->by_at, &text, "by", wanted));
	add_stranger(e->by, p, &text);
	end_fault(t, &text);
}

static void compare_verdict(struct trial *t, const struct expectation *e,
			    const struct explained *got)
{
	struct text text;

	if (!e->verdict_at.file || got->walk.outcome == e->verdict)
		return;
	explain_verdict(got,
			add_fault(t, &e->verdict_at, &text, "verdict", outcome_name(e->verdict)));
	end_fault(t, &text);
}

void trial_make(struct trial *t, const struct expectation *e, const struct explanation *x,
		const struct policy *p)
{
	*t = (struct trial){ .expected = e };
	compare_tracking(t, &e->result_at, "result", e->result, &x->packets[0]);
	compare_by(t, e, &x->packets[0], p);
	if (e->reply_at.file && x->n > 1)
		compare_tracking(t, &e->reply_at, "reply", e->reply, &x->packets[1]);
	compare_verdict(t, e, &x->packets[0]);
}

void trial_free(struct trial *t)
{
	for (size_t i = 0; i < t->n_faults; i++)
		free(t->faults[i].text);
	free(t->faults);
	*t = (struct trial){ 0 };
}

size_t trial_failures(const struct trial *v, size_t n)
{
	size_t failed = 0;

	for (size_t i = 0; i < n; i++)
		failed += v[i].n_faults != 0;
	return failed;
}

/* ---- text --------------------------------------------------------------------------------------
 */

static size_t name_width(const struct trial *v, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(v[i].expected->name);

		width = len > width ? len : width;
	}
	return width;
}

static void print_faults(const struct trial *t, FILE *out)
{
	struct text flow = { 0 };

	flow_text(&t->expected->flow, &flow);
	fprintf(out, "      %s\n", flow.s);
	for (size_t i = 0; i < t->n_faults; i++) {
		const struct origin *at = &t->faults[i].at;

		fprintf(out, "      %s:%u:%u: %s\n", at->file, at->line, at->col,
			t->faults[i].text);
	}
	free(flow.s);
}

void trial_text(const struct trial *v, size_t n, bool brief, bool colour, FILE *out)
{
	size_t failed = trial_failures(v, n);
	int width = (int)name_width(v, n);

	for (size_t i = 0; i < n; i++) {
		const struct expectation *e = v[i].expected;
		bool passed = !v[i].n_faults;

		if (passed && brief)
			continue;
		fprintf(out, "%s%s%s  %-*s  %s:%u\n",
			!colour	 ? ""
			: passed ? "\033[32m"
				 : "\033[1;31m",
			passed ? "pass" : "FAIL", colour ? "\033[0m" : "", width, e->name,
			e->at.file, e->at.line);
		if (!passed)
			print_faults(&v[i], out);
	}
	if (!brief)
		fprintf(out, "%zu expectation%s: %zu passed, %zu failed\n", n, n == 1 ? "" : "s",
			n - failed, failed);
}
