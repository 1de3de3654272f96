/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock of iptables-legacy. */
#include "kernel/xtables_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include "util.h"

#define WAIT_S 10
#define STEP_MS 20

/* Of the process that holds a lock on this file, from /proc/locks; 0: not known. */
static unsigned long holder(int fd)
{
	size_t len;
	auto_free char *locks = read_file(AT_FDCWD, "/proc/locks", &len);
	char *save = NULL;
	struct stat st;

	if (!locks || fstat(fd, &st))
		return 0;
	for (char *line = strtok_r(locks, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long pid, inode;

		if (sscanf(line, "%*s FLOCK ADVISORY WRITE %lu %*x:%*x:%lu", &pid, &inode) == 2 &&
		    inode == (unsigned long)st.st_ino)
			return pid;
	}
	return 0;
}

static int held(const char *path, int fd, struct diag *d)
{
	unsigned long pid = holder(fd);
	auto_free char *who = pid ? xasprintf(" by process %lu", pid) : xstrdup("");

	diag_error(d, NULL, "xtables-lock", 0,
		   "the lock of iptables, %s, was held%s for %d seconds", path, who, WAIT_S);
	if (pid)
		diag_cure(d, "wait for that process, or see why it does not end: ps %lu", pid);
	else
		diag_cure(d, "see who holds it: lslocks");
	return -1;
}

int xtables_lock(struct diag *d)
{
	const char *given = getenv("XTABLES_LOCKFILE");
	const char *path = given && *given ? given : "/run/xtables.lock";
	auto_close int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int mine;

	if (fd < 0)
		return diag_error(d, NULL, "xtables-lock", errno,
				  "cannot open the lock of iptables, %s", path);
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return diag_error(d, NULL, "xtables-lock", errno,
					  "cannot take the lock of iptables, %s", path);
		if (waited >= WAIT_S * 1000)
			return held(path, fd, d);
		nanosleep(&step, NULL);
	}
	mine = fd;
	fd = -1;
	return mine;
}
