/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins among the rules of the firewall, and the whole of a snapshot. */
#include "kernel/nft_decode.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/nft_iptables.h"
#include "kernel/nft_rule.h"

/* The comment alone does not make a twin: it has to be a match, "untracked", and a body. */
static bool read_native(const struct fw_chain *c, const struct fw_rule *r, struct twin *out)
{
	const size_t prefix = strlen(NFT_TWIN_PREFIX);
	struct text body = { 0 };
	struct match m;
	size_t used;

	if (!r->comment || !r->n_exprs || strncmp(r->comment, NFT_TWIN_PREFIX, prefix) != 0 ||
	    !nft_match_get(r->exprs, r->n_exprs, c->family, &m, &used))
		return false;
	if (!nft_untracked_get(r->exprs + used, r->n_exprs - used, &m) ||
	    used + NFT_UNTRACKED_EXPRS == r->n_exprs) {
		match_free(&m);
		return false;
	}
	for (size_t i = used + NFT_UNTRACKED_EXPRS; i < r->n_exprs; i++)
		text_add(&body, "%s%s", body.len ? " " : "", r->exprs[i].body);
	*out = (struct twin){
		.form = c->form,
		.family = c->family,
		.table = xstrdup(c->table),
		.chain = xstrdup(c->name),
		.names = xstrdup(r->comment + prefix),
		.match = m,
		.body = body.s,
		.handle = r->handle,
	};
	return true;
}

static bool read_twin(const struct fw_chain *c, const struct fw_rule *r, struct twin *out)
{
	switch (c->form) {
	case FORM_NFT:
		return read_native(c, r, out);
	case FORM_IPTABLES_NFT:
		return nft_iptables_read(c, r, out);
	case FORM_LEGACY:
		break;
	}
	return false;
}

/* A twin's anchor is the next rule that is somebody else's. */
static void chain_twins(struct fw_chain *c, struct ruleset *ours)
{
	size_t first = ours->n_twins;
	uint64_t anchor = 0;

	for (size_t i = 0; i < c->n_rules; i++) {
		struct twin w;

		c->rules[i].twin = -1;
		if (!read_twin(c, &c->rules[i], &w))
			continue;
		c->rules[i].twin = 0; /* which one: nft_number_twins */
		*ruleset_add_twin(ours) = w;
	}
	for (size_t i = c->n_rules, k = ours->n_twins; i-- && k > first;) {
		if (c->rules[i].twin < 0)
			anchor = c->rules[i].handle;
		else
			ours->twins[--k].anchor = anchor;
	}
}

/* Normalising moved chains as a whole: within one the twins are in the order of its rules. */
static void number_chain(struct fw_chain *c, const struct ruleset *ours)
{
	size_t k = 0;

	for (size_t i = 0; i < c->n_rules; i++) {
		if (c->rules[i].twin < 0)
			continue;
		while (!twin_is_in(&ours->twins[k], c))
			k++;
		c->rules[i].twin = (ssize_t)k++;
	}
}

void nft_number_twins(struct fw *fw, const struct ruleset *ours)
{
	for (size_t i = 0; i < fw->n_chains; i++)
		number_chain(&fw->chains[i], ours);
}

void nft_decode(struct nft_snapshot *s, struct ruleset *ours)
{
	*ours = (struct ruleset){ 0 };
	nft_decode_own(s, ours);
	for (size_t i = 0; i < s->fw.n_chains; i++)
		chain_twins(&s->fw.chains[i], ours);
	ruleset_normalise(ours);
	nft_number_twins(&s->fw, ours);
}
