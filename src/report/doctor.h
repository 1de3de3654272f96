/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The health of the table of connection tracking: facts in, findings out, each with its cure. Pure:
 * kernel/ and command/doctor.c gather the facts. */
#ifndef UNTRACK_DOCTOR_H
#define UNTRACK_DOCTOR_H

#include <stdio.h>
#include "config/policy.h"
#include "config/sysctl_files.h"
#include "report/census.h"
#include "rules/host.h"

#define DOCTOR_BUCKET_BYTES 8 /* struct hlist_nulls_head of a 64-bit kernel */

struct doctor_facts {	/* start from {0}; borrows everything */
	bool absent;	/* no connection tracking in this kernel, or its module is not loaded */
	bool fixed;	/* max and buckets cannot be set from this network namespace */
	uint64_t count; /* entries */
	uint64_t max, buckets; /* 0: not known */
	double growth;	       /* entries a second, over a moment; negative: it shrinks */
	uint64_t entry_bytes;  /* 0: not known; entry_why says why */
	const char *entry_why;
	uint64_t memory;	       /* of this host, bytes; 0: not known */
	const struct ct_stats *stats;  /* since boot; NULL: not known, stats_why */
	const struct ct_stats *recent; /* of these, during the moment */
	const char *stats_why;
	const struct census *census; /* NULL: not known, or nothing to count; census_why */
	const char *census_why;	     /* NULL: there was nothing to count */
	const char *log_why;	     /* the kernel's log cannot be read; NULL: it was */
	unsigned long log_lines;     /* "table full" */
	uint64_t log_age;	     /* seconds since the last of them */
	const struct host *host;     /* HOST_SETTINGS, HOST_INTERFACES */
	unsigned keepalive;	     /* seconds after which TCP notices a dead peer; 0: unknown */
	const struct lifetime_plan *plan; /* LIFETIMES of them */
	const struct sysctl_files *files;
	const struct policy *policy; /* the one in force; NULL: none */
};

/* Bytes of a table of so many entries in so many buckets. */
uint64_t doctor_memory(uint64_t entry_bytes, uint64_t entries, uint64_t buckets);
/* What max should be; 0: it is high enough. */
uint64_t doctor_proposed_max(const struct doctor_facts *f);

/* All findings: errors and warnings are problems, notes are not. */
void doctor_examine(const struct doctor_facts *f, struct diag *d);

/* Parts of it. */
void doctor_size(const struct doctor_facts *f, struct diag *d); /* fill, buckets, memory, drops */
void doctor_timeouts(const struct doctor_facts *f, struct diag *d); /* and nf_conntrack_tcp_loose */
void doctor_settings(const struct doctor_facts *f, struct diag *d); /* sysctl.d */
void doctor_stale(const struct doctor_facts *f, struct diag *d);    /* addresses that are gone */
void doctor_unread(const struct doctor_facts *f, struct diag *d);

/* The facts and the findings: for people, and as one JSON object. */
void doctor_text(const struct doctor_facts *f, const struct diag *d, bool quiet, bool colour,
		 FILE *out);
void doctor_json(const struct doctor_facts *f, const struct diag *d, FILE *out);

#endif
