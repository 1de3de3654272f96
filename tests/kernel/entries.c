/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entries <LINES: fills this network namespace's table of connection tracking, for tests.
 *
 * A line is "COUNT PROTOCOL SOURCE PORT DESTINATION PORT [WORD...]": COUNT entries whose source
 * ports count up from PORT, and after span of them begin anew with the next source address.
 * Portless protocols count addresses; of ICMP the first port is the type. Words:
 *   span=N           ports per address (50000)
 *   vary=dst         the next destination address instead
 *   state=N          of TCP (3, ESTABLISHED; see enum tcp_conntrack)
 *   timeout=SECONDS  left (300)
 *   seen=unreplied | replied | assured (assured)
 *   snat=ADDRESS dnat=ADDRESS  what the kernel translates to
 *   helper=NAME zone=N mark=N
 *   master=PORT      the entry with this source port, else the same, expected these
 * Fails where the kernel refuses one. */
#include <errno.h>
#include <stdlib.h>

#include "../ct_build.h"

#define SEND_BYTES (1 << 20)
#define MESSAGE_BYTES 1024

struct line {
	unsigned long count, span;
	struct ct_tuple orig, master;
	struct ct_tuple snat, dnat; /* src: the address; proto 0: none */
	bool vary_dst;
	const char *helper;
	unsigned state, timeout, status, zone, mark;
};

static void die(const char *what, const char *which)
{
	fprintf(stderr, "entries: %s: %s\n", what, which);
	exit(1);
}

/* Adds n to an address. */
static void advance(enum family f, uint8_t *addr, unsigned long n)
{
	for (int i = f == FAMILY_V4 ? 3 : 15; i >= 0 && n; i--) {
		n += addr[i];
		addr[i] = (uint8_t)n;
		n >>= 8;
	}
}

static uint8_t answering(uint8_t type)
{
	return type == 8 ? 0 : type == 128 ? 129 : type;
}

static struct ct_tuple inverse(const struct ct_tuple *t)
{
	struct ct_tuple i = *t;

	memcpy(i.src, t->dst, sizeof(i.src));
	memcpy(i.dst, t->src, sizeof(i.dst));
	i.sport = t->dport;
	i.dport = t->sport;
	i.icmp_type = answering(t->icmp_type);
	return i;
}

static void put_nat(struct nlmsghdr *h, uint16_t type, const struct ct_tuple *to)
{
	struct nlattr *nest = mnl_attr_nest_start(h, type);

	if (to->family == FAMILY_V4)
		mnl_attr_put(h, CTA_NAT_V4_MINIP, 4, to->src);
	else
		mnl_attr_put(h, CTA_NAT_V6_MINIP, 16, to->src);
	mnl_attr_nest_end(h, nest);
}

static size_t put_entry(char *buf, const struct line *l, unsigned long i, uint32_t seq)
{
	struct nlmsghdr *h =
		ct_put_header(buf, IPCTNL_MSG_CT_NEW, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL,
			      seq, l->orig.family);
	const bool ports = proto_has_ports(l->orig.proto);
	struct ct_tuple t = l->orig, back;

	if (ports)
		t.sport = (uint16_t)(t.sport + i % l->span);
	advance(t.family, l->vary_dst ? t.dst : t.src, ports ? i / l->span : i);
	back = inverse(&t);
	ct_put_tuple(h, CTA_TUPLE_ORIG, &t);
	ct_put_tuple(h, CTA_TUPLE_REPLY, &back);
	mnl_attr_put_u32(h, CTA_STATUS, htonl(IPS_CONFIRMED | l->status));
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(l->timeout));
	if (l->orig.proto == 6)
		ct_put_tcp_state(h, (uint8_t)l->state);
	if (l->zone)
		mnl_attr_put_u16(h, CTA_ZONE, htons((uint16_t)l->zone));
	if (l->mark)
		mnl_attr_put_u32(h, CTA_MARK, htonl(l->mark));
	if (l->helper)
		ct_put_helper(h, l->helper);
	if (l->master.proto)
		ct_put_tuple(h, CTA_TUPLE_MASTER, &l->master);
	if (l->snat.proto)
		put_nat(h, CTA_NAT_SRC, &l->snat);
	if (l->dnat.proto)
		put_nat(h, CTA_NAT_DST, &l->dnat);
	return MNL_ALIGN(h->nlmsg_len);
}

static void set_address(const char *value, struct ct_tuple *to)
{
	to->family = strchr(value, ':') ? FAMILY_V6 : FAMILY_V4;
	to->proto = 1;
	if (inet_pton(to->family == FAMILY_V6 ? AF_INET6 : AF_INET, value, to->src) != 1)
		die("not an address", value);
}

static unsigned seen_status(const char *value)
{
	if (!strcmp(value, "unreplied"))
		return 0;
	return strcmp(value, "replied") ? IPS_SEEN_REPLY | IPS_ASSURED : IPS_SEEN_REPLY;
}

static void take_word(char *word, struct line *l)
{
	char *value = strchr(word, '=');
	unsigned n;

	if (!value)
		die("not NAME=VALUE", word);
	*value++ = '\0';
	n = (unsigned)strtoul(value, NULL, 10);
	if (!strcmp(word, "span"))
		l->span = n;
	else if (!strcmp(word, "vary"))
		l->vary_dst = true;
	else if (!strcmp(word, "state"))
		l->state = n;
	else if (!strcmp(word, "timeout"))
		l->timeout = n;
	else if (!strcmp(word, "seen"))
		l->status = seen_status(value);
	else if (!strcmp(word, "snat"))
		set_address(value, &l->snat);
	else if (!strcmp(word, "dnat"))
		set_address(value, &l->dnat);
	else if (!strcmp(word, "helper"))
		l->helper = value;
	else if (!strcmp(word, "zone"))
		l->zone = n;
	else if (!strcmp(word, "mark"))
		l->mark = n;
	else if (!strcmp(word, "master")) {
		l->master = l->orig;
		l->master.sport = (uint16_t)n;
	} else
		die("what is this word", word);
}

/* The line is cut into words in place. */
static void parse_line(char *text, struct line *l)
{
	char *save, *words[32], flow[256];
	size_t n = 0;

	*l = (struct line){
		.span = 50000, .state = 3, .timeout = 300, .status = IPS_SEEN_REPLY | IPS_ASSURED
	};
	for (char *w = strtok_r(text, " \n", &save); w && n < 32; w = strtok_r(NULL, " \n", &save))
		words[n++] = w;
	if (n < 6)
		die("COUNT PROTOCOL SOURCE PORT DESTINATION PORT is wanted, not", text);
	l->count = strtoul(words[0], NULL, 10);
	snprintf(flow, sizeof(flow), "%s %s %s %s %s", words[1], words[2], words[3], words[4],
		 words[5]);
	if (!ct_tuple_of(flow, &l->orig))
		die("not a flow", flow);
	for (size_t i = 6; i < n; i++)
		take_word(words[i], l);
}

/* Errors come by themselves; the answer to the last message is asked for. */
static void await(struct mnl_socket *nl, uint32_t last)
{
	char buf[65536];

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		int left = (int)n;

		if (n < 0)
			die("no answer", strerror(errno));
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (e->error)
				die("refused", strerror(-e->error));
			if (h->nlmsg_seq == last)
				return;
		}
	}
}

static void fill(struct mnl_socket *nl, const struct line *l, char *buf)
{
	size_t used = 0, at = 0;
	uint32_t seq = 0;

	for (unsigned long i = 0; i < l->count; i++) {
		memset(buf + used, 0, MESSAGE_BYTES);
		at = used;
		used += put_entry(buf + used, l, i, ++seq);
		if (used + MESSAGE_BYTES < SEND_BYTES && i + 1 < l->count)
			continue;
		((struct nlmsghdr *)(buf + at))->nlmsg_flags |= NLM_F_ACK;
		if (mnl_socket_sendto(nl, buf, used) < 0)
			die("send", strerror(errno));
		await(nl, seq);
		used = 0;
	}
}

int main(void)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	const int room = SEND_BYTES * 2;
	char *buf = malloc(SEND_BYTES), text[1024];
	struct line l;

	if (!buf || !nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink", strerror(errno));
	if (setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		die("room to send", strerror(errno));
	while (fgets(text, sizeof(text), stdin)) {
		parse_line(text, &l);
		fill(nl, &l, buf);
	}
	free(buf);
	mnl_socket_close(nl);
	return 0;
}
