/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From paths to files that are safe to read, and from those to a policy. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "config/loader.h"
#include "util.h"

#define MAIN_FILE "untrack.conf"
#define DROP_INS "rules.d"
#define SUFFIX ".conf"
#define SUFFIX_EXPECT ".expect"
#define FILE_BYTES_MAX ((off_t)64 << 20)

struct names { /* of the files of one directory */
	char **v;
	size_t n;
};

static void names_free(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

/* What cannot be read: -1, so that the caller counts it. */
static int refuse(struct loader *l, const char *path, int errnum, const char *why, const char *cure)
{
	struct origin at = { .file = path };

	diag_error(l->d, &at, "config", errnum, "%s", why);
	if (cure)
		diag_cure(l->d, "%s", cure);
	return -1;
}

/* What a user of this host can change must not decide what root does. Asked of the open descriptor:
 * the path may be another file by now. */
static int check_owner(struct loader *l, const char *path, const struct stat *st)
{
	auto_free char *chmod = NULL;

	if (geteuid() != 0 || l->e) /* what is expected decides nothing */
		return 0;
	if (st->st_uid != 0) {
		auto_free char *chown = xasprintf("chown root %s", path);

		return refuse(l, path, 0, "not owned by root", chown);
	}
	if (!(st->st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	chmod = xasprintf("chmod go-w %s", path);
	return refuse(l, path, 0, "users other than root can write to it", chmod);
}

/* A link to /dev/null in rules.d/ masks a file that a package ships; everybody may write to it. */
static bool is_dev_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int check_file(struct loader *l, const char *path, const struct stat *st)
{
	if (is_dev_null(st))
		return 0;
	if (!S_ISREG(st->st_mode))
		return refuse(l, path, 0, "not a regular file",
			      "name a file or a directory, or '-' for standard input");
	if (st->st_size > FILE_BYTES_MAX)
		return refuse(l, path, EFBIG, "cannot read", NULL);
	return check_owner(l, path, st);
}

static const char *open_cure(int errnum)
{
	if (errnum == EACCES)
		return "read it as root, or name files that you may read";
	if (errnum == ENOENT)
		return "is the name right? untrack.conf(5) says what belongs there";
	return NULL;
}

static int refuse_open(struct loader *l, int dir, const char *name, const char *path, int errnum)
{
	struct stat st;

	if (errnum == ENOENT && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return refuse(l, path, 0, "symbolic link to a file that does not exist",
			      "remove the link, or put the file where it points");
	return refuse(l, path, errnum, "cannot open", open_cure(errnum));
}

/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
static int load_file(struct loader *l, int dir, const char *name, const char *path)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	auto_fclose FILE *f = NULL;
	struct stat st;

	if (fd < 0)
		return refuse_open(l, dir, name, path, errno);
	f = fdopen(fd, "r");
	if (!f || fstat(fd, &st)) {
		int errnum = errno;

		if (!f)
			close(fd);
		return refuse(l, path, errnum, "cannot read", NULL);
	}
	if (check_file(l, path, &st))
		return -1;
	loader_read(l, f, path);
	return ferror(f) ? -1 : 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > strlen(suffix) &&
	       !strcmp(name + len - strlen(suffix), suffix);
}

bool expect_is_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return has_suffix(slash ? slash + 1 : path, SUFFIX_EXPECT);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The *.conf, or *.expect, of an open directory, in byte order: scandir's alphasort depends on the
 * locale. */
static int list_directory(struct loader *l, int fd, const char *path, struct names *out)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *e;
	int rc = 0;

	if (!dir) {
		int errnum = errno;

		if (own >= 0)
			close(own);
		return refuse(l, path, errnum, "cannot list", NULL);
	}
	while ((errno = 0, e = readdir(dir))) {
		if (has_suffix(e->d_name, l->e ? SUFFIX_EXPECT : SUFFIX))
			*ARRAY_ADD(out->v, out->n) = xstrdup(e->d_name);
	}
	if (errno)
		rc = refuse(l, path, errno, "cannot list", NULL);
	closedir(dir);
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, by_bytes);
	return rc;
}

static int open_directory(struct loader *l, int at, const char *name, const char *path)
{
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		refuse_open(l, at, name, path, errno);
	} else if (!check_owner(l, path, &st)) {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static int load_all(struct loader *l, int fd, const char *path)
{
	struct names names = { 0 };
	int rc = list_directory(l, fd, path, &names);

	for (size_t i = 0; i < names.n; i++) {
		auto_free char *file = xasprintf("%s/%s", path, names.v[i]);

		if (load_file(l, fd, names.v[i], file))
			rc = -1;
	}
	names_free(&names);
	return rc;
}

/* Does the directory have an entry of this name, be it a broken link? */
static bool has_entry(int fd, const char *name)
{
	struct stat st;

	return !fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW);
}

static int load_drop_ins(struct loader *l, int fd, const char *path)
{
	auto_free char *sub = xasprintf("%s/%s", path, DROP_INS);
	auto_close int dir = open_directory(l, fd, DROP_INS, sub);

	return dir < 0 ? -1 : load_all(l, dir, sub);
}

/* Expectations of both places: they stand beside what they are about. */
static int load_expectations(struct loader *l, int fd, const char *path)
{
	int rc = load_all(l, fd, path);

	if (has_entry(fd, DROP_INS) && load_drop_ins(l, fd, path))
		rc = -1;
	return rc;
}

static int load_directory(struct loader *l, const char *path)
{
	auto_close int fd = open_directory(l, AT_FDCWD, path, path);
	bool has_main, has_drop_ins;
	int rc = 0;

	if (fd < 0)
		return -1;
	if (l->e)
		return load_expectations(l, fd, path);
	has_main = has_entry(fd, MAIN_FILE);
	has_drop_ins = has_entry(fd, DROP_INS);
	if (!has_main && !has_drop_ins)
		return load_all(l, fd, path);
	if (has_main) {
		auto_free char *file = xasprintf("%s/%s", path, MAIN_FILE);

		rc = load_file(l, fd, MAIN_FILE, file);
	}
	if (has_drop_ins && load_drop_ins(l, fd, path))
		rc = -1;
	return rc;
}

int loader_read_path(struct loader *l, const char *given)
{
	size_t len = strlen(given);
	auto_free char *path = NULL;
	struct stat st;

	if (!strcmp(given, "-")) {
		loader_read(l, stdin, "standard input");
		return ferror(stdin) ? -1 : 0;
	}
	while (len > 1 && given[len - 1] == '/')
		len--;
	path = xasprintf("%.*s", (int)len, given);
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return load_directory(l, path);
	return load_file(l, AT_FDCWD, path, path);
}

bool policy_is_there(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	struct diag unsaid = { 0 };
	struct loader l = { .d = &unsaid };
	struct names names = { 0 };
	bool is;

	if (fd < 0)
		return true;
	is = has_entry(fd, MAIN_FILE) || has_entry(fd, DROP_INS) ||
	     list_directory(&l, fd, path, &names) || names.n;
	names_free(&names);
	diag_free(&unsaid);
	return is;
}

int policy_load(struct policy *p, const char *const *paths, size_t n, struct diag *d)
{
	struct loader l;
	bool unreadable = false;
	int rc;

	loader_begin(&l, p, d);
	for (size_t i = 0; i < n; i++) {
		if (loader_read_path(&l, paths[i]))
			unreadable = true;
	}
	rc = loader_end(&l);
	return unreadable ? -2 : rc;
}
