/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services cut into protocols, in the order of their shapes: what differs in its ports only stands
 * together, and a port belongs to the first that names it. */
#ifndef UNTRACK_ATOM_H
#define UNTRACK_ATOM_H

#include "config/policy.h"

struct atom { /* one protocol of one service, with the ports that it really owns */
	const struct service *service;
	uint8_t proto;
	struct ports ports; /* the service's own list, or that of left */
	struct ports left;  /* where earlier services of the same shape have some of them */
	bool empty;	    /* every port belongs to an earlier service of the same shape */
	size_t index;	    /* order in the policy */
};

/* Order of everything but the ports and the name; 0: one shape. */
int atom_compare(const struct atom *a, const struct atom *b);

/* All atoms, sorted by shape; a "shadowed" warning in d (may be NULL) for what is named twice. */
struct atom *atoms_make(const struct policy *p, size_t *n, struct diag *d);
void atoms_free(struct atom *v, size_t n);

#endif
