/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack: which entries go in a drain, by the rule, and in a kernel full of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ct_build.h"
#include "kernel/conntrack.h"
#include "kernel/conntrack_stats.h"
#include "kernel/conntrack_table.h"
#include "rules/compile.h"
#include "util.h"

static const char web[] = "[service web]\nprotocol = tcp\nport = 80, 8000-8010\n";
static const char web_loopback[] = "[loopback]\nnotrack = yes\n"
				   "[service web]\nprotocol = tcp\nport = 80\n";
static const char dns_client[] = "[service dns]\nprotocol = udp\nport = 53\nrole = client\n";
static const char web_client[] = "[service web]\nprotocol = tcp\nport = 80\nrole = client\n";
static const char dns_peer[] = "[service dns]\nprotocol = udp\nport = 53\nrole = peer\n";
static const char web_router[] = "[service web]\nprotocol = tcp\nport = 80\nrole = router\n";
static const char web_eth0[] = "[service web]\nprotocol = tcp\nport = 80\ninterface = eth0\n";
static const char web_not_eth1[] = "[service web]\nprotocol = tcp\nport = 80\ninterface = !eth1\n";
static const char web_near[] = "[service web]\nprotocol = tcp\nport = 80\n"
			       "remote = 10.0.0.0/8, !10.9.0.0/16, 2001:db8:1::/48\n"
			       "local = 192.0.2.1, 2001:db8::1\n";
static const char storage[] = "[interface storage]\nname = eth1\n";
static const char ping[] = "[service ping]\nprotocol = icmp, icmpv6\n";
static const char tunnels[] = "[service tunnels]\nprotocol = gre, esp\n";
static const char v4_only[] = "[untrack]\nfamily = ipv4\n"
			      "[service web]\nprotocol = tcp\nport = 80\n";

static const struct row { /* the host is 192.0.2.1 and 2001:db8::1, and has 10.0.0.0/8 at eth0 and
			   * 10.9.0.0/16 at eth1 */
	const char *policy;
	const char *orig; /* protocol source port destination port; ICMP: its type as a port */
	bool exempt;
} rows[] = {
	{ web, "tcp 10.0.0.9 40000 192.0.2.1 80", true },
	{ web, "tcp 10.0.0.9 40000 192.0.2.1 8005", true },
	{ web, "tcp 10.0.0.9 40000 192.0.2.1 8011", false },
	{ web, "tcp 2001:db8:1::9 40000 2001:db8::1 80", true },
	{ web, "tcp 2001:db8:1::9 40000 2001:db8::2 80", false },
	{ web, "udp 10.0.0.9 40000 192.0.2.1 80", false },
	{ web, "tcp 10.0.0.9 80 192.0.2.1 40000", false },
	{ web, "tcp 192.0.2.1 40000 10.0.0.9 80", false },  /* our own client */
	{ web, "tcp 10.0.0.9 40000 10.9.0.9 80", false },   /* forwarded: T4 */
	{ web, "tcp 192.0.2.1 80 10.0.0.9 40000", true },   /* picked up from the reply */
	{ web, "tcp 127.0.0.1 40000 127.0.0.1 80", false }, /* loopback stays tracked: T6 */
	{ web, "tcp 192.0.2.1 40000 192.0.2.1 80", false },
	{ web, "tcp 127.9.9.9 40000 192.0.2.1 80", false },
	{ web_loopback, "tcp 127.0.0.1 40000 127.0.0.1 80", true },
	{ web_loopback, "tcp 127.0.0.1 40000 127.0.0.1 22", true },
	{ web_loopback, "tcp 192.0.2.1 40000 192.0.2.1 22", true },
	{ web_loopback, "tcp ::1 40000 ::1 22", true },
	{ web_loopback, "icmp 127.0.0.1 8 127.0.0.1 8", true },
	{ web_loopback, "tcp 10.0.0.9 40000 192.0.2.1 22", false },
	{ dns_client, "udp 192.0.2.1 40000 10.0.0.9 53", true },
	{ dns_client, "udp 192.0.2.1 1024 10.0.0.9 53", false }, /* not an ephemeral port */
	{ dns_client, "udp 10.0.0.9 40000 192.0.2.1 53", false },
	{ web_client, "tcp 192.0.2.1 40000 10.0.0.9 80", true },
	{ web_client, "tcp 10.0.0.9 40000 192.0.2.1 80", false },
	{ dns_peer, "udp 192.0.2.1 40000 10.0.0.9 53", true },
	{ dns_peer, "udp 10.0.0.9 40000 192.0.2.1 53", true },
	{ dns_peer, "udp 10.0.0.9 53 192.0.2.1 53", true },
	{ web_router, "tcp 10.0.0.9 40000 10.9.0.9 80", true },
	{ web_router, "tcp 10.0.0.9 40000 192.0.2.1 80", false },
	{ web_eth0, "tcp 10.0.0.9 40000 192.0.2.1 80", true },
	{ web_eth0, "tcp 10.9.0.9 40000 192.0.2.1 80", false },
	{ web_eth0, "tcp 203.0.113.9 40000 192.0.2.1 80", false }, /* nobody knows: it stays */
	{ web_not_eth1, "tcp 10.0.0.9 40000 192.0.2.1 80", true },
	{ web_not_eth1, "tcp 10.9.0.9 40000 192.0.2.1 80", false },
	{ web_not_eth1, "tcp 203.0.113.9 40000 192.0.2.1 80", false },
	{ web_near, "tcp 10.0.0.9 40000 192.0.2.1 80", true },
	{ web_near, "tcp 10.9.0.9 40000 192.0.2.1 80", false },
	{ web_near, "tcp 11.0.0.9 40000 192.0.2.1 80", false },
	{ web_near, "tcp 2001:db8:1::9 40000 2001:db8::1 80", true },
	{ web_near, "tcp 2001:db8:2::9 40000 2001:db8::1 80", false },
	{ web_near, "tcp 10.0.0.9 40000 192.0.2.2 80", false },
	{ storage, "tcp 10.9.0.9 40000 192.0.2.1 2049", true },
	{ storage, "tcp 192.0.2.1 700 10.9.0.9 2049", true },
	{ storage, "udp 192.0.2.1 700 10.9.0.9 111", true },
	{ storage, "tcp 192.0.2.1 700 10.0.0.9 2049", false },
	{ storage, "tcp 10.0.0.9 700 10.9.0.9 2049", false }, /* one of two interfaces only */
	{ storage, "tcp 192.0.2.1 700 192.0.2.1 2049", false },
	{ ping, "icmp 10.0.0.9 8 192.0.2.1 8", true },
	{ ping, "icmpv6 2001:db8:1::9 128 2001:db8::1 128", true },
	{ ping, "tcp 10.0.0.9 40000 192.0.2.1 80", false },
	{ tunnels, "gre 10.0.0.9 0 192.0.2.1 0", true },
	{ tunnels, "ah 10.0.0.9 0 192.0.2.1 0", false },
	{ v4_only, "tcp 10.0.0.9 40000 192.0.2.1 80", true },
	{ v4_only, "tcp 2001:db8:1::9 40000 2001:db8::1 80", false },
};

static bool reaches(void *ctx, enum family f, const uint8_t *addr, char name[IFNAMSIZ])
{
	(void)ctx;
	if (f != FAMILY_V4 || addr[0] != 10)
		return false;
	strncpy(name, addr[1] == 9 ? "eth1" : "eth0", IFNAMSIZ);
	return true;
}

static void make_host(struct ct_host *host)
{
	static const char *const locals[] = { "127.0.0.0/8", "127.0.0.1", "::1", "192.0.2.1",
					      "2001:db8::1" };

	*host = (struct ct_host){ .reaches = reaches };
	for (size_t i = 0; i < ARRAY_SIZE(locals); i++) {
		struct prefix p;

		assert_true(prefix_parse(locals[i], &p));
		addrs_add(&host->local, &p);
	}
	addrs_normalise(&host->local);
}

static void make_rules(const char *text, struct ruleset *rs)
{
	const struct host_params h = HOST_PARAMS_DEFAULT;
	struct policy p = { 0 };
	struct diag d = { 0 };

	*rs = (struct ruleset){ 0 };
	assert_int_equal(policy_parse(&p, text, "test", &d), 0);
	compile_rules(&p, &h, rs, &d);
	for (size_t i = 0; i < rs->n_rules; i++)
		rs->rules[i].at = (struct origin){ 0 };
	policy_free(&p);
	diag_free(&d);
}

static struct ct_tuple parse_tuple(const char *text)
{
	struct ct_tuple t;

	assert_true(ct_tuple_of(text, &t));
	return t;
}

static void test_which_entries(void **state)
{
	struct ct_host host;

	(void)state;
	make_host(&host);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ruleset rs;
		struct ct_tuple t = parse_tuple(rows[i].orig);
		bool exempt;

		make_rules(rows[i].policy, &rs);
		exempt = conntrack_is_exempt(&rs, &host, &t);
		if (exempt != rows[i].exempt)
			fail_msg("%s\"%s\": %d", rows[i].policy, rows[i].orig, exempt);
		ruleset_free(&rs);
	}
	free(host.local.v);
}

/* Where it is not known that a return does not hit, the entry stays. */
static void test_doubt_keeps(void **state)
{
	static const char text[] = "untrack-rules 1\n"
				   "prerouting return loopback in eth1\n"
				   "prerouting notrack web protocol tcp dport 80 to local\n"
				   "output notrack web protocol tcp sport 80\n"
				   "end\n";
	struct ct_tuple near = parse_tuple("tcp 10.0.0.9 40000 192.0.2.1 80");
	struct ct_tuple far = parse_tuple("tcp 203.0.113.9 40000 192.0.2.1 80");
	struct ruleset rs = { 0 };
	struct ct_host host;
	struct diag d = { 0 };

	(void)state;
	make_host(&host);
	assert_int_equal(ruleset_parse(&rs, text, "test", &d), 0);
	assert_true(conntrack_is_exempt(&rs, &host, &near));
	assert_false(conntrack_is_exempt(&rs, &host, &far));
	ruleset_free(&rs);
	free(host.local.v);
}

static void test_inverse(void **state)
{
	struct ct_tuple a = parse_tuple("tcp 10.0.0.9 40000 192.0.2.1 80");
	struct ct_tuple b = parse_tuple("tcp 192.0.2.1 80 10.0.0.9 40000");
	struct ct_tuple translated = parse_tuple("tcp 192.0.2.1 8080 10.0.0.9 40000");

	(void)state;
	assert_true(ct_is_inverse(&a, &b));
	assert_false(ct_is_inverse(&a, &translated));
	translated = parse_tuple("tcp 192.0.2.1 80 10.0.0.8 40000");
	assert_false(ct_is_inverse(&a, &translated));
	assert_false(ct_is_inverse(&a, &a));
}

/* What would flush the table is never sent (FACTS E2). */
static void test_no_flush(void **state)
{
	struct ct_tuple t = parse_tuple("tcp 10.0.0.9 40000 192.0.2.1 80");
	static const uint16_t others[] = { CTA_FILTER, CTA_STATUS, CTA_MARK, CTA_TUPLE_REPLY };
	char buf[512];
	struct nlmsghdr *h;

	(void)state;
	h = ct_put_header(buf, IPCTNL_MSG_CT_DELETE, 0, 1, FAMILY_V4);
	assert_false(conntrack_deletes_one(h)); /* no attributes */
	mnl_attr_put_u32(h, CTA_ID, 1);
	assert_false(conntrack_deletes_one(h));
	ct_put_tuple(h, CTA_TUPLE_ORIG, &t);
	assert_true(conntrack_deletes_one(h));
	mnl_attr_put_u16(h, CTA_ZONE, 1);
	assert_true(conntrack_deletes_one(h));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		h = ct_put_header(buf, IPCTNL_MSG_CT_DELETE, 0, 1, FAMILY_V4);
		ct_put_tuple(h, CTA_TUPLE_ORIG, &t);
		assert_false(conntrack_deletes_one(h)); /* no id */
		mnl_attr_put_u32(h, CTA_ID, 1);
		assert_true(conntrack_deletes_one(h));
		mnl_attr_put_u32(h, others[i], 0); /* a filter of flags 0, for one */
		assert_false(conntrack_deletes_one(h));
	}
	h = ct_put_header(buf, IPCTNL_MSG_CT_DELETE, 0, 1, FAMILY_V4);
	mnl_attr_nest_end(h, mnl_attr_nest_start(h, CTA_TUPLE_ORIG));
	mnl_attr_put_u32(h, CTA_ID, 1);
	assert_false(conntrack_deletes_one(h)); /* an empty tuple */
}

/* --- with a kernel: a network namespace of its own, in a child --- */

static void expect(bool ok, int line)
{
	if (!ok) {
		fprintf(stderr, "# line %d failed: %s\n", line, strerror(errno));
		_exit(1);
	}
}
#define EXPECT(x) expect(x, __LINE__)

static void in_namespace(void (*fn)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		if (unshare(CLONE_NEWNET) || socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) < 0)
			_exit(77); /* an emulator of one program may know no netfilter */
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void shell(const char *script)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		execl("/bin/sh", "sh", "-ec", script, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

struct creation {
	struct ct_tuple orig, reply;
	const char *helper;
	uint16_t zone;
};

static struct creation creation_of(const char *orig, const char *reply)
{
	struct creation c = { .orig = parse_tuple(orig), .reply = parse_tuple(reply) };

	return c;
}

static void put_creation(struct mnl_socket *nl, const struct creation *c)
{
	char buf[1024] = { 0 };
	struct nlmsghdr *h = ct_put_header(buf, IPCTNL_MSG_CT_NEW,
					   NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 9,
					   c->orig.family);

	ct_put_tuple(h, CTA_TUPLE_ORIG, &c->orig);
	ct_put_tuple(h, CTA_TUPLE_REPLY, &c->reply);
	mnl_attr_put_u32(h, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED));
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(300));
	if (c->zone)
		mnl_attr_put_u16(h, CTA_ZONE, htons(c->zone));
	if (c->helper)
		ct_put_helper(h, c->helper);
	if (c->orig.proto == IPPROTO_TCP)
		ct_put_tcp_state(h, TCP_CONNTRACK_ESTABLISHED);
	EXPECT(mnl_socket_sendto(nl, h, h->nlmsg_len) > 0);
}

/* 0, or the kernel's errno. */
static int create(struct mnl_socket *nl, const struct creation *c)
{
	char buf[8192];
	ssize_t n;

	put_creation(nl, c);
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	EXPECT(n > 0);
	return mnl_cb_run(buf, (size_t)n, 9, mnl_socket_get_portid(nl), NULL, NULL) < 0 ? errno : 0;
}

static unsigned long count(void)
{
	size_t len;
	auto_free char *s = read_file(AT_FDCWD, "/proc/sys/net/netfilter/nf_conntrack_count", &len);

	EXPECT(s);
	return strtoul(s, NULL, 10);
}

static struct mnl_socket *socket_open(void)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);

	EXPECT(nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0);
	return nl;
}

/* Addresses as in the table above, on interfaces that exist. */
static void make_interfaces(void)
{
	shell("ip link set lo up\n"
	      "ip link add eth0 type veth peer name far0\n"
	      "ip link add eth1 type veth peer name far1\n"
	      "ip addr add 192.0.2.1/32 dev lo\n"
	      "ip -6 addr add 2001:db8::1/128 dev lo nodad\n"
	      "for i in eth0 far0 eth1 far1; do ip link set $i up; done\n"
	      "ip route add 10.0.0.0/8 dev eth0\n"
	      "ip route add 10.9.0.0/16 dev eth1\n"
	      "ip -6 route add 2001:db8:1::/48 dev eth0\n");
}

/* n entries of one kind that differ in the client's port; the server sees the client as seen_as. */
static void create_many(struct mnl_socket *nl, unsigned n, const char *client, const char *server,
			unsigned port, const char *seen_as)
{
	for (unsigned i = 0; i < n; i++) {
		auto_free char *orig =
			xasprintf("tcp %s %u %s %u", client, 20000 + i, server, port);
		auto_free char *reply =
			xasprintf("tcp %s %u %s %u", server, port, seen_as, 20000 + i);
		struct creation c = creation_of(orig, reply);

		EXPECT(create(nl, &c) == 0);
	}
}

static struct drain_report drain(const char *policy)
{
	struct drain_report report;
	struct diag d = { 0 };
	struct ruleset rs;

	make_rules(policy, &rs);
	if (conntrack_drain(&rs, &report, &d)) {
		diag_print(&d, stderr, SEVERITY_NOTE, false);
		EXPECT(false);
	}
	EXPECT(d.n == 0);
	ruleset_free(&rs);
	return report;
}

static void drain_many(void)
{
	struct mnl_socket *nl = socket_open();
	struct drain_report r;

	make_interfaces();
	create_many(nl, 450, "10.0.0.9", "192.0.2.1", 80, "10.0.0.9");
	create_many(nl, 300, "2001:db8:1::9", "2001:db8::1", 80, "2001:db8:1::9");
	create_many(nl, 100, "10.0.0.9", "192.0.2.1", 81, "10.0.0.9");
	create_many(nl, 100, "10.0.0.9", "10.9.0.9", 80, "10.0.0.9");	/* forwarded */
	create_many(nl, 100, "192.0.2.1", "10.0.0.9", 80, "192.0.2.1"); /* our own client */
	create_many(nl, 50, "127.0.0.1", "127.0.0.1", 80, "127.0.0.1");
	create_many(nl, 40, "10.0.0.8", "192.0.2.1", 80, "10.0.0.7");
	create_many(nl, 50, "2001:db8:1::9", "2001:db8::1", 22, "2001:db8:1::9");
	EXPECT(count() == 1190);
	r = drain(web);
	EXPECT(r.seen == 1190);
	EXPECT(r.deleted == 750);
	EXPECT(r.kept_nat == 40);
	EXPECT(r.failed == 0);
	EXPECT(count() == 440);
	r = drain(web);
	EXPECT(r.seen == 440 && r.deleted == 0 && count() == 440);
	mnl_socket_close(nl);
}

static void drain_special(void)
{
	struct mnl_socket *nl = socket_open();
	struct creation c;
	struct drain_report r;

	make_interfaces();
	/* a published port: the reply comes from elsewhere */
	c = creation_of("tcp 10.0.0.9 30001 192.0.2.1 80", "tcp 10.9.0.9 8080 10.0.0.9 30001");
	EXPECT(create(nl, &c) == 0);
	c = creation_of("tcp 10.0.0.9 30002 192.0.2.1 80", "tcp 192.0.2.1 80 10.0.0.9 1024");
	EXPECT(create(nl, &c) == 0); /* masqueraded, by the port alone */
	c = creation_of("tcp 10.0.0.9 30003 192.0.2.1 80", "tcp 192.0.2.1 80 10.0.0.9 30003");
	c.zone = 5;
	EXPECT(create(nl, &c) == 0);
	c.zone = 0;
	EXPECT(create(nl, &c) == 0);
	c = creation_of("icmp 10.0.0.9 8 192.0.2.1 8", "icmp 192.0.2.1 0 10.0.0.9 0");
	EXPECT(create(nl, &c) == 0);
	c = creation_of("icmpv6 2001:db8:1::9 128 2001:db8::1 128",
			"icmpv6 2001:db8::1 129 2001:db8:1::9 129");
	EXPECT(create(nl, &c) == 0);
	r = drain(web);
	EXPECT(r.deleted == 2 && r.kept_nat == 2);
	EXPECT(count() == 4);
	r = drain(ping);
	EXPECT(r.deleted == 2 && count() == 2);
	c = creation_of("tcp 10.0.0.9 30004 192.0.2.1 80", "tcp 192.0.2.1 80 10.0.0.9 30004");
	c.helper = "ftp";
	if (create(nl, &c) == 0) { /* the kernel has that helper */
		r = drain(web);
		EXPECT(r.deleted == 0 && r.kept_helper == 1);
	}
	mnl_socket_close(nl);
}

static void drain_interfaces(void)
{
	struct mnl_socket *nl = socket_open();
	struct drain_report r;

	make_interfaces();
	create_many(nl, 20, "10.0.0.9", "192.0.2.1", 80, "10.0.0.9");
	create_many(nl, 30, "10.9.0.9", "192.0.2.1", 80, "10.9.0.9");
	create_many(nl, 10, "203.0.113.9", "192.0.2.1", 80, "203.0.113.9"); /* no route */
	create_many(nl, 5, "192.0.2.1", "10.9.0.9", 2049, "192.0.2.1");
	r = drain(web_eth0);
	EXPECT(r.deleted == 20 && count() == 45);
	r = drain(storage);
	EXPECT(r.deleted == 35 && count() == 10);
	r = drain("");
	EXPECT(r.seen == 0 && count() == 10);
	mnl_socket_close(nl);
}

/* Nothing is tracked: nothing is asked, and tracking stays off. */
static void drain_nothing(void)
{
	struct drain_report r;
	struct timespec t0, t1;

	make_interfaces();
	clock_gettime(CLOCK_MONOTONIC, &t0);
	r = drain(web);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	EXPECT(r.seen == 0 && r.deleted == 0);
	EXPECT((t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000 < 50);
	EXPECT(count() == 0);
}

struct reading {
	unsigned long v4, v6, progress;
};

static void count_entry(void *ctx, const struct ct_entry *e)
{
	struct reading *r = ctx;

	EXPECT(e->state == CT_ESTABLISHED && e->flags & CT_ASSURED && e->flags & CT_TIMED);
	EXPECT(e->timeout <= 300 && e->timeout > 200 && !ct_is_translated(e));
	*(e->orig.family == FAMILY_V4 ? &r->v4 : &r->v6) += 1;
}

static void count_progress(void *ctx, unsigned long seen, unsigned long all)
{
	struct reading *r = ctx;

	EXPECT(seen <= all);
	r->progress = seen;
}

static void read_table(void)
{
	struct reading seen = { 0 };
	const struct ct_reader reader = { count_entry, count_progress, NULL, &seen };
	struct mnl_socket *nl = socket_open();
	struct ct_reading r = { .entries = 9 };
	struct ct_stats stats;
	struct diag d = { 0 };
	unsigned long entries, max;

	EXPECT(ct_presence() == CT_IDLE && !ct_table_read(&reader, &r, &d) && r.entries == 0);
	create_many(nl, 500, "10.0.0.9", "192.0.2.1", 80, "10.0.0.9");
	create_many(nl, 300, "2001:db8:1::9", "2001:db8::1", 80, "2001:db8:1::9");
	EXPECT(ct_presence() == CT_IN_USE && !ct_table_read(&reader, &r, &d));
	EXPECT(r.entries == 800 && seen.v4 == 500 && seen.v6 == 300 && seen.progress == 800);
	EXPECT(r.count_before == 800 && r.count_after == 800 && !r.interrupted);
	EXPECT(!r.again && !r.unread && !r.strange);
	ct_reading_say(&r, &d);
	EXPECT(d.n == 0);
	EXPECT(!ct_stats_read(&stats, NULL, NULL, &d) && stats.insert == 800);
	EXPECT(stats.processors > 0 && stats.drop == 0 && stats.insert_failed == 0);
	EXPECT(ct_limits_read(&entries, &max) && entries == 800 && max > 800);
	mnl_socket_close(nl);
}

/* Without privileges: said, and nothing is made up. */
static void read_unprivileged(void)
{
	struct reading seen = { 0 };
	const struct ct_reader reader = { count_entry, NULL, NULL, &seen };
	struct mnl_socket *nl = socket_open();
	struct ct_reading r = { .entries = 9 };
	struct ct_stats stats = { .insert = 9 };
	struct diag d = { 0 };

	create_many(nl, 1, "10.0.0.9", "192.0.2.1", 80, "10.0.0.9");
	EXPECT(setresuid(65534, 65534, 65534) == 0);
	EXPECT(ct_table_read(&reader, &r, &d) == -1 && r.entries == 9 && seen.v4 == 0);
	EXPECT(d.errors == 1 && !strcmp(d.v[0].id, "conntrack-unread"));
	EXPECT(strstr(d.v[0].text, "Operation not permitted") && strstr(d.v[0].cure, "root"));
	EXPECT(ct_stats_read(&stats, NULL, NULL, &d) == -1 && stats.insert == 9);
	EXPECT(d.errors == 2);
	diag_free(&d);
	mnl_socket_close(nl);
}

static void test_read_table(void **state)
{
	(void)state;
	in_namespace(read_table);
	in_namespace(read_unprivileged);
}

static void test_drain_many(void **state)
{
	(void)state;
	in_namespace(drain_many);
}

static void test_drain_special(void **state)
{
	(void)state;
	in_namespace(drain_special);
}

static void test_drain_interfaces(void **state)
{
	(void)state;
	in_namespace(drain_interfaces);
}

static void test_drain_nothing(void **state)
{
	(void)state;
	in_namespace(drain_nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_entries), cmocka_unit_test(test_inverse),
		cmocka_unit_test(test_doubt_keeps),   cmocka_unit_test(test_no_flush),
		cmocka_unit_test(test_read_table),    cmocka_unit_test(test_drain_many),
		cmocka_unit_test(test_drain_special), cmocka_unit_test(test_drain_interfaces),
		cmocka_unit_test(test_drain_nothing),
	};

	return cmocka_run_group_tests_name("conntrack", tests, NULL, NULL);
}
