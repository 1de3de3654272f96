/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules and classes of exempt packets, for programs and for the curious. */
#ifndef UNTRACK_SHOW_H
#define UNTRACK_SHOW_H

#include <jansson.h>
#include <stdio.h>
#include "rules/compile.h"

/* The raw rules, the classes that twins are made for, and the settings of conntrack, as one JSON
 * object. */
void show_json(const struct policy *p, const struct host_params *h, const struct ruleset *rs,
	       FILE *out);

/* The classes as comment lines behind the printed rules: "# input opening web protocol tcp ...". */
void show_classes(const struct policy *p, const struct host_params *h, FILE *out);

/* The settings of conntrack as such lines: "# conntrack max = 1000000". */
void show_settings(const struct policy *p, FILE *out);

/* What a match says, without its defaults. The caller owns the reference. */
json_t *match_json(const struct match *m);

#endif
