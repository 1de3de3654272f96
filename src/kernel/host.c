/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of this host, read without side effects from /proc and rtnetlink. */
#include "kernel/host.h"

#include <fcntl.h>
#include <linux/netconf.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "kernel/rtnl.h"
#include "util.h"

#define ANCESTORS_MAX 64

/* Forwarding is a setting of every interface, of which "all" is one; "default" is for later ones.
 */
static void note_forwarding(const struct nlmsghdr *h, void *ctx)
{
	const struct rtattr *a[NETCONFA_FORWARDING + 1];
	int index = 0, on = 0;

	if (h->nlmsg_type != RTM_NEWNETCONF)
		return;
	rtnl_attributes(h, sizeof(struct netconfmsg), a, NETCONFA_FORWARDING);
	if (a[NETCONFA_IFINDEX] && RTA_PAYLOAD(a[NETCONFA_IFINDEX]) == sizeof(index))
		memcpy(&index, RTA_DATA(a[NETCONFA_IFINDEX]), sizeof(index));
	if (a[NETCONFA_FORWARDING] && RTA_PAYLOAD(a[NETCONFA_FORWARDING]) == sizeof(on))
		memcpy(&on, RTA_DATA(a[NETCONFA_FORWARDING]), sizeof(on));
	if (on && index != NETCONFA_IFINDEX_DEFAULT)
		*(bool *)ctx = true;
}

/* Two dumps: a third of the time that reading every file in /proc/sys takes. */
static bool any_forwards(void)
{
	const struct netconfmsg v4 = { AF_INET }, v6 = { AF_INET6 };
	auto_close int fd = rtnl_open();
	bool on = false;

	if (fd >= 0)
		rtnl_ask(fd, RTM_GETNETCONF, NLM_F_DUMP, &v4, sizeof(v4), note_forwarding, &on);
	if (fd >= 0 && !on)
		rtnl_ask(fd, RTM_GETNETCONF, NLM_F_DUMP, &v6, sizeof(v6), note_forwarding, &on);
	return on;
}

static void read_ephemeral(struct port_range *r)
{
	auto_free char *s = NULL;
	unsigned long lo, hi;
	char *blank;
	size_t len;

	s = read_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range", &len);
	blank = s ? strpbrk(s, " \t") : NULL;
	if (!blank)
		return;
	s[strcspn(s, "\n")] = '\0';
	*blank = '\0';
	blank += 1 + strspn(blank + 1, " \t");
	if (parse_uint(s, 1, UINT16_MAX, &lo) && parse_uint(blank, lo, UINT16_MAX, &hi))
		*r = (struct port_range){ (uint16_t)lo, (uint16_t)hi };
}

void host_params_read(struct host_params *h, unsigned facts)
{
	*h = HOST_PARAMS_DEFAULT;
	if (facts & HOST_EPHEMERAL)
		read_ephemeral(&h->ephemeral);
	if (facts & HOST_FORWARDS)
		h->forwards = any_forwards();
}

/* The last word of "client port server port". */
static uint16_t connection_port(const char *value)
{
	const char *blank = value ? strrchr(value, ' ') : NULL;
	unsigned long port;

	return blank && parse_uint(blank + 1, 1, UINT16_MAX, &port) ? (uint16_t)port : 0;
}

static uint16_t environ_port(long pid)
{
	static const char name[] = "SSH_CONNECTION=";
	auto_free char *file = xasprintf("/proc/%ld/environ", pid), *env = NULL;
	size_t len;

	env = read_file(AT_FDCWD, file, &len);
	for (const char *s = env; s && s < env + len; s += strlen(s) + 1) {
		if (!strncmp(s, name, strlen(name)))
			return connection_port(s + strlen(name));
	}
	return 0;
}

static long parent_of(long pid)
{
	auto_free char *file = xasprintf("/proc/%ld/stat", pid), *s = NULL;
	const char *paren;
	size_t len;
	long parent = 0;

	s = read_file(AT_FDCWD, file, &len);
	paren = s ? strrchr(s, ')') : NULL; /* the command's name may hold anything */
	if (!paren || sscanf(paren, ") %*c %9ld", &parent) != 1)
		return 0;
	return parent;
}

/* sudo and su take the variable away, but the shell above them has it. */
uint16_t host_ssh_port(void)
{
	uint16_t port = connection_port(getenv("SSH_CONNECTION"));
	long pid = getppid();

	/* A person has a terminal; a timer or a boot need not look for a session. */
	if (!isatty(STDIN_FILENO) && !isatty(STDERR_FILENO))
		return port;
	for (int i = 0; !port && pid > 1 && i < ANCESTORS_MAX; i++) {
		port = environ_port(pid);
		pid = parent_of(pid);
	}
	return port;
}

void host_interfaces_read(struct host *h)
{
	struct if_nameindex *list = if_nameindex();

	for (const struct if_nameindex *i = list; i && i->if_index; i++)
		strncpy(ARRAY_ADD(h->interfaces, h->n_interfaces)->name, i->if_name, IFNAMSIZ - 1);
	if (list)
		if_freenameindex(list);
	else
		*ARRAY_ADD(h->unread, h->n_unread) = xstrdup("interfaces");
}
