/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nf_tables says of itself when somebody has changed its rules: that they did, and who. */
#ifndef UNTRACK_NFT_WATCH_H
#define UNTRACK_NFT_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "report/diag.h"

struct nft_watch; /* one socket of the kernel's notifications */

struct nft_news {	  /* since the last read; start from {0} */
	unsigned commits; /* of others */
	bool lost;	  /* there were more than the kernel could hold for us */
	uint32_t pid;	  /* of the last one, as the first pid namespace counts; 0: unknown */
	char name[16];	  /* and the name of that process; "": unknown */
};

/* Changes from now on. NULL: *absent and no finding where this kernel has no nf_tables, else with a
 * finding. */
struct nft_watch *nft_watch_open(bool *absent, struct diag *d);
int nft_watch_fd(const struct nft_watch *w); /* for poll: there is something to read */
/* All that there is, without waiting; what this process has changed itself does not count. Adds to
 * news. 0, or -1 with errno. */
int nft_watch_read(struct nft_watch *w, struct nft_news *news);
void nft_watch_close(struct nft_watch *w); /* NULL is fine */

#endif
