/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Did you mean": the nearest of some words, if one is near enough to be meant. */
#ifndef UNTRACK_GUESS_H
#define UNTRACK_GUESS_H

struct guess {
	const char *word; /* as written; start from { word } */
	const char *best; /* NULL: nothing is near */
	unsigned distance;
};

/* Upper and lower case are the same here. The first of equally near words stays. */
void guess_try(struct guess *g, const char *candidate);

#endif
