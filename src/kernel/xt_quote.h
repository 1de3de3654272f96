/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP by type, and ICMP errors by what they quote, as programs of iptables' u32 match: no other
 * match of iptables takes a list of types or looks into a quoted packet (FACTS T2). Pure. */
#ifndef UNTRACK_XT_QUOTE_H
#define UNTRACK_XT_QUOTE_H

#include "kernel/xt_twin.h"

/* Appends an extension; its data is padded as the kernel wants it. */
void xt_buf_add(struct xt_buf **v, size_t *n, const char *name, uint8_t revision, const void *data,
		size_t len);

/* Appends what m asks of ICMP as u32 matches; nothing where m.icmp is ICMP_ANY. */
void xt_quote_write(const struct match *m, struct xt_buf **v, size_t *n);

/* The flags of m.tcp as a u32 match, for rules in which a tcp match would not be left alone. */
void xt_quote_flags(const struct match *m, struct xt_buf **v, size_t *n);

/* Adds what one u32 match says to m, whose family is known. false: none of ours. That it was
 * written so is left to the caller, who writes m again. Total. */
bool xt_quote_read(const struct xt_ext *x, struct match *m);

#endif
