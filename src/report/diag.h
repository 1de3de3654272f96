/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings are values: recorded where the facts are, printed once by main. Nothing else in the
 * program writes to stderr (util's out-of-memory line excepted). */
#ifndef UNTRACK_DIAG_H
#define UNTRACK_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "report/source.h"

struct origin {		    /* where in the configuration a thing came from */
	const char *file;   /* NULL: not from a file; else owned by the policy */
	unsigned line, col; /* from 1; 0: the whole file */
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

struct finding {
	enum severity severity;
	const char *id; /* stable, a string literal: "nat-conflict"; "config" for the INI files */
	char *file;	/* own copy; NULL: not from a file */
	unsigned line, col;
	char *text;   /* names the object and the reason */
	char *cure;   /* the next step; NULL: the text says it */
	char **hosts; /* by name, where it is so; none: everywhere, or of no host */
	size_t n_hosts;
};

struct diag { /* start from {0}; diag_free is safe twice */
	struct finding *v;
	size_t n;
	unsigned errors, warnings, notes;
	struct sources sources;
};

/* Record a finding; errnum != 0 appends ": strerror". at may be NULL. diag_error returns -1 so that
 * `return diag_error(...)` is one expression. */
int diag_error(struct diag *d, const struct origin *at, const char *id, int errnum, const char *fmt,
	       ...) __attribute__((format(printf, 5, 6)));
void diag_warn(struct diag *d, const struct origin *at, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void diag_note(struct diag *d, const struct origin *at, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* One of any severity, its text made already. */
void diag_add(struct diag *d, enum severity s, const struct origin *at, const char *id,
	      const char *text);
/* The next step for the finding recorded last; no finding: nothing happens. */
void diag_cure(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Do both say the same of the same place? */
bool finding_is_same(const struct finding *a, const struct finding *b);
/* One more host where the finding recorded last is so; no finding: nothing happens. */
void diag_host(struct diag *d, const char *name);
/* The text of a file that findings name: taken over, on the heap or NULL. */
void diag_source(struct diag *d, const char *file, char *text, size_t len);

/* Errors become warnings: somebody has chosen to go over them. */
void diag_soften(struct diag *d);
/* Appends the findings of from to d; from is empty then. */
void diag_move(struct diag *d, struct diag *from);

/* "file:line:col: error: host: text [id]", the line of the file with a caret where the text is
 * known, and "  cure: ...", in the order of recording. Findings below least (SEVERITY_NOTE: all)
 * are left out. colour: ANSI. */
void diag_print(const struct diag *d, FILE *out, enum severity least, bool colour);
/* "web1, web2", fresh; NULL: of no host in particular. */
char *finding_hosts(const struct finding *f);
/* The same for the journal: before each line its priority, as sd-daemon(3) has it: "<3>" for an
 * error, "<4>" for a warning, "<5>" for a note. */
void diag_print_journal(const struct diag *d, FILE *out, enum severity least);
const char *severity_name(enum severity s);
void diag_free(struct diag *d);

#endif
