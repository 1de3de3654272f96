/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that write firewalls, told by the names that they give to tables and chains. */
#ifndef UNTRACK_PROGRAM_H
#define UNTRACK_PROGRAM_H

#include "rules/fw.h"

struct program {
	const char *name;
	const char *table;   /* of nf_tables; NULL: it uses iptables only */
	const char *chains;  /* of iptables, blanks between; a trailing '*' is a prefix */
	unsigned least;	     /* so many of them, where each alone could be anybody's */
	const char *dropped; /* how to have it let untracked packets be */
	const char *owned;   /* how to have it write rules for untracked packets; NULL: see above */
};

/* Who manages the chain; NULL: nobody whom we know. */
const struct program *program_of(const struct fw *fw, const struct fw_chain *c);
/* Who publishes ports of containers by the rules of the chain; NULL: nobody whom we know. */
const char *program_publishing(const struct fw_chain *c);

#endif
