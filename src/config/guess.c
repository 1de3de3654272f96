/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Did you mean": the nearest of some words, if one is near enough to be meant. */
#include "config/guess.h"

#include <string.h>
#include "util.h"

#define WORD_BYTES 64 /* longer words are nobody's typing errors */

static void lower(char to[WORD_BYTES], const char *from)
{
	size_t i = 0;

	for (; from[i]; i++)
		to[i] = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] - 'A' + 'a') : from[i];
	to[i] = '\0';
}

/* One error in a short word, three in a long one: "tpc" is two edits from "tcp". */
static unsigned tolerated(size_t len)
{
	return len < 3 ? 1 : len < 10 ? 2 : 3;
}

void guess_try(struct guess *g, const char *candidate)
{
	char word[WORD_BYTES], other[WORD_BYTES];
	size_t len = strlen(g->word);
	unsigned max = tolerated(len), distance;

	if (!len || len >= WORD_BYTES || strlen(candidate) >= WORD_BYTES)
		return;
	lower(word, g->word);
	lower(other, candidate);
	distance = edit_distance(word, other, max);
	if (distance > max || distance >= strlen(candidate) || (g->best && distance >= g->distance))
		return;
	g->best = candidate;
	g->distance = distance;
}
