/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host's facts from bytes: what is taken prints, is taken again, and no walk trips over it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "report/facts.h"
#include "rules/preflight.h"
#include "rules/twin.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char conf[] = "[service web]\nprotocol = tcp, udp\nport = 80, 8000-8010\n"
			   "[service dns]\nprotocol = udp\nport = 53\nrole = client\n";

static char *print(const struct host *h, size_t *len)
{
	char *text = NULL;
	FILE *f = xmemstream(&text, len);

	facts_print(h, f);
	fclose(f);
	return text;
}

static void use(const struct host *h)
{
	struct ruleset rs = { 0 };
	struct policy p = { 0 };
	struct diag d = { 0 };

	if (policy_parse(&p, conf, "fuzz", &d))
		abort();
	preflight_check(&p, h, &d);
	twin_derive(&p, &h->params, &h->fw, &rs, NULL, &d);
	for (size_t i = 0; i < h->fw.n_chains; i++)
		for (size_t k = 0; k < h->fw.chains[i].n_rules; k++)
			free(fw_rule_text(&h->fw.chains[i].rules[k]));
	ruleset_free(&rs);
	policy_free(&p);
	diag_free(&d);
}

static void round_trip(const struct host *h)
{
	auto_free char *first = NULL, *second = NULL;
	struct host again;
	struct diag d = { 0 };
	size_t n, m;

	first = print(h, &n);
	if (facts_parse(&again, first, n, "print", &d))
		abort();
	second = print(&again, &m);
	if (n != m || memcmp(first, second, n))
		abort();
	host_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xcalloc(1, size + 1);
	struct diag d = { 0 };
	struct host h;

	memcpy(text, data, size);
	if (facts_parse(&h, text, size, "fuzz", &d)) {
		if (d.n != 1 || d.errors != 1)
			abort();
	} else {
		if (d.n)
			abort();
		round_trip(&h);
		use(&h);
	}
	host_free(&h);
	diag_free(&d);
	return 0;
}
