/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables in nf_tables: its extensions (nft_compat), and which tables it must be able to read. */
#include "kernel/nft_xt.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <netinet/in.h>
#include <string.h>
#include "kernel/nft_attr.h"
#include "kernel/xt_ops.h"
#include "rules/iptables.h"

/* ---- what an extension means -------------------------------------------------------------------
 */

void nft_xt_lower(struct fw *fw, struct fw_rule *r, enum table_family f, const struct nlattr *elem)
{
	const struct fw_expr *e = r->n_exprs ? &r->exprs[r->n_exprs - 1] : NULL;
	struct nft_attrs t, data;
	struct xt_ext x;
	uint32_t revision;

	if (!e || e->op != FW_XT)
		return;
	nft_attrs_nested(&t, elem);
	nft_attrs_nested(&data, t.v[NFTA_EXPR_DATA]);
	revision = nft_attr_u32(data.v[NFTA_MATCH_REV], UINT32_MAX);
	/* The name outlives the array of expressions, which may move. */
	x = (struct xt_ext){ .name = e->object,
			     .revision = (uint8_t)revision,
			     .target = strcmp(e->name, "target") == 0,
			     .len = nft_attr_len(data.v[NFTA_MATCH_INFO]) };
	x.data = x.len ? mnl_attr_get_payload(data.v[NFTA_MATCH_INFO]) : NULL;
	if (f == TABLE_INET || revision > UINT8_MAX)
		xt_unknown(fw, r, &x);
	else
		xt_lower(fw, r, f == TABLE_IP ? FAMILY_V4 : FAMILY_V6, &x);
}

/* ---- whose table it is -------------------------------------------------------------------------
 */

struct builtin {
	const char *table, *chain;
	enum hook hook;
	int priority;
};

/* iptables/nft.c: with any other hook or priority iptables calls the table incompatible. */
static bool is_builtin(const struct fw_chain *c)
{
	static const struct builtin all[] = {
		{ "filter", "INPUT", HOOK_INPUT, 0 },
		{ "filter", "FORWARD", HOOK_FORWARD, 0 },
		{ "filter", "OUTPUT", HOOK_OUTPUT, 0 },
		{ "mangle", "PREROUTING", HOOK_PREROUTING, -150 },
		{ "mangle", "INPUT", HOOK_INPUT, -150 },
		{ "mangle", "FORWARD", HOOK_FORWARD, -150 },
		{ "mangle", "OUTPUT", HOOK_OUTPUT, -150 },
		{ "mangle", "POSTROUTING", HOOK_POSTROUTING, -150 },
		{ "nat", "PREROUTING", HOOK_PREROUTING, -100 },
		{ "nat", "INPUT", HOOK_INPUT, 100 },
		{ "nat", "OUTPUT", HOOK_OUTPUT, -100 },
		{ "nat", "POSTROUTING", HOOK_POSTROUTING, 100 },
		{ "raw", "PREROUTING", HOOK_PREROUTING, -300 },
		{ "raw", "OUTPUT", HOOK_OUTPUT, -300 },
		{ "security", "INPUT", HOOK_INPUT, 50 },
		{ "security", "FORWARD", HOOK_FORWARD, 50 },
		{ "security", "OUTPUT", HOOK_OUTPUT, 50 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(c->table, all[i].table) && !strcmp(c->name, all[i].chain))
			return c->hook == all[i].hook && c->priority == all[i].priority;
	return false;
}

/* An attribute of an expression, out of its body. */
static uint32_t body_u32(const char *body, uint16_t type, uint32_t fallback)
{
	const char *hex = body ? strchr(body, ':') : NULL;
	struct blob b = { 0 };
	struct nft_attrs t;
	uint32_t value = fallback;

	if (hex && blob_unhex(&b, hex + 1, strcspn(hex + 1, "{"))) {
		nft_attrs_read(&t, b.v, b.n);
		/* NFTA_LOG_GROUP has two bytes: that it is there is enough. */
		value = t.v[type] ? nft_attr_u32(t.v[type], 0) : fallback;
	}
	free(b.v);
	return value;
}

struct reading { /* what iptables remembers of a rule so far */
	enum table_family family;
	const struct fw_expr *load;
	uint8_t proto;
};

static enum family family_of(const struct reading *r)
{
	return r->family == TABLE_IP ? FAMILY_V4 : FAMILY_V6;
}

static bool reads_load(const struct reading *r, const struct fw_expr *e)
{
	bool v4 = r->family == TABLE_IP;
	bool ports =
		(e->offset == 0 && (e->len == 2 || e->len == 4)) || (e->offset == 2 && e->len == 2);

	switch (e->field) {
	case FW_F_L4PROTO:
	case FW_F_IIFNAME:
	case FW_F_OIFNAME:
	case FW_F_META_MARK:
		return true;
	case FW_F_NETWORK: /* addresses, and the fragments and the protocol of IPv4 */
		return v4 ? iptables_loads_proto(e, FAMILY_V4) || e->offset == 12 ||
				       e->offset == 16 || (e->offset == 6 && e->len == 2)
			  : (e->offset == 8 && e->len > 1) || e->offset == 24;
	case FW_F_TRANSPORT: /* ports, and the flags of TCP */
		return (ports && (r->proto == IPPROTO_TCP || r->proto == IPPROTO_UDP)) ||
		       (e->offset == 13 && e->len == 1 && r->proto == IPPROTO_TCP);
	case FW_F_OTHER:
	case FW_F_CT_STATE:
	case FW_F_CT_OTHER:
	case FW_F_NFPROTO:
	case FW_F_IIF:
	case FW_F_OIF:
	case FW_F_FIB_DADDR_TYPE:
	case FW_F_META_OTHER:
		break;
	}
	return false;
}

/* What iptables 1.8.9 writes without an extension. It drops in silence what a lookup or a range of
 * addresses tests, and stops at most of the rest; tried with iptables-save, one rule of nft each.
 */
static bool reads(struct reading *r, const struct fw_expr *e)
{
	switch (e->op) {
	case FW_LOAD:
		r->load = e;
		return reads_load(r, e);
	case FW_BITWISE:
		return r->load != NULL;
	case FW_IMMEDIATE: /* for what comes next */
		return true;
	case FW_CMP:
		if (r->load && iptables_loads_proto(r->load, family_of(r)) && e->cmp == FW_EQ)
			r->proto = e->data[0];
		return r->load &&
		       (e->cmp == FW_EQ || e->cmp == FW_NEQ || r->load->field == FW_F_TRANSPORT);
	case FW_RANGE:
		return r->load && r->load->field == FW_F_TRANSPORT;
	case FW_VERDICT:
		return strcmp(e->name, "immediate") == 0;
	case FW_EFFECT:
		return strcmp(e->name, "counter") == 0 || strcmp(e->name, "meta nftrace") == 0 ||
		       (strcmp(e->name, "log") == 0 &&
			body_u32(e->body, NFTA_LOG_GROUP, UINT32_MAX) != UINT32_MAX);
	case FW_LIMIT:
		return strcmp(e->name, "limit") == 0 &&
		       body_u32(e->body, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS) == NFT_LIMIT_PKTS &&
		       body_u32(e->body, NFTA_LIMIT_FLAGS, 0) == 0;
	case FW_LOOKUP:
	case FW_MAYBE:
	case FW_CT_LIMIT:
	case FW_SYNPROXY:
	case FW_CT_WRITE:
	case FW_XT:
	case FW_NAT:
	case FW_UNKNOWN:
		break;
	}
	return false;
}

static bool reads_rule(const struct fw_rule *rule, enum table_family f)
{
	struct reading r = { .family = f };

	for (size_t i = 0; i < rule->n_exprs; i++)
		if (!reads(&r, &rule->exprs[i]))
			return false;
	return true;
}

static bool has_extension(const struct fw_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		for (size_t k = 0; k < c->rules[i].n_exprs; k++)
			if (c->rules[i].exprs[k].op == FW_XT)
				return true;
	return false;
}

static bool same_table(const struct fw_chain *a, const struct fw_chain *b)
{
	return a->family == b->family && strcmp(a->table, b->table) == 0;
}

/* The form of a table of n chains. Only iptables writes its extensions. A table without any is its
 * own if it is made the way iptables makes it and iptables could write every rule: others lose
 * nothing by a twin in iptables' words. */
static enum form table_form(const struct fw_chain *v, size_t n)
{
	bool made = false;

	for (size_t i = 0; i < n; i++)
		if (has_extension(&v[i]))
			return FORM_IPTABLES_NFT;
	for (size_t i = 0; i < n; i++) {
		if (v[i].base && !is_builtin(&v[i]))
			return FORM_NFT;
		made = made || v[i].base;
		for (size_t k = 0; k < v[i].n_rules; k++)
			if (!reads_rule(&v[i].rules[k], v[i].family))
				return FORM_NFT;
	}
	return made ? FORM_IPTABLES_NFT : FORM_NFT;
}

void nft_xt_forms(struct fw *fw)
{
	size_t n;

	/* The kernel lists its chains table by table. */
	for (size_t i = 0; i < fw->n_chains; i += n) {
		enum form form = FORM_NFT;

		for (n = 1; i + n < fw->n_chains && same_table(&fw->chains[i], &fw->chains[i + n]);)
			n++;
		if (fw->chains[i].family != TABLE_INET)
			form = table_form(&fw->chains[i], n);
		for (size_t k = i; k < i + n; k++)
			fw->chains[k].form = form;
	}
}
