/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be said of rules for iptables-legacy before they are written. */
#include <fcntl.h>
#include <unistd.h>

#include "kernel/ipt.h"
#include "kernel/ipt_family.h"
#include "kernel/ipt_layout.h"

/* Names of tables are a file for each family, once its module is there (FACTS B5). */
bool ipt_is_there(void)
{
	return !access(ipt_family(FAMILY_V4)->proc, F_OK) ||
	       !access(ipt_family(FAMILY_V6)->proc, F_OK);
}

int ipt_check(const struct ruleset *want, struct diag *d)
{
	int rc = 0;

	for (enum family f = FAMILY_V4; f <= FAMILY_V6; f++) {
		struct ipt_layout l = { 0 };

		if (ipt_layout_make(&l, want, f, d))
			rc = -1;
		else if (l.n && !rc)
			rc = 1;
		ipt_layout_free(&l);
	}
	return rc;
}
