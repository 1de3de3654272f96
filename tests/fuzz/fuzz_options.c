/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any words as a command line: taken whole, in order, or refused with findings. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "command/options.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 64

static const struct option_def general[] = {
	{ "config", 0, OPTION_TEXT, offsetof(struct request, config), "DIR", "text" },
	{ "color", 0, OPTION_CHOICE, offsetof(struct request, color), "auto|always|never",
	  "choice" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct request, quiet), NULL, "flag" },
	{ "verbose", 'v', OPTION_FLAG, offsetof(struct request, verbose), NULL, "flag" },
	{ 0 },
};
static const struct option_def special[] = {
	{ "force", 0, OPTION_FLAG, offsetof(struct request, force), NULL, "flag" },
	{ "facts", 0, OPTION_WORDS, offsetof(struct request, facts), "FILE", "words" },
	{ "confirm", 0, OPTION_MAYBE, offsetof(struct request, confirm), "TIME", "maybe" },
	{ 0 },
};

static void expect(bool holds)
{
	if (!holds)
		abort();
}

/* Each operand is one of the words, and they keep their order. */
static void check_operands(const struct request *req, char *const *argv)
{
	for (size_t i = 0; i < req->n_operands; i++, argv++) {
		while (*argv && *argv != req->operands[i])
			argv++;
		expect(*argv);
	}
}

static void check(char *const *argv, bool stop)
{
	const struct option_def *const tables[] = { general, special };
	struct request req = { 0 };
	struct diag d = { 0 };
	char *const *rest = argv;
	int rc = options_parse(tables, 2, &rest, stop, &req, &d);

	expect((rc != 0) == (d.errors != 0));
	expect(stop ? !req.n_operands : !*rest);
	expect(!req.color || req.color <= 3 || rc);
	expect(rc || !req.config || *req.config);
	check_operands(&req, argv);
	free(req.operands);
	free(req.facts.v);
	diag_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[WORDS_MAX + 1] = { NULL };
	auto_free char *text = xcalloc(size + 1, 1);
	size_t n = 0;

	if (size)
		memcpy(text, data, size);
	for (char *s = text; n < WORDS_MAX && s <= text + size; s += strlen(s) + 1)
		argv[n++] = s;
	check(argv, false);
	check(argv, true);
	return 0;
}
