/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bodies of rules hold attributes as the kernel gives them: in the order of this machine's bytes.
 */
#ifndef UNTRACK_TESTS_NATIVE_H
#define UNTRACK_TESTS_NATIVE_H

#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include "util.h"

/* Facts say so where they are of such a machine. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define NATIVE_FACTS "\"big-endian\":true,\n"
#else
#define NATIVE_FACTS ""
#endif

/* Bodies as tests write them, with the attributes' heads in the order of a little-endian machine,
 * in this one's. The caller frees. */
static inline char *native_bodies(const char *little)
{
	const uint16_t one = 1;
	char *s = xstrdup(little), *p = s;

	while (*(const uint8_t *)&one == 0 && (p = strchr(p, ':'))) {
		unsigned len;
		int n = 0;

		/* The bytes of each number change places: its two digits do. */
		for (p++; sscanf(p, "%2x00%*2x00%n", &len, &n), n == 8; n = 0) {
			const char head[] = { '0', '0', p[0], p[1], '0', '0', p[4], p[5] };

			memcpy(p, head, sizeof(head));
			p += strnlen(p, 2 * NLA_ALIGN(len));
		}
	}
	return s;
}

#endif
