/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings before acting, from a policy and the facts of a host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fw_build.h"
#include "host_build.h"

/* ---- half-interface ----------------------------------------------------------------------------
 */

static void router(struct host *h)
{
	h_interface(h, "lo", true, true);
	h_interface(h, "eth0", true, false);
	h_interface(h, "eth1", true, true);
	h_interface(h, "eth2", true, true);
	h_interface(h, "eth3", false, false);
}

#define HALF(name, a, b)                                                                  \
	"warning: " name ": what this host forwards between " a " and " b                 \
	" is exempt on one half of its way: tracked where it comes in by " b " | name " b \
	" as well, so that both directions are exempt, or turn forwarding off on " a      \
	" (net.ipv4.conf.*.forwarding, net.ipv6.conf.*.forwarding)\n"

static void test_half_interface(void **state)
{
	struct host h = { 0 };

	(void)state;
	router(&h);
	SAYS(&h, "half-interface", "[interface storage]\nname = eth2\n",
	     "2:8 " HALF("storage", "eth2", "eth0, eth1"));
	router(&h); /* each of the two has only eth0 left */
	SAYS(&h, "half-interface", "[interface a]\nname = eth1\n[interface b]\nname = eth2\n",
	     "2:8 " HALF("a", "eth1", "eth0") "4:8 " HALF("b", "eth2", "eth0"));
	router(&h); /* eth0 forwards no IPv6 */
	SAYS(&h, "half-interface",
	     "[untrack]\nfamily = ipv6\n[interface a]\nname = eth1\n[interface b]\nname = eth2\n",
	     "");
	router(&h);
	SAYS(&h, "half-interface", "[interface a]\nname = eth*, !eth0\n",
	     "2:8 " HALF("a", "eth1, eth2", "eth0"));
	router(&h); /* none that forwards, all of them, none there */
	SAYS(&h, "half-interface", "[interface a]\nname = eth3\n", "");
	router(&h);
	SAYS(&h, "half-interface", "[interface a]\nname = eth*\n", "");
	router(&h);
	SAYS(&h, "half-interface", "[interface a]\nname = wg0\n", "");
	h_interface(&h, "eth0", false, false);
	h_interface(&h, "eth1", false, false);
	SAYS(&h, "half-interface", "[interface a]\nname = eth0\n", "");
}

static void test_many_halves(void **state)
{
	struct host h = { 0 };

	(void)state;
	h_interface(&h, "eth0", true, true);
	for (int i = 0; i < 12; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "veth%d", i);
		h_interface(&h, name, true, true);
	}
	SAYS(&h, "half-interface", "[interface a]\nname = eth0\n",
	     "2:8 " HALF("a", "eth0",
			 "veth0, veth1, veth2, veth3, veth4, veth5, veth6, veth7 and 4 more"));
}

static void test_half_route(void **state)
{
	struct host h = { 0 };
	static const char both[] =
		"[service r]\nprotocol = tcp\nport = 80\nrole = router\ninterface = eth1\n"
		"[service q]\nprotocol = tcp, udp\nport = 80-90\nrole = router\n"
		"interface = eth0, eth2\n";

	(void)state;
	router(&h);
	SAYS(&h, "half-interface",
	     "[service r]\nprotocol = tcp\nport = 80\nrole = router\ninterface = eth1\n"
	     "[service s]\nprotocol = tcp\nport = 81\ninterface = eth1\n",
	     "5:13 " HALF("r", "eth1", "eth0, eth2"));
	router(&h); /* q does on the other side what r does, but not the other way round */
	SAYS(&h, "half-interface", both, "10:13 " HALF("q", "eth0, eth2", "eth1"));
	for (int i = 0; i < 4; i++) { /* less protocols, less ports, another role, all of it */
		static const char *const others[] = { "tcp\nport = 80-90\nrole = router",
						      "tcp, udp\nport = 80\nrole = router",
						      "tcp, udp\nport = 80-90",
						      "tcp, udp\nport = 80-90\nrole = router" };
		char *conf = xasprintf("[service q]\nprotocol = tcp, udp\nport = 80-90\n"
				       "role = router\ninterface = eth0, eth2\n"
				       "[service o]\nprotocol = %s\ninterface = eth1\n",
				       others[i]);
		char *got;

		router(&h);
		got = said(&h, "half-interface", conf);
		assert_int_equal(!strstr(got, ": q: "), i == 3);
		free(got);
		free(conf);
	}
	router(&h);
	SAYS(&h, "half-interface",
	     "[service r]\nprotocol = tcp\nport = 80\nrole = router\ninterface = eth1\n"
	     "[interface b]\nname = eth0, eth2\n",
	     "7:8 " HALF("b", "eth0, eth2", "eth1"));
	router(&h);
	SAYS(&h, "half-interface", "[service r]\nprotocol = tcp\nport = 80\nrole = router\n", "");
	router(&h);
	SAYS(&h, "half-interface",
	     "[service r]\nprotocol = tcp\nport = 80\nrole = router\ninterface = !eth0\n",
	     "5:13 " HALF("r", "eth1, eth2", "eth0"));
}

/* ---- upstream-timeout --------------------------------------------------------------------------
 */

#define UP WEB "upstream-timeout = 20s\n"
#define PATH "after that, answers leave by a path that the client does not know | "
#define STAYS(why, time, name, up)                                                              \
	"warning: web: of its traffic this stays tracked: " why                                 \
	". This host remembers it for " time " (" name "), not less than upstream-timeout (" up \
	"): " PATH
#define TCP_EST "nf_conntrack_tcp_timeout_established"
#define SYSCTL_TCP                                                                       \
	"sysctl -w net.netfilter." TCP_EST "=19 (and in /etc/sysctl.d), or exempt this " \
	"traffic as well\n"

static void test_keepalive(void **state)
{
	struct host h = { 0 };

	(void)state;
	SAYS(&h, "upstream-timeout",
	     UP "keepalive = 20s\n[service b]\nprotocol = udp\nport = 1\n"
		"upstream-timeout = 20s\nkeepalive = 19s\n",
	     "4:20 warning: web: keepalive (20s) is not shorter than upstream-timeout (20s): idle "
	     "connections are forgotten upstream | let the application speak more often, or raise "
	     "the timeout upstream\n");
	SAYS(&h, "upstream-timeout", WEB "keepalive = 20s\n", "");
}

static void check_upstream(const char *conf, const char *want)
{
	struct host h = { 0 };

	h_sysctl(&h, TCP_EST, 432000);
	h_sysctl(&h, "nf_conntrack_udp_timeout_stream", 120);
	h_address(&h, "127.0.0.1");
	h_address(&h, "192.0.2.1");
	h_address(&h, "192.0.2.2");
	h_address(&h, "2001:db8::1");
	h_address(&h, "fe80::1");
	h_interface(&h, "lo", false, false);
	h_interface(&h, "eth0", false, false);
	h_interface(&h, "eth1", false, false);
	SAYS(&h, "upstream-timeout", conf, want);
}

static void test_what_stays_tracked(void **state)
{
	(void)state;
	check_upstream(UP, "");				      /* all of it is exempt */
	check_upstream(WEB "[untrack]\nfamily = ipv4\n", ""); /* nothing is in front */
	check_upstream(UP "[untrack]\nfamily = ipv4\n",
		       "4:20 " STAYS("IPv6, which 'family' leaves out", "5d", TCP_EST, "20s")
			       SYSCTL_TCP);
	check_upstream(UP "local = 192.0.2.1, 192.0.2.2\n",
		       "4:20 " STAYS("IPv6, which local and remote do not name", "5d", TCP_EST,
				     "20s") SYSCTL_TCP);
	check_upstream(UP "local = 192.0.2.1, 2001:db8::1\n",
		       "4:20 " STAYS("what uses other addresses of this host", "5d", TCP_EST, "20s")
			       SYSCTL_TCP);
	check_upstream(UP "local = 192.0.2.0/24, 2001:db8::/32\n", "");
	check_upstream(UP "local = !192.0.2.2\n",
		       "4:20 " STAYS("what uses other addresses of this host", "5d", TCP_EST, "20s")
			       SYSCTL_TCP);
	check_upstream(UP "local = !198.51.100.9\n", "");
	check_upstream(UP "remote = 192.0.2.0/24\n",
		       "4:20 " STAYS("IPv6, which local and remote do not name; other peers than "
				     "'remote' names",
				     "5d", TCP_EST, "20s") SYSCTL_TCP);
	check_upstream(UP "remote = !198.51.100.0/24\n",
		       "4:20 " STAYS("other peers than 'remote' names", "5d", TCP_EST, "20s")
			       SYSCTL_TCP);
	check_upstream(UP "interface = eth0\n", "4:20 " STAYS("what passes other interfaces", "5d",
							      TCP_EST, "20s") SYSCTL_TCP);
	check_upstream(UP "interface = eth0, eth1\n", "");
	check_upstream(UP "interface = !eth1\n[interface b]\nname = eth1\n", "");
	check_upstream(UP "interface = eth0\nremote = 192.0.2.0/24, 2001:db8::/32\n",
		       "4:20 " STAYS("what passes other interfaces; other peers than 'remote' "
				     "names",
				     "5d", TCP_EST, "20s") SYSCTL_TCP);
}

/* What of a service stays tracked must be remembered until it speaks again. */
static void test_spoken(void **state)
{
	static const char dns[] = "[untrack]\nfamily = ipv4\n"
				  "[service dns]\nprotocol = udp\nport = 53\nkeepalive = ";
	static const struct {
		const char *keepalive, *want;
	} cases[] = {
		{ "119s\n", "" },
		{ "120s\n",
		  "3:1 warning: dns: of its traffic this stays tracked: IPv6, which 'family' "
		  "leaves "
		  "out. This host forgets it after 2m (nf_conntrack_udp_timeout_stream), and it "
		  "speaks every 2m only (keepalive) | set timeout-udp-stream = 181s in "
		  "[conntrack], "
		  "or exempt this traffic as well\n" },
		{ "120s\n[conntrack]\ntimeout-udp-stream = 121s\n", "" },
	};
	struct host exempt = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *conf = xasprintf("%s%s", dns, cases[i].keepalive);
		struct host h = { 0 };

		h_sysctl(&h, "nf_conntrack_udp_timeout_stream", 120);
		h_address(&h, "2001:db8::1");
		SAYS(&h, "timeout-short", conf, cases[i].want);
	}
	h_sysctl(&exempt, "nf_conntrack_udp_timeout_stream", 120);
	SAYS(&exempt, "timeout-short", "[service dns]\nprotocol = udp\nport = 53\nkeepalive = 5m\n",
	     "");
}

static void test_lifetimes(void **state)
{
	struct host h = { 0 };
	static const char v4[] = "[untrack]\nfamily = ipv4\n";
	char *conf = xasprintf("%s%s", v4, UP "[conntrack]\ntimeout-tcp-established = 20s\n");

	(void)state;
	/* what the policy means it to be counts, not what it is */
	check_upstream(conf, "6:20 " STAYS("IPv6, which 'family' leaves out", "20s",
					   "timeout-tcp-established",
					   "20s") "set timeout-tcp-established = 19s in "
						  "[conntrack], or exempt this traffic "
						  "as well\n");
	free(conf);
	conf = xasprintf("%s%s", v4, UP "[conntrack]\ntimeout-tcp-established = 19s\n");
	check_upstream(conf, "");
	free(conf);
	conf = xasprintf("%s%s", v4,
			 "[service web]\nprotocol = udp, udplite\nport = 80\n"
			 "upstream-timeout = 1s\n");
	check_upstream(
		conf,
		"6:20 " STAYS("IPv6, which 'family' leaves out", "2m",
			      "nf_conntrack_udp_timeout_stream",
			      "1s") "exempt this traffic as well, or raise the timeout upstream\n");
	free(conf);
	conf = xasprintf("%s%s", v4,
			 "[service web]\nprotocol = udp\nport = 80\n"
			 "upstream-timeout = 3m\n");
	check_upstream(conf, "");
	free(conf);
	/* a host without conntrack has no timeouts; one without IPv6 leaves nothing out */
	conf = xasprintf("%s%s", v4, UP);
	h_address(&h, "192.0.2.1");
	SAYS(&h, "upstream-timeout", conf, "");
	h_sysctl(&h, TCP_EST, 432000);
	h_address(&h, "192.0.2.1");
	h_address(&h, "::1");
	h_address(&h, "fe80::1");
	SAYS(&h, "upstream-timeout", conf, "");
	h_sysctl(&h, TCP_EST, 432000); /* addresses are not known */
	SAYS(&h, "upstream-timeout", conf,
	     "6:20 " STAYS("IPv6, which 'family' leaves out", "5d", TCP_EST, "20s") SYSCTL_TCP);
	free(conf);
}

/* ---- stateless-host ----------------------------------------------------------------------------
 */

#define STATELESS                                                                                \
	"note: nothing on this host tracks connections: no rule of its ip, ip6 and inet tables " \
	"asks for it, so there is nothing yet to exempt traffic from | nothing to do: the "      \
	"exemptions wait for the first rule that does\n"

static void test_stateless_host(void **state)
{
	static const enum fw_op users[] = { FW_NAT, FW_CT_LIMIT, FW_CT_WRITE, FW_SYNPROXY };
	struct host h = { 0 };
	struct fw_chain *c;

	(void)state;
	SAYS(&h, "stateless-host", WEB, STATELESS);
	SAYS(&h, "stateless-host", "", "");
	c = b_base(&h.fw, "input", HOOK_INPUT, FW_DROP);
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), FW_ACCEPT, NULL);
	b_verdict(b_state(b_rule(c), 64, false), FW_ACCEPT, NULL);
	c->rules[1].twin = 0; /* ours does not count */
	SAYS(&h, "stateless-host", WEB, STATELESS);
	c = b_base(&h.fw, "input", HOOK_INPUT, FW_DROP);
	b_verdict(b_state(b_rule(c), 2, false), FW_ACCEPT, NULL);
	SAYS(&h, "stateless-host", WEB, "");
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		b_other(b_rule(b_base(&h.fw, "input", HOOK_INPUT, FW_DROP)), users[i], "x");
		SAYS(&h, "stateless-host", WEB, "");
	}
	c = b_base(&h.fw, "nat", HOOK_POSTROUTING, FW_ACCEPT);
	strcpy(c->type, "nat");
	SAYS(&h, "stateless-host", WEB, "");
	h_sysctl(&h, "nf_conntrack_count", 1);
	SAYS(&h, "stateless-host", WEB, "");
	h_sysctl(&h, "nf_conntrack_count", 0);
	SAYS(&h, "stateless-host", WEB, STATELESS);
	h_unread(&h, "firewalls");
	SAYS(&h, "stateless-host", WEB, STATELESS);
	h_unread(&h, "firewall: Operation not permitted");
	SAYS(&h, "stateless-host", WEB, "");
}

/* ---- the others --------------------------------------------------------------------------------
 */

#define NO_IFACE \
	" | nothing if it is to come, the rules wait for it; else see 'ip link' for the names\n"

static void test_missing_interfaces(void **state)
{
	static const char conf[] =
		"[service a]\nprotocol = tcp\nport = 80\ninterface = eth0, eth1\n"
		"[interface b]\nname = eth*, bond*\n";
	struct host h = { 0 };

	(void)state;
	h_interface(&h, "eth0", false, false);
	SAYS(&h, "missing-interface", conf,
	     "4:13 note: a: there is no interface 'eth1' now" NO_IFACE
	     "6:8 note: b: no interface matches 'bond*' now" NO_IFACE);
	h_unread(&h, "interfaces");
	SAYS(&h, "missing-interface", conf, "");
	h_interface(&h, "eth0", false, false);
	SAYS(&h, "missing-interface", WEB "interface = eth0\n", "");
}

static void test_management_port(void **state)
{
	static const char conf[] = "[service a]\nprotocol = tcp\nport = 20-30\n"
				   "[service b]\nprotocol = udp\nport = 22\n"
				   "[service c]\nprotocol = tcp\nport = 22\nrole = client\n";
	struct host h = { .ssh_port = 22 };

	(void)state;
	SAYS(&h, "management-port", conf,
	     "3:8 warning: a: the SSH session that runs this uses port 22 | keep a second session "
	     "open, and use 'untrack apply --confirm': it goes back by itself if a new connection "
	     "does not work\n");
	h.ssh_port = 2222;
	SAYS(&h, "management-port", conf, "");
	SAYS(&h, "management-port", conf, "");
}

static void test_unread_facts_are_said(void **state)
{
	struct host h = { 0 };

	(void)state;
	h_unread(&h, "listeners: Permission denied");
	h_unread(&h, "sctp-listeners: nobody looks"); /* and nothing asks for them */
	h_unread(&h, "nat");
	SAYS(&h, "facts-unread", WEB,
	     "note: not known, and so not checked: listeners: Permission denied | see 'untrack "
	     "facts', as root\n"
	     "note: not known, and so not checked: nat | see 'untrack facts', as root\n");
	h_unread(&h, "sctp-listeners");
	SAYS(&h, "facts-unread", "[service a]\nprotocol = tcp, sctp\nport = 80\n",
	     "note: not known, and so not checked: sctp-listeners | see 'untrack facts', as "
	     "root\n");
	h_unread(&h, "sctp-listeners");
	SAYS(&h, "facts-unread", "[service a]\nprotocol = sctp\nport = 80\nrole = client\n", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_interface),
		cmocka_unit_test(test_many_halves),
		cmocka_unit_test(test_half_route),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_what_stays_tracked),
		cmocka_unit_test(test_spoken),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_stateless_host),
		cmocka_unit_test(test_missing_interfaces),
		cmocka_unit_test(test_management_port),
		cmocka_unit_test(test_unread_facts_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
