/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes of the tables of iptables-legacy. */
#include "kernel/ipt_watch.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "kernel/ipt_family.h"
#include "kernel/ipt_table.h"
/* Last: their macros are names of ours above. */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

struct size {
	enum family family;
	char name[XT_TABLE_MAXNAMELEN];
	unsigned entries, bytes;
};

struct sizes {
	struct size *v;
	size_t n;
};

struct ipt_watch {
	int fd[2]; /* by family; -1: there is no such family here */
	struct sizes last;
};

struct ipt_watch *ipt_watch_open(void)
{
	struct ipt_watch *w = xcalloc(1, sizeof *w);
	struct text unused = { 0 };

	w->fd[FAMILY_V4] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	w->fd[FAMILY_V6] = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ipt_watch_look(w, &unused);
	free(unused.s);
	return w;
}

/* One that goes while we look has the size 0: the next look sees that it is not there. */
static void look_at(const struct ipt_watch *w, enum family f, const char *name, struct sizes *now)
{
	struct size *s = ARRAY_ADD(now->v, now->n);
	union {
		struct ipt_getinfo v4;
		struct ip6t_getinfo v6;
	} info = { 0 };
	socklen_t len = sizeof info;
	int rc;

	s->family = f;
	snprintf(s->name, sizeof s->name, "%s", name);
	snprintf(info.v4.name, sizeof info.v4.name, "%s", name);
	if (f == FAMILY_V4)
		rc = getsockopt(w->fd[f], SOL_IP, IPT_SO_GET_INFO, &info.v4, &len);
	else
		rc = getsockopt(w->fd[f], SOL_IPV6, IP6T_SO_GET_INFO, &info.v6, &len);
	if (rc)
		return;
	s->entries = f == FAMILY_V4 ? info.v4.num_entries : info.v6.num_entries;
	s->bytes = f == FAMILY_V4 ? info.v4.size : info.v6.size;
}

static void look(const struct ipt_watch *w, struct sizes *now)
{
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
		bool failed;
		auto_free char *names = ipt_table_names(ipt_family((enum family)f), &failed);
		char *save = NULL;

		for (char *s = names ? strtok_r(names, "\n", &save) : NULL; s;
		     s = strtok_r(NULL, "\n", &save))
			look_at(w, (enum family)f, s, now);
	}
}

static const struct size *find(const struct sizes *l, const struct size *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].family == key->family && !strcmp(l->v[i].name, key->name))
			return &l->v[i];
	return NULL;
}

static void add_name(struct text *t, const struct size *s)
{
	text_add(t, "%s%s %s", t->len ? ", " : "", ipt_family(s->family)->name, s->name);
}

bool ipt_watch_look(struct ipt_watch *w, struct text *changed)
{
	struct sizes now = { 0 };
	bool any = false;

	look(w, &now);
	for (size_t i = 0; i < now.n; i++) {
		const struct size *was = find(&w->last, &now.v[i]);

		if (was && was->entries == now.v[i].entries && was->bytes == now.v[i].bytes)
			continue;
		any = true;
		add_name(changed, &now.v[i]);
	}
	for (size_t i = 0; i < w->last.n; i++) {
		if (find(&now, &w->last.v[i]))
			continue;
		any = true;
		add_name(changed, &w->last.v[i]);
	}
	free(w->last.v);
	w->last = now;
	return any;
}

bool ipt_watch_has_tables(const struct ipt_watch *w)
{
	return w->last.n;
}

void ipt_watch_close(struct ipt_watch *w)
{
	if (!w)
		return;
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
		if (w->fd[f] >= 0)
			close(w->fd[f]);
	free(w->last.v);
	free(w);
}
