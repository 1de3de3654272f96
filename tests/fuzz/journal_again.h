/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules as the journal holds them: printed, read and printed again they are the same. */
#ifndef UNTRACK_TESTS_FUZZ_JOURNAL_AGAIN_H
#define UNTRACK_TESTS_FUZZ_JOURNAL_AGAIN_H

#include <stdlib.h>
#include <string.h>
#include "rules/ruleset.h"

static inline char *rules_text(const struct ruleset *rs)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	ruleset_print(rs, f);
	fclose(f);
	return text;
}

static inline void check_rules(const struct ruleset *ours)
{
	auto_free char *text = rules_text(ours), *second = NULL;
	struct ruleset again = { 0 };
	struct diag d = { 0 };

	if (ruleset_parse(&again, text, "read", &d))
		abort();
	second = rules_text(&again);
	if (strcmp(text, second) != 0 || ruleset_diff(ours, &again, NULL))
		abort();
	ruleset_free(&again);
	diag_free(&d);
}

#endif
