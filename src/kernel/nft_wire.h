/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nf_tables over netlink: dumps that are whole or said not to be, and one batch per transaction. */
#ifndef UNTRACK_NFT_WIRE_H
#define UNTRACK_NFT_WIRE_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>
#include "report/diag.h"

struct nft_wire; /* one bound NETLINK_NETFILTER socket and its buffer */

/* NULL with a finding (no nf_tables in this kernel, no privilege). */
struct nft_wire *nft_wire_open(struct diag *d);
void nft_wire_close(struct nft_wire *w);

/* The generation id; 0 with a finding on failure (the kernel never uses 0). */
uint32_t nft_wire_genid(struct nft_wire *w, struct diag *d);

/* Sends the dump request that build() writes after the header and gives every answer to cb. 0; 1:
 * an interrupted dump (NLM_F_DUMP_INTR, EINTR): drained, the caller starts its snapshot again; -1
 * with errno (ENOENT: no such table or set) and no finding. */
int nft_wire_dump(struct nft_wire *w, uint16_t msg, uint8_t family,
		  void (*build)(struct nlmsghdr *h, const void *arg), const void *arg,
		  void (*cb)(const struct nlmsghdr *h, void *ctx), void *ctx);

struct nft_batch { /* start from {0}; the messages between BEGIN and END */
	char *data;
	size_t len, cap;
	size_t room; /* of the message being written */
	uint32_t n;  /* messages so far, BEGIN not counted */
};

/* A fresh message header in the batch (NFT_MSG_*) with room bytes, zeroed, for its attributes (a
 * nest of NFT_ATTR_MAX bytes at most, or the kernel reads less than was written: FACTS C5). Append
 * attributes, then nft_batch_done. Its number, from 0, leads an error back to its rule. The pointer
 * is good until the next nft_batch_msg. */
#define NFT_ROOM 4096 /* enough for everything but rules with bodies and lists of elements */
#define NFT_ATTR_MAX 65535
struct nlmsghdr *nft_batch_msg(struct nft_batch *b, uint16_t msg, uint8_t family, uint16_t flags,
			       size_t room);
void nft_batch_done(struct nft_batch *b, struct nlmsghdr *h);
void nft_batch_free(struct nft_batch *b);

enum nft_send {
	NFT_SENT,
	NFT_STALE,   /* ERESTART on BEGIN: the generation id has moved, nothing applied */
	NFT_REFUSED, /* errors[] says which messages; nothing applied */
	NFT_UNKNOWN, /* replies lost (ENOBUFS): read back */
};
struct nft_error {
	uint32_t message; /* number in the batch */
	int errnum;
};
/* One sendto of BEGIN (with genid) + batch + END (left out when dry: the kernel validates and
 * throws away). At most max errors are kept, *n_errors says how many; a failure of sendto itself is
 * one error with message UINT32_MAX. */
enum nft_send nft_batch_send(struct nft_wire *w, struct nft_batch *b, uint32_t genid, bool dry,
			     struct nft_error *errors, size_t max, size_t *n_errors);

#endif
