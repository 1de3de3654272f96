/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The texts that findings point into. */
#include "report/source.h"

#include <string.h>
#include "util.h"

#define MARK "\xef\xbb\xbf"

void sources_add(struct sources *s, const char *name, char *text, size_t len)
{
	*ARRAY_ADD(s->v, s->n) = (struct source){ xstrdup(name), text, len };
}

/* Its place, n: there is none. Mostly it is the one of the last time. */
static size_t place_of(const struct sources *s, const char *name, const struct source_line *last)
{
	if (last->number && last->place < s->n && !strcmp(s->v[last->place].name, name))
		return last->place;
	for (size_t i = s->n; i-- > 0;)
		if (!strcmp(s->v[i].name, name))
			return i;
	return s->n;
}

static size_t next_line(const struct source *f, size_t offset)
{
	const char *end = memchr(f->text + offset, '\n', f->len - offset);

	return end ? (size_t)(end - f->text) + 1 : f->len;
}

bool sources_find(const struct sources *s, const char *name, unsigned number, struct source_line *l)
{
	size_t place = place_of(s, name, l), end;
	const struct source *f;

	if (place == s->n || !number)
		return false;
	f = &s->v[place];
	if (place != l->place || number < l->number || !l->number)
		*l = (struct source_line){ .place = place, .number = 1 };
	for (; l->number < number && l->offset < f->len; l->number++)
		l->offset = next_line(f, l->offset);
	if (l->number != number || l->offset >= f->len)
		return false;
	end = next_line(f, l->offset);
	l->s = f->text + l->offset;
	l->len = end - l->offset;
	if (l->len && l->s[l->len - 1] == '\n')
		l->len--;
	if (l->len && l->s[l->len - 1] == '\r')
		l->len--;
	if (number == 1 && l->len >= strlen(MARK) && !memcmp(l->s, MARK, strlen(MARK))) {
		l->s += strlen(MARK);
		l->len -= strlen(MARK);
	}
	return true;
}

void sources_move(struct sources *to, struct sources *from)
{
	for (size_t i = 0; i < from->n; i++)
		*ARRAY_ADD(to->v, to->n) = from->v[i];
	free(from->v);
	*from = (struct sources){ 0 };
}

void sources_free(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].text);
	}
	free(s->v);
	*s = (struct sources){ 0 };
}
