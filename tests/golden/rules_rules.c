/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_rules FILE: reads a ruleset, brings it into normal form, prints it. */
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include "rules/ruleset.h"

int main(int argc, char **argv)
{
	auto_free char *text = argc == 2 ? read_file(AT_FDCWD, argv[1], &(size_t){ 0 }) : NULL;
	struct ruleset rs = { 0 };
	struct diag d = { 0 };
	int rc;

	if (!text)
		return 2;
	rc = ruleset_parse(&rs, text, argv[1], &d);
	if (!rc) {
		ruleset_normalise(&rs);
		ruleset_print(&rs, stdout);
	}
	diag_print(&d, stderr, SEVERITY_NOTE, false);
	diag_free(&d);
	ruleset_free(&rs);
	return rc ? 1 : 0;
}
