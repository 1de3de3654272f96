/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of this host, read without side effects from /proc and rtnetlink. */
#ifndef UNTRACK_HOST_H
#define UNTRACK_HOST_H

#include "rules/host.h"

/* Port range and forwarding of this network namespace. Unreadable: the kernel's defaults. */
void host_params_read(struct host_params *h, unsigned facts); /* HOST_*: those that matter */

/* Is this the port of the SSH session that we are run from (SSH_CONNECTION)? 0: no session. */
uint16_t host_ssh_port(void);

/* Everything but the firewall, which a backend reads (kernel/backend.h). What could not be had is
 * in h->unread. facts: HOST_*, those that matter. Loads no module, creates no table, switches
 * nothing on. */
void host_read(struct host *h, unsigned facts);

#endif
