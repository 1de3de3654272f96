/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether sections are complete and make sense, alone and together. */
#include "config/loader.h"

#include <errno.h>
#include <netinet/in.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include "util.h"

static const char *proto_text(uint8_t proto, char buf[8])
{
	if (proto_name(proto))
		return proto_name(proto);
	snprintf(buf, 8, "%u", proto);
	return buf;
}

static void lacks(struct loader *l, const char *what)
{
	auto_free char *section = loader_section_text(l);

	diag_error(l->d, &l->draft.at, "config", 0, "%s has no '%s'", section, what);
}

/* Protocols with ports need a port, others cannot have one, and one section is of one kind. */
static void check_ports(struct loader *l)
{
	const struct service *s = &l->draft.service;
	uint8_t with = 0, without = 0;
	char buf[2][8];

	for (size_t i = 0; i < s->protos.n; i++) {
		if (proto_has_ports(s->protos.v[i]))
			with = s->protos.v[i];
		else
			without = s->protos.v[i];
	}
	if (with && without) {
		diag_error(l->d, &s->proto_at, "config", 0, "%s has ports and %s has none",
			   proto_text(with, buf[0]), proto_text(without, buf[1]));
		diag_cure(l->d, "write a section for each");
	} else if (with && !loader_may_have(l, "port")) {
		lacks(l, "port");
		diag_cure(l->d, "add 'port = 80', for example; 'port = 1-65535' is every port");
	} else if (without && loader_has(l, "port")) {
		diag_error(l->d, &s->proto_at, "config", 0, "%s has no ports",
			   proto_text(without, buf[0]));
		diag_cure(l->d, "remove the line 'port'");
	}
}

static unsigned families_of(const struct addrs *a)
{
	unsigned families = 0;

	for (size_t i = 0; i < a->n; i++)
		families |= 1u << a->v[i].family;
	return families ? families : FAMILIES_BOTH;
}

static const char *families_text(unsigned families)
{
	return families == FAMILIES_BOTH ? "IPv4 and IPv6"
	       : families == FAMILIES_V4 ? "IPv4"
					 : "IPv6";
}

static bool has_bare_star(const struct ifaces *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!strcmp(l->v[i], "*"))
			return true;
	}
	return false;
}

static void check_service(struct loader *l)
{
	struct service *s = &l->draft.service;

	if (!loader_may_have(l, "protocol")) {
		lacks(l, "protocol");
		diag_cure(l->d, "add 'protocol = tcp', for example");
	}
	check_ports(l);
	if (!(families_of(&s->local) & families_of(&s->remote))) {
		diag_error(l->d, &s->remote_at, "config", 0,
			   "remote: only %s, but local has only %s: no packet has both",
			   families_text(families_of(&s->remote)),
			   families_text(families_of(&s->local)));
		diag_cure(l->d, "give both keys addresses of the same family");
	}
	/* Any interface but those excluded: what no interface at all means, too. */
	if (has_bare_star(&s->ifaces)) {
		free(s->ifaces.v);
		s->ifaces = (struct ifaces){ 0 };
	}
}

static void check_interface(struct loader *l)
{
	const struct interface *i = &l->draft.interface;

	if (!loader_may_have(l, "name")) {
		lacks(l, "name");
		diag_cure(l->d, "add 'name = eth1', for example");
	} else if (i->iface_at.file && !i->ifaces.n) {
		diag_error(l->d, &i->iface_at, "config", 0, "name: only exclusions");
		diag_cure(l->d, "name what is exempt; '*, !lo' is every interface but loopback");
	}
}

/* What a reply of ours or a twin would be asked of must be there to be asked. */
static void check_expectation(struct loader *l)
{
	const struct expectation *x = &l->draft.expectation;
	struct flow reply;

	if (!loader_may_have(l, "flow")) {
		lacks(l, "flow");
		diag_cure(l->d,
			  "add 'flow = tcp 198.51.100.7:51000 -> 192.0.2.10:443 in eth0', for "
			  "example; untrack(8) has the form");
	}
	if (!loader_may_have(l, "result")) {
		lacks(l, "result");
		diag_cure(l->d, "add 'result = untracked', or tracked");
	}
	if (x->by && x->result_at.file && x->result == TRACKING_TRACKED) {
		diag_error(l->d, &x->by_at, "config", 0,
			   "by: nothing untracks what is to be tracked");
		diag_cure(l->d, "remove the line, or write 'result = untracked'");
	}
	if (x->flow_at.file && x->reply_at.file && !flow_reply(&x->flow, &reply)) {
		diag_error(l->d, &x->reply_at, "config", 0,
			   "reply: no one packet answers this flow");
		diag_cure(l->d, "remove the line, or write a section for the packet that is meant");
	}
}

void loader_check_section(struct loader *l)
{
	if (!l->n_keys && !l->broken_lines) {
		auto_free char *section = loader_section_text(l);

		diag_error(l->d, &l->draft.at, "config", 0, "empty section %s", section);
		diag_cure(l->d, "give it settings, or remove it");
		return;
	}
	switch (l->section->id) {
	case SECTION_SERVICE:
		check_service(l);
		break;
	case SECTION_INTERFACE:
		check_interface(l);
		break;
	case SECTION_EXPECT:
		check_expectation(l);
		break;
	case SECTION_UNTRACK:
	case SECTION_LOOPBACK:
	case SECTION_CONNTRACK:
		break;
	}
}

struct named { /* a service, an interface or an expectation */
	const char *section;
	const struct origin *at;
};

struct names { /* those so far, by name */
	struct hsearch_data table;
	struct named *v;
	size_t n;
};

/* Names of services and interfaces are names of counters, those of expectations of test cases: each
 * stands for one section. */
static void check_name(struct names *l, char *name, const char *section, const struct origin *at,
		       struct diag *d)
{
	struct named *own = &l->v[l->n++];
	ENTRY *found = NULL;
	const struct named *first;

	*own = (struct named){ section, at };
	if (!hsearch_r((ENTRY){ name, own }, ENTER, &found, &l->table))
		return; /* never: there is room for all */
	first = found->data;
	if (first == own)
		return;
	diag_error(d, at, "config", 0, "the name '%s' is taken by [%s %s] at %s:%u", name,
		   first->section, name, first->at->file, first->at->line);
	diag_cure(d, "merge the sections, or give this one another name");
}

static void check_names(struct loader *l)
{
	const struct policy *p = l->p;
	size_t n_expected = l->e ? l->e->n : 0;
	size_t n = p->n_services + p->n_interfaces + n_expected;
	struct names names = { .v = xcalloc(n, sizeof *names.v) };

	if (!hcreate_r(n + n / 4, &names.table)) {
		diag_error(l->d, NULL, "config", errno, "the names of sections");
		free(names.v);
		return;
	}
	for (size_t i = 0; i < p->n_services; i++)
		check_name(&names, p->services[i].name, "service", &p->services[i].at, l->d);
	for (size_t i = 0; i < p->n_interfaces; i++)
		check_name(&names, p->interfaces[i].name, "interface", &p->interfaces[i].at, l->d);
	for (size_t i = 0; i < n_expected; i++)
		check_name(&names, l->e->v[i].name, "expect", &l->e->v[i].at, l->d);
	hdestroy_r(&names.table);
	free(names.v);
}

/* A list of addresses that leaves out a family which is exempt in general. */
static void check_list_families(struct loader *l, const struct service *s, const char *key,
				const struct addrs *list, const struct origin *at)
{
	unsigned have = families_of(list), want = l->p->families;

	if (!list->n || (have & want) == want)
		return;
	if (!(have & want)) {
		diag_error(l->d, at, "config", 0,
			   "%s: only %s addresses, but 'family' in [untrack] is %s", key,
			   families_text(have), families_text(want));
		diag_cure(l->d, "add the family there, or other addresses here");
		return;
	}
	diag_note(l->d, at, "one-family", "'%s' is exempt for %s only: '%s' lists no %s address",
		  s->name, families_text(have & want), key, families_text(want & ~have));
	diag_cure(l->d, "list addresses of both families, or set 'family' in [untrack]");
}

static void check_service_families(struct loader *l, const struct service *s)
{
	static const struct {
		uint8_t proto;
		unsigned families;
	} icmps[] = { { IPPROTO_ICMP, FAMILIES_V4 }, { IPPROTO_ICMPV6, FAMILIES_V6 } };
	unsigned left = l->p->families & families_of(&s->local) & families_of(&s->remote);

	if (!(families_of(&s->local) & families_of(&s->remote)))
		return;
	check_list_families(l, s, "local", &s->local, &s->local_at);
	check_list_families(l, s, "remote", &s->remote, &s->remote_at);
	for (size_t i = 0; i < ARRAY_SIZE(icmps); i++) {
		if (!left || !memchr(s->protos.v, icmps[i].proto, s->protos.n) ||
		    (left & icmps[i].families))
			continue;
		diag_error(l->d, &s->proto_at, "config", 0,
			   "%s belongs to %s, but '%s' is exempt for %s only",
			   proto_name(icmps[i].proto), families_text(icmps[i].families), s->name,
			   families_text(left));
		diag_cure(l->d, "remove the protocol, or admit its family");
	}
}

void loader_check_policy(struct loader *l)
{
	check_names(l);
	for (size_t i = 0; i < l->p->n_services; i++) {
		if (l->p->services[i].protos.n)
			check_service_families(l, &l->p->services[i]);
	}
}
