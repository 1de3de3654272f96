/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hostile entries as rules of ours: nothing is read beyond its end, and what is ours is written and
 * read the same. Rules out of hostile words: written and read the same, or refused. */
#include <string.h>

#include "kernel/ipt_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As libiptc gives it back: verdicts and jumps have no name in the entry. */
static bool read_back(enum family f, const struct ipt_written *w, struct ipt_rule *out)
{
	auto_free char *label = xstrdup(w->target);
	auto_free uint8_t *copy = xmemdup(w->entry, w->len);
	struct ipt_entry_parts p;
	bool is;

	if (w->kind != IPT_EXTENSION)
		memset(copy + (w->target - (const char *)w->entry), 0, strlen(label));
	if (!ipt_entry_read(f, copy, w->len, label, &p))
		abort();
	is = ipt_rule_read(&p, copy, out);
	free(p.matches);
	return is;
}

/* Written, it comes back; and it has words. */
static void check_rule(const struct ipt_rule *r)
{
	enum family f = r->match.families == FAMILIES_V4 ? FAMILY_V4 : FAMILY_V6;
	struct ipt_written written;
	struct ipt_rule again;
	struct text t = { 0 };
	const char *why = NULL;

	if (!ipt_rule_write(r, &written, &why))
		abort();
	if (!read_back(f, &written, &again) || ipt_rule_compare(&again, r) != 0 ||
	    again.count.packets != r->count.packets || again.count.bytes != r->count.bytes)
		abort();
	ipt_rule_text(r, &t);
	free(t.s);
	ipt_rule_free(&again);
	free(written.entry);
}

static void check_entry(enum family f, const char *label, const uint8_t *data, size_t size)
{
	auto_free uint8_t *copy = xmemdup(data, size);
	struct ipt_entry_parts p;
	struct ipt_rule r;

	if (!ipt_entry_read(f, copy, size, label, &p))
		return;
	if (ipt_rule_read(&p, copy, &r)) {
		check_rule(&r);
		ipt_rule_free(&r);
	}
	free(p.matches);
}

/* "n web protocol tcp dport 80": what it does, a name, and a match in its own words. */
static void check_words(const uint8_t *data, size_t size)
{
	auto_free char *line = xcalloc(1, size + 1);
	char *words[32] = { NULL }, *save = NULL;
	const char *why = NULL;
	struct ipt_rule r = { .does = IPT_NOTRACK };
	size_t n = 0;

	memcpy(line, data, size);
	for (char *w = strtok_r(line, " ", &save); w && n < 31; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	if (n < 2 || match_parse(words + 2, &r.match, &why) < 0)
		return;
	match_normalise(&r.match);
	r.name = *words[1] == '-' ? NULL : xstrdup(words[1]);
	r.does = *words[0] == 'n' ? IPT_NOTRACK : *words[0] == 'r' ? IPT_RETURN : IPT_JUMP;
	if (r.does == IPT_JUMP) {
		free(r.name);
		r.name = xasprintf(IPT_OWN_PREFIX "%.10s", words[1]);
	}
	if (!ipt_rule_fault(&r))
		check_rule(&r);
	ipt_rule_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const labels[] = { "RETURN", "UNTRACK-PRE", "ACCEPT", "" };

	if (size < 1 || size > 60000)
		return 0;
	if (data[0] & 2)
		check_words(data + 1, size - 1);
	else
		check_entry(data[0] & 1 ? FAMILY_V6 : FAMILY_V4, labels[data[0] >> 2 & 3], data + 1,
			    size - 1);
	return 0;
}
