/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts for tests of findings, fact by fact, and what is said about them. cmocka.h comes first. */
#ifndef UNTRACK_HOST_BUILD_H
#define UNTRACK_HOST_BUILD_H

#include <string.h>
#include "rules/preflight.h"

/* ---- a host, fact by fact ----------------------------------------------------------------------
 */

static inline void h_interface(struct host *h, const char *name, bool forwards4, bool forwards6)
{
	struct host_interface *i = ARRAY_ADD(h->interfaces, h->n_interfaces);

	memcpy(i->name, name, strnlen(name, IFNAMSIZ - 1));
	i->forwards4 = forwards4;
	i->forwards6 = forwards6;
}

static inline void h_address(struct host *h, const char *text)
{
	assert_true(prefix_parse(text, &ARRAY_ADD(h->addresses, h->n_addresses)->prefix));
}

/* addr NULL: any; "*": any of either family */
static inline void h_listener(struct host *h, uint8_t proto, const char *addr, uint16_t port)
{
	struct host_listener *l = ARRAY_ADD(h->listeners, h->n_listeners);
	struct prefix p = { 0 };

	l->proto = proto;
	l->port = port;
	l->any = !addr || !strcmp(addr, "*");
	l->both = addr && !strcmp(addr, "*");
	l->family = l->both ? FAMILY_V6 : FAMILY_V4;
	if (l->any)
		return;
	assert_true(prefix_parse(addr, &p));
	l->family = p.family;
	memcpy(l->addr, p.addr, sizeof(l->addr));
}

static inline void h_nat(struct host *h, struct host_nat n)
{
	*ARRAY_ADD(h->nat, h->n_nat) = n;
}

static inline void h_sysctl(struct host *h, const char *name, uint64_t value)
{
	struct host_sysctl *s = ARRAY_ADD(h->sysctls, h->n_sysctls);

	s->name = xstrdup(name);
	s->value = value;
}

static inline void h_unread(struct host *h, const char *what)
{
	*ARRAY_ADD(h->unread, h->n_unread) = xstrdup(what);
}

/* ---- what is said ------------------------------------------------------------------------------
 */

/* Findings of one id, "line:col severity text | cure" each; what comes with every host (nobody
 * listens, nothing tracks) is left out by that. Takes the host. */
static inline char *said(struct host *h, const char *id, const char *conf)
{
	struct policy p = { 0 };
	struct diag d = { 0 };
	struct text t = { 0 };

	if (!h->params.ephemeral.lo)
		h->params.ephemeral = HOST_PARAMS_DEFAULT.ephemeral;
	assert_int_equal(policy_parse(&p, conf, "t.conf", &d), 0);
	diag_free(&d); /* "one-family" */
	preflight_check(&p, h, &d);
	text_add(&t, "%s", "");
	for (size_t i = 0; i < d.n; i++) {
		const struct finding *f = &d.v[i];

		assert_non_null(f->cure);
		if (strcmp(f->id, id))
			continue;
		if (f->file)
			text_add(&t, "%u:%u ", f->line, f->col);
		text_add(&t, "%s: %s | %s\n", severity_name(f->severity), f->text, f->cure);
	}
	diag_free(&d);
	policy_free(&p);
	host_free(h);
	return t.s;
}

#define SAYS(h, id, conf, want)                  \
	do {                                     \
		char *got_ = said(h, id, conf);  \
		assert_string_equal(got_, want); \
		free(got_);                      \
	} while (0)

#define WEB "[service web]\nprotocol = tcp\nport = 80\n"

#endif
