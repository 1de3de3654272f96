/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A match as words of one line, and back. One table gives the words, their order and both
 * directions. */
#include "rules/match.h"

#include <netinet/in.h>
#include <string.h>
#include "rules/word.h"

#define ITEM_MAX 64 /* longest item: an escaped interface name of 3 * 15 or an address, and NUL */

enum kind {
	KIND_FAMILY,
	KIND_ICMP,
	KIND_PROTO,
	KIND_PORTS,
	KIND_IFACES,
	KIND_ADDRS,
	KIND_DST,
	KIND_TCP,
	KIND_ANSWERS
};

struct keyword {
	const char *word;
	enum kind kind;
	unsigned value; /* of ICMP and TCP */
	size_t offset;	/* of PORTS, IFACES, ADDRS */
};

static const struct keyword keywords[] = {
	{ "family", KIND_FAMILY, 0, 0 },
	{ "error", KIND_ICMP, ICMP_IS_ERROR, 0 },
	{ "protocol", KIND_PROTO, 0, 0 },
	{ "request", KIND_ICMP, ICMP_REQUEST, 0 },
	{ "reply", KIND_ICMP, ICMP_REPLY, 0 },
	{ "sport", KIND_PORTS, 0, offsetof(struct match, sport) },
	{ "dport", KIND_PORTS, 0, offsetof(struct match, dport) },
	{ "in", KIND_IFACES, 0, offsetof(struct match, in) },
	{ "not-in", KIND_IFACES, 0, offsetof(struct match, not_in) },
	{ "out", KIND_IFACES, 0, offsetof(struct match, out) },
	{ "not-out", KIND_IFACES, 0, offsetof(struct match, not_out) },
	{ "src", KIND_ADDRS, 0, offsetof(struct match, src) },
	{ "not-src", KIND_ADDRS, 0, offsetof(struct match, not_src) },
	{ "dst", KIND_ADDRS, 0, offsetof(struct match, dst) },
	{ "not-dst", KIND_ADDRS, 0, offsetof(struct match, not_dst) },
	{ "to", KIND_DST, 0, 0 },
	{ "opening", KIND_TCP, TCP_OPENING, 0 },
	{ "continuing", KIND_TCP, TCP_CONTINUING, 0 },
	{ "answers", KIND_ANSWERS, 0, 0 },
};

static const void *field(const struct match *m, const struct keyword *k)
{
	return (const char *)m + k->offset;
}

static bool is_said(const struct match *m, const struct keyword *k)
{
	switch (k->kind) {
	case KIND_FAMILY:
		return m->families != FAMILIES_BOTH;
	case KIND_ICMP:
		return m->icmp == k->value;
	case KIND_PROTO:
		return m->proto;
	case KIND_PORTS:
		return ((const struct ports *)field(m, k))->n;
	case KIND_IFACES:
		return ((const struct ifaces *)field(m, k))->n;
	case KIND_ADDRS:
		return ((const struct addrs *)field(m, k))->n;
	case KIND_DST:
		return m->dst_kind != DST_ANY;
	case KIND_TCP:
		return m->tcp == k->value;
	case KIND_ANSWERS:
		return m->answers;
	}
	return false;
}

static const char *family_word(unsigned families)
{
	if (families == FAMILIES_V4)
		return "ipv4";
	return families == FAMILIES_V6 ? "ipv6" : "none";
}

/* Names of interfaces come from the kernel here, so they may hold a comma. */
static void escaped_ifaces_text(const struct ifaces *l, struct text *t)
{
	for (size_t i = 0; i < l->n; i++) {
		text_add(t, "%s", i ? "," : "");
		word_text(l->v[i], " ,", t);
	}
}

static void argument_text(const struct match *m, const struct keyword *k, struct text *t)
{
	const char *name;

	switch (k->kind) {
	case KIND_FAMILY:
		text_add(t, " %s", family_word(m->families));
		break;
	case KIND_PROTO:
		name = proto_name(m->proto);
		if (name)
			text_add(t, " %s", name);
		else
			text_add(t, " %u", m->proto);
		break;
	case KIND_PORTS:
		text_add(t, " ");
		ports_text(field(m, k), t);
		break;
	case KIND_IFACES:
		text_add(t, " ");
		escaped_ifaces_text(field(m, k), t);
		break;
	case KIND_ADDRS:
		text_add(t, " ");
		addrs_text(field(m, k), "", t);
		break;
	case KIND_DST:
		text_add(t, m->dst_kind == DST_LOCAL ? " local" : " other");
		break;
	case KIND_ICMP:
	case KIND_ANSWERS:
	case KIND_TCP:
		break;
	}
}

void match_text(const struct match *m, struct text *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		bool first = !t->len || t->s[t->len - 1] == ' ';

		if (!is_said(m, &keywords[i]))
			continue;
		text_add(t, "%s%s", first ? "" : " ", keywords[i].word);
		argument_text(m, &keywords[i], t);
	}
}

static bool add_port(const char *item, void *to)
{
	char lo_text[ITEM_MAX] = "";
	size_t n = strcspn(item, "-");
	unsigned long lo, hi;

	memcpy(lo_text, item, n);
	if (!parse_uint(lo_text, 0, UINT16_MAX, &lo))
		return false;
	hi = lo;
	if (item[n] && !parse_uint(item + n + 1, lo, UINT16_MAX, &hi))
		return false;
	ports_add(to, (uint16_t)lo, (uint16_t)hi);
	return true;
}

static bool add_iface(const char *item, void *to)
{
	auto_free char *name = word_parse(item, strlen(item));

	if (!name || strlen(name) >= IFNAMSIZ)
		return false;
	ifaces_add(to, name);
	return true;
}

static bool add_addr(const char *item, void *to)
{
	struct prefix p;

	if (!prefix_parse(item, &p))
		return false;
	addrs_add(to, &p);
	return true;
}

/* Calls add with every item of a comma list; false: an item is empty, too long or refused. */
static bool read_list(const char *list, bool (*add)(const char *item, void *to), void *to)
{
	for (;; list++) {
		char item[ITEM_MAX] = "";
		size_t n = strcspn(list, ",");

		if (!n || n >= sizeof item)
			return false;
		memcpy(item, list, n);
		if (!add(item, to))
			return false;
		list += n;
		if (!*list)
			return true;
	}
}

static bool read_family(const char *arg, struct match *m)
{
	if (!strcmp(arg, "ipv4"))
		m->families = FAMILIES_V4;
	else if (!strcmp(arg, "ipv6"))
		m->families = FAMILIES_V6;
	else
		return false;
	return true;
}

static bool read_dst(const char *arg, struct match *m)
{
	if (!strcmp(arg, "local"))
		m->dst_kind = DST_LOCAL;
	else if (!strcmp(arg, "other"))
		m->dst_kind = DST_NOT_LOCAL;
	else
		return false;
	return true;
}

/* The field of one family only: addresses have to be of that one. */
static bool read_addrs(const char *arg, const struct match *m, struct addrs *to)
{
	if (!read_list(arg, add_addr, to))
		return false;
	for (size_t i = 0; i < to->n; i++)
		if (m->families != 1u << to->v[i].family)
			return false;
	return true;
}

static bool read_icmp(enum icmp_kind kind, struct match *m)
{
	uint8_t proto = m->families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (m->icmp != ICMP_ANY)
		return false;
	m->icmp = kind;
	return kind == ICMP_IS_ERROR || (m->proto == proto && m->families != FAMILIES_BOTH);
}

static bool read_tcp(enum tcp_kind kind, struct match *m)
{
	if (m->tcp != TCP_ANY || m->proto != IPPROTO_TCP || m->icmp == ICMP_IS_ERROR)
		return false;
	m->tcp = kind;
	return true;
}

/* arg is NULL where the words end. */
static bool read_keyword(const struct keyword *k, const char *arg, struct match *m)
{
	void *to = (char *)m + k->offset;

	switch (k->kind) {
	case KIND_FAMILY:
		return arg && read_family(arg, m);
	case KIND_ICMP:
		return read_icmp(k->value, m);
	case KIND_PROTO:
		return arg && proto_parse(arg, &m->proto);
	case KIND_PORTS:
		return arg && read_list(arg, add_port, to);
	case KIND_IFACES:
		return arg && read_list(arg, add_iface, to);
	case KIND_ADDRS:
		return arg && read_addrs(arg, m, to);
	case KIND_DST:
		return arg && read_dst(arg, m);
	case KIND_TCP:
		return read_tcp(k->value, m);
	case KIND_ANSWERS:
		m->answers = true;
		return true;
	}
	return false;
}

static bool takes_argument(const struct keyword *k)
{
	return k->kind != KIND_ICMP && k->kind != KIND_TCP && k->kind != KIND_ANSWERS;
}

static const struct keyword *find_keyword(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
		if (!strcmp(word, keywords[i].word))
			return &keywords[i];
	return NULL;
}

int match_parse(char *const *words, struct match *out, const char **why)
{
	struct match m = { .families = FAMILIES_BOTH };
	const struct keyword *k, *last = NULL;
	int n = 0;

	while (words[n] && (k = find_keyword(words[n]))) {
		const char *arg = takes_argument(k) ? words[n + 1] : NULL;

		if ((last && k <= last) || !read_keyword(k, arg, &m)) {
			*why = arg && !(last && k <= last) ? arg : words[n];
			match_free(&m);
			return -1;
		}
		last = k;
		n += takes_argument(k) ? 2 : 1;
	}
	match_normalise(&m);
	*out = m;
	return n;
}
