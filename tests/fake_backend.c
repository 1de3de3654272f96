/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A backend without a kernel, which fails on demand. */
#include "fake_backend.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include "util.h"

static int fake_open(struct backend **b, struct diag *d)
{
	(void)d;
	*b = xcalloc(1, sizeof(**b));
	return 0;
}

static void fake_close(struct backend *b)
{
	if (!b)
		return;
	fake_free(b);
	free(b);
}

static struct fw_expr *add_expr(struct fw_rule *r, enum fw_op op, const char *name)
{
	struct fw_expr *e = ARRAY_ADD(r->exprs, r->n_exprs);

	e->op = op;
	e->name = xstrdup(name);
	e->body = xasprintf("%s:%02zx", name, r->n_exprs);
	return e;
}

static void add_load(struct fw_rule *r, const char *name, enum fw_field field, uint16_t offset,
		     uint8_t len)
{
	struct fw_expr *e = add_expr(r, FW_LOAD, name);

	e->field = field;
	e->offset = offset;
	e->len = len;
}

static void add_cmp(struct fw_rule *r, enum fw_cmp cmp, const void *data, uint8_t len)
{
	struct fw_expr *e = add_expr(r, FW_CMP, "cmp");

	e->cmp = cmp;
	e->len = len;
	memcpy(e->data, data, len);
}

/* ct state & mask, compared with 0 */
static void add_state(struct fw_rule *r, uint32_t mask, enum fw_cmp cmp)
{
	const uint32_t zero = 0;
	struct fw_expr *e;

	add_load(r, "ct", FW_F_CT_STATE, 0, sizeof(mask));
	e = add_expr(r, FW_BITWISE, "bitwise");
	e->len = sizeof(mask);
	memcpy(e->data, &mask, sizeof(mask));
	add_cmp(r, cmp, &zero, sizeof(zero));
}

static void add_verdict(struct fw_rule *r, enum fw_verdict v)
{
	add_expr(r, FW_VERDICT, "immediate")->target.verdict = v;
}

static void make_rule(struct fw_rule *r, const struct fake_rule *f)
{
	const uint8_t tcp = IPPROTO_TCP;
	const uint16_t port = htons(f->port);

	r->handle = f->handle;
	r->twin = -1;
	switch (f->kind) {
	case FAKE_ESTABLISHED:
		add_state(r, 2 | 4, FW_NEQ);
		add_verdict(r, FW_ACCEPT);
		break;
	case FAKE_PORT:
		add_load(r, "meta", FW_F_L4PROTO, 0, 1);
		add_cmp(r, FW_EQ, &tcp, 1);
		add_load(r, "payload", FW_F_TRANSPORT, 2, 2);
		add_cmp(r, FW_EQ, &port, 2);
		add_verdict(r, FW_ACCEPT);
		break;
	case FAKE_STATE_NEGATED:
		add_state(r, 2 | 8, FW_EQ);
		add_verdict(r, FW_DROP);
		break;
	}
}

/* The chain as others wrote it: our twins are in ours only, and the walks skip them anyway. */
static void make_fw(const struct backend *b, struct fw *fw)
{
	struct fw_chain *c;

	*fw = (struct fw){ 0 };
	if (!b->n_rules)
		return;
	c = ARRAY_ADD(fw->chains, fw->n_chains);
	c->family = TABLE_INET;
	c->table = xstrdup("filter");
	c->name = xstrdup("input");
	c->type = xstrdup("filter");
	c->base = true;
	c->hook = HOOK_INPUT;
	c->policy = FW_DROP;
	for (size_t i = 0; i < b->n_rules; i++)
		make_rule(ARRAY_ADD(c->rules, c->n_rules), &b->rules[i]);
}

static int fake_read(struct backend *b, struct ruleset *ours, struct fw *fw, struct diag *d)
{
	unsigned n = b->reads++;

	if (b->meddle)
		b->meddle(b, n, b->ctx);
	if (n < FAKE_CALLS && b->fail_read[n])
		return diag_error(d, NULL, "fake", ENOBUFS, "cannot read the rules");
	b->seen = b->genid;
	ruleset_copy(ours, &b->ours);
	if (fw)
		make_fw(b, fw);
	return 0;
}

static int fake_check(struct backend *b, const struct ruleset *want, struct diag *d)
{
	(void)b;
	(void)want;
	(void)d;
	return 1;
}

static bool has_rule(const struct backend *b, uint64_t handle)
{
	for (size_t i = 0; i < b->n_rules; i++) {
		if (b->rules[i].handle == handle)
			return true;
	}
	return handle == 0 && b->n_rules;
}

/* What is foreign in our table goes, and cannot come back. */
static void take(struct backend *b, const struct ruleset *want)
{
	struct ruleset own = *want;

	own.n_foreign = 0;
	ruleset_free(&b->ours);
	ruleset_copy(&b->ours, &own);
	b->genid++;
}

/* Half of the rules and half of the twins. */
static void take_half(struct backend *b, const struct ruleset *want)
{
	struct ruleset half = *want;

	half.n_rules /= 2;
	half.n_twins /= 2;
	take(b, &half);
}

static enum commit_result refuse(struct diag *d)
{
	diag_error(d, NULL, "fake", ENOENT, "the kernel refused a rule");
	return COMMIT_FAILED;
}

static enum commit_result fake_commit(struct backend *b, const struct ruleset *want, struct diag *d)
{
	unsigned n = b->commits++;

	if (b->seen != b->genid)
		return COMMIT_STALE;
	for (size_t i = 0; i < want->n_twins; i++) {
		if (!has_rule(b, want->twins[i].anchor))
			return refuse(d);
	}
	switch (n < FAKE_CALLS ? b->fail_commit[n] : FAKE_WORKS) {
	case FAKE_WORKS:
		take(b, want);
		return COMMIT_DONE;
	case FAKE_REFUSES:
		return refuse(d);
	case FAKE_LATE_ERROR:
		take(b, want);
		return refuse(d);
	case FAKE_HALF_ERROR:
		take_half(b, want);
		return refuse(d);
	case FAKE_LIES:
		return COMMIT_DONE;
	case FAKE_HALF:
		take_half(b, want);
		return COMMIT_DONE;
	case FAKE_STALE:
		return COMMIT_STALE;
	case FAKE_DIES:
		_exit(99);
	}
	return COMMIT_FAILED;
}

const struct backend_ops fake_backend = {
	.name = "fake",
	.open = fake_open,
	.read = fake_read,
	.check = fake_check,
	.commit = fake_commit,
	.close = fake_close,
};

void fake_add_rule(struct backend *b, enum fake_kind kind, uint16_t port)
{
	struct fake_rule *r = ARRAY_ADD(b->rules, b->n_rules);

	*r = (struct fake_rule){ kind, port, ++b->last_handle };
	b->genid++;
}

void fake_delete_rule(struct backend *b, size_t i)
{
	uint64_t old = b->rules[i].handle, next = i + 1 < b->n_rules ? b->rules[i + 1].handle : 0;

	for (size_t k = 0; k < b->ours.n_twins; k++) {
		if (b->ours.twins[k].anchor == old)
			b->ours.twins[k].anchor = next;
	}
	ruleset_normalise(&b->ours);
	memmove(&b->rules[i], &b->rules[i + 1], (--b->n_rules - i) * sizeof(*b->rules));
	b->genid++;
}

void fake_reload(struct backend *b)
{
	struct ruleset rest = b->ours, kept;

	rest.n_twins = 0;
	ruleset_copy(&kept, &rest);
	ruleset_free(&b->ours);
	b->ours = kept;
	for (size_t i = 0; i < b->n_rules; i++)
		b->rules[i].handle = ++b->last_handle;
	b->genid++;
}

void fake_add_foreign(struct backend *b, const char *what)
{
	*ARRAY_ADD(b->ours.foreign, b->ours.n_foreign) = xstrdup(what);
	b->genid++;
}

void fake_reset_faults(struct backend *b)
{
	b->reads = b->commits = 0;
	memset(b->fail_read, 0, sizeof(b->fail_read));
	memset(b->fail_commit, 0, sizeof(b->fail_commit));
	b->meddle = NULL;
}

void fake_free(struct backend *b)
{
	ruleset_free(&b->ours);
	free(b->rules);
	b->rules = NULL;
	b->n_rules = 0;
}
