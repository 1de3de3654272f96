/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line as tables: what an option is called, takes and means stands in one place, and
 * parsing, error texts and help are all made from it. */
#ifndef UNTRACK_OPTIONS_H
#define UNTRACK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "report/diag.h"

struct words { /* borrowed from argv; the array is ours */
	const char **v;
	size_t n;
};

struct request {		    /* the command line, taken apart; start from {0} */
	const char *config, *state; /* NULL: not given */
	unsigned backend, color, as, format,
		fail_on;       /* place in the option's list of choices, from 1; 0: not given */
	const char *confirm;   /* "" without a time; NULL: not given */
	const char *watch;     /* "" without seconds; NULL: not given */
	const char *min_share; /* NULL: not given */
	const char *output;    /* NULL: not given */
	bool quiet, verbose, version, help, force, json, no_drain, boot, live, kernel;
	bool stop, once;
	struct words facts;
	const char **operands; /* n_operands of them, borrowed from argv; the array is ours */
	size_t n_operands;
};

enum option_kind {
	OPTION_FLAG,   /* bool in struct request */
	OPTION_TEXT,   /* const char * */
	OPTION_WORDS,  /* struct words: it may be given several times */
	OPTION_CHOICE, /* unsigned; arg lists the choices: "auto|always|never" */
	OPTION_MAYBE,  /* const char *: "--name=value", or "" for "--name" alone */
};

struct option_def {	  /* a table of these ends with name == NULL */
	const char *name; /* long form, without dashes */
	char letter;	  /* short form; 0: none */
	enum option_kind kind;
	size_t offset; /* in struct request */
	const char *arg, *help;
};

/* Takes options of the n tables from the NULL-terminated *argv and leaves *argv behind the last
 * word it took. Operands are collected in req, unless stop: then the first one ends the run. Names
 * match whole, never by prefix. 0, or -1 when a finding was reported (all of them are). */
int options_parse(const struct option_def *const *tables, size_t n, char *const **argv, bool stop,
		  struct request *req, struct diag *d);

/* One line per option: "  -q, --quiet        text". */
void options_help(const struct option_def *table, FILE *out);

/* The candidate nearest to word, near enough to be what was meant; NULL: none. next(ctx, i) is the
 * i-th candidate, NULL after the last. */
const char *options_nearest(const char *word, const char *(*next)(const void *ctx, size_t i),
			    const void *ctx);

#endif
