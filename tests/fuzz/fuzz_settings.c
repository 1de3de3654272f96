/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A record of settings from bytes: what is taken prints as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "transaction/settings_record.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xcalloc(size + 1, 1), *again = NULL;
	struct settings_record r = { 0 };
	struct diag d = { 0 };

	if (size)
		memcpy(text, data, size);
	if (settings_record_parse(text, size, "fuzz", &r, &d)) {
		if (d.errors != 1 || r.boot || r.v)
			abort();
	} else {
		again = settings_record_print(&r);
		if (d.n || strlen(again) != size || memcmp(again, text, size) != 0)
			abort();
		for (size_t i = 0; i < r.n; i++)
			if (!settings_is_key(r.v[i].key) ||
			    settings_record_find(&r, r.v[i].key) != &r.v[i])
				abort();
	}
	settings_record_free(&r);
	diag_free(&d);
	return 0;
}
