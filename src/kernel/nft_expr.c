/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One expression of nf_tables to an operation of fw.h and its canonical text. */
#include "kernel/nft_expr.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>
#include "kernel/nft_body.h"
#include "kernel/nft_canon.h"

struct kind {
	const char *name;
	enum fw_op op; /* where there is no parser: this is all that the walks need */
	nft_expr_fn *parse;
};

static bool parse_reject(const struct nft_expr_in *in, struct fw_expr *e)
{
	(void)in;
	e->op = FW_VERDICT;
	e->target.verdict = FW_REJECT;
	return true;
}

static bool parse_queue(const struct nft_expr_in *in, struct fw_expr *e)
{
	(void)in;
	e->op = FW_VERDICT;
	e->target.verdict = FW_QUEUE;
	return true;
}

static bool parse_xt(const struct nft_expr_in *in, struct fw_expr *e)
{
	_Static_assert((int)NFTA_MATCH_NAME == NFTA_TARGET_NAME, "both are the first");

	e->op = FW_XT;
	e->object = nft_attr_string(in->data.v[NFTA_MATCH_NAME]);
	return e->object != NULL;
}

static const struct kind kinds[] = {
	{ "bitwise", FW_LOAD, nft_load_bitwise },
	{ "cmp", FW_CMP, nft_match_cmp },
	{ "connlimit", FW_CT_LIMIT, NULL },
	{ "counter", FW_EFFECT, NULL },
	{ "ct", FW_LOAD, nft_load_ct },
	{ "dup", FW_EFFECT, NULL },
	{ "dynset", FW_EFFECT, nft_match_dynset },
	{ "fib", FW_LOAD, nft_load_fib },
	{ "flow_offload", FW_CT_WRITE, NULL }, /* what is untracked is not offloaded */
	{ "immediate", FW_IMMEDIATE, nft_load_immediate },
	{ "last", FW_EFFECT, NULL },
	{ "limit", FW_LIMIT, NULL },
	{ "log", FW_EFFECT, NULL },
	{ "lookup", FW_LOOKUP, nft_match_lookup },
	{ "masq", FW_NAT, NULL },
	{ "match", FW_XT, parse_xt },
	{ "meta", FW_LOAD, nft_load_meta },
	{ "nat", FW_NAT, NULL },
	{ "notrack", FW_EFFECT, NULL },
	{ "objref", FW_EFFECT, nft_match_objref },
	{ "payload", FW_LOAD, nft_load_payload },
	{ "queue", FW_VERDICT, parse_queue },
	{ "quota", FW_LIMIT, NULL },
	{ "range", FW_RANGE, nft_match_range },
	{ "redir", FW_NAT, NULL },
	{ "reject", FW_VERDICT, parse_reject },
	{ "synproxy", FW_SYNPROXY, NULL },
	{ "target", FW_XT, parse_xt },
	{ "tproxy", FW_NAT, NULL },
};

static int by_name(const void *key, const void *elem)
{
	return strcmp(key, ((const struct kind *)elem)->name);
}

/* What the expression does, into e; false: malformed. */
static bool understand(const struct nft_expr_in *in, struct fw_expr *e)
{
	const struct kind *k = bsearch(e->name, kinds, ARRAY_SIZE(kinds), sizeof *kinds, by_name);
	bool good = true;

	if (k) {
		e->op = k->op;
		return !k->parse || k->parse(in, e);
	}
	if (!nft_load_other(e->name, in, e, &good))
		e->op = FW_UNKNOWN;
	return good;
}

static bool is_anonymous_chain(const char *name)
{
	return strncmp(name, "__chain", 7) == 0; /* nf_tables_api.c, nf_tables_addchain */
}

/* There are as many bodies as expressions: text_add would be most of the work. */
static void put_string(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

/* ":12:" */
static void put_register(struct text *t, unsigned reg)
{
	char v[sizeof reg * 3 + 2], *s = v + sizeof v;

	*--s = ':';
	do
		*--s = (char)('0' + reg % 10);
	while (reg /= 10);
	*--s = ':';
	text_put(t, s, (size_t)(v + sizeof v - s));
}

static bool verdict_body(struct text *t, const struct fw_target *target)
{
	static const char *const words[] = {
		[FW_ACCEPT] = "accept", [FW_DROP] = "drop", [FW_CONTINUE] = "continue",
		[FW_RETURN] = "return", [FW_JUMP] = "jump", [FW_GOTO] = "goto",
	};

	if (target->verdict >= ARRAY_SIZE(words))
		return false;
	put_string(t, "verdict:");
	put_string(t, words[target->verdict]);
	if (target->chain) {
		put_string(t, ":");
		nft_name_text(t, target->chain);
	}
	return true;
}

/* What concatenations are taken apart into (twin_body.c) must read back as it was written. */
static bool comparison_body(struct text *t, const struct fw_expr *e)
{
	if (e->op == FW_CMP && e->cmp == FW_EQ) {
		put_string(t, "is");
		put_register(t, e->sreg);
		text_hex(t, e->data, e->len);
		return true;
	}
	if (e->op != FW_RANGE || e->inverted)
		return false;
	put_string(t, "within");
	put_register(t, e->sreg);
	text_hex(t, e->data, e->len);
	put_string(t, ":");
	text_hex(t, e->data2, e->len);
	return true;
}

static char *body_of(const struct nlattr *name, const struct nlattr *data, struct fw_expr *e,
		     const char *kernel_name)
{
	const struct nft_set_ref *ref = nft_set_ref(name);
	bool anonymous = ref && e->set && e->set->anonymous;
	struct text t = { 0 };
	struct blob b = { 0 };

	if (e->op == FW_VERDICT && strcmp(kernel_name, "immediate") == 0 &&
	    verdict_body(&t, &e->target))
		return t.s;
	if (comparison_body(&t, e))
		return t.s;
	nft_canon_data(&b, name, data, anonymous ? ref->name : 0);
	nft_name_text(&t, kernel_name);
	put_string(&t, ":");
	text_hex(&t, b.v, b.n);
	free(b.v);
	if (anonymous && e->set->body) {
		put_string(&t, "{");
		put_string(&t, e->set->body);
		put_string(&t, "}");
	}
	return t.s;
}

/* A copy would take away from the original what only one rule can have. */
static bool is_once(const struct fw_expr *e)
{
	if (e->target.chain && is_anonymous_chain(e->target.chain))
		return true;
	if (!e->set)
		return false;
	if (e->set->anonymous && !e->set->body)
		return true;
	for (size_t i = 0; e->set->verdict_map && i < e->set->n; i++)
		if (e->set->v[i].target.chain && is_anonymous_chain(e->set->v[i].target.chain))
			return true;
	return false;
}

static void forget(struct fw_expr *e)
{
	free(e->object);
	free(e->target.chain);
	*e = (struct fw_expr){ .op = FW_UNKNOWN, .name = e->name };
}

static int read_expr(const struct nft_attrs *t, struct fw_set *const *sets, size_t n_sets,
		     struct fw_expr *out)
{
	struct nft_expr_in in = { .sets = sets, .n_sets = n_sets };
	bool good;

	*out = (struct fw_expr){ .op = FW_UNKNOWN, .once = true };
	out->name = nft_attr_string(t->v[NFTA_EXPR_NAME]);
	if (!out->name || !*out->name) {
		free(out->name);
		out->name = xstrdup("nameless");
		return -1;
	}
	nft_attrs_nested(&in.data, t->v[NFTA_EXPR_DATA]);
	/* No kernel has an expression of a name that bodies use for something else. */
	good = strcmp(out->name, "verdict") && strcmp(out->name, "is") &&
	       strcmp(out->name, "within") && strcmp(out->name, "saddr") &&
	       strcmp(out->name, "daddr");
	*out = (struct fw_expr){ .name = out->name };
	good = good && understand(&in, out);
	if (!good)
		forget(out);
	out->once = !good || is_once(out);
	return good ? 0 : -1;
}

int nft_expr_read(const struct nlattr *elem, struct fw_set *const *sets, size_t n_sets,
		  struct fw_expr *out)
{
	struct nft_attrs t;

	nft_attrs_nested(&t, elem);
	return read_expr(&t, sets, n_sets, out);
}

int nft_expr_parse(const struct nlattr *elem, struct fw_set *const *sets, size_t n_sets,
		   struct fw_expr *out)
{
	auto_free char *kernel_name = NULL;
	struct nft_attrs t;
	int rc;

	nft_attrs_nested(&t, elem);
	rc = read_expr(&t, sets, n_sets, out);
	kernel_name = nft_attr_string(t.v[NFTA_EXPR_NAME]);
	if (kernel_name && *kernel_name)
		out->body = body_of(t.v[NFTA_EXPR_NAME], t.v[NFTA_EXPR_DATA], out, kernel_name);
	else
		out->body = xstrdup("nameless:");
	return rc;
}
