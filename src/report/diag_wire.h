/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings on their way from a child process, which is a copy of this program, to its parent. */
#ifndef UNTRACK_DIAG_WIRE_H
#define UNTRACK_DIAG_WIRE_H

#include "report/diag.h"

void diag_send(const struct diag *d, FILE *out);

/* Appends to d what diag_send has written, all n bytes of it; false, and d is as it was: it is cut
 * off, or something else. */
bool diag_receive(struct diag *d, const char *bytes, size_t n);

#endif
