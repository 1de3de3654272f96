/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a flow: what parse takes, print gives back in canonical form; the rest is one
 * finding with its place. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "rules/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xcalloc(size + 1, 1);
	const struct origin at = { "fuzz", 3, 7 };
	struct flow f = { 0 }, again = { 0 }, other;
	struct text t = { 0 };
	struct diag d = { 0 };

	if (size)
		memcpy(text, data, size);
	if (flow_parse(&f, text, &at, &d)) {
		expect(d.n == 1 && d.v[0].line == 3 && d.v[0].col >= 7);
		expect(d.v[0].col <= 7 + strlen(text));
	} else {
		flow_text(&f, &t);
		expect(!flow_parse(&again, t.s, &at, &d) && !d.n);
		expect(!memcmp(&f, &again, sizeof(f)));
		expect(!flow_reply(&f, &other) || other.way <= FLOW_LOOPBACK);
		expect(flow_quoted(&f, &other) == f.error);
		free(t.s);
	}
	diag_free(&d);
	return 0;
}
