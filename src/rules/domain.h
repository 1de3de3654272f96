/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of byte strings as sorted ranges, and what a comparison says about all of their members. */
#ifndef UNTRACK_DOMAIN_H
#define UNTRACK_DOMAIN_H

#include "rules/packet.h"

void domain_add(struct domain *d, const void *lo, const void *hi, size_t len);
void domain_point(struct domain *d, const void *value, size_t len);
void domain_u8(struct domain *d, uint8_t value);
/* Everything but one value. */
void domain_except(struct domain *d, const void *value, size_t len);
void domain_free(struct domain *d);

/* The first len bytes of every value. */
void domain_truncate(const struct domain *d, size_t len, struct domain *out);
/* (x & mask) ^ xor of every value; n == 0 when that is not a set of ranges we can name. */
void domain_bitwise(const struct domain *d, const uint8_t *mask, const uint8_t * xor,
		    struct domain *out);

/* Are the values, cut to len bytes, in [lo, hi]? MAYBE when nothing is known. */
enum tri domain_in_range(const struct domain *d, const uint8_t *lo, const uint8_t *hi, size_t len);
enum tri domain_compare(const struct domain *d, enum fw_cmp op, const uint8_t *value, size_t len);
/* Are the values in the set? Its elements are sorted. */
enum tri domain_in_set(const struct domain *d, const struct fw_set *s);

static inline enum tri tri_not(enum tri t)
{
	return YES - t;
}
static inline enum tri tri_and(enum tri a, enum tri b)
{
	return a < b ? a : b;
}

#endif
