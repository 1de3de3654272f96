/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of a policy: one change is one line for a person to read. */
#ifndef UNTRACK_POLICY_DIFF_H
#define UNTRACK_POLICY_DIFF_H

#include "config/policy.h"
#include "util.h"

enum policy_change_kind {
	POLICY_CAME,	/* it is exempt now */
	POLICY_WENT,	/* it no longer is */
	POLICY_CHANGED, /* one key of an exemption, or one setting */
};

struct policy_change {
	enum policy_change_kind kind;
	char *section; /* "service web", "interface lan", "loopback", "untrack", "conntrack" */
	char *key;     /* of POLICY_CHANGED, else NULL */
	char *before, *after; /* the values as they are written in a file; NULL: not given. Of
			       * POLICY_CAME after, and of POLICY_WENT before, say what it is */
};

struct policy_changes { /* start from {0} */
	struct policy_change *v;
	size_t n;
};

/* In the order of the canonical text of after, then what went. An empty after says only what went:
 * whoever removes everything changes no setting but those of conntrack, which go back. */
void policy_diff(const struct policy *before, const struct policy *after,
		 struct policy_changes *out);
/* "service web: port 80 -> 80, 443", "service dns is exempt now: udp, port 53". */
void policy_change_text(const struct policy_change *c, struct text *t);
const char *policy_change_kind_name(enum policy_change_kind kind); /* "came", for programs */
void policy_changes_free(struct policy_changes *changes);

#endif
