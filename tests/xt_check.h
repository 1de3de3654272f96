/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One extension of iptables, from its struct to the operations that say what it means. After
 * cmocka.h. */
#ifndef UNTRACK_TESTS_XT_CHECK_H
#define UNTRACK_TESTS_XT_CHECK_H

#include "kernel/xt.h"
#include "nft_build.h"
#include "xt_text.h"

#define DATA(type, ...) (&(const type){ __VA_ARGS__ }), sizeof(type)
#define MATCH(name, rev, type, ...) name, rev, false, DATA(type, __VA_ARGS__)
#define TARGET(name, rev, type, ...) name, rev, true, DATA(type, __VA_ARGS__)

struct lowered {
	struct fw fw;
	struct fw_rule rule;
};

static inline void lower(struct lowered *l, const char *name, uint8_t revision, bool target,
			 const void *data, size_t len, enum family f)
{
	/* In memory of exactly this size, so that ASan sees one byte too many. */
	uint8_t *copy = xmemdup(data, len);
	struct xt_ext x = { name, revision, target, copy, len };

	*l = (struct lowered){ 0 };
	xt_lower(&l->fw, &l->rule, f, &x);
	free(copy);
}

static inline void lowered_free(struct lowered *l)
{
	for (size_t i = 0; i < l->rule.n_exprs; i++)
		expr_free(&l->rule.exprs[i]);
	free(l->rule.exprs);
	fw_free(&l->fw);
}

static inline void check(const char *name, uint8_t revision, bool target, const void *data,
			 size_t len, enum family f, const char *want)
{
	struct lowered l;
	char *got;

	lower(&l, name, revision, target, data, len, f);
	got = x_text(&l.rule);
	if (strcmp(got, want))
		fail_msg("%s revision %u over IPv%c:\n  %s\nnot\n  %s", name, revision,
			 f == FAMILY_V4 ? '4' : '6', got, want);
	for (size_t i = 0; i < l.rule.n_exprs; i++)
		assert_false(l.rule.exprs[i].once);
	free(got);
	lowered_free(&l);
}

static inline void check_match(const char *name, uint8_t revision, bool target, const void *data,
			       size_t len, const char *want)
{
	check(name, revision, target, data, len, FAMILY_V4, want);
	check(name, revision, target, data, len, FAMILY_V6, want);
}

#endif
