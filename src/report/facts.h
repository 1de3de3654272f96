/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host's facts as JSON and back. One object; its members are those of struct host, by the names
 * in facts_table.c. What is zero, false or empty is left out. A reader of the same version refuses
 * what it does not know: a fact that is not looked at is worse than none. */
#ifndef UNTRACK_FACTS_H
#define UNTRACK_FACTS_H

#include <stdio.h>
#include "report/diag.h"
#include "rules/host.h"

/* A host whose "firewall" is unread has none in what is printed. */
void facts_print(const struct host *h, FILE *out);

/* Inverse of facts_print, of anything else total: whatever the walks and the findings rely on holds
 * of *h, or there is one finding "facts" with the file, and the member ("firewall.chains[3].name")
 * or for JSON that is none the line and column. 0 or -1; *h is to be freed in either case. */
int facts_parse(struct host *h, const char *text, size_t len, const char *file, struct diag *d);

/* The same of a file. */
int facts_load(struct host *h, const char *path, struct diag *d);

#endif
