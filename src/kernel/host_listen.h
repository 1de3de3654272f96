/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports that this network namespace answers on. */
#ifndef UNTRACK_HOST_LISTEN_H
#define UNTRACK_HOST_LISTEN_H

#include "rules/host.h"

/* Those of TCP, and those of UDP and UDP-Lite, into h->listeners, sorted, none twice: asked of
 * sock_diag, or read from /proc where the kernel would load modules to answer. -1 with errno: they
 * could not be had. */
int host_listeners_read(struct host *h, bool tcp, bool udp);

#endif
