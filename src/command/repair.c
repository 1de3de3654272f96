/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was missing, chain by chain: flushed, replaced, removed, displaced, changed. */
#include "command/repair.h"

#include <string.h>

static void add_number(struct text *t, size_t n, const char *one)
{
	text_add(t, "%zu %s%s", n, one, n == 1 ? "" : "s");
}

void repair_count(const struct ruleset *rs, struct text *t)
{
	add_number(t, rs->n_rules, "rule");
	text_add(t, ", ");
	add_number(t, rs->n_twins, "twin");
}

/* Those of a that are not in b; both normalised. */
static size_t count_rules(const struct ruleset *a, const struct ruleset *b)
{
	size_t n = 0;

	for (size_t i = 0, j = 0; i < a->n_rules; i++) {
		while (j < b->n_rules && rule_compare(&b->rules[j], &a->rules[i]) < 0)
			j++;
		if (j == b->n_rules || rule_compare(&b->rules[j], &a->rules[i]))
			n++;
	}
	return n;
}

static void tell_rules(const struct change_seen *seen, struct text *t)
{
	size_t missing = count_rules(&seen->after, &seen->before);
	size_t unneeded = count_rules(&seen->before, &seen->after);

	if (missing) {
		text_add(t, "%s: ", seen->before.n_rules ? "removed" : "flushed");
		add_number(t, missing, "rule");
		text_add(t, " of its own; ");
	}
	if (unneeded) {
		text_add(t, "not on record: ");
		add_number(t, unneeded, "rule");
		text_add(t, " of its own; ");
	}
}

/* How one chain's twins stand. */
struct chain_count {
	size_t all, of[TWIN_UNNEEDED + 1];
};

static void tell_standing(struct text *t, const struct twin *w, const char *word, size_t n)
{
	if (!n)
		return;
	text_add(t, "%s: ", word);
	add_number(t, n, "twin");
	text_add(t, " in ");
	chain_name_text(w->form, w->family, w->table, w->chain, t);
	text_add(t, "; ");
}

/* A chain in which not one is left was flushed or written anew. */
static void tell_chain(struct text *t, const struct twin *w, const struct chain_count *c)
{
	bool whole = c->of[TWIN_MISSING] == c->all;

	tell_standing(t, w, whole ? "replaced" : "removed", c->of[TWIN_MISSING]);
	tell_standing(t, w, "displaced", c->of[TWIN_DISPLACED]);
	tell_standing(t, w, "their rules changed", c->of[TWIN_STALE]);
	tell_standing(t, w, "needed no more", c->of[TWIN_UNNEEDED]);
}

static void count_twins(const struct ruleset *rs, const enum twin_standing *is, bool wanted,
			const struct twin *of, struct chain_count *c)
{
	for (size_t i = 0; i < rs->n_twins; i++) {
		if (twin_compare_chains(&rs->twins[i], of))
			continue;
		c->all += wanted;
		if (wanted || is[i] == TWIN_UNNEEDED)
			c->of[is[i]]++;
	}
}

/* Is there one of its chain before it? Twins are sorted by chains. */
static bool is_first(const struct ruleset *rs, size_t i)
{
	return !i || twin_compare_chains(&rs->twins[i - 1], &rs->twins[i]) != 0;
}

static bool has_chain(const struct ruleset *rs, const struct twin *w)
{
	for (size_t i = 0; i < rs->n_twins; i++)
		if (!twin_compare_chains(&rs->twins[i], w))
			return true;
	return false;
}

static void tell_twins(const struct change_seen *seen, struct text *t)
{
	const struct ruleset *sets[] = { &seen->after, &seen->before };
	enum twin_standing *of_want, *of_got;

	ruleset_twin_standings(&seen->after, &seen->before, &of_want, &of_got);
	for (size_t k = 0; k < ARRAY_SIZE(sets); k++) {
		for (size_t i = 0; i < sets[k]->n_twins; i++) {
			const struct twin *w = &sets[k]->twins[i];
			struct chain_count c = { 0 };

			if (!is_first(sets[k], i) || (k && has_chain(sets[0], w)))
				continue;
			count_twins(sets[0], of_want, true, w, &c);
			count_twins(sets[1], of_got, false, w, &c);
			tell_chain(t, w, &c);
		}
	}
	free(of_want);
	free(of_got);
}

static void add_name(struct text *t, const char *name)
{
	for (; *name; name++)
		text_add(t, "%c", *name > ' ' && *name < 0x7f ? *name : '?');
}

static void tell_suspects(const struct suspects *who, struct text *t)
{
	if (who->nft.commits) {
		text_add(t, "by ");
		if (*who->nft.name)
			add_name(t, who->nft.name);
		else
			text_add(t, "somebody");
		if (who->nft.pid)
			text_add(t, " (process %lu)", (unsigned long)who->nft.pid);
		if (who->nft.commits > 1)
			text_add(t, ", the last of %u changes", who->nft.commits);
	}
	if (who->legacy.len)
		text_add(t, "%sby somebody in %s of iptables-legacy",
			 who->nft.commits ? ", and " : "", who->legacy.s);
	if (!who->nft.commits && !who->legacy.len)
		text_add(t, "by somebody%s", who->nft.lost ? " (too many changes to follow)" : "");
}

void repair_tell(const struct change_seen *seen, const struct suspects *who, unsigned long late_ms,
		 struct diag *d)
{
	struct text found = { 0 }, by = { 0 };

	tell_rules(seen, &found);
	tell_twins(seen, &found);
	if (seen->before.n_foreign)
		text_add(&found, "others' objects in its table; ");
	if (seen->settings)
		text_add(&found, "set otherwise: %s; ", seen->settings);
	if (!found.len)
		text_add(&found, "out of order; ");
	tell_suspects(who, &by);
	if (late_ms)
		text_add(&by, "; repaired %lu ms after %s", late_ms,
			 who->legacy.len ? "it was noticed" : "the last change");
	diag_warn(d, NULL, "repaired", "%s%s", found.s, by.s);
	free(found.s);
	free(by.s);
}
