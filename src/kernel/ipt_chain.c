/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The deletion of chains of either family. */
#include "kernel/ipt_chain.h"

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

int ipt_chain_delete(const struct ipt_family *f, const char *name, struct xtc_handle *h)
{
	return f->family == FAMILY_V4 ? iptc_delete_chain(name, h) : ip6tc_delete_chain(name, h);
}
