/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's log says about a table of connection tracking that was full. */
#ifndef UNTRACK_KERNEL_LOG_H
#define UNTRACK_KERNEL_LOG_H

#include <stdint.h>

struct full_log {
	unsigned long lines;  /* of this network namespace; the kernel writes few of many */
	unsigned long others; /* of other ones */
	uint64_t last;	      /* seconds since boot, of lines */
};

/* One record of /dev/kmsg: "6,339,5140900,-;text". netns: the inode of this namespace. A kernel
 * that does not say which namespace means any. Pure. */
void full_log_add(struct full_log *log, const char *record, unsigned long netns);

/* All that the log still holds; does not wait, and takes nothing out of it. 0; -1 with errno. */
int full_log_read(struct full_log *log);

#endif
