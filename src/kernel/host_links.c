/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces with their forwarding, and addresses, over rtnetlink. */
#include "kernel/host_links.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "kernel/rtnl.h"

struct links {
	struct host *h;
	int *index; /* parallel to h->interfaces */
	size_t n_index;
	enum family family; /* of the dump */
	bool all6;	    /* net.ipv6.conf.all.forwarding */
};

/* Forwarding is a setting of every interface, of which "all" is one. */
static bool forwards(const struct nlmsghdr *h, int *index)
{
	const struct rtattr *a[NETCONFA_FORWARDING + 1];
	int on = 0;

	*index = 0;
	if (h->nlmsg_type != RTM_NEWNETCONF)
		return false;
	rtnl_attributes(h, sizeof(struct netconfmsg), a, NETCONFA_FORWARDING);
	if (a[NETCONFA_IFINDEX] && RTA_PAYLOAD(a[NETCONFA_IFINDEX]) == sizeof(*index))
		memcpy(index, RTA_DATA(a[NETCONFA_IFINDEX]), sizeof(*index));
	if (a[NETCONFA_FORWARDING] && RTA_PAYLOAD(a[NETCONFA_FORWARDING]) == sizeof(on))
		memcpy(&on, RTA_DATA(a[NETCONFA_FORWARDING]), sizeof(on));
	return on;
}

static void note_any(const struct nlmsghdr *h, void *ctx)
{
	int index;

	/* "default" is for later ones. */
	if (forwards(h, &index) && index != NETCONFA_IFINDEX_DEFAULT)
		*(bool *)ctx = true;
}

/* Two dumps: a third of the time that reading every file in /proc/sys takes. */
bool host_any_forwards(void)
{
	const struct netconfmsg v4 = { AF_INET }, v6 = { AF_INET6 };
	auto_close int fd = rtnl_open();
	bool on = false;

	if (fd >= 0)
		rtnl_ask(fd, RTM_GETNETCONF, NLM_F_DUMP, &v4, sizeof(v4), note_any, &on);
	if (fd >= 0 && !on)
		rtnl_ask(fd, RTM_GETNETCONF, NLM_F_DUMP, &v6, sizeof(v6), note_any, &on);
	return on;
}

static void add_link(const struct nlmsghdr *h, void *ctx)
{
	const struct ifinfomsg *m = NLMSG_DATA(h);
	const struct rtattr *a[IFLA_IFNAME + 1];
	struct links *l = ctx;
	struct host_interface *i;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return;
	rtnl_attributes(h, sizeof(*m), a, IFLA_IFNAME);
	if (!a[IFLA_IFNAME])
		return;
	i = ARRAY_ADD(l->h->interfaces, l->h->n_interfaces);
	*ARRAY_ADD(l->index, l->n_index) = m->ifi_index;
	memcpy(i->name, RTA_DATA(a[IFLA_IFNAME]),
	       strnlen(RTA_DATA(a[IFLA_IFNAME]), RTA_PAYLOAD(a[IFLA_IFNAME]) < IFNAMSIZ - 1
							 ? RTA_PAYLOAD(a[IFLA_IFNAME])
							 : IFNAMSIZ - 1));
}

static struct host_interface *find_link(const struct links *l, int index)
{
	for (size_t i = 0; i < l->n_index; i++)
		if (l->index[i] == index)
			return &l->h->interfaces[i];
	return NULL;
}

static void note_forwarding(const struct nlmsghdr *h, void *ctx)
{
	struct links *l = ctx;
	struct host_interface *i;
	int index;

	if (!forwards(h, &index) || index == NETCONFA_IFINDEX_DEFAULT)
		return;
	l->h->params.forwards = true;
	i = find_link(l, index);
	if (i && l->family == FAMILY_V4)
		i->forwards4 = true;
	else if (i)
		i->forwards6 = true;
	else if (l->family == FAMILY_V6 && index == NETCONFA_IFINDEX_ALL)
		l->all6 = true;
}

static void add_address(const struct nlmsghdr *h, void *ctx)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	const struct rtattr *a[IFA_LOCAL + 1], *addr;
	const struct host_interface *i;
	struct links *l = ctx;
	struct host_address *to;
	size_t len;

	if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return;
	len = m->ifa_family == AF_INET ? 4 : 16;
	rtnl_attributes(h, sizeof(*m), a, IFA_LOCAL);
	addr = a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS]; /* the other end of a tunnel's */
	if (!addr || RTA_PAYLOAD(addr) != len)
		return;
	to = ARRAY_ADD(l->h->addresses, l->h->n_addresses);
	to->prefix.family = m->ifa_family == AF_INET ? FAMILY_V4 : FAMILY_V6;
	to->prefix.len = (uint8_t)(len * 8);
	memcpy(to->prefix.addr, RTA_DATA(addr), len);
	i = find_link(l, (int)m->ifa_index);
	if (i)
		memcpy(to->interface, i->name, IFNAMSIZ);
}

static int ask_all(int fd, struct links *l, const char **what)
{
	const struct netconfmsg v4 = { AF_INET }, v6 = { AF_INET6 };
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	const struct ifaddrmsg address = { .ifa_family = AF_UNSPEC };

	*what = "interfaces";
	if (rtnl_ask(fd, RTM_GETLINK, NLM_F_DUMP, &link, sizeof(link), add_link, l))
		return -1;
	*what = "addresses";
	if (rtnl_ask(fd, RTM_GETADDR, NLM_F_DUMP, &address, sizeof(address), add_address, l))
		return -1;
	*what = "forwarding";
	l->family = FAMILY_V4;
	if (rtnl_ask(fd, RTM_GETNETCONF, NLM_F_DUMP, &v4, sizeof(v4), note_forwarding, l))
		return -1;
	l->family = FAMILY_V6;
	if (rtnl_ask(fd, RTM_GETNETCONF, NLM_F_DUMP, &v6, sizeof(v6), note_forwarding, l) &&
	    errno != EAFNOSUPPORT && errno != EOPNOTSUPP) /* a kernel without IPv6 */
		return -1;
	return 0;
}

int host_links_read(struct host *h, const char **what)
{
	struct links l = { .h = h };
	auto_close int fd = rtnl_open();
	int rc = -1, errnum;

	*what = "interfaces";
	if (fd >= 0)
		rc = ask_all(fd, &l, what);
	errnum = errno;
	/* Of IPv6, "all" decides alone whether anything is forwarded (ip6_forward()). */
	for (size_t i = 0; i < h->n_interfaces; i++)
		h->interfaces[i].forwards6 = h->interfaces[i].forwards6 || l.all6;
	free(l.index);
	errno = errnum;
	return rc;
}

bool host_has_bridge(const struct host *h)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = false;

	for (size_t i = 0; fd >= 0 && i < h->n_interfaces && !found; i++) {
		struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
		struct ifreq request = { 0 };

		memcpy(request.ifr_name, h->interfaces[i].name, sizeof(request.ifr_name));
		request.ifr_data = (char *)&driver;
		found = !ioctl(fd, SIOCETHTOOL, &request) && !strcmp(driver.driver, "bridge");
	}
	return found;
}
