/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is worth saying about a policy on this host before it is applied. Pure: the facts come in.
 */
#ifndef UNTRACK_PREFLIGHT_H
#define UNTRACK_PREFLIGHT_H

#include "config/policy.h"
#include "rules/host.h"

/* What needs no facts: shadowed, one-direction, no-packet, upstream-timeout (warnings), helper-port
 * (note), all part of preflight_check; and what that knows better: ephemeral-overlap with default
 * ranges (note), half-interface of a router with one interface (warning). */
void preflight_policy(const struct policy *p, struct diag *d);

/* HOST_*: the facts that a finding about this policy can depend on. */
unsigned preflight_facts(const struct policy *p);

/* Everything that policy and host tell without a walk of the firewall; facts that are unread give
 * no finding. Same policy and host, same findings in the same order. */
void preflight_check(const struct policy *p, const struct host *h, struct diag *d);

#endif
