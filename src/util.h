/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, numbers, files and cleanup: what C lacks and every module needs. */
#ifndef UNTRACK_UTIL_H
#define UNTRACK_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Out of memory prints one line and exits 4: the journal makes that safe at any point. */
void *xcalloc(size_t n, size_t size);
void *xmemdup(const void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n); /* of n bytes at least */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, __builtin_va_list ap) __attribute__((format(printf, 1, 0)));

/* Room for one more element of size bytes in the array v of n elements; returns the array.
 * Capacity is implied by n (it doubles at powers of two), so an array is a pointer and a count. */
void *xgrow(void *v, size_t n, size_t size);

/* Appends one element to an array that is a pointer and a count; yields a pointer to it, zeroed. */
#define ARRAY_ADD(v, n)                                                                   \
	((v) = xgrow((v), (n), sizeof *(v)), __builtin_memset(&(v)[(n)], 0, sizeof *(v)), \
	 &(v)[(n)++])

/* A string that grows. s is always terminated; the caller frees s. Start from {0}. */
struct text {
	char *s;
	size_t len;
};
void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_put(struct text *t, const char *bytes, size_t n); /* as they are */

/* Whole string, decimal, in [min,max]; false otherwise and *out untouched. No errno, no locale. */
bool parse_uint(const char *s, unsigned long min, unsigned long max, unsigned long *out);
/* For what outgrows an unsigned long of 32 bits, milliseconds since the boot among them. */
bool parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* A number with its unit, s, m, h or d: 0 and *seconds; -1: it is no such thing; -2: over max. */
int parse_time(const char *s, unsigned long max, unsigned long *seconds);

/* A stream into a fresh string, complete after fclose; the caller frees *s. */
FILE *xmemstream(char **s, size_t *len);

/* Levenshtein distance, at most max + 1; for "did you mean". */
unsigned edit_distance(const char *a, const char *b, unsigned max);

/* One paragraph for a terminal of 80 columns, its later lines below the end of the label. */
void print_wrapped(const char *label, const char *text, FILE *out);

/* Whole file into a fresh string (NUL added, *len without it); NULL with errno.
 * A file over 64 MiB: EFBIG. A directory: EISDIR. */
char *read_file(int dirfd, const char *name, size_t *len);

static inline void cleanup_free_p(void *p)
{
	free(*(void **)p);
}
static inline void cleanup_close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void cleanup_fclose_p(FILE **f)
{
	if (*f)
		fclose(*f);
}
#define auto_free __attribute__((cleanup(cleanup_free_p)))
#define auto_close __attribute__((cleanup(cleanup_close_p)))
#define auto_fclose __attribute__((cleanup(cleanup_fclose_p)))

#endif
