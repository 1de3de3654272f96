/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's firewall as far as the walks need it: every base chain and every chain reached from
 * one, with rules as lists of small register operations (linux/netfilter/nf_tables.h). A value:
 * the backend fills it, the walks read it, nobody writes it back. */
#ifndef UNTRACK_FW_H
#define UNTRACK_FW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rules/ruleset.h"

#define FW_DATA_MAX 64 /* bytes in the longest value compared; longer ones are FW_OTHER */
#define FW_REGS 20     /* 32-bit registers as numbered here: 0..15 are NFT_REG32_00..15 */

enum fw_verdict {
	FW_ACCEPT,
	FW_DROP,
	FW_CONTINUE, /* next rule */
	FW_RETURN,
	FW_JUMP,
	FW_GOTO,
	FW_QUEUE, /* also any verdict that hands the packet away */
	FW_REJECT,
};

struct fw_target {
	enum fw_verdict verdict;
	char *chain; /* of JUMP, GOTO, in the same table; else NULL */
};

/* What a LOAD puts into a register */
enum fw_field {
	FW_F_OTHER,    /* anything else: an unknown value; name says what */
	FW_F_CT_STATE, /* u32, host order bits: 1 invalid 2 established 4 related 8 new 64
			  untracked */
	FW_F_CT_OTHER, /* any other conntrack key (mark, helper, bytes, direction, zone,
			  ...) */
	FW_F_L4PROTO,  /* u8 */
	FW_F_NFPROTO,  /* u8: 2 IPv4, 10 IPv6 */
	FW_F_IIFNAME,  /* 16 bytes, zero padded */
	FW_F_OIFNAME,
	FW_F_IIF, /* u32 index, host order; 1 is lo */
	FW_F_OIF,
	FW_F_NETWORK,	     /* payload of the network header, offset and length in the load */
	FW_F_TRANSPORT,	     /* payload of the transport header */
	FW_F_FIB_DADDR_TYPE, /* u32 RTN_* */
	FW_F_META_MARK,
	FW_F_META_OTHER,
};

enum fw_op {
	FW_LOAD,    /* field -> dreg; the rule does not match where the packet has no such field */
	FW_BITWISE, /* dreg = (sreg & mask) ^ xor */
	FW_CMP,	    /* sreg op data, else the rule does not match */
	FW_RANGE,   /* sreg in [data, data2], or outside when inverted */
	FW_LOOKUP,  /* sreg in set (inverted: not in); a map: value to dreg, or verdict */
	FW_VERDICT, /* immediate verdict: the rule ends here */
	FW_IMMEDIATE, /* data -> dreg */
	FW_EFFECT, /* always goes on to the next op: counter, log, notrack, mangling, objref (not a
		      map) */
	FW_LIMIT, /* may or may not match, and counts the packets that reach it: limit, quota, meter
		   */
	FW_MAYBE, /* may or may not match and counts nothing: an object map */
	FW_CT_LIMIT, /* ct count: connlimit */
	FW_SYNPROXY,
	FW_CT_WRITE, /* sets conntrack data (ct mark set, helper, timeout, zone): no effect
			untracked */
	FW_XT,	     /* a match or target of iptables; what it does stands in the operations that
		      * follow it, which have no body of their own. Does nothing itself */
	FW_NAT,	     /* dnat snat masquerade redirect tproxy: ends the rule with accept */
	FW_UNKNOWN,  /* an expression that this version does not know */
};

struct fw_element { /* key in [lo, hi], both inclusive, len bytes each, network order */
	uint8_t lo[FW_DATA_MAX], hi[FW_DATA_MAX];
	struct fw_target target; /* of verdict maps */
};

struct fw_set {
	char *name;
	bool anonymous, map, verdict_map;
	bool dynamic; /* the packet path may add elements (NFT_SET_EVAL), or they time out */
	bool concat;  /* key is several fields, each padded to 4 bytes */
	bool known;   /* elements were read; otherwise every lookup is a maybe */
	uint32_t key_type, key_len; /* nft's datatype number; bytes */
	uint32_t data_len;	    /* bytes of a map's values, into dreg */
	enum fw_op elements_do;	    /* what a match in it does besides: FW_LIMIT, FW_CT_LIMIT,
				     * FW_CT_WRITE, FW_SYNPROXY; FW_LOAD: nothing */
	struct fw_element *v;	    /* sorted by lo when not concat */
	size_t n;
	char *body; /* anonymous: the whole definition as body text, for the clone in a twin */
};

enum fw_cmp { FW_EQ, FW_NEQ, FW_LT, FW_LTE, FW_GT, FW_GTE };

struct fw_expr {
	enum fw_op op;
	char *name; /* the kernel's name of the expression, with its key where it has one: "cmp",
		     * "limit", "match", "ct mark", "meta skuid" */
	char *body; /* canonical text of the whole expression, verbatim attributes (nft_body.h);
		     * counters left out, an anonymous set replaced by its definition. NULL: a part
		     * of what the FW_XT before it means, or of the header of a legacy rule */
	uint8_t sreg, dreg; /* fw register numbers */
	uint8_t len;	    /* bytes loaded, masked or compared */
	bool inverted;
	enum fw_field field;
	uint16_t offset; /* of payload loads, bytes */
	enum fw_cmp cmp;
	uint8_t data[FW_DATA_MAX], data2[FW_DATA_MAX]; /* cmp data; range from, to; mask, xor */
	const struct fw_set *set;		       /* of lookups; NULL: not read, maybe */
	struct fw_target target;		       /* of FW_VERDICT */
	bool once;    /* cannot be written a second time: a jump to an anonymous chain, a set whose
		       * definition is not known */
	char *object; /* "objref" to a fixed object: its name (an object map: sreg and set instead);
		       * "match" and "target": the name of the iptables extension */
};

struct fw_rule {
	uint64_t handle; /* FORM_LEGACY: its number, from 1, twins not counted; a twin: 0 */
	char *comment;	 /* NULL: none */
	struct fw_expr *exprs;
	size_t n_exprs;
	ssize_t twin; /* index into the ruleset that was read with it, or -1: somebody else's */
};

struct fw_chain {
	enum form form;
	enum table_family family;
	char *table, *name;
	bool base;
	enum hook hook; /* of base chains */
	int priority;
	char *type;		/* "filter" "nat" "route" */
	enum fw_verdict policy; /* FW_ACCEPT or FW_DROP */
	bool owned;		/* the table has an owner: writing to it is EPERM */
	struct fw_rule *rules;
	size_t n_rules;
};

struct fw_other { /* a base chain that the walks do not enter: of bridge, arp or netdev, inet
		   * ingress, of a dormant table */
	char *family, *table, *name, *type, *hook;
	int priority;
	bool drops;   /* its policy */
	bool dormant; /* it sees no packet as long as its table is */
};

struct fw {			 /* start from {0} */
	struct fw_chain *chains; /* ip, ip6 and inet tables but ours, in the kernel's order */
	size_t n_chains;
	struct fw_other *others; /* base chains elsewhere */
	size_t n_others;
	struct fw_set **sets; /* own storage of what exprs point to */
	size_t n_sets;
};

/* Same family and table, by name; NULL: none. */
const struct fw_chain *fw_chain_find(const struct fw *fw, const struct fw_chain *near,
				     const char *name);
/* "jump { ... }": bound to the one rule that jumps there, and the kernel takes no rules for it
 * (nf_tables_api.c, nf_tables_newrule). By name: the flag was not always dumped. */
bool fw_chain_is_anonymous(const struct fw_chain *c);
/* The rule as nft would print it, as far as we can, the rest as "[name]"; for messages. The caller
 * frees. */
char *fw_rule_text(const struct fw_rule *r);
/* "inet filter input" into t. */
void fw_chain_text(const struct fw_chain *c, struct text *t);
/* Does the twin stand, or belong, in this chain? In whichever form it is written there. */
bool twin_is_in(const struct twin *w, const struct fw_chain *c);
void fw_free(struct fw *fw);

#endif
