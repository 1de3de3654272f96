/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hostile attributes, sets and bodies: nothing is read beyond its end, and what can be written back
 * reads the same. */
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include "kernel/nft_attr.h"
#include "kernel/nft_body.h"
#include "kernel/nft_sets.h"
#include "kernel/nft_snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expr_free(struct fw_expr *e)
{
	free(e->name);
	free(e->body);
	free(e->target.chain);
	free(e->object);
}

/* The bytes in memory of exactly their size behind a header, so that ASan sees one byte too many.
 */
static struct nlattr *as_attr(const void *data, size_t size)
{
	struct nlattr *a = malloc(NLA_HDRLEN + size);

	a->nla_len = (uint16_t)(NLA_HDRLEN + size);
	a->nla_type = NFTA_LIST_ELEM;
	if (size)
		memcpy(a + 1, data, size);
	return a;
}

/* An empty message with room for a body, or NULL. */
static struct nlmsghdr *put_body(const char *body)
{
	struct nlmsghdr *h = calloc(1, sizeof *h + nft_body_room(body));

	h->nlmsg_len = sizeof *h;
	if (nft_body_put(h, body, 0) == 0)
		return h;
	free(h);
	return NULL;
}

static void check_expr(const uint8_t *data, size_t size)
{
	struct nlattr *a = as_attr(data, size);
	struct fw_expr e, again;
	struct fw_rule r = { .exprs = &e, .n_exprs = 1 };
	struct nlmsghdr *h;
	int rc = nft_expr_parse(a, NULL, 0, &e);

	free(fw_rule_text(&r));
	if (rc == 0) {
		h = put_body(e.body);
		if (!h || nft_expr_parse((void *)(h + 1), NULL, 0, &again) != 0 ||
		    strcmp(e.body, again.body) != 0)
			abort();
		expr_free(&again);
		free(h);
	}
	expr_free(&e);
	free(a);
}

/* Several expressions with one memory of registers. */
static void check_rule(const uint8_t *data, size_t size)
{
	struct nlattr *list = as_attr(data, size);
	const struct nlattr *a;
	struct fw_rule r = { 0 };

	mnl_attr_for_each_nested(a, list)
	{
		nft_expr_parse(a, NULL, 0, ARRAY_ADD(r.exprs, r.n_exprs));
	}
	free(fw_rule_text(&r));
	for (size_t i = 0; i < r.n_exprs; i++)
		expr_free(&r.exprs[i]);
	free(r.exprs);
	free(list);
}

static void check_set(const uint8_t *data, size_t size)
{
	struct nft_set_row row;
	struct nlmsghdr *h = calloc(1, sizeof *h + sizeof(struct nfgenmsg) + size);
	struct nfgenmsg *g = (void *)(h + 1);

	h->nlmsg_len = (uint32_t)(sizeof *h + sizeof *g + size);
	g->nfgen_family = 1;
	if (size)
		memcpy(g + 1, data, size);
	if (nft_set_read(&row, h)) {
		nft_set_add_elements(&row, h);
		nft_set_take_elements(&row);
		for (size_t i = 0; i < row.set->n; i++)
			free(row.set->v[i].target.chain);
		free(row.set->v);
		free(row.set->name);
		free(row.set->body);
		free(row.set);
		nft_set_row_free(&row);
	}
	free(h);
}

static void check_body(const uint8_t *data, size_t size)
{
	char *body = malloc(size + 1);
	struct nft_batch b = { 0 };
	uint32_t id = 1;

	memcpy(body, data, size);
	body[size] = '\0';
	free(put_body(body));
	nft_body_put_sets(&b, 1, "t", body, &id);
	nft_batch_free(&b);
	free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(const uint8_t *, size_t) = { check_expr, check_rule,
								   check_set, check_body };

	if (size < 1 || size > 60000)
		return 0;
	checks[data[0] % ARRAY_SIZE(checks)](data + 1, size - 1);
	return 0;
}
