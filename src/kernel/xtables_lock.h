/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock that iptables-legacy takes while it writes, and libiptc does not (FACTS B6). */
#ifndef UNTRACK_XTABLES_LOCK_H
#define UNTRACK_XTABLES_LOCK_H

#include "report/diag.h"

/* Waits for a bounded time. A descriptor that holds the lock until it is closed, or -1 with a
 * finding that names the lock and, where it is known, who holds it. */
int xtables_lock(struct diag *d);

#endif
