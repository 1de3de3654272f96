/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a file of expectations: what is accepted prints to what is accepted and prints the
 * same; the rest is findings with places inside the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "config/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static char *print(const struct expectations *e)
{
	char *s = NULL;
	size_t n;
	FILE *f = xmemstream(&s, &n);

	expect_print(e, f);
	fclose(f);
	return s;
}

static void check_findings(const struct diag *d, const char *text)
{
	unsigned lines = 1;

	for (const char *s = text; *s; s++)
		lines += *s == '\n';
	for (size_t i = 0; i < d->n; i++)
		expect(d->v[i].line <= lines && d->v[i].col <= strlen(text) + 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xcalloc(size + 1, 1);
	struct expectations e, again;
	struct diag d = { 0 };

	if (size)
		memcpy(text, data, size);
	if (!expect_parse(&e, text, "fuzz", &d)) {
		auto_free char *first = print(&e), *second = NULL;

		expect(!d.errors);
		expect(!expect_parse(&again, first, "printed", &d) && again.n == e.n);
		second = print(&again);
		expect(!strcmp(first, second));
		expect_free(&again);
	} else {
		expect(d.errors && !e.v && !e.files);
		check_findings(&d, text);
	}
	expect_free(&e);
	diag_free(&d);
	return 0;
}
