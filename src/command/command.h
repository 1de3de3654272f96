/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What main gives to a command, what a command gives back, and the commands. */
#ifndef UNTRACK_COMMAND_H
#define UNTRACK_COMMAND_H

#include <stdbool.h>
#include <stdio.h>
#include "command/options.h"
#include "config/policy.h"
#include "report/diag.h"
#include "rules/compile.h"
#include "transaction/journal.h"

/* Of check, as in main's table of options. */
enum check_format { CHECK_DEFAULT, CHECK_TEXT, CHECK_JSON, CHECK_SARIF, CHECK_GITHUB };

struct finding_host;
struct host;

/* An interface: untrack(8), EXIT STATUS */
enum exit_code {
	CODE_DONE,    /* done; valid; equal; healthy */
	CODE_NO,      /* the answer is no */
	CODE_USAGE,   /* called wrongly, or a file cannot be read; nothing touched */
	CODE_REFUSED, /* refused or failed; the kernel is proven to be as it was before */
	CODE_UNKNOWN, /* failed, and the state before could not be proven */
};

struct command_table;

struct session { /* one run */
	struct request req;
	const char *config;	  /* --config, or the default */
	struct state_paths paths; /* from --state, or the defaults */
	FILE *out;		  /* results; findings go to d, which main prints */
	bool colour;		  /* of out */
	bool terminal;		  /* somebody reads out and can answer on standard input */
	struct diag *d;
	const struct command_table *table; /* main's */
	/* Prints what there is to say before somebody is asked; NULL: nobody reads it */
	void (*say)(struct session *s);
	/* Shows how far long work is, done of all; text NULL: it is over, nothing is left of it.
	 * NULL: nobody looks. */
	void (*progress)(const char *text, unsigned long done, unsigned long all);
};

typedef enum exit_code command_fn(struct session *s);

struct command {
	const char *name, *synopsis, *summary; /* no summary: for the timer, not for people */
	command_fn *run;
	const struct option_def *options;
	size_t max_operands;
	bool changes; /* the kernel */
};

struct command_table {
	const struct command *v;
	size_t n;
	const struct option_def *general; /* options of every command */
};

/* check.c: is the configuration valid, alone and on hosts? */
command_fn command_check;
/* configuration.c: the rules that the configuration makes */
command_fn command_show;
/* comparison.c: the kernel against what was asked for; changes nothing */
command_fn command_diff;
/* status.c: how things stand; changes nothing */
command_fn command_status;
/* facts.c: what is true of this host */
command_fn command_facts;
/* boot.c: apply --boot, for command_apply */
command_fn command_boot;
/* doctor.c: the health of the table of connection tracking; changes nothing */
command_fn command_doctor;
/* metrics.c: how things stand, for Prometheus */
command_fn command_metrics;
/* history.c: the generations; changes nothing */
command_fn command_history;
/* completion.c: the tables above as completion for shells */
command_fn command_completion;
/* suggest.c: what to exempt */
command_fn command_suggest;
/* explain.c: what becomes of a packet */
command_fn command_explain;
/* test.c: do packets fare as expected? */
command_fn command_test;
/* change.c: the transaction */
command_fn command_apply;
/* rollback.c: the ways out */
command_fn command_remove, command_rollback;
/* watch.c: repairs what others remove */
command_fn command_watch;
/* confirm.c: what goes back by itself */
command_fn command_confirm, command_expire;

/* change.c: the one transaction of all that change the kernel, under the lock: the policy becomes
 * what is in the kernel and the newest generation. CODE_DONE: said on s->out, too. */
struct confirmation;
struct change_seen {		      /* start from {0}; change_seen_free */
	bool wrote;		      /* the kernel did not hold what was wanted, and does now */
	struct ruleset before, after; /* before: only where it wrote */
	char *settings; /* of conntrack, which were otherwise: "max, timeout-udp"; NULL: none */
};
struct change_how {
	struct confirmation *confirmation; /* its part in a pending one; NULL: none may pend */
	const char *verb;		   /* "applied"; NULL: nothing is said of success */
	bool force;
	bool boot;   /* what is on record then is marked as good at boot */
	bool repair; /* only while the policy is the newest generation; the record stays as it is */
	bool stop;   /* the record stays as it is, and says no more what the kernel holds */
	struct change_seen *seen; /* what it found and left; NULL: nobody asks */
};
/* CODE_NO, of a repair: there is nothing to do, for others have decided meanwhile. */
enum exit_code change_to(const struct session *s, const struct policy *p,
			 const struct change_how *how);
/* The same, of a policy that was applied before: what somebody went over with --force then does not
 * refuse it now. text: its canonical form. */
enum exit_code change_again(const struct session *s, const struct policy *p, const char *text,
			    struct change_how *how);
void change_seen_free(struct change_seen *seen);

/* lock.c: journal_lock, which says after a second whom it waits for. */
#define LOCK_WAIT_MS 10000
int session_lock(const struct session *s, int wait_ms);

/* confirm.c: apply --confirm, with the question where somebody can answer it. */
enum exit_code confirm_apply(struct session *s, const struct policy *p);

/* The policy of the PATH operands, or of --config where there are none. CODE_DONE, or what the
 * command exits with: findings are in s->d. */
enum exit_code session_policy(struct session *s, struct policy *p);

/* The same for check: 0; -1: it is wrong, or asks for nothing; -2: a file cannot be read. */
int session_load(const struct session *s, struct policy *p);

/* --backend where given, else what the policy says. */
enum backend_choice session_backend(const struct session *s, const struct policy *p);
/* Where raw rules are compiled for, as far as the words say: auto is nftables. */
enum form session_home(const struct session *s, const struct policy *p);
/* Of no host in particular. */
struct host_params session_params(const struct session *s, const struct policy *p);

/* check_hosts.c: would the policy be applied on the hosts of --facts and --live? v: one for each,
 * in this order, zeroed; the names are the caller's to free. Findings that not all hosts share name
 * theirs. p NULL: there is none to check, and each host has a finding that says so. */
size_t check_hosts_count(const struct session *s);
void check_hosts(struct session *s, const struct policy *p, struct finding_host *v);

/* rehearsal.c: does this kernel take the raw rules, as every backend that the policy may mean makes
 * them, and does it hold them then? In namespaces of its own; twins are not tried. CODE_DONE, or
 * CODE_NO: there are new errors. What could not be tried is a finding, "kernel-unchecked". */
enum exit_code check_kernel(struct session *s, const struct policy *p);

/* This host with its firewall; facts: HOST_* of kernel/host.h; home, unless NULL: of raw rules of
 * this backend. -1: the firewall is unread, and a finding says why. */
int host_live(enum backend_choice choice, unsigned facts, struct host *h, enum form *home,
	      struct diag *d);

/* table.c: one pass over the entries of connection tracking, with progress; as ct_table_read. */
struct ct_reader;
struct ct_reading;
int session_table(struct session *s, const struct ct_reader *reader, struct ct_reading *reading,
		  struct diag *d);

/* Services, interfaces and loopback. */
size_t exemption_count(const struct policy *p);

#endif
