/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LD_PRELOAD: one allocation of a program fails, or all from one on.
 *
 * NO_MEMORY_AT=N: the N-th allocation since the program was loaded fails (none: 0);
 * NO_MEMORY_AFTER=N: and all after it. NO_MEMORY_COUNT=FILE gets the number of allocations. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static unsigned long count, at, after;
static bool begun;

__attribute__((constructor)) static void begin(void)
{
	const char *n = getenv("NO_MEMORY_AT"), *from = getenv("NO_MEMORY_AFTER");

	at = n ? strtoul(n, NULL, 10) : 0;
	after = from ? strtoul(from, NULL, 10) : 0;
	begun = true;
}

__attribute__((destructor)) static void end(void)
{
	const char *name = getenv("NO_MEMORY_COUNT");
	FILE *f;

	begun = false;
	f = name ? fopen(name, "we") : NULL;
	if (f) {
		fprintf(f, "%lu\n", count);
		fclose(f);
	}
}

static bool fails(void)
{
	if (!begun)
		return false;
	count++;
	if (count != at && (!after || count < after))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}
