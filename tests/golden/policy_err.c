/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Driver of run-bad.sh: the findings of the configuration files given, and nothing else. */
#include "config/policy.h"

int main(int argc, char **argv)
{
	struct policy p = { 0 };
	struct diag d = { 0 };
	int rc = policy_load(&p, (const char *const *)(argv + 1), (size_t)argc - 1, &d);

	diag_print(&d, stdout, SEVERITY_NOTE, false);
	if (!rc)
		policy_print(&p, stdout);
	policy_free(&p);
	diag_free(&d);
	return -rc;
}
