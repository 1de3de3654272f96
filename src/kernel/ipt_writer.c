/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of iptables-legacy while it is being written. */
#include "kernel/ipt_writer.h"

#include <libiptc/libxtc.h>
#include <linux/netfilter/x_tables.h>
#include <string.h>

void ipt_writer_begin(struct ipt_writer *w)
{
	w->span.matches = ipt_header_size(w->header.family);
	w->b.v = xcalloc(1, w->span.matches);
	w->b.n = w->b.cap = w->span.matches;
}

/* Matches, targets and entries alike say their length in 16 bits. */
void ipt_writer_match(struct ipt_writer *w, const char *name, uint8_t revision, const void *data,
		      size_t len)
{
	const size_t head = XT_ALIGN(sizeof(struct xt_entry_match));
	static const uint8_t padding[XT_ALIGN(1)];
	struct xt_entry_match m = { .u.user.revision = revision };

	if (w->why)
		return;
	if (strlen(name) >= sizeof(m.u.user.name)) {
		w->why = "a name that is too long";
		return;
	}
	if (w->b.n + head + XT_ALIGN(len) > UINT16_MAX) {
		w->why = "more than one rule can hold";
		return;
	}
	m.u.match_size = (uint16_t)(head + XT_ALIGN(len));
	memcpy(m.u.user.name, name, strlen(name));
	blob_add(&w->b, &m, sizeof(m));
	if (len)
		blob_add(&w->b, data, len);
	blob_add(&w->b, padding, XT_ALIGN(len) - len);
}

void ipt_writer_target(struct ipt_writer *w, const char *name, uint8_t revision, const void *data,
		       size_t len)
{
	w->target = IPT_EXTENSION;
	w->span.target = w->b.n;
	ipt_writer_match(w, name, revision, data, len);
	w->span.next = w->b.n;
}

void ipt_writer_standard(struct ipt_writer *w, const char *name, enum ipt_target_kind kind)
{
	const int verdict = 0; /* libiptc knows better */

	ipt_writer_target(w, name, 0, &verdict, sizeof(verdict));
	w->target = kind;
}

bool ipt_writer_end(struct ipt_writer *w, struct ipt_written *out, const char **why)
{
	if (w->why) {
		free(w->b.v);
		*why = w->why;
		return false;
	}
	ipt_header_write(&w->header, &w->span, w->b.v);
	*out = (struct ipt_written){
		.entry = w->b.v,
		.len = w->b.n,
		.target = (const char *)w->b.v + w->span.target +
			  offsetof(struct xt_entry_target, u.user.name),
		.kind = w->target,
	};
	return true;
}
