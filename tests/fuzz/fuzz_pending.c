/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pending confirmation from bytes: what is taken prints as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "transaction/pending.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xmemdup(data, size), *again = NULL;
	struct pending p = { 0 };
	struct diag d = { 0 };
	int rc = pending_parse(text, size, "fuzz", 5000000, &p, &d);

	if ((rc != 0) != (d.errors != 0) || (rc != 0) != !p.token)
		abort();
	diag_free(&d);
	if (rc)
		return 0;
	again = pending_string(&p);
	if (strlen(again) != size || memcmp(again, text, size))
		abort();
	pending_free(&p);
	return 0;
}
