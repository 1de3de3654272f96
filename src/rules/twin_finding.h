/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the walks find out, in words: each fact once, naming the chain and the rule. */
#ifndef UNTRACK_TWIN_FINDING_H
#define UNTRACK_TWIN_FINDING_H

#include "rules/twin_want.h"
#include "rules/walk.h"

struct twin_findings { /* start from { .diag = d, .fw = fw } */
	struct diag *diag;
	const struct fw *fw;
	struct told {
		const void *object; /* a rule or a chain */
		const char *id;
	} * told;
	size_t n_told;
};

/* One step of a walk that changes for untracked packets without deciding: state-lost warnings. */
void finding_step(struct twin_findings *f, const struct traffic *t, const struct step *s);

/* Does s, a step before conntrack, keep packets tracked, whatever our rules say? Then it is said:
 * a warning, or an error where it would be one direction only. */
bool finding_kept(struct twin_findings *f, const struct traffic *t, const struct step *s);

/* A limit before the state test of its rule counts what the test then leaves out. */
void finding_counted(struct twin_findings *f, const struct traffic *t, const struct step *s);

/* Verdicts differ and no twin helps; s is the rule that makes the difference (NULL: not found).
 * The id of the finding. */
const char *finding_refused(struct twin_findings *f, const struct traffic *t,
			    const struct fw_chain *base, const struct step *s);

/* iptables has no words for the interfaces or the addresses of the exemption. */
void finding_unsayable(struct twin_findings *f, const struct want *w);
void finding_unreadable(struct twin_findings *f, const struct traffic *t, const struct step *s);
/* accept = none, and the walks differ: accept-none, once a chain. */
void finding_alone(struct twin_findings *f, const struct traffic *t, const struct fw_chain *base);

void finding_nat(struct twin_findings *f, const struct traffic *t, const struct step *s,
		 bool refuse);
/* Twins, emitted already, that belong into tables which somebody owns. */
void finding_owned(struct twin_findings *f, const struct twin_wants *w);
void finding_closed(struct twin_findings *f, const struct traffic *t, const struct ports *ports,
		    unsigned families, const struct fw_chain *c);
void twin_findings_free(struct twin_findings *f);

#endif
