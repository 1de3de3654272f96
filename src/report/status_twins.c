/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status of the firewall's chains for a person: one line for each chain and each thing to say. */
#include <stdlib.h>
#include <string.h>
#include "report/status.h"

#define NAMES_MAX 8 /* of exemptions in one line */

struct needs { /* of one group: same chain, same need, same reason to refuse, same ports */
	const struct chain_need **v;
	size_t n;
};

/* ---- twins by chain ----------------------------------------------------------------------------
 */

static int find_names(const void *names, const void *need)
{
	return strcmp(names, (*(const struct chain_need *const *)need)->names);
}

static bool has_twins(const struct chain_need *n)
{
	return n->need == NEED_TWINS || n->need == NEED_FIRST;
}

/* Is there a line about twins that counts this one? */
static bool is_counted(const struct status *st, const struct twin *w)
{
	for (size_t i = 0; i < st->plan->n_needs; i++) {
		const struct chain_need *n = &st->plan->needs[i];

		if (has_twins(n) && twin_is_in(w, n->chain) &&
		    !strcmp(n->names, w->names ? w->names : ""))
			return true;
	}
	return false;
}

/* g: of its exemptions only; NULL: of those that no other line counts, or all for verbose. */
static size_t count_standing(const struct status *st, const struct twin *chain,
			     const struct needs *g, bool verbose, enum twin_standing standing)
{
	bool of_have = standing == TWIN_UNNEEDED;
	const struct ruleset *rs = of_have ? st->have : st->want;
	const enum twin_standing *is = of_have ? st->of_have : st->of_want;
	size_t n = 0;

	for (size_t i = 0; i < rs->n_twins; i++) {
		const struct twin *w = &rs->twins[i];

		if (is[i] != standing || twin_compare_chains(w, chain))
			continue;
		if (g)
			n += bsearch(w->names ? w->names : "", g->v, g->n, sizeof *g->v,
				     find_names) != NULL;
		else
			n += verbose || !is_counted(st, w);
	}
	return n;
}

/* "3 present, 1 missing"; NULL: there are none and should be none. */
static char *tally(const struct status *st, const struct twin *chain, const struct needs *g,
		   bool verbose)
{
	struct text t = { 0 };

	for (int s = TWIN_PRESENT; s <= TWIN_UNNEEDED; s++) {
		size_t n = count_standing(st, chain, g, verbose, (enum twin_standing)s);

		if (n)
			text_add(&t, "%s%zu %s", t.len ? ", " : "", n,
				 twin_standing_name((enum twin_standing)s));
	}
	return t.s;
}

static struct twin chain_key(const struct fw_chain *c)
{
	return (struct twin){
		.form = c->form, .family = c->family, .table = c->table, .chain = c->name
	};
}

/* ---- needs -------------------------------------------------------------------------------------
 */

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_groups(const struct chain_need *a, const struct chain_need *b)
{
	int c = (a->chain > b->chain) - (a->chain < b->chain);

	if (!c)
		c = (a->need > b->need) - (a->need < b->need);
	if (!c)
		c = compare_texts(a->finding, b->finding);
	return c ? c : compare_texts(a->part, b->part);
}

static int compare_in_full(const struct chain_need *a, const struct chain_need *b)
{
	int c = compare_groups(a, b);

	if (!c)
		c = compare_texts(a->why, b->why);
	return c ? c : compare_texts(a->names, b->names);
}

/* Chains of one fw are one array, and stand in the kernel's order. */
static int order_needs(const void *va, const void *vb)
{
	const struct chain_need *a = *(const struct chain_need *const *)va;
	const struct chain_need *b = *(const struct chain_need *const *)vb;
	int c = compare_groups(a, b);

	if (!c)
		c = compare_texts(a->names, b->names);
	return c ? c : (a > b) - (a < b);
}

static int order_in_full(const void *va, const void *vb)
{
	const struct chain_need *a = *(const struct chain_need *const *)va;
	const struct chain_need *b = *(const struct chain_need *const *)vb;
	int c = compare_in_full(a, b);

	return c ? c : (a > b) - (a < b);
}

/* Masks of the group's classes and families, 0 where all needs that its exemptions have in this
 * chain are of the group. The needs of a group are ordered by names. */
static void masks(const struct needs *g, const struct needs *chain, unsigned *classes,
		  unsigned *families)
{
	unsigned all_classes, all_families;

	*classes = *families = 0;
	for (size_t i = 0; i < g->n; i++) {
		*classes |= 1u << g->v[i]->class;
		*families |= 1u << g->v[i]->family;
	}
	all_classes = *classes;
	all_families = *families;
	for (size_t i = 0; i < chain->n; i++) {
		if (!bsearch(chain->v[i]->names, g->v, g->n, sizeof *g->v, find_names))
			continue;
		all_classes |= 1u << chain->v[i]->class;
		all_families |= 1u << chain->v[i]->family;
	}
	*classes = *classes == all_classes ? 0 : *classes;
	*families = *families == all_families ? 0 : *families;
}

/* Is the word, of len bytes, one of list, which has a comma behind each? */
static bool is_listed(const char *list, const char *word, size_t len)
{
	for (; list && *list; list += strcspn(list, ",") + 1)
		if (strcspn(list, ",") == len && !memcmp(list, word, len))
			return true;
	return false;
}

/* Each name once: a service has needs alone and together with others of the same shape. */
static void names_text(const struct needs *g, struct text *t)
{
	struct text seen = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++) {
		const char *names = g->v[i]->names;

		for (size_t len; *names; names += len + (names[len] == ',')) {
			len = strcspn(names, ",");
			if (is_listed(seen.s, names, len))
				continue;
			text_add(&seen, "%.*s,", (int)len, names);
			if (n++ < NAMES_MAX)
				text_add(t, "%s%.*s", n > 1 ? "," : "", (int)len, names);
		}
	}
	if (n > NAMES_MAX)
		text_add(t, ",+%zu", n - NAMES_MAX);
	free(seen.s);
}

/* "web,dns port 443 ipv4 opening,error": classes and families where their others fare otherwise. */
static void who_text(const struct needs *g, const struct needs *chain, struct text *t)
{
	unsigned classes, families;
	const char *comma = " ";

	masks(g, chain, &classes, &families);
	names_text(g, t);
	if (g->v[0]->part)
		text_add(t, " port %s", g->v[0]->part);
	if (families)
		text_add(t, families & FAMILIES_V4 ? " ipv4" : " ipv6");
	for (int k = CLASS_OPENING; k <= CLASS_ERROR; k++) {
		if (!(classes & 1u << k))
			continue;
		text_add(t, "%s%s", comma, packet_class_name((enum packet_class)k));
		comma = ",";
	}
}

static bool same_why(const struct needs *g)
{
	for (size_t i = 1; i < g->n; i++)
		if (strcmp(g->v[i]->why, g->v[0]->why) != 0)
			return false;
	return true;
}

/* What it comes to: "3 present", or why there is nothing to do, or nothing that can be done. */
static void why_text(const struct status *st, const struct needs *g, struct text *t)
{
	const struct chain_need *need = g->v[0];
	struct twin key = chain_key(need->chain);
	auto_free char *twins = NULL;

	if (need->finding)
		text_add(t, " (%s)", need->finding);
	if (has_twins(need)) {
		twins = tally(st, &key, g, false);
		text_add(t, ": %s", twins ? twins : "in the chains that it leads to");
	} else {
		text_add(t, ": %s%s", need->why, same_why(g) ? "" : " (and more: -v)");
	}
}

static void print_group(const struct status *st, const struct needs *g, const struct needs *chain,
			bool verbose, FILE *out)
{
	struct text t = { 0 };

	text_add(&t, "  ");
	fw_chain_text(g->v[0]->chain, &t);
	text_add(&t, ": ");
	who_text(g, chain, &t);
	text_add(&t, ": %s", twin_need_name(g->v[0]->need));
	if (verbose && g->v[0]->need == NEED_TWINS)
		text_add(&t, ": %s", g->v[0]->why);
	else
		why_text(st, g, &t);
	fprintf(out, "%s\n", t.s);
	free(t.s);
}

/* The first needs of all that are alike. */
static struct needs slice(const struct needs *all,
			  int (*compare)(const struct chain_need *, const struct chain_need *))
{
	struct needs g = { all->v, 1 };

	while (g.n < all->n && !compare(g.v[0], g.v[g.n]))
		g.n++;
	return g;
}

static int compare_chains(const struct chain_need *a, const struct chain_need *b)
{
	return a->chain != b->chain;
}

static void print_needs(const struct status *st, bool verbose, FILE *out)
{
	size_t n = st->plan->n_needs;
	auto_free const struct chain_need **sorted = xcalloc(n + 1, sizeof *sorted);
	struct needs rest = { sorted, n }, chain = { sorted, 0 }, g;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &st->plan->needs[i];
	qsort(sorted, n, sizeof *sorted, verbose ? order_in_full : order_needs);
	for (; rest.n; rest.v += g.n, rest.n -= g.n) {
		if (rest.v == chain.v + chain.n)
			chain = slice(&rest, compare_chains);
		g = slice(&rest, verbose ? compare_in_full : compare_groups);
		print_group(st, &g, &chain, verbose, out);
	}
}

/* ---- other chains with twins -------------------------------------------------------------------
 */

static int order_chains(const void *a, const void *b)
{
	return twin_compare_chains(*(const struct twin *const *)a, *(const struct twin *const *)b);
}

static void print_places(const struct status *st, bool verbose, FILE *out)
{
	size_t n = st->want->n_twins, all = n + st->have->n_twins;
	auto_free const struct twin **sorted = xcalloc(all + 1, sizeof *sorted);

	for (size_t i = 0; i < all; i++)
		sorted[i] = i < n ? &st->want->twins[i] : &st->have->twins[i - n];
	qsort(sorted, all, sizeof *sorted, order_chains);
	for (size_t i = 0; i < all; i++) {
		const struct twin *w = sorted[i];
		auto_free char *twins = NULL;
		struct text t = { 0 };

		if (i && !twin_compare_chains(w, sorted[i - 1]))
			continue;
		twins = tally(st, w, NULL, verbose);
		if (!twins)
			continue;
		chain_name_text(w->form, w->family, w->table, w->chain, &t);
		fprintf(out, "  %s: twins: %s\n", t.s, twins);
		free(t.s);
	}
}

void status_print_twins(const struct status *st, bool verbose, FILE *out)
{
	print_needs(st, verbose, out);
	print_places(st, verbose, out);
}
