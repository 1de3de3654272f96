/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings of connection tracking, net.netfilter.nf_conntrack_*: the one place that reads and
 * writes them. They are those of the network namespace that asks. Neither loads a module nor
 * switches tracking on: where it is not in the kernel, there are no such files. */
#ifndef UNTRACK_CT_SYSCTL_H
#define UNTRACK_CT_SYSCTL_H

#include "report/diag.h"
#include "rules/host.h"

#define CT_SYSCTL_DIR "/proc/sys/net/netfilter" /* dir of every function here, but in tests */

/* The file of a key of [conntrack]: "nf_conntrack_tcp_timeout_established" of
 * "timeout-tcp-established"; the caller frees. */
char *ct_sysctl_name(const char *key);

/* Is connection tracking in the kernel, as far as this namespace can see? */
bool ct_sysctl_is_there(const char *dir);

/* One by the name of its file. 0; 1: there is none; -1 with errno, 0 where it is no number. */
int ct_sysctl_get(const char *dir, const char *name, unsigned long *value);

/* The same. 0; 1: there is none; -1 with a finding: it cannot be read, or is no
 * number. Times are seconds. */
int ct_sysctl_read(const char *dir, const char *name, unsigned long *value, struct diag *d);

/* Every one that is a number, sorted by name, also those of net.netfilter that are not of
 * conntrack; the caller frees names and array. Without conntrack, 0 and none. -1 with errno. */
int ct_sysctl_all(const char *dir, struct host_sysctl **v, size_t *n);

enum ct_sysctl_access {
	CT_SYSCTL_WRITABLE,
	CT_SYSCTL_FIXED,   /* for reading only: max and buckets belong to the initial namespace */
	CT_SYSCTL_ABSENT,  /* this kernel has none of this name, or no conntrack */
	CT_SYSCTL_REFUSED, /* errno says why: EROFS, EACCES ... */
};
/* Could it be written? Writes nothing. */
enum ct_sysctl_access ct_sysctl_ask(const char *dir, const char *name);

/* Writes one; what the kernel made of it is for the caller to read. 0, or -1 with errno. */
int ct_sysctl_write(const char *dir, const char *name, unsigned long value);

#endif
