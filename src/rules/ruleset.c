/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ruleset as a value: build, order, copy, free. */
#include "rules/ruleset.h"

#include <stdlib.h>
#include <string.h>

struct rule *ruleset_add_rule(struct ruleset *rs)
{
	return ARRAY_ADD(rs->rules, rs->n_rules);
}

struct twin *ruleset_add_twin(struct ruleset *rs)
{
	return ARRAY_ADD(rs->twins, rs->n_twins);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_strings(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

void ruleset_set_form(struct ruleset *rs, enum form form)
{
	for (size_t i = 0; i < rs->n_rules; i++)
		rs->rules[i].form = form;
}

int rule_compare_but(const struct rule *a, const struct rule *b, unsigned without)
{
	int c = compare_numbers(a->form, b->form);

	if (!c)
		c = compare_numbers(b->verdict, a->verdict);
	if (!c)
		c = compare_numbers(a->hook, b->hook);
	if (!c)
		c = compare_strings(a->name, b->name);
	return c ? c : match_compare_but(&a->match, &b->match, without);
}

int rule_compare(const struct rule *a, const struct rule *b)
{
	return rule_compare_but(a, b, 0);
}

int twin_compare_chains(const struct twin *a, const struct twin *b)
{
	int c = compare_numbers(a->form == FORM_LEGACY, b->form == FORM_LEGACY);

	if (!c)
		c = compare_numbers(a->family, b->family);
	if (!c)
		c = compare_strings(a->table, b->table);
	return c ? c : compare_strings(a->chain, b->chain);
}

int twin_compare(const struct twin *a, const struct twin *b)
{
	int c = twin_compare_chains(a, b);

	if (!c)
		c = compare_numbers(a->anchor, b->anchor);
	if (!c)
		c = compare_numbers(a->form, b->form);
	if (!c)
		c = compare_strings(a->names, b->names);
	if (!c)
		c = match_compare(&a->match, &b->match);
	return c ? c : compare_strings(a->body, b->body);
}

static char *copy_string(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void copy_rule(struct rule *to, const struct rule *from)
{
	*to = *from;
	to->name = copy_string(from->name);
	match_copy(&to->match, &from->match);
}

static void copy_twin(struct twin *to, const struct twin *from)
{
	*to = *from;
	to->table = copy_string(from->table);
	to->chain = copy_string(from->chain);
	to->names = copy_string(from->names);
	to->body = copy_string(from->body);
	match_copy(&to->match, &from->match);
}

void ruleset_copy(struct ruleset *to, const struct ruleset *from)
{
	struct ruleset rs = { 0 };

	for (size_t i = 0; i < from->n_rules; i++)
		copy_rule(ruleset_add_rule(&rs), &from->rules[i]);
	for (size_t i = 0; i < from->n_twins; i++)
		copy_twin(ruleset_add_twin(&rs), &from->twins[i]);
	for (size_t i = 0; i < from->n_counters; i++) {
		struct counter *c = ARRAY_ADD(rs.counters, rs.n_counters);

		*c = from->counters[i];
		c->name = copy_string(from->counters[i].name);
	}
	for (size_t i = 0; i < from->n_foreign; i++)
		*ARRAY_ADD(rs.foreign, rs.n_foreign) = copy_string(from->foreign[i]);
	rs.husk = from->husk;
	*to = rs;
}

void rule_free(struct rule *r)
{
	free(r->name);
	r->name = NULL;
	match_free(&r->match);
}

static void free_twin(struct twin *w)
{
	free(w->table);
	free(w->chain);
	free(w->names);
	free(w->body);
	match_free(&w->match);
}

void ruleset_free(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_rules; i++)
		rule_free(&rs->rules[i]);
	for (size_t i = 0; i < rs->n_twins; i++)
		free_twin(&rs->twins[i]);
	for (size_t i = 0; i < rs->n_counters; i++)
		free(rs->counters[i].name);
	for (size_t i = 0; i < rs->n_foreign; i++)
		free(rs->foreign[i]);
	free(rs->rules);
	free(rs->twins);
	free(rs->counters);
	free(rs->foreign);
	*rs = (struct ruleset){ 0 };
}

const char *hook_name(enum hook h)
{
	switch (h) {
	case HOOK_PREROUTING:
		return "prerouting";
	case HOOK_INPUT:
		return "input";
	case HOOK_FORWARD:
		return "forward";
	case HOOK_OUTPUT:
		return "output";
	case HOOK_POSTROUTING:
		return "postrouting";
	}
	return "?";
}

const char *form_name(enum form f)
{
	switch (f) {
	case FORM_NFT:
		return "nft";
	case FORM_IPTABLES_NFT:
		return "iptables-nft";
	case FORM_LEGACY:
		return "iptables-legacy";
	}
	return "";
}

void chain_name_text(enum form form, enum table_family f, const char *table, const char *chain,
		     struct text *t)
{
	text_add(t, "%s%s%s %s %s", form == FORM_NFT ? "" : form_name(form),
		 form == FORM_NFT ? "" : " ", table_family_name(f), table, chain);
}

const char *table_family_name(enum table_family f)
{
	switch (f) {
	case TABLE_IP:
		return "ip";
	case TABLE_IP6:
		return "ip6";
	case TABLE_INET:
		return "inet";
	}
	return "?";
}
