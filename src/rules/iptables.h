/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule of iptables can say, whether it lies in nf_tables or in x_tables: it has one header
 * (protocol, interfaces, addresses), fifteen ports in a multiport, and no sets. Pure. */
#ifndef UNTRACK_IPTABLES_H
#define UNTRACK_IPTABLES_H

#include "rules/fw.h"
#include "rules/match.h"

/* Slots of one multiport match; a range takes two (linux/netfilter/xt_multiport.h). */
#define IPTABLES_PORT_SLOTS 15

/* Can one rule ask for this? One family and one protocol (or ICMP_IS_ERROR); sport and dport in
 * IPTABLES_PORT_SLOTS slots each; of in and not_in together at most one interface, and so for out;
 * at most one prefix in src and one in dst; any number in not_src and not_dst; for ICMP_IS_ERROR
 * with ports at most one of the two sides. */
bool iptables_match_fits(const struct match *m);

/* Cuts m into matches that fit and together are m; the caller frees each and the array. n == 0:
 * no rules of iptables can say it (several excluded interfaces, or one within "eth*"). */
struct match *iptables_match_split(const struct match *m, size_t *n);

/* A twin's header is the header of the rule that it copies as well (FACTS R13): narrows m by the
 * tests of r that a match can hold: protocol, interfaces, addresses, and TCP's and UDP's plain
 * ports. taken[i] (r->n_exprs of them, set here) says which expressions need not be carried over.
 * false: no packet meets both; m is then as it was. */
bool iptables_absorb(const struct fw_rule *r, enum family f, struct match *m, bool *taken);

#endif
