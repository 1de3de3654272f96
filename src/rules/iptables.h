/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule of iptables can say, whether it lies in nf_tables or in x_tables: it has one header
 * (protocol, interfaces, addresses), fifteen ports in a multiport, and no sets. Pure. */
#ifndef UNTRACK_IPTABLES_H
#define UNTRACK_IPTABLES_H

#include "rules/fw.h"
#include "rules/match.h"

/* Slots of one multiport match; a range takes two (linux/netfilter/xt_multiport.h). */
#define IPTABLES_PORT_SLOTS 15
/* Ranges of quoted ports that one test of a u32 match holds (linux/netfilter/xt_u32.h). */
#define IPTABLES_QUOTED_RANGES 10
/* Excluded prefixes, each of which is a match of its own. A rule with fifty of them can be written,
 * but iptables-restore 1.8.9 (at most 255 words in a rule) then refuses the whole table. */
#define IPTABLES_EXCLUDED_MAX 24
/* Of IPv6 errors: a u32 match of 2 KiB each, and the kernel lists no rule longer than 32 KiB, nor
 * any behind it. */
#define IPTABLES_QUOTED_EXCLUDED6_MAX 8

/* Can one rule ask for this? One family and one protocol (or ICMP_IS_ERROR); sport and dport in
 * IPTABLES_PORT_SLOTS slots each, of ICMP_IS_ERROR in IPTABLES_QUOTED_RANGES ranges each; of in and
 * not_in together at most one interface, and so for out; at most one prefix in src and one in dst;
 * IPTABLES_EXCLUDED_MAX in not_src and not_dst together, of ICMP_IS_ERROR in IPv6
 * IPTABLES_QUOTED_EXCLUDED6_MAX. */
bool iptables_match_fits(const struct match *m);
size_t iptables_excluded_max(const struct match *m); /* prefixes, in not_src and not_dst together */

/* Does this FW_LOAD of a rule say which protocol? In the tables ip iptables 1.8.11 looks into the
 * header, where 1.8.9 asks for meta l4proto; both read either. */
bool iptables_loads_proto(const struct fw_expr *load, enum family f);

/* Do the ports fit into one match? */
bool iptables_ports_fit(const struct ports *p, enum icmp_kind icmp);

/* Cuts the ports into lists that fit, as few as there can be, and in the order of the ports where
 * that does not cost a list; the caller frees each and the array. Any port is one empty list. */
struct ports *iptables_ports_split(const struct ports *p, enum icmp_kind icmp, size_t *n);

/* Cuts m into matches of one family, at most one included interface each way and at most one
 * included prefix each way; ports and what is excluded stay. The caller frees each and the array.
 */
struct match *iptables_match_cut(const struct match *m, size_t *n);

/* Cuts m into matches that fit and together are m; the caller frees each and the array. *n == 0:
 * no rules of iptables can say it (several excluded interfaces, or one within "eth*"; too many
 * excluded prefixes). */
struct match *iptables_match_split(const struct match *m, size_t *n);

/* The body of a twin of r with match m, in a table of iptables. The twin has one header (FACTS
 * R13): protocol, interfaces and plain TCP and UDP ports of r narrow m; the addresses of r's header
 * stay in the header and are the first words of the body, "saddr:10.0.0.0/8",
 * "daddr:!2001:db8::/32" (so the exemption's own addresses never stand in the header). Then the
 * rest of r but for its conntrack matches, verbatim. NULL: no packet meets both; m is then as it
 * was. */
char *iptables_twin_body(const struct fw_rule *r, struct match *m);

/* The first words of such a body, for who writes the header: takes "saddr:" or "daddr:" off *body.
 * false: the next word is none, or *body is at its end. */
bool iptables_take_address(const char **body, bool *is_src, bool *inverted, struct prefix *out);
/* The inverse. */
void iptables_put_address(struct text *t, bool is_src, bool inverted, const struct prefix *p);

/* Header tests of r that no twin can carry over (fragments, masks that are no prefixes) become
 * fw_expr.once. For every rule of a table of iptables, once, after reading it. */
void iptables_mark_odd(struct fw_rule *r, enum family f);

#endif
