/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules that iptables-nft writes, read back: what they mean, in operations and in words. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernel/nft_snapshot.h"
#include "nft_lab.h"
#include "xt_text.h"

struct fixture {
	struct nft_wire *w;
	struct diag d;
};

static int enter(void **state)
{
	static struct fixture f;

	if (!enter_namespace())
		return getenv("UNTRACK_MUST_WORK") ? -1 : 0;
	f.w = nft_wire_open(&f.d);
	*state = &f;
	return f.w ? 0 : -1;
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

/* Only iptables or ip6tables of nf_tables; false: it did not take the rules. */
static bool restore(const char *program, const char *rules)
{
	auto_free char *name = xasprintf("%s-nft-restore", program);
	FILE *in = tmpfile();
	int status = -1, quiet;
	pid_t pid;

	assert_non_null(in);
	fputs(rules, in);
	rewind(in);
	pid = fork();
	if (pid == 0) {
		quiet = open("/dev/null", O_WRONLY);
		if (dup2(fileno(in), 0) < 0 || dup2(quiet, 1) < 0 || dup2(quiet, 2) < 0)
			_exit(126);
		execlp(name, name, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	fclose(in);
	return status == 0;
}

struct rule_case {
	const char *args;
	const char *ops;  /* of what iptables does not write in nf_tables' own words */
	const char *text; /* without the counter */
};

static const char *chain_of(const char *table)
{
	return strcmp(table, "filter") == 0    ? "INPUT"
	       : strcmp(table, "nat OUT") == 0 ? "POSTROUTING"
					       : "PREROUTING";
}

static const struct fw_rule *only_rule(const struct fw *fw)
{
	const struct fw_rule *r = NULL;

	for (size_t i = 0; i < fw->n_chains; i++) {
		if (fw->chains[i].n_rules)
			r = &fw->chains[i].rules[0];
		/* Some extensions have a native form, and the table is iptables' own all the same.
		 */
		assert_int_equal(fw->chains[i].form, FORM_IPTABLES_NFT);
	}
	assert_non_null(r);
	return r;
}

/* The counter comes before what the rule does. */
static char *without_counter(const struct fw_rule *r)
{
	char *s = fw_rule_text(r), *at = strstr(s, "counter");
	size_t n = strlen("counter ");

	assert_non_null(at);
	if (!at[n - 1])
		at[at > s ? -1 : 0] = '\0';
	else
		memmove(at, at + n, strlen(at + n) + 1);
	return s;
}

/* In tables of IPv4 iptables-nft 1.8.11 writes "ip protocol" where 1.8.9 writes "meta l4proto". */
static char *named_by_meta(char *text)
{
	static const char by_header[] = "ip protocol ";
	char *at = strstr(text, by_header), *s;

	if (!at)
		return text;
	s = xasprintf("%.*smeta l4proto %s", (int)(at - text), text, at + strlen(by_header));
	free(text);
	return s;
}

static void check(struct fixture *f, const char *program, const char *table,
		  const struct rule_case *c)
{
	auto_free char *rules = xasprintf("*%.*s\n-A %s %s\nCOMMIT\n", (int)strcspn(table, " "),
					  table, chain_of(table), c->args);
	struct nft_snapshot s = { 0 };
	const struct fw_rule *r;
	char *ops, *text;

	free(nft("/dev/stdin", "flush ruleset"));
	if (!restore(program, rules)) {
		print_message("# %s cannot write here: %s\n", program, c->args);
		return;
	}
	assert_int_equal(nft_snapshot_read(f->w, &s, &f->d), 0);
	r = only_rule(&s.fw);
	ops = x_text(r);
	text = named_by_meta(without_counter(r));
	if (strcmp(ops, c->ops) != 0 || strcmp(text, c->text) != 0)
		fail_msg("%s %s\n  %s\n  %s\nnot\n  %s\n  %s", program, c->args, ops, text, c->ops,
			 c->text);
	free(ops);
	free(text);
	nft_snapshot_free(&s);
}

static void check_all(void **state, const char *program, const char *table,
		      const struct rule_case *v, size_t n)
{
	struct fixture *f = *state;

	if (!f || !restore(program, "*filter\nCOMMIT\n")) {
		skip();
		return;
	}
	for (size_t i = 0; i < n; i++)
		check(f, program, table, &v[i]);
}

/* The same for both families. */
static const struct rule_case both[] = {
	{ "-m conntrack --ctstate NEW -j ACCEPT", "ct state &0x8 !=0x0", "ct state new accept" },
	{ "-m conntrack --ctstate NEW,ESTABLISHED,UNTRACKED -j ACCEPT", "ct state &0x4a !=0x0",
	  "ct state established,new,untracked accept" },
	{ "-m conntrack ! --ctstate ESTABLISHED,RELATED -j DROP", "ct state &0x6 ==0x0",
	  "ct state & established,related == 0x0 drop" },
	{ "-m conntrack --ctstate ESTABLISHED,DNAT -j ACCEPT", "ct state &0x2 !=0x0",
	  "ct state established accept" },
	{ "-m conntrack --ctstate SNAT -j ACCEPT", "ct state &0x0 !=0x0", "ct state 0x0 accept" },
	{ "-m conntrack --ctstate INVALID -j DROP", "ct state &0x1 !=0x0",
	  "ct state invalid drop" },
	{ "-m state --state NEW -j ACCEPT", "ct state &0x8 !=0x0", "ct state new accept" },
	{ "-m state ! --state INVALID -j ACCEPT", "ct state &0x1 ==0x0",
	  "ct state & invalid == 0x0 accept" },
	{ "-m conntrack --ctdir ORIGINAL -j ACCEPT", "ct direction ==00",
	  "ct direction original accept" },
	{ "-m conntrack --ctdir REPLY -j ACCEPT", "ct direction ==01",
	  "ct direction reply accept" },
	{ "-m conntrack --ctproto tcp -j ACCEPT", "ct protocol ==06", "ct protocol 6 accept" },
	{ "-m conntrack ! --ctproto 17 -j ACCEPT", "ct protocol !=11", "ct protocol != 17 accept" },
	{ "-p tcp -m conntrack --ctorigsrcport 5 -j ACCEPT",
	  "ct original proto-src maybe(ct original proto-src)",
	  "meta l4proto tcp [ct original proto-src] accept" },
	{ "-p tcp -m conntrack --ctorigdstport 5:10 -j ACCEPT",
	  "ct original proto-dst maybe(ct original proto-dst)",
	  "meta l4proto tcp [ct original proto-dst] accept" },
	{ "-m conntrack --ctstatus SEEN_REPLY,ASSURED -j ACCEPT", "ct status &0x6 !=0x0",
	  "ct status seen-reply,assured accept" },
	{ "-m conntrack ! --ctstatus CONFIRMED -j ACCEPT", "ct status &0x8 ==0x0",
	  "ct status & confirmed == 0x0 accept" },
	{ "-m conntrack --ctstatus NONE -j ACCEPT", "ct status &0x0 !=0x0",
	  "ct status 0x0 accept" },
	{ "-m conntrack --ctexpire 10:20 -j ACCEPT", "ct expiration maybe(ct expiration)",
	  "[ct expiration] accept" },
	{ "-m conntrack --ctstate NEW --ctdir ORIGINAL -j ACCEPT",
	  "ct state &0x8 !=0x0 ct direction ==00", "ct state new ct direction original accept" },
	{ "-m conntrack --ctstate UNTRACKED --ctdir ORIGINAL -j ACCEPT", "unknown(conntrack)",
	  "[match \"conntrack\"] accept" },
	{ "-m connmark --mark 5 -j ACCEPT", "ct mark ==0x5", "ct mark 0x00000005 accept" },
	{ "-m connmark ! --mark 5/0xff -j ACCEPT", "ct mark &0xff !=0x5",
	  "ct mark & 0x000000ff != 0x00000005 accept" },
	{ "-m mark --mark 5 -j ACCEPT", "", "meta mark 0x00000005 accept" },
	{ "-m mark ! --mark 5/0xf -j ACCEPT", "", "meta mark & 0x0000000f != 0x00000005 accept" },
	{ "-m helper --helper ftp -j ACCEPT", "ct helper ==66747000000000000000000000000000",
	  "ct helper \"ftp\" accept" },
	{ "-m helper ! --helper ftp -j ACCEPT", "", "accept" },
	{ "-m connbytes --connbytes 100: --connbytes-dir both --connbytes-mode bytes -j ACCEPT",
	  "ct bytes maybe(connbytes)", "[connbytes] accept" },
	{ "-m connlabel --label 40 -j ACCEPT", "ct label maybe(connlabel)", "[connlabel] accept" },
	{ "-p tcp -m tcp --dport 80 -j ACCEPT", "", "tcp dport 80 accept" },
	{ "-p tcp -m tcp --sport 1024:65535 ! --dport 1:9 -j ACCEPT", "",
	  "tcp sport 1024-65535 tcp dport != 1-9 accept" },
	{ "-p tcp --syn -j ACCEPT", "", "tcp flags & fin,syn,rst,ack == syn accept" },
	{ "-p tcp -m tcp --tcp-flags SYN,ACK SYN -j ACCEPT", "",
	  "tcp flags & syn,ack == syn accept" },
	{ "-p tcp -m tcp --tcp-option 5 -j ACCEPT", "maybe(tcp option)",
	  "meta l4proto tcp [tcp option] accept" },
	{ "-p tcp -m tcp --dport 80 --tcp-option 5 -j ACCEPT", "th@2/2 ==0050 maybe(tcp option)",
	  "tcp dport 80 [tcp option] accept" },
	{ "-p udp -m udp --dport 53 -j ACCEPT", "", "udp dport 53 accept" },
	{ "-p sctp -m sctp --dport 80 -j ACCEPT", "th@2/2 ==0050", "sctp dport 80 accept" },
	{ "-p sctp -m sctp ! --sport 80:90 --chunk-types any INIT -j ACCEPT",
	  "th@0/2 not in 0050-005a maybe(sctp chunk)", "sctp sport != 80-90 [sctp chunk] accept" },
	{ "-p dccp -m dccp --dport 80 -j ACCEPT", "th@2/2 ==0050", "dccp dport 80 accept" },
	{ "-p tcp -m multiport --dports 80,443 -j ACCEPT", "th@2/2 in {0050 01bb}",
	  "tcp dport { 80, 443 } accept" },
	{ "-p tcp -m multiport --sports 80,443,100:200 -j ACCEPT",
	  "th@0/2 in {0050 0064-00c8 01bb}", "tcp sport { 80, 100-200, 443 } accept" },
	{ "-p tcp -m multiport ! --dports 80,443 -j ACCEPT", "th@2/2 not in {0050 01bb}",
	  "tcp dport != { 80, 443 } accept" },
	{ "-p tcp -m multiport --ports 80,443 -j ACCEPT", "maybe(multiport)",
	  "meta l4proto tcp [multiport] accept" },
	{ "-p tcp -m multiport --dports 80 -j ACCEPT", "th@2/2 ==0050", "tcp dport 80 accept" },
	{ "-m addrtype --src-type LOCAL -j ACCEPT", "maybe(addrtype)", "[addrtype] accept" },
	{ "-m comment --comment hello -j ACCEPT", "", "accept" },
	{ "-m limit --limit 5/min -j ACCEPT", "", "limit accept" },
	{ "-m hashlimit --hashlimit-upto 5/min --hashlimit-mode srcip --hashlimit-name a -j ACCEPT",
	  "limit(hashlimit)", "[hashlimit] accept" },
	{ "-m recent --name a --set", "limit(recent)", "[recent]" },
	{ "-m recent --name a --update --seconds 60 --hitcount 4 -j DROP", "limit(recent)",
	  "[recent] drop" },
	{ "-m quota --quota 1000 -j ACCEPT", "limit(quota)", "quota accept" },
	{ "-m statistic --mode random --probability 0.5 -j ACCEPT", "limit(statistic)",
	  "[statistic] accept" },
	{ "-m length --length 100 -j ACCEPT", "maybe(length)", "[length] accept" },
	{ "-m mac --mac-source 00:11:22:33:44:55 -j ACCEPT", "maybe(mac)", "[mac] accept" },
	{ "-m pkttype --pkt-type broadcast -j ACCEPT", "maybe(pkttype)", "[pkttype] accept" },
	{ "-m policy --dir in --pol none -j ACCEPT", "maybe(policy)", "[policy] accept" },
	{ "-p esp -m esp --espspi 5 -j ACCEPT", "maybe(esp)", "meta l4proto esp [esp] accept" },
	{ "-m time --timestart 10:00 -j ACCEPT", "maybe(time)", "[time] accept" },
	{ "-m string --algo bm --string foo -j DROP", "maybe(string)", "[string] drop" },
	{ "-m u32 --u32 0=1 -j DROP", "maybe(u32)", "[u32] drop" },
	{ "-m bpf --bytecode \"1,6 0 0 1\" -j DROP", "maybe(bpf)", "[bpf] drop" },
	{ "-m devgroup --src-group 1 -j ACCEPT", "maybe(devgroup)", "[devgroup] accept" },
	{ "-m socket -j ACCEPT", "maybe(socket)", "[socket] accept" },
	{ "-m tos --tos 8 -j ACCEPT", "maybe(tos)", "[tos] accept" },
	{ "-m dscp --dscp 8 -j ACCEPT", "maybe(dscp)", "[dscp] accept" },
	{ "-p tcp -m tcpmss --mss 1:100 -j ACCEPT", "maybe(tcpmss)",
	  "meta l4proto tcp [tcpmss] accept" },
	{ "-m physdev --physdev-in eth0 -j ACCEPT", "maybe(physdev)", "[physdev] accept" },
	{ "-m cpu --cpu 1 -j ACCEPT", "maybe(cpu)", "[cpu] accept" },
	{ "-m cgroup --cgroup 1 -j ACCEPT", "maybe(cgroup)", "[cgroup] accept" },
	{ "-p 108 -m ipcomp --ipcompspi 1 -j ACCEPT", "maybe(ipcomp)",
	  "meta l4proto ipcomp [ipcomp] accept" },
	{ "-j LOG --log-prefix \"x \"", "effect(log)", "log" },
	{ "-j NFLOG --nflog-group 5", "", "log" },
	{ "-j NFQUEUE --queue-num 5", "verdict(queue)", "queue" },
	{ "-j NFQUEUE --queue-num 5 --queue-bypass", "verdict(queue)", "queue" },
	{ "-j AUDIT --type drop", "effect(log)", "[AUDIT]" },
	{ "-j MARK --set-mark 5", "effect(meta mark)", "meta mark set" },
	{ "-p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -m recent --name x --rcheck -m "
	  "limit --limit 1/s -m comment --comment \"hi\" -j ACCEPT",
	  "ct state &0x8 !=0x0 limit(recent)", "tcp dport 80 ct state new [recent] limit accept" },
};

static const struct rule_case v4[] = {
	{ "-m conntrack --ctorigsrc 10.0.0.0/8 -j ACCEPT",
	  "ct original saddr maybe(ct original saddr)", "[ct original saddr] accept" },
	{ "-m conntrack --ctorigdst 10.0.0.0/8 -j ACCEPT",
	  "ct original daddr maybe(ct original daddr)", "[ct original daddr] accept" },
	{ "-m conntrack --ctreplsrc 10.0.0.0/8 -j ACCEPT", "ct reply saddr maybe(ct reply saddr)",
	  "[ct reply saddr] accept" },
	{ "-m conntrack --ctrepldst 10.0.0.0/8 -j ACCEPT", "ct reply daddr maybe(ct reply daddr)",
	  "[ct reply daddr] accept" },
	{ "-m connlimit --connlimit-above 10 -j REJECT", "ct-limit(connlimit) verdict(reject)",
	  "ct count reject" },
	{ "-m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT", "nh@12/4 in 0a000001-0a000009",
	  "ip saddr 10.0.0.1-10.0.0.9 accept" },
	{ "-m iprange ! --dst-range 10.0.0.1-10.0.0.9 -j ACCEPT",
	  "nh@16/4 not in 0a000001-0a000009", "ip daddr != 10.0.0.1-10.0.0.9 accept" },
	{ "-m addrtype --dst-type LOCAL -j ACCEPT", "fib ==0x2", "fib daddr type local accept" },
	{ "-m addrtype ! --dst-type LOCAL,BROADCAST -j ACCEPT", "fib not in {0x2 0x3}",
	  "fib daddr type != { local, broadcast } accept" },
	{ "-m addrtype --dst-type LOCAL --limit-iface-in -j ACCEPT", "maybe(addrtype)",
	  "[addrtype] accept" },
	{ "-p ah -m ah --ahspi 5 -j ACCEPT", "maybe(ah)", "meta l4proto ah [ah] accept" },
	{ "-p tcp -m ecn --ecn-tcp-ece -j ACCEPT", "maybe(ecn)", "meta l4proto tcp [ecn] accept" },
	{ "-m realm --realm 5 -j ACCEPT", "maybe(realm)", "[realm] accept" },
	{ "-p tcp -m osf --genre Linux -j ACCEPT", "maybe(osf)", "meta l4proto tcp [osf] accept" },
	{ "-m ttl --ttl-eq 5 -j ACCEPT", "maybe(ttl)", "[ttl] accept" },
	{ "-p icmp -m icmp --icmp-type 8 -j ACCEPT", "th@0/1 ==08", "icmp type 8 accept" },
	{ "-p icmp -m icmp --icmp-type 3/4 -j ACCEPT", "th@0/1 ==03 th@1/1 ==04",
	  "icmp type 3 icmp code 4 accept" },
	{ "-p icmp -m icmp ! --icmp-type 8 -j ACCEPT", "th@0/1 !=08", "icmp type != 8 accept" },
	{ "-p icmp -m icmp --icmp-type any -j ACCEPT", "", "meta l4proto icmp accept" },
	{ "-p tcp -j REJECT --reject-with tcp-reset", "verdict(reject)",
	  "meta l4proto tcp reject" },
	{ "-j REJECT", "verdict(reject)", "reject" },
	{ "-p tcp -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --mss 1460",
	  "ct state &0x41 !=0x0 proxy(synproxy)",
	  "meta l4proto tcp ct state invalid,untracked synproxy" },
	{ "-f -j ACCEPT", "", "@nh,48,16 0x1fff accept" },
};

static const struct rule_case v6[] = {
	{ "-m iprange --src-range 2001:db8::1-2001:db8::9 -j ACCEPT",
	  "nh@8/16 in 20010db8000000000000000000000001-20010db8000000000000000000000009",
	  "ip6 saddr 2001:db8::1-2001:db8::9 accept" },
	{ "-m iprange ! --dst-range 2001:db8::1-2001:db8::9 -j ACCEPT",
	  "nh@24/16 not in 20010db8000000000000000000000001-20010db8000000000000000000000009",
	  "ip6 daddr != 2001:db8::1-2001:db8::9 accept" },
	{ "-m addrtype --dst-type LOCAL -j ACCEPT", "fib ==0x2", "fib daddr type local accept" },
	{ "-m addrtype --dst-type UNICAST -j ACCEPT", "fib !=0x5",
	  "fib daddr type != multicast accept" },
	{ "-m addrtype --dst-type LOCAL,ANYCAST -j ACCEPT", "maybe(addrtype)",
	  "[addrtype] accept" },
	{ "-m hl --hl-eq 255 -j ACCEPT", "maybe(hl)", "[hl] accept" },
	{ "-m rt --rt-type 0 -j DROP", "maybe(rt)", "[rt] drop" },
	{ "-m frag --fragmore -j DROP", "maybe(frag)", "[frag] drop" },
	{ "-m hbh -j DROP", "maybe(hbh)", "[hbh] drop" },
	{ "-m dst -j DROP", "maybe(dst)", "[dst] drop" },
	{ "-m ipv6header --header frag --soft -j DROP", "maybe(ipv6header)", "[ipv6header] drop" },
	{ "-m eui64 -j ACCEPT", "maybe(eui64)", "[eui64] accept" },
	{ "-p mh -m mh --mh-type 1 -j ACCEPT", "maybe(mh)", "meta l4proto 135 [mh] accept" },
	{ "-p ah -m ah --ahspi 5 -j ACCEPT", "maybe(ah)", "meta l4proto ah [ah] accept" },
	{ "-m ah -j ACCEPT", "maybe(ah)", "[ah] accept" },
	{ "-p icmpv6 -m icmp6 --icmpv6-type 128 -j ACCEPT", "th@0/1 ==80",
	  "icmpv6 type 128 accept" },
	{ "-p icmpv6 -m icmp6 --icmpv6-type 1/4 -j ACCEPT", "th@0/1 ==01 th@1/1 ==04",
	  "icmpv6 type 1 icmpv6 code 4 accept" },
	{ "-p icmpv6 -m icmp6 ! --icmpv6-type 128 -j ACCEPT", "th@0/1 !=80",
	  "icmpv6 type != 128 accept" },
	{ "-p icmpv6 -m icmp6 ! --icmpv6-type 1/4 -j ACCEPT", "maybe(icmp6)",
	  "meta l4proto icmpv6 [icmp6] accept" },
	{ "-j REJECT --reject-with icmp6-adm-prohibited", "verdict(reject)", "reject" },
	{ "-m srh --srh-next-hdr 5 -j DROP", "maybe(srh)", "[srh] drop" },
};

static const struct rule_case mangle[] = {
	{ "-j MARK --set-mark 5", "effect(meta mark)", "meta mark set" },
	{ "-j MARK --set-xmark 5/0xf", "effect(meta mark)", "meta mark set" },
	{ "-j CONNMARK --set-mark 5", "ct-write(CONNMARK)", "[CONNMARK]" },
	{ "-j CONNMARK --save-mark", "ct-write(CONNMARK)", "[CONNMARK]" },
	{ "-j CONNMARK --restore-mark", "ct mark effect(meta mark)", "meta mark set" },
	{ "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", "ct mark effect(meta mark)",
	  "meta mark set" },
	{ "-j TOS --set-tos 8", "effect(TOS)", "[TOS]" },
	{ "-j DSCP --set-dscp 8", "effect(DSCP)", "[DSCP]" },
	{ "-j TTL --ttl-set 5", "effect(TTL)", "[TTL]" },
	{ "-p tcp -j ECN --ecn-tcp-remove", "effect(ECN)", "meta l4proto tcp [ECN]" },
	{ "-j CHECKSUM --checksum-fill", "effect(CHECKSUM)", "[CHECKSUM]" },
	{ "-p tcp -j TCPOPTSTRIP --strip-options timestamp", "effect(TCPOPTSTRIP)",
	  "meta l4proto tcp [TCPOPTSTRIP]" },
	{ "-j TEE --gateway 10.0.0.1", "effect(TEE)", "[TEE]" },
	{ "-p tcp -j TPROXY --on-port 5", "nat(tproxy)", "meta l4proto tcp tproxy" },
	{ "-j HMARK --hmark-tuple ct --hmark-mod 5 --hmark-rnd 1",
	  "ct-write(HMARK) effect(meta mark)", "[HMARK] meta mark set" },
	{ "-j HMARK --hmark-tuple src,dst --hmark-mod 5 --hmark-rnd 1", "effect(meta mark)",
	  "meta mark set" },
	{ "-j IDLETIMER --timeout 5 --label foo", "effect(log)", "[IDLETIMER]" },
	{ "-m rpfilter --invert -j DROP", "maybe(rpfilter)", "[rpfilter] drop" },
	{ "-j CONNSECMARK --save", "ct-write(CONNSECMARK)", "[CONNSECMARK]" },
};

static const struct rule_case raw[] = {
	{ "-j CT --notrack", "effect(notrack)", "notrack" },
	{ "-j NOTRACK", "effect(notrack)", "notrack" },
	{ "-p tcp -m tcp --dport 21 -j CT --helper ftp", "ct-write(CT)", "tcp dport 21 [CT]" },
	{ "-j CT --zone 5", "ct-write(CT)", "[CT]" },
	{ "-j TRACE", "", "meta nftrace set" },
	{ "-j RATEEST --rateest-name a --rateest-interval 1s --rateest-ewmalog 2s", "effect(log)",
	  "[RATEEST]" },
};

static const struct rule_case nat[] = {
	{ "-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:80", "nat(dnat)",
	  "tcp dport 80 dnat" },
	{ "-p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080", "nat(redir)",
	  "tcp dport 80 redirect" },
};

static const struct rule_case nat_out[] = {
	{ "-j MASQUERADE", "nat(masq)", "masquerade" },
	{ "-j SNAT --to-source 10.0.0.1", "nat(snat)", "snat" },
	{ "-j NETMAP --to 10.0.0.0/8", "nat(netmap)", "netmap" },
};

static void test_both(void **state)
{
	check_all(state, "iptables", "filter", both, ARRAY_SIZE(both));
	check_all(state, "ip6tables", "filter", both, ARRAY_SIZE(both));
}

static void test_families(void **state)
{
	check_all(state, "iptables", "filter", v4, ARRAY_SIZE(v4));
	check_all(state, "ip6tables", "filter", v6, ARRAY_SIZE(v6));
}

static void test_targets(void **state)
{
	check_all(state, "iptables", "mangle", mangle, ARRAY_SIZE(mangle));
	check_all(state, "ip6tables", "raw", raw, ARRAY_SIZE(raw));
	check_all(state, "iptables", "raw", raw, ARRAY_SIZE(raw));
	check_all(state, "iptables", "nat", nat, ARRAY_SIZE(nat));
	check_all(state, "iptables", "nat OUT", nat_out, ARRAY_SIZE(nat_out));
}

/* ---- whose table it is -------------------------------------------------------------------------
 */

/* A table like one of iptables', with one rule that nft wrote. */
static enum form form_of(struct fixture *f, const char *family, const char *table,
			 const char *chain, const char *hook, int priority, const char *rule)
{
	auto_free char *script = xasprintf("flush ruleset\n"
					   "table %s %s {\n"
					   " chain user { }\n"
					   " chain %s { type filter hook %s priority %d;\n%s\n }\n"
					   "}\n",
					   family, table, chain, hook, priority, rule);
	struct nft_snapshot s = { 0 };
	char *out = nft("/dev/stdin", script);
	enum form form;

	if (!out)
		fail_msg("nft does not take:\n%s", script);
	free(out);
	assert_int_equal(nft_snapshot_read(f->w, &s, &f->d), 0);
	assert_int_equal(s.fw.n_chains, 2);
	form = s.fw.chains[0].form;
	assert_int_equal(s.fw.chains[1].form, form);
	nft_snapshot_free(&s);
	return form;
}

/* As iptables-save 1.8.9 answers: what it prints wrongly, or not at all, is nft's. */
static void test_readable(void **state)
{
	static const char *const readable[] = {
		"",
		"accept",
		"counter drop",
		"counter",
		"jump user",
		"goto user",
		"return",
		"iifname \"lo\" accept",
		"iifname \"wg*\" accept",
		"oifname != \"a\" drop",
		"meta l4proto tcp accept",
		"meta l4proto != tcp drop",
		"ip saddr 192.0.2.1 drop",
		"ip saddr 192.0.2.0/24 ip daddr != 192.0.2.0/25 drop",
		"ip frag-off & 0x1fff != 0 drop",
		"tcp dport 22 accept",
		"udp sport != 53 drop",
		"tcp dport 22-30 accept",
		"tcp sport 1 tcp dport 2 accept",
		"tcp flags & (fin|syn|rst|ack) == syn accept",
		"meta mark 5 accept",
		"meta mark & 0xff != 5 accept",
		"limit rate 5/second accept",
		"log group 5",
		"accept comment \"web\"",
		"meta nftrace set 1",
	};
	static const char *const others[] = {
		"ct state new accept",
		"tcp dport { 22, 23 } accept",
		"sctp dport 22 accept",
		"ip saddr { 192.0.2.1, 192.0.2.2 } accept",
		"ip saddr 192.0.2.1-192.0.2.9 accept",
		"ip saddr != 192.0.2.1-192.0.2.9 accept",
		"iifname { \"a\", \"b\" } accept",
		"th dport 22 accept",
		"ip dscp 5 accept",
		"tcp window 5 accept",
		"meta mark set 5",
		"meta skuid 0 accept",
		"log",
		"log prefix \"a\"",
		"limit rate over 5/second drop",
		"limit rate 5 mbytes/second accept",
		"reject",
		"notrack",
		"quota 5 mbytes accept",
		"fib daddr type local accept",
		"meta length 5 accept",
		"ip saddr > 192.0.2.1 accept",
		"numgen random mod 2 0 accept",
		"tcp dport vmap { 22 : accept }",
	};
	struct fixture *f = *state;

	if (!f)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++)
		if (form_of(f, "ip", "filter", "INPUT", "input", 0, readable[i]) !=
		    FORM_IPTABLES_NFT)
			fail_msg("iptables reads: %s", readable[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (form_of(f, "ip", "filter", "INPUT", "input", 0, others[i]) != FORM_NFT)
			fail_msg("iptables does not read: %s", others[i]);
}

static void test_builtin_chains(void **state)
{
	static const struct {
		const char *family, *table, *chain, *hook;
		int priority;
		enum form form;
	} cases[] = {
		{ "ip6", "filter", "INPUT", "input", 0, FORM_IPTABLES_NFT },
		{ "ip", "raw", "PREROUTING", "prerouting", -300, FORM_IPTABLES_NFT },
		{ "ip", "security", "OUTPUT", "output", 50, FORM_IPTABLES_NFT },
		{ "inet", "filter", "INPUT", "input", 0, FORM_NFT },
		{ "ip", "filter", "input", "input", 0, FORM_NFT },
		{ "ip", "filter", "INPUT", "forward", 0, FORM_NFT },
		{ "ip", "filter", "INPUT", "input", 10, FORM_NFT },
		{ "ip", "filter", "PREROUTING", "prerouting", 0, FORM_NFT },
		{ "ip", "mine", "INPUT", "input", 0, FORM_NFT },
	};
	struct fixture *f = *state;

	if (!f)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (form_of(f, cases[i].family, cases[i].table, cases[i].chain, cases[i].hook,
			    cases[i].priority, "accept") != cases[i].form)
			fail_msg("%s %s %s at %s %d", cases[i].family, cases[i].table,
				 cases[i].chain, cases[i].hook, cases[i].priority);
}

/* Tables of one family beside one another; in none of them hangs what iptables does not know. */
static void test_tables_apart(void **state)
{
	struct fixture *f = *state;
	struct nft_snapshot s = { 0 };
	char *out;

	if (!f)
		skip();
	free(nft("/dev/stdin", "flush ruleset\ntable ip a { chain x { accept; }; }\n"));
	if (!restore("iptables", "*filter\n-A INPUT -m recent --set -j ACCEPT\nCOMMIT\n"))
		skip();
	out = nft("/dev/stdin", "table ip6 filter { chain INPUT { ct state new accept; }; }\n"
				"table ip b { chain y { ct state new accept; }; }\n"
				"add rule ip filter INPUT ct state new accept\n");
	assert_non_null(out);
	free(out);
	assert_int_equal(nft_snapshot_read(f->w, &s, &f->d), 0);
	for (size_t i = 0; i < s.fw.n_chains; i++)
		assert_int_equal(s.fw.chains[i].form,
				 s.fw.chains[i].family == TABLE_IP &&
						 strcmp(s.fw.chains[i].table, "filter") == 0
					 ? FORM_IPTABLES_NFT
					 : FORM_NFT);
	assert_int_equal(s.fw.n_chains, 4);
	nft_snapshot_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both),	       cmocka_unit_test(test_families),
		cmocka_unit_test(test_targets),	       cmocka_unit_test(test_readable),
		cmocka_unit_test(test_builtin_chains), cmocka_unit_test(test_tables_apart),
	};

	return cmocka_run_group_tests_name("nft_xt", tests, enter, leave);
}
