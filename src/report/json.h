/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What jansson leaves to its caller. */
#ifndef UNTRACK_JSON_H
#define UNTRACK_JSON_H

#include <jansson.h>
#include <stdio.h>

/* A string; bytes that are not UTF-8 (file names may be anything) become '?'. NULL: null. */
json_t *json_text(const char *s);

/* The same of n bytes, zero bytes among them. */
json_t *json_bytes(const char *s, size_t n);

/* Prints one indented document with a newline, and drops the reference. */
void json_print(json_t *root, FILE *out);

#endif
