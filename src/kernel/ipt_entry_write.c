/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A twin as an entry of an iptables-legacy table. */
#include <libiptc/libxtc.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/x_tables.h>
#include <string.h>

#include "kernel/ipt_header.h"
#include "kernel/nft_canon.h"
#include "kernel/xt_twin.h"
#include "rules/iptables.h"

struct writer {
	struct blob b;
	struct ipt_span span;
	struct ipt_header header;
	enum ipt_target_kind target;
	const char *why; /* NULL: nothing is wrong so far */
};

/* Matches, targets and entries alike say their length in 16 bits. */
static void put_ext(struct writer *w, const char *name, uint8_t revision, const void *data,
		    size_t len)
{
	const size_t head = XT_ALIGN(sizeof(struct xt_entry_match));
	static const uint8_t padding[XT_ALIGN(1)];
	struct xt_entry_match m = { .u.user.revision = revision };

	if (strlen(name) >= sizeof(m.u.user.name)) {
		w->why = "a name that is too long";
		return;
	}
	if (w->b.n + head + XT_ALIGN(len) > UINT16_MAX) {
		w->why = "more than one rule can hold";
		return;
	}
	m.u.match_size = (uint16_t)(head + XT_ALIGN(len));
	memcpy(m.u.user.name, name, strlen(name));
	blob_add(&w->b, &m, sizeof(m));
	if (len)
		blob_add(&w->b, data, len);
	blob_add(&w->b, padding, XT_ALIGN(len) - len);
}

static void put_target(struct writer *w, const char *name, uint8_t revision, const void *data,
		       size_t len)
{
	w->span.target = w->b.n;
	put_ext(w, name, revision, data, len);
	w->span.next = w->b.n;
}

static void put_standard(struct writer *w, const char *name, enum ipt_target_kind kind)
{
	const int verdict = 0; /* libiptc knows better */

	w->target = kind;
	put_target(w, name, 0, &verdict, sizeof(verdict));
}

static void put_verdict(struct writer *w, const char *s, size_t len)
{
	static const struct {
		const char *word, *label;
	} words[] = {
		{ "accept", "ACCEPT" },
		{ "drop", "DROP" },
		{ "queue", "QUEUE" },
		{ "return", "RETURN" },
	};
	auto_free char *chain = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == len && memcmp(s, words[i].word, len) == 0) {
			put_standard(w, words[i].label, IPT_VERDICT);
			return;
		}
	w->header.is_goto = len > 5 && memcmp(s, "goto:", 5) == 0;
	if (w->header.is_goto || (len > 5 && memcmp(s, "jump:", 5) == 0))
		chain = nft_name_parse(s + 5, len - 5);
	if (chain)
		put_standard(w, chain, IPT_CHAIN);
	else
		w->why = "not a verdict of iptables";
}

/* The attributes of nft_compat: name, revision, data. */
static void put_attributes(struct writer *w, bool target, const char *hex, size_t len)
{
	struct blob b = { 0 };
	struct nft_attrs t;
	char *name = NULL;

	_Static_assert((int)NFTA_MATCH_NAME == NFTA_TARGET_NAME &&
			       (int)NFTA_MATCH_REV == NFTA_TARGET_REV &&
			       (int)NFTA_MATCH_INFO == NFTA_TARGET_INFO,
		       "both alike");
	if (blob_unhex(&b, hex, len)) {
		nft_attrs_read(&t, b.v, b.n);
		name = nft_attr_string(t.v[NFTA_MATCH_NAME]);
	}
	if (!name || !*name || nft_attr_u32(t.v[NFTA_MATCH_REV], 256) > UINT8_MAX) {
		w->why = "not an extension of iptables";
	} else {
		const struct nlattr *info = t.v[NFTA_MATCH_INFO];

		w->target = IPT_EXTENSION;
		(target ? put_target : put_ext)(
			w, name, (uint8_t)nft_attr_u32(t.v[NFTA_MATCH_REV], 0),
			info ? (const uint8_t *)info + NLA_HDRLEN : NULL, nft_attr_len(info));
	}
	free(name);
	free(b.v);
}

static bool word_is(const char *word, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && memcmp(word, prefix, strlen(prefix)) == 0;
}

/* Matches, then at most one target. */
static void put_body(struct writer *w, const char *body)
{
	while (!w->why && *(body += strspn(body, " "))) {
		size_t len = strcspn(body, " ");

		if (w->span.target)
			w->why = "something after its target";
		else if (word_is(body, len, "match:"))
			put_attributes(w, false, body + 6, len - 6);
		else if (word_is(body, len, "target:"))
			put_attributes(w, true, body + 7, len - 7);
		else if (word_is(body, len, "verdict:"))
			put_verdict(w, body + 8, len - 8);
		else
			w->why = "a word that is not one of iptables";
		body += len;
	}
	if (!w->why && !w->span.target)
		put_standard(w, "", IPT_VERDICT);
}

bool ipt_entry_write(const struct twin *twin, struct ipt_written *out, const char **why)
{
	const char *body = twin->body ? twin->body : "";
	struct writer w = { 0 };
	struct xt_buf *v = NULL;
	size_t n = 0;

	if (!iptables_match_fits(&twin->match))
		w.why = "no single rule can match this";
	else
		w.why = ipt_header_of(&twin->match, &body, &w.header);
	if (!w.why && !*body)
		w.why = "nothing that it does";
	if (!w.why) {
		w.span.matches = ipt_header_size(w.header.family);
		w.b.v = xcalloc(1, w.span.matches);
		w.b.n = w.b.cap = w.span.matches;
		v = xt_twin_write(&twin->match, twin->names, &n);
	}
	for (size_t i = 0; i < n && !w.why; i++)
		put_ext(&w, v[i].name, v[i].revision, v[i].data, v[i].len);
	xt_bufs_free(v, n);
	if (!w.why)
		put_body(&w, body);
	if (w.why) {
		free(w.b.v);
		*why = w.why;
		return false;
	}
	ipt_header_write(&w.header, &w.span, w.b.v);
	*out = (struct ipt_written){
		.entry = w.b.v,
		.len = w.b.n,
		.target = (const char *)w.b.v + w.span.target +
			  offsetof(struct xt_entry_target, u.user.name),
		.kind = w.target,
	};
	return true;
}
