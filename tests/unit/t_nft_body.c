/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bodies of rules copied through a kernel, where it lets us have a namespace. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>
#include "kernel/nft_body.h"
#include "kernel/nft_snapshot.h"
#include "nft_build.h"
#include "nft_lab.h"

static const char setup[] =
	"table inet t {\n"
	" counter c1 { }\n"
	" quota q1 { over 10 mbytes; }\n"
	" limit l1 { rate 5/second; }\n"
	" set ports { type inet_service; flags interval; elements = { 22, 80-90 }; }\n"
	" set hosts { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 }; }\n"
	" set seen { type ipv4_addr; flags dynamic,timeout; timeout 1m; size 65535; }\n"
	" chain web { }\n"
	" chain odd-na.me { }\n"
	" map where { type inet_service : verdict; elements = { 8080 : jump web, 25 : drop }; }\n"
	" map count { type inet_service : counter; elements = { 80 : \"c1\" }; }\n"
	"}\n"
	"table ip n {\n"
	" chain pre { type nat hook prerouting priority -100; }\n"
	" chain post { type nat hook postrouting priority 100; }\n"
	"}\n"
	"table ip m { chain pre { type filter hook prerouting priority -150; }; }\n";

struct rule_case {
	const char *chain, *rule;
	const char *text; /* of fw_rule_text; NULL: not compared */
};

#define IN "inet t web"
static const struct rule_case cases[] = {
	{ IN, "iifname \"lo\" accept", "iifname \"lo\" accept" },
	{ IN, "iif lo accept", "iif \"lo\" accept" },
	{ IN, "oifname \"eth*\" drop", "oifname \"eth*\" drop" },
	{ IN, "iifname { \"eth0\", \"wg*\" } accept", "iifname { \"eth0\", \"wg*\" } accept" },
	{ IN, "ct state established,related accept", "ct state established,related accept" },
	{ IN, "ct state { established, related } accept",
	  "ct state { established, related } accept" },
	{ IN, "ct state vmap { established : accept, invalid : drop, new : jump odd-na.me }",
	  "ct state vmap { invalid : drop, established : accept, new : jump odd-na.me }" },
	{ IN, "ct state vmap { new : accept, * : drop }", "ct state vmap { new : accept }" },
	{ IN, "ct state != established drop", "ct state != established drop" },
	{ IN, "ct state invalid counter drop", "ct state invalid counter drop" },
	{ IN, "tcp dport { 22, 80, 443 } ct state new accept",
	  "tcp dport { 22, 80, 443 } ct state new accept" },
	{ IN, "tcp dport { 1000-2000, 3000-4000, 65000-65535 } accept",
	  "tcp dport { 1000-2000, 3000-4000, 65000-65535 } accept" },
	{ IN, "tcp dport { 22 comment \"ssh\", 23 counter } accept",
	  "tcp dport { 22, 23 } accept" },
	{ IN, "tcp sport { 1, 2 } tcp dport { 3, 4 } accept",
	  "tcp sport { 1, 2 } tcp dport { 3, 4 } accept" },
	{ IN, "tcp dport 1000-2000 accept", NULL },
	{ IN, "tcp dport != 1000-2000 accept", "tcp dport != 1000-2000 accept" },
	{ IN, "tcp dport @ports accept", "tcp dport @ports accept" },
	{ IN, "tcp dport vmap @where", "tcp dport vmap @where" },
	{ IN, "udp sport vmap { 22 : accept, 1-10 : goto odd-na.me }",
	  "udp sport vmap { 1-10 : goto odd-na.me, 22 : accept }" },
	{ IN, "th dport 53 accept", "th dport 53 accept" },
	{ IN, "ip saddr 203.0.113.0/24 drop", "ip saddr 203.0.113.0/24 drop" },
	{ IN, "ip daddr 10.0.0.0/9 drop", "ip daddr 10.0.0.0/9 drop" },
	{ IN, "ip saddr { 10.0.0.0/8, 192.0.2.1 } drop",
	  "ip saddr { 10.0.0.0-10.255.255.255, 192.0.2.1 } drop" },
	{ IN, "ip6 saddr fe80::/10 icmpv6 type { 1, 2, 3 } accept",
	  "ip6 saddr fe80::/10 icmpv6 type { 1, 2, 3 } accept" },
	{ IN, "ip6 daddr 2001:db8::1 accept", "ip6 daddr 2001:db8::1 accept" },
	{ IN, "ip saddr @hosts drop", "ip saddr @hosts drop" },
	{ IN, "ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 80-90 } accept", NULL },
	{ IN, "iifname . tcp dport vmap { \"eth0\" . 22 : accept, \"eth1\" . 80 : jump odd-na.me }",
	  "meta l4proto tcp iifname . tcp dport vmap { ... }" },
	{ IN, "tcp flags & (fin|syn|rst|ack) == syn limit rate 25/second burst 10 packets accept",
	  "tcp flags & fin,syn,rst,ack == syn limit accept" },
	{ IN, "udp dport 53 limit rate over 10 kbytes/second drop", "udp dport 53 limit drop" },
	{ IN, "meta l4proto { icmp, icmpv6 } accept", "meta l4proto { icmp, icmpv6 } accept" },
	{ IN, "icmp type echo-request accept", NULL },
	{ IN, "quota over 25 mbytes drop", "quota drop" },
	{ IN, "quota name \"q1\" drop", "[objref \"q1\"] drop" },
	{ IN, "limit name \"l1\" accept", "[objref \"l1\"] accept" },
	{ IN, "counter name \"c1\"", "[objref \"c1\"]" },
	{ IN, "counter name tcp dport map @count", "meta l4proto tcp [objref]" },
	{ IN, "counter name tcp dport map { 80 : \"c1\", 81 : \"c1\" }", NULL },
	{ IN, "ct mark set 0x1", "ct mark set" },
	{ IN, "ct mark 0x10 accept", "ct mark 0x00000010 accept" },
	{ IN, "meta mark & 0xff == 0x10 accept", "meta mark & 0x000000ff == 0x00000010 accept" },
	{ IN, "meta mark set 0x5 notrack", "meta mark set notrack" },
	{ IN, "meta skuid 1000 accept", "meta skuid 1000 accept" },
	{ IN, "ct state new add @seen { ip saddr timeout 10s }", NULL },
	{ IN, "ct state new update @seen { ip saddr limit rate over 10/minute } drop", NULL },
	{ IN, "fib daddr type local accept", "fib daddr type local accept" },
	{ IN, "fib daddr type { broadcast, multicast } drop",
	  "fib daddr type { broadcast, multicast } drop" },
	{ IN, "fib saddr . iif oif missing drop", NULL },
	{ IN, "reject with icmpx admin-prohibited", "reject" },
	{ IN, "tcp dport 99 reject with tcp reset", "tcp dport 99 reject" },
	{ IN, "numgen inc mod 2 == 0 drop", NULL },
	{ IN, "jhash ip saddr mod 4 == 1 drop", NULL },
	{ IN, "ip dscp set cs1", NULL },
	{ IN, "tcp option maxseg exists drop", NULL },
	{ IN, "log prefix \"dropped: \" level info drop", "log drop" },
	{ IN, "log group 2 snaplen 80 queue-threshold 2 jump odd-na.me", "log jump odd-na.me" },
	{ IN, "ip protocol esp accept", "ip protocol esp accept" },
	{ IN, "return", "return" },
	{ "ip n pre", "tcp dport 80 dnat to 192.0.2.1:8080", "tcp dport 80 nat" },
	{ "ip n pre", "tcp dport { 1, 2 } redirect to :99", "tcp dport { 1, 2 } redirect" },
	{ "ip n pre", "dnat to tcp dport map { 81 : 192.0.2.5, 82 : 192.0.2.6 }", NULL },
	{ "ip n post", "oifname \"eth0\" masquerade", "oifname \"eth0\" masquerade" },
	{ "ip n post", "snat to 192.0.2.4-192.0.2.8 persistent", "nat" },
	{ "ip m pre", "ip ttl set 3", NULL },
	{ "ip m pre", "dup to 192.0.2.9", NULL },
};

struct fixture {
	struct nft_wire *w;
	struct diag d;
};

static int enter(void **state)
{
	static struct fixture f;

	if (!enter_namespace())
		return 0;
	f.w = nft_wire_open(&f.d);
	if (!f.w)
		return -1;
	*state = &f;
	return 0;
}

static int leave(void **state)
{
	struct fixture *f = *state;

	if (f) {
		nft_wire_close(f->w);
		diag_free(&f->d);
	}
	return 0;
}

/* The test's namespace with the tables in it, empty but for them; skips where it cannot be had. */
static struct fixture *fixture(void **state)
{
	char *s;

	if (!*state)
		skip();
	s = nft_words("flush ruleset\n", setup, "");
	if (!s)
		skip();
	free(s);
	return *state;
}

static const struct fw_chain *find_chain(const struct fw *fw, const char *name)
{
	for (size_t i = 0; i < fw->n_chains; i++) {
		const struct fw_chain *c = &fw->chains[i];
		struct text t = { 0 };
		bool same;

		chain_name_text(FORM_NFT, c->family, c->table, c->name, &t);
		same = strcmp(t.s, name) == 0;
		free(t.s);
		if (same)
			return &fw->chains[i];
	}
	fail_msg("no chain %s", name);
	return NULL;
}

static char *body_of(const struct fw_rule *r)
{
	struct text t = { 0 };

	text_add(&t, "%s", "");
	for (size_t i = 0; i < r->n_exprs; i++)
		if (r->exprs[i].body) /* NULL: what an extension of iptables means */
			text_add(&t, "%s%s", t.len ? " " : "", r->exprs[i].body);
	return t.s;
}

static uint8_t number_of(enum table_family f)
{
	return f == TABLE_IP ? NFPROTO_IPV4 : f == TABLE_IP6 ? NFPROTO_IPV6 : NFPROTO_INET;
}

/* iptables extensions want to know the protocol of their rule. */
static void put_compat(struct nlmsghdr *h, const struct fw_rule *r)
{
	for (size_t i = 0; i + 1 < r->n_exprs; i++) {
		struct nlattr *nest;

		/* As iptables-nft up to 1.8.9 tests it, and as later ones do: "ip protocol". */
		if (r->exprs[i].op != FW_LOAD ||
		    (r->exprs[i].field != FW_F_L4PROTO &&
		     (r->exprs[i].field != FW_F_NETWORK || r->exprs[i].offset != 9)))
			continue;
		nest = mnl_attr_nest_start(h, NFTA_RULE_COMPAT);
		mnl_attr_put_u32(h, NFTA_RULE_COMPAT_PROTO, htonl(r->exprs[i + 1].data[0]));
		mnl_attr_put_u32(h, NFTA_RULE_COMPAT_FLAGS, 0);
		mnl_attr_nest_end(h, nest);
	}
}

/* Appends a rule with this body to its own chain; the kernel's answer. */
static enum nft_send copy_rule(struct nft_wire *w, uint32_t genid, const struct fw_chain *c,
			       const struct fw_rule *r, const char *body)
{
	struct nft_batch b = { 0 };
	struct nft_error errors[4];
	uint32_t id = 1;
	struct nlmsghdr *h;
	struct nlattr *nest;
	enum nft_send sent;
	size_t n;

	assert_int_equal(nft_body_put_sets(&b, number_of(c->family), c->table, body, &id), 0);
	h = nft_batch_msg(&b, NFT_MSG_NEWRULE, number_of(c->family), NLM_F_CREATE | NLM_F_APPEND,
			  NFT_ROOM + nft_body_room(body));
	mnl_attr_put_strz(h, NFTA_RULE_TABLE, c->table);
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, c->name);
	nest = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	assert_int_equal(nft_body_put(h, body, 1), 0);
	mnl_attr_nest_end(h, nest);
	put_compat(h, r);
	nft_batch_done(&b, h);
	sent = nft_batch_send(w, &b, genid, false, errors, ARRAY_SIZE(errors), &n);
	if (sent == NFT_REFUSED)
		print_message("# refused: message %u of %u, %s\n", errors[0].message, b.n,
			      strerror(errors[0].errnum));
	nft_batch_free(&b);
	return sent;
}

static void check_text(const struct fw_rule *r, const char *want)
{
	auto_free char *text = fw_rule_text(r);

	if (want && strcmp(text, want) != 0)
		fail_msg("%s\n but should be\n%s", text, want);
}

/* The last rule of the chain, copied: the same body. */
static void check_copy(struct fixture *f, const char *chain, const char *text)
{
	struct nft_snapshot before = { 0 }, after = { 0 };
	const struct fw_chain *c;
	const struct fw_rule *r;
	char *body, *again;

	assert_int_equal(nft_snapshot_read(f->w, &before, &f->d), 0);
	c = find_chain(&before.fw, chain);
	assert_true(c->n_rules > 0);
	r = &c->rules[c->n_rules - 1];
	check_text(r, text);
	body = body_of(r);
	if (copy_rule(f->w, before.genid, c, r, body) != NFT_SENT)
		fail_msg("cannot copy to %s: %s", chain, body);
	assert_int_equal(nft_snapshot_read(f->w, &after, &f->d), 0);
	c = find_chain(&after.fw, chain);
	again = body_of(&c->rules[c->n_rules - 1]);
	assert_string_equal(again, body);
	free(body);
	free(again);
	nft_snapshot_free(&before);
	nft_snapshot_free(&after);
}

/* Each rule of the chain stands there with its copy behind it: nft sees no difference either. */
static void check_list(const char *chain)
{
	char *list = nft_words("list chain", chain, ""), *save = NULL, *before = NULL;
	size_t n = 0;

	assert_non_null(list);
	for (char *s = strtok_r(list, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
		if (strncmp(s, "\t\t", 2) != 0 || strncmp(s, "\t\ttype ", 7) == 0)
			continue; /* the chain's own lines */
		if (n++ % 2)
			assert_string_equal(s, before);
		before = s;
	}
	assert_true(n > 0 && n % 2 == 0);
	free(list);
}

static void test_copies(void **state)
{
	struct fixture *f = fixture(state);
	size_t loaded = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *s = nft_words("add rule", cases[i].chain, cases[i].rule);

		if (s) {
			check_copy(f, cases[i].chain, cases[i].text);
			loaded++;
		} else { /* a kernel without that expression */
			print_message("# not in this kernel: %s\n", cases[i].rule);
		}
		free(s);
	}
	assert_true(loaded > ARRAY_SIZE(cases) * 9 / 10);
	check_list(IN);
	check_list("ip n pre");
	check_list("ip n post");
	check_list("ip m pre");
}

/* A meter's set has a name of its own, which a copy cannot have, and elements that are its state.
 */
static void test_meter(void **state)
{
	struct fixture *f = fixture(state);
	struct nft_snapshot s = { 0 };
	const struct fw_chain *c;
	char *body, *again,
		*out = nft_words("add rule", IN, "meter m { ip saddr limit rate 1/second } accept");

	if (!out)
		skip();
	free(out);
	assert_int_equal(nft_snapshot_read(f->w, &s, &f->d), 0);
	c = find_chain(&s.fw, IN);
	body = body_of(&c->rules[c->n_rules - 1]);
	assert_int_equal(c->rules[c->n_rules - 1].exprs[c->rules[c->n_rules - 1].n_exprs - 2].op,
			 FW_LIMIT);
	assert_int_equal(copy_rule(f->w, 0, c, &c->rules[c->n_rules - 1], body), NFT_SENT);
	nft_snapshot_free(&s);
	assert_int_equal(nft_snapshot_read(f->w, &s, &f->d), 0);
	c = find_chain(&s.fw, IN);
	again = body_of(&c->rules[c->n_rules - 1]);
	assert_string_equal(again, body);
	free(again);
	free(body);
	nft_snapshot_free(&s);
}

/* A jump into a chain without a name can stand in one rule only; we say so before the kernel does.
 */
static void test_once(void **state)
{
	struct fixture *f = fixture(state);
	struct nft_snapshot s = { 0 };
	const struct fw_chain *c;
	char *out = nft_words("add rule", IN, "tcp dport 7 jump { counter ; drop ; }");

	if (!out)
		skip();
	free(out);
	assert_int_equal(nft_snapshot_read(f->w, &s, &f->d), 0);
	c = find_chain(&s.fw, IN);
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];

		assert_int_equal(r->exprs[r->n_exprs - 1].once, i + 1 == c->n_rules);
	}
	nft_snapshot_free(&s);
}

/* iptables-nft, where it is installed. */
static void test_iptables(void **state)
{
	static const char *const rules[][16] = {
		{ "-p", "tcp", "--dport", "22", "-m", "conntrack", "--ctstate", "NEW", "-j",
		  "ACCEPT" },
		{ "-p", "tcp", "-m", "multiport", "--dports", "80,443", "-j", "ACCEPT" },
		{ "-m", "limit", "--limit", "5/s", "-j", "LOG", "--log-prefix", "x" },
		{ "-p", "udp", "-m", "hashlimit", "--hashlimit-above", "10/s", "--hashlimit-name",
		  "h", "-j", "DROP" },
		{ "-m", "state", "--state", "ESTABLISHED", "-j", "ACCEPT" },
		{ "-m", "comment", "--comment", "no reason", "-j", "RETURN" },
		{ "-m", "statistic", "--mode", "nth", "--every", "3", "--packet", "0", "-j",
		  "DROP" },
	};
	struct fixture *f = fixture(state);

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const char *argv[20] = { "iptables-nft", "-w", "-A", "INPUT" };
		int status = -1;
		pid_t pid;

		memcpy(argv + 4, rules[i], sizeof rules[i]);
		pid = fork();
		if (pid == 0) {
			execvp(argv[0], (char *const *)(uintptr_t)argv);
			_exit(127);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
			skip();
		if (status == 0)
			check_copy(f, "ip filter INPUT", NULL);
		else
			print_message("# iptables-nft refused rule %zu\n", i);
	}
	check_list("ip filter INPUT");
}

/* A stale generation id, a bad message among good ones, and a batch that is only asked about. */
static void test_batches(void **state)
{
	struct fixture *f = fixture(state);
	uint32_t genid = nft_wire_genid(f->w, &f->d), one;
	struct nft_error errors[1];
	size_t n;

	for (int i = 0; i < 4; i++) {
		static const enum nft_send want[] = { NFT_STALE, NFT_SENT, NFT_SENT, NFT_REFUSED };
		struct nft_batch b = { 0 };

		for (int k = 0; k < 3; k++) {
			struct nlmsghdr *h = nft_batch_msg(
				&b, k && i == 3 ? NFT_MSG_DELTABLE : NFT_MSG_NEWTABLE, NFPROTO_INET,
				k && i == 3 ? 0 : NLM_F_CREATE, NFT_ROOM);

			mnl_attr_put_strz(h, NFTA_TABLE_NAME, k && i == 3 ? "none" : "new");
			nft_batch_done(&b, h);
		}
		assert_int_equal(
			nft_batch_send(f->w, &b, i ? genid : genid - 1, i == 1, errors, 1, &n),
			want[i]);
		nft_batch_free(&b);
		one = nft_wire_genid(f->w, &f->d);
		assert_true((one != genid) == (i == 2));
		genid = one;
	}
	assert_int_equal(n, 2);
	assert_int_equal(errors[0].message, 1);
	assert_int_equal(errors[0].errnum, ENOENT);
}

/* More than a socket sends at once unless it is told to. */
static void test_large_batch(void **state)
{
	struct fixture *f = fixture(state);
	uint32_t genid = nft_wire_genid(f->w, &f->d);
	struct nft_snapshot s = { 0 };
	struct nft_batch b = { 0 };
	size_t n;

	for (int i = 0; i < 4000; i++) {
		struct nlmsghdr *h = nft_batch_msg(&b, NFT_MSG_NEWRULE, NFPROTO_INET,
						   NLM_F_CREATE | NLM_F_APPEND, NFT_ROOM);
		struct nlattr *nest;

		mnl_attr_put_strz(h, NFTA_RULE_TABLE, "t");
		mnl_attr_put_strz(h, NFTA_RULE_CHAIN, "odd-na.me");
		nest = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
		assert_int_equal(nft_body_put(h, "counter: verdict:accept", 0), 0);
		mnl_attr_nest_end(h, nest);
		nft_batch_done(&b, h);
	}
	assert_true(b.len > 212992); /* the usual net.core.wmem_default */
	assert_int_equal(nft_batch_send(f->w, &b, genid, false, NULL, 0, &n), NFT_SENT);
	nft_batch_free(&b);
	assert_int_equal(nft_snapshot_read(f->w, &s, &f->d), 0);
	assert_int_equal(find_chain(&s.fw, "inet t odd-na.me")->n_rules, 4000);
	nft_snapshot_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),	cmocka_unit_test(test_meter),
		cmocka_unit_test(test_once),	cmocka_unit_test(test_iptables),
		cmocka_unit_test(test_batches), cmocka_unit_test(test_large_batch),
	};

	return cmocka_run_group_tests_name("nft_body", tests, enter, leave);
}
