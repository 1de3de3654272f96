/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's firewall as a value: find, name, free. */
#include "rules/fw.h"

#include <stdlib.h>
#include <string.h>

const struct fw_chain *fw_chain_find(const struct fw *fw, const struct fw_chain *near,
				     const char *name)
{
	for (size_t i = 0; i < fw->n_chains; i++) {
		const struct fw_chain *c = &fw->chains[i];

		if (c->family == near->family &&
		    (c->form == FORM_LEGACY) == (near->form == FORM_LEGACY) &&
		    !strcmp(c->name, name) && !strcmp(c->table, near->table))
			return c;
	}
	return NULL;
}

void fw_chain_text(const struct fw_chain *c, struct text *t)
{
	chain_name_text(c->form, c->family, c->table, c->name, t);
}

bool fw_chain_is_anonymous(const struct fw_chain *c)
{
	return c->form == FORM_NFT && !strncmp(c->name, "__chain", 7);
}

bool twin_is_in(const struct twin *w, const struct fw_chain *c)
{
	return (w->form == FORM_LEGACY) == (c->form == FORM_LEGACY) && w->family == c->family &&
	       !strcmp(w->table, c->table) && !strcmp(w->chain, c->name);
}

static void free_set(struct fw_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].target.chain);
	free(s->v);
	free(s->name);
	free(s->body);
	free(s);
}

static void free_expr(struct fw_expr *e)
{
	free(e->name);
	free(e->body);
	free(e->target.chain);
	free(e->object);
}

static void free_rule(struct fw_rule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++)
		free_expr(&r->exprs[i]);
	free(r->exprs);
	free(r->comment);
}

static void free_chain(struct fw_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		free_rule(&c->rules[i]);
	free(c->rules);
	free(c->table);
	free(c->name);
	free(c->type);
}

static void free_other(struct fw_other *o)
{
	free(o->family);
	free(o->table);
	free(o->name);
	free(o->type);
	free(o->hook);
}

void fw_free(struct fw *fw)
{
	for (size_t i = 0; i < fw->n_chains; i++)
		free_chain(&fw->chains[i]);
	for (size_t i = 0; i < fw->n_sets; i++)
		free_set(fw->sets[i]);
	for (size_t i = 0; i < fw->n_others; i++)
		free_other(&fw->others[i]);
	free(fw->chains);
	free(fw->others);
	free(fw->sets);
	*fw = (struct fw){ 0 };
}
