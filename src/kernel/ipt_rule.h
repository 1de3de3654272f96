/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule of ours in the iptables-legacy table raw to an entry and back. Pure and total:
 * read(write(r)) == r. */
#ifndef UNTRACK_IPT_RULE_H
#define UNTRACK_IPT_RULE_H

#include "kernel/ipt_entry.h"
#include "kernel/ipt_layout.h"

/* Why no entry can hold the rule; NULL: one can. */
const char *ipt_rule_fault(const struct ipt_rule *r);

/* An entry for libiptc, with r's counters in it: header (protocol, interfaces, addresses of the
 * packet itself), then tcp (flags), multiport (source, destination), u32 (ICMP), addrtype, comment,
 * and CT --notrack, RETURN or the chain. false: none can hold it, and *why points at the reason. */
bool ipt_rule_write(const struct ipt_rule *r, struct ipt_written *out, const char **why);

/* The inverse, for rules in our chains and for our jumps to them; *r is overwritten. false: not
 * written by us, and nothing to be freed. */
bool ipt_rule_read(const struct ipt_entry_parts *p, const void *entry, struct ipt_rule *r);

/* In the words of iptables, without "-A CHAIN": what iptables makes of it is ipt_rule_write's. The
 * rule has no fault. */
void ipt_rule_text(const struct ipt_rule *r, struct text *t);

#endif
