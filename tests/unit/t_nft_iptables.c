/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins in the tables of iptables-nft, against the kernel and iptables itself: it must read, find,
 * delete, save and restore every one of them, and what it restores must still be the twin. */
#include "nft_namespace.h"

#include "iptables_lab.h"

#include "kernel/nft_iptables.h"
#include "native.h"
#include "random_xt.h"

/* %s: the prefix of a private network, the protocol of ICMP. */
static const char firewall[] =
	"*filter\n"
	":INPUT DROP [0:0]\n"
	":FORWARD DROP [0:0]\n"
	":OUTPUT ACCEPT [0:0]\n"
	":services - [0:0]\n"
	"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"-A INPUT -i lo -j ACCEPT\n"
	"-A INPUT ! -i eth9 -s %s -p tcp -m tcp --dport 22 -m state --state NEW -m limit "
	"--limit 3/min -j ACCEPT\n"
	"-A INPUT -p tcp -m tcp ! --dport 113 -m conntrack --ctstate NEW -m mark --mark 0x3 "
	"-j LOG --log-prefix \"new: \"\n"
	"-A INPUT -p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -m conntrack --ctstate NEW "
	"-j REJECT --reject-with tcp-reset\n"
	"-A INPUT ! -d %s -m conntrack --ctstate NEW -m comment --comment \"say \\\"hi\\\"\" "
	"-g services\n"
	"-A INPUT -p udp -m udp --sport 67:68 -m conntrack --ctstate NEW,RELATED -j services\n"
	"-A INPUT -p %s -m conntrack --ctstate RELATED -j ACCEPT\n"
	"-A INPUT -m conntrack --ctstate INVALID -j NFLOG --nflog-prefix inv\n"
	"-A services -p tcp -m multiport --dports 80,443,8000:8010 -m conntrack --ctstate NEW "
	"-m hashlimit --hashlimit-above 20/sec --hashlimit-burst 5 --hashlimit-mode srcip "
	"--hashlimit-name conns -j DROP\n"
	"-A services -m conntrack --ctstate NEW -m recent --update --seconds 60 --hitcount 4 "
	"--name bad --rsource -j DROP\n"
	"-A services -m state --state NEW -j ACCEPT\n"
	"COMMIT\n";

static struct fixture *need_iptables(void **state)
{
	struct fixture *f = need(state);
	char *version = shell("iptables-nft -V", NULL);

	if (!version)
		skip();
	free(version);
	return f;
}

static void load(int which)
{
	const char *net = which ? "2001:db8:8000::/33" : "10.32.0.0/11";
	const char *other = which ? "fd00::/8" : "192.168.0.0/16";
	char *saved;
	auto_free char *rules = xasprintf(firewall, net, other, which ? "ipv6-icmp" : "icmp");

	free(must_tool(which, "-restore", "", rules));
	/* Some matches (recent) are never again what they were the first time. */
	saved = must_tool(which, "-save", "", NULL);
	free(must_tool(which, "-restore", "", saved));
	free(saved);
}

/* A twin of any rule, as the derivation would make it. false: this match has none there. */
static bool random_copy(uint64_t *seed, const struct fw_chain *c, uint64_t anchor,
			struct ruleset *want)
{
	const struct fw_rule *r = &c->rules[random_below(seed, (unsigned)c->n_rules)];
	struct match m;
	struct twin *w;
	char *body;

	xt_random_match(seed, c->family, strcmp(c->name, "OUTPUT") != 0, &m);
	body = iptables_twin_body(r, &m);
	if (!body || !*body || !iptables_match_fits(&m)) {
		free(body);
		match_free(&m);
		return false;
	}
	w = ruleset_add_twin(want);
	w->form = c->form;
	w->family = c->family;
	w->table = xstrdup(c->table);
	w->chain = xstrdup(c->name);
	w->anchor = anchor;
	w->names = xstrdup(random_below(seed, 2) ? "web,api,+12" : "d-n.s");
	w->match = m;
	w->body = body;
	return true;
}

static void random_copies(uint64_t *seed, const struct fw *fw, struct ruleset *want)
{
	*want = (struct ruleset){ 0 };
	for (size_t i = 0; i < fw->n_chains; i++) {
		const struct fw_chain *c = &fw->chains[i];

		if (c->form == FORM_LEGACY)
			continue;
		assert_int_equal(c->form, FORM_IPTABLES_NFT);
		for (size_t k = 0; c->n_rules && k <= c->n_rules; k++)
			for (unsigned n = random_below(seed, 5); n;)
				n -= random_copy(seed, c, k < c->n_rules ? c->rules[k].handle : 0,
						 want);
	}
	ruleset_normalise(want);
}

/* After a restore every rule has a new handle; the order is the same. */
static void assert_holds_at_new_handles(struct fixture *f, struct ruleset *want)
{
	struct ruleset got;

	read_all(f, &got, NULL);
	for (size_t i = 0; i < want->n_twins && i < got.n_twins; i++)
		want->twins[i].anchor = got.twins[i].anchor;
	assert_equal(want, &got);
	ruleset_free(&got);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *s = text; (s = strstr(s, what)) != NULL; s++)
		n++;
	return n;
}

static void whatever_fits_survives_a_restore(void **state)
{
	struct fixture *f = need_iptables(state);
	uint64_t seed = 20231;
	struct ruleset none = { 0 }, want;
	char *before, *after;
	struct fw fw;

	for (int round = 0; round < 6; round++) {
		flush();
		load(round % 2);
		read_all(f, &none, &fw);
		before = must_tool(round % 2, "-save | grep -v '^#'", "", NULL);
		random_copies(&seed, &fw, &want);
		apply(f, &want);
		for (int again = 0; again < 2; again++) {
			char *saved = must_tool(round % 2, "-save", "", NULL);

			assert_int_equal(count(saved, "\n-A "),
					 count(before, "\n-A ") + want.n_twins);
			free(must_tool(round % 2, "-restore", "", saved));
			free(saved);
			assert_holds_at_new_handles(f, &want);
		}
		ruleset_free(&want);
		apply(f, &none);
		after = must_tool(round % 2, "-save | grep -v '^#'", "", NULL);
		assert_same_text(before, after);
		free(after);
		fw_free(&fw);
		free(before);
	}
}

/* The lines of -S that are twins, found and deleted by what iptables prints of them. */
static void iptables_finds_them_by_their_words(void **state)
{
	struct fixture *f = need_iptables(state);
	uint64_t seed = 99;
	struct ruleset none = { 0 }, want;
	struct fw fw;

	for (int which = 0; which < 2; which++) {
		char *list, *save = NULL;
		size_t n = 0;

		flush();
		load(which);
		read_all(f, &none, &fw);
		random_copies(&seed, &fw, &want);
		apply(f, &want);
		free(must_tool(which, "", "-L -n -v", NULL));
		free(must_tool(which, "", "-C INPUT -i lo -j ACCEPT", NULL));
		list = must_tool(which, "", "-S", NULL);
		assert_int_equal(count(list, "\"untrack:") + count(list, " untrack:"),
				 want.n_twins);
		for (char *s = strtok_r(list, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
			if (!strstr(s, "untrack:"))
				continue;
			s[1] = 'C';
			free(must_tool(which, "", s, NULL));
			s[1] = 'D';
			free(must_tool(which, "", s, NULL));
			n++;
		}
		assert_int_equal(n, want.n_twins);
		free(list);
		ruleset_free(&want);
		assert_holds(f, &none);
		fw_free(&fw);
	}
}

static void a_comment_makes_no_twin(void **state)
{
	static const char *const foreign[] = {
		"-p tcp --dport 80 -m comment --comment untrack:web -j ACCEPT",
		"-p tcp -m multiport --dports 80 -m comment --comment untrack:web "
		"-m conntrack --ctstate UNTRACKED -j ACCEPT",
		"-p tcp -m multiport --dports 80 -m conntrack --ctstate UNTRACKED,NEW "
		"-m comment --comment untrack:web -j ACCEPT",
		"-p tcp --dport 80 -m conntrack --ctstate UNTRACKED -m comment --comment "
		"untrack:web "
		"-j ACCEPT",
		"-p tcp -m multiport --ports 80 -m conntrack --ctstate UNTRACKED -m comment "
		"--comment "
		"untrack:web -j ACCEPT",
		"! -p tcp -m conntrack --ctstate UNTRACKED -m comment --comment untrack:web -j "
		"ACCEPT",
		"-p icmp -f -m conntrack --ctstate UNTRACKED -m comment --comment untrack:web "
		"-j ACCEPT",
		"-s 10.0.0.1/255.0.0.255 -p tcp -m conntrack --ctstate UNTRACKED -m comment "
		"--comment "
		"untrack:web -j ACCEPT",
		"-p tcp -m tcp --syn -m conntrack --ctstate UNTRACKED -m mark --mark 1 -m comment "
		"--comment untrack:web -j ACCEPT",
		"-p tcp -m tcp --tcp-flags SYN SYN -m conntrack --ctstate UNTRACKED -m comment "
		"--comment untrack:web -j ACCEPT",
		"-p tcp -m conntrack --ctstate UNTRACKED -m comment --comment untracked:web -j "
		"ACCEPT",
	};
	struct fixture *f = need_iptables(state);
	struct ruleset got;

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		auto_free char *rule = xasprintf("-A INPUT %s", foreign[i]);

		free(must_tool(0, "", rule, NULL));
		read_all(f, &got, NULL);
		if (got.n_twins || got.n_foreign)
			fail_msg("taken for a twin: %s", rule);
		ruleset_free(&got);
	}
	free(must_tool(0, "",
		       "-A INPUT -i eth+ -p tcp -m tcp --syn -m multiport --dports 80,90:91 "
		       "-m addrtype --dst-type LOCAL -m conntrack --ctstate UNTRACKED "
		       "-m comment --comment untrack:web -j ACCEPT",
		       NULL));
	free(must_tool(0, "",
		       "-A INPUT -s 10.1.0.0/16 -p tcp -m conntrack --ctstate UNTRACKED "
		       "-m comment --comment untrack:web -j ACCEPT",
		       NULL));
	read_all(f, &got, NULL);
	assert_int_equal(got.n_twins, 2);
	assert_int_equal(got.twins[0].match.tcp, TCP_OPENING);
	assert_string_equal(got.twins[0].match.in.v[0], "eth*");
	assert_string_equal(got.twins[0].body, "counter: verdict:accept");
	assert_string_equal(got.twins[1].body, "saddr:10.1.0.0/16 counter: verdict:accept");
	ruleset_free(&got);
}

static const struct fw_rule *rule_of(const struct fw *fw, const char *chain, size_t i)
{
	for (size_t k = 0; k < fw->n_chains; k++)
		if (!strcmp(fw->chains[k].name, chain) && i < fw->chains[k].n_rules)
			return &fw->chains[k].rules[i];
	fail_msg("no rule %zu in %s", i, chain);
	return NULL;
}

static void the_wordiest_match(bool icmp, struct match *m)
{
	struct prefix p = { FAMILY_V6, 127, { 0x20, 1, 0x0d, 0xb8, [15] = 0xfe } };

	*m = (struct match){ .families = FAMILIES_V6, .proto = IPPROTO_TCP };
	m->tcp = icmp ? TCP_ANY : TCP_CONTINUING;
	m->icmp = icmp ? ICMP_IS_ERROR : ICMP_ANY;
	m->dst_kind = DST_NOT_LOCAL;
	for (unsigned i = 0; i < (icmp ? IPTABLES_QUOTED_RANGES : IPTABLES_PORT_SLOTS); i++)
		ports_add(&m->sport, (uint16_t)(60000 + 2 * i), (uint16_t)(60000 + 2 * i));
	ports_copy(&m->dport, &m->sport);
	ifaces_add(&m->not_in, "fifteen-letters");
	/* Each of those that are quoted has a u32 match to itself, of two thousand bytes. */
	for (unsigned i = 0; i < (icmp ? IPTABLES_QUOTED_EXCLUDED6_MAX : IPTABLES_EXCLUDED_MAX);
	     i++, p.addr[7]++)
		addrs_add(i % 2 ? &m->not_src : &m->not_dst, &p);
	addrs_add(&m->src, &p);
	addrs_add(&m->dst, &p);
	assert_true(iptables_match_fits(m));
}

/* iptables-restore takes 255 words of a rule, each of at most 1023 letters. */
static void the_longest_rules_are_restored(void **state)
{
	struct fixture *f = need_iptables(state);
	struct ruleset none = { 0 };

	for (int icmp = 0; icmp < 2; icmp++) {
		struct ruleset want = { 0 };
		struct twin *w;
		struct fw fw;
		char *text;

		flush();
		load(1);
		read_all(f, &none, &fw);
		w = ruleset_add_twin(&want);
		*w = (struct twin){ .form = FORM_IPTABLES_NFT,
				    .family = TABLE_IP6,
				    .table = xstrdup("filter"),
				    .chain = xstrdup("services"),
				    .names = xstrdup("web,api,+12") };
		the_wordiest_match(icmp, &w->match);
		text = iptables_twin_body(rule_of(&fw, "services", icmp ? 1 : 0), &w->match);
		assert_non_null(text);
		w->body = xasprintf("saddr:2001:db8::/32 daddr:2001:db8::/33 %s", text);
		free(text);
		ruleset_normalise(&want);
		apply(f, &want);
		text = must_tool(1, "-save", "", NULL);
		free(must_tool(1, "-restore", "", text));
		free(text);
		assert_holds_at_new_handles(f, &want);
		ruleset_free(&want);
		fw_free(&fw);
	}
}

/* A rule that the kernel cannot list hides all others. */
static void what_cannot_be_listed_is_refused(void **state)
{
	struct fixture *f = need_iptables(state);
	struct text body = { 0 };
	struct ruleset none = { 0 }, want = { 0 };
	struct twin *w;

	load(1);
	assert_holds(f, &none);
	w = ruleset_add_twin(&want);
	*w = (struct twin){ .form = FORM_IPTABLES_NFT,
			    .family = TABLE_IP6,
			    .table = xstrdup("filter"),
			    .chain = xstrdup("services"),
			    .names = xstrdup("web") };
	the_wordiest_match(true, &w->match);
	for (int i = 0; i < 2000; i++)
		text_add(&body, "counter: ");
	text_add(&body, "verdict:accept");
	w->body = body.s;
	assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_FAILED);
	assert_non_null(strstr(f->d.v[0].text, "no single rule can match this"));
	diag_free(&f->d);
	ruleset_free(&want);
}

/* What an administrator sees. */
static void words(void **state)
{
	static const struct {
		const char *match, *body, *line;
	} cases[] = {
		{ "family ipv4 protocol tcp dport 80,8000-8010 in eth* to local opening",
		  "daddr:!10.0.0.0/9 counter: verdict:accept",
		  "-A INPUT ! -d 10.0.0.0/9 -i eth+ -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN "
		  "-m multiport --dports 80,8000:8010 -m addrtype --dst-type LOCAL "
		  "-m conntrack --ctstate UNTRACKED -m comment --comment \"untrack:web\" -j "
		  "ACCEPT" },
		{ "family ipv4 protocol udp sport 53 not-in eth0 src 192.0.2.0/24 not-src "
		  "192.0.2.8/29",
		  "saddr:10.0.0.0/8 counter: verdict:return",
		  "-A INPUT -s 10.0.0.0/8 ! -i eth0 -p udp -m multiport --sports 53 "
		  "-m iprange --src-range 192.0.2.0-192.0.2.255 "
		  "-m iprange ! --src-range 192.0.2.8-192.0.2.15 "
		  "-m conntrack --ctstate UNTRACKED -m comment --comment \"untrack:web\" -j "
		  "RETURN" },
		{ "family ipv4 protocol icmp request", "counter: verdict:accept",
		  "-A INPUT -p icmp -m u32 --u32 \"0x0>>0x16&0x3c@0x0>>0x18=0x8,0xd,0xf,0x11\" "
		  "-m conntrack --ctstate UNTRACKED -m comment --comment \"untrack:web\" -j "
		  "ACCEPT" },
		{ "family ipv4 error protocol tcp dport 80 src 10.0.0.0/8 not-dst 10.1.2.3",
		  "counter: verdict:accept",
		  "-A INPUT -p icmp -m u32 --u32 \"0x0>>0x16&0x3c@0x0>>0x18=0x3:0x5,0xb:0xc&&"
		  "0x0>>0x16&0x3c@0x8>>0x18=0x45&&"
		  "0x0>>0x16&0x3c@0x10>>0x10&0xff=0x6&&"
		  "0x0>>0x16&0x3c@0x1c&0xffff=0x50&&"
		  "0x0>>0x16&0x3c@0x14&0xff000000=0xa000000&&"
		  "0x0>>0x16&0x3c@0x18=0x0:0xa010202,0xa010204:0xffffffff\" "
		  "-m conntrack --ctstate UNTRACKED -m comment --comment \"untrack:web\" -j "
		  "ACCEPT" },
		{ "family ipv6 error protocol udp sport 53 not-src 2001:db8::/36",
		  "counter: verdict:accept",
		  "-A INPUT -p ipv6-icmp -m u32 --u32 \"0x4>>0x8&0xff=0x3a&&0x28>>0x18=0x1:0x4&&"
		  "0x34>>0x8&0xff=0x11&&0x58>>0x10=0x35&&0x44=0x0:0xffffffff\" "
		  "-m u32 ! --u32 \"0x38=0x20010db8&&0x3c&0xf0000000=0x0\" "
		  "-m conntrack --ctstate UNTRACKED -m comment --comment \"untrack:web\" -j "
		  "ACCEPT" },
		{ "family ipv6 protocol tcp dport 80 in lo continuing",
		  "payload:08000100000000010800020000000002080003000000000d0800040000000001 "
		  "counter: verdict:accept",
		  "-A INPUT -i lo -p tcp -m u32 --u32 \"0x4>>0x8&0xff=0x6&&"
		  "0x34>>0x10&0x17=0x0:0x1,0x3:0x17\" -m multiport --dports 80 "
		  "-m conntrack --ctstate UNTRACKED -m comment --comment \"untrack:web\" -j "
		  "ACCEPT" },
	};
	struct fixture *f = need_iptables(state);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int v6 = strstr(cases[i].match, "ipv6") != NULL;
		auto_free char *bodies = native_bodies(cases[i].body);
		auto_free char *line =
			xasprintf("twin iptables-nft %s filter INPUT last untrack:web "
				  "%s :: %s\n",
				  v6 ? "ip6" : "ip", cases[i].match, bodies);
		struct ruleset want;
		char *list;

		flush();
		load(v6);
		parse(f, &want, line);
		apply(f, &want);
		list = must_tool(v6, "", "-S INPUT | tail -n 1 | tr -d '\\n'", NULL);
		assert_string_equal(list, cases[i].line);
		free(list);
		ruleset_free(&want);
	}
}

static void a_plain_twin(struct ruleset *rs, const char *body)
{
	struct twin *w = ruleset_add_twin(rs);

	*w = (struct twin){ .form = FORM_IPTABLES_NFT,
			    .table = xstrdup("filter"),
			    .chain = xstrdup("INPUT"),
			    .names = xstrdup("web"),
			    .body = xstrdup(body) };
	w->match = (struct match){ .families = FAMILIES_V4, .proto = IPPROTO_TCP };
	ports_add(&w->match.dport, 80, 80);
}

/* One refused rule and a good one before it: a finding about the refused one, and nothing done. */
static void refusals_name_their_twin(void **state)
{
	struct fixture *f = need_iptables(state);
	auto_free char *unknown = xt_body(&(struct xt_ext){
		.name = "nosuchmatch", .data = (const uint8_t *)"\0\0\0\0\0\0\0", .len = 8 });
	auto_free char *body = xasprintf("%s counter: verdict:accept", unknown);
	const char *const bad[] = { body, "no-body", "counter: lookup:00{00/00}" };
	const char *const says[] = { "in chain INPUT of table ip filter", "not the body of a rule",
				     "no single rule can match this" };
	struct ruleset want, none = { 0 };
	char *before, *after;

	load(0);
	before = must_tool(0, "-save | grep -v '^#'", "", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_holds(f, &none);
		want = (struct ruleset){ 0 };
		a_plain_twin(&want, "counter: verdict:accept");
		a_plain_twin(&want, bad[i]);
		want.twins[1].names[0] = 'x';
		ruleset_normalise(&want);
		assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_FAILED);
		assert_int_equal(f->d.n, 1);
		assert_non_null(strstr(f->d.v[0].text, says[i]));
		assert_non_null(strstr(f->d.v[0].text, "untrack:xeb"));
		diag_free(&f->d);
		ruleset_free(&want);
	}
	assert_holds(f, &none);
	after = must_tool(0, "-save | grep -v '^#'", "", NULL);
	assert_same_text(before, after);
	free(before);
	free(after);
}

/* Matches that no rule of iptables holds never reach the kernel. */
static void what_does_not_fit_is_refused(void **state)
{
	struct fixture *f = need_iptables(state);
	struct ruleset want = { 0 }, none = { 0 };

	load(0);
	assert_holds(f, &none);
	a_plain_twin(&want, "counter: verdict:accept");
	for (uint16_t i = 0; i < 16; i++)
		ports_add(&want.twins[0].match.sport, (uint16_t)(100 + 2 * i),
			  (uint16_t)(100 + 2 * i));
	assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_FAILED);
	assert_non_null(strstr(f->d.v[0].text, "no single rule can match this"));
	diag_free(&f->d);
	ports_normalise(&want.twins[0].match.sport);
	want.twins[0].match.sport.n = 15;
	assert_int_equal(nft_backend.check(f->b, &want, &f->d), 0);
	want.twins[0].match.families = FAMILIES_V6;
	assert_int_equal(nft_backend.check(f->b, &want, &f->d), -1);
	diag_free(&f->d);
	ruleset_free(&want);
}

/* A backup moves to the other home: the same twins, and again after its own save and restore. The
 * tables of iptables-legacy stay, so this comes last. */
static void legacy_reads_them_as_well(void **state)
{
	struct fixture *f = need_iptables(state);
	uint64_t seed = 3;

	for (int which = 0; which < 2; which++) {
		auto_free char *saved = NULL, *again = NULL, *to = NULL;
		const char *family = which ? "ip6" : "ip";
		struct ruleset none = { 0 }, want, got, later;
		struct fw fw;

		flush();
		load(which);
		read_all(f, &none, &fw);
		random_copies(&seed, &fw, &want);
		fw_free(&fw);
		apply(f, &want);
		saved = must_tool(which, "-save", "", NULL);
		flush();
		to = xasprintf("%stables-legacy-restore", family);
		free(shell(to, saved));
		read_all(f, &got, NULL);
		if (!got.n_twins)
			skip();
		assert_int_equal(got.n_twins, want.n_twins);
		for (size_t i = 0; i < want.n_twins; i++) {
			assert_int_equal(got.twins[i].form, FORM_LEGACY);
			assert_int_equal(match_compare(&got.twins[i].match, &want.twins[i].match),
					 0);
			assert_string_equal(got.twins[i].names, want.twins[i].names);
		}
		free(to);
		to = xasprintf("%stables-legacy-save | %stables-legacy-restore", family, family);
		again = shell(to, NULL);
		assert_non_null(again);
		read_all(f, &later, NULL);
		assert_equal(&got, &later);
		ruleset_free(&want);
		ruleset_free(&got);
		ruleset_free(&later);
		free(shell(which ? "printf '*filter\\n:INPUT ACCEPT\\nCOMMIT\\n' | "
				   "ip6tables-legacy-restore"
				 : "printf '*filter\\n:INPUT ACCEPT\\nCOMMIT\\n' | "
				   "iptables-legacy-restore",
			   NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_fits_survives_a_restore),
		cmocka_unit_test(iptables_finds_them_by_their_words),
		cmocka_unit_test(the_longest_rules_are_restored),
		cmocka_unit_test(what_cannot_be_listed_is_refused),
		cmocka_unit_test(words),
		cmocka_unit_test(a_comment_makes_no_twin),
		cmocka_unit_test(refusals_name_their_twin),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(legacy_reads_them_as_well),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
