/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A twin as an entry of an iptables-legacy table. */
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>

#include "kernel/ipt_writer.h"
#include "kernel/nft_canon.h"
#include "rules/iptables.h"

static void put_verdict(struct ipt_writer *w, const char *s, size_t len)
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
			ipt_writer_standard(w, words[i].label, IPT_VERDICT);
			return;
		}
	w->header.is_goto = len > 5 && memcmp(s, "goto:", 5) == 0;
	if (w->header.is_goto || (len > 5 && memcmp(s, "jump:", 5) == 0))
		chain = nft_name_parse(s + 5, len - 5);
	if (chain)
		ipt_writer_standard(w, chain, IPT_CHAIN);
	else
		w->why = "not a verdict of iptables";
}

/* The attributes of nft_compat: name, revision, data. */
static void put_attributes(struct ipt_writer *w, bool target, const char *hex, size_t len)
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

		(target ? ipt_writer_target : ipt_writer_match)(
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
static void put_body(struct ipt_writer *w, const char *body)
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
		ipt_writer_standard(w, "", IPT_VERDICT);
}

bool ipt_entry_write(const struct twin *twin, struct ipt_written *out, const char **why)
{
	const char *body = twin->body ? twin->body : "";
	struct ipt_writer w = { 0 };
	struct xt_buf *v = NULL;
	size_t n = 0;

	if (!iptables_match_fits(&twin->match))
		w.why = "no single rule can match this";
	else
		w.why = ipt_header_of(&twin->match, &body, &w.header);
	if (!w.why && !*body)
		w.why = "nothing that it does";
	if (w.why) {
		*why = w.why;
		return false;
	}
	ipt_writer_begin(&w);
	v = xt_twin_write(&twin->match, twin->names, &n);
	for (size_t i = 0; i < n; i++)
		ipt_writer_match(&w, v[i].name, v[i].revision, v[i].data, v[i].len);
	xt_bufs_free(v, n);
	put_body(&w, body);
	return ipt_writer_end(&w, out, why);
}
