/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of this host, read without side effects from /proc and rtnetlink. */
#include "kernel/host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "kernel/conntrack_nat.h"
#include "kernel/ct_sysctl.h"
#include "kernel/host_links.h"
#include "kernel/host_listen.h"
#include "util.h"

#define COUNT "nf_conntrack_count"
#define RESERVED_FILE "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define ANCESTORS_MAX 64

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
		h->forwards = host_any_forwards();
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

static void unread(struct host *h, const char *fact, const char *why)
{
	*ARRAY_ADD(h->unread, h->n_unread) = xasprintf("%s: %s", fact, why);
}

/* "8080,9000-9010" */
static void read_reserved(struct host *h)
{
	size_t len;
	auto_free char *s = read_file(AT_FDCWD, RESERVED_FILE, &len);
	char *save = NULL;

	if (!s) {
		unread(h, "reserved", strerror(errno));
		return;
	}
	for (char *item = strtok_r(s, ",\n", &save); item; item = strtok_r(NULL, ",\n", &save)) {
		char *dash = strchr(item, '-');
		unsigned long lo, hi;

		if (dash)
			*dash = '\0';
		if (parse_uint(item, 0, UINT16_MAX, &lo) &&
		    parse_uint(dash ? dash + 1 : item, lo, UINT16_MAX, &hi))
			ports_add(&h->reserved, (uint16_t)lo, (uint16_t)hi);
	}
	ports_normalise(&h->reserved);
}

static void read_count(struct host *h)
{
	struct diag faults = { 0 };
	unsigned long value;
	int rc = ct_sysctl_read(CT_SYSCTL_DIR, COUNT, &value, &faults);

	if (!rc) {
		struct host_sysctl *to = ARRAY_ADD(h->sysctls, h->n_sysctls);

		to->name = xstrdup(COUNT);
		to->value = value;
	} else if (rc < 0) {
		unread(h, "sysctls", faults.v[0].text);
	}
	diag_free(&faults);
}

static void read_sysctls(struct host *h)
{
	if (ct_sysctl_all(CT_SYSCTL_DIR, &h->sysctls, &h->n_sysctls))
		unread(h, "sysctls", strerror(errno));
}

static void read_names(struct host *h)
{
	const time_t now = time(NULL);
	char text[sizeof("2025-11-22T03:55:00Z") + 8];
	struct utsname u;
	struct tm tm;

	if (uname(&u) == 0) {
		h->name = xstrdup(u.nodename);
		h->kernel = xstrdup(u.release);
	}
	if (gmtime_r(&now, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		h->time = xstrdup(text);
}

static bool is_tracking(const struct host *h)
{
	const uint64_t *entries = host_sysctl(h, COUNT);

	return entries && *entries;
}

static void read_links(struct host *h)
{
	const char *what;

	if (host_links_read(h, &what))
		unread(h, what, strerror(errno));
}

static void read_sockets(struct host *h, unsigned facts)
{
	const unsigned listed = HOST_TCP_LISTENERS | HOST_UDP_LISTENERS;

	if (facts & listed &&
	    host_listeners_read(h, facts & HOST_TCP_LISTENERS, facts & HOST_UDP_LISTENERS))
		unread(h, "listeners", strerror(errno));
	if (!access("/proc/net/sctp", F_OK))
		unread(h, "sctp-listeners", "this version does not look for them");
}

static void read_tracking(struct host *h, unsigned facts)
{
	if (facts & HOST_SETTINGS)
		read_sysctls(h);
	else
		read_count(h);
	if (facts & HOST_NAT && is_tracking(h) && conntrack_nat_read(h))
		unread(h, "nat",
		       errno == ENOPKG ? "the module nf_conntrack_netlink is not loaded, and "
					 "reading loads none"
				       : strerror(errno));
}

void host_read(struct host *h, unsigned facts)
{
	if (facts & HOST_NAMES)
		read_names(h);
	/* With the interfaces comes what they forward. */
	host_params_read(&h->params, facts & HOST_INTERFACES ? facts & ~HOST_FORWARDS : facts);
	if (facts & HOST_RESERVED)
		read_reserved(h);
	if (facts & HOST_SESSION)
		h->ssh_port = host_ssh_port();
	if (facts & HOST_INTERFACES)
		read_links(h);
	read_sockets(h, facts);
	read_tracking(h, facts);
}
