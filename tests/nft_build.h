/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes of nf_tables as tests need them. */
#ifndef UNTRACK_TESTS_NFT_BUILD_H
#define UNTRACK_TESTS_NFT_BUILD_H

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include "kernel/nft_attr.h"
#include "rules/fw.h"

static inline void put_u32(struct blob *b, uint16_t type, uint32_t v)
{
	v = htonl(v);
	blob_attr(b, type, &v, sizeof v);
}

static inline void put_data(struct blob *b, uint16_t type, const void *v, size_t len)
{
	size_t nest = blob_nest(b, type);

	blob_attr(b, NFTA_DATA_VALUE, v, len);
	blob_nest_end(b, nest);
}

/* NFTA_LIST_ELEM of an expression whose attributes the blob holds; takes the blob. */
static inline struct nlattr *expr(const char *name, struct blob *data)
{
	struct blob b = { 0 };
	size_t elem = blob_nest(&b, NFTA_LIST_ELEM), nest;

	blob_attr(&b, NFTA_EXPR_NAME, name, strlen(name) + 1);
	nest = blob_nest(&b, NFTA_EXPR_DATA);
	blob_add(&b, data->v, data->n);
	blob_nest_end(&b, nest);
	blob_nest_end(&b, elem);
	free(data->v);
	*data = (struct blob){ 0 };
	return (struct nlattr *)b.v;
}

static inline void expr_free(struct fw_expr *e)
{
	free(e->name);
	free(e->body);
	free(e->target.chain);
	free(e->object);
}

static inline void put_verdict(struct blob *b, uint16_t type, int32_t code, const char *chain)
{
	size_t data = blob_nest(b, type), verdict = blob_nest(b, NFTA_DATA_VERDICT);

	put_u32(b, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		blob_attr(b, NFTA_VERDICT_CHAIN, chain, strlen(chain) + 1);
	blob_nest_end(b, verdict);
	blob_nest_end(b, data);
}

#endif
