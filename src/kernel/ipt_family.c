/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libip4tc and libip6tc behind one table of functions. */
#include "kernel/ipt_family.h"

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

/* The functions that name the type of an entry. */
#define WRAP(tc)                                                                      \
	static const void *tc##_wrap_first(const char *chain, struct xtc_handle *h)   \
	{                                                                             \
		return tc##_first_rule(chain, h);                                     \
	}                                                                             \
	static const void *tc##_wrap_next(const void *entry, struct xtc_handle *h)    \
	{                                                                             \
		return tc##_next_rule(entry, h);                                      \
	}                                                                             \
	static const char *tc##_wrap_target(const void *entry, struct xtc_handle *h)  \
	{                                                                             \
		return tc##_get_target(entry, h);                                     \
	}                                                                             \
	static int tc##_wrap_insert(const char *chain, const void *entry, unsigned n, \
				    struct xtc_handle *h)                             \
	{                                                                             \
		return tc##_insert_entry(chain, entry, n, h);                         \
	}

WRAP(iptc)
WRAP(ip6tc)

static const struct ipt_family families[] = {
	[FAMILY_V4] = {
		.name = "ip",
		.proc = "/proc/net/ip_tables_names",
		.family = FAMILY_V4,
		.table_family = TABLE_IP,
		.ops = &iptc_ops,
		.first_rule = iptc_wrap_first,
		.next_rule = iptc_wrap_next,
		.get_target = iptc_wrap_target,
		.insert = iptc_wrap_insert,
		.delete_at = iptc_delete_num_entry,
	},
	[FAMILY_V6] = {
		.name = "ip6",
		.proc = "/proc/net/ip6_tables_names",
		.family = FAMILY_V6,
		.table_family = TABLE_IP6,
		.ops = &ip6tc_ops,
		.first_rule = ip6tc_wrap_first,
		.next_rule = ip6tc_wrap_next,
		.get_target = ip6tc_wrap_target,
		.insert = ip6tc_wrap_insert,
		.delete_at = ip6tc_delete_num_entry,
	},
};

const struct ipt_family *ipt_family(enum family f)
{
	return &families[f];
}
