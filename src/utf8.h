/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Characters of UTF-8, in bytes that may be anything. */
#ifndef UNTRACK_UTF8_H
#define UNTRACK_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at s, of which left are there (at least one); 0: it is none. */
size_t utf8_length(const char *s, size_t left);

/* The code point of the n bytes that utf8_length counted. */
uint32_t utf8_code(const char *s, size_t n);

#endif
