/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counts of the policies of a table of iptables-legacy: a commit of libiptc 1.8.9 leaves them
 * at what came in between reading and commit (FACTS B7). Adding what they were makes them whole, to
 * the packet. Newer ones (seen: 1.8.11) keep them; then nothing is added. */
#ifndef UNTRACK_IPT_POLICIES_H
#define UNTRACK_IPT_POLICIES_H

#include "kernel/ipt_family.h"
#include "report/diag.h"

#define IPT_POLICIES 5 /* in the order of the kernel's hooks */

struct ipt_policies {
	struct xt_counters v[IPT_POLICIES];
};

/* As they were when h was opened. */
void ipt_policies_read(struct ipt_policies *p, const struct ipt_family *f, struct xtc_handle *h);
/* After the commit of h: adds them to the table, if they are less now; a warning if they are lost.
 */
void ipt_policies_restore(const struct ipt_policies *p, const struct ipt_family *f,
			  const char *table, struct diag *d);

#endif
