/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking a base chain with one abstract packet in one state: what comes out is a decision list,
 * reduced until only what decides is left, so that equal lists mean equal verdicts. */
#ifndef UNTRACK_WALK_H
#define UNTRACK_WALK_H

#include "rules/packet.h"

enum outcome { OUT_ACCEPT, OUT_DROP, OUT_REJECT, OUT_QUEUE, OUT_MIXED };
/* "accepted" ..., "maybe": it depends. In the order of the enum, NULL behind the last. */
extern const char *const outcome_names[];
const char *outcome_name(enum outcome o);

/* after: of what decides nothing */
enum outcome verdict_outcome(enum fw_verdict v, enum outcome after);

struct decision_list;

struct decision { /* under the conditions of this rule that we cannot know, this happens */
	const struct fw_rule *rule; /* NULL: always */
	unsigned element;
	enum tri when;
	bool untracked; /* the conditions hold the state in a way that we cannot tell, and it was
			 * untracked: nothing that is so in another state is the same */
	enum fw_verdict verdict;	 /* CONTINUE: an effect on what later rules see */
	const struct decision_list *sub; /* of JUMP, GOTO */
	unsigned flags;			 /* EVAL_* of the rule in either state */
};

struct decision_list {
	struct decision *v;
	size_t n;	      /* 0: always what happens after the chain anyway */
	enum outcome outcome; /* MIXED: depends */
	unsigned flags;	      /* EVAL_* of any rule that is left; EVAL_FLOW: of all of them */
};

enum walk_mode {
	WALK_TRACKED, /* in the state that stands for the class */
	WALK_UNTRACKED,
	WALK_TWINNED,  /* untracked, with a twin before every rule that would have one */
	WALK_HOISTED,  /* the same, each twin before the rules that the tracked packet does not meet
			* either and that stand directly before its own: past a deny list for new
			* and untracked packets, say */
	WALK_PASSED,   /* as TWINNED, and past a chain's last rule, where only the untracked packet
			* meets it, leads a twin that returns: nothing else is left out by that */
	WALK_ACCEPTED, /* as TWINNED, and before a rule that only the untracked packet meets it is
			* accepted: what the tracked one gets where everything behind accepts it */
};

struct walk;

/* tracked: the stand-in state. The packet and the fw must outlive the walk. */
struct walk *walk_new(const struct fw *fw, const struct packet *p, uint32_t tracked);
void walk_free(struct walk *w);

/* Lists of one walk are equal exactly when their pointers are; decision_lists_equal compares lists
 * of different walks over one fw. */
const struct decision_list *walk_chain(struct walk *w, const struct fw_chain *base,
				       enum walk_mode mode);

bool decision_lists_equal(const struct decision_list *a, const struct decision_list *b);
/* Does untracked come to the same as tracked for the packets of flows whose opening packet meets
 * opening? What drops an opening packet by conditions that are the same for all packets of a flow
 * has no continuing packets to decide about. */
bool decision_lists_agree(const struct decision_list *tracked,
			  const struct decision_list *untracked,
			  const struct decision_list *opening);
/* "accepted in either state": why two equal lists need nothing. Fresh string. */
char *decision_list_words(const struct decision_list *l);

/* Every rule that the tracked packet can reach from base, once in the walk's life or since the last
 * walk_restart, in order of the walk, with what it does in either state. */
struct step {
	const struct fw_chain *chain;
	const struct fw_rule *rule;
	const struct eval *tracked, *untracked;
	bool alone; /* it is about untracked packets alone, by that name */
};
void walk_steps(struct walk *w, const struct fw_chain *base,
		void (*fn)(void *ctx, const struct step *s), void *ctx);

void walk_restart(struct walk *w);

/* The rule before which a twin of r in chain c stands in this mode: r itself, or one before it. */
const struct fw_rule *walk_place(struct walk *w, const struct fw_chain *c, const struct fw_rule *r,
				 enum walk_mode mode);

/* Does the rule drop or reject untracked packets, by that name, which it lets pass while tracked?
 */
bool step_turns_away(const struct eval *tracked, const struct eval *untracked);

/* Is this way of ending something that only the tracked packet meets, and that a twin can give to
 * the untracked one? */
bool step_wants_twin(const struct eval *tracked, const struct eval *untracked,
		     const struct branch *b);
/* Would a twin that returns lead past it? */
bool step_wants_return(const struct step *s);
/* Would an accept before it keep the untracked packet from what the tracked one does not meet? */
bool step_wants_accept(const struct step *s);

#endif
