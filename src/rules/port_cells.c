/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports between which a firewall makes no difference. */
#include "rules/port_cells.h"

static uint32_t port_at(const uint8_t *data)
{
	return (uint32_t)data[0] << 8 | data[1];
}

static void cut_around(struct port_cuts *c, const uint8_t *lo, const uint8_t *hi)
{
	*ARRAY_ADD(c->v, c->n) = port_at(lo);
	*ARRAY_ADD(c->v, c->n) = port_at(hi) + 1;
}

/* Every two-byte constant may be a port; a neighbouring pair (sport and dport in one comparison) is
 * two of them. One cut too many costs a walk, one too few a wrong answer. */
static void cuts_of_expr(struct port_cuts *c, const struct fw_expr *e)
{
	if ((e->op == FW_CMP || e->op == FW_RANGE) && (e->len == 2 || e->len == 4))
		for (size_t i = 0; i < e->len; i += 2)
			cut_around(c, e->data + i, e->op == FW_CMP ? e->data + i : e->data2 + i);
	if (e->op == FW_LOOKUP && e->set && e->set->known && e->set->key_len == 2)
		for (size_t i = 0; i < e->set->n; i++)
			cut_around(c, e->set->v[i].lo, e->set->v[i].hi);
}

static int order(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void port_cuts_find(struct port_cuts *c, const struct fw *fw)
{
	size_t n = 0;

	for (size_t i = 0; i < fw->n_chains; i++)
		for (size_t k = 0; k < fw->chains[i].n_rules; k++)
			for (size_t e = 0; e < fw->chains[i].rules[k].n_exprs; e++)
				cuts_of_expr(c, &fw->chains[i].rules[k].exprs[e]);
	if (!c->n)
		return;
	qsort(c->v, c->n, sizeof(*c->v), order);
	for (size_t i = 0; i < c->n; i++)
		if (!i || c->v[i] != c->v[n - 1])
			c->v[n++] = c->v[i];
	c->n = n;
}

struct ports *port_cells(const struct ports *p, const struct port_cuts *c, size_t *n)
{
	struct ports *cells = NULL;
	size_t cut = 0;
	bool fresh = true;

	*n = 0;
	for (size_t i = 0; i < p->n; i++) {
		uint32_t lo = p->v[i].lo, hi = p->v[i].hi;

		while (lo <= hi) {
			uint32_t end = hi;

			for (; cut < c->n && c->v[cut] <= lo; cut++)
				fresh = true;
			if (cut < c->n && c->v[cut] <= hi)
				end = c->v[cut] - 1;
			if (fresh)
				(void)ARRAY_ADD(cells, *n);
			fresh = false;
			ports_add(&cells[*n - 1], (uint16_t)lo, (uint16_t)end);
			lo = end + 1;
		}
	}
	return cells;
}
