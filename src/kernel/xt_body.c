/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The matches and targets of iptables in a rule's body. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>
#include "kernel/nft_attr.h"
#include "kernel/xt.h"

char *xt_body(const struct xt_ext *x)
{
	uint32_t revision = htonl(x->revision);
	struct text t = { 0 };
	struct blob b = { 0 };

	_Static_assert((int)NFTA_MATCH_NAME == NFTA_TARGET_NAME &&
			       (int)NFTA_MATCH_REV == NFTA_TARGET_REV &&
			       (int)NFTA_MATCH_INFO == NFTA_TARGET_INFO,
		       "one numbering");
	blob_attr(&b, NFTA_MATCH_NAME, x->name, strlen(x->name) + 1);
	blob_attr(&b, NFTA_MATCH_REV, &revision, sizeof revision);
	blob_attr(&b, NFTA_MATCH_INFO, x->data, x->len);
	text_add(&t, x->target ? "target:" : "match:");
	text_hex(&t, b.v, b.n);
	free(b.v);
	return t.s;
}
