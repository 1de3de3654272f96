/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of xt_lower: what an extension of iptables means, written operation by operation. */
#include "kernel/xt_ops.h"

#include <string.h>

bool xt_info(const struct xt_lowering *l, void *info, size_t size)
{
	if (l->x->len < size)
		return false;
	memcpy(info, l->x->data, size);
	return true;
}

static struct fw_expr *append(const struct xt_lowering *l, enum fw_op op, const char *name)
{
	struct fw_expr *e = ARRAY_ADD(l->rule->exprs, l->rule->n_exprs);

	e->op = op;
	e->name = xstrdup(name);
	return e;
}

void xt_op(const struct xt_lowering *l, enum fw_op op, const char *name)
{
	append(l, op, name);
}

void xt_verdict(const struct xt_lowering *l, enum fw_verdict v, const char *name)
{
	append(l, FW_VERDICT, name)->target.verdict = v;
}

void xt_load(const struct xt_lowering *l, enum fw_field field, const char *name, uint8_t len)
{
	struct fw_expr *e = append(l, FW_LOAD, name);

	e->field = field;
	e->len = len;
}

void xt_load_header(const struct xt_lowering *l, enum fw_field header, uint16_t offset, uint8_t len)
{
	struct fw_expr *e = append(l, FW_LOAD, "payload");

	e->field = header;
	e->offset = offset;
	e->len = len;
}

void xt_mask(const struct xt_lowering *l, const void *mask, uint8_t len)
{
	struct fw_expr *e = append(l, FW_BITWISE, "bitwise");

	e->len = len;
	memcpy(e->data, mask, len);
}

void xt_cmp(const struct xt_lowering *l, bool inverted, const void *data, uint8_t len)
{
	struct fw_expr *e = append(l, FW_CMP, "cmp");

	e->cmp = inverted ? FW_NEQ : FW_EQ;
	e->len = len;
	memcpy(e->data, data, len);
}

void xt_range(const struct xt_lowering *l, bool inverted, const void *lo, const void *hi,
	      uint8_t len)
{
	struct fw_expr *e = append(l, FW_RANGE, "range");

	e->inverted = inverted;
	e->len = len;
	memcpy(e->data, lo, len);
	memcpy(e->data2, hi, len);
}

struct fw_set *xt_set(const struct xt_lowering *l, uint32_t key_type, uint32_t key_len)
{
	struct fw_set *s = xcalloc(1, sizeof *s);

	s->name = xstrdup("__set");
	s->anonymous = s->known = true;
	s->elements_do = FW_LOAD;
	s->key_type = key_type;
	s->key_len = key_len;
	*ARRAY_ADD(l->fw->sets, l->fw->n_sets) = s;
	return s;
}

void xt_set_add(struct fw_set *s, const void *lo, const void *hi)
{
	struct fw_element *e = ARRAY_ADD(s->v, s->n);

	memcpy(e->lo, lo, s->key_len);
	memcpy(e->hi, hi, s->key_len);
}

void xt_lookup(const struct xt_lowering *l, bool inverted, const struct fw_set *s)
{
	struct fw_expr *e = append(l, FW_LOOKUP, "lookup");

	e->inverted = inverted;
	e->len = (uint8_t)s->key_len;
	e->set = s;
}

void xt_masked(const struct xt_lowering *l, bool inverted, uint32_t mask, uint32_t value)
{
	if (mask != UINT32_MAX)
		xt_mask(l, &mask, sizeof mask);
	xt_cmp(l, inverted, &value, sizeof value);
}

void xt_any_bit(const struct xt_lowering *l, bool inverted, uint32_t bits)
{
	const uint32_t none = 0;

	xt_mask(l, &bits, sizeof bits);
	xt_cmp(l, !inverted, &none, sizeof none);
}
