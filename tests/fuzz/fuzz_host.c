/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host out of any messages of rtnetlink, sock_diag and ctnetlink, and any files of /proc: its
 * facts can be written down and read again. */
#include <stdio.h>
#include "fuzz/netlink.h"
#include "kernel/host.h"
#include "report/facts.h"
#include "util.h"

bool __wrap_module_may_be_asked(const char *name);
char *__wrap_read_file(int dirfd, const char *name, size_t *len);
FILE *__wrap_fopen(const char *name, const char *mode);
FILE *__real_fopen(const char *name, const char *mode);

static bool may_ask;

bool __wrap_module_may_be_asked(const char *name)
{
	(void)name;
	return may_ask;
}

/* The next bytes of the input; none: there is no such file. */
static size_t take_file(const uint8_t **v)
{
	size_t len = take();

	len += 256 * (size_t)take();
	len = len < input.n ? len : input.n;
	*v = input.v;
	input.v += len;
	input.n -= len;
	return len;
}

char *__wrap_read_file(int dirfd, const char *name, size_t *len)
{
	const uint8_t *v;
	char *copy;

	(void)dirfd, (void)name;
	*len = take_file(&v);
	if (!*len) {
		errno = ENOENT;
		return NULL;
	}
	copy = xcalloc(*len + 1, 1);
	memcpy(copy, v, *len);
	return copy;
}

FILE *__wrap_fopen(const char *name, const char *mode)
{
	const uint8_t *v;
	size_t len;

	if (strncmp(name, "/proc/net/", strlen("/proc/net/")) != 0)
		return __real_fopen(name, mode);
	len = take_file(&v);
	if (len)
		return fmemopen((void *)(uintptr_t)v, len, "r");
	errno = ENOENT;
	return NULL;
}

static char *text_of(const struct host *h, size_t *len)
{
	char *text;
	FILE *f = xmemstream(&text, len);

	facts_print(h, f);
	fclose(f);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned all = HOST_ALL & ~(unsigned)(HOST_SETTINGS | HOST_SESSION | HOST_NAMES);
	struct host h = { 0 }, again = { 0 };
	auto_free char *first = NULL, *second = NULL;
	struct diag d = { 0 };
	size_t n, m;

	kernel_starts(data, size);
	may_ask = !(take() & 1);
	host_read(&h, all);
	first = text_of(&h, &n);
	if (facts_parse(&again, first, n, "read", &d))
		abort();
	second = text_of(&again, &m);
	if (n != m || memcmp(first, second, n) != 0)
		abort();
	host_free(&h);
	host_free(&again);
	diag_free(&d);
	return 0;
}
