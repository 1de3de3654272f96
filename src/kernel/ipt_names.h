/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which chain has which name, of hundreds of them. Pure. */
#ifndef UNTRACK_IPT_NAMES_H
#define UNTRACK_IPT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define IPT_NO_NAME SIZE_MAX

struct ipt_name {
	const char *name;
	size_t place;
};

struct ipt_names { /* start from {0} */
	struct ipt_name *v;
	size_t n;
};

void ipt_names_add(struct ipt_names *l, const char *name, size_t place); /* borrows the name */
void ipt_names_sort(struct ipt_names *l);			    /* after the last of them */
size_t ipt_names_find(const struct ipt_names *l, const char *name); /* its place or IPT_NO_NAME */
void ipt_names_free(struct ipt_names *l);

#endif
