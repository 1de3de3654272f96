/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules against a firewall that others have changed since: what of them still has a place there. */
#ifndef UNTRACK_STANDING_H
#define UNTRACK_STANDING_H

#include "rules/fw.h"
#include "rules/ruleset.h"

/* Differences in rules and twins; foreign objects are the caller's affair. out as in ruleset_diff.
 */
size_t standing_differences(const struct ruleset *want, const struct ruleset *got, FILE *out);
/* rs as far as it still has a place on this firewall: a twin whose anchor somebody has removed
 * since cannot come back, and its rule is gone with it. Returns the number of twins left out. */
size_t standing_copy(struct ruleset *to, const struct ruleset *rs, const struct fw *fw);
/* Does the kernel, as last looked at, hold rs, apart from what others have removed since? */
bool standing_holds(const struct ruleset *ours, const struct fw *fw, const struct ruleset *rs);

#endif
