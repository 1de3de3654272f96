/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps of ctnetlink, as a kernel of our own sends them: decoded, none twice, nothing in silence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <errno.h>

#include "ct_build.h"
#include "kernel/conntrack_dump.h"
#include "util.h"

#define PIECES 8
#define SEEN 16

static struct kernel { /* what it answers, datagram by datagram */
	char piece[PIECES][16384];
	size_t len[PIECES];
	int errnum[PIECES]; /* in place of a datagram */
	size_t n, next;
} kernel;

/* These take the place of libmnl's. */
ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *buf, size_t len)
{
	(void)nl;
	(void)buf;
	return (ssize_t)len;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t len)
{
	size_t i = kernel.next++;

	(void)nl;
	assert_true(i < kernel.n);
	assert_true(kernel.len[i] <= len);
	errno = kernel.errnum[i];
	if (errno)
		return -1;
	memcpy(buf, kernel.piece[i], kernel.len[i]);
	return (ssize_t)kernel.len[i];
}

static struct nlmsghdr *begin(uint16_t flags)
{
	return ct_put_header(kernel.piece[kernel.n] + kernel.len[kernel.n], IPCTNL_MSG_CT_NEW,
			     NLM_F_MULTI | flags, 1, FAMILY_V4);
}

static void finish(const struct nlmsghdr *h)
{
	kernel.len[kernel.n] += MNL_ALIGN(h->nlmsg_len);
}

static void put_id(struct nlmsghdr *h, uint32_t id, unsigned sport)
{
	auto_free char *orig = xasprintf("tcp 10.0.0.9 %u 192.0.2.1 80", sport);
	auto_free char *reply = xasprintf("tcp 192.0.2.1 80 10.0.0.9 %u", sport);
	struct ct_tuple t;

	assert_true(ct_tuple_of(orig, &t));
	ct_put_tuple(h, CTA_TUPLE_ORIG, &t);
	assert_true(ct_tuple_of(reply, &t));
	ct_put_tuple(h, CTA_TUPLE_REPLY, &t);
	mnl_attr_put_u32(h, CTA_ID, htonl(id));
}

static void put_plain(uint32_t id, unsigned sport, uint16_t flags)
{
	struct nlmsghdr *h = begin(flags);

	put_id(h, id, sport);
	finish(h);
}

static void put_end(int error)
{
	struct nlmsghdr *h = begin(0);

	h->nlmsg_type = NLMSG_DONE;
	*(int *)mnl_nlmsg_get_payload(h) = error;
	finish(h);
	kernel.n++;
}

struct seen {
	struct ct_entry v[SEEN];
	size_t n;
};

static void see(const struct ct_entry *e, const struct ct_raw *raw, void *ctx)
{
	struct seen *s = ctx;

	assert_non_null(raw->tuple);
	assert_true(s->n < SEEN);
	s->v[s->n++] = *e;
}

static int dump(struct seen *s, struct ct_reading *r)
{
	const struct ct_question all = { .family = AF_UNSPEC };
	uint32_t seq = 1;
	int rc;

	*s = (struct seen){ 0 };
	*r = (struct ct_reading){ 0 };
	kernel.next = 0;
	rc = ct_dump(NULL, &all, &seq, see, s, r);
	memset(&kernel, 0, sizeof(kernel));
	return rc;
}

static void what_comes_again_is_seen_once(void **state)
{
	struct ct_reading r;
	struct seen s;

	(void)state;
	put_plain(1, 1001, 0);
	put_plain(2, 1002, 0);
	put_plain(3, 1003, 0);
	kernel.n++;
	/* the bucket of 2 and 3 again, with a new entry at its head; 4 has the id of one mark */
	put_plain(9, 1009, 0);
	put_plain(2, 1002, 0);
	put_plain(3, 1003, 0);
	put_plain(1 + 4096, 1004, 0);
	kernel.n++;
	put_plain(3, 1005, 0); /* the same id by chance, another entry */
	put_end(0);
	assert_int_equal(dump(&s, &r), 0);
	assert_int_equal(r.entries, 6);
	assert_int_equal(r.again, 2);
	assert_int_equal(s.n, 6);
	assert_int_equal(s.v[3].orig.sport, 1009);
	assert_int_equal(s.v[5].orig.sport, 1005);
	assert_false(r.interrupted);
}

static void an_interruption_is_said(void **state)
{
	struct ct_reading r;
	struct seen s;

	(void)state;
	put_plain(1, 1001, 0);
	kernel.n++;
	put_plain(2, 1002, NLM_F_DUMP_INTR);
	kernel.n++;
	put_plain(3, 1003, 0);
	put_end(0);
	assert_int_equal(dump(&s, &r), -1);
	assert_int_equal(errno, EINTR);
	assert_true(r.interrupted);
	assert_int_equal(r.entries, 3);
}

static void a_signal_is_no_end(void **state)
{
	struct ct_reading r;
	struct seen s;

	(void)state;
	put_plain(1, 1001, 0);
	kernel.n++;
	kernel.errnum[kernel.n++] = EINTR;
	put_plain(2, 1002, 0);
	put_end(0);
	assert_int_equal(dump(&s, &r), 0);
	assert_int_equal(r.entries, 2);
}

static void errors_come_through(void **state)
{
	struct ct_reading r;
	struct seen s;

	(void)state;
	put_end(-EPERM);
	assert_int_equal(dump(&s, &r), -1);
	assert_int_equal(errno, EPERM);
	assert_false(r.interrupted);
	put_plain(1, 1001, 0);
	kernel.n++;
	kernel.errnum[kernel.n++] = ENOBUFS;
	assert_int_equal(dump(&s, &r), -1);
	assert_int_equal(errno, ENOBUFS);
}

/* libmnl alone takes these for negative, and for short enough. */
static void no_message_is_longer_than_its_datagram(void **state)
{
	static const uint32_t lengths[] = { 0x80000000, 0xffffffff, 0x7fffffff, 4096 };
	struct ct_reading r;
	struct seen s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct nlmsghdr *h;

		put_plain(1, 1001, 0);
		h = begin(0);
		put_id(h, 2, 1002);
		finish(h);
		h->nlmsg_len = lengths[i];
		kernel.n++;
		put_plain(3, 1003, 0);
		put_end(0);
		assert_int_equal(dump(&s, &r), 0);
		assert_int_equal(r.entries, 2);
	}
}

static void put_counters(struct nlmsghdr *h, uint16_t type, uint64_t packets, uint64_t bytes)
{
	struct nlattr *nest = mnl_attr_nest_start(h, type);

	mnl_attr_put_u64(h, CTA_COUNTERS_PACKETS, htobe64(packets));
	mnl_attr_put_u64(h, CTA_COUNTERS_BYTES, htobe64(bytes));
	mnl_attr_nest_end(h, nest);
}

static void every_field_is_decoded(void **state)
{
	struct nlmsghdr *h = begin(0);
	const struct ct_entry *e;
	struct ct_reading r;
	struct seen s;

	(void)state;
	put_id(h, 7, 1001);
	mnl_attr_put_u32(h, CTA_STATUS,
			 htonl(IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED | IPS_DST_NAT));
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(431999));
	mnl_attr_put_u32(h, CTA_MARK, htonl(0x1234));
	mnl_attr_put_u32(h, CTA_USE, htonl(1));
	mnl_attr_put_u16(h, CTA_ZONE, htons(5));
	ct_put_tcp_state(h, CT_TIME_WAIT);
	ct_put_helper(h, "ftp");
	put_counters(h, CTA_COUNTERS_ORIG, 10, UINT64_C(5) << 32);
	put_counters(h, CTA_COUNTERS_REPLY, 20, 3000);
	finish(h);
	put_end(0);
	assert_int_equal(dump(&s, &r), 0);
	e = &s.v[0];
	assert_int_equal(e->id, 7);
	assert_int_equal(e->zone, 5);
	assert_int_equal(e->state, CT_TIME_WAIT);
	assert_string_equal(ct_state_name(e->state), "TIME_WAIT");
	assert_int_equal(e->timeout, 431999);
	assert_int_equal(e->mark, 0x1234);
	assert_int_equal(e->flags, CT_SEEN_REPLY | CT_ASSURED | CT_DST_NAT | CT_TIMED | CT_HELPER |
					   CT_COUNTED);
	assert_int_equal(e->packets[0], 10);
	assert_int_equal(e->bytes[0], UINT64_C(5) << 32);
	assert_int_equal(e->packets[1], 20);
	assert_int_equal(e->bytes[1], 3000);
	assert_true(ct_is_inverse(&e->orig, &e->reply));
	assert_true(ct_is_translated(e));
	assert_int_equal(r.strange, 0);
}

static void put_strange(uint16_t type, size_t len)
{
	struct nlmsghdr *h = begin(0);
	static const char zero[8];

	put_id(h, 8, 1002);
	mnl_attr_put(h, type, len, zero);
	finish(h);
}

static void what_is_not_known_is_counted(void **state)
{
	struct ct_tuple master;
	struct ct_reading r;
	struct nlmsghdr *h;
	struct seen s;

	(void)state;
	put_strange(99, 4);
	kernel.n++;
	put_strange(CTA_STATUS, 2);
	kernel.n++;
	h = begin(0);
	put_id(h, 9, 1003);
	ct_put_tcp_state(h, 77);
	finish(h);
	h = begin(0); /* no tuples */
	mnl_attr_put_u32(h, CTA_ID, htonl(1));
	finish(h);
	h = begin(0);
	((struct nfgenmsg *)mnl_nlmsg_get_payload(h))->nfgen_family = AF_BRIDGE;
	put_id(h, 10, 1004);
	finish(h);
	h = begin(0);
	put_id(h, 11, 1005);
	assert_true(ct_tuple_of("tcp 10.0.0.9 1 192.0.2.1 21", &master));
	ct_put_tuple(h, CTA_TUPLE_MASTER, &master);
	finish(h);
	put_end(0);
	assert_int_equal(dump(&s, &r), 0);
	assert_int_equal(r.entries, 3);
	assert_int_equal(r.again, 1);
	assert_int_equal(r.strange, 2);
	assert_int_equal(r.unread, 2);
	assert_int_equal(s.v[0].flags, CT_STRANGE);
	assert_int_equal(s.v[1].flags, CT_STRANGE);
	assert_int_equal(s.v[1].state, CT_NONE);
	assert_int_equal(s.v[2].flags, CT_EXPECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_again_is_seen_once),
		cmocka_unit_test(an_interruption_is_said),
		cmocka_unit_test(a_signal_is_no_end),
		cmocka_unit_test(errors_come_through),
		cmocka_unit_test(no_message_is_longer_than_its_datagram),
		cmocka_unit_test(every_field_is_decoded),
		cmocka_unit_test(what_is_not_known_is_counted),
	};

	return cmocka_run_group_tests_name("conntrack_dump", tests, NULL, NULL);
}
