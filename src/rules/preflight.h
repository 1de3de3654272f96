/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is worth saying about a policy on this host before it is applied. Pure: the facts come in.
 */
#ifndef UNTRACK_PREFLIGHT_H
#define UNTRACK_PREFLIGHT_H

#include <stdbool.h>
#include <stdint.h>
#include "config/policy.h"

struct host_facts {
	uint16_t ssh_port;			    /* of the session that runs us; 0: none */
	bool (*has_interface)(const char *pattern); /* does "eth0" or "bond*" exist now? */
};

/* What needs no facts: conntrack-settings, upstream-timeout (warnings). Part of preflight_check. */
void preflight_policy(const struct policy *p, struct diag *d);

/* Findings missing-interface (note) and management-port (warning). */
void preflight_check(const struct policy *p, const struct host_facts *facts, struct diag *d);

#endif
