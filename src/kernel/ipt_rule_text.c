/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule of ours in the words of iptables. */
#include <netinet/in.h> /* before the headers of the kernel */

#include <ctype.h>
#include <linux/netfilter/xt_u32.h>
#include <string.h>

#include "kernel/ipt_rule.h"
#include "kernel/xt_twin.h"

/* Quoted, where anything but a word would be read as more than one. */
static void word_text(const char *s, struct text *t)
{
	bool plain = *s;

	for (const char *c = s; *c; c++)
		plain = plain && (isalnum((unsigned char)*c) || strchr("._-+:", *c));
	text_add(t, plain ? " " : " \"");
	for (; *s; s++)
		text_add(t, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
	text_add(t, plain ? "" : "\"");
}

static void interface_text(const struct ifaces *l, const char *option, struct text *t)
{
	char name[IFNAMSIZ] = "";
	size_t len;

	if (!l->n)
		return;
	len = strnlen(l->v[0], IFNAMSIZ - 1);
	memcpy(name, l->v[0], len);
	if (len && name[len - 1] == '*')
		name[len - 1] = '+';
	text_add(t, " %s", option);
	word_text(name, t);
}

static void address_text(const struct addrs *l, const char *option, struct text *t)
{
	if (!l->n || !l->v[0].len)
		return;
	text_add(t, " %s ", option);
	prefix_text(&l->v[0], t);
}

/* Only names that iptables knows without /etc/protocols. */
static void protocol_text(const struct match *m, struct text *t)
{
	static const uint8_t known[] = { IPPROTO_TCP, IPPROTO_UDP,  IPPROTO_UDPLITE, IPPROTO_ICMP,
					 IPPROTO_ESP, IPPROTO_SCTP, IPPROTO_ICMPV6 };
	uint8_t proto = m->proto;

	if (m->icmp == ICMP_IS_ERROR)
		proto = m->families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	if (proto && memchr(known, proto, sizeof(known)))
		text_add(t, " -p %s", proto_name(proto));
	else if (proto)
		text_add(t, " -p %u", proto);
}

static void ports_words(const struct ports *p, const char *option, struct text *t)
{
	if (!p->n)
		return;
	text_add(t, " -m multiport %s ", option);
	for (size_t i = 0; i < p->n; i++) {
		text_add(t, "%s%u", i ? "," : "", p->v[i].lo);
		if (p->v[i].hi != p->v[i].lo)
			text_add(t, ":%u", p->v[i].hi);
	}
}

static void test_text(const struct xt_u32_test *u, struct text *t)
{
	static const char *const ops[] = { [XT_U32_AND] = "&",
					   [XT_U32_LEFTSH] = "<<",
					   [XT_U32_RIGHTSH] = ">>",
					   [XT_U32_AT] = "@" };

	for (size_t i = 0; i < u->nnums; i++)
		text_add(t, "%s0x%x", i ? ops[u->location[i].nextop] : "", u->location[i].number);
	for (size_t i = 0; i < u->nvalues; i++) {
		text_add(t, "%s0x%x", i ? "," : "=", u->value[i].min);
		if (u->value[i].max != u->value[i].min)
			text_add(t, ":0x%x", u->value[i].max);
	}
}

/* Of all that the matches are, only programs are no simple words: they are taken as they are
 * written. */
static void programs_text(const struct match *m, struct text *t)
{
	struct xt_buf *v = NULL;
	size_t n = 0;

	xt_match_write(m, &v, &n);
	for (size_t i = 0; i < n; i++) {
		struct xt_u32 u;

		if (strcmp(v[i].name, "u32") != 0)
			continue;
		memcpy(&u, v[i].data, sizeof(u));
		text_add(t, " -m u32%s --u32 \"", u.invert ? " !" : "");
		for (size_t k = 0; k < u.ntests; k++) {
			text_add(t, k ? "&&" : "");
			test_text(&u.tests[k], t);
		}
		text_add(t, "\"");
	}
	xt_bufs_free(v, n);
}

static void range_text(const struct match *m, const struct addrs *l, const char *option,
		       struct text *t)
{
	if (m->icmp == ICMP_IS_ERROR || !l->n || l->v[0].len)
		return;
	text_add(t, " -m iprange %s %s", option,
		 m->families == FAMILIES_V4 ? "0.0.0.0-255.255.255.255"
					    : "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void matches_text(const struct match *m, struct text *t)
{
	if (m->icmp == ICMP_ANY) {
		if (m->tcp != TCP_ANY)
			text_add(t, " -m tcp%s --tcp-flags FIN,SYN,RST,ACK SYN",
				 m->tcp == TCP_CONTINUING ? " !" : "");
		ports_words(&m->sport, "--sports", t);
		ports_words(&m->dport, "--dports", t);
	}
	programs_text(m, t);
	if (m->dst_kind != DST_ANY)
		text_add(t, " -m addrtype%s --dst-type LOCAL",
			 m->dst_kind == DST_NOT_LOCAL ? " !" : "");
	range_text(m, &m->src, "--src-range", t);
	range_text(m, &m->dst, "--dst-range", t);
}

void ipt_rule_text(const struct ipt_rule *r, struct text *t)
{
	const struct match *m = &r->match;
	struct text words = { 0 };

	if (m->icmp != ICMP_IS_ERROR) {
		address_text(&m->src, "-s", &words);
		address_text(&m->dst, "-d", &words);
	}
	interface_text(&m->in, "-i", &words);
	interface_text(&m->out, "-o", &words);
	protocol_text(m, &words);
	matches_text(m, &words);
	if (r->name && r->does != IPT_JUMP) {
		text_add(&words, " -m comment --comment");
		word_text(r->name, &words);
	}
	switch (r->does) {
	case IPT_NOTRACK:
		text_add(&words, " -j CT --notrack");
		break;
	case IPT_RETURN:
		text_add(&words, " -j RETURN");
		break;
	case IPT_JUMP:
		text_add(&words, " -j %s", r->name);
		break;
	}
	text_add(t, "%s", words.s + 1);
	free(words.s);
}
