/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that nf_tables holds, read once and consistently, as values. */
#include "kernel/nft_snapshot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include "kernel/nft_attr.h"
#include "kernel/nft_body.h"
#include "kernel/nft_sets.h"
#include "kernel/nft_xt.h"

#define TRIES 10

struct table_row { /* of any family */
	uint8_t nfproto;
	char *name;
	uint32_t flags;
};

struct reader { /* of one try */
	struct nft_wire *w;
	struct nft_snapshot *s;
	struct table_row *tables;
	size_t n_tables;
	struct nft_set_row *rows; /* sorted by family, table and name */
	struct fw_set **sets;	  /* of the rows, in their order */
	size_t n_rows;
	struct fw_chain *chain;		/* of the rule before */
	const struct fw_chain *sets_of; /* the chain whose table's sets these are */
	size_t first_set, n_sets;
};

bool nft_is_own(enum table_family f, const char *table)
{
	return f == TABLE_INET && strcmp(table, NFT_OWN_TABLE) == 0;
}

static uint8_t nfproto_of(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);

	return g->nfgen_family;
}

static void attributes(const struct nlmsghdr *h, struct nft_attrs *t)
{
	nft_attrs_read(t, mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg)),
		       mnl_nlmsg_get_payload_len(h) - sizeof(struct nfgenmsg));
}

/* The attributes of a message; false: its family is none of ours. */
static bool message(const struct nlmsghdr *h, struct nft_attrs *t, enum table_family *family)
{
	if (!nft_family_read(nfproto_of(h), family))
		return false;
	attributes(h, t);
	return true;
}

static void table_cb(const struct nlmsghdr *h, void *ctx)
{
	struct reader *r = ctx;
	struct table_row *row;
	enum table_family f;
	struct nft_attrs t;

	attributes(h, &t);
	if (!t.v[NFTA_TABLE_NAME])
		return;
	row = ARRAY_ADD(r->tables, r->n_tables);
	row->nfproto = nfproto_of(h);
	row->name = nft_attr_string(t.v[NFTA_TABLE_NAME]);
	row->flags = nft_attr_u32(t.v[NFTA_TABLE_FLAGS], 0);
	if (nft_family_read(row->nfproto, &f) && nft_is_own(f, row->name)) {
		r->s->own_table = true;
		r->s->own_flags = row->flags;
	}
}

static uint32_t table_flags(const struct reader *r, uint8_t nfproto, const char *table)
{
	for (size_t i = 0; i < r->n_tables; i++)
		if (r->tables[i].nfproto == nfproto && !strcmp(r->tables[i].name, table))
			return r->tables[i].flags;
	return 0;
}

/* The ingress hook comes before everything that matters here, and the chains of a dormant table see
 * no packet: neither counts as a base chain. */
static void read_hook(struct fw_chain *c, const struct nft_attrs *chain, uint32_t table_flags)
{
	uint32_t number;
	struct nft_attrs t;

	if (!chain->v[NFTA_CHAIN_HOOK])
		return;
	nft_attrs_nested(&t, chain->v[NFTA_CHAIN_HOOK]);
	number = nft_attr_u32(t.v[NFTA_HOOK_HOOKNUM], UINT32_MAX);
	c->type = nft_attr_string(chain->v[NFTA_CHAIN_TYPE]);
	c->priority = (int)nft_attr_u32(t.v[NFTA_HOOK_PRIORITY], 0);
	c->policy = nft_attr_u32(chain->v[NFTA_CHAIN_POLICY], NF_ACCEPT) == NF_DROP ? FW_DROP
										    : FW_ACCEPT;
	c->base = number < HOOK_COUNT && c->type && !(table_flags & NFT_TABLE_F_DORMANT);
	_Static_assert((int)HOOK_PREROUTING == NF_INET_PRE_ROUTING &&
			       (int)HOOK_POSTROUTING == NF_INET_POST_ROUTING,
		       "the kernel's numbers");
	if (number < HOOK_COUNT)
		c->hook = (enum hook)number;
}

static char *hook_text(uint8_t nfproto, uint32_t number)
{
	static const char *const inet[] = { "prerouting", "input",	 "forward",
					    "output",	  "postrouting", "ingress" };
	static const char *const arp[] = { "input", "output", "forward" };
	static const char *const netdev[] = { "ingress", "egress" };
	const char *const *names = inet; /* the bridge's are the same, but for the last */
	size_t n = ARRAY_SIZE(inet);

	if (nfproto == NFPROTO_ARP) {
		names = arp;
		n = ARRAY_SIZE(arp);
	} else if (nfproto == NFPROTO_NETDEV) {
		names = netdev;
		n = ARRAY_SIZE(netdev);
	}
	return number < n ? xstrdup(names[number]) : xasprintf("hook %u", number);
}

static char *family_text(uint8_t nfproto)
{
	enum table_family f;

	if (nft_family_read(nfproto, &f))
		return xstrdup(table_family_name(f));
	switch (nfproto) {
	case NFPROTO_ARP:
		return xstrdup("arp");
	case NFPROTO_NETDEV:
		return xstrdup("netdev");
	case NFPROTO_BRIDGE:
		return xstrdup("bridge");
	}
	return xasprintf("family %u", nfproto);
}

/* What hooks in where the walks do not look. */
static void add_other(struct reader *r, uint8_t nfproto, const struct nft_attrs *chain)
{
	struct fw_other *o;
	struct nft_attrs t;

	if (!chain->v[NFTA_CHAIN_HOOK])
		return;
	nft_attrs_nested(&t, chain->v[NFTA_CHAIN_HOOK]);
	o = ARRAY_ADD(r->s->fw.others, r->s->fw.n_others);
	o->family = family_text(nfproto);
	o->table = nft_attr_string(chain->v[NFTA_CHAIN_TABLE]);
	o->name = nft_attr_string(chain->v[NFTA_CHAIN_NAME]);
	o->type = chain->v[NFTA_CHAIN_TYPE] ? nft_attr_string(chain->v[NFTA_CHAIN_TYPE])
					    : xstrdup("filter");
	o->hook = hook_text(nfproto, nft_attr_u32(t.v[NFTA_HOOK_HOOKNUM], UINT32_MAX));
	o->priority = (int)nft_attr_u32(t.v[NFTA_HOOK_PRIORITY], 0);
	o->drops = nft_attr_u32(chain->v[NFTA_CHAIN_POLICY], NF_ACCEPT) == NF_DROP;
	o->dormant = table_flags(r, nfproto, o->table) & NFT_TABLE_F_DORMANT;
}

static void chain_cb(const struct nlmsghdr *h, void *ctx)
{
	struct reader *r = ctx;
	enum table_family f;
	struct fw_chain *c;
	struct nft_attrs t;
	struct fw *fw;
	uint32_t flags;

	attributes(h, &t);
	if (!t.v[NFTA_CHAIN_TABLE] || !t.v[NFTA_CHAIN_NAME])
		return;
	if (!nft_family_read(nfproto_of(h), &f)) {
		add_other(r, nfproto_of(h), &t);
		return;
	}
	fw = f == TABLE_INET && nft_attr_is(t.v[NFTA_CHAIN_TABLE], NFT_OWN_TABLE) ? &r->s->own
										  : &r->s->fw;
	c = ARRAY_ADD(fw->chains, fw->n_chains);
	c->family = f;
	c->table = nft_attr_string(t.v[NFTA_CHAIN_TABLE]);
	c->name = nft_attr_string(t.v[NFTA_CHAIN_NAME]);
	flags = table_flags(r, nfproto_of(h), c->table);
	c->owned = flags & NFT_TABLE_F_OWNER;
	read_hook(c, &t, flags);
	if (!c->base && fw == &r->s->fw)
		add_other(r, nfproto_of(h), &t);
}

static void set_cb(const struct nlmsghdr *h, void *ctx)
{
	struct reader *r = ctx;
	struct nft_set_row row;
	struct fw *fw;

	if (!nft_set_read(&row, h))
		return;
	fw = nft_is_own(row.family, row.table) ? &r->s->own : &r->s->fw;
	*ARRAY_ADD(fw->sets, fw->n_sets) = row.set;
	*ARRAY_ADD(r->rows, r->n_rows) = row;
}

static int by_table_and_name(const void *a, const void *b)
{
	const struct nft_set_row *x = a, *y = b;
	int diff = (int)x->family - (int)y->family;

	if (!diff)
		diff = strcmp(x->table, y->table);
	return diff ? diff : strcmp(x->set->name, y->set->name);
}

static bool needs_elements(const struct nft_set_row *row)
{
	const struct fw_set *s = row->set;

	return nft_is_own_set(row) || s->anonymous || s->verdict_map ||
	       (!s->dynamic && !nft_set_has_addresses(s));
}

static int read_sets(struct reader *r)
{
	int rc = nft_wire_dump(r->w, NFT_MSG_GETSET, NFPROTO_UNSPEC, NULL, NULL, set_cb, r);

	if (rc || !r->n_rows)
		return rc;
	qsort(r->rows, r->n_rows, sizeof *r->rows, by_table_and_name);
	r->sets = xcalloc(r->n_rows, sizeof(struct fw_set *));
	for (size_t i = 0; i < r->n_rows; i++) {
		r->sets[i] = r->rows[i].set;
		if (needs_elements(&r->rows[i]))
			rc = nft_set_read_elements(&r->rows[i], r->w);
		if (rc)
			return rc;
	}
	return 0;
}

static void request_own_table(struct nlmsghdr *h, const void *arg)
{
	(void)arg;
	mnl_attr_put_strz(h, NFTA_OBJ_TABLE, NFT_OWN_TABLE);
}

static void object_cb(const struct nlmsghdr *h, void *ctx)
{
	struct reader *r = ctx;
	struct nft_attrs t, data;
	struct nft_object *o;
	enum table_family f;

	if (!message(h, &t, &f) || f != TABLE_INET || !t.v[NFTA_OBJ_NAME] ||
	    !nft_attr_is(t.v[NFTA_OBJ_TABLE], NFT_OWN_TABLE))
		return;
	o = ARRAY_ADD(r->s->objects, r->s->n_objects);
	o->name = nft_attr_string(t.v[NFTA_OBJ_NAME]);
	o->type = nft_attr_u32(t.v[NFTA_OBJ_TYPE], 0);
	if (o->type != NFT_OBJECT_COUNTER)
		return;
	nft_attrs_nested(&data, t.v[NFTA_OBJ_DATA]);
	o->packets = nft_attr_u64(data.v[NFTA_COUNTER_PACKETS], 0);
	o->bytes = nft_attr_u64(data.v[NFTA_COUNTER_BYTES], 0);
}

static bool chain_is(const struct fw_chain *c, enum table_family f, const struct nft_attrs *rule)
{
	return c->family == f && nft_attr_is(rule->v[NFTA_RULE_CHAIN], c->name) &&
	       nft_attr_is(rule->v[NFTA_RULE_TABLE], c->table);
}

/* Rules come chain by chain, in the order of the chains: nearly always it is the same or the next.
 */
static struct fw_chain *chain_of(struct reader *r, enum table_family f,
				 const struct nft_attrs *rule)
{
	struct fw *fw = f == TABLE_INET && nft_attr_is(rule->v[NFTA_RULE_TABLE], NFT_OWN_TABLE)
				? &r->s->own
				: &r->s->fw;
	size_t from = 0;

	if (r->chain && r->chain >= fw->chains && r->chain < fw->chains + fw->n_chains)
		from = (size_t)(r->chain - fw->chains);
	for (size_t i = 0; i < fw->n_chains; i++) {
		struct fw_chain *c = &fw->chains[(from + i) % fw->n_chains];

		if (chain_is(c, f, rule)) {
			r->chain = c;
			return c;
		}
	}
	return NULL;
}

/* The sets of the chain's table: a part of r->sets, which is sorted. */
static void find_sets(struct reader *r, const struct fw_chain *c)
{
	if (r->sets_of && r->sets_of->family == c->family &&
	    strcmp(r->sets_of->table, c->table) == 0)
		return;
	r->sets_of = c;
	r->first_set = r->n_sets = 0;
	for (size_t i = 0; i < r->n_rows; i++) {
		if (r->rows[i].family != c->family || strcmp(r->rows[i].table, c->table) != 0)
			continue;
		if (!r->n_sets)
			r->first_set = i;
		r->n_sets++;
	}
}

static void read_exprs(const struct reader *r, struct fw_rule *rule, const struct nlattr *list)
{
	bool own = nft_is_own(r->sets_of->family, r->sets_of->table);
	const struct nlattr *a;

	if (!list)
		return;
	mnl_attr_for_each_nested(a, list)
	{
		if (mnl_attr_get_type(a) != NFTA_LIST_ELEM)
			continue;
		(own ? nft_expr_read : nft_expr_parse)(a, r->sets ? r->sets + r->first_set : NULL,
						       r->n_sets,
						       ARRAY_ADD(rule->exprs, rule->n_exprs));
		if (!own)
			nft_xt_lower(&r->s->fw, rule, r->sets_of->family, a);
	}
}

static void rule_cb(const struct nlmsghdr *h, void *ctx)
{
	struct reader *r = ctx;
	enum table_family f;
	struct fw_chain *c;
	struct fw_rule *rule;
	struct nft_attrs t;

	if (!message(h, &t, &f))
		return;
	c = chain_of(r, f, &t);
	if (!c)
		return;
	find_sets(r, c);
	rule = ARRAY_ADD(c->rules, c->n_rules);
	rule->twin = -1;
	rule->handle = nft_attr_u64(t.v[NFTA_RULE_HANDLE], 0);
	rule->comment = nft_attr_comment(t.v[NFTA_RULE_USERDATA]);
	read_exprs(r, rule, t.v[NFTA_RULE_EXPRESSIONS]);
}

static void keep_set_infos(struct reader *r)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		struct nft_set_row *row = &r->rows[i];
		struct nft_set_info *info;

		if (!nft_is_own_set(row))
			continue;
		info = ARRAY_ADD(r->s->sets, r->s->n_sets);
		info->family = row->family;
		info->table = xstrdup(row->table);
		info->set = row->set;
		info->objects = row->objects;
		row->objects = NULL;
	}
}

static void reader_free(struct reader *r)
{
	for (size_t i = 0; i < r->n_tables; i++)
		free(r->tables[i].name);
	for (size_t i = 0; i < r->n_rows; i++)
		nft_set_row_free(&r->rows[i]);
	free(r->tables);
	free(r->rows);
	free(r->sets);
}

/* As nft_wire_dump; *what says which part failed. */
static int read_all(struct reader *r, const char **what)
{
	static const struct {
		uint16_t msg;
		const char *what;
		void (*cb)(const struct nlmsghdr *h, void *ctx);
	} parts[] = {
		{ NFT_MSG_GETTABLE, "tables", table_cb },
		{ NFT_MSG_GETCHAIN, "chains", chain_cb },
		{ NFT_MSG_GETSET, "sets", NULL }, /* before the rules that name them */
		{ NFT_MSG_GETRULE, "rules", rule_cb },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int rc = parts[i].cb ? nft_wire_dump(r->w, parts[i].msg, NFPROTO_UNSPEC, NULL, NULL,
						     parts[i].cb, r)
				     : read_sets(r);

		*what = parts[i].what;
		if (rc)
			return rc;
		if (!r->n_tables)
			return 0; /* nothing at all: the other dumps are as empty */
	}
	*what = "objects";
	return r->s->own_table ? nft_wire_dump(r->w, NFT_MSG_GETOBJ, NFPROTO_INET,
					       request_own_table, NULL, object_cb, r)
			       : 0;
}

/* 0; 1: somebody changed rules meanwhile; -1 with a finding. */
static int read_once(struct nft_wire *w, struct nft_snapshot *s, struct diag *d)
{
	struct reader r = { .w = w, .s = s };
	const char *what = NULL;
	uint32_t after;
	int rc;

	if (!s->genid)
		s->genid = nft_wire_genid(w, d);
	if (!s->genid)
		return -1;
	rc = read_all(&r, &what);
	if (rc < 0 && errno == ENOENT)
		rc = 1; /* gone between two dumps */
	else if (rc < 0)
		diag_error(d, NULL, "nf-tables", errno, "cannot read the %s of nf_tables", what);
	if (rc == 0) {
		after = nft_wire_genid(w, d);
		rc = after == 0 ? -1 : after != s->genid;
	}
	if (rc == 0) {
		keep_set_infos(&r);
		nft_xt_forms(&s->fw);
	}
	reader_free(&r);
	return rc;
}

int nft_snapshot_read(struct nft_wire *w, struct nft_snapshot *s, struct diag *d)
{
	struct nft_snapshot got = { .genid = s->genid };
	int rc = 1;

	for (int i = 0; i < TRIES && rc == 1; i++) {
		if (i)
			nft_snapshot_free(&got);
		rc = read_once(w, &got, d);
	}
	if (rc == 1) {
		diag_error(d, NULL, "nf-tables", 0,
			   "the rules changed during each of %d attempts to read them", TRIES);
		diag_cure(d, "something rewrites nf_tables all the time; see: nft monitor");
	}
	if (rc) {
		nft_snapshot_free(&got);
		return -1;
	}
	*s = got;
	return 0;
}

void nft_snapshot_free(struct nft_snapshot *s)
{
	for (size_t i = 0; i < s->n_sets; i++) {
		for (size_t k = 0; s->sets[i].objects && k < s->sets[i].set->n; k++)
			free(s->sets[i].objects[k]);
		free(s->sets[i].objects);
		free(s->sets[i].table);
	}
	for (size_t i = 0; i < s->n_objects; i++)
		free(s->objects[i].name);
	free(s->sets);
	free(s->objects);
	fw_free(&s->own);
	fw_free(&s->fw);
	*s = (struct nft_snapshot){ 0 };
}
