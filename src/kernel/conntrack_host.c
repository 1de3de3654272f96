/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntrack.h wants to know of a host, asked of rtnetlink. */
#include "kernel/conntrack_host.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "kernel/rtnl.h"
#include "util.h"

#define REMEMBERED 1024 /* answers; a power of two */

struct answer {
	bool asked, known;
	enum family family;
	uint8_t addr[16];
	char name[IFNAMSIZ];
};

struct ct_routes {
	int fd;
	struct answer v[REMEMBERED];
};

static unsigned char address_family(enum family f)
{
	return f == FAMILY_V4 ? AF_INET : AF_INET6;
}

struct wanted { /* routes of this type */
	unsigned char type;
	struct addrs *to;
};

/* Routes of type local are what "fib daddr type local" looks up: 127.0.0.0/8 and AnyIP included. */
static void add_route(const struct nlmsghdr *h, void *ctx)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	const struct rtattr *a[RTA_DST + 1];
	const struct wanted *wanted = ctx;
	struct prefix p = { 0 };
	size_t len;

	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
	    m->rtm_type != wanted->type || m->rtm_table != RT_TABLE_LOCAL)
		return;
	p.family = m->rtm_family == AF_INET ? FAMILY_V4 : FAMILY_V6;
	len = p.family == FAMILY_V4 ? 4 : 16;
	rtnl_attributes(h, sizeof(*m), a, RTA_DST);
	if (!a[RTA_DST] || RTA_PAYLOAD(a[RTA_DST]) != len || m->rtm_dst_len > len * 8)
		return;
	memcpy(p.addr, RTA_DATA(a[RTA_DST]), len);
	p.len = m->rtm_dst_len;
	addrs_add(wanted->to, &p);
}

static int read_table(int fd, enum family f, struct wanted *wanted)
{
	const struct {
		struct rtmsg m;
		struct rtattr a;
		uint32_t table;
	} request = {
		.m = { .rtm_family = address_family(f),
		       .rtm_table = RT_TABLE_LOCAL,
		       .rtm_type = wanted->type },
		.a = { sizeof(request.a) + sizeof(request.table), RTA_TABLE },
		.table = RT_TABLE_LOCAL,
	};

	if (!rtnl_ask(fd, RTM_GETROUTE, NLM_F_DUMP, &request, sizeof(request), add_route, wanted))
		return 0;
	/* No such table: this namespace has no address yet, not even that of lo. */
	return errno == ENOENT ? 0 : -1;
}

static int read_local(int fd, enum family f, struct addrs *local)
{
	struct wanted wanted = { RTN_LOCAL, local };

	return read_table(fd, f, &wanted);
}

static void note_oif(const struct nlmsghdr *h, void *ctx)
{
	const struct rtattr *a[RTA_OIF + 1];
	struct answer *answer = ctx;
	unsigned index;

	if (h->nlmsg_type != RTM_NEWROUTE)
		return;
	rtnl_attributes(h, sizeof(struct rtmsg), a, RTA_OIF);
	if (!a[RTA_OIF] || RTA_PAYLOAD(a[RTA_OIF]) != sizeof(index))
		return;
	memcpy(&index, RTA_DATA(a[RTA_OIF]), sizeof(index));
	answer->known = if_indextoname(index, answer->name) != NULL;
}

static void ask_route(int fd, struct answer *answer)
{
	const size_t len = answer->family == FAMILY_V4 ? 4 : 16;
	struct {
		struct rtmsg m;
		struct rtattr a;
		uint8_t dst[16];
	} request = {
		.m = { .rtm_family = address_family(answer->family),
		       .rtm_dst_len = (unsigned char)(len * 8) },
		.a = { (unsigned short)(sizeof(request.a) + len), RTA_DST },
	};

	memcpy(request.dst, answer->addr, len);
	/* No route: an answer as well. */
	rtnl_ask(fd, RTM_GETROUTE, 0, &request, sizeof(request) - sizeof(request.dst) + len,
		 note_oif, answer);
}

static size_t slot_of(enum family f, const uint8_t *addr)
{
	uint32_t h = 2166136261u ^ (uint32_t)f; /* FNV-1a */

	for (size_t i = 0; i < (f == FAMILY_V4 ? 4u : 16u); i++)
		h = (h ^ addr[i]) * 16777619u;
	return (h ^ h >> 16) & (REMEMBERED - 1);
}

static bool is_link_local(enum family f, const uint8_t *addr)
{
	return f == FAMILY_V6 && addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

static bool reaches(void *ctx, enum family f, const uint8_t *addr, char name[IFNAMSIZ])
{
	struct ct_routes *r = ctx;
	struct answer *answer = &r->v[slot_of(f, addr)];
	const size_t len = f == FAMILY_V4 ? 4 : 16;

	if (is_link_local(f, addr)) /* on which link, the entry does not say */
		return false;
	if (!answer->asked || answer->family != f || memcmp(answer->addr, addr, len) != 0) {
		*answer = (struct answer){ .asked = true, .family = f };
		memcpy(answer->addr, addr, len);
		ask_route(r->fd, answer);
	}
	if (answer->known)
		memcpy(name, answer->name, IFNAMSIZ);
	return answer->known;
}

struct ct_routes *ct_routes_open(struct ct_host *host)
{
	struct ct_routes *r = xcalloc(1, sizeof(*r));

	*host = (struct ct_host){ .reaches = reaches, .ctx = r };
	r->fd = rtnl_open();
	if (r->fd < 0 || read_local(r->fd, FAMILY_V4, &host->local) ||
	    (read_local(r->fd, FAMILY_V6, &host->local) && errno != EOPNOTSUPP)) {
		int errnum = errno;

		ct_routes_free(r, host);
		errno = errnum;
		return NULL;
	}
	addrs_normalise(&host->local);
	return r;
}

void ct_routes_free(struct ct_routes *r, struct ct_host *host)
{
	if (r && r->fd >= 0)
		close(r->fd);
	free(r);
	free(host->local.v);
	*host = (struct ct_host){ 0 };
}

int ct_broadcasts_read(struct addrs *out)
{
	struct wanted wanted = { RTN_BROADCAST, out };
	auto_close int fd = rtnl_open();

	if (fd < 0 || read_table(fd, FAMILY_V4, &wanted))
		return -1;
	addrs_normalise(out);
	return 0;
}
