/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports that this network namespace answers on. */
#include "kernel/host_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "kernel/module.h"
#include "kernel/rtnl.h"
#include "util.h"

enum { LISTENING = 0x0a, CLOSED = 0x07 }; /* TCP_LISTEN; TCP_CLOSE, which of UDP is unconnected */

struct table {
	const char *file, *module; /* that answers for it */
	uint8_t proto;
	enum family family;
	unsigned state;
	bool needed; /* every kernel has it that has the family */
};

static const struct table tables[] = {
	{ "/proc/net/tcp", "tcp_diag", IPPROTO_TCP, FAMILY_V4, LISTENING, true },
	{ "/proc/net/tcp6", "tcp_diag", IPPROTO_TCP, FAMILY_V6, LISTENING, false },
	{ "/proc/net/udp", "udp_diag", IPPROTO_UDP, FAMILY_V4, CLOSED, true },
	{ "/proc/net/udp6", "udp_diag", IPPROTO_UDP, FAMILY_V6, CLOSED, false },
	{ "/proc/net/udplite", "udp_diag", IPPROTO_UDPLITE, FAMILY_V4, CLOSED, false },
	{ "/proc/net/udplite6", "udp_diag", IPPROTO_UDPLITE, FAMILY_V6, CLOSED, false },
};

struct asked {
	struct host *h;
	const struct table *table;
};

static bool is_any(const uint8_t addr[16])
{
	static const uint8_t nowhere[16];

	return !memcmp(addr, nowhere, sizeof(nowhere));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Digits of a number up to its end; NULL: not there. */
static const char *read_hex(const char *s, unsigned digits, uint32_t *out)
{
	*out = 0;
	for (; s && digits; digits--, s++) {
		int d = hex_digit(*s);

		if (d < 0)
			return NULL;
		*out = *out << 4 | (uint32_t)d;
	}
	return s;
}

/* " 0100007F:1F90": the address in words as they lie in memory, the port as a number. */
static const char *read_end(const char *s, enum family f, uint8_t addr[16], uint32_t *port)
{
	for (unsigned i = 0; i < (f == FAMILY_V4 ? 1u : 4u); i++) {
		uint32_t word;

		s = read_hex(i || !s ? s : s + 1, 8, &word);
		memcpy(addr + 4 * (size_t)i, &word, sizeof(word));
	}
	return s && *s == ':' ? read_hex(s + 1, 4, port) : NULL;
}

/* "  12: LOCAL:PORT REMOTE:PORT STATE ..." */
static bool read_line(const char *line, const struct table *t, struct host_listener *l,
		      uint32_t *state, bool *connected)
{
	uint8_t remote[16] = { 0 };
	const char *s = strchr(line, ':');
	uint32_t port = 0, far_port = 0;

	*l = (struct host_listener){ .proto = t->proto, .family = t->family };
	s = read_end(s ? s + 1 : NULL, t->family, l->addr, &port);
	s = read_end(s, t->family, remote, &far_port);
	if (!s || *s != ' ' || !read_hex(s + 1, 2, state))
		return false;
	l->port = (uint16_t)port;
	l->any = is_any(l->addr);
	*connected = far_port || !is_any(remote);
	return true;
}

/* One socket, which the kernel has chosen by its state. */
static void add_answer(const struct nlmsghdr *n, void *ctx)
{
	const struct inet_diag_msg *m = NLMSG_DATA(n);
	const struct rtattr *a[INET_DIAG_SKV6ONLY + 1];
	struct asked *asked = ctx;
	struct host_listener *l;

	if (n->nlmsg_type != SOCK_DIAG_BY_FAMILY || n->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return;
	l = ARRAY_ADD(asked->h->listeners, asked->h->n_listeners);
	l->proto = asked->table->proto;
	l->family = m->idiag_family == AF_INET ? FAMILY_V4 : FAMILY_V6;
	l->port = ntohs(m->id.idiag_sport);
	memcpy(l->addr, m->id.idiag_src, l->family == FAMILY_V4 ? 4 : 16);
	l->any = is_any(l->addr);
	rtnl_attributes(n, sizeof(*m), a, INET_DIAG_SKV6ONLY);
	if (l->family == FAMILY_V6 && l->any && a[INET_DIAG_SKV6ONLY] &&
	    RTA_PAYLOAD(a[INET_DIAG_SKV6ONLY]) == 1)
		l->both = !*(const uint8_t *)RTA_DATA(a[INET_DIAG_SKV6ONLY]);
}

static int ask_table(const struct table *t, struct host *h)
{
	const struct inet_diag_req_v2 request = {
		.sdiag_family = t->family == FAMILY_V4 ? AF_INET : AF_INET6,
		.sdiag_protocol = t->proto,
		.idiag_states = 1u << t->state,
	};
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct asked asked = { h, t };

	return fd < 0 ? -1
		      : rtnl_ask(fd, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request),
				 add_answer, &asked);
}

/* Listening sockets of TCP come first, and there may be hundreds of thousands of others. */
static int read_table(const struct table *t, struct host *h)
{
	auto_fclose FILE *f = fopen(t->file, "re");
	auto_free char *line = NULL;
	struct host_listener l;
	size_t room = 0;
	uint32_t state;
	bool connected;

	if (!f)
		return errno == ENOENT && !t->needed ? 0 : -1;
	if (getline(&line, &room, f) < 0) /* the heading */
		return ferror(f) ? -1 : 0;
	while (getline(&line, &room, f) > 0) {
		if (!read_line(line, t, &l, &state, &connected))
			continue;
		if (state == t->state && !connected)
			*ARRAY_ADD(h->listeners, h->n_listeners) = l;
		else if (t->state == LISTENING)
			break;
	}
	return ferror(f) ? -1 : 0;
}

static int compare_listeners(const void *a, const void *b)
{
	const struct host_listener *x = a, *y = b;
	int diff = x->proto - y->proto;

	if (!diff)
		diff = x->port - y->port;
	if (!diff)
		diff = (int)x->family - (int)y->family;
	return diff ? diff : memcmp(x->addr, y->addr, sizeof(x->addr));
}

static void drop_doubles(struct host *h)
{
	size_t n = 0;

	if (!h->n_listeners)
		return;
	qsort(h->listeners, h->n_listeners, sizeof(*h->listeners), compare_listeners);
	for (size_t i = 1; i < h->n_listeners; i++)
		if (compare_listeners(&h->listeners[n], &h->listeners[i]))
			h->listeners[++n] = h->listeners[i];
	h->n_listeners = n + 1;
}

/* They are sorted: those of IPv4 come before. */
static bool answers_ipv4(const struct host_listener *first, const struct host_listener *l)
{
	for (const struct host_listener *o = l; o > first; o--) {
		if (o[-1].proto != l->proto || o[-1].port != l->port)
			return false;
		if (o[-1].family == FAMILY_V4 && o[-1].any)
			return true;
	}
	return false;
}

/* /proc does not show IPV6_V6ONLY: an IPv6 socket is taken to have what is usual here, unless an
 * IPv4 socket has its port already. */
static void guess_both(struct host *h)
{
	size_t len;
	auto_free char *only6 = read_file(AT_FDCWD, "/proc/sys/net/ipv6/bindv6only", &len);

	if (!only6 || *only6 != '0')
		return;
	for (size_t i = 0; i < h->n_listeners; i++) {
		struct host_listener *l = &h->listeners[i];

		l->both = l->family == FAMILY_V6 && l->any && !answers_ipv4(h->listeners, l);
	}
}

struct wanted {
	bool tcp, udp;
};

static bool is_wanted(const struct wanted *w, const struct table *t)
{
	return t->proto == IPPROTO_TCP ? w->tcp : w->udp;
}

/* Of tens of thousands of UDP sockets the files take the square of their number in time. */
static bool may_ask(const struct wanted *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (is_wanted(w, &tables[i]) && !module_may_be_asked(tables[i].module))
			return false;
	return module_may_be_asked("inet_diag");
}

/* As read_listeners; false: ask the files instead. */
static bool ask_listeners(const struct wanted *w, struct host *h)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (is_wanted(w, &tables[i]) && ask_table(&tables[i], h) && tables[i].needed) {
			h->n_listeners = 0;
			return false;
		}
	return true;
}

static int read_listeners(const struct wanted *w, struct host *h)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (is_wanted(w, &tables[i]) && read_table(&tables[i], h))
			return -1;
	return 0;
}

int host_listeners_read(struct host *h, bool tcp, bool udp)
{
	const struct wanted w = { tcp, udp };
	bool asked = may_ask(&w) && ask_listeners(&w, h);

	if (!asked && read_listeners(&w, h))
		return -1;
	drop_doubles(h);
	if (!asked)
		guess_both(h);
	return 0;
}
