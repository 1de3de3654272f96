/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of an iptables-legacy table, taken apart. */
#include "kernel/ipt_entry.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>

#include "kernel/ipt_header.h"
#include "kernel/nft_canon.h"
#include "kernel/nft_snapshot.h"
#include "kernel/xt_twin.h"
#include "rules/iptables.h"

size_t ipt_entry_size(enum family f, const void *entry)
{
	struct ipt_entry v4;
	struct ip6t_entry v6;

	if (f == FAMILY_V4) {
		memcpy(&v4, entry, sizeof(v4));
		return v4.next_offset;
	}
	memcpy(&v6, entry, sizeof(v6));
	return v6.next_offset;
}

/* One match or target that begins at p and has at most len bytes: the two structs are laid out
 * alike. Returns its size, which is aligned (xt_check_match() in net/netfilter/x_tables.c); 0: it
 * is none. */
static size_t read_ext(const uint8_t *p, size_t len, bool target, struct xt_ext *x)
{
	struct xt_entry_match m;

	_Static_assert(sizeof(struct xt_entry_match) == sizeof(struct xt_entry_target), "alike");
	if (len < sizeof(m))
		return 0;
	memcpy(&m, p, sizeof(m));
	if (m.u.match_size < sizeof(m) || m.u.match_size > len ||
	    m.u.match_size != XT_ALIGN(m.u.match_size) ||
	    !memchr(m.u.user.name, '\0', sizeof(m.u.user.name)))
		return 0;
	*x = (struct xt_ext){
		.name = (const char *)p + offsetof(struct xt_entry_match, u.user.name),
		.revision = m.u.user.revision,
		.target = target,
		.data = p + sizeof(m),
		.len = m.u.match_size - sizeof(m),
	};
	return m.u.match_size;
}

static bool read_matches(const uint8_t *p, size_t len, struct ipt_entry_parts *out)
{
	while (len) {
		struct xt_ext x;
		size_t size = read_ext(p, len, false, &x);

		if (!size)
			return false;
		*ARRAY_ADD(out->matches, out->n_matches) = x;
		p += size;
		len -= size;
	}
	return true;
}

bool ipt_entry_read(enum family f, const void *entry, size_t len, const char *target,
		    struct ipt_entry_parts *out)
{
	struct ipt_entry_parts p = { 0 };
	struct ipt_span span;
	const uint8_t *bytes = entry;

	if (!ipt_header_read(f, entry, len, &p.header, &span))
		return false;
	if (!read_ext(bytes + span.target, span.next - span.target, true, &p.target) ||
	    !read_matches(bytes + span.matches, span.target - span.matches, &p)) {
		free(p.matches);
		return false;
	}
	p.standard = !*p.target.name;
	p.verdict = target;
	*out = p;
	return true;
}

void ipt_entry_canon(struct blob *b, const struct ipt_entry_parts *p, const void *entry)
{
	ipt_header_canon(b, p->header.family, entry);
	for (size_t i = 0; i <= p->n_matches; i++) {
		const struct xt_ext *x = i < p->n_matches ? &p->matches[i] : &p->target;
		uint32_t len = (uint32_t)x->len;

		blob_add(b, x->name, strlen(x->name) + 1);
		blob_add(b, &x->revision, 1);
		if (i == p->n_matches && p->standard) { /* holds an offset, which moves */
			blob_add(b, p->verdict, strlen(p->verdict) + 1);
			continue;
		}
		blob_add(b, &len, sizeof(len));
		blob_add(b, x->data, x->len);
	}
}

/* ---- to a rule --------------------------------------------------------------------------------
 */

static const char *comment_of(const struct xt_ext *x)
{
	return !x->target && x->len && strcmp(x->name, "comment") == 0 ? (const char *)x->data
								       : NULL;
}

/* The words of nft_body.h; an empty verdict is none. */
static void verdict_body(struct text *t, const struct ipt_entry_parts *p)
{
	static const struct {
		const char *label, *word;
	} words[] = {
		{ "ACCEPT", "accept" },
		{ "DROP", "drop" },
		{ "QUEUE", "queue" },
		{ "RETURN", "return" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(p->verdict, words[i].label) == 0) {
			text_add(t, "verdict:%s", words[i].word);
			return;
		}
	text_add(t, "verdict:%s:", p->header.is_goto ? "goto" : "jump");
	nft_name_text(t, p->verdict);
}

static void add_verdict(struct fw_rule *r, const struct ipt_entry_parts *p)
{
	static const struct {
		const char *label;
		enum fw_verdict verdict;
	} verdicts[] = {
		{ "ACCEPT", FW_ACCEPT },
		{ "DROP", FW_DROP },
		{ "QUEUE", FW_QUEUE },
		{ "RETURN", FW_RETURN },
	};
	struct text body = { 0 };
	struct fw_expr *e;
	size_t i = 0;

	if (!*p->verdict)
		return;
	while (i < ARRAY_SIZE(verdicts) && strcmp(p->verdict, verdicts[i].label) != 0)
		i++;
	verdict_body(&body, p);
	e = ARRAY_ADD(r->exprs, r->n_exprs);
	e->op = FW_VERDICT;
	e->name = xstrdup("immediate");
	e->body = body.s;
	if (i < ARRAY_SIZE(verdicts)) {
		e->target.verdict = verdicts[i].verdict;
	} else {
		e->target.verdict = p->header.is_goto ? FW_GOTO : FW_JUMP;
		e->target.chain = xstrdup(p->verdict);
	}
}

static void add_ext(struct fw *fw, struct fw_rule *r, enum family f, const struct xt_ext *x)
{
	struct fw_expr *e = ARRAY_ADD(r->exprs, r->n_exprs);
	const char *comment = comment_of(x);

	e->op = FW_XT;
	e->name = xstrdup(x->target ? "target" : "match");
	e->object = xstrdup(x->name);
	e->body = xt_body(x);
	if (comment && !r->comment)
		r->comment = xasprintf("%.*s", (int)x->len, comment);
	xt_lower(fw, r, f, x);
}

void ipt_entry_rule(struct fw *fw, const struct ipt_entry_parts *p, struct fw_rule *r)
{
	ipt_header_rule(&p->header, r);
	for (size_t i = 0; i < p->n_matches; i++)
		add_ext(fw, r, p->header.family, &p->matches[i]);
	if (p->standard)
		add_verdict(r, p);
	else
		add_ext(fw, r, p->header.family, &p->target);
	iptables_mark_odd(r, p->header.family);
}

/* ---- to a twin --------------------------------------------------------------------------------
 */

static bool has_our_comment(const struct ipt_entry_parts *p)
{
	const size_t n = strlen(NFT_TWIN_PREFIX);

	for (size_t i = 0; i < p->n_matches; i++) {
		const char *comment = comment_of(&p->matches[i]);

		if (comment && p->matches[i].len >= n && !memcmp(comment, NFT_TWIN_PREFIX, n))
			return true;
	}
	return false;
}

static void add_word(struct text *t, char *word)
{
	text_add(t, "%s%s", t->len ? " " : "", word);
	free(word);
}

bool ipt_entry_twin(const struct ipt_entry_parts *p, struct twin *w)
{
	struct text body = { 0 };
	struct match m;
	char *names;
	size_t used;

	if (!has_our_comment(p) || !ipt_header_match(&p->header, &m, &body))
		return false;
	if (!xt_twin_read(p->matches, p->n_matches, &m, &names, &used)) {
		match_free(&m);
		free(body.s);
		return false;
	}
	for (size_t i = used; i < p->n_matches; i++)
		add_word(&body, xt_body(&p->matches[i]));
	if (!p->standard)
		add_word(&body, xt_body(&p->target));
	else if (*p->verdict) {
		text_add(&body, "%s", body.len ? " " : "");
		verdict_body(&body, p);
	}
	if (!body.len) { /* a rule that does nothing is nobody's */
		match_free(&m);
		free(names);
		free(body.s);
		return false;
	}
	w->names = names;
	w->match = m;
	w->body = body.s;
	return true;
}
