/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.netfilter.nf_conntrack_*: read, asked and written, one file each. */
#include "kernel/ct_sysctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util.h"

#define PREFIX "nf_conntrack_"
#define VALUE_MAX (ULONG_MAX >> 1)

static const char *after(const char *s, const char *head)
{
	size_t n = strlen(head);

	return strncmp(s, head, n) ? NULL : s + n;
}

/* net/netfilter/nf_conntrack_standalone.c: the protocol stands before the word timeout. */
char *ct_sysctl_name(const char *key)
{
	const char *rest = after(key, "timeout-"), *dash = rest ? strchr(rest, '-') : NULL;
	char *name;

	if (!rest)
		name = xasprintf(PREFIX "%s", key);
	else if (!dash)
		name = xasprintf(PREFIX "%s_timeout", rest);
	else
		name = xasprintf(PREFIX "%.*s_timeout_%s", (int)(dash - rest), rest, dash + 1);
	for (char *c = name; (c = strchr(c, '-'));)
		*c = '_';
	return name;
}

bool ct_sysctl_is_there(const char *dir)
{
	auto_free char *file = xasprintf("%s/" PREFIX "count", dir);

	return access(file, F_OK) == 0;
}

static bool parse_value(char *s, unsigned long *value)
{
	s[strcspn(s, "\n")] = '\0';
	return parse_uint(s, 0, VALUE_MAX, value);
}

/* What the file says is in *text, which the caller frees; NULL where it cannot be read. */
static int read_value(const char *file, unsigned long *value, char **text)
{
	size_t len;

	*text = read_file(AT_FDCWD, file, &len);
	if (!*text)
		return errno == ENOENT ? 1 : -1;
	errno = 0;
	return parse_value(*text, value) ? 0 : -1;
}

int ct_sysctl_get(const char *dir, const char *name, unsigned long *value)
{
	auto_free char *file = xasprintf("%s/%s", dir, name), *s = NULL;

	return read_value(file, value, &s);
}

int ct_sysctl_read(const char *dir, const char *name, unsigned long *value, struct diag *d)
{
	auto_free char *file = xasprintf("%s/%s", dir, name), *s = NULL;
	int rc = read_value(file, value, &s);

	if (rc >= 0)
		return rc;
	if (!s)
		diag_error(d, NULL, "conntrack-settings", errno, "cannot read %s", file);
	else
		diag_error(d, NULL, "conntrack-settings", 0, "%s is no number: '%.40s'", file, s);
	diag_cure(d, "see what cat %s says, as root", file);
	return -1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct host_sysctl *)a)->name, ((const struct host_sysctl *)b)->name);
}

/* The directory is there when something in the kernel has settings in it; none of them does
 * anything when it is read. A new namespace makes up its entries for whoever lists it. */
int ct_sysctl_all(const char *dir, struct host_sysctl **v, size_t *n)
{
	DIR *open = opendir(dir);
	const struct dirent *e;

	if (!open)
		return errno == ENOENT ? 0 : -1;
	while ((e = readdir(open))) {
		size_t len;
		auto_free char *s =
			e->d_type == DT_REG ? read_file(dirfd(open), e->d_name, &len) : NULL;
		struct host_sysctl *to;
		unsigned long value;

		if (!s || !parse_value(s, &value))
			continue;
		to = ARRAY_ADD(*v, *n);
		to->name = xstrdup(e->d_name);
		to->value = value;
	}
	closedir(open);
	if (*n)
		qsort(*v, *n, sizeof(**v), by_name);
	return 0;
}

static int open_to_write(const char *dir, const char *name)
{
	auto_free char *file = xasprintf("%s/%s", dir, name);

	return open(file, O_WRONLY | O_NOCTTY | O_CLOEXEC);
}

/* Root may write files that nobody may, but not sysctls: fs/proc/proc_sysctl.c goes by the mode. */
enum ct_sysctl_access ct_sysctl_ask(const char *dir, const char *name)
{
	auto_free char *file = xasprintf("%s/%s", dir, name);
	auto_close int fd = -1;
	struct stat st;

	if (stat(file, &st))
		return errno == ENOENT ? CT_SYSCTL_ABSENT : CT_SYSCTL_REFUSED;
	if (!(st.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)))
		return CT_SYSCTL_FIXED;
	fd = open_to_write(dir, name);
	return fd < 0 ? CT_SYSCTL_REFUSED : CT_SYSCTL_WRITABLE;
}

int ct_sysctl_write(const char *dir, const char *name, unsigned long value)
{
	auto_free char *text = xasprintf("%lu\n", value);
	auto_close int fd = open_to_write(dir, name);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n != strlen(text)) {
		errno = EIO;
		return -1;
	}
	return n < 0 ? -1 : 0;
}
