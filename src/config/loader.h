/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items to a policy: the state while they come in, and the checks at the end of a section and at
 * the end of everything. Inside config/ only. */
#ifndef UNTRACK_LOADER_H
#define UNTRACK_LOADER_H

#include "config/section.h"

struct loader {
	struct policy *p;
	struct expectations *e; /* not NULL: the files are of expectations; p has their names */
	struct diag *d;
	unsigned errors_before; /* in d, of others */
	struct origin family_at;
	struct origin once[N_SECTIONS];		 /* where the sections without names stand */
	bool *service_accept, *interface_accept; /* which have a setting of their own */
	size_t n_service_accept, n_interface_accept;
	/* the section being read */
	const struct section *section; /* NULL: none yet, or an unknown one */
	struct draft draft;
	struct origin seen[OPTIONS_MAX];       /* where each key stands; file NULL: nowhere */
	bool guessed[OPTIONS_MAX];	       /* keys that unknown ones were taken for */
	size_t n_keys;			       /* right or wrong */
	size_t n_sections;		       /* so far, of any kind that belongs there */
	unsigned errors_at_header, own_errors; /* those of lines that are no items are not ours */
	bool broken_lines;		       /* when the section ends: there were such lines */
	struct ini_item late; /* own copy of a late option's item; key NULL: none */
};

/* Sets the defaults of p. */
void loader_begin(struct loader *l, struct policy *p, struct diag *d);
/* Of expectations; p is only lent. */
void loader_begin_expect(struct loader *l, struct expectations *e, struct policy *p,
			 struct diag *d);
/* One file: 0, or -1 with findings of its lines. */
int loader_read(struct loader *l, FILE *f, const char *name);
/* A file, or those of a directory: 0, or -1 when one cannot be read. */
int loader_read_path(struct loader *l, const char *path);
/* The checks over all files. 0; with any error since loader_begin p is freed: -1. */
int loader_end(struct loader *l);

/* Is the key given, with a good value or a bad one? */
bool loader_has(const struct loader *l, const char *key);
/* Is it, or may a misspelled key or a broken line have been meant for it? */
bool loader_may_have(const struct loader *l, const char *key);
/* "[service web]" for messages, fresh. */
char *loader_section_text(const struct loader *l);
/* Is the section that ends complete, and does it make sense? */
void loader_check_section(struct loader *l);
/* What only all sections together show. */
void loader_check_policy(struct loader *l);

void service_free(struct service *s);
void interface_free(struct interface *i);
void expectation_free(struct expectation *x);

#endif
