/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the administrator asked for: typed and checked, no kernel words in it. untrack.conf(5). */
#ifndef UNTRACK_POLICY_H
#define UNTRACK_POLICY_H

#include <stdbool.h>
#include <stdio.h>
#include "report/diag.h"
#include "rules/match.h"

enum role { ROLE_SERVER, ROLE_CLIENT, ROLE_PEER, ROLE_ROUTER };
enum accept_mode { ACCEPT_TWIN, ACCEPT_FIRST, ACCEPT_NONE };
enum backend_choice { BACKEND_AUTO, BACKEND_NFTABLES, BACKEND_IPTABLES };
enum on_nat { ON_NAT_REFUSE, ON_NAT_WARN };

struct protos {
	uint8_t *v; /* sorted, no duplicates, never 0 */
	size_t n;
};

struct service {	   /* [service NAME] */
	char *name;	   /* [A-Za-z][A-Za-z0-9_.-]{0,31}, unique over services and interfaces */
	char *description; /* NULL: none */
	struct protos protos; /* at least one */
	struct ports ports;   /* n == 0: every protocol is portless */
	enum role role;
	struct ifaces ifaces, not_ifaces;
	struct addrs local, not_local, remote, not_remote; /* both families may be mixed */
	enum accept_mode accept;	      /* the general setting where the section has none */
	unsigned upstream_timeout, keepalive; /* seconds; 0: not given */
	struct origin at, port_at, proto_at, iface_at, local_at, remote_at, upstream_at;
};

struct interface { /* [interface NAME] */
	char *name, *description;
	struct ifaces ifaces, not_ifaces; /* at least one in ifaces; never "lo", and no pattern that
					   * matches it unless not_ifaces has "lo" (or a pattern
					   * that does); "*" alone is possible */
	enum accept_mode accept;
	struct origin at, iface_at;
};

struct ct_setting {	     /* one key of [conntrack] */
	char *key;	     /* "max", "buckets", "timeout-tcp-established" ... */
	unsigned long value; /* entries, or seconds */
	struct origin at;
};

struct policy { /* start from {0}: policy_load sets the defaults */
	enum backend_choice backend;
	unsigned families; /* FAMILIES_* */
	enum accept_mode accept;
	bool drain;
	enum on_nat on_nat;
	bool loopback; /* [loopback] notrack = yes */
	struct origin loopback_at;
	struct service *services; /* in the order of the files */
	size_t n_services;
	struct interface *interfaces;
	size_t n_interfaces;
	struct ct_setting *conntrack; /* sorted by key */
	size_t n_conntrack;
	char **files; /* what origins point into */
	size_t n_files;
};

/* Reads the files in order: a directory means its untrack.conf, then its rules.d/ *.conf, or, where
 * it has neither, its own *.conf, each in byte order; "-" is standard input. Checks types, ranges,
 * duplicates and cross-field rules, and reports every fault of every file. As root, a file that is
 * not owned by root or is writable by others is refused (fstat on the open descriptor), and so is
 * such a directory. An empty configuration is no fault here: ask policy_is_empty.
 * 0; -1: the configuration is wrong (findings in d); -2: a file could not be read or is not safe.
 */
int policy_load(struct policy *p, const char *const *paths, size_t n, struct diag *d);

/* Is there configuration: does the directory have any of these files? Of anything else: true, and
 * policy_load says what is wrong with it. */
bool policy_is_there(const char *path);

/* The same from one text in memory (generations, journal, tests). name is for messages. */
int policy_parse(struct policy *p, const char *text, const char *name, struct diag *d);

/* Canonical INI: policy_parse(policy_print(p)) == p, origins aside; every setting written out. */
void policy_print(const struct policy *p, FILE *out);
char *policy_string(const struct policy *p); /* the same as a fresh string */

bool policy_is_empty(const struct policy *p); /* asks for no exemption at all */
void policy_free(struct policy *p);

const char *role_name(enum role r);
const char *accept_name(enum accept_mode m);

/* The option tables, for the manual's test and completion: calls fn for every section and key. */
void policy_keys(void (*fn)(void *ctx, const char *section, const char *key), void *ctx);

#endif
