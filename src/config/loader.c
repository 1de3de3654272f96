/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items to a policy: one engine for all sections, driven by the tables of section.c. */
#include "config/loader.h"

#include <stdlib.h>
#include <string.h>
#include "config/guess.h"
#include "config/values.h"
#include "util.h"

#define KEYS_LISTED 10 /* in a message, at most */

char *loader_section_text(const struct loader *l)
{
	const char *name = l->draft.name;

	return xasprintf("[%s%s%s]", l->section->name, name ? " " : "", name ? name : "");
}

static void late_forget(struct loader *l)
{
	free((char *)(uintptr_t)l->late.key);
	free((char *)(uintptr_t)l->late.value);
	free((struct ini_piece *)(uintptr_t)l->late.pieces);
	l->late = (struct ini_item){ 0 };
}

static void late_keep(struct loader *l, const struct ini_item *it)
{
	l->late = *it;
	l->late.section = NULL; /* the reader's, and gone by then */
	l->late.key = xstrdup(it->key);
	l->late.value = xstrdup(it->value);
	l->late.pieces = xmemdup(it->pieces, it->n_pieces * sizeof *it->pieces);
}

static int read_value(struct loader *l, const struct option *o, const struct ini_item *it)
{
	const struct value v = { it, o, &l->draft, l->d };
	char *base = (char *)&l->draft;

	if (o->parse(&v, base + o->out, base + o->out_not))
		return -1;
	if (o->at)
		*(struct origin *)(base + o->at) = it->value_at;
	return 0;
}

static void add_service(struct loader *l)
{
	struct service *s = ARRAY_ADD(l->p->services, l->p->n_services);
	struct draft *f = &l->draft;

	*s = f->service;
	s->name = f->name;
	s->at = f->at;
	f->service = (struct service){ 0 };
	f->name = NULL;
	*ARRAY_ADD(l->service_accept, l->n_service_accept) = f->accept_at.file;
}

static void add_interface(struct loader *l)
{
	struct interface *i = ARRAY_ADD(l->p->interfaces, l->p->n_interfaces);
	struct draft *f = &l->draft;

	*i = f->interface;
	i->name = f->name;
	i->at = f->at;
	f->interface = (struct interface){ 0 };
	f->name = NULL;
	*ARRAY_ADD(l->interface_accept, l->n_interface_accept) = f->accept_at.file;
}

static void add_expectation(struct loader *l)
{
	struct expectation *x = ARRAY_ADD(l->e->v, l->e->n);
	struct draft *f = &l->draft;

	*x = f->expectation;
	x->name = f->name;
	x->at = f->at;
	f->expectation = (struct expectation){ 0 };
	f->name = NULL;
}

static void add_conntrack(struct loader *l)
{
	for (size_t i = 0; i < l->section->n_options; i++) {
		struct ct_setting *s;

		if (!l->draft.conntrack_at[i].file)
			continue;
		s = ARRAY_ADD(l->p->conntrack, l->p->n_conntrack);
		s->key = xstrdup(l->section->options[i].name);
		s->value = l->draft.conntrack[i];
		s->at = l->draft.conntrack_at[i];
	}
}

static void set_general(struct loader *l)
{
	const struct general *g = &l->draft.general;

	l->p->backend = g->backend;
	l->p->families = g->families;
	l->p->accept = g->accept;
	l->p->drain = g->drain;
	l->p->on_nat = g->on_nat;
	l->family_at = g->family_at;
}

static void keep_section(struct loader *l)
{
	switch (l->section->id) {
	case SECTION_UNTRACK:
		set_general(l);
		break;
	case SECTION_LOOPBACK:
		l->p->loopback = l->draft.loopback;
		l->p->loopback_at = l->draft.at;
		break;
	case SECTION_SERVICE:
		if (l->draft.name)
			add_service(l);
		break;
	case SECTION_INTERFACE:
		if (l->draft.name)
			add_interface(l);
		break;
	case SECTION_CONNTRACK:
		add_conntrack(l);
		break;
	case SECTION_EXPECT:
		if (l->draft.name)
			add_expectation(l);
		break;
	}
}

static void forget_section(struct loader *l)
{
	struct draft *f = &l->draft;

	late_forget(l);
	free(f->name);
	service_free(&f->service);
	interface_free(&f->interface);
	expectation_free(&f->expectation);
	/* All that one kind of section can have set, for there may be thousands. */
	memset(f, 0,
	       l->section->id == SECTION_CONNTRACK ? sizeof *f : offsetof(struct draft, conntrack));
	memset(l->seen, 0, l->section->n_options * sizeof *l->seen);
	memset(l->guessed, 0, l->section->n_options * sizeof *l->guessed);
	l->n_keys = 0;
	l->section = NULL;
}

static void end_section(struct loader *l)
{
	if (!l->section)
		return;
	l->broken_lines = l->d->errors - l->errors_at_header != l->own_errors;
	if (l->late.key) {
		for (size_t i = 0; i < l->section->n_options; i++) {
			if (l->section->options[i].early)
				read_value(l, &l->section->options[i], &l->late);
		}
	}
	loader_check_section(l);
	keep_section(l);
	forget_section(l);
}

/* Expectations and configuration are never in one file. */
static bool belongs(const struct loader *l, const struct section *s)
{
	return (l->e != NULL) == (s->id == SECTION_EXPECT);
}

static void wrong_file(struct loader *l, const struct ini_item *it)
{
	diag_error(l->d, &it->key_at, "config", 0,
		   l->e ? "[%s] is configuration, and this is a file of expectations"
			: "[%s] is an expectation, and this is configuration",
		   it->section);
	diag_cure(l->d, l->e ? "move it to a file that ends in .conf"
			     : "move it to a file that ends in .expect; 'untrack test' reads it");
}

/* len: of its first word */
static int unknown_section(struct loader *l, const struct ini_item *it, size_t len)
{
	auto_free char *word = xstrndup(it->section, len);
	struct guess g = { .word = word };

	for (size_t i = 0; i < N_SECTIONS; i++)
		if (belongs(l, &sections[i]))
			guess_try(&g, sections[i].name);
	diag_error(l->d, &it->key_at, "config", 0, "unknown section [%s]", it->section);
	if (g.best)
		diag_cure(l->d, "did you mean '%s'?", g.best);
	else if (l->e)
		diag_cure(l->d, "in a file of expectations there is [expect NAME]");
	else
		diag_cure(l->d, "there are [untrack], [loopback], [service NAME], "
				"[interface NAME] and [conntrack]");
	return -1;
}

/* The name goes into counters, comments and generations: no character that would need quotes. */
static int check_name(struct loader *l, const struct ini_item *it, const char *name)
{
	if (!l->e && !strcmp(name, sections[SECTION_LOOPBACK].name)) {
		diag_error(l->d, &it->value_at, "config", 0, "'%s' is the name of [%s] itself",
			   name, name);
		diag_cure(l->d, "choose another name");
		return -1;
	}
	if (is_section_name(name))
		return 0;
	diag_error(l->d, &it->value_at, "config", 0, "'%s' is not a name", name);
	diag_cure(l->d,
		  "a name is a letter, then letters, digits, '_', '.' or '-': at most %d "
		  "characters",
		  SECTION_NAME_BYTES);
	return -1;
}

/* Sets draft.name when the header has what its kind of section needs. */
static void read_name(struct loader *l, const struct ini_item *it, const char *name)
{
	const char *kind = l->section->name;

	if (!l->section->named && name) {
		diag_error(l->d, &it->value_at, "config", 0, "[%s] takes no name", kind);
		diag_cure(l->d, "write [%s]", kind);
	} else if (l->section->named && !name) {
		diag_error(l->d, &it->key_at, "config", 0, "[%s] needs a name", kind);
		diag_cure(l->d, "write [%s NAME]", kind);
	} else if (name && strchr(name, ' ')) {
		diag_error(l->d, &it->value_at, "config", 0, "'%s' is not one name", name);
		diag_cure(l->d, "a name is one word");
	} else if (name && !check_name(l, it, name)) {
		l->draft.name = xstrdup(name);
	}
}

static void check_once(struct loader *l)
{
	struct origin *first = &l->once[l->section->id];

	if (l->section->named)
		return;
	if (first->file) {
		diag_error(l->d, &l->draft.at, "config", 0, "[%s] again, first at %s:%u",
			   l->section->name, first->file, first->line);
		diag_cure(l->d, "merge the two sections");
	} else {
		*first = l->draft.at;
	}
}

static void begin_section(struct loader *l, const struct ini_item *it)
{
	size_t len = strcspn(it->section, " ");
	const char *name = it->section[len] ? it->section + len + 1 : NULL;
	struct draft *f = &l->draft;

	end_section(l);
	for (size_t i = 0; i < N_SECTIONS; i++) {
		if (!strncmp(it->section, sections[i].name, len) && !sections[i].name[len])
			l->section = &sections[i];
	}
	if (!l->section || !belongs(l, l->section)) {
		if (l->section)
			wrong_file(l, it);
		else
			unknown_section(l, it, len);
		l->section = NULL;
		return;
	}
	l->n_sections++;
	f->at = it->key_at;
	f->general = (struct general){
		.backend = l->p->backend,
		.families = l->p->families,
		.accept = l->p->accept,
		.drain = l->p->drain,
		.on_nat = l->p->on_nat,
	};
	read_name(l, it, name);
	check_once(l);
	l->errors_at_header = l->d->errors;
	l->own_errors = 0;
}

static size_t find_key(const struct section *s, const char *key)
{
	size_t i = 0;

	while (i < s->n_options && strcmp(key, s->options[i].name))
		i++;
	return i;
}

static void unknown_key(struct loader *l, const struct ini_item *it)
{
	const struct section *s = l->section;
	struct guess g = { .word = it->key };
	auto_free char *where = loader_section_text(l);
	struct text keys = { 0 };

	for (size_t i = 0; i < s->n_options; i++) {
		guess_try(&g, s->options[i].name);
		text_add(&keys, "%s%s", i ? ", " : "", s->options[i].name);
	}
	diag_error(l->d, &it->key_at, "config", 0, "unknown key '%s' in %s", it->key, where);
	if (g.best)
		diag_cure(l->d, "did you mean '%s'?", g.best);
	else if (s->n_options <= KEYS_LISTED)
		diag_cure(l->d, "[%s] has: %s", s->name, keys.s);
	else
		diag_cure(l->d, "untrack.conf(5) lists the keys of [%s]", s->name);
	free(keys.s);
	/* What was meant is not missing. */
	for (size_t i = 0; i < s->n_options; i++) {
		if (g.best == s->options[i].name && !l->seen[i].file)
			l->guessed[i] = true;
	}
}

static bool is_late(const struct option *o, const char *value)
{
	return o->early && value[strspn(value, o->early)];
}

static void take_setting(struct loader *l, const struct ini_item *it)
{
	const struct section *s = l->section;
	size_t i = find_key(s, it->key);

	l->n_keys++;
	if (i == s->n_options) {
		unknown_key(l, it);
		return;
	}
	if (l->seen[i].file) {
		auto_free char *where = loader_section_text(l);

		diag_error(l->d, &it->key_at, "config", 0, "'%s' again in %s, first on line %u",
			   it->key, where, l->seen[i].line);
		diag_cure(l->d, "keep one of them; a list continues on indented lines");
		return;
	}
	l->seen[i] = it->key_at;
	if (!*it->value) {
		diag_error(l->d, &it->value_at, "config", 0, "'%s' has no value", it->key);
		diag_cure(l->d, "write one, or remove the line");
	} else if (is_late(&s->options[i], it->value)) {
		late_keep(l, it);
	} else {
		read_value(l, &s->options[i], it);
	}
}

static void take_item(void *ctx, const struct ini_item *it, struct diag *d)
{
	struct loader *l = ctx;
	unsigned before = d->errors;

	if (!it->key) {
		begin_section(l, it);
	} else if (l->section) {
		take_setting(l, it);
		l->own_errors += d->errors - before;
	}
}

bool loader_has(const struct loader *l, const char *key)
{
	return l->seen[find_key(l->section, key)].file;
}

bool loader_may_have(const struct loader *l, const char *key)
{
	return loader_has(l, key) || l->guessed[find_key(l->section, key)] || l->broken_lines;
}

void loader_begin(struct loader *l, struct policy *p, struct diag *d)
{
	*l = (struct loader){ .p = p, .d = d, .errors_before = d->errors };
	*p = (struct policy){ .families = FAMILIES_BOTH, .drain = true };
}

void loader_begin_expect(struct loader *l, struct expectations *e, struct policy *p, struct diag *d)
{
	loader_begin(l, p, d);
	l->e = e;
	*e = (struct expectations){ 0 };
}

int loader_read(struct loader *l, FILE *f, const char *name)
{
	struct origin at = { .file = xstrdup(name) };
	size_t before = l->n_sections;
	unsigned errors = l->d->errors;
	int rc;

	*ARRAY_ADD(l->p->files, l->p->n_files) = (char *)(uintptr_t)at.file;
	rc = ini_read(f, at.file, take_item, l, l->d);
	end_section(l);
	if (l->e && l->n_sections == before && l->d->errors == errors) {
		diag_warn(l->d, &at, "expect", "no expectation in this file");
		diag_cure(l->d, "write an [expect NAME], or remove the file; untrack(8) has the "
				"form");
	}
	return rc;
}

static int compare_settings(const void *a, const void *b)
{
	const struct ct_setting *x = a, *y = b;

	return strcmp(x->key, y->key);
}

int loader_end(struct loader *l)
{
	struct policy *p = l->p;
	int rc = 0;

	if (p->n_conntrack)
		qsort(p->conntrack, p->n_conntrack, sizeof *p->conntrack, compare_settings);
	for (size_t i = 0; i < p->n_services; i++) {
		if (!l->service_accept[i])
			p->services[i].accept = p->accept;
	}
	for (size_t i = 0; i < p->n_interfaces; i++) {
		if (!l->interface_accept[i])
			p->interfaces[i].accept = p->accept;
	}
	loader_check_policy(l);
	free(l->service_accept);
	free(l->interface_accept);
	if (l->d->errors != l->errors_before) {
		policy_free(p);
		rc = -1;
	}
	return rc;
}
