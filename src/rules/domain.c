/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of byte strings as sorted ranges, and what a comparison says about all of their members. */
#include "rules/domain.h"

#include <string.h>

void domain_add(struct domain *d, const void *lo, const void *hi, size_t len)
{
	struct domain_range *r = ARRAY_ADD(d->v, d->n);

	memcpy(r->lo, lo, len);
	memcpy(r->hi, hi, len);
	d->len = (uint8_t)len;
}

void domain_point(struct domain *d, const void *value, size_t len)
{
	domain_add(d, value, value, len);
}

void domain_u8(struct domain *d, uint8_t value)
{
	domain_point(d, &value, 1);
}

/* value + step as a big-endian number; false when it wraps. */
static bool step(uint8_t *value, size_t len, int by)
{
	for (size_t i = len; i-- > 0;) {
		value[i] = (uint8_t)(value[i] + by);
		if (value[i] != (by > 0 ? 0 : 0xff))
			return true;
	}
	return false;
}

void domain_except(struct domain *d, const void *value, size_t len)
{
	uint8_t first[DOMAIN_BYTES] = { 0 }, last[DOMAIN_BYTES], edge[DOMAIN_BYTES];

	memset(last, 0xff, sizeof(last));
	memcpy(edge, value, len);
	if (step(edge, len, -1))
		domain_add(d, first, edge, len);
	memcpy(edge, value, len);
	if (step(edge, len, 1))
		domain_add(d, edge, last, len);
}

void domain_free(struct domain *d)
{
	free(d->v);
	*d = (struct domain){ 0 };
}

void domain_truncate(const struct domain *d, size_t len, struct domain *out)
{
	*out = (struct domain){ 0 };
	for (size_t i = 0; i < d->n; i++)
		domain_add(out, d->v[i].lo, d->v[i].hi, len);
}

static void bitwise_byte(const struct domain *d, uint8_t mask, uint8_t xor, struct domain *out)
{
	bool image[256] = { false };

	for (size_t i = 0; i < d->n; i++)
		for (unsigned x = d->v[i].lo[0]; x <= d->v[i].hi[0]; x++)
			image[(x & mask) ^ xor] = true;
	for (unsigned x = 0; x < 256; x++)
		if (image[x])
			domain_u8(out, (uint8_t)x);
}

/* A mask of leading ones keeps the order, so the ends of a range map to the ends of its image. */
static bool is_prefix_mask(const uint8_t *mask, size_t len)
{
	bool zero = false;

	for (size_t i = 0; i < len * 8; i++) {
		bool bit = mask[i / 8] & 0x80 >> i % 8;

		if (bit && zero)
			return false;
		zero = zero || !bit;
	}
	return true;
}

void domain_bitwise(const struct domain *d, const uint8_t *mask, const uint8_t * xor,
		    struct domain *out)
{
	static const uint8_t zeros[DOMAIN_BYTES];

	*out = (struct domain){ 0 };
	if (d->len == 1) {
		bitwise_byte(d, mask[0], xor[0], out);
		return;
	}
	for (size_t i = 0; i < d->n; i++) {
		uint8_t lo[DOMAIN_BYTES], hi[DOMAIN_BYTES];
		bool point = !memcmp(d->v[i].lo, d->v[i].hi, d->len);

		if (!point && (!is_prefix_mask(mask, d->len) || memcmp(xor, zeros, d->len))) {
			domain_free(out);
			return;
		}
		for (size_t k = 0; k < d->len; k++) {
			lo[k] = (uint8_t)((d->v[i].lo[k] & mask[k]) ^ xor[k]);
			hi[k] = (uint8_t)((d->v[i].hi[k] & mask[k]) ^ xor[k]);
		}
		domain_add(out, lo, hi, d->len);
	}
}

enum tri domain_in_range(const struct domain *d, const uint8_t *lo, const uint8_t *hi, size_t len)
{
	bool some_in = false, some_out = false;

	if (!d->n || len > d->len)
		return MAYBE;
	for (size_t i = 0; i < d->n; i++) {
		const struct domain_range *r = &d->v[i];

		if (memcmp(r->hi, lo, len) < 0 || memcmp(r->lo, hi, len) > 0) {
			some_out = true;
			continue;
		}
		some_in = true;
		if (memcmp(r->lo, lo, len) < 0 || memcmp(r->hi, hi, len) > 0)
			some_out = true;
	}
	return !some_in ? NO : some_out ? MAYBE : YES;
}

enum tri domain_compare(const struct domain *d, enum fw_cmp op, const uint8_t *value, size_t len)
{
	uint8_t first[DOMAIN_BYTES] = { 0 }, last[DOMAIN_BYTES];

	memset(last, 0xff, sizeof(last));
	if (len > DOMAIN_BYTES)
		return MAYBE;
	switch (op) {
	case FW_EQ:
		return domain_in_range(d, value, value, len);
	case FW_NEQ:
		return tri_not(domain_in_range(d, value, value, len));
	case FW_LTE:
		return domain_in_range(d, first, value, len);
	case FW_GT:
		return tri_not(domain_in_range(d, first, value, len));
	case FW_GTE:
		return domain_in_range(d, value, last, len);
	case FW_LT:
		return tri_not(domain_in_range(d, value, last, len));
	}
	return MAYBE;
}

/* The elements may touch: [80,80] and [81,81] together hold [80,81]. */
static bool range_covered(const struct domain_range *r, const struct fw_set *s, size_t from)
{
	uint8_t need[DOMAIN_BYTES];

	memcpy(need, r->lo, s->key_len);
	for (size_t i = from; i < s->n && memcmp(s->v[i].lo, need, s->key_len) <= 0; i++) {
		if (memcmp(s->v[i].hi, r->hi, s->key_len) >= 0)
			return true;
		memcpy(need, s->v[i].hi, s->key_len);
		if (!step(need, s->key_len, 1))
			return true;
	}
	return false;
}

enum tri domain_in_set(const struct domain *d, const struct fw_set *s)
{
	bool some_in = false, some_out = false;
	size_t i = 0;

	if (!d->n || !s->known || s->concat || s->key_len > d->len)
		return MAYBE;
	for (size_t k = 0; k < d->n; k++) {
		const struct domain_range *r = &d->v[k];

		while (i < s->n && memcmp(s->v[i].hi, r->lo, s->key_len) < 0)
			i++;
		if (i == s->n || memcmp(s->v[i].lo, r->hi, s->key_len) > 0) {
			some_out = true;
			continue;
		}
		some_in = true;
		if (!range_covered(r, s, i))
			some_out = true;
	}
	return !some_in ? NO : some_out ? MAYBE : YES;
}
