/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables in nf_tables: its extensions (nft_compat), and which tables it must be able to read. */
#ifndef UNTRACK_NFT_XT_H
#define UNTRACK_NFT_XT_H

#include <linux/netlink.h>
#include "rules/fw.h"

/* Where the last expression of r, which was read from elem, is a match or target of iptables:
 * appends what it means (xt_lower). */
void nft_xt_lower(struct fw *fw, struct fw_rule *r, enum table_family f, const struct nlattr *elem);

/* Tells the tables of iptables-nft from all others: sets fw_chain.form. */
void nft_xt_forms(struct fw *fw);

#endif
