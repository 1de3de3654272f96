/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock of our records, as commands take it: whoever has to wait for it is told so. */
#include "command/command.h"

#include <string.h>

#define SILENT_MS 1000

/* At once, and apart from the findings of the run. */
static void tell(const struct session *s, const char *holder)
{
	struct session own = *s;
	struct diag d = { 0 };

	own.d = &d;
	diag_note(&d, NULL, "locked", "%s: waiting for it", holder);
	if (own.say)
		own.say(&own);
	diag_free(&d);
}

int session_lock(const struct session *s, int wait_ms)
{
	struct diag d = { 0 };
	int fd = journal_lock(&s->paths, SILENT_MS, &d);

	if (fd < 0 && d.n && !strcmp(d.v[0].id, "locked")) {
		tell(s, d.v[0].text);
		diag_free(&d);
		return journal_lock(&s->paths, wait_ms, s->d);
	}
	diag_move(s->d, &d);
	diag_free(&d);
	return fd;
}
