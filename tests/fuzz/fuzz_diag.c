/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings from bytes: what is taken is sent as the same bytes, and nothing is taken by half. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "report/diag_wire.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *sent(const struct diag *d, size_t *len)
{
	char *bytes;
	FILE *f = xmemstream(&bytes, len);

	diag_send(d, f);
	fclose(f);
	return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *bytes = xmemdup(data, size), *first = NULL, *second = NULL;
	struct diag d = { 0 }, again = { 0 };
	size_t n, m;

	if (!diag_receive(&d, bytes, size)) {
		if (d.n)
			abort();
		return 0;
	}
	if (d.errors + d.warnings + d.notes != d.n)
		abort();
	first = sent(&d, &n);
	if (!diag_receive(&again, first, n) || again.n != d.n)
		abort();
	second = sent(&again, &m);
	if (n != m || memcmp(first, second, n) != 0)
		abort();
	diag_free(&d);
	diag_free(&again);
	return 0;
}
