/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings before acting, from a policy and the facts of a host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include "fw_build.h"
#include "rules/preflight.h"

/* ---- a host, fact by fact ----------------------------------------------------------------------
 */

static void interface(struct host *h, const char *name, bool forwards4, bool forwards6)
{
	struct host_interface *i = ARRAY_ADD(h->interfaces, h->n_interfaces);

	strncpy(i->name, name, IFNAMSIZ - 1);
	i->forwards4 = forwards4;
	i->forwards6 = forwards6;
}

static void address(struct host *h, const char *text)
{
	assert_true(prefix_parse(text, &ARRAY_ADD(h->addresses, h->n_addresses)->prefix));
}

/* addr NULL: any; "*": any of either family */
static void listener(struct host *h, uint8_t proto, const char *addr, uint16_t port)
{
	struct host_listener *l = ARRAY_ADD(h->listeners, h->n_listeners);
	struct prefix p = { 0 };

	l->proto = proto;
	l->port = port;
	l->any = !addr || !strcmp(addr, "*");
	l->both = addr && !strcmp(addr, "*");
	l->family = l->both ? FAMILY_V6 : FAMILY_V4;
	if (l->any)
		return;
	assert_true(prefix_parse(addr, &p));
	l->family = p.family;
	memcpy(l->addr, p.addr, sizeof(l->addr));
}

static void nat(struct host *h, struct host_nat n)
{
	*ARRAY_ADD(h->nat, h->n_nat) = n;
}

static void sysctl(struct host *h, const char *name, uint64_t value)
{
	struct host_sysctl *s = ARRAY_ADD(h->sysctls, h->n_sysctls);

	s->name = xstrdup(name);
	s->value = value;
}

static void unread(struct host *h, const char *what)
{
	*ARRAY_ADD(h->unread, h->n_unread) = xstrdup(what);
}

/* ---- what is said ------------------------------------------------------------------------------
 */

/* Findings of one id, "line:col severity text | cure" each; what comes with every host (nobody
 * listens, nothing tracks) is left out by that. Takes the host. */
static char *said(struct host *h, const char *id, const char *conf)
{
	struct policy p = { 0 };
	struct diag d = { 0 };
	struct text t = { 0 };

	if (!h->params.ephemeral.lo)
		h->params.ephemeral = HOST_PARAMS_DEFAULT.ephemeral;
	assert_int_equal(policy_parse(&p, conf, "t.conf", &d), 0);
	diag_free(&d); /* "one-family" */
	preflight_check(&p, h, &d);
	text_add(&t, "%s", "");
	for (size_t i = 0; i < d.n; i++) {
		const struct finding *f = &d.v[i];

		assert_non_null(f->cure);
		if (strcmp(f->id, id))
			continue;
		if (f->file)
			text_add(&t, "%u:%u ", f->line, f->col);
		text_add(&t, "%s: %s | %s\n", severity_name(f->severity), f->text, f->cure);
	}
	diag_free(&d);
	policy_free(&p);
	host_free(h);
	return t.s;
}

#define SAYS(h, id, conf, want)                  \
	do {                                     \
		char *got_ = said(h, id, conf);  \
		assert_string_equal(got_, want); \
		free(got_);                      \
	} while (0)

#define WEB "[service web]\nprotocol = tcp\nport = 80\n"

/* ---- ephemeral-overlap -------------------------------------------------------------------------
 */

static void test_ephemeral_overlap(void **state)
{
	struct host h = { 0 };

	(void)state;
	ports_add(&h.reserved, 8080, 8080);
	ports_add(&h.reserved, 33000, 33009);
	SAYS(&h, "ephemeral-overlap",
	     "[service a]\nprotocol = tcp\nport = 80, 33005-33020, 60999, 61000\n"
	     "[service b]\nprotocol = udp\nrole = peer\nport = 40000\n",
	     "3:8 error: a: this host takes source ports for its own connections from 32768-60999, "
	     "and of these 33010-33020,60999 would be exempt: such a connection times out | "
	     "reserve them: sysctl -w "
	     "net.ipv4.ip_local_reserved_ports=8080,33000-33020,40000,60999 "
	     "(and the same in /etc/sysctl.d), or move net.ipv4.ip_local_port_range away from "
	     "them\n"
	     "7:8 error: b: this host takes source ports for its own connections from 32768-60999, "
	     "and of these 40000 would be exempt: such a connection times out | "
	     "reserve them: sysctl -w "
	     "net.ipv4.ip_local_reserved_ports=8080,33000-33020,40000,60999 "
	     "(and the same in /etc/sysctl.d), or move net.ipv4.ip_local_port_range away from "
	     "them\n");
}

/* The first and the last port of the range belong to it. */
static void test_ephemeral_ends(void **state)
{
	struct host h = { .params.ephemeral = { 1024, 65535 } };
	char *got = said(&h, "ephemeral-overlap",
			 "[service a]\nprotocol = tcp\nport = 1000-1024, 65535\n");

	(void)state;
	assert_non_null(strstr(got, "from 1024-65535, and of these 1024,65535 would be exempt"));
	free(got);
}

static void test_no_ephemeral_overlap(void **state)
{
	struct host h = { .params.ephemeral = { 1, 65535 } };

	(void)state;
	/* other roles, portless protocols, and what is reserved or outside */
	SAYS(&h, "ephemeral-overlap",
	     "[service a]\nprotocol = tcp\nport = 80\nrole = client\n"
	     "[service b]\nprotocol = tcp\nport = 80\nrole = router\n"
	     "[service c]\nprotocol = gre\n",
	     "");
	SAYS(&h, "ephemeral-overlap",
	     "[service a]\nprotocol = udp\nport = 4789\nrole = peer\n"
	     "[service b]\nprotocol = tcp\nport = 8000-8010, 32767, 61000\n",
	     "");
	ports_add(&h.reserved, 39999, 40001);
	SAYS(&h, "ephemeral-overlap", "[service a]\nprotocol = tcp\nport = 40000\n", "");
	h.params.ephemeral = (struct port_range){ 1024, 65535 };
	SAYS(&h, "ephemeral-overlap", "[service a]\nprotocol = tcp\nport = 80, 1023\n", "");
}

/* ---- no-listener -------------------------------------------------------------------------------
 */

#define SS(l) " | see what does with 'ss -" l "', start the service, or take the port out\n"

static void test_no_listener(void **state)
{
	struct host h = { 0 };

	(void)state;
	listener(&h, IPPROTO_TCP, NULL, 80);
	listener(&h, IPPROTO_UDP, NULL, 443); /* another protocol's */
	listener(&h, IPPROTO_TCP, "*", 8005);
	listener(&h, IPPROTO_TCP, "127.0.0.1", 25);
	listener(&h, IPPROTO_TCP, "::1", 26);
	SAYS(&h, "no-listener",
	     "[service web]\nprotocol = tcp\nport = 80, 81, 443, 8000-8010, 9000-9010, 25\n",
	     "3:8 note: web: nothing listens on tcp port 25,81,443,9000-9010, but for loopback" SS(
		     "tln"));
	SAYS(&h, "no-listener",
	     "[service dns]\nprotocol = udp, tcp\nport = 53\nrole = peer\n"
	     "[service sctp]\nprotocol = sctp\nport = 53\n"
	     "[service client]\nprotocol = tcp\nport = 53\nrole = client\n",
	     "3:8 note: dns: nothing listens on tcp port 53" SS(
		     "tln") "3:8 note: dns: nothing listens on udp port 53" SS("uln"));
	unread(&h, "listeners: no such thing");
	SAYS(&h, "no-listener", WEB, "");
	SAYS(&h, "no-listener", "[service a]\nprotocol = tcp\nport = 1 3 5 7 9 11 13 15 17 19-29\n",
	     "3:8 note: a: nothing listens on tcp port 1,3,5,7,9,11,13,15 and 2 more" SS("tln"));
}

static void test_listener_addresses(void **state)
{
	struct host h = { 0 };
	static const char v4[] = "[untrack]\nfamily = ipv4\n" WEB;
	static const char local[] = WEB "local = 192.0.2.0/24, !192.0.2.9\n";
	static const char silent[] = "3:8 note: web: nothing listens on tcp port 80" SS("tln");
	static const char silent5[] = "5:8 note: web: nothing listens on tcp port 80" SS("tln");

	(void)state;
	listener(&h, IPPROTO_TCP, "2001:db8::1", 80);
	SAYS(&h, "no-listener", v4, silent5);
	listener(&h, IPPROTO_TCP, "2001:db8::1", 80);
	SAYS(&h, "no-listener", WEB, "");
	listener(&h, IPPROTO_TCP, NULL, 80);
	SAYS(&h, "no-listener", "[untrack]\nfamily = ipv6\n" WEB, silent5);
	listener(&h, IPPROTO_TCP, "*", 80); /* takes IPv4 as well */
	SAYS(&h, "no-listener", v4, "");
	listener(&h, IPPROTO_TCP, "*", 80);
	h.listeners[0].both = false;
	SAYS(&h, "no-listener", v4, silent5);
	listener(&h, IPPROTO_TCP, "192.0.2.1", 80);
	SAYS(&h, "no-listener", local, "");
	listener(&h, IPPROTO_TCP, "192.0.2.9", 80);
	listener(&h, IPPROTO_TCP, "192.0.3.1", 80);
	SAYS(&h, "no-listener", local, silent);
	listener(&h, IPPROTO_TCP, NULL, 80);
	SAYS(&h, "no-listener", local, "");
	listener(&h, IPPROTO_TCP, NULL, 80); /* of IPv4, which has no part in it */
	SAYS(&h, "no-listener", WEB "local = 2001:db8::/32\n", silent);
}

/* ---- nat-conflict ------------------------------------------------------------------------------
 */

static const struct host_nat published = {
	.proto = IPPROTO_TCP, .dport = 8080, .dst_local = true, .reply_sport = 80, .entries = 3
};
static const struct host_nat masqueraded = {
	.proto = IPPROTO_TCP, .dport = 80, .reply_sport = 80, .reply_dst_local = true, .entries = 1
};

static void check_nat(const char *settings, const char *want)
{
	struct host h = { 0 };
	char *conf = xasprintf("[service a]\nprotocol = tcp\n%s", settings);

	nat(&h, published);
	nat(&h, masqueraded);
	SAYS(&h, "nat-conflict", conf, want);
	free(conf);
}

#define NARROW                                                                               \
	" | see them with 'conntrack -L -j -p tcp'; narrow the exemption (port, interface, " \
	"local, remote)"
#define OR_WARN ", or set on-nat = warn if they can do without\n"

static void test_live_nat_by_role(void **state)
{
	(void)state;
	check_nat("port = 8000-8100, 22\n", "3:8 error: a: NAT translates 3 live connections of "
					    "tcp port 8080, and needs them tracked" NARROW OR_WARN);
	check_nat("port = 80\n", ""); /* a server's own port 80: not what the gateway forwards */
	check_nat("port = 80\nrole = client\n",
		  "3:8 error: a: NAT translates 1 live connection of tcp port 80, and needs them "
		  "tracked" NARROW OR_WARN);
	check_nat("port = 8080\nrole = client\n", "");
	check_nat("port = 80, 8080\nrole = peer\n",
		  "3:8 error: a: NAT translates 4 live connections of tcp port 80,8080, and needs "
		  "them tracked" NARROW OR_WARN);
	check_nat("port = 80\nrole = router\n",
		  "3:8 error: a: NAT translates 4 live connections of tcp port 80, and needs them "
		  "tracked" NARROW OR_WARN);
	check_nat("port = 8080\nrole = router\n", "");
	check_nat("port = 80, 8080\nrole = router\n",
		  "3:8 error: a: NAT translates 4 live connections of tcp port 80, and needs them "
		  "tracked" NARROW OR_WARN);
	check_nat("port = 443\nrole = peer\n", "");
}

static void test_live_nat_settings(void **state)
{
	struct host h = { 0 };

	(void)state;
	check_nat("port = 8080\n[untrack]\non-nat = warn\n",
		  "3:8 warning: a: NAT translates 3 live connections of tcp port 8080, and needs "
		  "them tracked" NARROW OR_WARN);
	check_nat("port = 8080\nremote = 192.0.2.0/24\n",
		  "3:8 warning: a: NAT translates 3 live connections of tcp port 8080, and some "
		  "may be exempt" NARROW " further if they are meant\n");
	check_nat("port = 8080\n[untrack]\nfamily = ipv6\n", "");
	nat(&h, (struct host_nat){ .proto = IPPROTO_TCP,
				   .dport = 53,
				   .dst_local = true,
				   .reply_sport = 80,
				   .reply_dst_local = true,
				   .entries = 1 });
	nat(&h, (struct host_nat){ .proto = IPPROTO_UDP, /* another protocol's */
				   .reply_sport = 80,
				   .reply_dst_local = true,
				   .entries = 7 });
	SAYS(&h, "nat-conflict", "[service a]\nprotocol = tcp\nport = 53, 80\nrole = client\n",
	     "3:8 error: a: NAT translates 1 live connection of tcp port 80, and needs them "
	     "tracked" NARROW OR_WARN);
	nat(&h,
	    (struct host_nat){ .proto = IPPROTO_GRE, .dst_local = true, .entries = UINT64_MAX });
	nat(&h,
	    (struct host_nat){
		    .proto = IPPROTO_GRE, .family = FAMILY_V6, .dst_local = true, .entries = 2 });
	SAYS(&h, "nat-conflict", "[service a]\nprotocol = gre\n",
	     "1:1 error: a: NAT translates 18446744073709551615 live connections of gre, and needs "
	     "them tracked | see them with 'conntrack -L -j -p gre'; "
	     "narrow the exemption (port, interface, local, remote)" OR_WARN);
	nat(&h, published);
	unread(&h, "nat");
	SAYS(&h, "nat-conflict", "[service a]\nprotocol = tcp\nport = 8080\n", "");
}

/* ---- half-interface ----------------------------------------------------------------------------
 */

static void router(struct host *h)
{
	interface(h, "lo", true, true);
	interface(h, "eth0", true, false);
	interface(h, "eth1", true, true);
	interface(h, "eth2", true, true);
	interface(h, "eth3", false, false);
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
	interface(&h, "eth0", false, false);
	interface(&h, "eth1", false, false);
	SAYS(&h, "half-interface", "[interface a]\nname = eth0\n", "");
}

static void test_many_halves(void **state)
{
	struct host h = { 0 };

	(void)state;
	interface(&h, "eth0", true, true);
	for (int i = 0; i < 12; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "veth%d", i);
		interface(&h, name, true, true);
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

	sysctl(&h, TCP_EST, 432000);
	sysctl(&h, "nf_conntrack_udp_timeout_stream", 120);
	address(&h, "127.0.0.1");
	address(&h, "192.0.2.1");
	address(&h, "192.0.2.2");
	address(&h, "2001:db8::1");
	address(&h, "fe80::1");
	interface(&h, "lo", false, false);
	interface(&h, "eth0", false, false);
	interface(&h, "eth1", false, false);
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
	address(&h, "192.0.2.1");
	SAYS(&h, "upstream-timeout", conf, "");
	sysctl(&h, TCP_EST, 432000);
	address(&h, "192.0.2.1");
	address(&h, "::1");
	address(&h, "fe80::1");
	SAYS(&h, "upstream-timeout", conf, "");
	sysctl(&h, TCP_EST, 432000); /* addresses are not known */
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
	sysctl(&h, "nf_conntrack_count", 1);
	SAYS(&h, "stateless-host", WEB, "");
	sysctl(&h, "nf_conntrack_count", 0);
	SAYS(&h, "stateless-host", WEB, STATELESS);
	*ARRAY_ADD(h.fw.legacy, h.fw.n_legacy) = xstrdup("ip filter"); /* whose rules are unread */
	SAYS(&h, "stateless-host", WEB, "");
	unread(&h, "firewalls");
	SAYS(&h, "stateless-host", WEB, STATELESS);
	unread(&h, "firewall: Operation not permitted");
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
	interface(&h, "eth0", false, false);
	SAYS(&h, "missing-interface", conf,
	     "4:13 note: a: there is no interface 'eth1' now" NO_IFACE
	     "6:8 note: b: no interface matches 'bond*' now" NO_IFACE);
	unread(&h, "interfaces");
	SAYS(&h, "missing-interface", conf, "");
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
	     "open; 'untrack rollback' goes back\n");
	h.ssh_port = 2222;
	SAYS(&h, "management-port", conf, "");
	SAYS(&h, "management-port", conf, "");
}

static void test_unread_facts_are_said(void **state)
{
	struct host h = { 0 };

	(void)state;
	unread(&h, "listeners: Permission denied");
	unread(&h, "sctp-listeners: nobody looks"); /* and nothing asks for them */
	unread(&h, "nat");
	SAYS(&h, "facts-unread", WEB,
	     "note: not known, and so not checked: listeners: Permission denied | see 'untrack "
	     "facts', as root\n"
	     "note: not known, and so not checked: nat | see 'untrack facts', as root\n");
	unread(&h, "sctp-listeners");
	SAYS(&h, "facts-unread", "[service a]\nprotocol = tcp, sctp\nport = 80\n",
	     "note: not known, and so not checked: sctp-listeners | see 'untrack facts', as "
	     "root\n");
	unread(&h, "sctp-listeners");
	SAYS(&h, "facts-unread", "[service a]\nprotocol = sctp\nport = 80\nrole = client\n", "");
}

static void test_what_is_not_done_is_said(void **state)
{
	struct host h = { 0 };

	(void)state;
	SAYS(&h, "conntrack-settings", "[conntrack]\nmax = 1000\n" WEB,
	     "2:7 warning: [conntrack] is checked, but this version sets none of it | set "
	     "net.netfilter.nf_conntrack_* in /etc/sysctl.d\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ephemeral_overlap),
		cmocka_unit_test(test_ephemeral_ends),
		cmocka_unit_test(test_no_ephemeral_overlap),
		cmocka_unit_test(test_no_listener),
		cmocka_unit_test(test_listener_addresses),
		cmocka_unit_test(test_live_nat_by_role),
		cmocka_unit_test(test_live_nat_settings),
		cmocka_unit_test(test_half_interface),
		cmocka_unit_test(test_many_halves),
		cmocka_unit_test(test_half_route),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_what_stays_tracked),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_stateless_host),
		cmocka_unit_test(test_missing_interfaces),
		cmocka_unit_test(test_management_port),
		cmocka_unit_test(test_unread_facts_are_said),
		cmocka_unit_test(test_what_is_not_done_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
