/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A place on disk for one test: our two directories, and files put into them. */
#ifndef UNTRACK_PLACE_H
#define UNTRACK_PLACE_H

#include "transaction/journal.h"

struct place {
	char *base, *state, *run; /* base is a fresh directory, state and run are below it */
	struct state_paths sp;
	struct diag d;
};

void place_init(struct place *pl);
void place_free(struct place *pl); /* and what is on disk */

/* Set-up and tear-down of cmocka: *state is a struct place. */
int place_make(void **state);
int place_remove(void **state);
#define PLACED(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

/* The path of a file, valid until the next call: *keep is freed first. */
const char *path(const char *dir, const char *name, char **keep);
void put(const char *dir, const char *name, const char *text, size_t len);
char *get(const char *dir, const char *name, size_t *len);

/* The last finding is an error of this id whose text has the words; then forgets all. */
void assert_finding(struct diag *d, const char *id, const char *words);

#endif
