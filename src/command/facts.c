/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack facts, and this host for other commands. */
#include "report/facts.h"

#include <string.h>
#include "command/command.h"
#include "kernel/backend.h"
#include "kernel/host.h"

int host_live(enum backend_choice choice, unsigned facts, struct host *h, enum form *home,
	      struct diag *d)
{
	const struct backend_ops *ops;
	struct ruleset ours = { 0 };
	struct backend *b;
	int rc;

	host_read(h, facts);
	rc = backend_open(choice, &ops, &b, d);
	if (!rc) {
		rc = ops->read(b, &ours, &h->fw, d);
		ops->close(b);
		if (home)
			*home = ops->home;
	}
	ruleset_free(&ours);
	if (rc)
		*ARRAY_ADD(h->unread, h->n_unread) =
			xasprintf("firewall: %s", d->n ? d->v[d->n - 1].text : "no reason given");
	return rc;
}

enum exit_code command_facts(struct session *s)
{
	const struct policy any = { .backend = BACKEND_AUTO };
	struct host h = { 0 };
	int rc = host_live(session_backend(s, &any), HOST_ALL, &h, NULL, s->d);

	for (size_t i = 0; i < h.n_unread; i++)
		if (strncmp(h.unread[i], "firewall", strlen("firewall")) != 0)
			diag_note(s->d, NULL, "facts-unread", "not known: %s", h.unread[i]);
	facts_print(&h, s->out);
	host_free(&h);
	return rc ? CODE_USAGE : CODE_DONE;
}
