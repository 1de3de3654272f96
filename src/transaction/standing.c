/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules as far as the firewall still has a place for them. */
#include "transaction/standing.h"

#include "util.h"

size_t standing_differences(const struct ruleset *want, const struct ruleset *got, FILE *out)
{
	struct ruleset a = *want, b = *got;

	a.n_foreign = b.n_foreign = 0;
	return ruleset_diff(&a, &b, out);
}

static bool has_anchor(const struct fw *fw, const struct twin *w)
{
	for (size_t i = 0; i < fw->n_chains; i++) {
		const struct fw_chain *c = &fw->chains[i];

		if (!twin_is_in(w, c))
			continue;
		if (!w->anchor)
			return true;
		for (size_t j = 0; j < c->n_rules; j++) {
			if (c->rules[j].handle == w->anchor)
				return true;
		}
	}
	return false;
}

size_t standing_copy(struct ruleset *to, const struct ruleset *rs, const struct fw *fw)
{
	struct ruleset all = *rs;
	size_t n = 0;

	all.twins = n < rs->n_twins ? xcalloc(rs->n_twins, sizeof(*all.twins)) : NULL;
	for (size_t i = 0; i < rs->n_twins; i++) {
		if (has_anchor(fw, &rs->twins[i]))
			all.twins[n++] = rs->twins[i];
	}
	all.n_twins = n;
	ruleset_copy(to, &all);
	free(all.twins);
	return rs->n_twins - n;
}

bool standing_holds(const struct ruleset *ours, const struct fw *fw, const struct ruleset *rs)
{
	struct ruleset standing;
	size_t n;

	standing_copy(&standing, rs, fw);
	n = standing_differences(&standing, ours, NULL);
	ruleset_free(&standing);
	return n == 0 && ours->n_foreign >= rs->n_foreign;
}
