/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts for tests of findings, fact by fact, and what is said about them. cmocka.h comes first. */
#ifndef UNTRACK_HOST_BUILD_H
#define UNTRACK_HOST_BUILD_H

#include <netinet/in.h>
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

/* As if those facts alone had been read. */
static inline void h_keep(struct host *h, unsigned facts)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_listeners; i++)
		if (facts & (h->listeners[i].proto == IPPROTO_TCP ? HOST_TCP_LISTENERS
								  : HOST_UDP_LISTENERS))
			h->listeners[n++] = h->listeners[i];
	h->n_listeners = n;
	if (!(facts & HOST_EPHEMERAL))
		h->params.ephemeral = (struct port_range){ 1, UINT16_MAX };
	if (!(facts & HOST_RESERVED))
		h->reserved.n = 0;
	if (!(facts & HOST_SESSION))
		h->ssh_port = 0;
	if (!(facts & HOST_INTERFACES)) {
		h->n_interfaces = h->n_addresses = 0;
		h->params.forwards = false;
	}
	n = 0;
	for (size_t i = 0; i < h->n_sysctls; i++)
		if (facts & HOST_SETTINGS || !strcmp(h->sysctls[i].name, "nf_conntrack_count"))
			h->sysctls[n++] = h->sysctls[i];
		else
			free(h->sysctls[i].name);
	h->n_sysctls = n;
}

/* Nothing else is said where only the facts that matter were read. */
static inline void check_facts(struct host *h, const struct policy *p, const struct diag *all)
{
	struct diag d = { 0 };

	h_keep(h, preflight_facts(p));
	preflight_check(p, h, &d);
	assert_int_equal(d.n, all->n);
	for (size_t i = 0; i < d.n; i++)
		assert_string_equal(d.v[i].text, all->v[i].text);
	diag_free(&d);
}

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
	check_facts(h, &p, &d);
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
