/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a configuration: what is accepted prints to what is accepted and prints the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "config/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct policy *p)
{
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	if (!f)
		abort();
	policy_print(p, f);
	fclose(f);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xcalloc(size + 1, 1);
	struct policy p = { 0 }, q = { 0 };
	struct diag d = { 0 };

	memcpy(text, data, size);
	if (!policy_parse(&p, text, "fuzz", &d)) {
		auto_free char *first = print(&p), *second = NULL;

		if (d.errors || policy_parse(&q, first, "printed", &d))
			abort();
		second = print(&q);
		if (strcmp(first, second))
			abort();
	} else if (!d.errors || p.n_services || p.files) {
		abort();
	}
	policy_free(&p);
	policy_free(&q);
	diag_free(&d);
	return 0;
}
