/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack explain: what the configuration does to one packet, and with facts or on this host what
 * the firewall does to it. */
#include "report/explain.h"

#include <string.h>
#include "command/scene.h"

struct answer {
	struct scene scene;
	struct explanation *v;
	size_t n;
};

static enum exit_code explain_one(struct session *s, struct answer *a, const char *text,
				  const struct origin *at)
{
	struct flow f;

	if (flow_parse(&f, text, at, s->d))
		return CODE_USAGE;
	scene_check_flow(s, &a->scene, &f, at);
	explain_make(ARRAY_ADD(a->v, a->n), &f, &a->scene.rules, &a->scene.at);
	return CODE_DONE;
}

/* One flow a line; empty lines and comments are passed over. */
static enum exit_code explain_stream(struct session *s, struct answer *a, FILE *in)
{
	enum exit_code code = CODE_DONE;
	struct origin at = { .file = "-" };
	auto_free char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	scene_index(&a->scene);
	while ((n = getline(&line, &cap, in)) >= 0) {
		at.line++;
		if (strlen(line) != (size_t)n) {
			diag_error(s->d, &at, "flow", 0, "a zero byte in the line");
			code = CODE_USAGE;
			continue;
		}
		line[strcspn(line, "\r\n")] = '\0';
		if (line[strspn(line, " \t")] && *line != '#' &&
		    explain_one(s, a, line, &at) != CODE_DONE)
			code = CODE_USAGE;
	}
	if (!ferror(in))
		return code;
	diag_error(s->d, &at, "flow", 0, "standard input cannot be read");
	return CODE_USAGE;
}

static void print(const struct session *s, const struct answer *a)
{
	if (s->req.json) {
		explain_json(a->v, a->n, s->out);
		return;
	}
	for (size_t i = 0; i < a->n; i++) {
		if (i)
			fputc('\n', s->out);
		explain_text(&a->v[i], s->out);
	}
}

static enum exit_code explain(struct session *s, struct answer *a, const char *flow)
{
	const struct origin at = { .file = "flow", .line = 1 };
	enum exit_code code;
	struct flow f;

	/* The flow first: it may be a path, and the flow be forgotten. */
	if (strcmp(flow, "-") && flow_parse(&f, flow, &at, s->d))
		return CODE_USAGE;
	code = scene_open_for(s, "explain", strcmp(flow, "-") ? &f : NULL, &a->scene);
	if (code != CODE_DONE)
		return code;
	code = strcmp(flow, "-") ? explain_one(s, a, flow, &at) : explain_stream(s, a, stdin);
	if (code == CODE_DONE)
		print(s, a);
	return code;
}

/* Without quotes the words of a flow would be paths, and '>' the shell's. */
static bool is_unquoted(const struct session *s)
{
	uint8_t proto;

	for (size_t i = 0; i + 1 < s->req.n_operands; i++)
		if (proto_parse(s->req.operands[i], &proto) && access(s->req.operands[i], F_OK))
			return true;
	return false;
}

enum exit_code command_explain(struct session *s)
{
	struct answer a = { 0 };
	enum exit_code code;

	if (!s->req.n_operands || is_unquoted(s)) {
		diag_error(s->d, NULL, "usage", 0,
			   s->req.n_operands ? "explain: a flow is one argument, in quotes"
					     : "explain: which flow?");
		diag_cure(s->d, "untrack explain 'tcp 198.51.100.7:51000 -> 192.0.2.10:443 in "
				"eth0'");
		return CODE_USAGE;
	}
	code = explain(s, &a, s->req.operands[--s->req.n_operands]);
	for (size_t i = 0; i < a.n; i++)
		explain_free(&a.v[i]);
	free(a.v);
	scene_close(&a.scene);
	return code;
}
