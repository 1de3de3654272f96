/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of iptables-legacy: twins there and back, what a header means, and nothing read too far.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "kernel/ipt_header.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

/* "eth0" of the words into a match; the words are those of untrack's own rules. */
static struct match match_of(const char *words)
{
	auto_free char *copy = xstrdup(words);
	char *v[32] = { NULL }, *save = NULL;
	const char *why = NULL;
	size_t n = 0;
	struct match m;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		v[n++] = w;
	if (match_parse(v, &m, &why) != (int)n)
		fail_msg("not a match: %s (%s)", words, why ? why : "");
	match_normalise(&m);
	return m;
}

static char *ext(const char *name, uint8_t revision, bool target, const void *data, size_t len)
{
	struct xt_ext x = { name, revision, target, data, len };

	return xt_body(&x);
}

/* libiptc and the kernel give back verdicts and jumps without a name, and rubbish behind names. */
static void settle(struct ipt_written *w, enum family f, char *label, size_t size)
{
	uint8_t *bytes = w->entry;
	size_t at = ipt_header_size(f), n;
	struct xt_entry_match m;

	snprintf(label, size, "%s", w->target);
	while (at < w->len) {
		memcpy(&m, bytes + at, sizeof(m));
		if (bytes + at + offsetof(struct xt_entry_match, u.user.name) ==
			    (const uint8_t *)w->target &&
		    w->kind != IPT_EXTENSION)
			memset(m.u.user.name, 0, sizeof(m.u.user.name));
		n = strlen(m.u.user.name) + 1;
		memset(m.u.user.name + n, 0x5a, sizeof(m.u.user.name) - n);
		memcpy(bytes + at, &m, sizeof(m));
		at += m.u.match_size;
	}
	assert_int_equal(at, w->len);
}

static void free_twin(struct twin *w)
{
	free(w->names);
	free(w->body);
	match_free(&w->match);
}

static struct ipt_written write_twin(const char *match, const char *body)
{
	struct twin w = { .form = FORM_LEGACY, .names = (char *)"web,api", .body = (char *)body };
	struct ipt_written out;
	const char *why = NULL;

	w.match = match_of(match);
	if (!ipt_entry_write(&w, &out, &why))
		fail_msg("%s :: %s: %s", match, body, why);
	match_free(&w.match);
	return out;
}

static enum family family_of(const char *match)
{
	return strstr(match, "ipv4") ? FAMILY_V4 : FAMILY_V6;
}

static void there_and_back(const char *match, const char *body)
{
	struct ipt_written w = write_twin(match, body);
	enum family f = family_of(match);
	struct match m = match_of(match);
	struct ipt_entry_parts p;
	struct twin got = { 0 };
	char label[64];

	settle(&w, f, label, sizeof(label));
	assert_int_equal(ipt_entry_size(f, w.entry), w.len);
	assert_true(ipt_entry_read(f, w.entry, w.len, label, &p));
	if (!ipt_entry_twin(&p, &got))
		fail_msg("not a twin: %s :: %s", match, body);
	assert_int_equal(match_compare(&m, &got.match), 0);
	assert_string_equal(got.body, body);
	assert_string_equal(got.names, "web,api");
	free_twin(&got);
	match_free(&m);
	free(p.matches);
	free(w.entry);
}

static const char *const matches[] = {
	"family ipv4 protocol tcp dport 80",
	"family ipv4 protocol tcp sport 80,443,8000-8010 in eth0 out wg* continuing",
	"family ipv4 protocol tcp dport 80 not-in eth* opening",
	"family ipv4 protocol udp dport 53 not-out eth0",
	"family ipv4 protocol gre",
	"family ipv4 protocol icmp",
	"family ipv4 error protocol tcp sport 80",
	"family ipv4 protocol tcp dport 80 src 192.0.2.0/24 to local",
	"family ipv6 protocol tcp dport 80",
	"family ipv6 protocol tcp sport 80,443,8000-8010 in eth0 out wg* continuing",
	"family ipv6 protocol udp dport 53 not-out eth0",
	"family ipv6 error protocol udp dport 53",
	"family ipv6 protocol icmpv6",
};

static void twins(void **state)
{
	static const uint8_t data[24] = { 1, 2, 3 };
	char *match = ext("hashlimit", 3, false, data, sizeof(data));
	char *target = ext("LOG", 0, true, data, sizeof(data));
	char *empty = ext("TRACE", 0, true, NULL, 0);
	const char *const bodies[] = {
		"verdict:accept",
		"verdict:drop",
		"verdict:return",
		"verdict:queue",
		"verdict:jump:web-in",
		"verdict:goto:a%20b%25c",
		match,
		target,
		empty,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++) {
		bool v4 = family_of(matches[i]) == FAMILY_V4;

		for (size_t k = 0; k < ARRAY_SIZE(bodies); k++) {
			auto_free char *one = xasprintf("%s %s", match, bodies[k]);
			auto_free char *two = xasprintf(
				"saddr:%s daddr:!%s %s %s", v4 ? "10.0.0.0/8" : "2001:db8::/32",
				v4 ? "192.0.2.1" : "2001:db8::1", match, bodies[k]);

			there_and_back(matches[i], bodies[k]);
			there_and_back(matches[i], one);
			there_and_back(matches[i], two);
		}
	}
	free(match);
	free(target);
	free(empty);
}

/* FACTS B2, B3: the flag without which an IPv6 rule is dead, and the masks of names. */
static void header_bytes(void **state)
{
	struct ipt_written w =
		write_twin("family ipv6 protocol tcp dport 80 in eth* out lo", "verdict:goto:x");
	struct ip6t_entry e;

	(void)state;
	memcpy(&e, w.entry, sizeof(e));
	assert_int_equal(e.ipv6.proto, 6);
	assert_int_equal(e.ipv6.flags, IP6T_F_PROTO | IP6T_F_GOTO);
	assert_string_equal(e.ipv6.iniface, "eth+");
	assert_memory_equal(e.ipv6.iniface_mask, "\xff\xff\xff\0\0", 5);
	assert_string_equal(e.ipv6.outiface, "lo");
	assert_memory_equal(e.ipv6.outiface_mask, "\xff\xff\xff\0\0", 5);
	assert_int_equal(XT_ALIGN(e.target_offset), e.target_offset);
	assert_int_equal(XT_ALIGN(e.next_offset), e.next_offset);
	free(w.entry);
}

static void refused(void **state)
{
	static const char *const cases[][3] = {
		{ "family ipv4 protocol tcp", "", "nothing that it does" },
		{ "family ipv4 protocol tcp", "saddr:10.0.0.0/8", "nothing that it does" },
		{ "family ipv4 protocol tcp", "accept", "a word that is not one of iptables" },
		{ "family ipv4 protocol tcp", "counter: verdict:accept",
		  "a word that is not one of iptables" },
		{ "family ipv4 protocol tcp", "verdict:continue", "not a verdict of iptables" },
		{ "family ipv4 protocol tcp", "verdict:jump:", "not a verdict of iptables" },
		{ "family ipv4 protocol tcp", "verdict:jump:a%0", "not a verdict of iptables" },
		{ "family ipv4 protocol tcp", "verdict:jump:a234567890123456789012345678", NULL },
		{ "family ipv4 protocol tcp", "verdict:jump:a2345678901234567890123456789",
		  "a name that is too long" },
		{ "family ipv4 protocol tcp", "verdict:accept verdict:drop",
		  "something after its target" },
		{ "family ipv4 protocol tcp", "match:0 verdict:drop",
		  "not an extension of iptables" },
		{ "family ipv4 protocol tcp", "match: verdict:drop",
		  "not an extension of iptables" },
		{ "family ipv4 protocol tcp", "saddr:10.0.0.0/8 saddr:10.0.0.0/8 verdict:drop",
		  "an address that no header can hold" },
		{ "family ipv4 protocol tcp", "saddr:2001:db8::/32 verdict:drop",
		  "an address that no header can hold" },
		{ "protocol tcp", "verdict:drop", "no single rule can match this" },
		{ "family ipv4 protocol tcp in eth0,eth1", "verdict:drop",
		  "no single rule can match this" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct twin w = { .names = (char *)"x", .body = (char *)cases[i][1] };
		struct ipt_written out = { 0 };
		const char *why = NULL;
		bool good;

		w.match = match_of(cases[i][0]);
		good = ipt_entry_write(&w, &out, &why);
		if (cases[i][2] && good)
			fail_msg("written: %s", cases[i][1]);
		if (cases[i][2])
			assert_string_equal(why, cases[i][2]);
		else
			assert_true(good);
		free(out.entry);
		match_free(&w.match);
	}
}

static void too_large(void **state)
{
	auto_free uint8_t *data = xcalloc(1, 33000);
	auto_free char *big = ext("bpf", 1, false, data, 33000);
	auto_free char *body = xasprintf("%s %s verdict:drop", big, big);
	struct twin w = { .names = (char *)"x", .body = body };
	struct ipt_written out;
	const char *why = NULL;

	(void)state;
	w.match = match_of("family ipv4 protocol tcp");
	assert_false(ipt_entry_write(&w, &out, &why));
	assert_string_equal(why, "more than one rule can hold");
	match_free(&w.match);
}

/* ---- what is no twin --------------------------------------------------------------------------
 */

static bool reads_as_twin(enum family f, const void *entry, size_t len, const char *label)
{
	struct ipt_entry_parts p;
	struct twin w = { 0 };
	bool is;

	assert_true(ipt_entry_read(f, entry, len, label, &p));
	is = ipt_entry_twin(&p, &w);
	free(p.matches);
	free_twin(&w);
	return is;
}

static void no_twins(void **state)
{
	struct ipt_written w4 = write_twin("family ipv4 protocol tcp dport 80", "verdict:accept");
	struct ipt_written w6 = write_twin("family ipv6 protocol tcp dport 80", "verdict:accept");
	struct ip6t_entry *e6 = w6.entry;
	struct ipt_entry *e = w4.entry;
	char label[64];

	(void)state;
	settle(&w4, FAMILY_V4, label, sizeof(label));
	settle(&w6, FAMILY_V6, label, sizeof(label));
	assert_true(reads_as_twin(FAMILY_V4, e, w4.len, label));
	assert_true(reads_as_twin(FAMILY_V6, e6, w6.len, label));
	assert_false(reads_as_twin(FAMILY_V4, e, w4.len, "")); /* does nothing */
	e6->ipv6.flags = 0;				       /* dead */
	assert_false(reads_as_twin(FAMILY_V6, e6, w6.len, label));
	e->ip.flags = IPT_F_FRAG;
	assert_false(reads_as_twin(FAMILY_V4, e, w4.len, label));
	e->ip.flags = 0;
	for (unsigned inv = 1; inv < 128; inv *= 2) {
		e->ip.invflags = (uint8_t)inv;
		assert_false(reads_as_twin(FAMILY_V4, e, w4.len, label));
	}
	e->ip.invflags = 0;
	e->ip.smsk.s_addr = 0x00ff00ff;
	assert_false(reads_as_twin(FAMILY_V4, e, w4.len, label));
	e->ip.smsk.s_addr = 0;
	memset(e->ip.iniface_mask, 0xff, 2); /* a mask without a name */
	assert_false(reads_as_twin(FAMILY_V4, e, w4.len, label));
	memcpy(e->ip.iniface, "e\0x", 3);
	assert_true(reads_as_twin(FAMILY_V4, e, w4.len, label));
	e->ip.iniface_mask[2] = 0xff;
	assert_false(reads_as_twin(FAMILY_V4, e, w4.len, label));
	e->ip.iniface_mask[2] = 0x0f;
	assert_false(reads_as_twin(FAMILY_V4, e, w4.len, label));
	free(w4.entry);
	free(w6.entry);
}

/* Every beginning of an entry, in memory of exactly its size. */
static void cut_off(void **state)
{
	struct ipt_written w = write_twin("family ipv4 protocol tcp dport 80", "verdict:accept");

	(void)state;
	for (size_t len = 0; len < w.len; len++) {
		auto_free uint8_t *copy = xmemdup(w.entry, len);
		struct ipt_entry_parts p;
		uint16_t end = (uint16_t)len;

		assert_false(ipt_entry_read(FAMILY_V4, copy, len, "", &p));
		if (len >= sizeof(struct ipt_entry)) {
			memcpy(copy + offsetof(struct ipt_entry, next_offset), &end, sizeof(end));
			assert_false(ipt_entry_read(FAMILY_V4, copy, len, "", &p));
		}
	}
	free(w.entry);
}

/* A target of a size that the kernel refuses: it would be written with other bytes. */
static void not_aligned(void **state)
{
	struct ipt_written w = write_twin("family ipv4 protocol tcp dport 80", "verdict:accept");
	struct ipt_entry *e = w.entry;
	struct xt_entry_target *t = (void *)((char *)w.entry + e->target_offset);
	struct ipt_entry_parts p;

	(void)state;
	e->next_offset--;
	t->u.target_size--;
	assert_false(ipt_entry_read(FAMILY_V4, e, w.len - 1, "ACCEPT", &p));
	free(w.entry);
}

/* ---- what a header means ----------------------------------------------------------------------
 */

static char *header_text(const struct ipt_header *h)
{
	struct fw_rule r = { 0 };
	struct text t = { 0 };

	text_add(&t, "%s", "");
	ipt_header_rule(h, &r);
	for (size_t i = 0; i < r.n_exprs; i++) {
		const struct fw_expr *e = &r.exprs[i];

		assert_null(e->body);
		text_add(&t, "%s%s", i ? ", " : "", e->name);
		if (e->op == FW_LOAD && e->field == FW_F_NETWORK)
			text_add(&t, " %u", e->offset);
		if (e->op == FW_LOAD)
			text_add(&t, " %u", e->len);
		if (e->op == FW_CMP)
			text_add(&t, " %s ", e->cmp == FW_NEQ ? "!=" : "==");
		if (e->op == FW_BITWISE)
			text_add(&t, " & ");
		if (e->op == FW_CMP || e->op == FW_BITWISE)
			text_hex(&t, e->data, e->len);
		assert_int_equal(e->once, e->op == FW_MAYBE);
		free(e->name);
	}
	free(r.exprs);
	return t.s;
}

static void means(const struct ipt_header *h, const char *want)
{
	auto_free char *got = header_text(h);

	assert_string_equal(got, want);
}

static void headers(void **state)
{
	struct ipt_header h = { .family = FAMILY_V4 };

	(void)state;
	means(&h, "");
	h.not_proto = true; /* of no protocol */
	h.proto = 1;
	h.in = (struct ipt_iface){ "lo", { 255, 255, 255 }, true };
	h.out = (struct ipt_iface){ "eth+", { 255, 255, 255 }, false };
	means(&h, "meta iifname 16, cmp != 6c6f0000000000000000000000000000, "
		  "meta oifname 16, cmp == 657468, meta l4proto 1, cmp != 01");
	h = (struct ipt_header){ .family = FAMILY_V4 };
	h.src = (struct ipt_side){ { 10, 1 }, { 255, 255 }, false };
	h.dst = (struct ipt_side){ { 10, 1, 2, 3 }, { 255, 255, 255, 255 }, true };
	means(&h, "payload 12 2, cmp == 0a01, payload 16 4, cmp != 0a010203");
	h.family = FAMILY_V6;
	h.dst.inverted = false;
	h.dst.mask[3] = 0xf0;
	h.dst.addr[3] = 0;
	means(&h, "payload 8 2, cmp == 0a01, payload 24 16, "
		  "bitwise & fffffff0000000000000000000000000, "
		  "cmp == 0a010200000000000000000000000000");
	/* What the kernel takes, and nothing here can say. */
	h = (struct ipt_header){ .family = FAMILY_V4, .odd = true, .proto = 6 };
	means(&h, "header");
	h = (struct ipt_header){ .family = FAMILY_V4, .in.inverted = true };
	means(&h, "header");
	h = (struct ipt_header){ .family = FAMILY_V4, .src.inverted = true };
	means(&h, "header");
	h = (struct ipt_header){ .family = FAMILY_V4, .src.addr = { 1 } };
	means(&h, "header");
	h = (struct ipt_header){ .family = FAMILY_V4, .in = { "e\0h", { 255, 255, 255 }, false } };
	means(&h, "header");
	h.in.mask[1] = 0;
	means(&h, "header");
}

static void flags_of_headers(void **state)
{
	struct ipt_written w4 = write_twin("family ipv4 protocol tcp", "verdict:accept");
	struct ipt_written w6 = write_twin("family ipv6 protocol tcp", "verdict:accept");
	struct ip6t_entry *e6 = w6.entry;
	struct ipt_entry *e = w4.entry;
	struct ipt_header h;
	struct ipt_span s;

	(void)state;
	e->ip.invflags = IPT_INV_FRAG;
	assert_true(ipt_header_read(FAMILY_V4, e, w4.len, &h, &s));
	assert_true(h.odd);
	e->ip.invflags = XT_INV_PROTO | IPT_INV_SRCIP;
	assert_true(ipt_header_read(FAMILY_V4, e, w4.len, &h, &s));
	assert_true(!h.odd && h.not_proto && h.src.inverted && !h.dst.inverted);
	e->ip.proto = 0; /* any protocol, inverted or not */
	assert_true(ipt_header_read(FAMILY_V4, e, w4.len, &h, &s));
	assert_true(!h.odd && !h.not_proto);
	e->ip.proto = 300;
	assert_true(ipt_header_read(FAMILY_V4, e, w4.len, &h, &s));
	assert_true(h.odd);
	assert_true(ipt_header_read(FAMILY_V6, e6, w6.len, &h, &s));
	assert_true(!h.odd && h.proto == 6);
	e6->ipv6.flags = IP6T_F_PROTO | IP6T_F_TOS;
	assert_true(ipt_header_read(FAMILY_V6, e6, w6.len, &h, &s));
	assert_true(h.odd);
	free(w4.entry);
	free(w6.entry);
}

/* ---- the same rule or another ------------------------------------------------------------------
 */

static struct blob canon(enum family f, const void *entry, size_t len, const char *label)
{
	struct ipt_entry_parts p;
	struct blob b = { 0 };

	assert_true(ipt_entry_read(f, entry, len, label, &p));
	ipt_entry_canon(&b, &p, entry);
	free(p.matches);
	return b;
}

static void canonical(void **state)
{
	struct ipt_written w = write_twin("family ipv4 protocol tcp dport 80", "verdict:accept");
	struct ipt_entry *e = w.entry;
	struct blob a, b;
	char label[64];

	(void)state;
	settle(&w, FAMILY_V4, label, sizeof(label));
	a = canon(FAMILY_V4, e, w.len, label);
	memset((char *)w.entry + ipt_header_size(FAMILY_V4) + 2 + sizeof("multiport"), 7, 3);
	e->counters.pcnt = 99;
	e->comefrom = 5;
	e->nfcache = 5;
	b = canon(FAMILY_V4, e, w.len, label);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.v, b.v, a.n);
	free(b.v);
	b = canon(FAMILY_V4, e, w.len, "DROP");
	assert_true(a.n != b.n || memcmp(a.v, b.v, a.n) != 0);
	free(b.v);
	for (size_t i = 0; i < sizeof(e->ip); i++) {
		((uint8_t *)&e->ip)[i] ^= 1;
		b = canon(FAMILY_V4, e, w.len, label);
		assert_true(a.n != b.n || memcmp(a.v, b.v, a.n) != 0);
		free(b.v);
		((uint8_t *)&e->ip)[i] ^= 1;
	}
	free(a.v);
	free(w.entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twins),
		cmocka_unit_test(header_bytes),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_large),
		cmocka_unit_test(no_twins),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(not_aligned),
		cmocka_unit_test(headers),
		cmocka_unit_test(flags_of_headers),
		cmocka_unit_test(canonical),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
