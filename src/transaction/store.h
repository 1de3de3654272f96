/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our directories and the files in them: opened without trust, written whole or not at all. */
#ifndef UNTRACK_STORE_H
#define UNTRACK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "report/diag.h"

struct store { /* an open directory of ours; start from STORE_CLOSED */
	int fd;
	const char *dir; /* borrowed, for messages */
};
#define STORE_CLOSED ((struct store){ .fd = -1 })

/* 0; 1: no such directory; -1 with a finding. Refused: a directory that neither root nor this user
 * owns, or that others can write to. */
int store_open(struct store *s, const char *dir, struct diag *d);
/* The same, but creates a missing directory with this mode (its parent must exist). 0 or -1. */
int store_make(struct store *s, const char *dir, mode_t mode, struct diag *d);
void store_close(struct store *s); /* safe twice */

/* Opens a plain file of ours, never through a symbolic link and never waiting (a FIFO): fd;
 * -1 with a finding; -2: O_CREAT was not given and there is none. */
int store_open_file(const struct store *s, const char *name, int flags, struct diag *d);

/* Whole file, NUL added; the caller frees *text. 0; 1: no such file; -1 with a finding. */
int store_read(const struct store *s, const char *name, char **text, size_t *len, struct diag *d);

/* Writes a new file, replacing what a killed run left under this name; durable: a durable rename is
 * to follow. On failure nothing is left. The caller holds the lock. */
int store_write(const struct store *s, const char *name, const char *text, size_t len, bool durable,
		struct diag *d);
/* On disk when it returns, name and all: file systems commit a new name with its file. */
int store_sync(const struct store *s, const char *name, struct diag *d);
/* Atomic; durable: file and name are on disk when it returns. */
int store_rename(const struct store *s, const char *from, const char *to, bool durable,
		 struct diag *d);
/* A file that is not there is fine. */
int store_remove(const struct store *s, const char *name, struct diag *d);

#define auto_store __attribute__((cleanup(store_close)))

#endif
