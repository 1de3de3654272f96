/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets as lines, and back. */
#include "rules/flow.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#define WORDS_MAX 24 /* the longest flow has 16 */

struct word {
	const char *s;
	unsigned col; /* from 0 */
};

struct reader {
	struct word words[WORDS_MAX + 1]; /* the last one is where the text ends: s is NULL */
	size_t i;
	const struct origin *at;
	struct diag *d;
	bool has_type, has_stage;
};

enum { V4_ECHO = 8, V4_ECHO_REPLY = 0, V6_ECHO = 128, V6_ECHO_REPLY = 129 };

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static bool has_kind(const struct flow *f, enum icmp_kind k)
{
	const uint8_t *types;
	size_t n = icmp_kind_types(k, f->family, &types);

	return n && memchr(types, f->icmp_type, n);
}

/* ---- from text ---------------------------------------------------------------------------------
 */

/* About word i. */
static int fault(struct reader *r, size_t i, const char *why, const char *cure)
{
	struct origin at = *r->at;
	const struct word *w = &r->words[i];

	at.line = at.line ? at.line : 1;
	at.col = (at.col ? at.col : 1) + w->col;
	diag_error(r->d, &at, "flow", 0, "%s%s%s%s", why, w->s ? " '" : "", w->s ? w->s : "",
		   w->s ? "'" : ": the flow ends here");
	diag_cure(r->d, "%s", cure);
	return -1;
}

static bool next_is(const struct reader *r, const char *word)
{
	const char *s = r->words[r->i].s;

	return s && !strcmp(s, word);
}

static bool take(struct reader *r, const char *word)
{
	bool is = next_is(r, word);

	r->i += is;
	return is;
}

/* Splits s in place. */
static int split(struct reader *r, char *s)
{
	size_t n = 0;

	for (char *p = s;; n++) {
		p += strspn(p, " \t");
		r->words[n] = (struct word){ *p ? p : NULL, (unsigned)(p - s) };
		if (!*p)
			return 0;
		if (n == WORDS_MAX)
			return fault(r, n, "too many words, from", "one flow is one line");
		p += strcspn(p, " \t");
		if (*p)
			*p++ = '\0';
	}
}

static int read_proto(struct reader *r, struct flow *f)
{
	static const char form[] = "begin with a protocol: tcp 198.51.100.7:51000 -> "
				   "192.0.2.10:443 in eth0";
	const char *next = r->words[0].s ? r->words[1].s : NULL;

	if (next && !strcmp(next, "error") && (next_is(r, "icmp") || next_is(r, "icmpv6"))) {
		r->i = 2;
		f->error = true;
		if (!take(r, "about"))
			return fault(r, r->i, "'about' is missing before",
				     "icmp error about tcp 192.0.2.10:443 -> 198.51.100.7:51000 in "
				     "eth0");
	}
	if (!r->words[r->i].s || !proto_parse(r->words[r->i].s, &f->proto))
		return fault(r, r->i, "no protocol", form);
	r->i++;
	return 0;
}

/* "192.0.2.10", "192.0.2.10:443", "2001:db8::1", "[2001:db8::1]:443" */
static bool parse_end(const char *s, enum family *family, uint8_t addr[16], bool *has_port,
		      uint16_t *port)
{
	const char *close = *s == '[' ? strchr(s, ']') : NULL, *colon = strrchr(s, ':');
	char text[INET6_ADDRSTRLEN];
	unsigned long number = 0;
	size_t len = strlen(s);

	if (*s == '[' && (!close || close[1] != ':'))
		return false;
	if (close)
		colon = close + 1;
	else if (colon && strchr(s, ':') != colon) /* several: an address of IPv6 without a port */
		colon = NULL;
	*has_port = colon != NULL;
	if (colon && !parse_uint(colon + 1, 0, 65535, &number))
		return false;
	if (close)
		len = (size_t)(close - ++s);
	else if (colon)
		len = (size_t)(colon - s);
	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	*family = strchr(text, ':') ? FAMILY_V6 : FAMILY_V4;
	if (close && *family == FAMILY_V4)
		return false;
	*port = (uint16_t)number;
	return inet_pton(*family == FAMILY_V4 ? AF_INET : AF_INET6, text, addr) == 1;
}

static int read_end(struct reader *r, struct flow *f, bool dst, bool *has_port)
{
	static const char form[] =
		"an end is 192.0.2.10:443 or [2001:db8::1]:443, or of a protocol "
		"without ports 192.0.2.10 or 2001:db8::1";
	const char *word = r->words[r->i].s;
	enum family family;

	if (!word ||
	    !parse_end(word, &family, dst ? f->dst : f->src, has_port, dst ? &f->dport : &f->sport))
		return fault(r, r->i, "no address", form);
	if (dst && family != f->family)
		return fault(r, r->i, "not of the source's family", form);
	if (*has_port && !proto_has_ports(f->proto))
		return fault(r, r->i, "the protocol has no ports", "write the address alone");
	f->family = family;
	r->i++;
	return 0;
}

static int read_ends(struct reader *r, struct flow *f)
{
	size_t first = r->i;
	bool src, dst;

	if (read_end(r, f, false, &src))
		return -1;
	if (!take(r, "->"))
		return fault(r, r->i, "'->' is missing before", "SOURCE -> DESTINATION");
	if (read_end(r, f, true, &dst))
		return -1;
	f->fragment = !f->error && take(r, "fragment");
	if (f->fragment && (src || dst))
		return fault(
			r, src ? first : first + 2, "a fragment after the first has no port",
			"write the addresses alone; of the first fragment write no 'fragment'");
	if (proto_has_ports(f->proto) && !f->fragment && !(src && dst))
		return fault(r, src ? first + 2 : first, "no port",
			     "write ADDRESS:PORT, for IPv6 [ADDRESS]:PORT");
	if (is_icmp(f->proto) && (f->proto == IPPROTO_ICMP) != (f->family == FAMILY_V4))
		return fault(r, first, "not the family of this protocol",
			     "icmp goes with IPv4 addresses, icmpv6 with IPv6 addresses");
	return 0;
}

static int read_type(struct reader *r, struct flow *f)
{
	bool v4 = f->family == FAMILY_V4;
	size_t at = r->i;
	unsigned long number;

	if (take(r, "echo-request")) {
		f->icmp_type = v4 ? V4_ECHO : V6_ECHO;
	} else if (take(r, "echo-reply")) {
		f->icmp_type = v4 ? V4_ECHO_REPLY : V6_ECHO_REPLY;
	} else {
		r->i++;
		if (!r->words[r->i].s || !parse_uint(r->words[r->i].s, 0, 255, &number))
			return fault(r, r->i, "no ICMP type", "a number from 0 to 255");
		r->i++;
		f->icmp_type = (uint8_t)number;
	}
	if (!is_icmp(f->proto) || f->fragment || r->has_type)
		return fault(r, at, "not here", "one type, of a packet of icmp or icmpv6");
	if (has_kind(f, ICMP_IS_ERROR))
		return fault(r, at, "the type of an ICMP error",
			     "write 'icmp error about' and the packet that it quotes");
	r->has_type = true;
	return 0;
}

static int read_stage(struct reader *r, struct flow *f)
{
	size_t at = r->i;

	if (take(r, "opening"))
		f->stage = FLOW_OPENING;
	else if (take(r, "continuing"))
		f->stage = FLOW_CONTINUING;
	else if (take(r, "stray"))
		f->stage = FLOW_STRAY;
	if (f->error || is_icmp(f->proto) || r->has_stage)
		return fault(r, at, "not here", "ICMP tells by its type, others say it once");
	if (f->stage == FLOW_STRAY && f->proto != IPPROTO_TCP)
		return fault(r, at, "not here", "only TCP has stray packets");
	r->has_stage = true;
	return 0;
}

static bool is_interface(const char *s)
{
	size_t len = s ? strlen(s) : 0;

	if (!len || len >= IFNAMSIZ || !strcmp(s, ".") || !strcmp(s, "..") || s[len - 1] == '*')
		return false;
	for (; *s; s++)
		if (*s == '/' || *s == ':' || iscntrl((unsigned char)*s) ||
		    isspace((unsigned char)*s))
			return false;
	return true;
}

static int read_interface(struct reader *r, struct flow *f)
{
	bool in = next_is(r, "in");
	char *name = in ? f->in : f->out;
	const char *word = r->words[r->i + 1].s;

	if (*name)
		return fault(r, r->i, "twice", "a packet comes in once and goes out once");
	if (!is_interface(word))
		return fault(r, r->i + 1, "no name of an interface",
			     "in eth0, out eth0, in eth0 out eth1 (forwarded), in lo (loopback)");
	memcpy(name, word, strlen(word) + 1);
	r->i += 2;
	return 0;
}

static int read_rest(struct reader *r, struct flow *f)
{
	while (r->words[r->i].s) {
		int rc;

		if (next_is(r, "in") || next_is(r, "out")) {
			rc = read_interface(r, f);
		} else if (next_is(r, "echo-request") || next_is(r, "echo-reply") ||
			   next_is(r, "type")) {
			rc = read_type(r, f);
		} else if (next_is(r, "opening") || next_is(r, "continuing") ||
			   next_is(r, "stray")) {
			rc = read_stage(r, f);
		} else if (f->error && next_is(r, "with") && r->words[r->i + 1].s &&
			   !strcmp(r->words[r->i + 1].s, "options") && !f->options) {
			f->options = true;
			r->i += 2;
			rc = 0;
		} else {
			rc = fault(r, r->i, "not understood:",
				   "after the ends come words like 'continuing' and the "
				   "interfaces: in eth0, out eth0");
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int finish(struct reader *r, struct flow *f)
{
	bool in = !strcmp(f->in, "lo"), out = !strcmp(f->out, "lo");

	if (!*f->in && !*f->out)
		return fault(r, r->i, "no interface",
			     "in eth0, out eth0, in eth0 out eth1 (forwarded), in lo (loopback)");
	if (*f->in && *f->out && in != out)
		return fault(r, r->i, "nothing is forwarded through lo", "in lo, for loopback");
	f->way = in || out  ? FLOW_LOOPBACK
		 : !*f->out ? FLOW_IN
		 : !*f->in  ? FLOW_OUT
			    : FLOW_FORWARDED;
	if (f->way == FLOW_LOOPBACK) {
		memcpy(f->in, "lo", sizeof("lo"));
		memcpy(f->out, "lo", sizeof("lo"));
	}
	if (is_icmp(f->proto) && !f->fragment) {
		if (!r->has_type)
			f->icmp_type = f->family == FAMILY_V4 ? V4_ECHO : V6_ECHO;
		f->stage = has_kind(f, ICMP_REPLY) && !f->error ? FLOW_CONTINUING : FLOW_OPENING;
	}
	return 0;
}

int flow_parse(struct flow *f, const char *text, const struct origin *at, struct diag *d)
{
	auto_free char *copy = xstrdup(text);
	struct reader r = { .at = at, .d = d };
	struct flow made = { 0 };

	if (split(&r, copy) || read_proto(&r, &made) || read_ends(&r, &made) ||
	    read_rest(&r, &made) || finish(&r, &made))
		return -1;
	*f = made;
	return 0;
}

/* ---- to text -----------------------------------------------------------------------------------
 */

static void end_text(const struct flow *f, const uint8_t *addr, uint16_t port, struct text *t)
{
	bool v6 = f->family == FAMILY_V6, ports = proto_has_ports(f->proto) && !f->fragment;
	char s[INET6_ADDRSTRLEN];

	inet_ntop(v6 ? AF_INET6 : AF_INET, addr, s, sizeof(s));
	text_add(t, v6 && ports ? " [%s]" : " %s", s);
	if (ports)
		text_add(t, ":%u", port);
}

static void type_text(const struct flow *f, struct text *t)
{
	bool v4 = f->family == FAMILY_V4;

	if (f->icmp_type == (v4 ? V4_ECHO : V6_ECHO))
		text_add(t, " echo-request");
	else if (f->icmp_type == (v4 ? V4_ECHO_REPLY : V6_ECHO_REPLY))
		text_add(t, " echo-reply");
	else
		text_add(t, " type %u", f->icmp_type);
}

static const char *stage_word(enum flow_stage s)
{
	switch (s) {
	case FLOW_OPENING:
		break;
	case FLOW_CONTINUING:
		return " continuing";
	case FLOW_STRAY:
		return " stray";
	}
	return "";
}

void flow_text(const struct flow *f, struct text *t)
{
	const char *name = proto_name(f->proto);

	if (f->error)
		text_add(t, "%s error about ", f->family == FAMILY_V4 ? "icmp" : "icmpv6");
	if (name)
		text_add(t, "%s", name);
	else
		text_add(t, "%u", f->proto);
	end_text(f, f->src, f->sport, t);
	text_add(t, " ->");
	end_text(f, f->dst, f->dport, t);
	if (f->fragment)
		text_add(t, " fragment");
	if (is_icmp(f->proto) && !f->fragment)
		type_text(f, t);
	else
		text_add(t, "%s", stage_word(f->stage));
	if (f->options)
		text_add(t, " with options");
	if (f->way != FLOW_OUT)
		text_add(t, " in %s", f->in);
	if (f->way == FLOW_OUT || f->way == FLOW_FORWARDED)
		text_add(t, " out %s", f->out);
}

const char *flow_way_name(enum flow_way w)
{
	switch (w) {
	case FLOW_IN:
		return "in";
	case FLOW_OUT:
		return "out";
	case FLOW_FORWARDED:
		return "forwarded";
	case FLOW_LOOPBACK:
		break;
	}
	return "loopback";
}
