/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs for ICMP against real packets: the kernel's counter says what they match. */
#include "nft_namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "iptables_lab.h"
#include "rules/iptables.h"

#define ROUNDS 120
#define MAX 256

struct packet { /* what an ICMP message says */
	bool v4;
	uint8_t type;
	uint8_t proto, src[16], dst[16]; /* quoted */
	uint16_t sport, dport;
	size_t options; /* bytes of IPv4 options in the quoted header */
	size_t quoted;	/* bytes of the quoted packet that are there */
};

static const char firewall[] = "*raw\n"
			       ":PREROUTING ACCEPT [0:0]\n"
			       ":OUTPUT ACCEPT [0:0]\n"
			       "-A PREROUTING -j CT --notrack\n"
			       "-A OUTPUT -j CT --notrack\n"
			       "COMMIT\n"
			       "*filter\n"
			       ":INPUT ACCEPT [0:0]\n"
			       "-A INPUT -m conntrack --ctstate NEW -j ACCEPT\n"
			       "COMMIT\n";

static bool prepare(struct fixture *f)
{
	char *a, *b, *c;

	(void)f;
	a = shell("ip link set lo up", NULL);
	b = shell("iptables-nft-restore", firewall);
	c = shell("ip6tables-nft-restore", firewall);
	free(a);
	free(b);
	free(c);
	return a && b && c;
}

/* ---- packets -----------------------------------------------------------------------------------
 */

static void put16(uint8_t *at, unsigned n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

static uint16_t checksum(const uint8_t *v, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? v[i] : (uint32_t)v[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The ICMP message with what it quotes; its length. */
static size_t build(const struct packet *p, uint8_t *v)
{
	uint8_t *ip = v + 8, *ports;
	size_t header = p->v4 ? 20 + p->options : 40, len;

	memset(v, 0, MAX);
	v[0] = p->type;
	if (p->v4) {
		ip[0] = (uint8_t)(0x40 | header / 4);
		put16(ip + 2, (unsigned)header + 8);
		ip[8] = 63;
		ip[9] = p->proto;
		memcpy(ip + 12, p->src, 4);
		memcpy(ip + 16, p->dst, 4);
		memset(ip + 20, 1, p->options); /* no operation */
	} else {
		ip[0] = 0x60;
		put16(ip + 4, 8);
		ip[6] = p->proto;
		ip[7] = 63;
		memcpy(ip + 8, p->src, 16);
		memcpy(ip + 24, p->dst, 16);
	}
	ports = ip + header;
	put16(ports, p->sport);
	put16(ports + 2, p->dport);
	len = 8 + (p->quoted < header + 8 ? p->quoted : header + 8);
	if (p->v4)
		put16(v + 2, checksum(v, len));
	return len;
}

static void send_packet(const struct packet *p)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	auto_close int fd = socket(p->v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
				   p->v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	uint8_t message[MAX];
	size_t len = build(p, message);

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, message, len, 0,
				p->v4 ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6,
				p->v4 ? sizeof to4 : sizeof to6),
			 len);
}

/* ---- what should be ----------------------------------------------------------------------------
 */

static bool in_prefix(const struct prefix *p, const uint8_t *addr)
{
	for (unsigned i = 0; i < p->len; i++)
		if ((p->addr[i / 8] ^ addr[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static bool addresses_meet(const struct addrs *in, const struct addrs *not_in, const uint8_t *addr)
{
	bool good = !in->n;

	for (size_t i = 0; i < in->n; i++)
		good = good || in_prefix(&in->v[i], addr);
	for (size_t i = 0; i < not_in->n; i++)
		good = good && !in_prefix(&not_in->v[i], addr);
	return good;
}

/* Behind options the ports are not looked for. */
static bool meets(const struct match *m, const struct packet *p)
{
	const uint8_t *types;
	size_t n = icmp_kind_types(m->icmp, p->v4 ? FAMILY_V4 : FAMILY_V6, &types);
	size_t header = p->v4 ? 20 + p->options : 40;
	bool type = false;

	for (size_t i = 0; i < n; i++)
		type = type || types[i] == p->type;
	if (!type || m->icmp != ICMP_IS_ERROR)
		return type;
	if ((m->sport.n || m->dport.n) && (p->options || p->quoted < header + 4))
		return false;
	if (((m->src.n || m->not_src.n) && p->quoted < (p->v4 ? 16 : 24)) ||
	    ((m->dst.n || m->not_dst.n) && p->quoted < (p->v4 ? 20 : 40)) ||
	    (m->proto && p->quoted < (p->v4 ? 12 : 8)))
		return false;
	return (!m->proto || m->proto == p->proto) && ports_contains(&m->sport, p->sport) &&
	       ports_contains(&m->dport, p->dport) &&
	       addresses_meet(&m->src, &m->not_src, p->src) &&
	       addresses_meet(&m->dst, &m->not_dst, p->dst);
}

/* ---- chance ------------------------------------------------------------------------------------
 */

/* One of eight networks side by side, as short or long as can be. */
static void some_prefix(uint64_t *seed, bool v4, struct addrs *l)
{
	struct prefix p = { .family = v4 ? FAMILY_V4 : FAMILY_V6 };
	unsigned full = v4 ? 32 : 128;

	p.len = (uint8_t)(random_below(seed, 2) ? full - random_below(seed, 3)
						: random_below(seed, full));
	p.addr[0] = v4 ? 10 : 0x20;
	p.addr[v4 ? 3 : 15] = (uint8_t)random_below(seed, 8);
	p.addr[v4 ? 2 : 5] = (uint8_t)random_below(seed, 2);
	for (unsigned i = p.len; i < full; i++)
		p.addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	addrs_add(l, &p);
	addrs_normalise(l);
}

static void some_ports(uint64_t *seed, struct ports *p)
{
	for (unsigned n = 1 + random_below(seed, 3); n; n--) {
		uint16_t lo = (uint16_t)random_below(seed, 12);

		ports_add(p, lo, (uint16_t)(lo + random_below(seed, 3)));
	}
	ports_normalise(p);
}

static void some_match(uint64_t *seed, bool v4, struct match *m)
{
	*m = (struct match){ .families = v4 ? FAMILIES_V4 : FAMILIES_V6, .icmp = ICMP_IS_ERROR };
	if (!random_below(seed, 6)) {
		m->icmp = random_below(seed, 2) ? ICMP_REQUEST : ICMP_REPLY;
		m->proto = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		return;
	}
	m->proto = random_below(seed, 4) ? IPPROTO_TCP : 0;
	if (m->proto && random_below(seed, 4))
		some_ports(seed, random_below(seed, 2) ? &m->sport : &m->dport);
	if (!random_below(seed, 3))
		some_prefix(seed, v4, random_below(seed, 2) ? &m->src : &m->dst);
	for (unsigned n = random_below(seed, 3); n; n--)
		some_prefix(seed, v4, random_below(seed, 2) ? &m->not_src : &m->not_dst);
}

/* An address within the match, most of the time. */
static void some_address(uint64_t *seed, bool v4, const struct addrs *in, uint8_t *addr)
{
	struct addrs any = { 0 };

	some_prefix(seed, v4, &any);
	memcpy(addr, in->n && random_below(seed, 3) ? in->v[0].addr : any.v[0].addr, 16);
	free(any.v);
}

static uint16_t some_port(uint64_t *seed, const struct ports *in)
{
	return in->n && random_below(seed, 4) ? in->v[0].lo : (uint16_t)random_below(seed, 14);
}

static void some_packet(uint64_t *seed, const struct match *m, struct packet *p)
{
	bool v4 = m->families == FAMILIES_V4;
	const uint8_t *types;
	size_t n = icmp_kind_types(m->icmp, v4 ? FAMILY_V4 : FAMILY_V6, &types);

	*p = (struct packet){ .v4 = v4, .quoted = MAX };
	p->type = types[random_below(seed, (unsigned)n)];
	if (!random_below(seed, 8))
		p->type = (uint8_t)random_below(seed, 16);
	p->proto = random_below(seed, 8) ? IPPROTO_TCP : IPPROTO_UDP;
	p->sport = some_port(seed, &m->sport);
	p->dport = some_port(seed, &m->dport);
	some_address(seed, v4, &m->src, p->src);
	some_address(seed, v4, &m->dst, p->dst);
	p->options = v4 && !random_below(seed, 3) ? 4 * random_below(seed, 11) : 0;
	if (!random_below(seed, 6)) /* at the end of a header, or of a word of it */
		p->quoted = 4 * random_below(seed, 13);
}

static unsigned long packets_seen(bool v4)
{
	auto_free char *s =
		shell(v4 ? "iptables-nft -L INPUT 1 -v -x -n" : "ip6tables-nft -L INPUT 1 -v -x -n",
		      NULL);

	assert_non_null(s);
	assert_non_null(strstr(s, "untrack:"));
	return strtoul(s, NULL, 10);
}

static void wanted(const struct match *m, uint64_t anchor, struct ruleset *rs)
{
	bool v4 = m->families == FAMILIES_V4;
	struct twin *w;

	*rs = (struct ruleset){ 0 };
	w = ruleset_add_twin(rs);
	*w = (struct twin){ .form = FORM_IPTABLES_NFT,
			    .family = v4 ? TABLE_IP : TABLE_IP6,
			    .table = xstrdup("filter"),
			    .chain = xstrdup("INPUT"),
			    .anchor = anchor,
			    .names = xstrdup("web"),
			    .body = xstrdup("counter: verdict:accept") };
	match_copy(&w->match, m);
	ruleset_normalise(rs);
}

static uint64_t first_rule(struct fixture *f, enum table_family family)
{
	struct ruleset got;
	struct fw fw = { 0 };
	uint64_t handle = 0;

	read_all(f, &got, &fw);
	for (size_t i = 0; i < fw.n_chains; i++)
		if (fw.chains[i].family == family && !strcmp(fw.chains[i].name, "INPUT"))
			handle = fw.chains[i].rules[0].handle;
	ruleset_free(&got);
	fw_free(&fw);
	return handle;
}

static void fail_with(const struct match *m, const struct packet *p, unsigned long seen)
{
	struct text t = { 0 };
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	int family = p->v4 ? AF_INET : AF_INET6;

	match_text(m, &t);
	fail_msg(
		"%s\nsaw %lu of: type %u quotes %zu bytes, options %zu, protocol %u %s:%u to %s:%u",
		t.s, seen, p->type, p->quoted, p->options, p->proto,
		inet_ntop(family, p->src, src, sizeof src), p->sport,
		inet_ntop(family, p->dst, dst, sizeof dst), p->dport);
}

static void packets_are_seen_as_meant(void **state)
{
	struct fixture *f = need(state);
	unsigned hits = 0, packets = 0;
	uint64_t seed = 5, anchors[2];

	if (!prepare(f))
		skip();
	anchors[0] = first_rule(f, TABLE_IP);
	anchors[1] = first_rule(f, TABLE_IP6);
	for (int round = 0; round < ROUNDS; round++) {
		bool v4 = round % 2;
		struct ruleset want;
		unsigned long before = 0;
		struct match m;

		some_match(&seed, v4, &m);
		wanted(&m, anchors[!v4], &want);
		apply(f, &want);
		for (int i = 0; i < 4; i++) {
			struct packet p;
			unsigned long after;

			some_packet(&seed, &m, &p);
			send_packet(&p);
			after = packets_seen(v4);
			/* The answer to a request comes by here, too. */
			if ((after > before) != meets(&m, &p))
				fail_with(&m, &p, after - before);
			hits += after > before;
			packets++;
			before = after;
		}
		ruleset_free(&want);
		match_free(&m);
	}
	assert_in_range(hits, packets / 4, packets * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_seen_as_meant),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
