/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open transaction from bytes: what is taken prints, and the print is taken as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "transaction/journal.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct transaction *t, size_t *len)
{
	char *text = NULL;
	FILE *f = xmemstream(&text, len);

	transaction_print(t, f);
	fclose(f);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct transaction t = { 0 }, again = { 0 };
	auto_free char *text = xmemdup(data, size), *first = NULL, *second = NULL;
	struct diag d = { 0 };
	size_t n, m;

	if (transaction_parse(text, size, "fuzz", &t, &d)) {
		if (!d.errors || t.open)
			abort();
		diag_free(&d);
		return 0;
	}
	if (d.errors || !t.open)
		abort();
	first = print(&t, &n);
	if (transaction_parse(first, n, "print", &again, &d))
		abort();
	second = print(&again, &m);
	if (n != m || memcmp(first, second, n) || ruleset_diff(&t.want, &again.want, NULL) ||
	    ruleset_diff(&t.before, &again.before, NULL))
		abort();
	transaction_free(&t);
	transaction_free(&again);
	diag_free(&d);
	return 0;
}
