/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A match in iptables' words: the matches beside a rule's header. Raw rules of iptables-legacy and
 * the exemption's part of twins, in both homes of iptables' rules, are made of it. Pure:
 * xt_twin_read(xt_twin_write(m)) == m. */
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

/* Appends, in this order, as far as m needs them: tcp (flags), multiport (source ports), multiport
 * (destination ports), u32 (ICMP by its types, and errors by what they quote: FACTS T2), addrtype.
 * Interfaces, protocol and the packet's own addresses are left to the caller. */
void xt_match_write(const struct match *m, struct xt_buf **v, size_t *n);
/* iprange: source, then destination; excluded ones each inverted. */
void xt_addresses_write(const struct match *m, struct xt_buf **v, size_t *n);
void xt_comment_write(const char *prefix, const char *comment, struct xt_buf **v, size_t *n);

/* Adds to m, whose family is known, what the first of the extensions say; their number, up to one
 * that is none of those above. That they were written so is left to the caller, who normalises m
 * and writes it again. Total. */
size_t xt_match_gather(const struct xt_ext *v, size_t n, struct match *m);
/* What follows the prefix, fresh; NULL: no such comment. */
char *xt_comment_read(const struct xt_ext *x, const char *prefix);
bool xt_is_written(const struct xt_ext *x, const struct xt_buf *b);

/* The matches, iprange, conntrack --ctstate UNTRACKED, comment "untrack:NAMES". The header is left
 * to the caller: protocol and interfaces of m.
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
