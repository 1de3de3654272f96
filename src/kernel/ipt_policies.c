/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counts of policies, added through the kernel's own interface: libiptc can only set them, and
 * would lose what is counted meanwhile. */
#include "kernel/ipt_policies.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/ipt_entry.h"
#include "kernel/ipt_header.h"

#define TRIES 3

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       offsetof(struct ipt_get_entries, entrytable) ==
			       offsetof(struct ip6t_get_entries, entrytable) &&
		       IPT_SO_GET_INFO == IP6T_SO_GET_INFO &&
		       IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES &&
		       IPT_SO_SET_ADD_COUNTERS == IP6T_SO_SET_ADD_COUNTERS,
	       "alike");
_Static_assert(IPT_POLICIES == NF_INET_NUMHOOKS, "one for each hook");

static int level_of(const struct ipt_family *f)
{
	return f->family == FAMILY_V4 ? IPPROTO_IP : IPPROTO_IPV6;
}

void ipt_policies_read(struct ipt_policies *p, const struct ipt_family *f, struct xtc_handle *h)
{
	static const char *const names[IPT_POLICIES] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
							 "POSTROUTING" };

	*p = (struct ipt_policies){ 0 };
	for (size_t i = 0; i < IPT_POLICIES; i++)
		if (f->ops->builtin(names[i], h))
			f->ops->get_policy(names[i], &p->v[i], h);
}

/* The number of the entry that begins at this offset; n: none does. */
static size_t number_of(enum family f, const uint8_t *entries, size_t len, unsigned offset,
			size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n && at + ipt_header_size(f) <= len; i++) {
		size_t size = ipt_entry_size(f, entries + at);

		if (at == offset)
			return i;
		if (!size || size > len - at)
			return n;
		at += size;
	}
	return n;
}

#ifdef LIBIPTC_KEEPS_POLICIES
#define KEEPS true
#else
#define KEEPS false
#endif

struct policy_now {    /* after the commit */
	size_t number; /* of its entry */
	uint64_t packets, bytes;
};

/* A commit of libiptc 1.8.9 leaves what has been counted since the table was read, one of 1.8.11
 * all of it. What is less than before tells, and what is about as much; where it is a multiple of
 * before, the library is taken for the one that this was built with. */
static bool are_lost(const struct ipt_policies *p, const struct policy_now *now)
{
	bool kept = false;

	for (size_t i = 0; i < IPT_POLICIES; i++) {
		const uint64_t before = p->v[i].pcnt;

		if (now[i].packets < before || now[i].bytes < p->v[i].bcnt)
			return true;
		kept = kept || (before && now[i].packets - before <= before / 16);
	}
	return !kept && !KEEPS;
}

/* Adds those that are lost to counts. */
static void find_lost(const struct ipt_policies *p, const struct ipt_family *f,
		      const struct ipt_getinfo *info, const uint8_t *entries,
		      struct xt_counters_info *counts)
{
	struct policy_now now[IPT_POLICIES] = { 0 };

	for (size_t i = 0; i < IPT_POLICIES; i++) {
		now[i].number = info->num_entries;
		if (info->valid_hooks & 1u << i)
			now[i].number = number_of(f->family, entries, info->size,
						  info->underflow[i], info->num_entries);
		if (now[i].number < info->num_entries)
			ipt_header_read_counters(f->family, entries + info->underflow[i],
						 &now[i].packets, &now[i].bytes);
	}
	if (!are_lost(p, now))
		return;
	for (size_t i = 0; i < IPT_POLICIES; i++)
		if (now[i].number < info->num_entries)
			counts->counters[now[i].number] = p->v[i];
}

static int add_once(const struct ipt_policies *p, const struct ipt_family *f, const char *table,
		    int fd)
{
	struct ipt_getinfo info = { 0 };
	socklen_t len = sizeof(info);
	auto_free struct ipt_get_entries *get = NULL;
	auto_free struct xt_counters_info *counts = NULL;
	size_t add_len;

	memcpy(info.name, table, strnlen(table, sizeof(info.name) - 1));
	if (getsockopt(fd, level_of(f), IPT_SO_GET_INFO, &info, &len))
		return -1;
	len = (socklen_t)(sizeof(*get) + info.size);
	get = xcalloc(1, len);
	memcpy(get->name, info.name, sizeof(get->name));
	get->size = info.size;
	if (getsockopt(fd, level_of(f), IPT_SO_GET_ENTRIES, get, &len))
		return -1;
	add_len = sizeof(*counts) + info.num_entries * sizeof(counts->counters[0]);
	counts = xcalloc(1, add_len);
	memcpy(counts->name, info.name, sizeof(counts->name));
	counts->num_counters = info.num_entries;
	find_lost(p, f, &info, (const uint8_t *)get->entrytable, counts);
	return setsockopt(fd, level_of(f), IPT_SO_SET_ADD_COUNTERS, counts, (socklen_t)add_len);
}

static int add(const struct ipt_policies *p, const struct ipt_family *f, const char *table)
{
	auto_close int fd = -1;
	bool any = false;
	int rc = -1;

	for (size_t i = 0; i < IPT_POLICIES; i++)
		any = any || p->v[i].pcnt || p->v[i].bcnt;
	if (!any)
		return 0;
	fd = socket(f->family == FAMILY_V4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
		    IPPROTO_RAW);
	if (fd < 0)
		return -1;
	for (int i = 0; i < TRIES && rc; i++) /* somebody may change the table meanwhile */
		rc = add_once(p, f, table, fd);
	return rc;
}

void ipt_policies_restore(const struct ipt_policies *p, const struct ipt_family *f,
			  const char *table, struct diag *d)
{
	if (add(p, f, table))
		diag_warn(d, NULL, "iptables-legacy",
			  "the counts of the policies of the iptables-legacy table %s %s begin "
			  "anew: %s",
			  f->name, table, strerror(errno));
}
