/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of report/facts.h: what the walks and the findings rely on beyond the types of members. */
#ifndef UNTRACK_FACTS_CHECK_H
#define UNTRACK_FACTS_CHECK_H

#include "report/facts_table.h"
#include "util.h"

/* The fault in a value whose members are there, in words, with the path of the member inside the
 * value before it where there is one: ".exprs[2]: ..."; NULL: none. parent is what it lies in, of
 * sets the firewall. The caller frees. */
char *facts_fault(enum facts_check check, void *item, const void *parent);

#endif
