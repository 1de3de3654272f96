/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines that others write: sysctl.d(5), the kernel's log, /proc/slabinfo. Whatever they are, what
 * is made of them makes sense. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "config/sysctl_files.h"
#include "kernel/kernel_log.h"
#include "kernel/slab.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE 4096
#define NETNS 4026531840

static void check_sysctl(const char *text)
{
	struct sysctl_files f = { 0 };
	unsigned lines = 1;

	for (const char *s = text; *s; s++)
		lines += *s == '\n';
	sysctl_files_add(&f, text, "a");
	sysctl_files_add(&f, text, "b"); /* later: it takes the place of the first */
	for (size_t i = 0; i < f.n; i++)
		if (strncmp(f.v[i].name, "nf_conntrack_", strlen("nf_conntrack_")) != 0 ||
		    strcmp(f.v[i].file, "b") != 0 || !f.v[i].line || f.v[i].line > lines ||
		    (i && strcmp(f.v[i - 1].name, f.v[i].name) >= 0))
			abort();
	sysctl_files_free(&f);
}

static void check_log(const char *text)
{
	struct full_log log = { 0 };

	full_log_add(&log, text, NETNS);
	if (log.lines + log.others > 1 || (log.last && !log.lines))
		abort();
}

static void check_slab(const char *text)
{
	struct slab s;

	if (!slab_parse(text, "nf_conntrack", PAGE, &s) && !s.bytes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(const char *) = { check_sysctl, check_log, check_slab };
	auto_free char *text = xcalloc(size + 1, 1);

	if (!size)
		return 0;
	memcpy(text, data + 1, size - 1);
	checks[data[0] % ARRAY_SIZE(checks)](text);
	return 0;
}
