/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be said of rules for iptables-legacy before they are written. */
#include <fcntl.h>
#include <unistd.h>

#include "kernel/ipt.h"
#include "kernel/ipt_family.h"

/* Names of tables are a file for each family, once its module is there (FACTS B5). */
bool ipt_is_there(void)
{
	return !access(ipt_family(FAMILY_V4)->proc, F_OK) ||
	       !access(ipt_family(FAMILY_V6)->proc, F_OK);
}

int ipt_check(const struct ruleset *want, struct diag *d)
{
	(void)d;
	for (size_t i = 0; i < want->n_rules; i++)
		if (want->rules[i].form == FORM_LEGACY)
			return 1;
	return 0;
}
