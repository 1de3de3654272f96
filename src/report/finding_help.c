/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack help: what a finding means. */
#include "report/finding_table.h"

#include <string.h>
#include "util.h"

#define WIDTH 79

/* One paragraph, its later lines below the end of the label. */
static void print_wrapped(const char *label, const char *text, FILE *out)
{
	size_t indent = strlen(label), column = indent;

	fputs(label, out);
	while (*text) {
		size_t n = strcspn(text, " ");

		if (column > indent && column + 1 + n > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			putc(' ', out);
			column++;
		}
		fwrite(text, 1, n, out);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	putc('\n', out);
}

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
