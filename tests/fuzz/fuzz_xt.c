/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hostile extensions of iptables: any bytes of any length under every name and revision. Nothing is
 * read beyond its end, and the meaning is made of whole operations without a body. */
#include <string.h>
#include "kernel/xt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
	"",	     "addrtype", "ah",	      "cluster", "comment",   "connbytes", "connlabel",
	"connlimit", "connmark", "conntrack", "dccp",	 "helper",    "icmp",	   "icmp6",
	"iprange",   "ipvs",	 "limit",     "mark",	 "multiport", "recent",	   "sctp",
	"set",	     "state",	 "tcp",	      "udp",	 "udplite",   "CONNMARK",  "CONNSECMARK",
	"CT",	     "DNAT",	 "HMARK",     "LOG",	 "MARK",      "NFQUEUE",   "REJECT",
	"SYNPROXY",  "nonsense",
};

static void expr_free(struct fw_expr *e)
{
	free(e->name);
	free(e->body);
	free(e->target.chain);
	free(e->object);
}

static void check_expr(const struct fw_expr *e)
{
	size_t n = e->op == FW_LOOKUP && e->set ? e->set->n : 0;

	if (e->body || !e->name || e->op == FW_XT || e->dreg || e->sreg || e->len > FW_DATA_MAX ||
	    (e->op == FW_LOAD && !e->len) || (e->op == FW_LOOKUP && !e->set))
		abort();
	for (size_t i = 0; i < n; i++)
		if (memcmp(e->set->v[i].lo, e->set->v[i].hi, e->len) > 0 ||
		    (i && memcmp(e->set->v[i - 1].hi, e->set->v[i].lo, e->len) >= 0))
			abort(); /* sorted and disjoint */
}

static void check_name(const char *name, const struct xt_ext *x, enum family f)
{
	struct xt_ext named = *x;
	struct fw fw = { 0 };
	struct fw_rule r = { 0 };

	named.name = name;
	free(xt_body(&named));
	xt_lower(&fw, &r, f, &named);
	for (size_t i = 0; i < r.n_exprs; i++)
		check_expr(&r.exprs[i]);
	free(fw_rule_text(&r));
	for (size_t i = 0; i < r.n_exprs; i++)
		expr_free(&r.exprs[i]);
	free(r.exprs);
	fw_free(&fw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xt_ext x;
	uint8_t *copy;

	if (size < 3 || size > 4096)
		return 0;
	copy = malloc(size - 3 + (size == 3));
	memcpy(copy, data + 3, size - 3);
	x = (struct xt_ext){
		.revision = data[0] % 8, .target = data[1] & 1, .data = copy, .len = size - 3
	};
	check_name(names[data[2] % ARRAY_SIZE(names)], &x, data[1] & 2 ? FAMILY_V6 : FAMILY_V4);
	free(copy);
	return 0;
}
