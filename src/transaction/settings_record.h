/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the settings of [conntrack] were before untrack set them: a small file in run_dir, for they
 * last as long as the kernel does. */
#ifndef UNTRACK_SETTINGS_RECORD_H
#define UNTRACK_SETTINGS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include "report/diag.h"

struct state_paths;

#define SETTINGS_FILE "settings"

struct setting_record {
	char *key;
	unsigned long was;   /* before untrack */
	unsigned long set;   /* by untrack */
	unsigned long other; /* while it is being set, this is ours as well; else equal to set */
};

struct settings_record { /* sorted by key; start from {0}; settings_record_free */
	char *boot;	 /* which life of the kernel it is about; NULL: nothing is in it yet */
	struct setting_record *v;
	size_t n;
};

/* 0; also where there is none, or it is about another life of the kernel. -1 with a finding: it is
 * damaged. */
int settings_record_load(const struct state_paths *sp, struct settings_record *r, struct diag *d);
/* In one step. Empty: removes the file. 0 or -1. */
int settings_record_save(const struct state_paths *sp, const struct settings_record *r,
			 struct diag *d);
/* Inverse pair. */
char *settings_record_print(const struct settings_record *r);
int settings_record_parse(const char *text, size_t len, const char *name, struct settings_record *r,
			  struct diag *d);
/* The first one makes it a record of this life of the kernel, unless r says of which it is. */
void settings_record_add(struct settings_record *r, const char *key, unsigned long was,
			 unsigned long set, unsigned long other);
const struct setting_record *settings_record_find(const struct settings_record *r, const char *key);
bool settings_is_key(const char *s); /* could it be a key of [conntrack]? */
void settings_record_free(struct settings_record *r);

#endif
