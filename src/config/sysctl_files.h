/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of sysctl.d(5) ask of connection tracking, in the order in which the boot of a
 * host applies them. */
#ifndef UNTRACK_SYSCTL_FILES_H
#define UNTRACK_SYSCTL_FILES_H

#include <stddef.h>
#include <stdint.h>

struct sysctl_setting {
	char *name;  /* of net.netfilter: "nf_conntrack_max" */
	char *value; /* as it stands there */
	char *file;  /* "/etc/sysctl.d/90-x.conf" */
	unsigned line;
};

struct sysctl_files {		  /* start from {0} */
	struct sysctl_setting *v; /* one for each name: the one that is applied last; by name */
	size_t n;
	char **unread; /* "/etc/sysctl.d/90-x.conf: Permission denied" */
	size_t n_unread;
};

/* /etc/sysctl.d, /run/sysctl.d, /usr/local/lib/sysctl.d and /usr/lib/sysctl.d below root (""): all
 * *.conf by name, of one name the one in the first of these directories; then /etc/sysctl.conf, as
 * "sysctl --system" does. Never fails; what cannot be read is listed. */
void sysctl_files_read(struct sysctl_files *f, const char *root);

/* The lines of one file, for tests and for sysctl_files_read. Pure. */
void sysctl_files_add(struct sysctl_files *f, const char *text, const char *file);

void sysctl_files_free(struct sysctl_files *f);

#endif
