/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One entry of an iptables-legacy table (struct ipt_entry or ip6t_entry with its matches and its
 * target) to a rule of the firewall or to a twin, and a twin to an entry. Pure and total. */
#ifndef UNTRACK_IPT_ENTRY_H
#define UNTRACK_IPT_ENTRY_H

#include "kernel/nft_attr.h"
#include "kernel/xt.h"

struct ipt_side { /* network order, the first 4 or all 16 bytes */
	uint8_t addr[16], mask[16];
	bool inverted;
};

struct ipt_iface {
	uint8_t name[IFNAMSIZ], mask[IFNAMSIZ];
	bool inverted;
};

struct ipt_header { /* what both families have, and what is left of them */
	enum family family;
	struct ipt_side src, dst;
	struct ipt_iface in, out;
	uint16_t proto; /* 0: any */
	bool not_proto;
	bool is_goto;
	bool odd; /* asks for more: fragments, flags that we do not know */
};

/* Points into the entry. */
struct ipt_entry_parts {
	struct ipt_header header;
	struct xt_ext *matches; /* the owner frees */
	size_t n_matches;
	struct xt_ext target;
	bool standard;	     /* the target is a verdict or a chain, and this is its name */
	const char *verdict; /* "ACCEPT" "DROP" "QUEUE" "RETURN", a chain; "": none */
};

/* Bytes of an entry that libiptc or the kernel made. */
size_t ipt_entry_size(enum family f, const void *entry);

/* Takes at most len bytes of entry apart. target: what libiptc calls it (ipt_family.h). false: it
 * is no entry, and nothing is to be freed. */
bool ipt_entry_read(enum family f, const void *entry, size_t len, const char *target,
		    struct ipt_entry_parts *out);

/* What the rule does, appended to *r, comment included; sets to fw. */
void ipt_entry_rule(struct fw *fw, const struct ipt_entry_parts *p, struct fw_rule *r);

/* Is it a twin of ours? Then match, names and body of *w are set. */
bool ipt_entry_twin(const struct ipt_entry_parts *p, struct twin *w);

/* Appends what tells the rule from others: without counters, and without the bytes that the kernel
 * and libiptc leave to chance (FACTS B4). */
void ipt_entry_canon(struct blob *b, const struct ipt_entry_parts *p, const void *entry);

enum ipt_target_kind { IPT_VERDICT, IPT_CHAIN, IPT_EXTENSION };

struct ipt_written {
	void *entry; /* the owner frees */
	size_t len;
	const char
		*target; /* as it stands in the entry: libiptc makes verdicts and jumps of names */
	enum ipt_target_kind kind; /* what it has to become */
};

/* An entry for libiptc. false: none can hold the twin, and *why points at the reason. */
bool ipt_entry_write(const struct twin *w, struct ipt_written *out, const char **why);

#endif
