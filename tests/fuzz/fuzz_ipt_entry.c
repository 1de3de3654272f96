/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hostile entries of iptables-legacy: nothing is read beyond its end, and what is a twin is written
 * and read the same. Hostile bodies: written or refused. */
#include <string.h>

#include "kernel/ipt_entry.h"
#include "kernel/ipt_header.h"

#include <linux/netfilter/x_tables.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void free_twin(struct twin *w)
{
	free(w->names);
	free(w->body);
	match_free(&w->match);
}

/* As libiptc gives it back: verdicts and jumps have no name in the entry. */
static bool read_back(enum family f, const struct ipt_written *w, struct twin *out)
{
	auto_free char *label = xstrdup(w->target);
	auto_free uint8_t *copy = xmemdup(w->entry, w->len);
	struct ipt_entry_parts p;
	bool is;

	if (w->kind != IPT_EXTENSION)
		memset(copy + (w->target - (const char *)w->entry), 0, strlen(label));
	if (!ipt_entry_read(f, copy, w->len, label, &p))
		abort();
	is = ipt_entry_twin(&p, out);
	free(p.matches);
	return is;
}

static void check_twin(enum family f, const struct twin *w)
{
	struct ipt_written written;
	struct twin again = { 0 };
	const char *why = NULL;

	if (!ipt_entry_write(w, &written, &why))
		return; /* more than we write: what a foreign hand made of a twin */
	if (!read_back(f, &written, &again) || strcmp(again.body, w->body) != 0 ||
	    strcmp(again.names, w->names) != 0 || match_compare(&again.match, &w->match) != 0)
		abort();
	free_twin(&again);
	free(written.entry);
}

/* The offsets are made to fit, so that what lies between them is looked at. */
static void check_entry(enum family f, const uint8_t *data, size_t size)
{
	auto_free uint8_t *copy = xmemdup(data, size);
	static const char *const labels[] = { "ACCEPT", "RETURN", "", "web" };
	struct ipt_entry_parts p;
	struct fw fw = { 0 };
	struct fw_chain *c;
	struct twin w = { 0 };
	struct blob b = { 0 };

	if (!ipt_entry_read(f, copy, size, labels[size % ARRAY_SIZE(labels)], &p))
		return;
	c = ARRAY_ADD(fw.chains, fw.n_chains);
	c->table = xstrdup("filter");
	c->name = xstrdup("INPUT");
	ipt_entry_rule(&fw, &p, ARRAY_ADD(c->rules, c->n_rules));
	free(fw_rule_text(&c->rules[0]));
	ipt_entry_canon(&b, &p, copy);
	if (ipt_entry_twin(&p, &w)) {
		match_normalise(&w.match);
		check_twin(f, &w);
		free_twin(&w);
	}
	free(b.v);
	free(p.matches);
	fw_free(&fw);
}

static void check_body(enum family f, const uint8_t *data, size_t size)
{
	auto_free char *body = xcalloc(1, size + 1);
	struct ipt_written written;
	struct twin w = { .names = (char *)"web", .body = body };
	const char *why = NULL;

	memcpy(body, data, size);
	w.match.families = f == FAMILY_V4 ? FAMILIES_V4 : FAMILIES_V6;
	w.match.proto = 6;
	if (!ipt_entry_write(&w, &written, &why))
		return;
	if (written.len > UINT16_MAX || ipt_entry_size(f, written.entry) != written.len)
		abort();
	free(written.entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum family f;

	if (size < 1 || size > 60000)
		return 0;
	f = data[0] & 1 ? FAMILY_V6 : FAMILY_V4;
	(data[0] & 2 ? check_body : check_entry)(f, data + 1, size - 1);
	return 0;
}
