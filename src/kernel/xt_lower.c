/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each match and target of iptables means: one table of all that the kernel and iptables know.
 */
#include <string.h>
#include "kernel/xt_ops.h"

struct kind {
	const char *name;
	uint8_t first, last; /* revisions */
	enum fw_op op;	     /* all that the walks need, where there is no function */
	xt_lower_fn *lower;
	const char *as; /* the operation's name; NULL: the extension's own */
};

/* Most look at something that is the same for a packet, tracked or not, and that we cannot know:
 * FW_MAYBE. What counts the packets that reach it is FW_LIMIT: a twin must not reach it twice. */
static const struct kind matches[] = {
	{ "addrtype", 0, 1, .lower = xt_lower_addrtype },
	{ "ah", 0, 0, .op = FW_MAYBE },
	{ "bpf", 0, 1, .op = FW_MAYBE },
	{ "cgroup", 0, 2, .op = FW_MAYBE },
	{ "cluster", 0, 0, .lower = xt_lower_ct_data },
	{ "comment", 0, 0, .op = FW_LOAD },
	{ "connbytes", 0, 0, .lower = xt_lower_ct_data },
	{ "connlabel", 0, 0, .lower = xt_lower_connlabel },
	{ "connlimit", 0, 1, .op = FW_CT_LIMIT },
	{ "connmark", 1, 1, .lower = xt_lower_connmark },
	{ "conntrack", 1, 3, .lower = xt_lower_conntrack },
	{ "cpu", 0, 0, .op = FW_MAYBE },
	{ "dccp", 0, 0, .lower = xt_lower_dccp },
	{ "devgroup", 0, 0, .op = FW_MAYBE },
	{ "dscp", 0, 0, .op = FW_MAYBE },
	{ "dst", 0, 0, .op = FW_MAYBE },
	{ "ecn", 0, 0, .op = FW_MAYBE },
	{ "esp", 0, 0, .op = FW_MAYBE },
	{ "eui64", 0, 0, .op = FW_MAYBE },
	{ "frag", 0, 0, .op = FW_MAYBE },
	{ "hashlimit", 0, 3, .op = FW_LIMIT },
	{ "hbh", 0, 0, .op = FW_MAYBE },
	{ "helper", 0, 0, .lower = xt_lower_helper },
	{ "hl", 0, 0, .op = FW_MAYBE },
	{ "icmp", 0, 0, .lower = xt_lower_icmp },
	{ "icmp6", 0, 0, .lower = xt_lower_icmp },
	{ "ipcomp", 0, 0, .op = FW_MAYBE },
	{ "iprange", 1, 1, .lower = xt_lower_iprange },
	{ "ipv6header", 0, 0, .op = FW_MAYBE },
	{ "ipvs", 0, 0, .lower = xt_lower_ipvs },
	{ "l2tp", 0, 0, .op = FW_MAYBE },
	{ "length", 0, 0, .op = FW_MAYBE },
	{ "limit", 0, 0, .op = FW_LIMIT },
	{ "mac", 0, 0, .op = FW_MAYBE },
	{ "mark", 1, 1, .lower = xt_lower_mark },
	{ "mh", 0, 0, .op = FW_MAYBE },
	{ "multiport", 0, 1, .lower = xt_lower_multiport },
	{ "nfacct", 0, 1, .op = FW_LIMIT }, /* its object may have a quota */
	{ "osf", 0, 0, .op = FW_MAYBE },
	{ "owner", 0, 1, .op = FW_MAYBE },
	{ "physdev", 0, 0, .op = FW_MAYBE },
	{ "pkttype", 0, 0, .op = FW_MAYBE },
	{ "policy", 0, 0, .op = FW_MAYBE },
	{ "quota", 0, 0, .op = FW_LIMIT },
	{ "rateest", 0, 0, .op = FW_MAYBE },
	{ "realm", 0, 0, .op = FW_MAYBE },
	{ "recent", 0, 1, .op = FW_LIMIT },
	{ "rpfilter", 0, 0, .op = FW_MAYBE },
	{ "rt", 0, 0, .op = FW_MAYBE },
	{ "sctp", 0, 0, .lower = xt_lower_sctp },
	{ "set", 0, 4, .op = FW_MAYBE },
	{ "socket", 0, 3, .op = FW_MAYBE },
	{ "srh", 0, 1, .op = FW_MAYBE },
	{ "state", 0, 0, .lower = xt_lower_state },
	{ "statistic", 0, 0, .op = FW_LIMIT },
	{ "string", 0, 1, .op = FW_MAYBE },
	{ "tcp", 0, 0, .lower = xt_lower_tcp },
	{ "tcpmss", 0, 0, .op = FW_MAYBE },
	{ "time", 0, 0, .op = FW_MAYBE },
	{ "tos", 0, 1, .op = FW_MAYBE },
	{ "ttl", 0, 0, .op = FW_MAYBE },
	{ "u32", 0, 0, .op = FW_MAYBE },
	{ "udp", 0, 0, .lower = xt_lower_udp },
	{ "udplite", 0, 0, .lower = xt_lower_udp },
};

/* The names of effects are those by which the walks tell what no later rule can see ("log",
 * "notrack") from what changes the packet. */
static const struct kind targets[] = {
	{ "AUDIT", 0, 0, .op = FW_EFFECT, .as = "log" },
	{ "CHECKSUM", 0, 0, .op = FW_EFFECT },
	{ "CLASSIFY", 0, 0, .op = FW_EFFECT },
	{ "CONNMARK", 1, 2, .lower = xt_lower_connmark_target },
	{ "CONNSECMARK", 0, 0, .lower = xt_lower_connsecmark },
	{ "CT", 0, 2, .lower = xt_lower_ct_target },
	{ "DNAT", 0, 2, .op = FW_NAT, .as = "dnat" },
	{ "DNPT", 0, 0, .op = FW_EFFECT },
	{ "DSCP", 0, 0, .op = FW_EFFECT },
	{ "ECN", 0, 0, .op = FW_EFFECT },
	{ "HL", 0, 0, .op = FW_EFFECT },
	{ "HMARK", 0, 0, .lower = xt_lower_hmark },
	{ "IDLETIMER", 0, 1, .op = FW_EFFECT, .as = "log" },
	{ "LED", 0, 0, .op = FW_EFFECT, .as = "log" },
	{ "LOG", 0, 0, .op = FW_EFFECT, .as = "log" },
	{ "MARK", 0, 2, .op = FW_EFFECT, .as = "meta mark" },
	{ "MASQUERADE", 0, 0, .op = FW_NAT, .as = "masq" },
	{ "NETMAP", 0, 0, .op = FW_NAT, .as = "netmap" },
	{ "NFLOG", 0, 0, .op = FW_EFFECT, .as = "log" },
	{ "NFQUEUE", 0, 3, .op = FW_VERDICT, .as = "queue" },
	{ "NOTRACK", 0, 0, .op = FW_EFFECT, .as = "notrack" },
	{ "QUEUE", 0, 0, .op = FW_VERDICT, .as = "queue" },
	{ "RATEEST", 0, 0, .op = FW_EFFECT, .as = "log" },
	{ "REDIRECT", 0, 1, .op = FW_NAT, .as = "redir" },
	{ "REJECT", 0, 0, .op = FW_VERDICT, .as = "reject" },
	{ "SECMARK", 0, 1, .op = FW_EFFECT, .as = "meta secmark" },
	{ "SET", 0, 3, .op = FW_EFFECT },
	{ "SNAT", 0, 2, .op = FW_NAT, .as = "snat" },
	{ "SNPT", 0, 0, .op = FW_EFFECT },
	{ "SYNPROXY", 0, 0, .op = FW_SYNPROXY, .as = "synproxy" },
	{ "TCPMSS", 0, 0, .op = FW_EFFECT },
	{ "TCPOPTSTRIP", 0, 0, .op = FW_EFFECT },
	{ "TEE", 0, 1, .op = FW_EFFECT },
	{ "TOS", 0, 1, .op = FW_EFFECT },
	{ "TPROXY", 0, 1, .op = FW_NAT, .as = "tproxy" },
	{ "TRACE", 0, 0, .op = FW_EFFECT, .as = "log" },
	{ "TTL", 0, 0, .op = FW_EFFECT },
	{ "ULOG", 0, 0, .op = FW_EFFECT, .as = "log" },
};

static int by_name(const void *key, const void *elem)
{
	return strcmp(key, ((const struct kind *)elem)->name);
}

static const struct kind *find(const struct xt_ext *x)
{
	const struct kind *k =
		x->target ? bsearch(x->name, targets, ARRAY_SIZE(targets), sizeof *k, by_name)
			  : bsearch(x->name, matches, ARRAY_SIZE(matches), sizeof *k, by_name);

	return k && x->revision >= k->first && x->revision <= k->last ? k : NULL;
}

static void plain(const struct xt_lowering *l, const struct kind *k)
{
	const char *name = k->as ? k->as : k->name;

	if (k->op == FW_VERDICT)
		xt_verdict(l, strcmp(name, "reject") ? FW_QUEUE : FW_REJECT, name);
	else if (k->op != FW_LOAD)
		xt_op(l, k->op, name);
}

/* A target that we do not know may end the rule in any way: the verdict keeps it in sight of the
 * walks, which pass over a rule that only goes on. */
void xt_unknown(struct fw *fw, struct fw_rule *r, const struct xt_ext *x)
{
	const struct xt_lowering l = { .fw = fw, .rule = r, .x = x };

	xt_op(&l, FW_UNKNOWN, x->name);
	if (x->target)
		xt_verdict(&l, FW_QUEUE, x->name);
}

void xt_lower(struct fw *fw, struct fw_rule *r, enum family f, const struct xt_ext *x)
{
	const struct xt_lowering l = { fw, r, f, x };
	const struct kind *k = find(x);

	if (k && !k->lower)
		plain(&l, k);
	else if (!k || !k->lower(&l))
		xt_unknown(fw, r, x);
}
