/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hostile entries of connection tracking, and hostile routes: what is deleted is one whole entry,
 * never what the kernel would take for all of them. */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include "fuzz/netlink.h"
#include "kernel/conntrack.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
bool __wrap_ct_is_tracking(void);

static const char text[] =
	"untrack-rules 1\n"
	"prerouting return loopback in lo\n"
	"output return loopback out lo\n"
	"prerouting notrack dns protocol udp dport 53 to local\n"
	"output notrack dns protocol udp sport 53\n"
	"prerouting notrack web family ipv4 protocol tcp dport 80,443 not-src 198.51.100.0/24\n"
	"output notrack web family ipv4 protocol tcp sport 80,443 not-dst 198.51.100.0/24\n"
	"prerouting notrack ping family ipv6 protocol icmpv6 request to local\n"
	"output notrack ping family ipv6 protocol icmpv6 reply\n"
	"prerouting notrack storage family ipv6 in bond*,eth2\n"
	"output notrack storage family ipv6 out bond*,eth2\n"
	"end\n";

static struct ruleset rules;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct diag d = { 0 };

	(void)argc, (void)argv;
	if (ruleset_parse(&rules, text, "fuzz", &d))
		abort();
	return 0;
}

bool __wrap_ct_is_tracking(void)
{
	return true;
}

static const struct nlattr *find(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest)
	{
		if (mnl_attr_get_type(a) == type)
			return a;
	}
	abort();
}

static void check_deletion(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *tuple = NULL, *id = NULL, *ip, *proto;
	bool v4 = g->nfgen_family == AF_INET;

	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE))
		return;
	mnl_attr_for_each(a, h, sizeof(*g))
	{
		if (mnl_attr_get_type(a) == CTA_TUPLE_ORIG)
			tuple = a;
		if (mnl_attr_get_type(a) == CTA_ID)
			id = a;
	}
	if (!tuple || !id || mnl_attr_get_payload_len(id) != sizeof(uint32_t) ||
	    (!v4 && g->nfgen_family != AF_INET6))
		abort();
	ip = find(tuple, CTA_TUPLE_IP);
	proto = find(tuple, CTA_TUPLE_PROTO);
	find(ip, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC);
	find(ip, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST);
	find(proto, CTA_PROTO_NUM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct drain_report report;
	struct diag d = { 0 };
	int rc;

	kernel_starts(data, size);
	sees = check_deletion;
	rc = conntrack_drain(&rules, &report, &d);
	if ((rc != 0) != (d.n != 0) || d.errors)
		abort();
	diag_free(&d);
	return 0;
}
