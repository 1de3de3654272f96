/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports that this network namespace answers on. */
#ifndef UNTRACK_HOST_LISTEN_H
#define UNTRACK_HOST_LISTEN_H

#include "rules/host.h"

/* Into h->listeners, sorted, none twice. From /proc, since the kernel loads modules for the other
 * way to ask (sock_diag). -1 with errno: they could not be had. */
int host_listeners_read(struct host *h);

#endif
