/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order of bytes in numbers that the kernel keeps in its host's: marks, states, indices. */
#ifndef UNTRACK_FACTS_ORDER_H
#define UNTRACK_FACTS_ORDER_H

#include "rules/fw.h"

/* This machine's. */
bool facts_is_big_endian(void);

/* The firewall of a machine with the other order, in this one's: what is compared and the elements
 * of sets. Bodies stay what they are: they are for the kernel that they came from, and nobody
 * writes them here. Wants what facts_fault has passed. */
void facts_swap(struct fw *fw);

#endif
