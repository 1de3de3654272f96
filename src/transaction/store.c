/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our directories and the files in them: opened without trust, written whole or not at all. */
#include "transaction/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util.h"

#define STORE_FILE_MAX (64u << 20)

/* Finding for a system call that failed on dir/name (name may be NULL), with the cure that fits. */
static int fail(const struct store *s, const char *name, int errnum, const char *verb,
		struct diag *d)
{
	diag_error(d, NULL, "state-file", errnum, "cannot %s %s%s%s", verb, s->dir, name ? "/" : "",
		   name ? name : "");
	if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
		diag_cure(d, "free space on the file system of %s, then run it again", s->dir);
	else if (errnum == EROFS)
		diag_cure(d, "mount the file system of %s writable, then run it again", s->dir);
	else if (errnum == EACCES || errnum == EPERM)
		diag_cure(d, "run it as root");
	else if (errnum == ENOENT || errnum == ENOTDIR)
		diag_cure(d,
			  "only the last directory of %s is made: see that the ones above it "
			  "are there, or name another with --state DIR",
			  s->dir);
	else if (errnum == ELOOP)
		diag_cure(d, "a symbolic link stands there and is not followed: see who made it, "
			     "and remove it");
	return -1;
}

/* What root reads must be written by root; a plain user may also read their own. */
static bool is_trusted_owner(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

static int check_directory(const struct store *s, struct diag *d)
{
	struct stat st;

	if (fstat(s->fd, &st))
		return fail(s, NULL, errno, "look at", d);
	if (!is_trusted_owner(st.st_uid)) {
		diag_error(d, NULL, "state-file", 0, "%s belongs to user %lu, not to root", s->dir,
			   (unsigned long)st.st_uid);
		diag_cure(d, "see what it is; then chown root %s, or name another directory",
			  s->dir);
		return -1;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		diag_error(d, NULL, "state-file", 0,
			   "others than its owner can write to %s (mode %04o)", s->dir,
			   (unsigned)st.st_mode & 07777);
		diag_cure(d, "chmod go-w %s", s->dir);
		return -1;
	}
	return 0;
}

int store_open(struct store *s, const char *dir, struct diag *d)
{
	struct store new = { .dir = dir };

	new.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (new.fd < 0)
		return errno == ENOENT ? 1 : fail(&new, NULL, errno, "open", d);
	if (check_directory(&new, d)) {
		store_close(&new);
		return -1;
	}
	*s = new;
	return 0;
}

int store_make(struct store *s, const char *dir, mode_t mode, struct diag *d)
{
	struct store new = { .fd = -1, .dir = dir };
	int rc = store_open(s, dir, d);

	if (rc <= 0)
		return rc;
	if (mkdir(dir, mode) && errno != EEXIST)
		return fail(&new, NULL, errno, "create", d);
	rc = store_open(s, dir, d);
	return rc <= 0 ? rc : fail(&new, NULL, ENOENT, "open", d);
}

void store_close(struct store *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static int check_file(const struct store *s, const char *name, int fd, struct diag *d)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail(s, name, errno, "look at", d);
	if (!S_ISREG(st.st_mode))
		diag_error(d, NULL, "state-file", 0, "%s/%s is not a plain file", s->dir, name);
	else if (!is_trusted_owner(st.st_uid))
		diag_error(d, NULL, "state-file", 0, "%s/%s belongs to user %lu, not to root",
			   s->dir, name, (unsigned long)st.st_uid);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		diag_error(d, NULL, "state-file", 0,
			   "others than its owner can write to %s/%s (mode %04o)", s->dir, name,
			   (unsigned)st.st_mode & 07777);
	else if (st.st_size > STORE_FILE_MAX)
		diag_error(d, NULL, "state-file", EFBIG, "%s/%s", s->dir, name);
	else
		return 0;
	diag_cure(d, "untrack did not write it: see who did, and move it away");
	return -1;
}

int store_open_file(const struct store *s, const char *name, int flags, struct diag *d)
{
	int fd = openat(s->fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == ENOENT ? -2 : fail(s, name, errno, "open", d);
	if (check_file(s, name, fd, d)) {
		close(fd);
		return -1;
	}
	return fd;
}

int store_read(const struct store *s, const char *name, char **text, size_t *len, struct diag *d)
{
	auto_close int fd = store_open_file(s, name, O_RDONLY, d);
	auto_free char *buf = NULL;
	struct stat st;
	size_t got = 0, size;

	if (fd < 0)
		return fd == -2 ? 1 : -1;
	if (fstat(fd, &st))
		return fail(s, name, errno, "look at", d);
	size = (size_t)st.st_size;
	buf = xcalloc(size + 1, 1);
	while (got < size) {
		ssize_t n = read(fd, buf + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(s, name, errno, "read", d);
		if (n == 0)
			break;
		got += (size_t)n;
	}
	buf[got] = '\0';
	*text = buf;
	*len = got;
	buf = NULL;
	return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int store_write(const struct store *s, const char *name, const char *text, size_t len, bool durable,
		struct diag *d)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(s->fd, name, flags, 0644), errnum = 0;

	if (fd < 0 && errno == EEXIST && !unlinkat(s->fd, name, 0))
		fd = openat(s->fd, name, flags, 0644);
	if (fd < 0)
		return fail(s, name, errno, "write", d);
	if (write_all(fd, text, len))
		errnum = errno;
	/* A head start for the fsync of store_rename, which finds less left to wait for. Not for
	 * what is removed soon: unlink would wait for the disk. */
	if (durable)
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (close(fd) && !errnum) /* NFS and quota report here */
		errnum = errno;
	if (!errnum)
		return 0;
	unlinkat(s->fd, name, 0);
	return fail(s, name, errnum, "write", d);
}

int store_sync(const struct store *s, const char *name, struct diag *d)
{
	auto_close int fd = store_open_file(s, name, O_RDONLY, d);

	if (fd == -2)
		return fail(s, name, ENOENT, "sync", d);
	return fd < 0 ? -1 : fsync(fd) ? fail(s, name, errno, "sync", d) : 0;
}

/* One fsync, of the file under its new name: ext4, XFS, btrfs and f2fs commit the rename with it
 * (they must: the file's inode was changed by both), and fsync(dir) would wait for a second flush.
 * Where a crash in between leaves less than the whole file, its header tells. */
int store_rename(const struct store *s, const char *from, const char *to, bool durable,
		 struct diag *d)
{
	auto_close int fd = -1;

	if (durable) {
		fd = store_open_file(s, from, O_RDONLY, d);
		if (fd < 0)
			return -1;
	}
	if (renameat(s->fd, from, s->fd, to))
		return fail(s, to, errno, "write", d);
	if (durable && fsync(fd))
		return fail(s, to, errno, "sync", d);
	return 0;
}

int store_remove(const struct store *s, const char *name, struct diag *d)
{
	if (unlinkat(s->fd, name, 0) && errno != ENOENT)
		return fail(s, name, errno, "remove", d);
	return 0;
}
