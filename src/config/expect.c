/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expectations: what reads the values of their keys, and they as a value. */
#include "config/expect.h"

#include <errno.h>
#include <string.h>
#include "config/loader.h"
#include "config/values.h"

/* The flow is read as if it stood alone; its faults are then put where they are in the file. */
int value_flow(const struct value *v, void *out, void *out_not)
{
	const struct origin alone = { .file = v->it->value_at.file, .line = 1, .col = 1 };
	struct diag d = { 0 };
	int rc = flow_parse(out, v->it->value, &alone, &d);

	(void)out_not;
	for (size_t i = 0; i < d.n; i++) {
		struct origin at = ini_value_at(v->it, d.v[i].col - 1);

		d.v[i].line = at.line;
		d.v[i].col = at.col;
	}
	diag_move(v->d, &d);
	return rc;
}

int value_exemption(const struct value *v, void *out, void *out_not)
{
	const char *s = v->it->value;

	(void)out_not;
	if (!is_section_name(s)) {
		value_error(v, 0, "'%s' is not the name of an exemption", s);
		diag_cure(v->d, "name one [service NAME] or [interface NAME], or loopback");
		return -1;
	}
	free(*(char **)out);
	*(char **)out = xstrdup(s);
	return 0;
}

/* ---- all of them -------------------------------------------------------------------------------
 */

/* Faults in files are faults of expectations, whatever else can be read. */
static int finish(struct loader *l, struct policy *p)
{
	int rc = loader_end(l);

	if (rc) {
		expect_free(l->e);
		return rc;
	}
	l->e->files = p->files;
	l->e->n_files = p->n_files;
	p->files = NULL;
	p->n_files = 0;
	policy_free(p);
	return 0;
}

int expect_load(struct expectations *e, const char *const *paths, size_t n, struct diag *d)
{
	bool unreadable = false;
	struct policy p;
	struct loader l;
	int rc;

	loader_begin_expect(&l, e, &p, d);
	for (size_t i = 0; i < n; i++)
		if (loader_read_path(&l, paths[i]))
			unreadable = true;
	rc = finish(&l, &p);
	return unreadable ? -2 : rc;
}

int expect_parse(struct expectations *e, const char *text, const char *name, struct diag *d)
{
	auto_fclose FILE *f = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	struct policy p;
	struct loader l;

	loader_begin_expect(&l, e, &p, d);
	if (f)
		loader_read(&l, f, name);
	else
		diag_error(d, NULL, "config", errno, "%s", name);
	return finish(&l, &p);
}

void expect_print(const struct expectations *e, FILE *out)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct expectation *x = &e->v[i];
		struct text flow = { 0 };

		flow_text(&x->flow, &flow);
		fprintf(out, "%s[expect %s]\nflow    = %s\nresult  = %s\n", i ? "\n" : "", x->name,
			flow.s, tracking_name(x->result));
		free(flow.s);
		if (x->by)
			fprintf(out, "by      = %s\n", x->by);
		if (x->reply_at.file)
			fprintf(out, "reply   = %s\n", tracking_name(x->reply));
		if (x->verdict_at.file)
			fprintf(out, "verdict = %s\n", outcome_name(x->verdict));
	}
}

void expectation_free(struct expectation *x)
{
	free(x->name);
	free(x->by);
	*x = (struct expectation){ 0 };
}

void expect_free(struct expectations *e)
{
	for (size_t i = 0; i < e->n; i++)
		expectation_free(&e->v[i]);
	for (size_t i = 0; i < e->n_files; i++)
		free(e->files[i]);
	free(e->v);
	free(e->files);
	*e = (struct expectations){ 0 };
}
