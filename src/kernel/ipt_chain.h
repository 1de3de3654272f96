/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libiptc does with chains and does not name among the operations of both families. */
#ifndef UNTRACK_IPT_CHAIN_H
#define UNTRACK_IPT_CHAIN_H

#include "kernel/ipt_family.h"

/* An empty chain that nothing jumps to; name has 32 bytes. 0 is failure and errno says why. */
int ipt_chain_delete(const struct ipt_family *f, const char *name, struct xtc_handle *h);

#endif
