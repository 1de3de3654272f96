/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which backends there are, and which one a host gets. */
#include "kernel/backend.h"

int backend_open(enum backend_choice choice, const struct backend_ops **ops, struct backend **b,
		 struct diag *d)
{
	switch (choice) {
	case BACKEND_AUTO:
	case BACKEND_NFTABLES:
		if (nft_backend.open(b, d))
			return -1;
		*ops = &nft_backend;
		return 0;
	case BACKEND_IPTABLES:
		break;
	}
	diag_error(d, NULL, "backend", 0, "this version has no backend for legacy iptables");
	diag_cure(d, "set backend = nftables");
	return -1;
}
