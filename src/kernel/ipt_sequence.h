/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules of a chain can stay where they are when it becomes another. Pure. */
#ifndef UNTRACK_IPT_SEQUENCE_H
#define UNTRACK_IPT_SEQUENCE_H

#include "kernel/ipt_layout.h"

#define IPT_NO_PARTNER SIZE_MAX

/* Of each wanted rule the place of the equal one in got that it is, or IPT_NO_PARTNER; places rise,
 * and as many as possible have one where no rule is there twice. A NULL in got equals nothing.
 * n log n. */
void ipt_sequence_pair(const struct ipt_rule *want, size_t n_want,
		       const struct ipt_rule *const *got, size_t n_got, size_t *partner);

#endif
