/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists: their items, and the lists of words. */
#include "config/values.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "config/guess.h"
#include "util.h"

#define PROTO_MAX 255

void list_free(struct list *l)
{
	free(l->v);
	free(l->texts);
	*l = (struct list){ 0 };
}

/* The item of len bytes at start; what separates it from the next one ends its text. */
static int split_item(const struct value *v, size_t start, size_t len, struct list *l)
{
	char *s = l->texts + start;
	bool excluded = *s == '!';
	struct list_item *i;

	if (excluded && len == 1) {
		value_error(v, start, "nothing after '!'");
		diag_cure(v->d, "write '!' and the item that is excluded without a blank");
		return -1;
	}
	i = ARRAY_ADD(l->v, l->n);
	i->excluded = excluded;
	i->start = start + excluded;
	i->text = s + excluded;
	s[len] = '\0';
	return 0;
}

int list_split(const struct value *v, struct list *l)
{
	const char *s = v->it->value;
	bool after_comma = true; /* an item has to come before the next comma */
	int rc = 0;

	l->texts = xstrdup(s);
	for (size_t i = 0; s[i];) {
		size_t len = strcspn(s + i, ", \t");

		if (s[i] == ',' && after_comma)
			rc = value_error(v, i, "nothing before this ','");
		if (len && split_item(v, i, len, l))
			rc = -1;
		after_comma = !len && (after_comma || s[i] == ',');
		i += len ? len : 1;
	}
	if (after_comma && l->n)
		rc = value_error(v, strlen(s) - 1, "nothing after this ','");
	return rc;
}

/* Lists of words do not know '!'. */
static int refuse_excluded(const struct value *v, const struct list_item *i)
{
	if (!i->excluded)
		return 0;
	value_error(v, i->start - 1, "'!%s': nothing can be excluded here", i->text);
	diag_cure(v->d, "list what is meant");
	return -1;
}

int value_families(const struct value *v, void *out, void *out_not)
{
	auto_list struct list l = { 0 };
	int rc = list_split(v, &l);
	unsigned families = 0;

	(void)out_not;
	for (size_t i = 0; i < l.n; i++) {
		int word =
			refuse_excluded(v, &l.v[i]) ? -1 : word_find(v, l.v[i].start, l.v[i].text);

		if (word < 0)
			rc = -1;
		else
			families |= 1u << word;
	}
	if (!rc)
		*(unsigned *)out = families;
	return rc;
}

static int read_proto(const struct value *v, const struct list_item *i, uint8_t *out)
{
	struct guess g = { .word = i->text };

	if (refuse_excluded(v, i))
		return -1;
	if (proto_parse(i->text, out))
		return 0;
	if (!i->text[strspn(i->text, "0123456789")])
		return value_error(v, i->start, "%s is not a protocol (1 to %d)", i->text,
				   PROTO_MAX);
	for (unsigned p = 1; p <= PROTO_MAX; p++) {
		if (proto_name((uint8_t)p))
			guess_try(&g, proto_name((uint8_t)p));
	}
	value_error(v, i->start, "unknown protocol '%s'", i->text);
	if (g.best)
		diag_cure(v->d, "did you mean '%s'?", g.best);
	else
		diag_cure(v->d, "write its number, see protocols(5)");
	return -1;
}

/* Keeps them sorted and without duplicates. */
static void add_proto(struct protos *l, uint8_t proto)
{
	size_t i = 0;

	while (i < l->n && l->v[i] < proto)
		i++;
	if (i < l->n && l->v[i] == proto)
		return;
	ARRAY_ADD(l->v, l->n);
	memmove(l->v + i + 1, l->v + i, l->n - 1 - i);
	l->v[i] = proto;
}

int value_protos(const struct value *v, void *out, void *out_not)
{
	auto_list struct list l = { 0 };
	struct protos *protos = out, wanted = { 0 };
	uint8_t only;
	int rc;

	(void)out_not;
	if (proto_parse(v->it->value, &only)) {
		add_proto(protos, only);
		return 0;
	}
	rc = list_split(v, &l);
	for (size_t i = 0; i < l.n; i++) {
		uint8_t p;

		if (read_proto(v, &l.v[i], &p))
			rc = -1;
		else
			add_proto(&wanted, p);
	}
	if (rc)
		free(wanted.v);
	else
		*protos = wanted;
	return rc;
}
