/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of sysctl.d(5) ask of connection tracking. */
#include "config/sysctl_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "util.h"

static const char *const directories[] = { "/etc/sysctl.d", "/run/sysctl.d",
					   "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d" };

struct file { /* of one directory */
	char *name;
	size_t directory;
};

static int compare_settings(const void *a, const void *b)
{
	const struct sysctl_setting *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void set(struct sysctl_files *f, const char *name, const char *value, const char *file,
		unsigned line)
{
	struct sysctl_setting *s = NULL;

	for (size_t i = 0; i < f->n && !s; i++)
		if (!strcmp(f->v[i].name, name))
			s = &f->v[i];
	if (s) {
		free(s->value);
		free(s->file);
	} else {
		s = ARRAY_ADD(f->v, f->n);
		s->name = xstrdup(name);
	}
	s->value = xstrdup(value);
	s->file = xstrdup(file);
	s->line = line;
}

/* "net.netfilter.nf_conntrack_max", with slashes as well, and the old "net.nf_conntrack_max". The
 * part that tells, or NULL: not of connection tracking. */
static const char *conntrack_name(char *key)
{
	static const char *const prefixes[] = { "net.netfilter.", "net." };

	for (char *c = key; *c; c++)
		if (*c == '/')
			*c = '.';
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (!strncmp(key, prefixes[i], len) &&
		    !strncmp(key + len, "nf_conntrack_", strlen("nf_conntrack_")))
			return key + len;
	}
	return NULL;
}

static char *trim(char *s)
{
	size_t len;

	s += strspn(s, " \t\r");
	len = strlen(s);
	while (len && strchr(" \t\r", s[len - 1]))
		s[--len] = '\0';
	return s;
}

static void add_line(struct sysctl_files *f, char *line, const char *file, unsigned number)
{
	char *key = trim(line), *value = strchr(key, '=');
	const char *name;

	if (!*key || *key == '#' || *key == ';' || !value)
		return;
	*value++ = '\0';
	if (*key == '-') /* errors do not count */
		key++;
	name = conntrack_name(trim(key));
	if (name)
		set(f, name, trim(value), file, number);
}

void sysctl_files_add(struct sysctl_files *f, const char *text, const char *file)
{
	auto_free char *copy = xstrdup(text);
	unsigned number = 1;

	for (char *line = copy, *next; line; line = next, number++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		add_line(f, line, file, number);
	}
	if (f->n)
		qsort(f->v, f->n, sizeof(*f->v), compare_settings);
}

static void cannot_read(struct sysctl_files *f, const char *file)
{
	*ARRAY_ADD(f->unread, f->n_unread) = xasprintf("%s: %s", file, strerror(errno));
}

static void read_one(struct sysctl_files *f, const char *root, const char *file)
{
	auto_free char *path = xasprintf("%s%s", root, file), *text = NULL;
	size_t len;

	text = read_file(AT_FDCWD, path, &len);
	if (text)
		sysctl_files_add(f, text, file);
	else if (errno != ENOENT)
		cannot_read(f, file);
}

static bool is_taken(const struct file *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, name))
			return true;
	return false;
}

static void list_directory(struct sysctl_files *f, const char *root, size_t directory,
			   struct file **v, size_t *n)
{
	auto_free char *path = xasprintf("%s%s", root, directories[directory]);
	DIR *dir = opendir(path);
	const struct dirent *e;

	if (!dir) {
		if (errno != ENOENT)
			cannot_read(f, directories[directory]);
		return;
	}
	while ((e = readdir(dir))) {
		const char *end = strrchr(e->d_name, '.');
		struct file *file;

		if (*e->d_name == '.' || !end || strcmp(end, ".conf") != 0 ||
		    is_taken(*v, *n, e->d_name))
			continue;
		file = ARRAY_ADD(*v, *n);
		file->name = xstrdup(e->d_name);
		file->directory = directory;
	}
	closedir(dir);
}

static int compare_files(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void sysctl_files_read(struct sysctl_files *f, const char *root)
{
	struct file *v = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		list_directory(f, root, i, &v, &n);
	if (n)
		qsort(v, n, sizeof(*v), compare_files);
	for (size_t i = 0; i < n; i++) {
		auto_free char *file = xasprintf("%s/%s", directories[v[i].directory], v[i].name);

		read_one(f, root, file);
		free(v[i].name);
	}
	free(v);
	read_one(f, root, "/etc/sysctl.conf");
}

void sysctl_files_free(struct sysctl_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].name);
		free(f->v[i].value);
		free(f->v[i].file);
	}
	for (size_t i = 0; i < f->n_unread; i++)
		free(f->unread[i]);
	free(f->v);
	free(f->unread);
	*f = (struct sysctl_files){ 0 };
}
