/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results of tests for programs: TAP and JUnit's XML. */
#include <string.h>
#include "report/json.h"
#include "report/trial.h"

/* "result: ...; reply: ...", fresh. */
static char *faults_text(const struct trial *t, const char *between)
{
	struct text all = { 0 };

	for (size_t i = 0; i < t->n_faults; i++)
		text_add(&all, "%s%s", i ? between : "", t->faults[i].text);
	return all.s;
}

static char *flow_string(const struct flow *f)
{
	struct text t = { 0 };

	flow_text(f, &t);
	return t.s;
}

/* ---- TAP ---------------------------------------------------------------------------------------
 */

/* '#' would begin a directive, and a line is a line. */
static void tap_words(const char *s, FILE *out)
{
	for (; *s; s++) {
		if (*s == '#' || *s == '\\')
			fputc('\\', out);
		fputc((unsigned char)*s < ' ' || *s == '\x7f' ? '?' : *s, out);
	}
}

/* A string of JSON is a double-quoted scalar of YAML. */
static void yaml_string(const char *key, const char *value, FILE *out)
{
	json_t *j = json_text(value);

	fprintf(out, "%s: ", key);
	json_dumpf(j, out, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(j);
}

static void tap_diagnosis(const struct trial *t, FILE *out)
{
	auto_free char *faults = faults_text(t, "; "), *flow = flow_string(&t->expected->flow);

	fputs("  ---\n", out);
	yaml_string("  message", faults, out);
	fputs("  severity: fail\n", out);
	yaml_string("  flow", flow, out);
	fputs("  at:\n", out);
	yaml_string("    file", t->expected->at.file, out);
	fprintf(out, "    line: %u\n    column: %u\n  ...\n", t->faults[0].at.line,
		t->faults[0].at.col);
}

void trial_tap(const struct trial *v, size_t n, FILE *out)
{
	fprintf(out, "TAP version 14\n1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		const struct expectation *e = v[i].expected;

		fprintf(out, "%sok %zu - %s (", v[i].n_faults ? "not " : "", i + 1, e->name);
		tap_words(e->at.file, out);
		fprintf(out, ":%u)\n", e->at.line);
		if (v[i].n_faults)
			tap_diagnosis(&v[i], out);
	}
}

void trial_tap_broken(const char *why, FILE *out)
{
	fputs("TAP version 14\nBail out! ", out);
	tap_words(why, out);
	fputc('\n', out);
}

/* ---- JUnit -------------------------------------------------------------------------------------
 */

/* Bytes of the character at s, as XML takes it; 0: it does not. Control characters have no form in
 * XML 1.0, not even an escaped one. */
static size_t xml_length(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;
	size_t n = *c < 0x80   ? 1
		   : *c < 0xc2 ? 0
		   : *c < 0xe0 ? 2
		   : *c < 0xf0 ? 3
		   : *c < 0xf5 ? 4
			       : 0;

	if (*c < ' ' || *c == 0x7f)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF, and the two that are no characters */
	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
	    (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f) ||
	    (*c == 0xef && c[1] == 0xbf && c[2] > 0xbd))
		return 0;
	return n;
}

/* For attributes and for text. */
static void xml_words(const char *s, FILE *out)
{
	while (*s) {
		size_t n = xml_length(s);

		if (*s == '&')
			fputs("&amp;", out);
		else if (*s == '<')
			fputs("&lt;", out);
		else if (*s == '>')
			fputs("&gt;", out);
		else if (*s == '"')
			fputs("&quot;", out);
		else if (*s == '\n' || *s == '\t')
			fprintf(out, "&#%d;", *s);
		else if (n)
			fwrite(s, 1, n, out);
		else
			fputs("\xef\xbf\xbd", out); /* U+FFFD */
		s += n ? n : 1;
	}
}

static void xml_attribute(const char *name, const char *value, FILE *out)
{
	fprintf(out, " %s=\"", name);
	xml_words(value, out);
	fputc('"', out);
}

static void xml_counts(size_t tests, size_t failures, size_t errors, FILE *out)
{
	fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\" time=\"0\">\n",
		tests, failures, errors);
}

static void xml_head(size_t tests, size_t failures, size_t errors, FILE *out)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"untrack test\"", out);
	xml_counts(tests, failures, errors, out);
}

static void junit_failure(const struct trial *t, FILE *out)
{
	auto_free char *short_form = faults_text(t, "; "), *flow = flow_string(&t->expected->flow);

	fputs("      <failure", out);
	xml_attribute("type", "expectation", out);
	xml_attribute("message", short_form, out);
	fputc('>', out);
	xml_words(flow, out);
	for (size_t i = 0; i < t->n_faults; i++) {
		fputc('\n', out);
		xml_words(t->faults[i].at.file, out);
		fprintf(out, ":%u:%u: ", t->faults[i].at.line, t->faults[i].at.col);
		xml_words(t->faults[i].text, out);
	}
	fputs("</failure>\n", out);
}

static void junit_case(const struct trial *t, FILE *out)
{
	const struct expectation *e = t->expected;

	fputs("    <testcase", out);
	xml_attribute("name", e->name, out);
	xml_attribute("classname", e->at.file, out);
	xml_attribute("file", e->at.file, out);
	fprintf(out, " line=\"%u\" time=\"0\"", e->at.line);
	if (!t->n_faults) {
		fputs("/>\n", out);
		return;
	}
	fputs(">\n", out);
	junit_failure(t, out);
	fputs("    </testcase>\n", out);
}

void trial_junit(const struct trial *v, size_t n, FILE *out)
{
	size_t end;

	xml_head(n, trial_failures(v, n), 0, out);
	for (size_t i = 0; i < n; i = end) {
		const char *file = v[i].expected->at.file;

		for (end = i; end < n && v[end].expected->at.file == file; end++)
			;
		fputs("  <testsuite", out);
		xml_attribute("name", file, out);
		xml_counts(end - i, trial_failures(v + i, end - i), 0, out);
		for (size_t k = i; k < end; k++)
			junit_case(&v[k], out);
		fputs("  </testsuite>\n", out);
	}
	fputs("</testsuites>\n", out);
}

void trial_junit_broken(const char *why, FILE *out)
{
	xml_head(1, 0, 1, out);
	fputs("  <testsuite name=\"untrack test\"", out);
	xml_counts(1, 0, 1, out);
	fputs("    <testcase name=\"files\" classname=\"untrack test\" time=\"0\">\n"
	      "      <error type=\"unreadable\"",
	      out);
	xml_attribute("message", why, out);
	fputs("/>\n    </testcase>\n  </testsuite>\n</testsuites>\n", out);
}
