/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nf_tables with anything in it, out of any messages: what is read can be written down and read
 * again, and a commit of it makes messages without a fault. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "fuzz/journal_again.h"
#include "fuzz/netlink.h"
#include "kernel/nft.h"
#include "kernel/nft_decode.h"
#include "report/facts.h"
#include "rules/host.h"
#include "rules/ruleset.h"

#define REQUEST_BYTES 1024 /* nft_wire.c writes them to the start of its buffer */

enum { FIRST_MOVES = 0xff, FIRST_FACTS = 1 }; /* bits of the input's first byte */

static bool moves; /* the generation, while all is read */
static uint32_t generation;

static char *facts_of(const struct host *h, size_t *len)
{
	char *text;
	FILE *f = xmemstream(&text, len);

	facts_print(h, f);
	fclose(f);
	return text;
}

static void check_facts(const struct fw *fw)
{
	struct host h = { .fw = *fw }, again = { 0 };
	auto_free char *text = NULL, *second = NULL;
	struct diag d = { 0 };
	size_t n, m;

	text = facts_of(&h, &n);
	if (!facts_parse(&again, text, n, "read", &d)) {
		second = facts_of(&again, &m);
		if (n != m || memcmp(text, second, n) != 0)
			abort();
	}
	host_free(&again);
	diag_free(&d);
}

/* What is there is wanted: the kernel is asked for nothing, or for what is amiss. And all of it is
 * taken away. */
static void check_commit(struct nft *n, const struct ruleset *ours)
{
	const struct ruleset nothing = { 0 };
	struct diag d = { 0 };

	nft_commit(n, ours, true, &d);
	diag_free(&d);
	d = (struct diag){ 0 };
	nft_commit(n, &nothing, true, &d);
	diag_free(&d);
}

static size_t answer_generation(const struct nlmsghdr *asked, void *to, size_t room)
{
	const struct nlattr a = { NLA_HDRLEN + sizeof(generation), NFTA_GEN_ID };
	uint8_t body[sizeof(struct nfgenmsg) + NLA_HDRLEN + sizeof(generation)] = { 0 };
	struct nlmsghdr h = { .nlmsg_len = sizeof(h) + sizeof(body),
			      .nlmsg_seq = asked->nlmsg_seq };
	uint32_t id;

	if (asked->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN))
		return 0;
	generation += moves;
	id = htonl(generation);
	memcpy(body + sizeof(struct nfgenmsg), &a, sizeof(a));
	memcpy(body + sizeof(struct nfgenmsg) + NLA_HDRLEN, &id, sizeof(id));
	return put_message(to, room, &h, body, sizeof(body));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ruleset ours = { 0 };
	struct diag d = { 0 };
	struct fw fw = { 0 };
	struct nft *n = NULL;
	uint8_t first;
	bool absent;

	kernel_starts(data, size);
	scratch = REQUEST_BYTES;
	knows = answer_generation;
	first = take();
	moves = first == FIRST_MOVES;
	generation = 1;
	if (nft_open(&n, &absent, &d))
		abort();
	if (!nft_read(n, &ours, &fw, &d)) {
		nft_number_twins(&fw, &ours);
		check_rules(&ours);
		if (first & FIRST_FACTS)
			check_facts(&fw);
		check_commit(n, &ours);
	} else if (!d.errors) {
		abort();
	}
	ruleset_free(&ours);
	fw_free(&fw);
	nft_close(n);
	diag_free(&d);
	return 0;
}
