/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of a batch that is about twins: rules of ours in tables of others. */
#include "kernel/nft_commit.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nft_body.h"
#include "kernel/nft_iptables.h"
#include "kernel/nft_rule.h"
#include "kernel/nft_sets.h"

#define ANONYMOUS_MAX 16 /* longer lists would make the firewall's listing unreadable */
#define SET_PREFIX NFT_OWN_TABLE "_"

/* ---- named sets --------------------------------------------------------------------------------
 */

struct wanted_set { /* one per table and content */
	enum table_family family;
	const char *table;
	char *name;
	struct nft_list list; /* borrowed from a twin's match */
	uint32_t id;	      /* in the batch; 0: it is there already */
};

struct wanted_sets {
	struct wanted_set *v;
	size_t n;
};

static uint64_t hash_bytes(uint64_t hash, const uint8_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ v[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Of one element; those of a set are added up, so that their order does not matter. */
static uint64_t hash_range(const uint8_t *lo, const uint8_t *hi, size_t len)
{
	return hash_bytes(hash_bytes(UINT64_C(0xcbf29ce484222325), lo, len), hi, len);
}

static char *set_name(uint32_t key_type, uint64_t sum)
{
	sum = (sum ^ key_type) * UINT64_C(0x9e3779b97f4a7c15);
	return xasprintf(SET_PREFIX "%08x", (unsigned)(sum >> 32));
}

static char *list_set_name(const struct nft_list *l)
{
	const struct nft_kind_info *info = nft_kind_info(l->kind);
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n; i++) {
		uint8_t lo[16], hi[16];

		if (nft_list_range(l, i, lo, hi))
			sum += hash_range(lo, hi, info->key_len);
	}
	return set_name(info->key_type, sum);
}

static bool set_is_intact(const struct fw_set *s)
{
	auto_free char *name = NULL;
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += hash_range(s->v[i].lo, s->v[i].hi, s->key_len);
	name = set_name(s->key_type, sum);
	return !strcmp(name, s->name);
}

/* "untrack_0123abcd": others may have sets that begin like ours by chance. */
static bool is_set_name(const char *name)
{
	const size_t prefix = strlen(SET_PREFIX);

	return !strncmp(name, SET_PREFIX, prefix) && strlen(name) == prefix + 8 &&
	       strspn(name + prefix, "0123456789abcdef") == 8;
}

void nft_twin_sets_read(struct nft_state *st)
{
	for (size_t i = 0; i < st->s.n_sets; i++) {
		const struct nft_set_info *info = &st->s.sets[i];
		struct nft_twin_set *t;

		if ((info->family == TABLE_INET && !strcmp(info->table, NFT_OWN_TABLE)) ||
		    info->set->anonymous || info->set->map || !is_set_name(info->set->name))
			continue;
		t = ARRAY_ADD(st->twin_sets, st->n_twin_sets);
		t->family = info->family;
		t->table = xstrdup(info->table);
		t->name = xstrdup(info->set->name);
		t->intact = set_is_intact(info->set);
	}
}

static struct wanted_set *find_wanted(const struct wanted_sets *w, enum table_family family,
				      const char *table, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].family == family && !strcmp(w->v[i].name, name) &&
		    !strcmp(w->v[i].table, table))
			return &w->v[i];
	return NULL;
}

static bool needs_name(const struct nft_term *t)
{
	return t->list.n > ANONYMOUS_MAX;
}

static void want_sets(struct wanted_sets *w, const struct twin *twin)
{
	struct nft_term terms[NFT_SLOTS];
	size_t n = nft_terms(&twin->match, twin->family, terms);

	for (size_t i = 0; i < n; i++) {
		char *name;

		if (!needs_name(&terms[i]))
			continue;
		name = list_set_name(&terms[i].list);
		if (find_wanted(w, twin->family, twin->table, name))
			free(name);
		else
			*ARRAY_ADD(w->v, w->n) = (struct wanted_set){ twin->family, twin->table,
								      name, terms[i].list, 0 };
	}
}

static void put_set_deletion(struct nft_plan *p, const struct nft_twin_set *t)
{
	struct nlmsghdr *h =
		nft_batch_msg(&p->batch, NFT_MSG_DELSET, nft_family_number(t->family), 0, NFT_ROOM);

	mnl_attr_put_strz(h, NFTA_SET_TABLE, t->table);
	mnl_attr_put_strz(h, NFTA_SET_NAME, t->name);
	nft_batch_done(&p->batch, h);
}

/* After the stale twins have gone, before the new ones come. */
static void put_named_sets(struct nft_plan *p, const struct nft_state *now, struct wanted_sets *w)
{
	auto_free bool *there = xcalloc(w->n, sizeof *there);

	nft_plan_about(p, NFT_ABOUT_SET, NULL, NULL);
	for (size_t i = 0; i < now->n_twin_sets; i++) {
		const struct nft_twin_set *t = &now->twin_sets[i];
		struct wanted_set *s = find_wanted(w, t->family, t->table, t->name);

		if (s && t->intact)
			there[s - w->v] = true;
		else
			put_set_deletion(p, t);
	}
	for (size_t i = 0; i < w->n; i++) {
		struct nft_set set = { .name = w->v[i].name, .list = w->v[i].list };

		if (there[i])
			continue;
		w->v[i].id = ++p->set_id;
		nft_set_put(&p->batch, w->v[i].family, w->v[i].table, &set, w->v[i].id, NULL);
	}
}

/* ---- rules -------------------------------------------------------------------------------------
 */

static bool stands_inline(const struct nft_list *l)
{
	bool is_range = l->kind == NFT_PORTS || l->kind == NFT_QUOTED_PORTS;

	return nft_list_is_single(l) || (is_range && l->n == 1);
}

/* Where the lists of a new twin stand; the anonymous ones are written here. */
static void place_lists(struct nft_plan *p, const struct twin *w, const struct wanted_sets *sets,
			struct nft_set_ref refs[NFT_SLOTS])
{
	struct nft_term terms[NFT_SLOTS];
	size_t n = nft_terms(&w->match, w->family, terms);

	for (size_t i = 0; i < n; i++) {
		struct nft_set set = { .list = terms[i].list };

		if (stands_inline(&terms[i].list))
			continue;
		if (needs_name(&terms[i])) {
			auto_free char *name = list_set_name(&terms[i].list);
			const struct wanted_set *s = find_wanted(sets, w->family, w->table, name);

			refs[terms[i].slot] = (struct nft_set_ref){ s->name, s->id };
			continue;
		}
		refs[terms[i].slot] = (struct nft_set_ref){ NFT_ANONYMOUS_NAME, ++p->set_id };
		nft_set_put(&p->batch, w->family, w->table, &set, p->set_id, NULL);
	}
}

static int refuse(struct diag *d, const struct twin *w, const char *why)
{
	struct text t = { 0 };

	twin_text(w, &t);
	diag_error(d, NULL, "nf-tables", 0, "%s: %s", why, t.s);
	free(t.s);
	return -1;
}

/* before: handle of the rule that it goes directly before; 0: at the end of the chain. */
static struct nlmsghdr *begin_rule(struct nft_plan *p, const struct twin *w, uint64_t before,
				   size_t room)
{
	struct nlmsghdr *h =
		nft_batch_msg(&p->batch, NFT_MSG_NEWRULE, nft_family_number(w->family),
			      NLM_F_CREATE | (before ? 0 : NLM_F_APPEND), NFT_ROOM + room);

	mnl_attr_put_strz(h, NFTA_RULE_TABLE, w->table);
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, w->chain);
	if (before)
		mnl_attr_put_u64(h, NFTA_RULE_POSITION, htobe64(before));
	return h;
}

static int put_native(struct nft_plan *p, const struct twin *w, uint64_t before,
		      const struct wanted_sets *sets)
{
	struct nft_set_ref refs[NFT_SLOTS] = { 0 };
	auto_free char *comment = xasprintf(NFT_TWIN_PREFIX "%s", w->names);
	uint32_t first_set, next_set;
	struct nlmsghdr *h;
	struct nlattr *nest;
	int rc;

	place_lists(p, w, sets, refs);
	first_set = next_set = p->set_id + 1;
	if (nft_body_put_sets(&p->batch, nft_family_number(w->family), w->table, w->body,
			      &next_set))
		return -1;
	p->set_id = next_set - 1;
	h = begin_rule(p, w, before, NFT_RULE_ROOM + nft_body_room(w->body));
	nest = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	nft_match_put(h, &w->match, w->family, refs);
	nft_untracked_put(h, &w->match);
	rc = nft_body_put(h, w->body, first_set);
	mnl_attr_nest_end(h, nest);
	nft_comment_put(h, comment);
	nft_batch_done(&p->batch, h);
	return rc;
}

static int put_iptables(struct nft_plan *p, const struct twin *w, uint64_t before)
{
	size_t n;
	struct xt_buf *v = xt_twin_write(&w->match, w->names, &n);
	struct nlmsghdr *h = begin_rule(p, w, before, nft_iptables_room(w, v, n));
	int rc = nft_iptables_put(h, w, v, n);

	nft_batch_done(&p->batch, h);
	xt_bufs_free(v, n);
	return rc;
}

static int put_twin(struct nft_plan *p, const struct twin *w, uint64_t before,
		    const struct wanted_sets *sets, struct diag *d)
{
	int rc;

	nft_plan_about(p, NFT_ABOUT_TWIN, NULL, w);
	rc = w->form == FORM_IPTABLES_NFT ? put_iptables(p, w, before)
					  : put_native(p, w, before, sets);
	return rc ? refuse(d, w, "not the body of a rule") : 0;
}

static void put_removal(struct nft_plan *p, const struct twin *w)
{
	struct nlmsghdr *h = nft_batch_msg(&p->batch, NFT_MSG_DELRULE, nft_family_number(w->family),
					   0, NFT_ROOM);

	mnl_attr_put_strz(h, NFTA_RULE_TABLE, w->table);
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, w->chain);
	mnl_attr_put_u64(h, NFTA_RULE_HANDLE, htobe64(w->handle));
	nft_batch_done(&p->batch, h);
}

/* ---- which stay --------------------------------------------------------------------------------
 */

#define NONE SIZE_MAX

struct pairing { /* of twins by their places in the two rulesets */
	const struct ruleset *want, *have;
	size_t *partner; /* of each wanted twin: the one that is there already; NONE: it is new */
	bool *stays;	 /* of each that is there */
};

static bool same_place(const struct twin *a, const struct twin *b)
{
	return a->anchor == b->anchor && !twin_compare_chains(a, b);
}

/* The twins before one anchor, from i on. */
static size_t place_end(const struct ruleset *rs, size_t i)
{
	size_t k = i;

	while (k < rs->n_twins && same_place(&rs->twins[i], &rs->twins[k]))
		k++;
	return k;
}

/* Where in have the twins of the same chain and anchor begin. */
static size_t find_place(const struct ruleset *have, const struct twin *w)
{
	for (size_t i = 0; i < have->n_twins; i = place_end(have, i))
		if (same_place(&have->twins[i], w))
			return i;
	return have->n_twins;
}

/* Pairs equal twins of one place as long as their order is the same, too. */
static void pair_place(struct pairing *p, size_t w, size_t w_end)
{
	size_t h = find_place(p->have, &p->want->twins[w]);
	size_t h_end = h < p->have->n_twins ? place_end(p->have, h) : h;

	for (; w < w_end; w++)
		for (size_t k = h; k < h_end; k++)
			if (!twin_compare(&p->want->twins[w], &p->have->twins[k])) {
				p->partner[w] = k;
				p->stays[k] = true;
				h = k + 1;
				break;
			}
}

/* The rule that a new twin goes before: the next twin of its place that stays, or the anchor. */
static uint64_t rule_after(const struct pairing *p, size_t w)
{
	const struct twin *v = p->want->twins;

	for (size_t k = w + 1; k < p->want->n_twins && same_place(&v[w], &v[k]); k++)
		if (p->partner[k] != NONE)
			return p->have->twins[p->partner[k]].handle;
	return v[w].anchor;
}

static int put_changes(struct nft_plan *p, const struct nft_state *now, const struct pairing *pairs,
		       struct wanted_sets *sets, struct diag *d)
{
	for (size_t i = 0; i < now->ours.n_twins; i++)
		if (!pairs->stays[i]) {
			nft_plan_about(p, NFT_ABOUT_STALE, NULL, &now->ours.twins[i]);
			put_removal(p, &now->ours.twins[i]);
		}
	put_named_sets(p, now, sets);
	for (size_t i = 0; i < pairs->want->n_twins; i++)
		if (pairs->partner[i] == NONE &&
		    put_twin(p, &pairs->want->twins[i], rule_after(pairs, i), sets, d))
			return -1;
	return 0;
}

static bool twin_fits(const struct twin *w)
{
	switch (w->form) {
	case FORM_NFT:
		return nft_match_fits(&w->match, w->family);
	case FORM_IPTABLES_NFT:
		return nft_iptables_fits(w);
	case FORM_LEGACY:
		break; /* kept out of here by the backend */
	}
	return false;
}

int nft_plan_twins(struct nft_plan *p, const struct nft_state *now, const struct ruleset *want,
		   struct diag *d)
{
	auto_free size_t *partner = xcalloc(want->n_twins, sizeof *partner);
	auto_free bool *stays = xcalloc(now->ours.n_twins, sizeof *stays);
	struct pairing pairs = { want, &now->ours, partner, stays };
	struct wanted_sets sets = { 0 };
	int rc = 0;

	for (size_t i = 0; i < want->n_twins; i++) {
		partner[i] = NONE;
		if (!twin_fits(&want->twins[i]))
			rc = refuse(d, &want->twins[i], "no single rule can match this");
		else if (want->twins[i].form == FORM_NFT)
			want_sets(&sets, &want->twins[i]);
	}
	for (size_t i = 0; !rc && i < want->n_twins; i = place_end(want, i))
		pair_place(&pairs, i, place_end(want, i));
	if (!rc)
		rc = put_changes(p, now, &pairs, &sets, d);
	for (size_t i = 0; i < sets.n; i++)
		free(sets.v[i].name);
	free(sets.v);
	return rc;
}
