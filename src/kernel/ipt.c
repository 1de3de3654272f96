/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of iptables-legacy: read, compared, changed. */
#include "kernel/ipt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel/ipt_entry.h"
#include "kernel/ipt_own.h"
#include "kernel/ipt_plan.h"
#include "kernel/ipt_policies.h"
#include "kernel/ipt_raw.h"
#include "kernel/xtables_lock.h"

struct ipt {
	int lock;		  /* -1: not held */
	struct ipt_table *tables; /* as they were read, and as IPT_ADD left them */
	size_t n;
	struct ruleset seen; /* the twins that were read */
	bool wrote_raw;	     /* since then */
};

struct ipt *ipt_new(void)
{
	struct ipt *x = xcalloc(1, sizeof(*x));

	x->lock = -1;
	return x;
}

static void unlock(struct ipt *x)
{
	if (x->lock >= 0)
		close(x->lock);
	x->lock = -1;
}

static int lock(struct ipt *x, struct diag *d)
{
	if (x->lock < 0)
		x->lock = xtables_lock(d);
	return x->lock < 0 ? -1 : 0;
}

static void forget(struct ipt *x)
{
	for (size_t i = 0; i < x->n; i++)
		ipt_table_free(&x->tables[i]);
	free(x->tables);
	ruleset_free(&x->seen);
	*x = (struct ipt){ .lock = x->lock };
}

void ipt_free(struct ipt *x)
{
	if (!x)
		return;
	unlock(x);
	forget(x);
	free(x);
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static int cannot_open(const struct ipt_family *f, const char *table, struct diag *d)
{
	const char *why = f->ops->strerror(errno);

	return diag_error(d, NULL, "iptables-legacy", 0,
			  "cannot read the iptables-legacy table %s %s: %s", f->name, table, why);
}

static int read_family(struct ipt *x, const struct ipt_family *f, struct fw *fw, struct diag *d)
{
	bool failed;
	auto_free char *names = ipt_table_names(f, &failed);
	char *save = NULL;

	if (failed) {
		diag_error(d, NULL, "iptables-legacy", errno,
			   "cannot see which iptables-legacy tables there are (%s)", f->proc);
		diag_cure(d, "run as root");
		return -1;
	}
	for (char *s = names ? strtok_r(names, "\n", &save) : NULL; s;
	     s = strtok_r(NULL, "\n", &save)) {
		struct xtc_handle *h = f->ops->init(s);

		if (!h)
			return cannot_open(f, s, d);
		ipt_table_read(ARRAY_ADD(x->tables, x->n), f, s, h, fw);
		f->ops->free(h);
	}
	return 0;
}

static void add_twins(const struct ipt_table *t, struct ruleset *ours)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->chains[i].n; k++) {
			struct twin *w = t->chains[i].items[k].twin;
			auto_free struct twin *copy = w ? ipt_twin_copy(w) : NULL;

			if (copy)
				*ruleset_add_twin(ours) = *copy;
		}
}

int ipt_read(struct ipt *x, struct ruleset *ours, struct fw *fw, struct diag *d)
{
	int rc;

	forget(x);
	rc = read_family(x, ipt_family(FAMILY_V4), fw, d);
	if (!rc)
		rc = read_family(x, ipt_family(FAMILY_V6), fw, d);
	for (size_t i = 0; i < x->n; i++) {
		add_twins(&x->tables[i], ours);
		add_twins(&x->tables[i], &x->seen);
		ipt_own_read(&x->tables[i], ours);
	}
	unlock(x);
	return rc;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

struct change { /* of one table, from the look under the lock to the commit */
	struct ipt_table *table;
	const struct ruleset *want;
	struct ipt_plan plan; /* may be empty: the table is looked at all the same */
	struct xtc_handle *h;
};

struct changes {
	struct change *v;
	size_t n;
};

static void free_changes(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].h)
			c->v[i].table->family->ops->free(c->v[i].h);
		ipt_plan_free(&c->v[i].plan);
	}
	free(c->v);
	*c = (struct changes){ 0 };
}

static bool wants_twins(const struct change *c)
{
	for (size_t i = 0; i < c->want->n_twins; i++)
		if (ipt_twin_is_in(&c->want->twins[i], c->table))
			return true;
	return false;
}

/* A table that is to be without twins can be what it likes: no anchor matters. */
static void plan_anew(struct change *c)
{
	struct ipt_table old = *c->table;

	ipt_table_read(c->table, old.family, old.name, c->h, NULL);
	ipt_table_free(&old);
	ipt_plan_free(&c->plan);
	ipt_plan_remove(&c->plan, c->table, c->want);
}

/* Opens the table under the lock. 0; 1: it is not the one that was read; -1 with a finding. */
static int open_table(struct change *c, enum ipt_phase phase, struct diag *d)
{
	const struct ipt_family *f = c->table->family;

	if (!ipt_table_exists(c->table->family, c->table->name))
		return 1;
	c->h = f->ops->init(c->table->name);
	if (!c->h)
		return cannot_open(f, c->table->name, d);
	if (ipt_table_is(c->table, c->h))
		return 0;
	if (phase == IPT_ADD || wants_twins(c))
		return 1;
	plan_anew(c);
	return 0;
}

static int edit(struct change *c, const struct ipt_edit *e, struct diag *d)
{
	const char *chain = c->table->chains[e->chain].name;
	const struct ipt_family *f = c->table->family;
	const void *entry = e->written.entry;

	if (entry ? f->insert(chain, entry, (unsigned)e->place, c->h)
		  : f->delete_at(chain, (unsigned)e->place, c->h))
		return 0;
	ipt_plan_tell(c->table, e, entry, f->ops->strerror(errno), d);
	return -1;
}

/* The kernel does not say which of the rules it is that it refuses. */
static int tell_refusal(const struct change *c, const char *why, struct diag *d)
{
	const struct ipt_edit *first = &c->plan.v[0];
	size_t more = c->plan.n - 1;
	auto_free char *all =
		more ? xasprintf("%s (this one, or one of %zu more that came with it)", why, more)
		     : xstrdup(why);

	ipt_plan_tell(c->table, first, first->written.entry, all, d);
	return -1;
}

static int contended(const struct change *c, struct diag *d)
{
	diag_error(d, NULL, "iptables-legacy", 0,
		   "somebody changes the iptables-legacy table %s %s without the lock of iptables",
		   c->table->family->name, c->table->name);
	diag_cure(d, "run it again when it is quiet");
	return -1;
}

/* 0; 1: somebody has changed the table since it was opened, nothing written; -1 with a finding. */
static int commit_table(struct change *c, struct diag *d)
{
	const struct ipt_family *f = c->table->family;
	struct ipt_policies policies;
	int rc = 0;

	ipt_policies_read(&policies, f, c->h);
	for (size_t i = 0; i < c->plan.n && !rc; i++)
		rc = edit(c, &c->plan.v[i], d);
	if (rc)
		return rc;
	if (!f->ops->commit(c->h))
		return errno == EAGAIN ? 1 : tell_refusal(c, f->ops->strerror(errno), d);
	ipt_policies_restore(&policies, f, c->table->name, d);
	return 0;
}

/* The table with what we have added to it, which must be all that is new. */
static int look_again(struct change *c, struct diag *d)
{
	const struct ipt_family *f = c->table->family;
	struct xtc_handle *h = f->ops->init(c->table->name);
	struct ipt_table now;

	if (!h)
		return cannot_open(f, c->table->name, d);
	ipt_table_read(&now, f, c->table->name, h, NULL);
	f->ops->free(h);
	now.added = ipt_tables_differ_in_twins_only(&now, c->table);
	ipt_table_free(c->table);
	*c->table = now;
	return now.added ? 0 : contended(c, d);
}

/* Opens all before it writes the first. */
static int write_tables(struct ipt *x, struct changes *c, enum ipt_phase phase, struct diag *d)
{
	int rc = c->n ? lock(x, d) : 0;
	bool written = false;

	for (size_t i = 0; i < c->n && !rc; i++)
		rc = open_table(&c->v[i], phase, d);
	for (size_t i = 0; i < c->n && !rc; i++) {
		if (!c->v[i].plan.n)
			continue;
		rc = commit_table(&c->v[i], d);
		if (!rc && phase == IPT_ADD)
			rc = look_again(&c->v[i], d);
		if (rc == 1 && phase == IPT_REMOVE && written)
			rc = contended(&c->v[i], d);
		written = true;
	}
	return rc;
}

static int make_changes(struct ipt *x, const struct ruleset *want, enum ipt_phase phase,
			struct changes *c, struct diag *d)
{
	int rc = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct ipt_table *t = &x->tables[i];
		struct ipt_plan add = { 0 }, remove = { 0 };

		if (phase == IPT_ADD && ipt_plan_add(&add, t, want, d))
			rc = -1;
		ipt_plan_remove(&remove, t, want);
		if (add.n || remove.n)
			*ARRAY_ADD(c->v, c->n) = (struct change){
				.table = t,
				.want = want,
				.plan = phase == IPT_ADD ? add : remove,
			};
		if (phase == IPT_ADD || !remove.n)
			ipt_plan_free(&remove);
		if (phase == IPT_REMOVE || !(add.n || remove.n))
			ipt_plan_free(&add);
	}
	return rc;
}

/* Twins for tables that do not exist. */
static int check_tables(const struct ipt *x, const struct ruleset *want, struct diag *d)
{
	int rc = 0;

	for (size_t i = 0; i < want->n_twins; i++) {
		const struct twin *w = &want->twins[i];
		size_t k = 0;

		while (k < x->n && !ipt_twin_is_in(w, &x->tables[k]))
			k++;
		if (w->form == FORM_LEGACY && k == x->n)
			rc = diag_error(d, NULL, "iptables-legacy", 0,
					"there is no iptables-legacy table %s %s",
					table_family_name(w->family), w->table);
	}
	return rc;
}

/* The table raw of the family as it was read; NULL: there is none. */
static struct ipt_table *find_raw(struct ipt *x, const struct ipt_family *f)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->tables[i].family == f && strcmp(x->tables[i].name, IPT_OWN_TABLE) == 0)
			return &x->tables[i];
	return NULL;
}

static bool has_twins(const struct ipt_table *t)
{
	for (size_t i = 0; t && i < t->n; i++)
		for (size_t k = 0; k < t->chains[i].n; k++)
			if (t->chains[i].items[k].twin)
				return true;
	return false;
}

/* IPT_REMOVE finds the table as it is now, if it holds anything that may have to go. */
static void remember_raw(struct ipt *x, struct ipt_raw *r)
{
	struct ipt_table *t = find_raw(x, r->family);

	if (!r->h)
		return;
	if (!t)
		t = ARRAY_ADD(x->tables, x->n);
	r->now.added = t->added;
	ipt_table_free(t);
	*t = r->now;
	r->now = (struct ipt_table){ 0 };
}

/* One commit for each family; neither is written before both are open. */
static int write_raw(struct ipt *x, struct ipt_raw *raws, const bool *differ, struct diag *d)
{
	int rc = differ[FAMILY_V4] || differ[FAMILY_V6] ? lock(x, d) : 0;

	for (int f = FAMILY_V4; f <= FAMILY_V6 && !rc; f++)
		rc = differ[f] ? ipt_raw_open(&raws[f], d) : 0;
	for (int f = FAMILY_V4; f <= FAMILY_V6 && !rc; f++) {
		if (!differ[f])
			continue;
		raws[f].look = has_twins(find_raw(x, raws[f].family));
		x->wrote_raw = true;
		rc = ipt_raw_write(&raws[f], d);
		remember_raw(x, &raws[f]);
	}
	return rc;
}

static bool wants_rules(const struct ruleset *want, const struct counter *c, enum family f)
{
	for (size_t i = 0; i < want->n_rules; i++) {
		const struct rule *r = &want->rules[i];

		if (r->form == FORM_LEGACY && r->hook == c->hook && r->match.families & 1u << f &&
		    strcmp(r->name, c->name) == 0)
			return true;
	}
	return false;
}

/* Takes what the rule holds off the counter of its exemption, if that is one of those that count.
 */
static void subtract(struct ruleset *rs, const bool *counts, const struct ipt_rule *r,
		     enum hook hook)
{
	for (size_t i = 0; i < rs->n_counters; i++) {
		struct counter *c = &rs->counters[i];

		if (!counts[i] || c->hook != hook || strcmp(c->name, r->name) != 0)
			continue;
		c->packets -= c->packets < r->count.packets ? c->packets : r->count.packets;
		c->bytes -= c->bytes < r->count.bytes ? c->bytes : r->count.bytes;
	}
}

/* want with the counts that new rules of this family may begin with: not what rules of the other
 * one hold and go on holding. It borrows everything but the array of counters. */
static struct ruleset want_of(struct ipt *x, const struct ruleset *want, enum family f)
{
	const enum family other = f == FAMILY_V4 ? FAMILY_V6 : FAMILY_V4;
	const struct ipt_table *t = find_raw(x, ipt_family(other));
	auto_free bool *counts = xcalloc(want->n_counters, sizeof(*counts));
	auto_free enum hook *hooks = NULL;
	struct ruleset rs = *want;
	struct ipt_layout l = { 0 };

	rs.counters = xmemdup(want->counters, want->n_counters * sizeof(*rs.counters));
	if (!t || !want->n_counters)
		return rs;
	for (size_t i = 0; i < rs.n_counters; i++)
		counts[i] = wants_rules(want, &rs.counters[i], other);
	ipt_own_layout(t, &l);
	hooks = xcalloc(l.n, sizeof(*hooks));
	ipt_own_hooks(&l, hooks);
	for (size_t i = 0; i < l.n; i++)
		for (size_t k = 0; k < l.chains[i].n; k++)
			if (l.chains[i].v[k].name && l.chains[i].v[k].does != IPT_JUMP)
				subtract(&rs, counts, &l.chains[i].v[k], hooks[i]);
	ipt_own_layout_free(&l);
	return rs;
}

static int commit_raw(struct ipt *x, const struct ruleset *want, struct diag *d)
{
	struct ipt_raw raws[] = { [FAMILY_V4] = { .family = ipt_family(FAMILY_V4) },
				  [FAMILY_V6] = { .family = ipt_family(FAMILY_V6) } };
	bool differ[ARRAY_SIZE(raws)] = { false };
	int rc = 0;

	for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
		struct ruleset mine = want_of(x, want, (enum family)f);

		if (ipt_layout_make(&raws[f].want, &mine, (enum family)f, d))
			rc = -1;
		else
			differ[f] = x->wrote_raw ||
				    !ipt_raw_is(find_raw(x, raws[f].family), &raws[f].want);
		free(mine.counters);
	}
	if (!rc)
		rc = write_raw(x, raws, differ, d);
	for (size_t i = 0; i < ARRAY_SIZE(raws); i++)
		ipt_raw_free(&raws[i]);
	return rc;
}

int ipt_commit(struct ipt *x, const struct ruleset *want, enum ipt_phase phase, struct diag *d)
{
	struct changes c = { 0 };
	int rc = phase == IPT_ADD ? check_tables(x, want, d) : 0;

	if (phase == IPT_RAW)
		return commit_raw(x, want, d);
	if (make_changes(x, want, phase, &c, d))
		rc = -1;
	if (!rc)
		rc = write_tables(x, &c, phase, d);
	free_changes(&c);
	if (rc && phase == IPT_ADD && ipt_take_back(x, d))
		rc = -1;
	if (rc == 1)
		unlock(x); /* whoever changed it may go on */
	return rc;
}

int ipt_take_back(struct ipt *x, struct diag *d)
{
	struct changes c = { 0 };
	int rc = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct ipt_table *t = &x->tables[i];
		struct ipt_plan p = { 0 };

		if (!t->added)
			continue;
		ipt_plan_remove(&p, t, &x->seen);
		*ARRAY_ADD(c.v, c.n) = (struct change){ .table = t, .want = &x->seen, .plan = p };
		t->added = false;
	}
	rc = write_tables(x, &c, IPT_REMOVE, d);
	free_changes(&c);
	if (rc == 1)
		rc = diag_error(d, NULL, "iptables-legacy", 0,
				"somebody changed a table of iptables-legacy while it was written");
	return rc;
}
