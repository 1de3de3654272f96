/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operations that say what extensions of iptables mean, as a line that a test can hold:
 * "ct state &0xe !=0x0", "th@2/2 in {0050 01bb-01bd}", "maybe(recent)". */
#ifndef UNTRACK_TESTS_XT_TEXT_H
#define UNTRACK_TESTS_XT_TEXT_H

#include <string.h>
#include "rules/fw.h"

/* Numbers in the order of the machine, or bytes. */
static inline void x_value(struct text *t, const struct fw_expr *load, const uint8_t *v, size_t len)
{
	bool header = load && (load->field == FW_F_NETWORK || load->field == FW_F_TRANSPORT);
	uint32_t n;

	if (load && !header && len == 4) {
		memcpy(&n, v, 4);
		text_add(t, "0x%x", n);
		return;
	}
	for (size_t i = 0; i < len; i++)
		text_add(t, "%02x", v[i]);
}

static inline void x_load(struct text *t, const struct fw_expr *e)
{
	if (e->field == FW_F_NETWORK || e->field == FW_F_TRANSPORT)
		text_add(t, "%s@%u/%u", e->field == FW_F_NETWORK ? "nh" : "th", e->offset, e->len);
	else
		text_add(t, "%s", e->name);
}

static inline void x_set(struct text *t, const struct fw_expr *load, const struct fw_expr *e)
{
	text_add(t, "%sin {", e->inverted ? "not " : "");
	for (size_t i = 0; i < e->set->n; i++) {
		const struct fw_element *v = &e->set->v[i];

		text_add(t, "%s", i ? " " : "");
		x_value(t, load, v->lo, e->len);
		if (memcmp(v->lo, v->hi, e->len) == 0)
			continue;
		text_add(t, "-");
		x_value(t, load, v->hi, e->len);
	}
	text_add(t, "}");
}

static inline void x_op(struct text *t, const struct fw_expr *load, const struct fw_expr *e)
{
	static const char *const names[] = {
		[FW_EFFECT] = "effect",	    [FW_LIMIT] = "limit",    [FW_MAYBE] = "maybe",
		[FW_CT_LIMIT] = "ct-limit", [FW_SYNPROXY] = "proxy", [FW_CT_WRITE] = "ct-write",
		[FW_NAT] = "nat",	    [FW_UNKNOWN] = "unknown"
	};

	switch (e->op) {
	case FW_LOAD:
		x_load(t, e);
		return;
	case FW_BITWISE:
		text_add(t, "&");
		x_value(t, load, e->data, e->len);
		return;
	case FW_CMP:
		text_add(t, e->cmp == FW_EQ ? "==" : e->cmp == FW_NEQ ? "!=" : "??");
		x_value(t, load, e->data, e->len);
		return;
	case FW_RANGE:
		text_add(t, "%sin ", e->inverted ? "not " : "");
		x_value(t, load, e->data, e->len);
		text_add(t, "-");
		x_value(t, load, e->data2, e->len);
		return;
	case FW_LOOKUP:
		x_set(t, load, e);
		return;
	case FW_VERDICT:
		text_add(t, "verdict(%s)",
			 e->target.verdict == FW_QUEUE	  ? "queue"
			 : e->target.verdict == FW_REJECT ? "reject"
							  : "?");
		return;
	case FW_EFFECT:
	case FW_LIMIT:
	case FW_MAYBE:
	case FW_CT_LIMIT:
	case FW_SYNPROXY:
	case FW_CT_WRITE:
	case FW_NAT:
	case FW_UNKNOWN:
		text_add(t, "%s(%s)", names[e->op], e->name);
		return;
	case FW_IMMEDIATE:
	case FW_XT:
		text_add(t, "?");
	}
}

/* The operations without a body; fresh. */
static inline char *x_text(const struct fw_rule *r)
{
	const struct fw_expr *load = NULL;
	struct text t = { 0 };

	text_add(&t, "%s", "");
	for (size_t i = 0; i < r->n_exprs; i++) {
		if (r->exprs[i].body)
			continue;
		if (r->exprs[i].op == FW_LOAD)
			load = &r->exprs[i];
		text_add(&t, "%s", t.len ? " " : "");
		x_op(&t, load, &r->exprs[i]);
	}
	return t.s;
}

#endif
