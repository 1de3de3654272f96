/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A generation from bytes: what is taken prints, and the print is taken as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "transaction/journal.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct generation_header h = { 0 }, again = { 0 };
	auto_free char *text = xcalloc(size + 1, 1), *first = NULL, *second = NULL;
	const char *body = NULL, *same = NULL;
	struct diag d = { 0 };

	memcpy(text, data, size);
	if (generation_parse(text, size, "fuzz", &h, &body, &d)) {
		if (!d.errors || h.backend || h.forced)
			abort();
		diag_free(&d);
		return 0;
	}
	if (d.errors || body < text || body > text + size)
		abort();
	first = generation_print(&h, body);
	if (generation_parse(first, strlen(first), "print", &again, &same, &d) ||
	    strcmp(body, same) != 0)
		abort();
	second = generation_print(&again, same);
	if (strcmp(first, second) != 0)
		abort();
	generation_header_free(&h);
	generation_header_free(&again);
	return 0;
}
