/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Crash evidence and generations: what is on disk before the kernel changes, and after. */
#ifndef UNTRACK_JOURNAL_H
#define UNTRACK_JOURNAL_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include "rules/ruleset.h"
#include "transaction/settings.h"

/* Where files are: state_dir holds generations (durable), run_dir the lock and the open
 * transaction (needs to survive a killed process, not a reboot). */
struct state_paths {
	const char *state_dir, *run_dir;
};

struct transaction { /* one text file, written whole and renamed into place */
	bool open;   /* begun but not ended */
	const char *backend;
	struct ruleset before, want;
	struct settings settings; /* those to be changed */
};

/* Creates the directories (0755, 0700) where missing. Exclusive lock on run_dir, waiting at most
 * wait_ms; fd to close, or -1 naming the holder's pid. */
int journal_lock(const struct state_paths *sp, int wait_ms, struct diag *d);

/* Missing file: not open. Truncated, foreign or from a newer version: -1 with a finding. */
int journal_load(const struct state_paths *sp, struct transaction *t, struct diag *d);
/* On return a killed process leaves the evidence behind. No fsync: what it protects against is the
 * end of the process; a power cut takes the kernel's rules along with it. Again: replaces it. */
int journal_begin(const struct state_paths *sp, const struct transaction *t, struct diag *d);
int journal_end(const struct state_paths *sp, struct diag *d);
bool journal_is_open(const struct state_paths *sp); /* there is a file, whatever is in it */
void transaction_free(struct transaction *t);	    /* safe on a zeroed struct and twice */

/* Was the service stopped, so that the kernel holds less than what is on record, on purpose? In
 * run_dir: gone after a reboot. The caller of mark holds the lock; nothing is written where it says
 * so already. 0 or -1. */
int journal_mark_stopped(const struct state_paths *sp, bool stopped, struct diag *d);
bool journal_is_stopped(const struct state_paths *sp);

/* Inverse pair: parse(print(t)) == t, foreign objects and origins aside. name is for messages. */
void transaction_print(const struct transaction *t, FILE *out);
int transaction_parse(const char *text, size_t len, const char *name, struct transaction *t,
		      struct diag *d);

/* Generations: canonical INI with a header of comments, "generation-N.conf" in state_dir, N from 1.
 * The newest one is what the kernel holds. A removal is a generation too (an empty policy). The
 * header has the length and a checksum, so that a truncated or edited one is found out. */
struct generation_header { /* start from {0} */
	long n;
	time_t applied;		   /* 0: unknown */
	char *backend;		   /* NULL: unknown */
	unsigned errors, warnings; /* what was said when it was applied */
	char *forced; /* ids of what --force went over, "nat-conflict, state-lost"; NULL: none */
	bool unconfirmed;    /* applied with --confirm, and nobody has confirmed it yet */
	time_t good_at_boot; /* apply --boot applied and verified it first then; 0: never */
};

/* Inverse pair: parse(print(h, text)) == h, text. */
char *generation_print(const struct generation_header *h, const char *policy_text);
/* Strict: what is not ours, newer, truncated, edited, or has a line that we do not know is refused
 * with a finding: -1. *policy_text points into text. Headers of the time before had no marks, no
 * findings and no checksum. */
int generation_parse(const char *text, size_t len, const char *name, struct generation_header *h,
		     const char **policy_text, struct diag *d);
/* The errors of d were gone over, or there would be no generation. */
void generation_header_add(struct generation_header *h, const struct diag *d);
void generation_header_force(struct generation_header *h, const char *id); /* once each */
void generation_header_free(struct generation_header *h);

/* The newest number, 0: none; -1: the directory cannot be read. */
long generation_newest(const struct state_paths *sp, struct diag *d);
/* The one before n that there is, 0: none; -1. Pruning leaves gaps. */
long generation_before(const struct state_paths *sp, long n, struct diag *d);
/* Its text, or NULL with a finding. The caller frees it and the header; policy_text is what stands
 * below the header. */
char *generation_load(const struct state_paths *sp, long n, struct generation_header *h,
		      const char **policy_text, struct diag *d);
/* The text alone, header included. */
char *generation_read(const struct state_paths *sp, long n, struct diag *d);
/* 0, or -1 with a finding. */
int generation_header(const struct state_paths *sp, long n, struct generation_header *out,
		      struct diag *d);
/* When it was written; 0: unknown. */
time_t generation_time(const struct state_paths *sp, long n);
/* Is this policy text the newest generation? False also where that cannot be read. */
bool generation_is_newest(const struct state_paths *sp, const char *policy_text);

/* The newest one with this policy text, and its header; 0: none that can be read. One that a killed
 * run has prepared counts: what it wanted may have been in the kernel. */
long generation_find(const struct state_paths *sp, const char *policy_text,
		     struct generation_header *out);

enum generation_mark { GENERATION_UNCONFIRMED, GENERATION_CONFIRMED, GENERATION_GOOD_AT_BOOT };
/* Rewrites the header, durably; nothing is written where it says so already. 0 or -1. The caller
 * holds the lock. */
int generation_mark(const struct state_paths *sp, long n, enum generation_mark mark,
		    struct diag *d);
/* False also where it cannot be read. */
bool generation_is_unconfirmed(const struct state_paths *sp, long n);
/* The newest one that is not unconfirmed, 0: none; -1: the directory cannot be read. Those that
 * cannot be read are warned of and passed over. */
long generation_last_good(const struct state_paths *sp, struct diag *d);
long generation_good_before(const struct state_paths *sp, long n, struct diag *d); /* below n */

/* In two steps, so that a full disk is found before the kernel changes and the generation counts
 * only after it is verified: prepare writes it under another name (its number, or -1) and waits for
 * the disk if it is unconfirmed, publish renames it, waits for the disk and drops all but the
 * newest 50, those that were good at boot and the last good one; discard forgets it. said: what is
 * to stand in its header besides its number, the time and the backend. */
long generation_prepare(const struct state_paths *sp, const char *policy_text, const char *backend,
			const struct generation_header *said, struct diag *d);
int generation_publish(const struct state_paths *sp, long n, struct diag *d);
void generation_discard(const struct state_paths *sp);
/* Both steps at once; of a text that is prepared already only the second. Its number, or -1. */
long generation_write(const struct state_paths *sp, const char *policy_text, const char *backend,
		      const struct generation_header *said, struct diag *d);
/* Publishes what a killed run has prepared, unless the newest one says the same: its number, 0:
 * there is nothing to publish, or -1. */
long generation_finish(const struct state_paths *sp, struct diag *d);

#endif
