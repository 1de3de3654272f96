/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins in tables that iptables-nft must keep reading: what iptables 1.8.9 writes natively is
 * written natively, everything else as its own matches (FACTS C9, R4). Pure:
 * nft_iptables_read(nft_iptables_put(w)) == w, also after iptables-save | iptables-restore. */
#ifndef UNTRACK_NFT_IPTABLES_H
#define UNTRACK_NFT_IPTABLES_H

#include <libmnl/libmnl.h>
#include "kernel/xt_twin.h"

/* Can a rule of iptables hold it, its body included? */
bool nft_iptables_fits(const struct twin *w);
/* v: xt_twin_write of the twin. Bytes that nft_iptables_put appends, at most. */
size_t nft_iptables_room(const struct twin *w, const struct xt_buf *v, size_t n);
/* Appends expressions and protocol of a rule to its message; the twin fits. 0, or -1: not the body
 * of such a rule. */
int nft_iptables_put(struct nlmsghdr *h, const struct twin *w, const struct xt_buf *v, size_t n);

/* The twin that this rule is, but for its anchor. false: somebody else's rule. Total. */
bool nft_iptables_read(const struct fw_chain *c, const struct fw_rule *r, struct twin *out);

/* The inverse of xt_body (xt.h): *x points into *room, which the caller frees. false: neither match
 * nor target. Total. */
bool xt_body_parse(const char *body, struct xt_ext *x, void **room);

#endif
