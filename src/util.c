/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, numbers, files and cleanup: what C lacks and every module needs. */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define TERMINAL_WIDTH 79
#define FILE_MAX_BYTES ((size_t)64 << 20)

static void *must(void *p)
{
	if (!p) {
		fputs("untrack: out of memory\n", stderr);
		exit(4);
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size ? size : 1));
}

void *xmemdup(const void *p, size_t n)
{
	void *copy = must(malloc(n ? n : 1));

	if (n)
		memcpy(copy, p, n);
	return copy;
}

char *xstrdup(const char *s)
{
	return xmemdup(s, strlen(s) + 1);
}

char *xstrndup(const char *s, size_t n)
{
	char *copy = must(malloc(n + 1));

	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return must(s);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

void *xgrow(void *v, size_t n, size_t size)
{
	if (n & (n - 1))
		return v;
	return must(reallocarray(v, n ? 2 * n : 1, size));
}

/* The room that a text of len bytes has; implied, like that of arrays. */
static size_t text_room(size_t len)
{
	size_t room = 64;

	while (room <= len)
		room *= 2;
	return room;
}

static unsigned long seconds_of(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 60 * 60;
	case 'd':
		return 24 * 60 * 60;
	}
	return 0;
}

int parse_time(const char *s, unsigned long max, unsigned long *seconds)
{
	size_t digits = strspn(s, "0123456789");
	unsigned long unit = seconds_of(s[digits]), n;
	auto_free char *number = xasprintf("%.*s", (int)digits, s);

	if (!digits || !unit || s[digits + 1])
		return -1;
	if (!parse_uint(number, 0, max / unit, &n))
		return -2;
	*seconds = n * unit;
	return 0;
}

FILE *xmemstream(char **s, size_t *len)
{
	return must(open_memstream(s, len));
}

void text_add(struct text *t, const char *fmt, ...)
{
	size_t left;
	va_list ap;
	int n;

	if (!t->s)
		t->s = must(malloc(text_room(0)));
	left = text_room(t->len) - t->len;
	va_start(ap, fmt);
	n = vsnprintf(t->s + t->len, left, fmt, ap);
	va_end(ap);
	if (n < 0)
		must(NULL);
	if ((size_t)n >= left) {
		t->s = must(realloc(t->s, text_room(t->len + (size_t)n)));
		va_start(ap, fmt);
		vsnprintf(t->s + t->len, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	t->len += (size_t)n;
}

void text_put(struct text *t, const char *bytes, size_t n)
{
	if (!t->s || text_room(t->len) - t->len <= n)
		t->s = must(realloc(t->s, text_room(t->len + n)));
	memcpy(t->s + t->len, bytes, n);
	t->len += n;
	t->s[t->len] = '\0';
}

bool parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, digit, &n))
			return false;
	}
	if (n < min || n > max)
		return false;
	*out = n;
	return true;
}

bool parse_uint(const char *s, unsigned long min, unsigned long max, unsigned long *out)
{
	uint64_t n;

	if (!parse_u64(s, min, max, &n))
		return false;
	*out = (unsigned long)n;
	return true;
}

static unsigned min_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned edit_distance(const char *a, const char *b, unsigned max)
{
	size_t la = strlen(a), lb = strlen(b);
	auto_free unsigned *row = NULL;
	unsigned best = 0;

	if ((la > lb ? la - lb : lb - la) > max)
		return max + 1;
	row = xcalloc(lb + 1, sizeof *row);
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la && best <= max; i++) {
		unsigned diagonal = row[0];

		best = row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned step = min_of(row[j], row[j - 1]) + 1;
			unsigned swap = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = min_of(step, swap);
			best = min_of(best, row[j]);
		}
	}
	return best > max ? max + 1 : min_of(row[lb], max + 1);
}

/* Reads to the end whatever fstat said: files of /proc say 0. */
static char *read_all(int fd, size_t *len)
{
	size_t room = 4096, n = 0;
	auto_free char *s = must(malloc(room));
	char *whole;

	for (;;) {
		ssize_t got = read(fd, s + n, room - n - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return NULL;
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > FILE_MAX_BYTES) {
			errno = EFBIG;
			return NULL;
		}
		if (n == room - 1)
			s = must(realloc(s, room *= 2));
	}
	s[n] = '\0';
	*len = n;
	whole = s;
	s = NULL;
	return whole;
}

char *read_file(int dirfd, const char *name, size_t *len)
{
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return NULL;
	}
	if (S_ISREG(st.st_mode) && st.st_size > (off_t)FILE_MAX_BYTES) {
		errno = EFBIG;
		return NULL;
	}
	return read_all(fd, len);
}

void print_wrapped(const char *label, const char *text, FILE *out)
{
	size_t indent = strlen(label), column = indent;

	fputs(label, out);
	while (*text) {
		size_t n = strcspn(text, " ");

		if (column > indent && column + 1 + n > TERMINAL_WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			putc(' ', out);
			column++;
		}
		fwrite(text, 1, n, out);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	putc('\n', out);
}
