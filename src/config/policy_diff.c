/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two policies compared by their canonical texts: each key that there is, or will be, takes part.
 */
#include "config/policy_diff.h"

#include <stdlib.h>
#include <string.h>

struct entry { /* "key = value", continuation lines joined */
	char *key, *value;
};

struct part { /* a section */
	char *title;
	struct entry *v;
	size_t n;
};

struct parts {
	struct part *v;
	size_t n;
};

/* The canonical text has no comments, and a section is made of key = value lines. */
static void add_line(struct parts *parts, const char *line, size_t len)
{
	struct part *last = parts->n ? &parts->v[parts->n - 1] : NULL;
	struct entry *e;
	const char *equals;

	if (*line == '[') {
		last = ARRAY_ADD(parts->v, parts->n);
		last->title = xasprintf("%.*s", (int)len - 2, line + 1);
	} else if (*line == '\t' && last && last->n) {
		char *all;

		e = &last->v[last->n - 1];
		all = xasprintf("%s %.*s", e->value, (int)len - 1, line + 1);
		free(e->value);
		e->value = all;
	} else if (last && (equals = memchr(line, '=', len)) && equals > line) {
		e = ARRAY_ADD(last->v, last->n);
		e->key = xasprintf("%.*s", (int)(equals - line) - 1, line);
		e->value = xasprintf("%.*s", (int)(line + len - equals) - 2, equals + 2);
	}
}

static void parts_make(struct parts *parts, const struct policy *p)
{
	auto_free char *text = policy_string(p);
	size_t len;

	for (const char *line = text; *line; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		add_line(parts, line, len);
	}
}

static void parts_free(struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++) {
		for (size_t k = 0; k < parts->v[i].n; k++) {
			free(parts->v[i].v[k].key);
			free(parts->v[i].v[k].value);
		}
		free(parts->v[i].v);
		free(parts->v[i].title);
	}
	free(parts->v);
}

static const struct part *find_part(const struct parts *parts, const char *title)
{
	for (size_t i = 0; i < parts->n; i++)
		if (!strcmp(parts->v[i].title, title))
			return &parts->v[i];
	return NULL;
}

static const char *value_of(const struct part *part, const char *key)
{
	for (size_t i = 0; part && i < part->n; i++)
		if (!strcmp(part->v[i].key, key))
			return part->v[i].value;
	return NULL;
}

/* Settings are always there in effect; an exemption comes and goes. */
static bool is_setting(const char *title)
{
	return !strcmp(title, "untrack") || !strcmp(title, "conntrack");
}

/* Those of conntrack are put back when they are asked for no more. */
static bool is_put_back(const char *title)
{
	return !strcmp(title, "conntrack");
}

static bool is_exempt(const struct part *part)
{
	const char *loopback =
		part && !strcmp(part->title, "loopback") ? value_of(part, "notrack") : NULL;

	return part && (!loopback || !strcmp(loopback, "yes"));
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void add_change(struct policy_changes *out, enum policy_change_kind kind,
		       const char *section, const char *key, const char *before, const char *after)
{
	struct policy_change *c = ARRAY_ADD(out->v, out->n);

	c->kind = kind;
	c->section = xstrdup(section);
	c->key = copy(key);
	c->before = copy(before);
	c->after = copy(after);
}

/* What it is in a few words: the first keys that set it apart. NULL: its name says all. */
static char *gist(const struct part *part)
{
	static const char *const keys[] = { "protocol", "port",	  "name",     "role",
					    "local",	"remote", "interface" };
	struct text t = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = value_of(part, keys[i]);

		if (!value || (!strcmp(keys[i], "role") && !strcmp(value, "server")))
			continue;
		text_add(&t, "%s", t.len ? "; " : "");
		text_add(&t, "%s %s", keys[i], value);
	}
	return t.s;
}

static void compare_keys(const struct part *before, const struct part *after, const char *title,
			 struct policy_changes *out)
{
	for (size_t i = 0; after && i < after->n; i++) {
		const struct entry *e = &after->v[i];
		const char *was = value_of(before, e->key);

		if (!was || strcmp(was, e->value) != 0)
			add_change(out, POLICY_CHANGED, title, e->key, was, e->value);
	}
	for (size_t i = 0; before && i < before->n; i++)
		if (!value_of(after, before->v[i].key))
			add_change(out, POLICY_CHANGED, title, before->v[i].key, before->v[i].value,
				   NULL);
}

static void compare_parts(const struct part *before, const struct part *after, const char *title,
			  struct policy_changes *out)
{
	auto_free char *what = NULL;

	if (is_setting(title) || (is_exempt(before) && is_exempt(after))) {
		compare_keys(before, after, title, out);
	} else if (is_exempt(after)) {
		what = gist(after);
		add_change(out, POLICY_CAME, title, NULL, NULL, what);
	} else if (is_exempt(before)) {
		what = gist(before);
		add_change(out, POLICY_WENT, title, NULL, what, NULL);
	}
}

void policy_diff(const struct policy *before, const struct policy *after,
		 struct policy_changes *out)
{
	bool removal = policy_is_empty(after) && !after->n_conntrack;
	struct parts a = { 0 }, b = { 0 };

	parts_make(&a, before);
	parts_make(&b, after);
	for (size_t i = 0; i < b.n; i++) {
		const char *title = b.v[i].title;

		if (!removal || !is_setting(title))
			compare_parts(find_part(&a, title), &b.v[i], title, out);
	}
	for (size_t i = 0; i < a.n; i++) {
		const char *title = a.v[i].title;

		if (!find_part(&b, title) && (!removal || !is_setting(title) || is_put_back(title)))
			compare_parts(&a.v[i], NULL, title, out);
	}
	parts_free(&a);
	parts_free(&b);
}

void policy_change_text(const struct policy_change *c, struct text *t)
{
	static const char none[] = "not given";
	const char *what = c->after ? c->after : c->before;

	switch (c->kind) {
	case POLICY_CAME:
	case POLICY_WENT:
		text_add(t, "%s is %s", c->section,
			 c->kind == POLICY_CAME ? "exempt now" : "no longer exempt");
		if (what)
			text_add(t, ": %s", what);
		break;
	case POLICY_CHANGED:
		if (is_setting(c->section))
			text_add(t, "setting %s%s%s",
				 strcmp(c->section, "untrack") ? c->section : "",
				 strcmp(c->section, "untrack") ? " " : "", c->key);
		else
			text_add(t, "%s: %s", c->section, c->key);
		text_add(t, " %s -> %s", c->before ? c->before : none, c->after ? c->after : none);
		break;
	}
}

const char *policy_change_kind_name(enum policy_change_kind kind)
{
	switch (kind) {
	case POLICY_CAME:
		return "came";
	case POLICY_WENT:
		return "went";
	case POLICY_CHANGED:
		break;
	}
	return "changed";
}

void policy_changes_free(struct policy_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		free(changes->v[i].section);
		free(changes->v[i].key);
		free(changes->v[i].before);
		free(changes->v[i].after);
	}
	free(changes->v);
	*changes = (struct policy_changes){ 0 };
}
