/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The batch that turns what the kernel holds into what is wanted, and what each message is about.
 */
#ifndef UNTRACK_NFT_COMMIT_H
#define UNTRACK_NFT_COMMIT_H

#include "kernel/nft_elements.h"
#include "kernel/nft_snapshot.h"
#include "rules/ruleset.h"

enum nft_about {
	NFT_ABOUT_TABLE, /* inet untrack itself, its chains, counters and deletions */
	NFT_ABOUT_RULE,
	NFT_ABOUT_SET,
	NFT_ABOUT_TWIN,	 /* a new one, its sets included */
	NFT_ABOUT_STALE, /* a twin that is deleted */
};

struct nft_subject { /* of the messages from first up to the next subject's */
	uint32_t first;
	enum nft_about about;
	const struct rule *rule; /* of a rule; NULL: a jump */
	const struct twin *twin;
};

struct nft_twin_set { /* a named set of ours in somebody else's table */
	enum table_family family;
	char *table, *name;
	bool intact; /* its name still says what it holds */
};

struct nft_state {	       /* what the kernel held at the last read */
	struct nft_snapshot s; /* without the firewall, which the reader may have given away */
	struct ruleset ours;
	struct nft_twin_set *twin_sets;
	size_t n_twin_sets;
};

struct nft_plan { /* start from {0} */
	struct nft_batch batch;
	struct nft_subject *subjects;
	size_t n_subjects;
	uint32_t set_id; /* the last one used */
};

/* Both borrow from want, and both write nothing where nothing differs. */
void nft_plan_own(struct nft_plan *p, const struct nft_state *now, const struct ruleset *want);
/* -1 with a finding: a twin that no rule can hold. */
int nft_plan_twins(struct nft_plan *p, const struct nft_state *now, const struct ruleset *want,
		   struct diag *d);
void nft_plan_free(struct nft_plan *p);

/* The messages that follow are about this. */
void nft_plan_about(struct nft_plan *p, enum nft_about about, const struct rule *rule,
		    const struct twin *twin);
const struct nft_subject *nft_plan_subject(const struct nft_plan *p, uint32_t message);

/* The named sets of twins in a snapshot that still has its firewall. */
void nft_twin_sets_read(struct nft_state *st);
void nft_state_free(struct nft_state *st);

#endif
