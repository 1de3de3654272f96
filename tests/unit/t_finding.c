/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every finding that is made before acting can be had, with its severity, and says what to do; and
 * what the cures say to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include "fw_build.h"
#include "rules/preflight.h"
#include "rules/twin.h"

enum { INV = 1, EST = 2, REL = 4, NEW = 8, UNT = 64 };

#define WEB "[service web]\nprotocol = tcp\nport = 80\n"

/* All that apply does before it acts. Takes the host. */
static void find(struct host *h, const char *conf, struct diag *d)
{
	struct policy p = { 0 };
	struct ruleset rs = { 0 };
	struct diag loading = { 0 };

	if (!h->params.ephemeral.lo)
		h->params.ephemeral = HOST_PARAMS_DEFAULT.ephemeral;
	assert_int_equal(policy_parse(&p, conf, "t.conf", &loading), 0);
	preflight_check(&p, h, d);
	compile_rules(&p, &h->params, &rs, d);
	twin_derive(&p, &h->params, &h->fw, &rs, NULL, d);
	diag_free(&loading);
	ruleset_free(&rs);
	policy_free(&p);
	host_free(h);
}

/* ct state, by its name */
static struct fw_rule *b_ct_state(struct fw_rule *r, uint32_t mask, bool negate)
{
	size_t at = r->n_exprs;

	b_state(r, mask, negate);
	free(r->exprs[at].name);
	r->exprs[at].name = xstrdup("ct state");
	return r;
}

/* ---- what provokes each ------------------------------------------------------------------------
 */

static struct fw_chain *input(struct host *h, enum fw_verdict policy)
{
	return b_base(&h->fw, "input", HOOK_INPUT, policy);
}

static void nat_rule(struct host *h)
{
	struct fw_chain *c = b_base(&h->fw, "pre", HOOK_PREROUTING, FW_ACCEPT);

	free(c->type);
	c->type = xstrdup("nat");
	b_other(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), FW_NAT, "nat");
}

static void nat_entry(struct host *h)
{
	*ARRAY_ADD(h->nat, h->n_nat) = (struct host_nat){
		.proto = IPPROTO_TCP, .dport = 80, .dst_local = true, .entries = 1
	};
}

static void ephemeral(struct host *h)
{
	h->params.ephemeral = (struct port_range){ 1, 1000 };
}

static void stateful(struct fw_chain *c)
{
	b_verdict(b_ct_state(b_rule(c), EST | REL, false), FW_ACCEPT, NULL);
	b_verdict(b_ct_state(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 22, 80), NEW, false),
		  FW_ACCEPT, NULL);
}

static void owned(struct host *h)
{
	struct fw_chain *c = input(h, FW_DROP);

	c->owned = true;
	stateful(c);
}

static void untracked(struct host *h)
{
	b_verdict(b_ct_state(b_rule(input(h, FW_ACCEPT)), UNT, false), FW_DROP, NULL);
}

static void negated(struct host *h)
{
	b_verdict(b_ct_state(b_rule(input(h, FW_ACCEPT)), NEW | EST | REL, true), FW_DROP, NULL);
	b_verdict(b_rule(&h->fw.chains[0]), FW_ACCEPT, NULL);
}

static void unknown(struct host *h)
{
	b_verdict(b_other(b_rule(input(h, FW_DROP)), FW_UNKNOWN, "future"), FW_ACCEPT, NULL);
}

static void closed(struct host *h)
{
	b_verdict(b_ct_state(b_rule(input(h, FW_DROP)), EST, false), FW_ACCEPT, NULL);
}

static void synproxy(struct host *h)
{
	struct fw_chain *c = input(h, FW_DROP);

	b_other(b_ct_state(b_proto(b_rule(c), IPPROTO_TCP), INV | UNT, false), FW_SYNPROXY,
		"synproxy");
	b_verdict(b_ct_state(b_rule(c), EST, false), FW_ACCEPT, NULL);
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), FW_ACCEPT, NULL);
}

static struct fw_rule *b_mark(struct fw_rule *r)
{
	uint32_t mark = 1;

	free(b_load(r, FW_F_CT_OTHER, 0, 4)->name);
	r->exprs[r->n_exprs - 1].name = xstrdup("ct mark");
	b_cmp(r, FW_EQ, &mark, 4, xstrdup("mark"));
	return r;
}

static void mark_decides(struct host *h)
{
	b_verdict(b_mark(b_rule(input(h, FW_DROP))), FW_ACCEPT, NULL);
}

static void mark_counts(struct host *h)
{
	b_other(b_mark(b_rule(input(h, FW_ACCEPT))), FW_EFFECT, "counter");
}

static void forwards(struct host *h)
{
	for (int i = 0; i < 2; i++) {
		struct host_interface *e = ARRAY_ADD(h->interfaces, h->n_interfaces);

		snprintf(e->name, sizeof(e->name), "eth%d", i);
		e->forwards4 = true;
	}
}

static void session(struct host *h)
{
	h->ssh_port = 80;
}

static void timeouts(struct host *h)
{
	struct host_sysctl *s = ARRAY_ADD(h->sysctls, h->n_sysctls);

	s->name = xstrdup("nf_conntrack_tcp_timeout_established");
	s->value = 432000;
}

static void nothing(struct host *h)
{
	(void)h;
}

#define WARN_NAT "[untrack]\non-nat = warn\n"
#define UPSTREAM WEB "upstream-timeout = 20s\n"

/* The table of DESIGN 5, in its order. line: where in the file, 0 where it is the host's affair. */
static void addressed(struct host *h)
{
	struct host_address *a = ARRAY_ADD(h->addresses, h->n_addresses);

	assert_true(prefix_parse("198.51.100.1", &a->prefix));
}

static const struct {
	const char *id;
	enum severity severity;
	void (*setup)(struct host *h);
	const char *conf;
	unsigned line;
} findings[] = {
	{ "nat-conflict", SEVERITY_ERROR, nat_rule, WEB, 1 },
	{ "nat-conflict", SEVERITY_WARNING, nat_rule, WARN_NAT WEB, 3 },
	{ "nat-conflict", SEVERITY_ERROR, nat_entry, WEB, 3 },
	{ "nat-conflict", SEVERITY_WARNING, nat_entry, WARN_NAT WEB, 5 },
	{ "ephemeral-overlap", SEVERITY_ERROR, ephemeral, WEB, 3 },
	{ "owned-table", SEVERITY_ERROR, owned, WEB, 0 },
	{ "untracked-dropped", SEVERITY_ERROR, untracked, WEB, 1 },
	{ "state-negated", SEVERITY_ERROR, negated, WEB, 1 },
	{ "state-unknown", SEVERITY_ERROR, unknown, WEB, 1 },
	{ "service-closed", SEVERITY_WARNING, closed, WEB, 1 },
	{ "synproxy-conflict", SEVERITY_ERROR, synproxy, WEB, 1 },
	{ "state-lost", SEVERITY_ERROR, mark_decides, WEB, 1 },
	{ "state-lost", SEVERITY_WARNING, mark_counts, WEB, 1 },
	{ "half-interface", SEVERITY_WARNING, forwards, "[interface a]\nname = eth0\n", 2 },
	{ "management-port", SEVERITY_WARNING, session, WEB, 3 },
	{ "stateless-host", SEVERITY_NOTE, nothing, WEB, 0 },
	{ "no-listener", SEVERITY_NOTE, nothing, WEB, 3 },
	{ "missing-interface", SEVERITY_NOTE, nothing, WEB "interface = eth0\n", 4 },
	{ "shadowed", SEVERITY_WARNING, nothing, WEB "[service api]\nprotocol = tcp\nport = 80\n",
	  4 },
	{ "nat-conflict", SEVERITY_ERROR, nat_rule, "[interface a]\nname = eth0\n", 1 },
	{ "shadowed", SEVERITY_WARNING, nothing,
	  WEB "interface = eth0\n[service api]\nprotocol = tcp\nport = 1-100\nrole = peer\n", 1 },
	{ "shadowed", SEVERITY_WARNING, nothing,
	  WEB "interface = eth0\n[interface a]\nname = eth*\n", 1 },
	{ "one-direction", SEVERITY_WARNING, nothing, "[service a]\nprotocol = udp\nport = 4789\n",
	  3 },
	{ "no-packet", SEVERITY_WARNING, nothing, WEB "remote = 0.0.0.0, ::/0\n", 4 },
	{ "helper-port", SEVERITY_NOTE, nothing, "[service a]\nprotocol = tcp\nport = 1-99\n", 3 },
	{ "accept-none", SEVERITY_WARNING, negated, WEB "accept = none\n", 1 },
	{ "missing-address", SEVERITY_NOTE, addressed, WEB "local = 192.0.2.0/24\n", 4 },
	{ "upstream-timeout", SEVERITY_WARNING, nothing, UPSTREAM "keepalive = 30s\n", 4 },
	{ "upstream-timeout", SEVERITY_WARNING, timeouts, "[untrack]\nfamily = ipv4\n" UPSTREAM,
	  6 },
};

static const struct finding *find_id(const struct diag *d, const char *id, enum severity s)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->v[i].id, id) && d->v[i].severity == s)
			return &d->v[i];
	return NULL;
}

static void test_every_finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(findings); i++) {
		struct host h = { 0 };
		struct diag d = { 0 };
		const struct finding *f;

		findings[i].setup(&h);
		find(&h, findings[i].conf, &d);
		f = find_id(&d, findings[i].id, findings[i].severity);
		if (!f)
			print_error("%zu: no %s %s\n", i, severity_name(findings[i].severity),
				    findings[i].id);
		assert_non_null(f);
		assert_int_equal(f->line, findings[i].line);
		for (size_t k = 0; k < d.n; k++) { /* of all that is said besides, too */
			assert_true(*d.v[k].text);
			assert_non_null(d.v[k].cure);
			assert_true(*d.v[k].cure);
		}
		diag_free(&d);
	}
}

static void test_same_facts_same_bytes(void **state)
{
	char *texts[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct host h = { .ssh_port = 80 };
		struct diag d = { 0 };
		size_t len;
		FILE *f = xmemstream(&texts[i], &len);

		ephemeral(&h);
		nat_entry(&h);
		forwards(&h);
		owned(&h);
		find(&h, WEB "[interface a]\nname = eth0\n", &d);
		diag_print(&d, f, SEVERITY_NOTE, false);
		fclose(f);
		diag_free(&d);
	}
	assert_string_equal(texts[0], texts[1]);
	free(texts[0]);
	free(texts[1]);
}

/* ---- cures -------------------------------------------------------------------------------------
 */

static unsigned assert_cure(struct host *h, const char *conf, const char *id, const char *text,
			    const char *cure)
{
	struct diag d = { 0 };
	const struct finding *f;
	unsigned line;

	find(h, conf, &d);
	f = find_id(&d, id, SEVERITY_ERROR);
	assert_non_null(f);
	assert_string_equal(text ? f->text : "", text ? text : "");
	assert_string_equal(f->cure, cure);
	line = f->line;
	diag_free(&d);
	return line;
}

static void in_iptables(struct fw_chain *c, enum form form, const char *name)
{
	c->form = form;
	c->family = TABLE_IP;
	if (name) {
		free(c->name);
		c->name = xstrdup(name);
	}
}

static void check_dropped(const char *const *chains, const char *cure)
{
	static const enum form forms[] = { FORM_IPTABLES_NFT, FORM_LEGACY };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct host h = { 0 };

		untracked(&h);
		in_iptables(&h.fw.chains[0], forms[i], "INPUT");
		for (size_t k = 0; chains[k]; k++)
			in_iptables(b_chain(&h.fw, chains[k]), forms[i], NULL);
		assert_cure(&h, WEB, "untracked-dropped", NULL, cure);
	}
}

#define TAKE_OUT "take \"untracked\" out of that rule, or except the exempt ports there"

static void test_untracked_dropped_by_whom(void **state)
{
	static const char shorewall[] =
		"Shorewall wrote the rule: set UNTRACKED_DISPOSITION=CONTINUE in "
		"/etc/shorewall/shorewall.conf (IPv6: /etc/shorewall6/shorewall6.conf), and "
		"'shorewall reload'";
	static const char ufw[] =
		"ufw wrote the rule: take \"UNTRACKED\" out of it in /etc/ufw/before.rules or "
		"after.rules (IPv6: before6.rules, after6.rules), and 'ufw reload'";
	struct host h = { 0 };

	(void)state;
	check_dropped((const char *const[]){ "dynamic", "smurfs", NULL }, shorewall);
	check_dropped((const char *const[]){ "sha-lh-5fc1", "reject", NULL }, shorewall);
	check_dropped((const char *const[]){ "dynamic", "dynamically", NULL }, TAKE_OUT);
	check_dropped((const char *const[]){ "dynamics", "rejected", NULL }, TAKE_OUT);
	check_dropped((const char *const[]){ "ufw-before-input", NULL }, ufw);
	untracked(&h); /* iptables-nft and iptables-legacy have nothing to do with each other */
	in_iptables(&h.fw.chains[0], FORM_LEGACY, "INPUT");
	in_iptables(b_chain(&h.fw, "ufw-before-input"), FORM_IPTABLES_NFT, NULL);
	assert_cure(&h, WEB, "untracked-dropped", NULL, TAKE_OUT);
	check_dropped((const char *const[]){ "myufw-before-input", NULL }, TAKE_OUT);
	check_dropped((const char *const[]){ NULL }, TAKE_OUT);
	untracked(&h); /* names of iptables' chains mean nothing in a table of nft */
	b_chain(&h.fw, "ufw-before-input");
	assert_cure(&h, WEB, "untracked-dropped",
		    "rule 1 of inet filter input (ct state untracked drop) names untracked packets "
		    "on purpose, and it decides about the opening packets of web",
		    TAKE_OUT);
	untracked(&h);
	free(h.fw.chains[0].table);
	h.fw.chains[0].table = xstrdup("firewalld");
	assert_cure(&h, WEB, "untracked-dropped", NULL,
		    "firewalld wrote the rule: find it with 'firewall-cmd --permanent --direct "
		    "--get-all-rules' or 'firewall-cmd --list-all-zones', take it out with the "
		    "--remove-rule or --remove-rich-rule of its kind, and 'firewall-cmd --reload'");
}

static void test_owned_table(void **state)
{
	struct host h = { 0 };
	struct fw_chain *c;

	(void)state;
	c = input(&h, FW_DROP);
	c->owned = true;
	b_verdict(b_rule(c), FW_ACCEPT, NULL);
	c->rules[0].twin = 0; /* ours do not count */
	stateful(c);
	c = b_base(&h.fw, "output", HOOK_OUTPUT, FW_DROP);
	c->owned = true;
	b_verdict(b_proto(b_rule(c), IPPROTO_UDP), FW_ACCEPT, NULL);
	b_verdict(b_ct_state(b_rule(c), EST, false), FW_ACCEPT, NULL);
	assert_cure(
		&h, WEB "[service api]\nprotocol = tcp\nport = 81\nlocal = 192.0.2.1\n",
		"owned-table",
		"table inet filter needs rules for untracked packets of web, but it is owned "
		"by a running program, and the kernel lets nobody else write to it",
		"set accept = none, and add through the program that owns it:\n"
		"input, before its rule 1: tcp dport 80 tcp flags & (fin|syn|rst|ack) != syn ct "
		"state untracked accept\n"
		"input, before its rule 1: icmp type { 3, 4, 5, 11, 12 } @th,64,8 0x45 @th,136,8 6 "
		"@th,224,16 80 "
		"ct state untracked accept\n"
		"input, before its rule 1: icmpv6 type { 1, 2, 3, 4 } @th,112,8 6 @th,384,16 80 "
		"ct state untracked accept\n"
		"input, before its rule 2: tcp dport 80 tcp flags & (fin|syn|rst|ack) == syn ct "
		"state untracked tcp dport 22-80 accept\n"
		"output, before its rule 2: tcp sport 80 tcp flags & (fin|syn|rst|ack) != syn ct "
		"state untracked accept");
}

/* One finding for each table that is owned, and none for others. */
static void test_owned_tables(void **state)
{
	struct host h = { 0 };
	struct diag d = { 0 };
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct fw_chain *c = input(&h, FW_DROP);

		free(c->table);
		c->table = xstrdup(i % 2 ? "other" : "filter");
		c->owned = i < 2;
		c->family = i < 2 ? TABLE_INET : TABLE_IP;
		stateful(c);
	}
	find(&h, WEB, &d);
	for (size_t i = 0; i < d.n; i++)
		n += !strcmp(d.v[i].id, "owned-table");
	assert_int_equal(n, 2);
	diag_free(&d);
}

static void test_owned_by_firewalld(void **state)
{
	struct host h = { 0 };

	(void)state;
	owned(&h);
	free(h.fw.chains[0].table);
	h.fw.chains[0].table = xstrdup("firewalld");
	assert_cure(&h, WEB, "owned-table",
		    "table inet firewalld needs rules for untracked packets of web, but it is "
		    "owned by firewalld, and the kernel lets nobody else write to it",
		    "have it share its table, so that untrack can write them: sed -i "
		    "'s/^#*NftablesTableOwner=.*/NftablesTableOwner=no/' "
		    "/etc/firewalld/firewalld.conf && systemctl restart firewalld, and apply "
		    "again");
}

/* ---- what is not known, and what is lost -------------------------------------------------------
 */

static struct fw_rule *b_xt(struct fw_rule *r, const char *what, const char *extension)
{
	b_expr(r, FW_XT, what, xasprintf("%s:00", what))->object = xstrdup(extension);
	return r;
}

/* A rule with two extensions, of which this makes the second one, or what comes after it. */
static void check_unknown(bool native, const char *words)
{
	struct host h = { 0 };
	struct fw_rule *r = b_rule(input(&h, FW_DROP));
	struct diag d = { 0 };
	const struct finding *f;

	in_iptables(&h.fw.chains[0], FORM_IPTABLES_NFT, "INPUT");
	b_load(b_xt(r, "match", "mark"), FW_F_META_MARK, 0, 4);
	b_expr(b_xt(r, "match", "geoip"), FW_UNKNOWN, "match", native ? xstrdup("future") : NULL);
	b_verdict(r, FW_ACCEPT, NULL);
	find(&h, WEB, &d);
	f = find_id(&d, "state-unknown", SEVERITY_ERROR);
	assert_non_null(f);
	assert_non_null(strstr(f->text, words));
	diag_free(&d);
}

static void test_unknown(void **state)
{
	struct host h = { 0 };

	(void)state;
	unknown(&h);
	assert_cure(&h, WEB, "state-unknown",
		    "rule 1 of inet filter input ([future] accept) holds the expression "
		    "\"future\", which this version does not know, and it decides about the "
		    "opening packets of web",
		    "take the rule's traffic out of the exemption, or set accept = none and write "
		    "the rules for untracked packets by hand");
	check_unknown(false, " holds the extension \"geoip\" of iptables, which this version does "
			     "not know, and");
	check_unknown(true,
		      " holds the expression \"match\", which this version does not know, and");
}

/* Operations that mean an extension of iptables say what it sees no more. */
static void check_lost(enum fw_op op, const char *name, const char *extension, const char *does)
{
	struct host h = { 0 };
	struct diag d = { 0 };
	const struct finding *f;
	struct fw_rule *r = b_xt(b_rule(input(&h, FW_ACCEPT)), "match", extension);
	auto_free char *end = xasprintf(" %s: it sees exempt packets of web no more", does);
	struct fw_expr *e;

	in_iptables(&h.fw.chains[0], FORM_IPTABLES_NFT, "INPUT");
	e = b_expr(r, op, name, NULL);
	e->field = FW_F_CT_OTHER;
	e->len = 4;
	find(&h, WEB, &d);
	f = find_id(&d, "state-lost", SEVERITY_WARNING);
	assert_non_null(f);
	assert_non_null(strstr(f->text, end));
	diag_free(&d);
}

static void test_lost(void **state)
{
	(void)state;
	check_lost(FW_LOAD, "ct mark", "connmark", "reads connection tracking data");
	check_lost(FW_LOAD, "ct bytes", "connbytes", "reads connection tracking data");
	check_lost(FW_CT_LIMIT, "connlimit", "connlimit", "counts connections");
	check_lost(FW_CT_WRITE, "ct mark", "CONNMARK", "writes connection tracking data");
}

/* Each port is the first service's that names it; a service may meet several. */
static void test_shadowed_by_whom(void **state)
{
	static const char *const texts[] = {
		"b: tcp port 80-81,92-99 belongs to service web already, which counts it",
		"c: tcp port 80 belongs to service web already, which counts it",
		"c: tcp port 100 belongs to service b already, which counts it",
		"x: protocol 77 belongs to service g already, which counts it",
	};
	struct diag d = { 0 };
	struct host h = { 0 };
	size_t n = 0;

	(void)state;
	find(&h,
	     "[service web]\nprotocol = tcp\nport = 80,81,90-99\n"
	     "[service b]\nprotocol = tcp\nport = 80,81,92-100\n"
	     "[service c]\nprotocol = tcp,udp\nport = 80,100\n"
	     "[service d]\nprotocol = tcp\nport = 80\nrole = client\n"
	     "[service g]\nprotocol = 77\n[service x]\nprotocol = 77\n",
	     &d);
	for (size_t i = 0; i < d.n; i++)
		if (!strcmp(d.v[i].id, "shadowed")) {
			assert_true(n < ARRAY_SIZE(texts));
			assert_string_equal(d.v[i].text, texts[n++]);
		}
	assert_int_equal(n, ARRAY_SIZE(texts));
	diag_free(&d);
}

/* In a table of iptables, what none of its rules can say. */
static void check_unsayable(const char *conf, unsigned line, const char *text, const char *cure)
{
	struct host h = { 0 };
	struct fw_chain *c = input(&h, FW_DROP);

	c->form = FORM_IPTABLES_NFT;
	c->family = TABLE_IP;
	stateful(c);
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), FW_ACCEPT, NULL);
	assert_int_equal(assert_cure(&h, conf, "state-unknown", text, cure), line);
}

static void test_unsayable(void **state)
{
	struct text conf = { 0 };

	(void)state;
	check_unsayable("\n[interface st]\nname = *, !lo, !eth1, !eth2\n", 2,
			"chain iptables-nft ip filter input needs twins for st, and a rule of "
			"iptables excludes one interface at most, and none from \"eth*\"",
			"name the interfaces of st instead of excluding some");
	text_add(&conf, "%s", WEB "remote = !192.0.2.0");
	for (int i = 2; i < 50; i += 2)
		text_add(&conf, ", !192.0.2.%d%s", i, i % 10 ? "" : "\n ");
	text_add(&conf, "\n");
	check_unsayable(conf.s, 1,
			"chain iptables-nft ip filter input needs twins for web, and a rule of "
			"iptables excludes 24 addresses at most",
			"exclude fewer, larger prefixes, or name the addresses of web instead of "
			"excluding some");
	free(conf.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_finding),
		cmocka_unit_test(test_same_facts_same_bytes),
		cmocka_unit_test(test_untracked_dropped_by_whom),
		cmocka_unit_test(test_owned_table),
		cmocka_unit_test(test_owned_tables),
		cmocka_unit_test(test_owned_by_firewalld),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_unsayable),
		cmocka_unit_test(test_shadowed_by_whom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
