/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Amounts in the words of people. The caller frees. */
#ifndef UNTRACK_QUANTITY_H
#define UNTRACK_QUANTITY_H

#include <stdint.h>

char *bytes_text(uint64_t bytes);      /* "512 B", "1.5 KiB", "20 GiB" */
char *duration_text(uint64_t seconds); /* "90 s", "12 min", "5 h", "3 days" */
const char *plural(uint64_t n);	       /* "" or "s" */

#endif
