/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INI text to items with positions. inih does the splitting; our line reader in front of it refuses
 * what inih would misread (long lines, NUL, stray CR, junk after ']', directories). */
#ifndef UNTRACK_INI_H
#define UNTRACK_INI_H

#include <stdio.h>
#include "report/diag.h"

struct ini_item {		/* one section header, or one key with its value */
	struct origin key_at;	/* the key; of a header: its '[' */
	struct origin value_at; /* the value; of a header: the second word, if there is one */
	const char *section;	/* "service web", as written, blanks folded to one */
	const char *key;	/* NULL: this item is the section header */
	const char *value; /* NULL for a header; "" when nothing follows the '='. Continuation lines
			    * are joined by one blank each; for columns see ini_value_at */
	const struct ini_piece *pieces; /* n_pieces physical lines the value came from */
	size_t n_pieces;
};
struct ini_piece {
	size_t start; /* offset in value where this line's text begins */
	unsigned line, col;
};

typedef void ini_fn(void *ctx, const struct ini_item *it, struct diag *d);

/* Feeds every item of f to fn in file order and goes on after errors. 0, or -1 if a lexical error
 * was reported (fn counts its own in d). name must outlive the origins. d gets the text, too, for
 * what findings point to. Holds no state.
 * (inih itself has an ini_parse.) */
int ini_read(FILE *f, const char *name, ini_fn *fn, void *ctx, struct diag *d);

/* The position of value[offset] in the file. */
struct origin ini_value_at(const struct ini_item *it, size_t offset);

#endif
