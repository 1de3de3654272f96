/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backend for nf_tables: reads whole snapshots, writes one batch, leads errors back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/backend.h"
#include "kernel/ipt.h"
#include "kernel/nft_commit.h"
#include "kernel/nft_decode.h"

#define ERRORS_MAX 16
#define ERRORS_TOLD 3 /* the first is the cause, what follows is mostly its consequence */

struct backend {
	struct nft_wire *wire;
	struct ipt *ipt;      /* the tables of iptables-legacy */
	struct nft_state now; /* of the last read; without legacy twins */
	uint32_t opened;      /* the generation id at open, for the first read; then 0 */
};

static void nft_close(struct backend *b)
{
	if (!b)
		return;
	nft_state_free(&b->now);
	ipt_free(b->ipt);
	nft_wire_close(b->wire);
	free(b);
}

static int nft_open(struct backend **out, struct diag *d)
{
	struct backend *b = xcalloc(1, sizeof *b);

	b->ipt = ipt_new();
	b->wire = nft_wire_open(d);
	if (b->wire)
		b->opened = nft_wire_genid(b->wire, d);
	if (!b->opened) {
		nft_close(b);
		return -1;
	}
	*out = b;
	return 0;
}

static int nft_read(struct backend *b, struct ruleset *ours, struct fw *fw, struct diag *d)
{
	struct nft_state now = { .s.genid = b->opened };
	struct ruleset all;

	b->opened = 0;
	if (nft_snapshot_read(b->wire, &now.s, d))
		return -1;
	nft_decode(&now.s, &now.ours);
	nft_twin_sets_read(&now);
	ruleset_copy(&all, &now.ours);
	if (ipt_read(b->ipt, &all, fw ? &now.s.fw : NULL, d)) {
		ruleset_free(&all);
		fw_free(&now.s.fw);
		nft_state_free(&now);
		return -1;
	}
	ruleset_normalise(&all);
	nft_number_twins(&now.s.fw, &all);
	*ours = all;
	if (fw)
		*fw = now.s.fw;
	else
		fw_free(&now.s.fw);
	now.s.fw = (struct fw){ 0 };
	nft_state_free(&b->now);
	b->now = now;
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

static enum nft_send send_plan(struct backend *b, const struct nft_plan *p, bool dry,
			       struct diag *d)
{
	struct nft_error errors[ERRORS_MAX];
	struct nft_batch batch = p->batch;
	size_t n = 0;
	enum nft_send sent =
		nft_batch_send(b->wire, &batch, b->now.s.genid, dry, errors, ERRORS_MAX, &n);

	if (sent == NFT_REFUSED)
		for (size_t i = 0; i < n && i < ERRORS_TOLD; i++)
			tell_error(p, &errors[i], d);
	if (sent == NFT_UNKNOWN)
		diag_error(d, NULL, "nf-tables", 0, "the kernel's answer was lost");
	return sent;
}

static int make_plan(struct backend *b, const struct ruleset *want, struct nft_plan *p,
		     struct diag *d)
{
	if (check_rules(want, d))
		return -1;
	/* Removal: no rule of ours goes before the twins that serve it; in one batch none does. */
	nft_plan_own(p, &b->now, want);
	return nft_plan_twins(p, &b->now, want, d);
}

/* want without the twins of iptables-legacy; borrows everything but the array of twins. */
static struct ruleset without_legacy(const struct ruleset *want)
{
	struct ruleset rs = *want;

	rs.twins = xcalloc(want->n_twins, sizeof *rs.twins);
	rs.n_twins = 0;
	for (size_t i = 0; i < want->n_twins; i++)
		if (want->twins[i].form != FORM_LEGACY)
			rs.twins[rs.n_twins++] = want->twins[i];
	return rs;
}

/* Only nf_tables can validate without committing. */
static int nft_check(struct backend *b, const struct ruleset *want, struct diag *d)
{
	struct ruleset rest = without_legacy(want);
	struct nft_plan p = { 0 };
	int rc = make_plan(b, &rest, &p, d);

	if (!rc && p.batch.n) {
		enum nft_send sent = send_plan(b, &p, true, d);

		rc = sent == NFT_SENT ? 0 : sent == NFT_STALE ? 1 : -1;
	}
	nft_plan_free(&p);
	free(rest.twins);
	return rc;
}

/* The twins in legacy tables are there before the raw rules and go after them. */
static enum commit_result commit_around(struct backend *b, const struct ruleset *want,
					const struct nft_plan *p, struct diag *d)
{
	int rc = ipt_commit(b->ipt, want, IPT_ADD, d);

	if (rc)
		return rc == 1 ? COMMIT_STALE : COMMIT_FAILED;
	switch (p->batch.n ? send_plan(b, p, false, d) : NFT_SENT) {
	case NFT_SENT:
		rc = ipt_commit(b->ipt, want, IPT_REMOVE, d);
		if (rc == 1)
			diag_error(d, NULL, "iptables-legacy", 0,
				   "somebody changed a table of iptables-legacy meanwhile");
		return rc ? COMMIT_FAILED : COMMIT_DONE;
	case NFT_STALE:
		return ipt_take_back(b->ipt, d) ? COMMIT_FAILED : COMMIT_STALE;
	case NFT_REFUSED:
		ipt_take_back(b->ipt, d);
		break;
	case NFT_UNKNOWN: /* it may have been done: nothing is taken away under it */
		break;
	}
	return COMMIT_FAILED;
}

static enum commit_result nft_commit(struct backend *b, const struct ruleset *want, struct diag *d)
{
	enum commit_result result = COMMIT_FAILED;
	struct ruleset rest = without_legacy(want);
	struct nft_plan p = { 0 };

	if (!make_plan(b, &rest, &p, d))
		result = commit_around(b, want, &p, d);
	nft_plan_free(&p);
	free(rest.twins);
	return result;
}

const struct backend_ops nft_backend = {
	.name = "nftables",
	.open = nft_open,
	.read = nft_read,
	.check = nft_check,
	.commit = nft_commit,
	.close = nft_close,
};
