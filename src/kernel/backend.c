/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two backends. They differ in where they want our rules to be; both know both homes, read both
 * and write both, so that a host moves from one to the other as it changes anything else. */
#include "kernel/backend.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/ipt.h"
#include "kernel/nft.h"
#include "kernel/nft_decode.h"

#define TRIES 4 /* of a second batch, where others write, too */

struct backend {
	struct nft *nft; /* NULL: this kernel has no nf_tables */
	struct ipt *ipt;
	struct ruleset now; /* of the last read */
};

static void kernel_close(struct backend *b)
{
	if (!b)
		return;
	nft_close(b->nft);
	ipt_free(b->ipt);
	ruleset_free(&b->now);
	free(b);
}

/* *absent: this kernel has no nf_tables, and d does not matter. */
static int open_both(struct backend **out, bool *absent, struct diag *d)
{
	struct backend *b = xcalloc(1, sizeof *b);

	*absent = false;
	b->ipt = ipt_new();
	if (nft_open(&b->nft, absent, d) && !*absent) {
		kernel_close(b);
		return -1;
	}
	*out = b;
	return 0;
}

static int open_nft(struct backend **out, struct diag *d)
{
	bool absent;

	if (open_both(out, &absent, d))
		return -1;
	if (!absent)
		return 0;
	kernel_close(*out);
	*out = NULL;
	return -1;
}

static int open_ipt(struct backend **out, struct diag *d)
{
	struct diag nft = { 0 };
	bool absent;
	int rc = open_both(out, &absent, &nft);

	if (!rc && !ipt_is_there()) {
		kernel_close(*out);
		*out = NULL;
		rc = diag_error(d, NULL, "iptables-legacy", 0,
				"this kernel has no tables of iptables-legacy");
		diag_cure(d, "load its modules (modprobe iptable_raw ip6table_raw), or set backend "
			     "= nftables");
	} else if (rc) {
		diag_move(d, &nft);
	}
	diag_free(&nft);
	return rc;
}

static int kernel_read(struct backend *b, struct ruleset *ours, struct fw *fw, struct diag *d)
{
	struct ruleset all = { 0 };
	struct fw found = { 0 };

	if ((b->nft && nft_read(b->nft, &all, fw ? &found : NULL, d)) ||
	    ipt_read(b->ipt, &all, fw ? &found : NULL, d)) {
		ruleset_free(&all);
		fw_free(&found);
		return -1;
	}
	ruleset_normalise(&all);
	nft_number_twins(&found, &all);
	ruleset_free(&b->now);
	ruleset_copy(&b->now, &all);
	*ours = all;
	if (fw)
		*fw = found;
	return 0;
}

static bool has_legacy_rules(const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_rules; i++)
		if (rs->rules[i].form == FORM_LEGACY)
			return true;
	return false;
}

static bool needs_nft(const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_rules; i++)
		if (rs->rules[i].form != FORM_LEGACY)
			return true;
	for (size_t i = 0; i < rs->n_twins; i++)
		if (rs->twins[i].form != FORM_LEGACY)
			return true;
	return false;
}

static enum nft_send commit_nft(struct backend *b, const struct ruleset *want, bool dry,
				struct diag *d)
{
	if (b->nft)
		return nft_commit(b->nft, want, dry, d);
	if (!needs_nft(want))
		return NFT_SENT;
	diag_error(d, NULL, "nf-tables", 0, "this kernel has no nf_tables to put rules into");
	return NFT_REFUSED;
}

/* Only nf_tables can validate without committing. */
static int kernel_check(struct backend *b, const struct ruleset *want, struct diag *d)
{
	int rc = ipt_check(want, d);

	if (rc < 0)
		return rc;
	switch (commit_nft(b, want, true, d)) {
	case NFT_SENT:
		return rc;
	case NFT_STALE:
		return 1;
	case NFT_REFUSED:
	case NFT_UNKNOWN:
		break;
	}
	return -1;
}

static bool is_wanted(const struct ruleset *want, const struct twin *w)
{
	for (size_t i = 0; i < want->n_twins; i++)
		if (!twin_compare(&want->twins[i], w))
			return true;
	return false;
}

/* What is there and what is wanted, both. */
static void unite(struct ruleset *both, const struct ruleset *now, const struct ruleset *want)
{
	auto_free struct rule *rules = xcalloc(now->n_rules + want->n_rules, sizeof *rules);
	auto_free struct twin *twins = xcalloc(now->n_twins + want->n_twins, sizeof *twins);
	struct ruleset sum = *want; /* borrows */

	for (size_t i = 0; i < want->n_rules; i++)
		rules[i] = want->rules[i];
	for (size_t i = 0; i < now->n_rules; i++)
		rules[want->n_rules + i] = now->rules[i];
	for (size_t i = 0; i < want->n_twins; i++)
		twins[i] = want->twins[i];
	for (size_t i = 0; i < now->n_twins; i++)
		if (!is_wanted(want, &now->twins[i]))
			twins[sum.n_twins++] = now->twins[i];
	sum.rules = rules;
	sum.n_rules += now->n_rules;
	sum.twins = twins;
	ruleset_copy(both, &sum);
	ruleset_normalise(both);
}

/* Is there anything in nf_tables that has to go once the raw rules are right? */
static bool has_leftovers(const struct ruleset *now, const struct ruleset *want)
{
	for (size_t i = 0; i < now->n_rules; i++)
		if (now->rules[i].form != FORM_LEGACY)
			return true;
	for (size_t i = 0; i < now->n_twins; i++)
		if (now->twins[i].form != FORM_LEGACY && !is_wanted(want, &now->twins[i]))
			return true;
	return false;
}

/* nf_tables as wanted, once the raw rules that its twins served have gone. */
static int finish_nft(struct backend *b, const struct ruleset *want, struct diag *d)
{
	for (int i = 0; i < TRIES; i++) {
		struct ruleset ours = { 0 };
		int rc = b->nft ? nft_read(b->nft, &ours, NULL, d) : 0;

		ruleset_free(&ours);
		if (rc)
			return -1;
		switch (commit_nft(b, want, false, d)) {
		case NFT_SENT:
			return 0;
		case NFT_STALE:
			break;
		case NFT_REFUSED:
		case NFT_UNKNOWN:
			return -1;
		}
	}
	return diag_error(d, NULL, "nf-tables", 0, "somebody else keeps changing nft's rules");
}

/* The first batch: all of want, or, where raw rules of iptables-legacy come or go, what is new. */
static enum nft_send begin_nft(struct backend *b, const struct ruleset *want, bool around,
			       struct diag *d)
{
	struct ruleset both = { 0 };
	enum nft_send sent;

	if (!around)
		return commit_nft(b, want, false, d);
	unite(&both, &b->now, want);
	sent = commit_nft(b, &both, false, d);
	ruleset_free(&both);
	return sent;
}

/* Twins come before the raw rules that they serve, and go after them. */
static enum commit_result commit_in_order(struct backend *b, const struct ruleset *want,
					  struct diag *d)
{
	bool around = has_legacy_rules(want) || has_legacy_rules(&b->now);
	int rc = ipt_commit(b->ipt, want, IPT_ADD, d);

	if (rc)
		return rc == 1 ? COMMIT_STALE : COMMIT_FAILED;
	switch (begin_nft(b, want, around, d)) {
	case NFT_SENT:
		break;
	case NFT_STALE:
		return ipt_take_back(b->ipt, d) ? COMMIT_FAILED : COMMIT_STALE;
	case NFT_REFUSED:
		ipt_take_back(b->ipt, d);
		return COMMIT_FAILED;
	case NFT_UNKNOWN: /* it may have been done: nothing is taken away under it */
		return COMMIT_FAILED;
	}
	rc = ipt_commit(b->ipt, want, IPT_RAW, d);
	if (!rc && around && has_leftovers(&b->now, want))
		rc = finish_nft(b, want, d);
	if (!rc)
		rc = ipt_commit(b->ipt, want, IPT_REMOVE, d);
	if (rc == 1)
		diag_error(d, NULL, "iptables-legacy", 0,
			   "somebody changed a table of iptables-legacy meanwhile");
	return rc ? COMMIT_FAILED : COMMIT_DONE;
}

static int compare_counters(const void *va, const void *vb)
{
	const struct counter *a = va, *b = vb;
	int c = strcmp(a->name, b->name);

	return c ? c : (a->hook > b->hook) - (a->hook < b->hook);
}

/* Counters that want says nothing of go on from where they are, wherever their rules go. */
static enum commit_result kernel_commit(struct backend *b, const struct ruleset *want,
					struct diag *d)
{
	size_t n = want->n_counters, room = n + b->now.n_counters;
	auto_free struct counter *counters = xcalloc(room, sizeof *counters);
	struct ruleset all = *want; /* borrows */

	for (size_t i = 0; i < n; i++)
		counters[i] = want->counters[i];
	for (size_t i = 0; i < b->now.n_counters; i++) {
		const struct counter *have = &b->now.counters[i];

		if (!n || !bsearch(have, want->counters, n, sizeof *have, compare_counters))
			counters[all.n_counters++] = *have;
	}
	qsort(counters, all.n_counters, sizeof *counters, compare_counters);
	all.counters = counters;
	return commit_in_order(b, &all, d);
}

const struct backend_ops nft_backend = {
	.name = "nftables",
	.home = FORM_NFT,
	.open = open_nft,
	.read = kernel_read,
	.check = kernel_check,
	.commit = kernel_commit,
	.close = kernel_close,
};

const struct backend_ops ipt_backend = {
	.name = "iptables",
	.home = FORM_LEGACY,
	.open = open_ipt,
	.read = kernel_read,
	.check = kernel_check,
	.commit = kernel_commit,
	.close = kernel_close,
};

/* nf_tables where the kernel has it: sets, one atomic commit, and a check that changes nothing. */
static int open_auto(const struct backend_ops **ops, struct backend **b, struct diag *d)
{
	bool absent;

	if (open_both(b, &absent, d))
		return -1;
	*ops = absent ? &ipt_backend : &nft_backend;
	if (!absent)
		return 0;
	kernel_close(*b);
	diag_soften(d);
	diag_note(d, NULL, "backend",
		  "backend = auto: iptables, since this kernel has no nf_tables");
	return ipt_backend.open(b, d);
}

int backend_open(enum backend_choice choice, const struct backend_ops **ops, struct backend **b,
		 struct diag *d)
{
	switch (choice) {
	case BACKEND_AUTO:
		return open_auto(ops, b, d);
	case BACKEND_NFTABLES:
		*ops = &nft_backend;
		break;
	case BACKEND_IPTABLES:
		*ops = &ipt_backend;
		break;
	}
	return (*ops)->open(b, d);
}
