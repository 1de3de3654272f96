/* SPDX-License-Identifier: GPL-2.0-or-later */
/* [conntrack] as a part of the transaction: what each setting is, was, and is to be. */
#ifndef UNTRACK_SETTINGS_H
#define UNTRACK_SETTINGS_H

#include "config/policy.h"
#include "transaction/settings_record.h"

enum setting_fate {
	SETTING_WANTED,	 /* by the policy */
	SETTING_BACK,	 /* not any more: to what it was before untrack set it */
	SETTING_KEPT,	 /* not any more, and somebody else has set it since: stays as it is */
	SETTING_FIXED,	 /* wanted, but it belongs to the initial network namespace */
	SETTING_UNKNOWN, /* wanted, but this kernel has no such setting */
	SETTING_WAITING, /* wanted, but conntrack is not in the kernel yet */
};

struct setting {
	char *key; /* of [conntrack] */
	struct origin at;
	enum setting_fate fate;
	unsigned long now, want; /* now: 0 unless is_there */
	unsigned long was;	 /* what removal puts back */
	bool is_there;
	bool recorded; /* is it ours already? */
};

struct settings { /* sorted by key; start from {0}; settings_free */
	struct setting *v;
	size_t n;
	struct settings_record record; /* as it is on file */
	bool damaged;		       /* it is there, but cannot be read */
};

/* What becomes of each key of p and of each that is on record. Changes nothing. dir: CT_SYSCTL_DIR.
 * -1 with findings: the record is damaged (then it is as if there were none), or a value cannot be
 * read. */
int settings_look(struct settings *s, const char *dir, const struct state_paths *sp,
		  const struct policy *p, struct diag *d);
/* How many are not as they should be, and could be. */
size_t settings_differ(const struct settings *s);
/* Is max to become less than it is? */
bool settings_lower_max(const struct settings *s);
/* How many are as the policy wants them; how many wait. */
size_t settings_count(const struct settings *s, enum setting_fate fate);
/* The same as lines of a difference: "- conntrack max = 262144", "+ conntrack max = 1000000". NULL:
 * only counts them. */
size_t settings_diff(const struct settings *s, FILE *out);
/* Their keys: "max, timeout-udp"; NULL: none. The caller frees. */
char *settings_names(const struct settings *s);
/* What cannot be as wanted, and why (conntrack-settings, conntrack-max: warnings). */
void settings_tell(const struct settings *s, const char *dir, struct diag *d);

/* Could those that differ be written? Writes nothing. 0, or -1 with findings. */
int settings_ask(const struct settings *s, const char *dir, struct diag *d);
/* On record first; then one after the other, each read back: what the kernel rounds or clamps is an
 * error. -1 with findings: settings_undo is to follow. */
int settings_write(const struct settings *s, const char *dir, const struct state_paths *sp,
		   struct diag *d);
/* Back to what settings_look found, read back. -1 with findings: not all of them are. */
int settings_undo(const struct settings *s, const char *dir, const struct state_paths *sp,
		  struct diag *d);
/* All is well: the record says so, or is not needed any more. */
int settings_settle(const struct settings *s, const struct state_paths *sp, struct diag *d);
void settings_free(struct settings *s); /* safe on a zeroed struct and twice */

/* The evidence in a journal, "max 262144 1000000" each: what it was right before, and is to be.
 * Inverse pair, as far as key, is_there, now and want go. -1: it is not that. */
void settings_print(const struct settings *s, FILE *out);
int settings_parse(struct settings *s, const char *text);
/* Is each as it was before (or, done, as it was to be)? What is not there has no value. */
bool settings_hold(const struct settings *s, const char *dir, bool done);

#endif
