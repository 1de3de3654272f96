/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntrack.h wants to know of a host, asked of rtnetlink. */
#ifndef UNTRACK_CONNTRACK_HOST_H
#define UNTRACK_CONNTRACK_HOST_H

#include "kernel/conntrack.h"

struct ct_routes; /* a socket, and answers that were given before */

/* Reads the host's own addresses; host->reaches asks the routes as needed. NULL with errno. The
 * caller frees with ct_routes_free, before which host is good. */
struct ct_routes *ct_routes_open(struct ct_host *host);
void ct_routes_free(struct ct_routes *r, struct ct_host *host);

/* The broadcast addresses of its links, IPv4 only; the caller frees out->v. -1 with errno. */
int ct_broadcasts_read(struct addrs *out);

#endif
