/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings before acting that are about ports: ephemeral ones, listeners, live NAT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include "host_build.h"

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
	h_listener(&h, IPPROTO_TCP, NULL, 80);
	h_listener(&h, IPPROTO_UDP, NULL, 443); /* another protocol's */
	h_listener(&h, IPPROTO_TCP, "*", 8005);
	h_listener(&h, IPPROTO_TCP, "127.0.0.1", 25);
	h_listener(&h, IPPROTO_TCP, "::1", 26);
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
	h_listener(&h, IPPROTO_UDP, NULL, 53);
	SAYS(&h, "no-listener", "[service dns]\nprotocol = udp\nport = 53\n", "");
	h_unread(&h, "listeners: no such thing");
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
	h_listener(&h, IPPROTO_TCP, "2001:db8::1", 80);
	SAYS(&h, "no-listener", v4, silent5);
	h_listener(&h, IPPROTO_TCP, "2001:db8::1", 80);
	SAYS(&h, "no-listener", WEB, "");
	h_listener(&h, IPPROTO_TCP, NULL, 80);
	SAYS(&h, "no-listener", "[untrack]\nfamily = ipv6\n" WEB, silent5);
	h_listener(&h, IPPROTO_TCP, "*", 80); /* takes IPv4 as well */
	SAYS(&h, "no-listener", v4, "");
	h_listener(&h, IPPROTO_TCP, "*", 80);
	h.listeners[0].both = false;
	SAYS(&h, "no-listener", v4, silent5);
	h_listener(&h, IPPROTO_TCP, "192.0.2.1", 80);
	SAYS(&h, "no-listener", local, "");
	h_listener(&h, IPPROTO_TCP, "192.0.2.9", 80);
	h_listener(&h, IPPROTO_TCP, "192.0.3.1", 80);
	SAYS(&h, "no-listener", local, silent);
	h_listener(&h, IPPROTO_TCP, NULL, 80);
	SAYS(&h, "no-listener", local, "");
	h_listener(&h, IPPROTO_TCP, NULL, 80); /* of IPv4, which has no part in it */
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

	h_nat(&h, published);
	h_nat(&h, masqueraded);
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
	h_nat(&h, (struct host_nat){ .proto = IPPROTO_TCP,
				     .dport = 53,
				     .dst_local = true,
				     .reply_sport = 80,
				     .reply_dst_local = true,
				     .entries = 1 });
	h_nat(&h, (struct host_nat){ .proto = IPPROTO_UDP, /* another protocol's */
				     .reply_sport = 80,
				     .reply_dst_local = true,
				     .entries = 7 });
	SAYS(&h, "nat-conflict", "[service a]\nprotocol = tcp\nport = 53, 80\nrole = client\n",
	     "3:8 error: a: NAT translates 1 live connection of tcp port 80, and needs them "
	     "tracked" NARROW OR_WARN);
	h_nat(&h,
	      (struct host_nat){ .proto = IPPROTO_GRE, .dst_local = true, .entries = UINT64_MAX });
	h_nat(&h,
	      (struct host_nat){
		      .proto = IPPROTO_GRE, .family = FAMILY_V6, .dst_local = true, .entries = 2 });
	SAYS(&h, "nat-conflict", "[service a]\nprotocol = gre\n",
	     "1:1 error: a: NAT translates 18446744073709551615 live connections of gre, and needs "
	     "them tracked | see them with 'conntrack -L -j -p gre'; "
	     "narrow the exemption (port, interface, local, remote)" OR_WARN);
	h_nat(&h, published);
	h_unread(&h, "nat");
	SAYS(&h, "nat-conflict", "[service a]\nprotocol = tcp\nport = 8080\n", "");
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
