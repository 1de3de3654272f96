/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of iptables-legacy while it is being written: header, matches, target. What is wrong is
 * kept, and whatever comes after it has no effect. Pure. */
#ifndef UNTRACK_IPT_WRITER_H
#define UNTRACK_IPT_WRITER_H

#include "kernel/ipt_header.h"
#include "kernel/xt_twin.h"

struct ipt_writer { /* start from {0} and a header, then ipt_writer_begin */
	struct blob b;
	struct ipt_span span;
	struct ipt_header header; /* may change until the end, but for its family */
	enum ipt_target_kind target;
	const char *why; /* NULL: nothing is wrong so far */
};

void ipt_writer_begin(struct ipt_writer *w);
void ipt_writer_match(struct ipt_writer *w, const char *name, uint8_t revision, const void *data,
		      size_t len);
void ipt_writer_target(struct ipt_writer *w, const char *name, uint8_t revision, const void *data,
		       size_t len);
/* A verdict, or a jump to a chain: libiptc makes numbers of these names. */
void ipt_writer_standard(struct ipt_writer *w, const char *name, enum ipt_target_kind kind);
bool ipt_writer_end(struct ipt_writer *w, struct ipt_written *out, const char **why);

#endif
