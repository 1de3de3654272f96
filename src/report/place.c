/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a finding is, as programs that show files want to have it. */
#include "report/place.h"

#include <string.h>
#include "utf8.h"
#include "util.h"

/* Reports are read where the files are checked out, and not on this machine: what lies below the
 * working directory is named from there. */
static char *relative(const char *path)
{
	auto_free char *here = *path == '/' ? getcwd(NULL, 0) : NULL;
	size_t n = here ? strlen(here) : 0;

	if (n > 1 && !strncmp(path, here, n) && path[n] == '/' && path[n + 1])
		path += n + 1;
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
		path += strspn(path, "/");
	}
	return xstrdup(*path ? path : ".");
}

static unsigned utf16_column(const char *s, size_t len, unsigned col)
{
	unsigned units = 1;

	for (size_t i = 0; i < len && i + 1 < col;) {
		size_t n = utf8_length(s + i, len - i);

		if (i + n >= col)
			break;
		units += n == 4 ? 2 : 1;
		i += n ? n : 1;
	}
	return units;
}

static const char *file_of(const struct findings *all, const struct finding *f)
{
	if (f->file)
		return f->file;
	for (size_t i = 0; i < all->n_hosts && f->n_hosts; i++)
		if (all->hosts[i].facts && !strcmp(all->hosts[i].name, f->hosts[0]))
			return all->hosts[i].facts;
	return all->d->sources.n ? all->d->sources.v[0].name : all->paths[0];
}

void place_of(const struct findings *all, const struct finding *f, struct source_line *at,
	      struct place *out)
{
	*out = (struct place){ .path = relative(file_of(all, f)) };
	if (!f->file)
		return;
	out->line = f->line;
	out->column = f->line ? f->col : 0;
	if (!sources_find(&all->d->sources, f->file, f->line, at))
		return;
	out->text = at->s;
	out->len = at->len;
	if (out->column)
		out->column = utf16_column(at->s, at->len, f->col);
}

void place_free(struct place *p)
{
	free(p->path);
	p->path = NULL;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~/", c));
}

char *place_uri(const char *path)
{
	struct text t = { 0 };

	if (*path == '/')
		text_add(&t, "file://");
	for (; *path; path++)
		if (is_unreserved(*path))
			text_put(&t, path, 1);
		else
			text_add(&t, "%%%02X", (unsigned char)*path);
	return t.s;
}
