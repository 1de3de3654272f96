/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is true of a host, as a value: read from the live one (kernel/host.h) or from a file that
 * "untrack facts" wrote (report/facts.h). Findings need nothing else. */
#ifndef UNTRACK_RULES_HOST_H
#define UNTRACK_RULES_HOST_H

#include "rules/compile.h"
#include "rules/fw.h"

/* Facts that need not be read where nothing depends on them; 1 and 2: rules/compile.h. */
enum {
	HOST_TCP_LISTENERS = 4,
	HOST_UDP_LISTENERS = 8, /* and those of UDP-Lite */
	HOST_SETTINGS = 16,	/* of net.netfilter; without it nf_conntrack_count alone */
	HOST_INTERFACES = 32,	/* with their addresses and forwarding */
	HOST_RESERVED = 64,
	HOST_SESSION = 128, /* its port */
	HOST_NAMES = 256,   /* of the host and its kernel, and the time */
	HOST_NAT = 512,	    /* live connections with NAT: the whole table is walked twice */
	HOST_ALL = 1023,
};

struct host_interface {
	char name[IFNAMSIZ];
	bool forwards4, forwards6; /* what comes in by it may be forwarded */
};

struct host_address {
	struct prefix prefix; /* the address itself: len is 32 or 128 */
	char interface[IFNAMSIZ];
};

struct host_listener { /* TCP: listening; UDP and the like: bound and not connected */
	uint8_t proto;
	enum family family;
	bool any;	  /* the unspecified address */
	bool both;	  /* an IPv6 socket that takes IPv4 as well, as far as one can tell */
	uint8_t addr[16]; /* network order */
	uint16_t port;
};

struct host_sysctl { /* net.netfilter.*, the name without that prefix, numbers only */
	char *name;
	uint64_t value;
};

struct host_nat { /* live conntrack entries with NAT, counted by what an exemption could match */
	enum family family;
	uint8_t proto;
	uint16_t dport;	      /* original direction, destination */
	bool dst_local;	      /* that destination is an address of this host */
	uint16_t reply_sport; /* reply direction, source */
	bool reply_dst_local; /* the replies' destination is an address of this host */
	uint64_t entries;
};

struct host { /* start from {0}; host_free */
	char *name, *kernel;
	char *time; /* of reading: "2025-11-22T03:55:00Z" */
	struct host_params params;
	struct ports reserved; /* net.ipv4.ip_local_reserved_ports */
	struct host_interface *interfaces;
	size_t n_interfaces;
	struct host_address *addresses;
	size_t n_addresses;
	struct host_listener *listeners;
	size_t n_listeners;
	struct host_sysctl *sysctls;
	size_t n_sysctls;
	struct host_nat *nat;
	size_t n_nat;
	uint16_t ssh_port; /* of the session that asks; 0: none */
	struct fw fw;
	char **unread; /* facts that could not be had, in words with the reason: never silently.
			* Each begins with the fact's name: "listeners: Permission denied" */
	size_t n_unread;
};

bool host_has_interface(const struct host *h, const char *pattern);  /* "eth0", "bond*" */
bool host_has_address(const struct host *h, const struct prefix *p); /* one inside p */
/* The value of a sysctl by name; NULL: not known. */
const uint64_t *host_sysctl(const struct host *h, const char *name);
/* Could this fact ("interfaces", "listeners", "nat", "firewall", ...) not be had? */
bool host_is_unread(const struct host *h, const char *fact);
void host_free(struct host *h);

#endif
