/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an object of the kernel costs, from /proc/slabinfo. */
#include "kernel/slab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "util.h"

/* "name active_objs num_objs objsize objperslab pagesperslab : ..." (mm/slab_common.c) */
int slab_parse(const char *text, const char *name, unsigned long page, struct slab *out)
{
	const size_t len = strlen(name);
	unsigned long active, objects, size, per_slab, pages;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, name, len) != 0 || line[len] != ' ')
			continue;
		if (sscanf(line + len, "%20lu %20lu %20lu %20lu %20lu", &active, &objects, &size,
			   &per_slab, &pages) != 5 ||
		    !size || !per_slab || !pages || pages > 1024 || size > pages * page / per_slab)
			return -1;
		*out = (struct slab){ objects, pages * page / per_slab };
		return 0;
	}
	return -1;
}

int slab_read(const char *name, struct slab *out)
{
	size_t len;
	auto_free char *text = read_file(AT_FDCWD, "/proc/slabinfo", &len);

	if (!text)
		return -1;
	if (!slab_parse(text, name, (unsigned long)sysconf(_SC_PAGESIZE), out))
		return 0;
	errno = ENOENT;
	return -1;
}
