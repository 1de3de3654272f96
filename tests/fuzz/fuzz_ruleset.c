/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a ruleset: what parse takes, print gives back to the byte, and the normal form is
 * one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "rules/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static char *printed(const struct ruleset *rs)
{
	size_t n;
	char *s;
	FILE *f = xmemstream(&s, &n);

	ruleset_print(rs, f);
	fclose(f);
	return s;
}

static void check_normal_form(struct ruleset *rs)
{
	auto_free char *once = NULL, *twice = NULL;
	struct ruleset again = { 0 };
	struct diag d = { 0 };

	ruleset_normalise(rs);
	once = printed(rs);
	expect(!ruleset_parse(&again, once, "once", &d));
	expect(!ruleset_diff(rs, &again, NULL));
	ruleset_normalise(&again);
	twice = printed(&again);
	expect(!strcmp(once, twice));
	ruleset_free(&again);
	diag_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xcalloc(size + 1, 1), *again = NULL;
	struct ruleset rs = { 0 }, copy;
	struct diag d = { 0 };

	if (size)
		memcpy(text, data, size);
	if (ruleset_parse(&rs, text, "fuzz", &d)) {
		expect(d.errors == 1 && d.v[0].line && d.v[0].col);
	} else {
		again = printed(&rs);
		expect(!strcmp(text, again));
		ruleset_copy(&copy, &rs);
		ruleset_free(&rs);
		check_normal_form(&copy);
		ruleset_free(&copy);
	}
	diag_free(&d);
	return 0;
}
