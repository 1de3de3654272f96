/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack check --kernel: the rules are loaded and read back as apply would do it, in namespaces
 * that are gone afterwards. What could not be tried is a finding. */
#include <string.h>
#include "command/command.h"
#include "kernel/backend.h"
#include "kernel/sandbox.h"
#include "report/diag_wire.h"
#include "rules/compile.h"

#define LIMIT_MS 300000 /* 10,000 exemptions take some ten seconds */
#define DIFFERENCES_MAX 10

enum outcome {
	NOT_TRIED, /* it does not depend on these rules: this kernel cannot be asked */
	REFUSED,
	LOADED,
};

struct rehearsal { /* with one backend */
	const struct backend_ops *ops;
	const struct policy *p;
	enum outcome outcome;
	size_t n_rules, parts;
	struct diag d; /* why it was not tried: one finding; or why it was refused */
	bool forbidden;
};

/* ---- in the sandbox ----------------------------------------------------------------------------
 */

struct answer { /* what comes through the pipe, before the findings */
	enum outcome outcome;
	size_t n_rules, parts;
};

static bool has_id(const struct diag *d, const char *id)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->v[i].id, id))
			return true;
	return false;
}

static enum outcome compare(struct backend *b, const struct rehearsal *r,
			    const struct ruleset *want, struct diag *d)
{
	struct ruleset got = { 0 };
	struct text t = { 0 };
	enum outcome outcome = REFUSED;

	if (r->ops->read(b, &got, NULL, d))
		return REFUSED;
	if (!ruleset_diff(want, &got, NULL)) {
		outcome = LOADED;
	} else {
		ruleset_diff_text(&t, want, &got, DIFFERENCES_MAX);
		diag_error(d, NULL, "verify-failed", 0,
			   "the kernel does not hold what was written:%s", t.s);
		diag_cure(d, "this kernel and this version of untrack do not understand each "
			     "other: report it with the configuration");
		free(t.s);
	}
	ruleset_free(&got);
	return outcome;
}

static enum outcome load_once(struct backend *b, const struct rehearsal *r,
			      const struct ruleset *want, struct diag *d)
{
	struct ruleset before = { 0 };
	int rc = r->ops->read(b, &before, NULL, d);

	ruleset_free(&before);
	if (rc)
		return NOT_TRIED;
	if (r->ops->commit(b, want, d) == COMMIT_DONE)
		return compare(b, r, want, d);
	return d->errors && !has_id(d, "batch-size") ? REFUSED : NOT_TRIED;
}

/* One part after the other, each in the place of the one before it. */
static enum outcome load_in_parts(struct backend *b, const struct rehearsal *r,
				  const struct ruleset *want, size_t parts, struct diag *d)
{
	enum outcome outcome = LOADED;

	for (size_t i = 0; i < parts && outcome == LOADED; i++) {
		const size_t first = want->n_rules * i / parts;
		const struct ruleset part = { .rules = want->rules + first,
					      .n_rules = want->n_rules * (i + 1) / parts - first };

		outcome = load_once(b, r, &part, d);
	}
	return outcome;
}

/* iptables' part of the kernel does not say which of many rules it refuses: half of them does. */
static void find_refused(struct backend *b, const struct rehearsal *r, const struct ruleset *want,
			 struct diag *d)
{
	struct ruleset part = { .rules = want->rules, .n_rules = want->n_rules };

	while (part.n_rules > 1) {
		const size_t n = part.n_rules, half = n / 2;
		struct diag first = { 0 };

		part.n_rules = half;
		if (load_once(b, r, &part, &first) != REFUSED) {
			part.rules += half;
			part.n_rules = n - half;
			diag_free(&first);
			if (load_once(b, r, &part, &first) != REFUSED) { /* only together, then */
				diag_free(&first);
				return;
			}
		}
		diag_free(d);
		diag_move(d, &first);
	}
}

/* The kernel takes no more at once than net.core.wmem_max allows from who is not root outside,
 * too. */
static enum outcome load(const struct rehearsal *r, const struct ruleset *want, size_t *parts,
			 struct diag *d)
{
	enum outcome outcome;
	struct backend *b;

	*parts = 1;
	if (r->ops->open(&b, d))
		return NOT_TRIED;
	outcome = load_in_parts(b, r, want, *parts, d);
	while (outcome == NOT_TRIED && has_id(d, "batch-size") && *parts < want->n_rules) {
		diag_free(d);
		*parts *= 2;
		outcome = load_in_parts(b, r, want, *parts, d);
	}
	if (outcome == REFUSED && d->errors == 1 && has_id(d, "iptables-legacy"))
		find_refused(b, r, want, d);
	r->ops->close(b);
	return outcome;
}

static void rehearse(void *ctx, FILE *out)
{
	const struct rehearsal *r = ctx;
	struct host_params params = HOST_PARAMS_DEFAULT;
	struct diag d = { 0 }, known = { 0 };
	struct ruleset want = { 0 };
	struct answer head;

	params.home = r->ops->home;
	compile_rules(r->p, &params, &want, &known);
	memset(&head, 0, sizeof head);
	head.outcome = load(r, &want, &head.parts, &d);
	head.n_rules = want.n_rules;
	fwrite(&head, sizeof head, 1, out);
	diag_send(&d, out);
	ruleset_free(&want);
	diag_free(&known);
	diag_free(&d);
}

/* ---- outside ------------------------------------------------------------------------------------
 */

static bool hear(struct rehearsal *v, const struct text *said)
{
	struct answer head;

	if (said->len < sizeof head ||
	    !diag_receive(&v->d, said->s + sizeof head, said->len - sizeof head))
		return false;
	memcpy(&head, said->s, sizeof head);
	v->outcome = head.outcome;
	v->n_rules = head.n_rules;
	v->parts = head.parts;
	return true;
}

static void run(struct rehearsal *v)
{
	struct sandbox_fault f;
	struct text said = { 0 };

	if (sandbox_run(rehearse, v, LIMIT_MS, &said, &f) || !hear(v, &said)) {
		diag_free(&v->d);
		v->outcome = NOT_TRIED;
		v->forbidden = f.forbidden;
		diag_note(&v->d, NULL, "kernel-unchecked", "%s", f.why ? f.why : "no answer");
		if (f.cure)
			diag_cure(&v->d, "%s", f.cure);
	}
	free(f.why);
	free(said.s);
}

/* Nothing tried at all is more than a note, which -q would hide. */
static void tell_not_tried(const struct rehearsal *v, bool others, struct diag *d)
{
	const struct finding *why = v->d.n ? &v->d.v[v->d.n - 1] : NULL;
	auto_free char *text =
		xasprintf("the kernel was not asked%s%s: %s", v->forbidden ? "" : " through ",
			  v->forbidden ? "" : v->ops->name, why ? why->text : "no reason given");

	diag_add(d, others ? SEVERITY_NOTE : SEVERITY_WARNING, NULL, "kernel-unchecked", text);
	if (why && why->cure)
		diag_cure(d, "%s", why->cure);
}

/* What check has said without a kernel is not said again. */
static void tell_findings(const struct rehearsal *v, struct diag *d)
{
	for (size_t i = 0; i < v->d.n; i++) {
		const struct finding *f = &v->d.v[i];
		const struct origin at = { f->file, f->line, f->col };
		bool known = false;

		for (size_t k = 0; k < d->n && !known; k++)
			known = finding_is_same(&d->v[k], f);
		if (known)
			continue;
		diag_add(d, f->severity, &at, f->id, f->text);
		if (f->cure)
			diag_cure(d, "%s", f->cure);
	}
}

static void print_loaded(const struct session *s, const struct rehearsal *v)
{
	if (s->req.quiet || s->req.format > CHECK_TEXT)
		return;
	fprintf(s->out, "%s: %zu rule%s loaded", v->ops->name, v->n_rules,
		v->n_rules == 1 ? "" : "s");
	if (v->parts > 1)
		fprintf(s->out, " in %zu parts", v->parts);
	fputs(" and read back\n", s->out);
}

static void tell(const struct session *s, const struct rehearsal *v, size_t n)
{
	bool tried = false;

	for (size_t i = 0; i < n; i++)
		tried = tried || v[i].outcome != NOT_TRIED;
	for (size_t i = 0; i < n; i++) {
		switch (v[i].outcome) {
		case NOT_TRIED:
			tell_not_tried(&v[i], tried, s->d);
			break;
		case REFUSED:
			tell_findings(&v[i], s->d);
			break;
		case LOADED:
			tell_findings(&v[i], s->d); /* warnings */
			print_loaded(s, &v[i]);
			break;
		}
	}
}

enum exit_code check_kernel(struct session *s, const struct policy *p)
{
	const enum backend_choice choice = session_backend(s, p);
	struct rehearsal v[2] = { { .ops = &nft_backend, .p = p },
				  { .ops = &ipt_backend, .p = p } };
	const size_t first = choice == BACKEND_IPTABLES, end = choice == BACKEND_NFTABLES ? 1 : 2;
	const unsigned errors = s->d->errors;
	size_t n = 0;

	fflush(s->out); /* a child that runs out of memory would flush its copy */
	for (size_t i = first; i < end; i++) {
		run(&v[i]);
		n++;
		if (v[i].forbidden) /* and so it is for the other one */
			break;
	}
	tell(s, v + first, n);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		diag_free(&v[i].d);
	return s->d->errors > errors ? CODE_NO : CODE_DONE;
}
