/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exemption's part of a twin in iptables' words: the matches beside the rule's header. Both
 * homes of iptables' rules use it. Pure: xt_twin_read(xt_twin_write(m)) == m. */
#ifndef UNTRACK_XT_TWIN_H
#define UNTRACK_XT_TWIN_H

#include "kernel/xt.h"
#include "rules/match.h"

struct xt_buf { /* an extension that owns its bytes */
	char name[32];
	uint8_t revision;
	uint8_t *data;
	size_t len;
};

/* In this order, as far as m needs them: tcp (flags), multiport (source ports), multiport
 * (destination ports), u32 (ICMP by its types, and errors by what they quote: FACTS T2), addrtype,
 * iprange (source, then destination; excluded ones each inverted), conntrack --ctstate UNTRACKED,
 * comment "untrack:NAMES". The header is left to the caller: protocol and interfaces of m.
 * ADDRESSES OF m NEVER STAND IN THE HEADER: those of the header belong to the copied rule and are
 * words of the twin's body ("saddr:", "daddr:", rules/iptables.h). m fits (iptables_match_fits).
 * The caller frees with xt_bufs_free. */
struct xt_buf *xt_twin_write(const struct match *m, const char *names, size_t *n);

/* The inverse: *m holds families, protocol and interfaces of the header on entry and the whole
 * match afterwards; *used of the n extensions were taken, the comment the last of them, and *names
 * is fresh. Takes what iptables makes of our matches when it saves and restores them, too. false:
 * not a twin of ours; *m is as it was. Total. */
bool xt_twin_read(const struct xt_ext *v, size_t n, struct match *m, char **names, size_t *used);

void xt_bufs_free(struct xt_buf *v, size_t n);

#endif
