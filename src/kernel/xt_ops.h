/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of xt_lower: what an extension of iptables means, written operation by operation. */
#ifndef UNTRACK_XT_OPS_H
#define UNTRACK_XT_OPS_H

#include "kernel/xt.h"

struct xt_lowering { /* of one extension */
	struct fw *fw;
	struct fw_rule *rule;
	enum family family;
	const struct xt_ext *x;
};

/* Appends what the extension means, or does nothing and returns false: malformed, or beyond us. */
typedef bool xt_lower_fn(const struct xt_lowering *l);

/* What xt_lower appends where it does not know better. */
void xt_unknown(struct fw *fw, struct fw_rule *r, const struct xt_ext *x);

/* The start of the data as a struct of this size; false: there are not that many bytes. */
bool xt_info(const struct xt_lowering *l, void *info, size_t size);

/* Operations; everything is done in register 0. */
void xt_op(const struct xt_lowering *l, enum fw_op op, const char *name);
void xt_verdict(const struct xt_lowering *l, enum fw_verdict v, const char *name);
void xt_load(const struct xt_lowering *l, enum fw_field field, const char *name, uint8_t len);
void xt_load_header(const struct xt_lowering *l, enum fw_field header, uint16_t offset,
		    uint8_t len);
void xt_mask(const struct xt_lowering *l, const void *mask, uint8_t len);
void xt_cmp(const struct xt_lowering *l, bool inverted, const void *data, uint8_t len);
void xt_range(const struct xt_lowering *l, bool inverted, const void *lo, const void *hi,
	      uint8_t len);
/* A known anonymous set of single keys and ranges, kept in the fw. */
struct fw_set *xt_set(const struct xt_lowering *l, uint32_t key_type, uint32_t key_len);
void xt_set_add(struct fw_set *s, const void *lo, const void *hi);
void xt_lookup(const struct xt_lowering *l, bool inverted, const struct fw_set *s);
/* (register & mask) == value, or not; host order. */
void xt_masked(const struct xt_lowering *l, bool inverted, uint32_t mask, uint32_t value);
/* Any of these bits in the register, or none of them. */
void xt_any_bit(const struct xt_lowering *l, bool inverted, uint32_t bits);

/* xt_ports.c: the protocols with ports */
xt_lower_fn xt_lower_tcp, xt_lower_udp, xt_lower_sctp, xt_lower_dccp, xt_lower_multiport;
/* xt_packet.c: what else can be read off a packet */
xt_lower_fn xt_lower_icmp, xt_lower_iprange, xt_lower_addrtype, xt_lower_mark;
/* xt_ct.c: what asks conntrack */
xt_lower_fn xt_lower_conntrack, xt_lower_state, xt_lower_connmark, xt_lower_helper;
xt_lower_fn xt_lower_connlabel, xt_lower_ct_data, xt_lower_ipvs;
/* xt_target.c */
xt_lower_fn xt_lower_ct_target, xt_lower_connmark_target, xt_lower_connsecmark, xt_lower_hmark;

#endif
