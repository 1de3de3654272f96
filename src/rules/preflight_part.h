/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of preflight_check, by what they look at. Each adds its findings in the order of the
 * policy. */
#ifndef UNTRACK_PREFLIGHT_PART_H
#define UNTRACK_PREFLIGHT_PART_H

#include "config/policy.h"
#include "rules/host.h"

/* shadowed (warning): what atoms_make does not tell, because the shapes differ; no host */
void preflight_inside(const struct policy *p, struct diag *d);
/* one-direction, no-packet (warnings), helper-port (note); no host */
void preflight_use(const struct policy *p, struct diag *d);
/* In place of preflight_ports and preflight_paths where no host is known: ephemeral-overlap with
 * the kernel's default range (note), half-interface of a router with one interface (warning) */
void preflight_default_ports(const struct policy *p, struct diag *d);
void preflight_lone_interface(const struct policy *p, struct diag *d);
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
