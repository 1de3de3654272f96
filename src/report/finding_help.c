/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack help: what a finding means. */
#include "report/finding_table.h"

#include <string.h>
#include "util.h"

void finding_kind_print(const struct finding_kind *k, FILE *out)
{
	fprintf(out, "%s: %s\n\n%s.\n\n", k->id, severity_name(k->severity), k->title);
	print_wrapped("Why:   ", k->why, out);
	print_wrapped("Cure:  ", k->cure, out);
}

void finding_kinds_list(FILE *out)
{
	for (size_t i = 0; i < n_finding_kinds; i++)
		fprintf(out, "%-20s %-8s %s\n", finding_kinds[i].id,
			severity_name(finding_kinds[i].severity), finding_kinds[i].title);
}
