/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A match as expressions of nf_tables with other bytes in it: what is read as a match is written
 * and read as the same. */
#include <stdlib.h>

#include "nft_written.h"
#include "random_nft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct read { /* as expressions */
	struct fw_expr *v;
	size_t n;
};

static void read_exprs(const struct written *w, struct read *r)
{
	const struct nlattr *a;

	*r = (struct read){ 0 };
	if (w->h->nlmsg_len < (unsigned)NLMSG_HDRLEN + w->nest->nla_len ||
	    w->nest->nla_len < NLA_HDRLEN)
		return; /* its own length is among the bytes that changed */
	mnl_attr_for_each_nested(a, w->nest)
	{
		nft_expr_parse(a, w->sets, w->n_sets, ARRAY_ADD(r->v, r->n));
	}
}

static void read_free(struct read *r)
{
	for (size_t i = 0; i < r->n; i++)
		expr_free(&r->v[i]);
	free(r->v);
}

static void check_again(const struct match *m, enum table_family table)
{
	struct written w;
	struct match again;
	struct read r;
	size_t used;

	if (!nft_match_fits(m, table))
		abort();
	write_match(m, table, &w);
	mnl_attr_nest_end(w.h, w.nest);
	read_exprs(&w, &r);
	if (!nft_match_get(r.v, r.n, table, &again, &used) || used != r.n ||
	    match_compare(m, &again) != 0)
		abort();
	match_free(&again);
	read_free(&r);
	written_free(&w);
}

/* Three bytes are the match; then each change is a place in two bytes, and what stands there. */
static void change(struct written *w, const uint8_t *data, size_t size)
{
	uint8_t *v = (uint8_t *)w->nest;
	size_t room = w->nest->nla_len;

	for (; size >= 3; data += 3, size -= 3)
		v[(data[0] | (size_t)data[1] << 8) % room] = data[2];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum table_family tables[] = { TABLE_IP, TABLE_IP6, TABLE_INET };
	enum table_family table;
	struct written w;
	struct match m;
	struct read r;
	uint64_t seed;
	size_t used;

	if (size < 3)
		return 0;
	table = tables[data[0] % 3];
	seed = 1 + data[1] + 256u * data[2];
	nft_random_match(&seed, table, data[0] & 0x80, &m);
	write_match(&m, table, &w);
	mnl_attr_nest_end(w.h, w.nest);
	match_free(&m);
	change(&w, data + 3, size - 3);
	read_exprs(&w, &r);
	if (nft_match_get(r.v, r.n, table, &m, &used)) {
		match_normalise(&m);
		check_again(&m, table);
		match_free(&m);
	}
	read_free(&r);
	written_free(&w);
	return 0;
}
