/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of preflight_check, by what they look at. Each adds its findings in the order of the
 * policy. */
#ifndef UNTRACK_PREFLIGHT_PART_H
#define UNTRACK_PREFLIGHT_PART_H

#include "config/policy.h"
#include "rules/host.h"

/* ephemeral-overlap (error), no-listener (note) */
void preflight_ports(const struct policy *p, const struct host *h, struct diag *d);
/* nat-conflict by live entries (error, or warning) */
void preflight_nat(const struct policy *p, const struct host *h, struct diag *d);
/* half-interface (warning) */
void preflight_paths(const struct policy *p, const struct host *h, struct diag *d);
/* upstream-timeout, timeout-short (warnings); without a host only what the policy tells */
void preflight_times(const struct policy *p, const struct host *h, struct diag *d);

bool service_serves(const struct service *s); /* its ports are on this host */
bool prefix_is_loopback(const struct prefix *p);

#endif
