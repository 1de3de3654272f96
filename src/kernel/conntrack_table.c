/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of connection tracking, read for who wants to know what is in it. */
#include "kernel/conntrack_table.h"

#include <errno.h>
#include <sys/socket.h>
#include "kernel/conntrack_dump.h"
#include "kernel/ct_sysctl.h"
#include "kernel/module.h"
#include "util.h"

#define ROUNDS 3	      /* readings, when interrupted */
#define PROGRESS_ENTRIES 4096 /* between two words of progress; a power of two */

struct pass {
	const struct ct_reader *reader;
	struct ct_reading *r;
};

enum ct_presence ct_presence(void)
{
	unsigned long count;

	if (ct_sysctl_get(CT_SYSCTL_DIR, "nf_conntrack_count", &count))
		return CT_ABSENT;
	return count ? CT_IN_USE : CT_IDLE;
}

bool ct_is_tracking(void)
{
	return ct_presence() == CT_IN_USE;
}

static void see_entry(const struct ct_entry *e, const struct ct_raw *raw, void *ctx)
{
	struct pass *p = ctx;

	(void)raw;
	p->reader->entry(p->reader->ctx, e);
	if (p->reader->progress && !(p->r->entries & (PROGRESS_ENTRIES - 1)))
		p->reader->progress(p->reader->ctx, p->r->entries, p->r->count_before);
}

/* 0; -1 with errno. Where the kernel makes the table anew, what was in buckets already passed can
 * be in buckets to come, and the other way round (nf_conntrack_hash_resize()). */
static int read_once(struct mnl_socket *nl, uint32_t *seq, struct pass *p)
{
	const struct ct_question all = { .family = AF_UNSPEC };
	unsigned long buckets = 0, buckets_after = 0;
	int rc;

	*p->r = (struct ct_reading){ 0 };
	ct_sysctl_get(CT_SYSCTL_DIR, "nf_conntrack_buckets", &buckets);
	ct_sysctl_get(CT_SYSCTL_DIR, "nf_conntrack_count", &p->r->count_before);
	rc = ct_dump(nl, &all, seq, see_entry, p, p->r);
	if (rc && errno != EINTR)
		return -1;
	ct_sysctl_get(CT_SYSCTL_DIR, "nf_conntrack_buckets", &buckets_after);
	ct_sysctl_get(CT_SYSCTL_DIR, "nf_conntrack_count", &p->r->count_after);
	p->r->interrupted = p->r->interrupted || buckets != buckets_after;
	return 0;
}

static int read_rounds(struct mnl_socket *nl, struct pass *p)
{
	uint32_t seq = 1;
	int rc = read_once(nl, &seq, p);

	for (int i = 1; i < ROUNDS && !rc && p->r->interrupted && p->reader->restart; i++) {
		p->reader->restart(p->reader->ctx);
		rc = read_once(nl, &seq, p);
	}
	return rc;
}

static int unread(struct diag *d, int errnum)
{
	diag_error(d, NULL, "conntrack-unread", errnum,
		   "the table of connection tracking cannot be read");
	if (errnum == EPERM)
		diag_cure(d, "run this as root, or with CAP_NET_ADMIN");
	else
		diag_cure(d, "is nf_conntrack_netlink part of this kernel?");
	return -1;
}

int ct_table_read(const struct ct_reader *reader, struct ct_reading *reading, struct diag *d)
{
	struct ct_reading r = { 0 };
	struct pass p = { reader, &r };
	struct mnl_socket *nl;
	int rc = -1, errnum;

	if (!ct_is_tracking()) {
		*reading = r;
		return 0;
	}
	if (!module_may_be_asked("nf_conntrack_netlink")) {
		diag_error(d, NULL, "conntrack-unread", 0,
			   "the table of connection tracking cannot be read: the module "
			   "nf_conntrack_netlink is not loaded, and asking would load it");
		diag_cure(d, "modprobe nf_conntrack_netlink");
		return -1;
	}
	nl = ct_open();
	if (nl)
		rc = read_rounds(nl, &p);
	errnum = errno;
	if (nl)
		mnl_socket_close(nl);
	if (rc)
		return unread(d, errnum);
	if (reader->progress)
		reader->progress(reader->ctx, r.entries, r.entries);
	*reading = r;
	return 0;
}

void ct_reading_say(const struct ct_reading *r, struct diag *d)
{
	if (r->interrupted) {
		diag_warn(
			d, NULL, "conntrack-changed",
			"the table changed while it was read (%lu entries before, %lu after): the "
			"figures may lack some",
			r->count_before, r->count_after);
		diag_cure(d, "run this again when nobody changes nf_conntrack_buckets");
	}
	if (r->unread) {
		diag_warn(d, NULL, "conntrack-strange",
			  "%lu entries could not be understood, and are not in the figures",
			  r->unread);
		diag_cure(d, "conntrack -L shows them");
	}
	if (r->strange)
		diag_note(
			d, NULL, "conntrack-strange",
			"%lu entries have attributes that this version does not know; they are in "
			"the figures",
			r->strange);
}
