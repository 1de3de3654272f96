/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics of connection tracking in this network namespace. */
#include "kernel/conntrack_stats.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stddef.h>
#include "kernel/conntrack_dump.h"
#include "kernel/conntrack_table.h"
#include "kernel/ct_sysctl.h"
#include "kernel/module.h"
#include "util.h"

#define CHAIN_TOOLONG 15 /* CTA_STATS_CHAIN_TOOLONG, Linux 5.15 */

struct sum {
	struct ct_stats all;
	ct_stats_fn *fn;
	void *ctx;
};

/* The kernel's counters are 32 bits wide and wrap. */
static const struct {
	uint16_t attr;
	size_t offset;
} fields[] = {
	{ CTA_STATS_FOUND, offsetof(struct ct_stats, found) },
	{ CTA_STATS_INVALID, offsetof(struct ct_stats, invalid) },
	{ CTA_STATS_INSERT, offsetof(struct ct_stats, insert) },
	{ CTA_STATS_INSERT_FAILED, offsetof(struct ct_stats, insert_failed) },
	{ CTA_STATS_DROP, offsetof(struct ct_stats, drop) },
	{ CTA_STATS_EARLY_DROP, offsetof(struct ct_stats, early_drop) },
	{ CTA_STATS_ERROR, offsetof(struct ct_stats, error) },
	{ CTA_STATS_SEARCH_RESTART, offsetof(struct ct_stats, search_restart) },
	{ CTA_STATS_CLASH_RESOLVE, offsetof(struct ct_stats, clash_resolve) },
	{ CHAIN_TOOLONG, offsetof(struct ct_stats, chain_toolong) },
};

static void see_processor(const struct nlmsghdr *h, void *ctx)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	struct ct_stats one = { .processors = 1 };
	struct sum *sum = ctx;
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(h) < sizeof(*g))
		return;
	mnl_attr_for_each(a, h, sizeof(*g))
	{
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			if (mnl_attr_get_type(a) != fields[i].attr ||
			    mnl_attr_get_payload_len(a) != 4)
				continue;
			*(uint64_t *)(void *)((char *)&one + fields[i].offset) =
				ntohl(mnl_attr_get_u32(a));
			*(uint64_t *)(void *)((char *)&sum->all + fields[i].offset) +=
				ntohl(mnl_attr_get_u32(a));
		}
	}
	sum->all.processors++;
	if (sum->fn)
		sum->fn(sum->ctx, ntohs(g->res_id), &one);
}

int ct_stats_read(struct ct_stats *out, ct_stats_fn *fn, void *ctx, struct diag *d)
{
	struct sum sum = { .fn = fn, .ctx = ctx };
	struct mnl_socket *nl = NULL;
	uint32_t seq = 1;
	int rc = -1, errnum = ENOPKG;

	if (ct_presence() != CT_ABSENT && module_may_be_asked("nf_conntrack_netlink")) {
		nl = ct_open();
		if (nl)
			rc = ct_ask(nl, IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP, &seq,
				    see_processor, &sum);
		errnum = errno;
	}
	if (nl)
		mnl_socket_close(nl);
	if (rc && errnum == ENOPKG)
		diag_error(d, NULL, "conntrack-unread", 0,
			   "statistics of connection tracking cannot be read: %s",
			   ct_presence() == CT_ABSENT
				   ? "this kernel has none, or has not loaded it"
				   : "the module nf_conntrack_netlink is not loaded, and asking "
				     "would load it");
	else if (rc)
		diag_error(d, NULL, "conntrack-unread", errnum,
			   "statistics of connection tracking cannot be read");
	if (rc && errnum == EPERM)
		diag_cure(d, "run this as root, or with CAP_NET_ADMIN");
	if (!rc)
		*out = sum.all;
	return rc;
}

bool ct_limits_read(unsigned long *entries, unsigned long *max)
{
	unsigned long n, most;

	if (ct_sysctl_get(CT_SYSCTL_DIR, "nf_conntrack_count", &n) ||
	    ct_sysctl_get(CT_SYSCTL_DIR, "nf_conntrack_max", &most))
		return false;
	*entries = n;
	*max = most;
	return true;
}
