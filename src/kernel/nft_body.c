/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bodies of rules from canonical text back to netlink attributes. */
#include "kernel/nft_body.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>
#include "kernel/nft_attr.h"
#include "kernel/nft_canon.h"

/* Elements of one NEWSETELEM message: far below the length that an attribute can say. */
#define CHUNK_BYTES 32768
/* Headers, names of sets and verdicts that one expression needs beside what its text says. */
#define EXPR_OVERHEAD 128

struct piece { /* of a text, not terminated */
	const char *s;
	size_t len;
};

struct token { /* "NAME:REST" or "NAME:REST{SET/ELEMENTS}" */
	struct piece name, rest, set, elements;
	bool has_set;
};

static struct piece until(const char **at, const char *stop)
{
	struct piece p = { *at, strcspn(*at, stop) };

	*at += p.len;
	return p;
}

static bool skip(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* The next expression of a body; false: there is none. *bad where the rest is no expression. */
static bool next_token(const char **at, struct token *t, bool *bad)
{
	memset(t, 0, sizeof *t);
	*at += strspn(*at, " ");
	if (!**at || *bad)
		return false;
	t->name = until(at, " :{");
	if (!t->name.len || !skip(at, ':'))
		goto not_one;
	t->rest = until(at, " {");
	t->has_set = skip(at, '{');
	if (t->has_set) {
		t->set = until(at, " /}");
		if (!skip(at, '/'))
			goto not_one;
		t->elements = until(at, " }");
		if (!skip(at, '}'))
			goto not_one;
	}
	if (!**at || **at == ' ')
		return true;
not_one:
	*bad = true;
	return false;
}

static bool piece_is(const struct piece *p, const char *s)
{
	return strlen(s) == p->len && memcmp(p->s, s, p->len) == 0;
}

/* "accept", "jump:CHAIN" to NFTA_DATA_VERDICT in an immediate. */
static bool put_verdict(struct blob *b, const struct piece *rest)
{
	static const struct {
		const char *word;
		int32_t code;
	} verdicts[] = {
		{ "accept", NF_ACCEPT },  { "drop", NF_DROP },	{ "continue", NFT_CONTINUE },
		{ "return", NFT_RETURN }, { "jump", NFT_JUMP }, { "goto", NFT_GOTO },
	};
	struct piece word = { rest->s, 0 };
	uint32_t dreg = htonl(NFT_REG_VERDICT), code;
	auto_free char *chain = NULL;
	size_t i = 0, data, verdict;

	while (word.len < rest->len && rest->s[word.len] != ':')
		word.len++;
	while (i < ARRAY_SIZE(verdicts) && !piece_is(&word, verdicts[i].word))
		i++;
	if (i == ARRAY_SIZE(verdicts))
		return false;
	if (word.len < rest->len)
		chain = nft_name_parse(rest->s + word.len + 1, rest->len - word.len - 1);
	if ((chain != NULL) != (verdicts[i].code == NFT_JUMP || verdicts[i].code == NFT_GOTO) ||
	    (!chain && word.len < rest->len))
		return false;
	blob_attr(b, NFTA_IMMEDIATE_DREG, &dreg, sizeof dreg);
	data = blob_nest(b, NFTA_IMMEDIATE_DATA);
	verdict = blob_nest(b, NFTA_DATA_VERDICT);
	code = htonl((uint32_t)verdicts[i].code);
	blob_attr(b, NFTA_VERDICT_CODE, &code, sizeof code);
	if (chain)
		blob_attr(b, NFTA_VERDICT_CHAIN, chain, strlen(chain) + 1);
	blob_nest_end(b, verdict);
	blob_nest_end(b, data);
	return true;
}

static void put_value(struct blob *b, uint16_t type, const struct blob *value)
{
	size_t nest = blob_nest(b, type);

	blob_attr(b, NFTA_DATA_VALUE, value->v, value->n);
	blob_nest_end(b, nest);
}

static void put_register(struct blob *b, uint16_t type, unsigned long reg)
{
	uint32_t number = htonl((uint32_t)(NFT_REG32_00 + reg));

	blob_attr(b, type, &number, sizeof number);
}

static void put_equal(struct blob *b, unsigned long reg, const struct blob *value)
{
	uint32_t op = htonl(NFT_CMP_EQ);

	put_register(b, NFTA_CMP_SREG, reg);
	blob_attr(b, NFTA_CMP_OP, &op, sizeof op);
	put_value(b, NFTA_CMP_DATA, value);
}

static void put_within(struct blob *b, unsigned long reg, const struct blob *from,
		       const struct blob *to)
{
	uint32_t op = htonl(NFT_RANGE_EQ);

	put_register(b, NFTA_RANGE_SREG, reg);
	blob_attr(b, NFTA_RANGE_OP, &op, sizeof op);
	put_value(b, NFTA_RANGE_FROM_DATA, from);
	put_value(b, NFTA_RANGE_TO_DATA, to);
}

static size_t until_colon(const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);

	return colon ? (size_t)(colon - s) : len;
}

/* "REG:HEX" or "REG:HEX:HEX" */
static bool put_comparison(struct blob *b, const struct piece *rest, bool range)
{
	struct blob from = { 0 }, to = { 0 };
	size_t n = until_colon(rest->s, rest->len), k;
	char number[4] = "";
	unsigned long reg;
	bool good;

	if (n >= sizeof number || n == rest->len)
		return false;
	memcpy(number, rest->s, n);
	n++;
	k = until_colon(rest->s + n, rest->len - n);
	good = parse_uint(number, 0, FW_DATA_MAX / NFT_REG32_SIZE - 1, &reg) &&
	       range == (n + k < rest->len) && blob_unhex(&from, rest->s + n, k);
	if (good && range)
		good = blob_unhex(&to, rest->s + n + k + 1, rest->len - n - k - 1) &&
		       to.n == from.n;
	good = good && from.n && reg * NFT_REG32_SIZE + from.n <= FW_DATA_MAX;
	if (good && range)
		put_within(b, reg, &from, &to);
	else if (good)
		put_equal(b, reg, &from);
	free(from.v);
	free(to.v);
	return good;
}

static bool is_map(const struct nft_attrs *set)
{
	return nft_attr_u32(set->v[NFTA_SET_FLAGS], 0) & (NFT_SET_MAP | NFT_SET_OBJECT);
}

/* The kernel chooses the number in a name with %d; the id finds the set within the batch. */
static const char *set_template(bool map)
{
	return map ? "__map%d" : "__set%d";
}

static bool put_set_ref(struct blob *b, const struct token *t, uint32_t id)
{
	const struct nft_set_ref *ref = nft_set_ref_of(t->name.s, t->name.len);
	struct blob attrs = { 0 };
	struct nft_attrs set;
	bool good = ref && blob_unhex(&attrs, t->set.s, t->set.len);

	if (good) {
		const char *name;

		nft_attrs_read(&set, attrs.v, attrs.n);
		name = set_template(is_map(&set));
		id = htonl(id);
		blob_attr(b, ref->name, name, strlen(name) + 1);
		blob_attr(b, ref->id, &id, sizeof id);
	}
	free(attrs.v);
	return good;
}

static bool put_expr(struct blob *b, const struct token *t, uint32_t *set_id)
{
	bool verdict = piece_is(&t->name, "verdict"), good;
	bool is = piece_is(&t->name, "is"), within = piece_is(&t->name, "within");
	auto_free char *name = nft_name_parse(t->name.s, t->name.len);
	const char *kernel_name = verdict ? "immediate" : is ? "cmp" : within ? "range" : name;
	size_t elem = blob_nest(b, NFTA_LIST_ELEM), data;

	if (!name)
		return false;
	blob_attr(b, NFTA_EXPR_NAME, kernel_name, strlen(kernel_name) + 1);
	if (verdict || t->rest.len || t->has_set) {
		data = blob_nest(b, NFTA_EXPR_DATA);
		good = verdict	      ? put_verdict(b, &t->rest)
		       : is || within ? put_comparison(b, &t->rest, within)
				      : blob_unhex(b, t->rest.s, t->rest.len);
		if (good && t->has_set)
			good = put_set_ref(b, t, (*set_id)++);
		if (!good || b->n - elem > NFT_ATTR_MAX)
			return false;
		blob_nest_end(b, data);
	}
	blob_nest_end(b, elem);
	return true;
}

size_t nft_body_room(const char *body)
{
	size_t room = 0;
	bool bad = false;
	struct token t;

	while (next_token(&body, &t, &bad))
		room += EXPR_OVERHEAD + t.name.len + t.rest.len;
	return room;
}

int nft_body_put(struct nlmsghdr *h, const char *body, uint32_t first_set_id)
{
	struct blob b = { 0 };
	bool bad = false;
	struct token t;

	while (next_token(&body, &t, &bad))
		bad = !put_expr(&b, &t, &first_set_id);
	if (!bad && b.n) {
		memcpy(mnl_nlmsg_get_payload_tail(h), b.v, b.n);
		h->nlmsg_len += (uint32_t)b.n;
	}
	free(b.v);
	return bad ? -1 : 0;
}

struct anon_set {
	struct blob attrs, elements;
	const char *name;
	uint32_t id;
};

static bool anon_set_read(struct anon_set *s, const struct token *t)
{
	struct nft_attrs set;

	if (!blob_unhex(&s->attrs, t->set.s, t->set.len) || s->attrs.n > NFT_ATTR_MAX ||
	    !blob_unhex(&s->elements, t->elements.s, t->elements.len))
		return false;
	nft_attrs_read(&set, s->attrs.v, s->attrs.n);
	s->name = set_template(is_map(&set));
	return true;
}

static void anon_set_free(struct anon_set *s)
{
	free(s->attrs.v);
	free(s->elements.v);
}

static void put_set(struct nft_batch *b, uint8_t family, const char *table,
		    const struct anon_set *s)
{
	struct nlmsghdr *h = nft_batch_msg(b, NFT_MSG_NEWSET, family, NLM_F_CREATE,
					   NFT_ROOM + strlen(table) + s->attrs.n);

	mnl_attr_put_strz(h, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_NAME, s->name);
	mnl_attr_put_u32(h, NFTA_SET_ID, htonl(s->id));
	if (s->attrs.n) {
		memcpy(mnl_nlmsg_get_payload_tail(h), s->attrs.v, s->attrs.n);
		h->nlmsg_len += (uint32_t)s->attrs.n;
	}
	nft_batch_done(b, h);
}

static void put_elements(struct nft_batch *b, uint8_t family, const char *table,
			 const struct anon_set *s, const uint8_t *v, size_t len)
{
	struct nlmsghdr *h = nft_batch_msg(b, NFT_MSG_NEWSETELEM, family, NLM_F_CREATE,
					   NFT_ROOM + strlen(table) + len);
	struct nlattr *nest;

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, s->name);
	mnl_attr_put_u32(h, NFTA_SET_ELEM_LIST_SET_ID, htonl(s->id));
	nest = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	memcpy(mnl_nlmsg_get_payload_tail(h), v, len);
	h->nlmsg_len += (uint32_t)len;
	mnl_attr_nest_end(h, nest);
	nft_batch_done(b, h);
}

static void put_set_and_elements(struct nft_batch *b, uint8_t family, const char *table,
				 const struct anon_set *s)
{
	size_t from = 0, to = 0;

	put_set(b, family, table, s);
	while (to < s->elements.n) {
		const struct nlattr *a = (const void *)(s->elements.v + to);
		size_t left = s->elements.n - to, step;

		if (!mnl_attr_ok(a, (int)left))
			break;
		step = NLA_ALIGN((size_t)a->nla_len);
		step = step < left ? step : left;
		if (to - from + step > CHUNK_BYTES && to > from) {
			put_elements(b, family, table, s, s->elements.v + from, to - from);
			from = to;
		}
		to += step;
	}
	if (to > from)
		put_elements(b, family, table, s, s->elements.v + from, to - from);
}

/* Twice over the text: the first time writes nothing and sees whether all of it can be read. */
static bool each_set(struct nft_batch *b, uint8_t family, const char *table, const char *body,
		     uint32_t *id)
{
	bool bad = false;
	struct token t;

	while (next_token(&body, &t, &bad)) {
		struct anon_set s = { .id = *id };

		if (!t.has_set)
			continue;
		bad = !anon_set_read(&s, &t);
		if (!bad && b)
			put_set_and_elements(b, family, table, &s);
		anon_set_free(&s);
		++*id;
	}
	return !bad;
}

int nft_body_put_sets(struct nft_batch *b, uint8_t family, const char *table, const char *body,
		      uint32_t *set_id)
{
	uint32_t id = *set_id;

	if (!strchr(body, '{'))
		return 0;
	if (!each_set(NULL, family, table, body, &id))
		return -1;
	each_set(b, family, table, body, set_id);
	return 0;
}
