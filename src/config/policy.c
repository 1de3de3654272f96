/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy as a value: made from text, asked, freed. */
#include "config/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "config/loader.h"
#include "util.h"

int policy_parse(struct policy *p, const char *text, const char *name, struct diag *d)
{
	auto_fclose FILE *f = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	struct loader l;

	loader_begin(&l, p, d);
	if (f)
		loader_read(&l, f, name);
	else
		diag_error(d, NULL, "config", errno, "%s", name);
	return loader_end(&l);
}

bool policy_is_empty(const struct policy *p)
{
	return !p->loopback && !p->n_services && !p->n_interfaces;
}

void service_free(struct service *s)
{
	free(s->name);
	free(s->description);
	free(s->protos.v);
	free(s->ports.v);
	free(s->ifaces.v);
	free(s->not_ifaces.v);
	free(s->local.v);
	free(s->not_local.v);
	free(s->remote.v);
	free(s->not_remote.v);
	*s = (struct service){ 0 };
}

void interface_free(struct interface *i)
{
	free(i->name);
	free(i->description);
	free(i->ifaces.v);
	free(i->not_ifaces.v);
	*i = (struct interface){ 0 };
}

void policy_free(struct policy *p)
{
	for (size_t i = 0; i < p->n_services; i++)
		service_free(&p->services[i]);
	for (size_t i = 0; i < p->n_interfaces; i++)
		interface_free(&p->interfaces[i]);
	for (size_t i = 0; i < p->n_conntrack; i++)
		free(p->conntrack[i].key);
	for (size_t i = 0; i < p->n_files; i++)
		free(p->files[i]);
	free(p->services);
	free(p->interfaces);
	free(p->conntrack);
	free(p->files);
	*p = (struct policy){ 0 };
}
