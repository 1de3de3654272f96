/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any string as one word of a line, and back: names in the kernel may hold blanks and worse. */
#ifndef UNTRACK_WORD_H
#define UNTRACK_WORD_H

#include "util.h"

/* Appends s with control characters, '%' and every character of also as %XX. */
void word_escape(const char *s, const char *also, struct text *t);

/* The same for a word, which cannot be empty: an empty or NULL s is "%". */
void word_text(const char *s, const char *also, struct text *t);

/* What the first len bytes of word stand for, fresh; NULL: a bad escape. */
char *word_parse(const char *word, size_t len);

#endif
