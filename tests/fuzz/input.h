/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of an input, one after the other; when there are no more, zeros. */
#ifndef UNTRACK_TESTS_FUZZ_INPUT_H
#define UNTRACK_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *v;
	size_t n;
};

static inline uint8_t take(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->v++;
}

#endif
