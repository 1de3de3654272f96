/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has somebody changed a table of iptables-legacy? The kernel does not tell, so it is asked how
 * large each one is, which costs some microseconds. */
#ifndef UNTRACK_IPT_WATCH_H
#define UNTRACK_IPT_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "util.h"

struct ipt_watch; /* two sockets, and the sizes that were */

struct ipt_watch *ipt_watch_open(void);
/* Looks at the tables that exist, both families; makes none and loads no module. Appends the names
 * of those that came, went or have another size since the last look, "ip filter, ip6 raw", to
 * changed. True: there are any. Rules that were exchanged for others of the same number and size
 * are not seen. */
bool ipt_watch_look(struct ipt_watch *w, struct text *changed);
bool ipt_watch_has_tables(const struct ipt_watch *w); /* were there any at the last look? */
void ipt_watch_close(struct ipt_watch *w);	      /* NULL is fine */

#endif
