/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's log says about a table of connection tracking that was full. */
#include "kernel/kernel_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "util.h"

#define RECORD_BYTES 8192 /* longer ones the kernel does not have (kernel/printk/printk.c) */
#define RECORDS_MAX 1000000

/* net/netfilter/nf_conntrack_core.c: "nf_conntrack: table full, dropping packet", once or twice
 * with that prefix; since Linux 6.10 other namespaces than the initial one have "in netns N". */
void full_log_add(struct full_log *log, const char *record, unsigned long netns)
{
	static const char full[] = ": table full", where[] = " in netns ";
	const char *text = strchr(record, ';'), *found;
	unsigned long of = netns;
	unsigned long long when;

	if (!text || strncmp(text + 1, "nf_conntrack", strlen("nf_conntrack")) != 0)
		return;
	found = strstr(text, full);
	if (!found)
		return;
	found += strlen(full);
	if (!strncmp(found, where, strlen(where)))
		of = strtoul(found + strlen(where), NULL, 10);
	if (of != netns) {
		log->others++;
		return;
	}
	log->lines++;
	if (sscanf(record, "%*u,%*u,%19llu", &when) == 1 && when / 1000000 > log->last)
		log->last = when / 1000000;
}

int full_log_read(struct full_log *log)
{
	auto_close int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	auto_free char *record = xcalloc(1, RECORD_BYTES + 1);
	struct stat ns = { 0 };

	if (fd < 0 || stat("/proc/self/ns/net", &ns))
		return -1;
	for (unsigned i = 0; i < RECORDS_MAX; i++) {
		ssize_t n = read(fd, record, RECORD_BYTES);

		if (n < 0 && errno == EPIPE) /* overwritten while we read: the next one is there */
			continue;
		if (n <= 0)
			return n < 0 && errno != EAGAIN ? -1 : 0;
		record[n] = '\0';
		full_log_add(log, record, (unsigned long)ns.st_ino);
	}
	return 0;
}
