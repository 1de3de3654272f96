/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Crash evidence and generations: what is on disk before the kernel changes, and after. */
#ifndef UNTRACK_JOURNAL_H
#define UNTRACK_JOURNAL_H

#include <stdbool.h>
#include "rules/ruleset.h"

/* Where files are: state_dir holds generations (durable), run_dir the lock and the open
 * transaction (needs to survive a killed process, not a reboot). */
struct state_paths {
	const char *state_dir, *run_dir;
};

struct transaction { /* one text file, written whole: fsync, rename, fsync the directory */
	bool open; /* begun but not ended */
	char *backend;
	struct ruleset before, want;
};

/* Creates the directories (0755, 0700) where missing. Exclusive lock on run_dir, waiting at most
 * wait_ms; fd to close, or -1 naming the holder's pid. */
int journal_lock(const struct state_paths *sp, int wait_ms, struct diag *d);

/* Missing file: not open. Truncated, foreign or from a newer version: -1 with a finding. */
int journal_load(const struct state_paths *sp, struct transaction *t, struct diag *d);
int journal_begin(const struct state_paths *sp, const char *backend, const struct ruleset *before,
		  const struct ruleset *want, struct diag *d);
int journal_end(const struct state_paths *sp, struct diag *d);
void transaction_free(struct transaction *t);

/* Generations: canonical INI with a header of comments, "generation-N.conf" in state_dir, N from 1.
 * The newest one is what the kernel holds. A removal is a generation too (an empty policy). */
/* The newest number, 0: none; -1: the directory cannot be read. */
long generation_newest(const struct state_paths *sp, struct diag *d);
/* Its text, or NULL with a finding. The caller frees. */
char *generation_read(const struct state_paths *sp, long n, struct diag *d);
/* Writes policy text as the next generation, durably; keeps the newest 50. Its number, or -1. */
long generation_write(const struct state_paths *sp, const char *policy_text, const char *backend,
		      struct diag *d);

#endif
