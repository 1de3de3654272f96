/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of settings from bytes: what is taken prints, and the print is taken as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "transaction/settings_record.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings_record r = { 0 }, same = { 0 };
	auto_free char *text = xcalloc(size + 1, 1), *first = NULL, *second = NULL;
	struct diag d = { 0 };

	memcpy(text, data, size);
	if (settings_record_parse(text, size, "fuzz", &r, &d)) {
		if (!d.errors || r.n)
			abort();
		diag_free(&d);
		return 0;
	}
	if (d.errors)
		abort();
	first = settings_record_print(&r);
	if (settings_record_parse(first, strlen(first), "print", &same, &d))
		abort();
	second = settings_record_print(&same);
	if (strcmp(first, second) || r.n != same.n)
		abort();
	settings_record_free(&r);
	settings_record_free(&same);
	return 0;
}
