/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to exempt: exact figures of known tables, and sections that free what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "ct_build.h"
#include "kernel/conntrack.h"
#include "report/suggest.h"
#include "rules/compile.h"

struct fixture {
	struct host facts;
	struct suggest_host host;
	struct suggest *s;
	struct suggestions l;
	struct ct_entry *entries; /* all that were added */
	size_t n;
};

static void add_local(struct fixture *f, const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	addrs_add(&f->host.local, &p);
	addrs_normalise(&f->host.local);
}

static void listen_on(struct fixture *f, uint8_t proto, uint16_t port)
{
	struct host_listener *l = ARRAY_ADD(f->facts.listeners, f->facts.n_listeners);

	l->proto = proto;
	l->any = true;
	l->port = port;
}

static void begin(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	f->facts.params = HOST_PARAMS_DEFAULT;
	f->host.facts = &f->facts;
	add_local(f, "127.0.0.0/8");
	add_local(f, "::1");
	add_local(f, "192.0.2.1");
	add_local(f, "2001:db8::1");
}

static void end(struct fixture *f)
{
	suggest_free(f->s);
	free(f->l.v);
	free(f->entries);
	free(f->host.local.v);
	free(f->facts.listeners);
	free(f->facts.reserved.v);
}

static struct ct_entry entry_of(const char *orig, unsigned i)
{
	struct ct_entry e = { .flags = CT_SEEN_REPLY | CT_ASSURED | CT_TIMED, .timeout = 100 };

	assert_true(ct_tuple_of(orig, &e.orig));
	/* clients differ */
	if (e.orig.sport >= 1024)
		e.orig.sport = (uint16_t)(e.orig.sport + i % 20000);
	e.state = e.orig.proto == IPPROTO_TCP ? CT_ESTABLISHED : CT_NONE;
	e.reply = e.orig;
	memcpy(e.reply.src, e.orig.dst, sizeof(e.reply.src));
	memcpy(e.reply.dst, e.orig.src, sizeof(e.reply.dst));
	e.reply.sport = e.orig.dport;
	e.reply.dport = e.orig.sport;
	return e;
}

static void add_entry(struct fixture *f, const struct ct_entry *e)
{
	if (!f->s)
		f->s = suggest_new(&f->host);
	*ARRAY_ADD(f->entries, f->n) = *e;
	suggest_add(f->s, e);
}

static void add(struct fixture *f, unsigned n, const char *orig, unsigned flags)
{
	for (unsigned i = 0; i < n; i++) {
		struct ct_entry e = entry_of(orig, i);

		e.flags |= flags;
		add_entry(f, &e);
	}
}

static const struct suggest_service *service(const struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->l.n; i++)
		if (!strcmp(f->l.v[i].name, name))
			return &f->l.v[i];
	fail_msg("no service %s", name);
	return NULL;
}

/* "https server 6000 65.0; ..." */
static char *summary(const struct fixture *f)
{
	struct text t = { 0 };

	text_add(&t, "%s", "");
	for (size_t i = 0; i < f->l.n; i++) {
		const struct suggest_service *v = &f->l.v[i];

		text_add(&t, "%s%s %u %s %lu%s", i ? "; " : "", *v->name ? v->name : "-", v->port,
			 suggest_kind_name(v->kind), v->sums.entries,
			 v->refusal == SUGGEST_NAT	   ? " nat"
			 : v->refusal == SUGGEST_HELPED	   ? " helper"
			 : v->refusal == SUGGEST_EPHEMERAL ? " ephemeral"
			 : v->refusal == SUGGEST_THERE	   ? " there"
							   : "");
	}
	return t.s;
}

static unsigned long plain_entries(const struct fixture *f, const struct ruleset *rs)
{
	const struct ct_host host = { .local = f->host.local };
	unsigned long n = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct ct_entry *e = &f->entries[i];

		if (ct_is_translated(e) || e->flags & (CT_HELPER | CT_EXPECTED))
			continue;
		n += conntrack_is_exempt(rs, &host, &e->orig);
	}
	return n;
}

/* The text is a configuration, and what the raw rules of it match is what it says that it frees. */
static void frees_what_it_says(const struct fixture *f)
{
	auto_free char *text = NULL;
	struct ruleset rs = { 0 };
	struct policy p = { 0 };
	struct diag d = { 0 };
	size_t len;
	FILE *out = xmemstream(&text, &len);

	suggest_text(&f->l, out);
	fclose(out);
	if (policy_parse(&p, text, "suggested", &d)) {
		diag_print(&d, stderr, SEVERITY_NOTE, false);
		fail_msg("not valid:\n%s", text);
	}
	compile_rules(&p, &f->facts.params, &rs, &d);
	if (plain_entries(f, &rs) != f->l.frees)
		fail_msg("%lu entries, not %lu, are exempt by:\n%s", plain_entries(f, &rs),
			 f->l.frees, text);
	ruleset_free(&rs);
	policy_free(&p);
	diag_free(&d);
}

static void expect(struct fixture *f, double min_share, const char *want)
{
	auto_free char *got = NULL;

	suggest_finish(f->s, min_share, &f->l);
	got = summary(f);
	assert_string_equal(got, want);
	frees_what_it_says(f);
}

static void figures_are_exact(void **state)
{
	const struct suggest_service *v;
	struct ct_entry e;
	struct fixture f;

	(void)state;
	begin(&f);
	add(&f, 400, "tcp 10.0.0.9 30000 192.0.2.1 443", 0);
	add(&f, 200, "tcp 2001:db8:1::9 30000 2001:db8::1 443", 0);
	for (unsigned i = 0; i < 100; i++) {
		e = entry_of("tcp 10.0.0.8 30000 192.0.2.1 443", i);
		e.state = CT_TIME_WAIT;
		e.timeout = 20;
		e.flags = CT_TIMED;
		add_entry(&f, &e);
	}
	add(&f, 150, "udp 192.0.2.1 33000 10.0.0.53 53", 0);
	add(&f, 145, "tcp 10.0.0.9 30000 10.9.0.9 8080", 0);
	add(&f, 5, "tcp 10.0.0.9 30000 192.0.2.1 22", 0);
	expect(&f, 1,
	       "https 443 server 700; dns-client 53 client 150; http-alt-forwarded 8080 router "
	       "145");
	v = service(&f, "https");
	assert_int_equal(v->sums.families[FAMILY_V4], 500);
	assert_int_equal(v->sums.families[FAMILY_V6], 200);
	assert_int_equal(v->sums.states[CT_ESTABLISHED], 600);
	assert_int_equal(v->sums.states[CT_TIME_WAIT], 100);
	assert_int_equal(v->sums.unreplied, 100);
	assert_int_equal(v->sums.assured, 600);
	assert_int_equal(v->sums.seconds, 62000);
	assert_int_equal(f.l.all.entries, 1000);
	assert_int_equal(f.l.frees, 995);
	assert_int_equal(f.l.small, 5);
	assert_int_equal(f.l.n_small, 1);
	end(&f);
}

/* What needs tracking is left out, with all that would go with it. */
static void what_must_stay_is_left_out(void **state)
{
	struct ct_entry e;
	struct fixture f;

	(void)state;
	begin(&f);
	add(&f, 50, "tcp 10.0.0.9 30000 192.0.2.1 443", 0);
	add(&f, 40, "tcp 10.0.0.9 30000 192.0.2.1 80", 0);
	e = entry_of("tcp 10.0.0.9 20000 192.0.2.1 80", 0); /* published: answered from elsewhere */
	e.reply.src[0] = 172;
	e.reply.sport = 8080;
	add_entry(&f, &e);
	add(&f, 30, "tcp 192.0.2.1 40000 10.0.0.7 443", 0);
	e = entry_of("tcp 10.3.0.9 20000 10.0.0.7 443", 0); /* masqueraded: answered to us */
	memcpy(e.reply.dst, f.host.local.v[1].addr, 4);
	assert_int_equal(f.host.local.v[1].len, 32);
	add_entry(&f, &e);
	add(&f, 20, "tcp 10.0.0.9 30000 192.0.2.1 21", 0);
	add(&f, 2, "tcp 10.0.0.9 20000 192.0.2.1 21", CT_HELPER);
	add(&f, 10, "tcp 10.0.0.9 30000 192.0.2.1 2121", 0);
	add(&f, 1, "tcp 10.0.0.9 20000 192.0.2.1 2121", CT_EXPECTED);
	expect(&f, 0,
	       "https 443 server 50; - 80 server 40 nat; - 443 client 30 nat; - 21 server 20 "
	       "helper; - 2121 server 10 helper");
	assert_int_equal(f.l.translated, 2);
	assert_int_equal(f.l.helped, 2);
	assert_int_equal(f.l.expected, 1);
	end(&f);
}

static void peers_are_recognised(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	ports_add(&f.facts.reserved, 51820, 51820);
	add(&f, 90, "udp 10.0.0.9 33000 192.0.2.1 4789", 0);
	add(&f, 80, "udp 192.0.2.1 33000 10.0.0.9 4789", 0);
	add(&f, 70, "udp 10.0.0.9 33000 192.0.2.1 53", 0);
	add(&f, 60, "udp 192.0.2.1 33000 10.0.0.9 53", 0);
	add(&f, 1, "tcp 10.0.0.9 33000 192.0.2.1 53", 0);
	add(&f, 50, "gre 10.0.0.9 0 192.0.2.1 0", 0);
	add(&f, 40, "udp 10.0.0.9 33000 192.0.2.1 8472", 0);
	add(&f, 30, "udp 10.0.0.9 33000 192.0.2.1 6081", 0);
	add(&f, 20, "esp 192.0.2.1 0 10.0.0.9 0", 0);
	add(&f, 5, "icmp 10.0.0.9 8 192.0.2.1 8", 0);
	/* both ends of these have the port */
	for (unsigned i = 0; i < 10; i++) {
		struct ct_entry e = entry_of("udp 10.0.0.9 51820 192.0.2.1 51820", 0);

		e.orig.src[3] = e.reply.dst[3] = (uint8_t)i;
		add_entry(&f, &e);
	}
	expect(&f, 1,
	       "vxlan 4789 peer 170; dns 53 peer 131; gre 0 peer 50; vxlan-linux 8472 peer 40; "
	       "geneve 6081 peer 30; esp 0 peer 20; wireguard 51820 peer 10; icmp 0 peer 5");
	assert_int_equal(service(&f, "dns")->protos[1], IPPROTO_TCP);
	end(&f);
}

static void loopback_is_one_thing(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	add(&f, 50, "tcp 127.0.0.1 40000 127.0.0.1 6379", 0);
	add(&f, 40, "tcp 192.0.2.1 40000 192.0.2.1 3306", 0);
	add(&f, 10, "udp ::1 40000 ::1 53", 0);
	expect(&f, 1, "- 0 loopback 100");
	free(f.l.v);
	suggest_free(f.s);
	f.s = NULL;
	f.n = 0;
	f.host.has_loopback = true;
	add(&f, 50, "tcp 127.0.0.1 40000 127.0.0.1 6379", 0);
	expect(&f, 1, "- 0 loopback 50 there");
	end(&f);
}

/* Entries that answers have made: the service is where they come from. */
static void the_service_is_told_from_its_client(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	listen_on(&f, IPPROTO_TCP, 3000);
	listen_on(&f, IPPROTO_UDP, 40000); /* a resolver's question */
	add(&f, 50, "tcp 10.0.0.9 20000 192.0.2.1 3000", 0);
	for (unsigned i = 0; i < 40; i++) {
		char text[64];

		snprintf(text, sizeof(text), "tcp 192.0.2.1 80 10.0.0.9 %u", 33000 + i);
		add(&f, 1, text, 0); /* our answer */
		snprintf(text, sizeof(text), "tcp 10.0.0.7 443 192.0.2.1 %u", 33000 + i);
		add(&f, 1, text, 0); /* an answer to us */
	}
	for (unsigned i = 0; i < 30; i++) {
		struct ct_entry e = entry_of("tcp 192.0.2.1 80 10.0.0.9 20000", 0);

		e.orig.sport = e.reply.dport = 3000;
		e.orig.dport = e.reply.sport = (uint16_t)(20000 + i);
		add_entry(&f, &e);
	}
	add(&f, 20, "tcp 192.0.2.1 45000 10.0.0.7 8000", 0);
	for (unsigned i = 0; i < 10; i++) { /* clients take such ports as well */
		struct ct_entry e = entry_of("tcp 192.0.2.1 900 10.0.0.7 40001", 0);

		e.orig.sport = e.reply.dport = (uint16_t)(900 + i);
		add_entry(&f, &e);
	}
	for (unsigned i = 0; i < 15; i++) {
		struct ct_entry e = entry_of("udp 192.0.2.1 900 10.0.0.53 53", 0);

		e.orig.sport = e.reply.dport = 40000;
		e.orig.dst[3] = e.reply.src[3] = (uint8_t)i;
		add_entry(&f, &e);
	}
	expect(&f, 1,
	       "tcp-3000 3000 server 80; http 80 server 40; https-client 443 client 40; "
	       "tcp-8000-client 8000 client 20; dns-client 53 client 15; tcp-40001-client 40001 "
	       "client 10");
	end(&f);
}

static void what_no_section_matches(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	add(&f, 30, "udp 10.0.0.9 33000 224.0.0.251 5353", 0);
	add(&f, 20, "udp fe80::9 33000 ff02::fb 5353", 0);
	add(&f, 10, "udp 192.0.2.1 2000 10.0.0.53 53", 0);
	expect(&f, 1, "");
	assert_int_equal(f.l.other, 60);
	assert_int_equal(f.l.frees, 0);
	end(&f);
}

static void names_and_refusals(void **state)
{
	static const char *const taken[] = { "https", "https-2", "tcp-9999" };
	struct fixture f;

	(void)state;
	begin(&f);
	f.host.taken = taken;
	f.host.n_taken = ARRAY_SIZE(taken);
	add(&f, 50, "tcp 10.0.0.9 20000 192.0.2.1 443", 0);
	add(&f, 50, "udp 10.0.0.9 20000 192.0.2.1 443", 0);
	add(&f, 40, "tcp 10.0.0.9 20000 192.0.2.1 40000", 0);
	add(&f, 30, "sctp 10.0.0.9 20000 192.0.2.1 3868", 0);
	add(&f, 20, "tcp 10.0.0.9 20000 192.0.2.1 9999", 0);
	add(&f, 10, "89 10.0.0.9 0 192.0.2.1 0", 0);
	add(&f, 9, "200 10.0.0.9 0 192.0.2.1 0", 0);
	expect(&f, 1,
	       "https-3 443 server 100; - 40000 server 40 ephemeral; sctp-3868 3868 server 30; "
	       "tcp-9999-2 9999 server 20; ospf 0 peer 10; protocol-200 0 peer 9");
	end(&f);
}

/* More services than there is room for: the small ones go together, and none is lost. */
static void memory_is_bounded(void **state)
{
	struct fixture f;
	unsigned long sum;

	(void)state;
	begin(&f);
	f.s = suggest_new(&f.host);
	for (unsigned i = 0; i < 30000; i++) {
		struct ct_entry e = entry_of("tcp 10.0.0.9 20000 192.0.2.1 443", i);

		suggest_add(f.s, &e);
	}
	for (unsigned i = 0; i < 120000; i++) {
		struct ct_entry e = entry_of(
			i & 1 ? "tcp 10.0.0.9 900 192.0.2.1 1" : "udp 10.0.0.9 900 192.0.2.1 1", 0);

		e.orig.dport = e.reply.sport = (uint16_t)(i / 2 + 1000);
		suggest_add(f.s, &e);
	}
	suggest_finish(f.s, 0, &f.l);
	assert_true(f.l.rare > 0);
	assert_int_equal(f.l.least_known, 1);
	assert_int_equal(service(&f, "https")->sums.entries, 30000);
	sum = f.l.rare + f.l.small + f.l.other;
	for (size_t i = 0; i < f.l.n; i++)
		sum += f.l.v[i].sums.entries;
	assert_int_equal(sum, 150000);
	assert_int_equal(f.l.all.entries, 150000);
	end(&f);
}

static unsigned next_random(unsigned *seed)
{
	return (*seed = *seed * 1103515245 + 12345) >> 16;
}

/* Mostly of one family; a client's port and a service's. false: this dice has no entry. */
static bool random_entry(unsigned *seed, struct ct_entry *e)
{
	static const char *const protos[] = { "tcp", "udp", "sctp", "udplite", "gre", "icmp" };
	static const char *const ends[] = { "10.0.0.9",	 "192.0.2.1",	  "10.7.0.7",
					    "127.0.0.1", "2001:db8:1::9", "2001:db8::1" };
	static const unsigned services[] = { 53, 80, 443, 4789, 8080, 40000, 51820 };
	static const unsigned clients[] = { 900, 20000, 33000, 45000 };
	const char *src = ends[next_random(seed) % ARRAY_SIZE(ends)];
	const char *dst = ends[next_random(seed) % ARRAY_SIZE(ends)];
	auto_free char *text =
		xasprintf("%s %s %u %s %u", protos[next_random(seed) % ARRAY_SIZE(protos)], src,
			  clients[next_random(seed) % ARRAY_SIZE(clients)], dst,
			  services[next_random(seed) % ARRAY_SIZE(services)]);
	const bool icmp = !strncmp(text, "icmp", strlen("icmp"));

	if (!strchr(src, ':') != !strchr(dst, ':') || (icmp && strchr(src, ':')))
		return false;
	*e = entry_of(text, 0);
	if (icmp) {
		e->orig.icmp_type = 8;
		e->reply.icmp_type = 0;
	}
	if (next_random(seed) % 50 == 0)
		e->flags |= CT_SRC_NAT;
	if (next_random(seed) % 50 == 0)
		e->flags |= CT_HELPER;
	return true;
}

/* Any mixture of ports and addresses: the sections free what they say. */
static void any_table(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 100; round++) {
		struct fixture f;

		begin(&f);
		if (round & 1)
			listen_on(&f, round & 2 ? IPPROTO_UDP : IPPROTO_TCP, 8080);
		if (round & 4)
			ports_add(&f.facts.reserved, 40000, 51820);
		f.host.has_loopback = round % 5 == 0;
		for (int i = 0; i < 60; i++) {
			struct ct_entry e;

			if (random_entry(&seed, &e))
				add_entry(&f, &e);
		}
		suggest_finish(f.s, round % 3 * 3, &f.l);
		frees_what_it_says(&f);
		end(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_exact),
		cmocka_unit_test(what_must_stay_is_left_out),
		cmocka_unit_test(peers_are_recognised),
		cmocka_unit_test(loopback_is_one_thing),
		cmocka_unit_test(the_service_is_told_from_its_client),
		cmocka_unit_test(what_no_section_matches),
		cmocka_unit_test(names_and_refusals),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(any_table),
	};

	return cmocka_run_group_tests_name("suggest", tests, NULL, NULL);
}
