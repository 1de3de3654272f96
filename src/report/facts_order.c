/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of a machine with another order of bytes. */
#include "report/facts_order.h"

#include <stdlib.h>
#include <string.h>

#define REGISTER_BYTES 4u

struct order {
	struct fw *fw;
	bool *done;			     /* of each set */
	const struct fw_expr *regs[FW_REGS]; /* what was loaded there; NULL: not known */
};

bool facts_is_big_endian(void)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

/* The rest is as packets have it, or text, or a set of bits as bytes. */
static bool is_number(const struct fw_expr *load)
{
	if (load->len != 2 && load->len != 4 && load->len != 8)
		return false;
	switch (load->field) {
	case FW_F_CT_STATE:
	case FW_F_IIF:
	case FW_F_OIF:
	case FW_F_FIB_DADDR_TYPE:
	case FW_F_META_MARK:
		return true;
	case FW_F_META_OTHER:
	case FW_F_CT_OTHER:
		return !strstr(load->name, "proto") && !strstr(load->name, "addr");
	case FW_F_OTHER:
	case FW_F_L4PROTO:
	case FW_F_NFPROTO:
	case FW_F_IIFNAME:
	case FW_F_OIFNAME:
	case FW_F_NETWORK:
	case FW_F_TRANSPORT:
		return false;
	}
	return false;
}

static void turn(uint8_t *v, size_t len)
{
	for (size_t i = 0; i < len / 2; i++) {
		uint8_t byte = v[i];

		v[i] = v[len - 1 - i];
		v[len - 1 - i] = byte;
	}
}

static const struct fw_expr *number_in(const struct order *o, size_t reg)
{
	const struct fw_expr *load = reg < FW_REGS ? o->regs[reg] : NULL;

	return load && is_number(load) ? load : NULL;
}

static void turn_element(const struct order *o, const struct fw_expr *e, struct fw_element *el)
{
	const struct fw_expr *load;

	for (size_t at = 0, reg = e->sreg; at < e->set->key_len; at += REGISTER_BYTES, reg++) {
		load = number_in(o, reg);
		if (!load || at + load->len > e->set->key_len)
			continue;
		turn(el->lo + at, load->len);
		turn(el->hi + at, load->len);
	}
}

static int by_lo(const void *a, const void *b)
{
	return memcmp(((const struct fw_element *)a)->lo, ((const struct fw_element *)b)->lo,
		      FW_DATA_MAX);
}

/* The set is the one of the first rule that looks it up: the kernel sees to it that all others have
 * keys of the same type. Sorted by the bytes again. */
static void turn_set(struct order *o, const struct fw_expr *e)
{
	size_t i = 0;

	while (i < o->fw->n_sets && o->fw->sets[i] != e->set)
		i++;
	if (i == o->fw->n_sets || o->done[i])
		return;
	o->done[i] = true;
	for (size_t k = 0; k < e->set->n; k++)
		turn_element(o, e, &o->fw->sets[i]->v[k]);
	if (!e->set->concat && e->set->n)
		qsort(o->fw->sets[i]->v, e->set->n, sizeof(*e->set->v), by_lo);
}

static void turn_expr(struct order *o, struct fw_expr *e)
{
	const struct fw_expr *load = number_in(o, e->sreg);

	if (e->op == FW_LOOKUP && e->set)
		turn_set(o, e);
	if ((e->op == FW_BITWISE || e->op == FW_CMP || e->op == FW_RANGE) && load &&
	    load->len == e->len) {
		turn(e->data, e->len);
		turn(e->data2, e->len);
	}
	if (e->dreg >= FW_REGS)
		return;
	if (e->op == FW_LOAD)
		o->regs[e->dreg] = e;
	else if (e->op == FW_BITWISE)
		o->regs[e->dreg] = e->sreg < FW_REGS ? o->regs[e->sreg] : NULL;
	else if (e->op == FW_IMMEDIATE || (e->op == FW_LOOKUP && e->set && e->set->map))
		o->regs[e->dreg] = NULL;
}

void facts_swap(struct fw *fw)
{
	struct order o = { .fw = fw, .done = xcalloc(fw->n_sets + 1, sizeof(*o.done)) };

	for (size_t i = 0; i < fw->n_chains; i++)
		for (size_t k = 0; k < fw->chains[i].n_rules; k++) {
			const struct fw_rule *r = &fw->chains[i].rules[k];

			memset(o.regs, 0, sizeof(o.regs));
			for (size_t n = 0; n < r->n_exprs; n++)
				turn_expr(&o, &r->exprs[n]);
		}
	free(o.done);
}
