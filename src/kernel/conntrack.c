/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drains connection tracking entries over ctnetlink: dump, match, exact delete. */
#include "kernel/conntrack.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "kernel/conntrack_dump.h"
#include "kernel/conntrack_host.h"
#include "kernel/conntrack_table.h"
#include "kernel/netlink.h"
#include "util.h"

#define BATCH_MAX                                                                      \
	100 /* deletions in one send: their errors must fit into our socket (FACTS C3) \
	     */
#define DELETE_BYTES 512 /* one deletion at most: tuple, id, zone */
#define ROUNDS 3	 /* dumps, when interrupted */

struct drain {
	const struct ruleset *rs;
	struct ct_host host;
	struct mnl_socket *dump, *del;
	char *batch;
	size_t used;	 /* bytes of batch */
	unsigned queued; /* deletions in batch */
	uint32_t seq;	 /* of the next message */
	struct nlmsghdr *last;
	bool broken; /* the socket for deletions: errno says why */
	struct drain_report *report;
};

/* One datagram of answers to a batch. 1: more is to come. */
static int count_answers(struct drain *dr, const char *buf, size_t len, uint32_t last)
{
	int left = (int)len;

	for (const struct nlmsghdr *h = (const struct nlmsghdr *)buf; netlink_ok(h, left);
	     h = mnl_nlmsg_next(h, &left)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

		if (h->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(h) < sizeof(*e))
			continue;
		if (e->error && e->error != -ENOENT) /* ENOENT: gone by itself meanwhile */
			dr->report->failed++;
		if (e->error)
			dr->report->deleted--;
		if (h->nlmsg_seq == last)
			return 0;
	}
	return 1;
}

/* Errors come for the messages that failed, and an answer in any case for the last one. */
static void flush_batch(struct drain *dr)
{
	uint32_t last;
	int more = 1;

	if (!dr->queued || dr->broken)
		return;
	dr->last->nlmsg_flags |= NLM_F_ACK;
	last = dr->last->nlmsg_seq;
	dr->report->deleted += dr->queued;
	dr->broken = mnl_socket_sendto(dr->del, dr->batch, dr->used) < 0;
	while (more && !dr->broken) {
		_Alignas(struct nlmsghdr) char buf[8192];
		ssize_t n = mnl_socket_recvfrom(dr->del, buf, sizeof(buf));

		if (n > 0)
			more = count_answers(dr, buf, (size_t)n, last);
		else
			dr->broken = true;
	}
	if (dr->broken) { /* what became of them is not known */
		dr->report->deleted -= dr->queued;
		dr->report->failed += dr->queued;
	}
	dr->used = dr->queued = 0;
}

/* A deletion without a tuple, or with a filter that asks for nothing, deletes everything (FACTS
 * E2): what is sent names one entry, by a whole tuple and its id, and has no filter. */
bool conntrack_deletes_one(const struct nlmsghdr *h)
{
	const struct nlattr *a;
	unsigned got = 0;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		const uint16_t type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);

		if (type == CTA_TUPLE_ORIG && len > 2 * sizeof(*a))
			got |= 1;
		else if (type == CTA_ID && len == sizeof(uint32_t))
			got |= 2;
		else if (type != CTA_ZONE || len != sizeof(uint16_t))
			return false;
	}
	return got == 3;
}

/* The tuple goes back as it came, so that nothing of it can get lost; the zone likewise. */
static void queue_deletion(struct drain *dr, const struct ct_raw *raw)
{
	char *to = dr->batch + dr->used;
	struct nlmsghdr *h;

	if (raw->tuple->nla_len > DELETE_BYTES / 2) {
		dr->report->failed++;
		return;
	}
	h = ct_header(to, IPCTNL_MSG_CT_DELETE, 0, raw->family, dr->seq++);
	mnl_attr_put(h, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload_len(raw->tuple),
		     mnl_attr_get_payload(raw->tuple));
	mnl_attr_put(h, CTA_ID, mnl_attr_get_payload_len(raw->id), mnl_attr_get_payload(raw->id));
	if (raw->zone)
		mnl_attr_put(h, CTA_ZONE, mnl_attr_get_payload_len(raw->zone),
			     mnl_attr_get_payload(raw->zone));
	if (!conntrack_deletes_one(h)) {
		dr->report->failed++;
		return;
	}
	dr->used += MNL_ALIGN(h->nlmsg_len);
	dr->last = h;
	if (++dr->queued == BATCH_MAX)
		flush_batch(dr);
}

static void see_entry(const struct ct_entry *e, const struct ct_raw *raw, void *ctx)
{
	struct drain *dr = ctx;

	if (dr->broken || !conntrack_is_exempt(dr->rs, &dr->host, &e->orig))
		return;
	if (ct_is_translated(e))
		dr->report->kept_nat++;
	else if (e->flags & CT_HELPER)
		dr->report->kept_helper++;
	else
		queue_deletion(dr, raw);
}

/* One dump. 0; -1 with errno: EINTR if the kernel says that it was interrupted. */
static int drain_once(struct drain *dr, uint8_t family)
{
	const struct ct_question all = { .family = family };
	struct ct_reading reading = { 0 };
	int rc = ct_dump(dr->dump, &all, &dr->seq, see_entry, dr, &reading), errnum = errno;

	flush_batch(dr);
	dr->report->seen = reading.entries + reading.unread;
	errno = errnum;
	return rc;
}

/* Entries that an interrupted dump has missed are in the next one; what is deleted is not. */
static int drain_rounds(struct drain *dr, uint8_t family)
{
	int rc = -1;

	for (int i = 0; i < ROUNDS && rc; i++) {
		dr->report->kept_nat = dr->report->kept_helper = 0;
		rc = drain_once(dr, family);
		if (rc && errno != EINTR)
			break;
	}
	return rc;
}

static int run(struct drain *dr, unsigned families)
{
	dr->dump = ct_open();
	dr->del = dr->dump ? ct_open() : NULL;
	if (!dr->del)
		return -1;
	dr->batch = xcalloc(BATCH_MAX, DELETE_BYTES);
	if (drain_rounds(dr, families == FAMILIES_V4   ? AF_INET
			     : families == FAMILIES_V6 ? AF_INET6
						       : AF_UNSPEC))
		return -1;
	return dr->broken || dr->report->failed ? -1 : 0;
}

int conntrack_drain(const struct ruleset *rs, struct drain_report *report, struct diag *d)
{
	struct drain dr = { .rs = rs, .seq = 1, .report = report };
	struct ct_routes *routes;
	unsigned families = 0;
	int rc;

	*report = (struct drain_report){ 0 };
	for (size_t i = 0; i < rs->n_rules; i++)
		families |= rs->rules[i].match.families;
	if (!families || !ct_is_tracking())
		return 0;
	routes = ct_routes_open(&dr.host);
	rc = routes ? run(&dr, families) : -1;
	if (rc) {
		int errnum = errno;

		if (report->failed)
			diag_warn(d, NULL, "drain",
				  "%lu stale conntrack entries could not be dropped",
				  report->failed);
		else
			diag_warn(d, NULL, "drain",
				  "the conntrack table could not be searched for stale entries: %s",
				  strerror(errnum));
		diag_cure(d,
			  "they end by their timeouts; conntrack -L shows them, and untrack apply "
			  "tries again");
	}
	if (routes)
		ct_routes_free(routes, &dr.host);
	if (dr.dump)
		mnl_socket_close(dr.dump);
	if (dr.del)
		mnl_socket_close(dr.del);
	free(dr.batch);
	return rc;
}
