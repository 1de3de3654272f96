/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in the kernel, and what should be: for commands that read and change nothing. */
#ifndef UNTRACK_COMPARISON_H
#define UNTRACK_COMPARISON_H

#include "command/command.h"
#include "report/status.h"
#include "rules/twin.h"
#include "transaction/settings.h"

struct comparison { /* start from {0}; comparison_free */
	const char *backend;
	enum form home; /* of the raw rules */
	struct ruleset have, want;
	struct fw fw;
	struct twin_plan plan;
	struct host_params host;
	struct settings settings; /* of conntrack */
	char *setting_lines;	  /* of a difference */
	size_t n_setting_lines;
	struct walk_accounts walks; /* only where they are asked for */
	bool blocked;		    /* the firewall does not allow it: want lacks twins */
};

/* Reads the kernel, and derives from p what it should hold. CODE_DONE, or what the command exits
 * with; findings in s->d. */
enum exit_code comparison_make(const struct session *s, const struct policy *p,
			       struct comparison *c);
void comparison_free(struct comparison *c);

/* The policy that was applied last, with its number and time in st. CODE_DONE, too, when nothing
 * was: then st->generation is 0. */
enum exit_code comparison_applied(struct session *s, struct status *st, struct policy *p);

/* All of it: what was applied last, the files, a pending confirmation and the kernel, for
 * status_compare. p and c start from {0}; st borrows from both. */
enum exit_code comparison_status(struct session *s, struct status *st, struct policy *p,
				 struct comparison *c);

#endif
