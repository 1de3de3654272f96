/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pending confirmation: what goes back by itself unless somebody says "untrack confirm". */
#ifndef UNTRACK_PENDING_H
#define UNTRACK_PENDING_H

#include <stdbool.h>
#include <stdint.h>
#include "report/diag.h"
#include "transaction/journal.h"

#define PENDING_FILE "pending"
#define PENDING_MIN_S 1u
#define PENDING_MAX_S 3600u

struct pending { /* one at a time; a small file in run_dir, gone after a reboot as the rules are */
	char *token;	      /* 16 hexadecimal digits: which one it is */
	long generation;      /* what waits */
	long back;	      /* the generation to go back to, 0: the time before the first one */
	char *policy;	      /* its text: it must be at hand whatever happens to state_dir */
	uint64_t deadline_ms; /* on CLOCK_BOOTTIME, which no change of the date moves */
	char *terminal;	      /* where it was asked for; NULL: none */
	char *unit;	      /* the timer: of systemd, or else */
	long pid;	      /* a process of ours, */
	uint64_t started;     /* which began then (clock ticks since boot) */
};

/* 0; 1: none is pending; -1 with a finding: it cannot be read, or is damaged. */
int pending_load(const struct state_paths *sp, struct pending *p, struct diag *d);
/* Replaces the one before in one step. The caller holds the lock. */
int pending_save(const struct state_paths *sp, const struct pending *p, struct diag *d);
int pending_remove(const struct state_paths *sp, struct diag *d);
void pending_copy(struct pending *to, const struct pending *from);
void pending_free(struct pending *p); /* safe on a zeroed struct and twice */

/* Inverse pair. now_ms: a deadline further away than any may be is damage. */
char *pending_string(const struct pending *p); /* the caller frees */
int pending_parse(const char *text, size_t len, const char *name, uint64_t now_ms,
		  struct pending *p, struct diag *d);

/* A token that nobody can foresee; the caller frees. NULL with a finding. */
char *pending_token(struct diag *d);
bool pending_is_token(const char *s);
uint64_t pending_now_ms(void);
/* Whole seconds until the deadline, rounded up; 0: it is over. */
unsigned pending_seconds_left(const struct pending *p);
void pending_sleep_until(uint64_t deadline_ms); /* also through a suspend */

#endif
