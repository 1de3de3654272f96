/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Amounts in the words of people. */
#include "report/quantity.h"

#include <inttypes.h>
#include "util.h"

const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

char *bytes_text(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	return xasprintf("%.*f %s", unit && value < 10 ? 1 : 0, value, units[unit]);
}

/* Nobody needs the seconds of days. */
char *duration_text(uint64_t seconds)
{
	if (seconds < 120)
		return xasprintf("%" PRIu64 " s", seconds);
	if (seconds < 120 * 60)
		return xasprintf("%" PRIu64 " min", seconds / 60);
	if (seconds < 48 * 3600)
		return xasprintf("%" PRIu64 " h", seconds / 3600);
	return xasprintf("%" PRIu64 " days", seconds / 86400);
}
