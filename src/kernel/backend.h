/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel behind five functions. Everything above knows only this header; the transaction is
 * tested against a third implementation that fails on demand (tests/fake_backend.c). */
#ifndef UNTRACK_BACKEND_H
#define UNTRACK_BACKEND_H

#include "config/policy.h"
#include "rules/fw.h"
#include "rules/ruleset.h"

struct backend; /* each implementation's own handle */

enum commit_result {
	COMMIT_DONE,  /* the kernel said yes; read back before believing it */
	COMMIT_STALE, /* somebody changed the rules since the last read: nothing written, read again
		       */
	COMMIT_FAILED, /* refused with findings in d, or unknown: read back to see */
};

struct backend_ops {
	const char *name; /* "nftables", "iptables" */
	enum form home;	  /* of the raw rules that are compiled for it */
	/* Socket, lock; -1 with the reason if this host cannot do it. Changes nothing. */
	int (*open)(struct backend **b, struct diag *d);
	/* What the kernel holds: OUR rules, twins, counters and what is foreign in our containers,
	 * normalised, into *ours; and the host's firewall into *fw (NULL: not wanted). Both are one
	 * consistent snapshot, and the next commit is refused as STALE if it is outdated. No side
	 * effects: loads no module, creates no table, switches nothing on. */
	int (*read)(struct backend *b, struct ruleset *ours, struct fw *fw, struct diag *d);
	/* Lets the kernel validate want without committing; 0, 1 if it cannot be asked, -1. */
	int (*check)(struct backend *b, const struct ruleset *want, struct diag *d);
	/* Replaces everything we own by want (empty: removes all trace of us), atomically.
	 * Unchanged counters and twins are left alone. Foreign objects in our containers go.
	 * A refusal names the rule's origin (file:line:col). Needs a read before it. */
	enum commit_result (*commit)(struct backend *b, const struct ruleset *want, struct diag *d);
	void (*close)(struct backend *b); /* NULL is fine */
};

/* Each reads and writes the rules of both homes, as want says, and twins wherever they are, in one
 * order: twins come before the raw rules that they serve, and go after them. */
extern const struct backend_ops nft_backend, ipt_backend;

/* "auto": nf_tables where the kernel has it, else iptables-legacy, with a note that says so. -1:
 * none. */
int backend_open(enum backend_choice choice, const struct backend_ops **ops, struct backend **b,
		 struct diag *d);

#endif
