/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The longest common sequence of two chains. Rules of a chain are different from each other, so it
 * is the longest rising one among the places at which the wanted rules are found. */
#include "kernel/ipt_sequence.h"

#include <stdlib.h>

struct ref {
	const struct ipt_rule *rule;
	size_t at;
};

static int compare_refs(const void *va, const void *vb)
{
	const struct ref *a = va, *b = vb;
	int c = ipt_rule_compare(a->rule, b->rule);

	return c ? c : (a->at > b->at) - (a->at < b->at);
}

/* Equal rules become pairs in whatever order, the first with the first. */
static void find_equal(struct ref *want, size_t n_want, struct ref *got, size_t n_got,
		       size_t *partner)
{
	size_t i = 0, k = 0;

	qsort(want, n_want, sizeof(*want), compare_refs);
	qsort(got, n_got, sizeof(*got), compare_refs);
	while (i < n_want && k < n_got) {
		int c = ipt_rule_compare(want[i].rule, got[k].rule);

		if (!c)
			partner[want[i].at] = got[k].at;
		i += c <= 0;
		k += c >= 0;
	}
}

/* Keeps the longest rising sequence of partners. */
static void keep_rising(size_t *partner, size_t n)
{
	auto_free size_t *tails = xcalloc(n, sizeof(*tails)); /* of each length the lowest end */
	auto_free size_t *before = xcalloc(n, sizeof(*before));
	size_t len = 0, next;

	for (size_t i = 0; i < n; i++) {
		size_t lo = 0, hi = len;

		if (partner[i] == IPT_NO_PARTNER)
			continue;
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (partner[tails[mid]] < partner[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		before[i] = lo ? tails[lo - 1] : IPT_NO_PARTNER;
		tails[lo] = i;
		len += lo == len;
	}
	next = len ? tails[len - 1] : IPT_NO_PARTNER;
	for (size_t i = n; i--;) {
		if (i == next)
			next = before[i];
		else
			partner[i] = IPT_NO_PARTNER;
	}
}

void ipt_sequence_pair(const struct ipt_rule *want, size_t n_want,
		       const struct ipt_rule *const *got, size_t n_got, size_t *partner)
{
	auto_free struct ref *w = NULL, *g = NULL;
	size_t same = 0, n = 0;

	while (same < n_want && same < n_got && got[same] &&
	       !ipt_rule_compare(&want[same], got[same])) {
		partner[same] = same;
		same++;
	}
	if (same == n_want)
		return;
	w = xcalloc(n_want - same, sizeof(*w));
	g = xcalloc(n_got - same, sizeof(*g));
	for (size_t i = same; i < n_want; i++) {
		w[i - same] = (struct ref){ &want[i], i };
		partner[i] = IPT_NO_PARTNER;
	}
	for (size_t i = same; i < n_got; i++)
		if (got[i])
			g[n++] = (struct ref){ got[i], i };
	find_equal(w, n_want - same, g, n, partner);
	keep_rising(partner + same, n_want - same);
}
