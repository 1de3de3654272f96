/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nf_tables: reads whole snapshots, writes one batch, leads errors back. */
#include "kernel/nft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nft_commit.h"
#include "kernel/nft_decode.h"

#define ERRORS_MAX 16
#define ERRORS_TOLD 3 /* the first is the cause, what follows is mostly its consequence */

struct nft {
	struct nft_wire *wire;
	struct nft_state now; /* of the last read */
	uint32_t opened;      /* the generation id at open, for the first read; then 0 */
};

void nft_close(struct nft *n)
{
	if (!n)
		return;
	nft_state_free(&n->now);
	nft_wire_close(n->wire);
	free(n);
}

int nft_open(struct nft **out, bool *absent, struct diag *d)
{
	struct nft *n = xcalloc(1, sizeof *n);

	errno = 0;
	n->wire = nft_wire_open(d);
	if (n->wire)
		n->opened = nft_wire_genid(n->wire, d);
	if (!n->opened) {
		/* What nfnetlink says of a subsystem that it does not have, and socket() without
		 * nfnetlink: nfnetlink_rcv_msg() in net/netfilter/nfnetlink.c */
		*absent = errno == EINVAL || errno == EPROTONOSUPPORT || errno == EOPNOTSUPP;
		nft_close(n);
		return -1;
	}
	*out = n;
	return 0;
}

int nft_read(struct nft *n, struct ruleset *ours, struct fw *fw, struct diag *d)
{
	struct nft_state now = { .s.genid = n->opened };

	n->opened = 0;
	if (nft_snapshot_read(n->wire, &now.s, d))
		return -1;
	nft_decode(&now.s, &now.ours);
	nft_twin_sets_read(&now);
	ruleset_copy(ours, &now.ours);
	if (fw)
		*fw = now.s.fw;
	else
		fw_free(&now.s.fw);
	now.s.fw = (struct fw){ 0 };
	nft_state_free(&n->now);
	n->now = now;
	return 0;
}

/* A raw rule fits as it is, or its ICMP companion once for each family. */
static int check_rules(const struct ruleset *want, struct diag *d)
{
	int rc = 0;

	for (size_t i = 0; i < want->n_rules; i++) {
		struct match m = want->rules[i].match;
		struct text t = { 0 };

		if (m.icmp != ICMP_ANY && m.families == FAMILIES_BOTH)
			m.families = FAMILIES_V4;
		if (nft_match_fits(&m, TABLE_INET))
			continue;
		rule_text(&want->rules[i], &t);
		rc = diag_error(d, &want->rules[i].at, "nf-tables", 0,
				"no nft rule can match this: %s", t.s);
		free(t.s);
	}
	return rc;
}

static void cure(int errnum, struct diag *d)
{
	if (errnum == ENOENT)
		diag_cure(d, "the kernel lacks an expression of this rule; its modules: nft_ct "
			     "(notrack, ct), nft_fib_inet, nft_objref, nft_counter");
	else if (errnum == EPERM || errnum == EACCES)
		diag_cure(d, "run as root (CAP_NET_ADMIN in this network namespace)");
	else if (errnum == EMSGSIZE || errnum == ENOBUFS)
		diag_cure(d, "raise net.core.wmem_max");
}

static void tell_rule(const struct rule *r, int errnum, struct diag *d)
{
	struct text t = { 0 };

	if (r)
		rule_text(r, &t);
	diag_error(d, r ? &r->at : NULL, "nf-tables", errnum, "the kernel refused %s",
		   r ? t.s : "a jump to our own chain");
	free(t.s);
	cure(errnum, d);
}

static void tell_twin(const struct twin *w, int errnum, bool is_new, struct diag *d)
{
	struct text t = { 0 };

	twin_text(w, &t);
	if (errnum == EPERM) {
		diag_error(d, NULL, "owned-table", errnum,
			   "table %s %s belongs to a running program", table_family_name(w->family),
			   w->table);
		diag_cure(d, "add the rules through that program, and set accept = none");
	} else {
		diag_error(d, NULL, "nf-tables", errnum,
			   "the kernel refused to %s a rule in chain %s of table %s %s: %s",
			   is_new ? "add" : "delete", w->chain, table_family_name(w->family),
			   w->table, t.s);
		cure(errnum, d);
	}
	free(t.s);
}

/* From the number of the message back to what it was about. */
static void tell_error(const struct nft_plan *p, const struct nft_error *e, struct diag *d)
{
	const struct nft_subject *s =
		e->message == UINT32_MAX ? NULL : nft_plan_subject(p, e->message);

	if (!s) {
		/* The id tells who only tries rules out that it is not these rules' fault. */
		if (e->errnum == EMSGSIZE)
			diag_error(d, NULL, "batch-size", e->errnum,
				   "the kernel refused the rules");
		else
			diag_error(d, NULL, "nf-tables", e->errnum, "the kernel refused the rules");
		cure(e->errnum, d);
		return;
	}
	switch (s->about) {
	case NFT_ABOUT_RULE:
		tell_rule(s->rule, e->errnum, d);
		break;
	case NFT_ABOUT_TWIN:
	case NFT_ABOUT_STALE:
		tell_twin(s->twin, e->errnum, s->about == NFT_ABOUT_TWIN, d);
		break;
	case NFT_ABOUT_TABLE:
	case NFT_ABOUT_SET:
		diag_error(d, NULL, e->errnum == EPERM ? "owned-table" : "nf-tables", e->errnum,
			   "the kernel refused a change of %s",
			   s->about == NFT_ABOUT_SET ? "a set" : "table inet " NFT_OWN_TABLE);
		cure(e->errnum, d);
		break;
	}
}

static enum nft_send send_plan(struct nft *nft, const struct nft_plan *p, bool dry, struct diag *d)
{
	struct nft_error errors[ERRORS_MAX];
	struct nft_batch batch = p->batch;
	size_t n = 0;
	enum nft_send sent =
		nft_batch_send(nft->wire, &batch, nft->now.s.genid, dry, errors, ERRORS_MAX, &n);

	if (sent == NFT_REFUSED)
		for (size_t i = 0; i < n && i < ERRORS_TOLD; i++)
			tell_error(p, &errors[i], d);
	if (sent == NFT_UNKNOWN)
		diag_error(d, NULL, "nf-tables", 0, "the kernel's answer was lost");
	return sent;
}

static int make_plan(struct nft *n, const struct ruleset *want, struct nft_plan *p, struct diag *d)
{
	if (check_rules(want, d))
		return -1;
	/* Removal: no rule of ours goes before the twins that serve it; in one batch none does. */
	nft_plan_own(p, &n->now, want);
	return nft_plan_twins(p, &n->now, want, d);
}

/* want without what lies in the tables of iptables-legacy; borrows everything but two arrays. */
static struct ruleset without_legacy(const struct ruleset *want)
{
	struct ruleset rs = *want;

	rs.rules = xcalloc(want->n_rules, sizeof *rs.rules);
	rs.twins = xcalloc(want->n_twins, sizeof *rs.twins);
	rs.n_rules = rs.n_twins = 0;
	for (size_t i = 0; i < want->n_rules; i++)
		if (want->rules[i].form != FORM_LEGACY)
			rs.rules[rs.n_rules++] = want->rules[i];
	for (size_t i = 0; i < want->n_twins; i++)
		if (want->twins[i].form != FORM_LEGACY)
			rs.twins[rs.n_twins++] = want->twins[i];
	return rs;
}

enum nft_send nft_commit(struct nft *n, const struct ruleset *want, bool dry, struct diag *d)
{
	struct ruleset rest = without_legacy(want);
	enum nft_send sent = NFT_SENT;
	struct nft_plan p = { 0 };

	if (make_plan(n, &rest, &p, d))
		sent = NFT_REFUSED;
	else if (p.batch.n)
		sent = send_plan(n, &p, dry, d);
	nft_plan_free(&p);
	free(rest.rules);
	free(rest.twins);
	return sent;
}
