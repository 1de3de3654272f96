/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings for programs: one document on one stream, complete whatever became of the run.
 * report/diag prints the text for people. */
#ifndef UNTRACK_FINDINGS_H
#define UNTRACK_FINDINGS_H

#include "report/diag.h"

struct finding_host { /* that the configuration was held against */
	char *name;
	const char *facts; /* the file; NULL: this host */
	bool usable;	   /* its facts could be had */
	bool checked;	   /* and the configuration was checked against them */
	unsigned errors, warnings, notes;
	size_t n_rules, n_twins;
};

struct findings {
	const struct diag *d;
	const struct finding_host *hosts;
	size_t n_hosts;
	const char *const *paths; /* what was asked for, at least one */
	size_t n_paths;
	size_t n_exemptions, n_settings; /* n_settings: of conntrack */
	int status; /* the exit status: 0 valid, 1 not, 2 something could not be read */
};

void findings_json(const struct findings *f, FILE *out);
/* SARIF 2.1.0 */
void findings_sarif(const struct findings *f, FILE *out);
/* Workflow commands of GitHub, the errors first; findings below least are left out. */
void findings_github(const struct findings *f, enum severity least, FILE *out);

/* "2 errors, 1 warning": what there is, or "no findings"; fresh. */
char *findings_count(const struct findings *f);

#endif
