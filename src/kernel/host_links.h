/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces with their forwarding, and addresses, over rtnetlink. */
#ifndef UNTRACK_HOST_LINKS_H
#define UNTRACK_HOST_LINKS_H

#include "rules/host.h"

/* Into h->interfaces, h->addresses and h->params.forwards. -1 with errno, and in *what the fact
 * that is missing. */
int host_links_read(struct host *h, const char **what);

/* Does any interface forward, or will the later ones of either family? Unreadable: no. */
bool host_any_forwards(void);

/* Is one of the host's interfaces a bridge? */
bool host_has_bridge(const struct host *h);

#endif
