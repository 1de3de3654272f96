/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins that are there and others that are wanted: the messages of the batch are whole, and done
 * one after the other as the kernel does them they leave what is wanted, in its order. */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "fuzz/input.h"
#include "kernel/nft_commit.h"
#include "nft_written.h"
#include "random_xt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANCHORS 3      /* rules of each chain, with the handles 1 to 3; a place 0 is its end */
#define FIRST_TWIN 100 /* handle */
#define MOST 8	       /* twins of a place */
#define LONG 17	       /* items of a list that gets a set with a name */

static const struct {
	enum form form;
	enum table_family family;
	const char *table, *chain;
} chains[] = {
	{ FORM_IPTABLES_NFT, TABLE_IP, "filter", "INPUT" },
	{ FORM_NFT, TABLE_INET, "fw", "input" },
};

/* ---- the input ---------------------------------------------------------------------------------
 */

static char *make_body(struct input *in)
{
	static const char *const bodies[] = { "verdict:accept", "counter: verdict:drop",
					      "verdict:jump:web", "counter: verdict:goto:a%20b",
					      "is:1:01020304 verdict:return" };
	size_t which = take(in) % (ARRAY_SIZE(bodies) + 1), n;
	char *s;

	if (which < ARRAY_SIZE(bodies))
		return xstrdup(bodies[which]);
	n = take(in) % 32; /* anything, and mostly no body */
	s = xcalloc(n + 1, 1);
	for (size_t i = 0; i < n; i++)
		s[i] = (char)take(in);
	return s;
}

static void add_twin(struct ruleset *rs, size_t chain, uint64_t anchor, struct input *in)
{
	static const char *const names[] = { "web", "api", "web,api,+12" };
	struct twin *w = ruleset_add_twin(rs);
	uint8_t how = take(in);
	uint64_t seed = 1 + take(in) % 16u;

	w->form = chains[chain].form;
	w->family = chains[chain].family;
	w->table = xstrdup(chains[chain].table);
	w->chain = xstrdup(chains[chain].chain);
	w->anchor = anchor;
	w->names = xstrdup(names[how % ARRAY_SIZE(names)]);
	w->body = how & 0x40 ? make_body(in) : xstrdup("verdict:accept");
	if (w->form == FORM_IPTABLES_NFT)
		xt_random_match(&seed, w->family, true, &w->match);
	else
		nft_random_match(&seed, w->family, true, &w->match);
	if (how & 0x80 && w->form == FORM_NFT && w->match.dport.n)
		for (uint16_t p = 0; p < 2 * LONG; p += 2)
			ports_add(&w->match.dport, p, p);
}

static void copy_twin(struct ruleset *to, const struct twin *from)
{
	struct twin *w = ruleset_add_twin(to);

	*w = *from;
	w->table = xstrdup(from->table);
	w->chain = xstrdup(from->chain);
	w->names = xstrdup(from->names);
	w->body = xstrdup(from->body);
	match_copy(&w->match, &from->match);
}

/* Of one place: each is wanted, or there, or both. Those that are there may stand in another order.
 */
static void make_place(struct ruleset *want, struct ruleset *have, size_t chain, uint64_t anchor,
		       struct input *in)
{
	enum { WANTED, THERE, BOTH };

	for (unsigned n = take(in) % MOST; n > 3; n--) {
		uint8_t which = take(in);

		if (which % 4 == WANTED) {
			add_twin(want, chain, anchor, in);
			continue;
		}
		add_twin(have, chain, anchor, in);
		if (which % 4 >= BOTH)
			copy_twin(want, &have->twins[have->n_twins - 1]);
		if (which & 0x80 && have->n_twins > 1) {
			struct twin *last = &have->twins[have->n_twins - 1], swap = *last;

			if (last[-1].anchor != anchor || strcmp(last[-1].table, last->table) != 0)
				continue;
			*last = last[-1];
			last[-1] = swap;
		}
	}
}

static void make_twins(struct ruleset *want, struct ruleset *have, struct input *in)
{
	for (size_t chain = 0; chain < ARRAY_SIZE(chains); chain++)
		for (uint64_t i = 1; i <= ANCHORS + 1; i++)
			make_place(want, have, chain, i % (ANCHORS + 1), in);
	ruleset_normalise(want);
	ruleset_normalise(have);
	for (size_t i = 0; i < have->n_twins; i++)
		have->twins[i].handle = FIRST_TWIN + i;
}

/* ---- a kernel ----------------------------------------------------------------------------------
 */

struct item { /* a rule */
	const char *table;
	uint64_t handle;
	const struct twin *twin; /* NULL: the firewall's */
};

struct set {
	char *name;  /* "table name" */
	bool intact; /* its name says what it holds */
};

struct kernel {
	struct item *v;
	size_t n;
	struct set *sets;
	size_t n_sets;
	uint64_t handle;
};

static void insert(struct kernel *k, size_t at, struct item i)
{
	ARRAY_ADD(k->v, k->n);
	memmove(k->v + at + 1, k->v + at, (k->n - 1 - at) * sizeof(*k->v));
	k->v[at] = i;
}

static void kernel_make(struct kernel *k, const struct ruleset *have)
{
	for (size_t c = 0; c < ARRAY_SIZE(chains); c++)
		for (uint64_t anchor = 1; anchor <= ANCHORS + 1; anchor++) {
			for (size_t i = 0; i < have->n_twins; i++)
				if (!strcmp(have->twins[i].table, chains[c].table) &&
				    have->twins[i].anchor == anchor % (ANCHORS + 1))
					insert(k, k->n,
					       (struct item){ chains[c].table,
							      have->twins[i].handle,
							      &have->twins[i] });
			if (anchor <= ANCHORS)
				insert(k, k->n, (struct item){ chains[c].table, anchor, NULL });
		}
	k->handle = 10 * FIRST_TWIN;
}

static size_t find_rule(const struct kernel *k, const char *table, uint64_t handle)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->v[i].table, table) && k->v[i].handle == handle)
			return i;
	abort();
}

static size_t find_set(const struct kernel *k, const char *name)
{
	size_t i = 0;

	while (i < k->n_sets && strcmp(k->sets[i].name, name) != 0)
		i++;
	return i;
}

static const char *text_at(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == type && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
			return mnl_attr_get_str(a);
	}
	abort();
}

static uint64_t number_at(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == type && mnl_attr_get_payload_len(a) == 8)
			return be64toh(mnl_attr_get_u64(a));
	}
	return 0;
}

static void do_rule(struct kernel *k, const struct nlmsghdr *h, bool new, const struct twin *twin)
{
	const char *table = text_at(h, NFTA_RULE_TABLE);
	uint64_t before = number_at(h, NFTA_RULE_POSITION);
	size_t at = k->n;

	if (!new) {
		at = find_rule(k, table, number_at(h, NFTA_RULE_HANDLE));
		if (!k->v[at].twin)
			abort(); /* a rule of the firewall */
		memmove(k->v + at, k->v + at + 1, (--k->n - at) * sizeof(*k->v));
		return;
	}
	if (strcmp(table, twin->table) != 0)
		abort();
	if (before)
		at = find_rule(k, table, before);
	insert(k, at, (struct item){ twin->table, k->handle++, twin });
}

/* Sets without a name are those of one rule. */
static void do_set(struct kernel *k, const struct nlmsghdr *h, bool new)
{
	auto_free char *name =
		xasprintf("%s %s", text_at(h, NFTA_SET_TABLE), text_at(h, NFTA_SET_NAME));
	size_t at = find_set(k, name);

	if (strstr(name, " " NFT_ANONYMOUS_NAME))
		return;
	if (new != (at == k->n_sets))
		abort(); /* it is there, or it is not */
	if (new) {
		*ARRAY_ADD(k->sets, k->n_sets) = (struct set){ xstrdup(name), true };
		return;
	}
	free(k->sets[at].name);
	k->sets[at] = k->sets[--k->n_sets];
}

static void commit(struct kernel *k, const struct nft_plan *p)
{
	uint32_t message = 0;

	for (size_t at = 0; at < p->batch.len; message++) {
		const struct nlmsghdr *h = (const void *)(p->batch.data + at);
		const struct nft_subject *about = nft_plan_subject(p, message);

		if (!mnl_nlmsg_ok(h, (int)(p->batch.len - at)))
			abort();
		switch (h->nlmsg_type & 0xff) {
		case NFT_MSG_NEWRULE:
		case NFT_MSG_DELRULE:
			do_rule(k, h, (h->nlmsg_type & 0xff) == NFT_MSG_NEWRULE, about->twin);
			break;
		case NFT_MSG_NEWSET:
		case NFT_MSG_DELSET:
			do_set(k, h, (h->nlmsg_type & 0xff) == NFT_MSG_NEWSET);
			break;
		}
		at += MNL_ALIGN(h->nlmsg_len);
	}
	if (message != p->batch.n)
		abort();
}

static void kernel_free(struct kernel *k)
{
	for (size_t i = 0; i < k->n_sets; i++)
		free(k->sets[i].name);
	free(k->sets);
	free(k->v);
}

/* ---- what has to hold --------------------------------------------------------------------------
 */

/* Each wanted twin before its anchor, in order; nothing else but the firewall. */
static void check_rules(const struct kernel *k, const struct ruleset *want)
{
	size_t twins = 0;

	for (size_t i = 0; i < k->n; i++)
		twins += k->v[i].twin != NULL;
	if (twins != want->n_twins)
		abort();
	for (size_t c = 0, at = 0; c < ARRAY_SIZE(chains); c++)
		for (uint64_t anchor = 1; anchor <= ANCHORS + 1; anchor++) {
			for (size_t i = 0; i < want->n_twins; i++) {
				const struct twin *w = &want->twins[i];

				if (strcmp(w->table, chains[c].table) != 0 ||
				    w->anchor != anchor % (ANCHORS + 1))
					continue;
				while (at < k->n && strcmp(k->v[at].table, w->table) != 0)
					at++; /* appended to the chain, behind the next one */
				if (at == k->n || !k->v[at].twin ||
				    twin_compare(k->v[at].twin, w) != 0)
					abort();
				at++;
			}
			at = anchor > ANCHORS ? 0 : find_rule(k, chains[c].table, anchor) + 1;
		}
}

/* Sets of the same content are told by their names, and by nothing else. */
static void check_names(const struct kernel *k, const struct ruleset *want)
{
	for (size_t i = 0; i < want->n_twins; i++) {
		const struct twin *w = &want->twins[i];
		struct nft_term terms[NFT_SLOTS];
		size_t n = w->form == FORM_NFT ? nft_terms(&w->match, w->family, terms) : 0;

		for (size_t t = 0; t < n; t++) {
			struct nft_state st = { 0 };
			size_t intact = 0;

			for (size_t s = 0; s < k->n_sets; s++) {
				struct nft_set_info *info = ARRAY_ADD(st.s.sets, st.s.n_sets);

				info->family = w->family;
				info->table = xstrdup(w->table);
				info->set = written_set(&terms[t].list,
							strchr(k->sets[s].name, ' ') + 1);
			}
			nft_twin_sets_read(&st);
			for (size_t s = 0; s < st.n_twin_sets; s++)
				intact += st.twin_sets[s].intact;
			if (terms[t].list.n >= LONG ? !intact : intact != 0)
				abort();
			for (size_t s = 0; s < st.s.n_sets; s++)
				written_set_free((struct fw_set *)(uintptr_t)st.s.sets[s].set);
			nft_state_free(&st);
		}
	}
}

/* Sets that are there already: some as they should be, some not, and one that nobody wants. */
static void add_sets(struct nft_state *st, struct kernel *k, const struct kernel *fresh,
		     struct input *in)
{
	for (size_t i = 0; i <= fresh->n_sets; i++) {
		const char *name = i < fresh->n_sets ? fresh->sets[i].name : "fw untrack_00000000";
		uint8_t how = take(in);
		struct nft_twin_set *t;

		if (how & 1)
			continue;
		t = ARRAY_ADD(st->twin_sets, st->n_twin_sets);
		t->family = TABLE_INET;
		t->table = xstrdup("fw");
		t->name = xstrdup(strchr(name, ' ') + 1);
		t->intact = how & 2;
		*ARRAY_ADD(k->sets, k->n_sets) = (struct set){ xstrdup(name), t->intact };
	}
}

static void check_sets(const struct kernel *k, const struct kernel *fresh)
{
	if (k->n_sets != fresh->n_sets)
		abort();
	for (size_t i = 0; i < k->n_sets; i++)
		if (!k->sets[i].intact || find_set(fresh, k->sets[i].name) == fresh->n_sets)
			abort();
}

/* The plan, done. false: there is none, and a finding says why. */
static bool change(struct kernel *k, const struct nft_state *now, const struct ruleset *want)
{
	struct nft_plan p = { 0 };
	struct diag d = { 0 };
	bool is = !nft_plan_twins(&p, now, want, &d);

	if (is == (d.errors != 0))
		abort();
	if (is)
		commit(k, &p);
	nft_plan_free(&p);
	diag_free(&d);
	return is;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct nft_state empty = { 0 }, now = { 0 };
	struct kernel fresh = { 0 }, k = { 0 };
	struct ruleset want = { 0 };

	make_twins(&want, &now.ours, &in);
	kernel_make(&fresh, &empty.ours);
	kernel_make(&k, &now.ours);
	if (change(&fresh, &empty, &want)) {
		check_rules(&fresh, &want);
		check_names(&fresh, &want);
		add_sets(&now, &k, &fresh, &in);
		if (!change(&k, &now, &want))
			abort();
		check_rules(&k, &want);
		check_sets(&k, &fresh);
	}
	kernel_free(&fresh);
	kernel_free(&k);
	nft_state_free(&now);
	ruleset_free(&want);
	return 0;
}
