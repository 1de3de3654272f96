/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings about the ports of services: those that this host also takes for connections of its own,
 * and those that nobody listens on. */
#include <netinet/in.h>
#include <string.h>
#include "rules/preflight_part.h"

#define RANGES_NAMED 8 /* of a list of ports in a note; the rest is counted */

bool service_serves(const struct service *s)
{
	return s->role == ROLE_SERVER || s->role == ROLE_PEER;
}

/* ---- ephemeral-overlap -------------------------------------------------------------------------
 */

/* Those ports of s, all of protocols that have ports, that the kernel may give to a connection
 * which starts here. */
static void overlap(const struct service *s, const struct host *h, struct ports *out)
{
	const struct port_range e = h->params.ephemeral;
	struct ports outside = { 0 };

	*out = (struct ports){ 0 };
	if (!service_serves(s) || !e.lo || e.lo > e.hi)
		return;
	ports_add(&outside, 0, e.lo - 1);
	if (e.hi < UINT16_MAX)
		ports_add(&outside, e.hi + 1, UINT16_MAX);
	ports_copy(out, &s->ports);
	ports_subtract(out, &outside);
	ports_subtract(out, &h->reserved);
	free(outside.v);
}

/* What the reservations must be for all services at once: one command cures every finding. */
static char *all_reservations(const struct policy *p, const struct host *h)
{
	struct ports all = { 0 };
	struct text t = { 0 };

	ports_copy(&all, &h->reserved);
	for (size_t i = 0; i < p->n_services; i++) {
		struct ports more;

		overlap(&p->services[i], h, &more);
		for (size_t k = 0; k < more.n; k++)
			ports_add(&all, more.v[k].lo, more.v[k].hi);
		free(more.v);
	}
	ports_normalise(&all);
	ports_text(&all, &t);
	free(all.v);
	return t.s;
}

/* An untracked packet that leaves from an exempt port looks like a service's answer, and the answer
 * to it like a new connection to the service (FACTS T8). */
static void check_ephemeral(const struct policy *p, const struct service *s, const struct host *h,
			    struct diag *d)
{
	auto_free char *reservations = NULL;
	struct ports both;
	struct text t = { 0 };

	overlap(s, h, &both);
	if (both.n) {
		ports_text(&both, &t);
		reservations = all_reservations(p, h);
		diag_error(
			d, &s->port_at, "ephemeral-overlap", 0,
			"%s: this host takes source ports for its own connections from %u-%u, and "
			"of these %s would be exempt: such a connection times out",
			s->name, h->params.ephemeral.lo, h->params.ephemeral.hi, t.s);
		diag_cure(
			d,
			"reserve them: sysctl -w net.ipv4.ip_local_reserved_ports=%s (and the same "
			"in /etc/sysctl.d), or move net.ipv4.ip_local_port_range away from them",
			reservations);
	}
	free(t.s);
	free(both.v);
}

void preflight_default_ports(const struct policy *p, struct diag *d)
{
	const struct host any = { .params = HOST_PARAMS_DEFAULT };

	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];
		struct ports both;
		struct text t = { 0 };

		overlap(s, &any, &both);
		if (both.n) {
			ports_text(&both, &t);
			diag_note(d, &s->port_at, "ephemeral-overlap",
				  "%s: most hosts take source ports for their own connections from "
				  "%u-%u, and %s is in it: where it is not reserved, such a "
				  "connection times out",
				  s->name, any.params.ephemeral.lo, any.params.ephemeral.hi, t.s);
			diag_cure(d,
				  "reserve it there (net.ipv4.ip_local_reserved_ports); 'untrack "
				  "check --facts' tells of a host whether it is needed");
		}
		free(t.s);
		free(both.v);
	}
}

/* ---- no-listener -------------------------------------------------------------------------------
 */

bool prefix_is_loopback(const struct prefix *p)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return p->family == FAMILY_V4 ? p->addr[0] == 127 : !memcmp(p->addr, v6, sizeof(v6));
}

static bool has_family(const struct addrs *l, enum family f)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].family == f)
			return true;
	return false;
}

static bool listens_in(const struct host_listener *l, enum family f, const struct service *s)
{
	struct prefix at = { .family = f, .len = f == FAMILY_V4 ? 32 : 128 };

	if (l->family != f && !(l->both && l->family == FAMILY_V6))
		return false;
	if (l->any)
		return !s->local.n || has_family(&s->local, f);
	memcpy(at.addr, l->addr, sizeof(at.addr));
	return l->family == f && (!s->local.n || addrs_hold(&s->local, &at)) &&
	       !addrs_hold(&s->not_local, &at);
}

/* Would it get connections that come in to s from outside? */
static bool listens_for(const struct host_listener *l, const struct service *s, unsigned families)
{
	return (families & FAMILIES_V4 && listens_in(l, FAMILY_V4, s)) ||
	       (families & FAMILIES_V6 && listens_in(l, FAMILY_V6, s));
}

static bool is_on_loopback(const struct host_listener *l)
{
	struct prefix at = { .family = l->family };

	memcpy(at.addr, l->addr, sizeof(at.addr));
	return !l->any && prefix_is_loopback(&at);
}

/* A range stands for ports of which some are in use at a time: one listener is enough for it. Two
 * neighbours are as likely two services, and are looked at one by one. */
static void silent_range(struct ports *silent, struct port_range r, const struct ports *heard)
{
	struct ports one = { &r, 1 };

	if (r.hi - r.lo == 1) {
		silent_range(silent, (struct port_range){ r.lo, r.lo }, heard);
		silent_range(silent, (struct port_range){ r.hi, r.hi }, heard);
	} else if (!ports_overlap(&one, heard)) {
		ports_add(silent, r.lo, r.hi);
	}
}

/* "80,443 and 12 more" */
static char *ports_words(const struct ports *p)
{
	struct ports head = { p->v, p->n > RANGES_NAMED ? RANGES_NAMED : p->n };
	struct text t = { 0 };

	ports_text(&head, &t);
	if (p->n > RANGES_NAMED)
		text_add(&t, " and %zu more", p->n - RANGES_NAMED);
	return t.s;
}

static void say_silent(const struct service *s, uint8_t proto, const struct ports *silent,
		       bool on_loopback, struct diag *d)
{
	auto_free char *words = ports_words(silent);

	diag_note(d, &s->port_at, "no-listener", "%s: nothing listens on %s port %s%s", s->name,
		  proto_name(proto), words, on_loopback ? ", but for loopback" : "");
	diag_cure(d, "see what does with 'ss -%cln', start the service, or take the port out",
		  proto == IPPROTO_TCP ? 't' : 'u');
}

static void check_listeners(const struct policy *p, const struct service *s, uint8_t proto,
			    const struct host *h, struct diag *d)
{
	struct ports heard = { 0 }, silent = { 0 }, inside = { 0 };

	for (size_t i = 0; i < h->n_listeners; i++) {
		const struct host_listener *l = &h->listeners[i];

		if (l->proto != proto)
			continue;
		if (is_on_loopback(l))
			ports_add(&inside, l->port, l->port);
		else if (listens_for(l, s, p->families))
			ports_add(&heard, l->port, l->port);
	}
	ports_normalise(&heard);
	ports_normalise(&inside);
	for (size_t i = 0; i < s->ports.n; i++)
		silent_range(&silent, s->ports.v[i], &heard);
	ports_normalise(&silent);
	if (silent.n)
		say_silent(s, proto, &silent, ports_overlap(&silent, &inside), d);
	free(heard.v);
	free(silent.v);
	free(inside.v);
}

void preflight_ports(const struct policy *p, const struct host *h, struct diag *d)
{
	static const uint8_t listed[] = { IPPROTO_TCP, IPPROTO_UDP };

	for (size_t i = 0; i < p->n_services; i++)
		check_ephemeral(p, &p->services[i], h, d);
	if (host_is_unread(h, "listeners"))
		return;
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		for (size_t k = 0; service_serves(s) && k < ARRAY_SIZE(listed); k++)
			if (memchr(s->protos.v, listed[k], s->protos.n))
				check_listeners(p, s, listed[k], h, d);
	}
}
