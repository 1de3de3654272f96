/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header of an entry of iptables-legacy: protocol, interfaces, addresses. Pure and total. */
#ifndef UNTRACK_IPT_HEADER_H
#define UNTRACK_IPT_HEADER_H

#include "kernel/ipt_entry.h"

struct ipt_span { /* offsets within an entry */
	size_t matches, target, next;
};

/* false: the offsets do not fit into len bytes. */
bool ipt_header_read(enum family f, const void *entry, size_t len, struct ipt_header *h,
		     struct ipt_span *s);

/* Its tests as operations without a body, in the order of iptables-nft. */
void ipt_header_rule(const struct ipt_header *h, struct fw_rule *r);

/* Family, protocol and interfaces into *m, the addresses as words of a twin's body. false: nothing
 * that a twin's header can be, and nothing to be freed. */
bool ipt_header_match(const struct ipt_header *h, struct match *m, struct text *body);

/* Bytes of an entry before its matches. */
size_t ipt_header_size(enum family f);
/* The inverse of ipt_header_match: takes the addresses off *body. NULL, or what is wrong. *h is
 * overwritten. */
const char *ipt_header_of(const struct match *m, const char **body, struct ipt_header *h);
/* The packet's source or destination. */
void ipt_header_address(struct ipt_header *h, bool is_src, bool inverted, const struct prefix *p);
/* Into the first ipt_header_size bytes of entry, which are zero. */
void ipt_header_write(const struct ipt_header *h, const struct ipt_span *s, void *entry);

/* Packets and bytes of a whole entry. */
void ipt_header_read_counters(enum family f, const void *entry, uint64_t *packets, uint64_t *bytes);
void ipt_header_write_counters(enum family f, void *entry, uint64_t packets, uint64_t bytes);

void ipt_header_canon(struct blob *b, enum family f, const void *entry);

#endif
