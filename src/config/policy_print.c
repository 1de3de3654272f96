/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The canonical INI of a policy: every setting written out, defaults too, lists in normal form. */
#include <stdlib.h>
#include <string.h>
#include "config/section.h"
#include "util.h"

#define WRAP 90 /* columns; inih splits lines of more than 198 bytes */

/* "key = a, b, c", continued on indented lines. items are joined by commas. Empty: nothing. */
static void print_list(FILE *out, const char *key, const char *items)
{
	size_t col;

	if (!items || !*items)
		return;
	col = (size_t)fprintf(out, "%s =", key);
	for (const char *s = items; *s;) {
		size_t len = strcspn(s, ",");

		if (col + len > WRAP) {
			fputs("\n\t", out);
			col = 8;
		} else {
			fputc(' ', out);
			col++;
		}
		fprintf(out, "%.*s%s", (int)len, s, s[len] ? "," : "");
		col += len + 1;
		s += len + (s[len] == ',');
	}
	fputc('\n', out);
}

static void print_text(FILE *out, const char *key, struct text *t)
{
	print_list(out, key, t->s);
	free(t->s);
	*t = (struct text){ 0 };
}

static void print_protos(FILE *out, const struct protos *protos)
{
	struct text t = { 0 };

	for (size_t i = 0; i < protos->n; i++) {
		const char *name = proto_name(protos->v[i]);

		if (name)
			text_add(&t, "%s%s", i ? "," : "", name);
		else
			text_add(&t, "%s%u", i ? "," : "", protos->v[i]);
	}
	print_text(out, "protocol", &t);
}

static void print_ifaces(FILE *out, const char *key, const struct ifaces *with,
			 const struct ifaces *without)
{
	struct text t = { 0 };

	ifaces_text(with, "", &t);
	if (with->n && without->n)
		text_add(&t, ",");
	ifaces_text(without, "!", &t);
	print_text(out, key, &t);
}

static void print_addrs(FILE *out, const char *key, const struct addrs *with,
			const struct addrs *without)
{
	struct text t = { 0 };

	addrs_text(with, "", &t);
	if (with->n && without->n)
		text_add(&t, ",");
	addrs_text(without, "!", &t);
	print_text(out, key, &t);
}

static void print_service(FILE *out, const struct service *s)
{
	struct text t = { 0 };

	fprintf(out, "\n[service %s]\n", s->name);
	if (s->description)
		fprintf(out, "description = %s\n", s->description);
	print_protos(out, &s->protos);
	ports_text(&s->ports, &t);
	print_text(out, "port", &t);
	fprintf(out, "role = %s\n", role_name(s->role));
	print_ifaces(out, "interface", &s->ifaces, &s->not_ifaces);
	print_addrs(out, "local", &s->local, &s->not_local);
	print_addrs(out, "remote", &s->remote, &s->not_remote);
	fprintf(out, "accept = %s\n", accept_name(s->accept));
	if (s->upstream_timeout)
		fprintf(out, "upstream-timeout = %us\n", s->upstream_timeout);
	if (s->keepalive)
		fprintf(out, "keepalive = %us\n", s->keepalive);
}

static void print_interface(FILE *out, const struct interface *i)
{
	fprintf(out, "\n[interface %s]\n", i->name);
	if (i->description)
		fprintf(out, "description = %s\n", i->description);
	print_ifaces(out, "name", &i->ifaces, &i->not_ifaces);
	fprintf(out, "accept = %s\n", accept_name(i->accept));
}

static void print_conntrack(FILE *out, const struct policy *p)
{
	if (p->n_conntrack)
		fputs("\n[conntrack]\n", out);
	for (size_t i = 0; i < p->n_conntrack; i++) {
		const struct ct_setting *s = &p->conntrack[i];

		fprintf(out, "%s = %lu%s\n", s->key, s->value,
			strncmp(s->key, "timeout-", 8) ? "" : "s");
	}
}

static void print_general(FILE *out, const struct policy *p)
{
	fprintf(out, "[untrack]\nbackend = %s\n", backend_choice_name(p->backend));
	fprintf(out, "family = %s\n",
		p->families == FAMILIES_V4   ? "ipv4"
		: p->families == FAMILIES_V6 ? "ipv6"
					     : "ipv4, ipv6");
	fprintf(out, "accept = %s\ndrain = %s\non-nat = %s\n", accept_name(p->accept),
		p->drain ? "yes" : "no", on_nat_name(p->on_nat));
	fprintf(out, "\n[loopback]\nnotrack = %s\n", p->loopback ? "yes" : "no");
}

void policy_print(const struct policy *p, FILE *out)
{
	print_general(out, p);
	for (size_t i = 0; i < p->n_services; i++)
		print_service(out, &p->services[i]);
	for (size_t i = 0; i < p->n_interfaces; i++)
		print_interface(out, &p->interfaces[i]);
	print_conntrack(out, p);
}

char *policy_string(const struct policy *p)
{
	char *s = NULL;
	size_t len;
	FILE *f = xmemstream(&s, &len);

	policy_print(p, f);
	fclose(f);
	return s;
}
