/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains of the table raw for iptables-restore. */
#include "kernel/ipt_rule.h"

/* With -n, a chain that is there is emptied by its own line. A jump cannot be asked for, nor can
 * one be deleted that may not be there, so a second restore adds a second one. */
static void jumps_text(FILE *out)
{
	fprintf(out, "-I PREROUTING -j %s\n-I OUTPUT -j %s\n", IPT_OWN_PRE, IPT_OWN_OUT);
}

void ipt_layout_text(const struct ipt_layout *l, FILE *out)
{
	if (!l->n)
		return;
	fprintf(out, "*%s\n", IPT_OWN_TABLE);
	for (size_t i = 0; i < l->n; i++)
		fprintf(out, ":%s - [0:0]\n", l->chains[i].name);
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->chains[i].n; k++) {
			struct text t = { 0 };

			ipt_rule_text(&l->chains[i].v[k], &t);
			fprintf(out, "-A %s %s\n", l->chains[i].name, t.s);
			free(t.s);
		}
	jumps_text(out);
	fputs("COMMIT\n", out);
}
