/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports between which a firewall makes no difference: the cells that the constants of its rules cut
 * the ports into. */
#ifndef UNTRACK_PORT_CELLS_H
#define UNTRACK_PORT_CELLS_H

#include "rules/fw.h"

struct port_cuts { /* sorted; a cell begins at each of them */
	uint32_t *v;
	size_t n;
};

/* Every port that a rule of fw compares a transport header with; the caller frees v. */
void port_cuts_find(struct port_cuts *c, const struct fw *fw);

/* p cut into cells, at least one; the caller frees each v and the array. */
struct ports *port_cells(const struct ports *p, const struct port_cuts *c, size_t *n);

#endif
