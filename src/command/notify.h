/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service tells systemd: sd_notify(3), which is one datagram. */
#ifndef UNTRACK_NOTIFY_H
#define UNTRACK_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Assignments, one a line: "READY=1\nSTATUS=...". Nobody asked for it (NOTIFY_SOCKET): nothing
 * happens. What cannot be sent is lost: systemd then takes the service for hanging, and says so. */
void notify(const char *text);
void notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How often systemd wants to hear "WATCHDOG=1" from this process, at least; 0: not at all. */
uint64_t notify_watchdog_ms(void);

/* Does standard error lead into the journal, which reads "<4>" before a line as its priority? */
bool notify_has_journal(void);

#endif
