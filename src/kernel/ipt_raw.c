/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains of ours in a table raw, written and read back. */
#include "kernel/ipt_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "kernel/ipt_chain.h"
#include "kernel/ipt_entry.h"
#include "kernel/ipt_policies.h"

#define TRIES 8

enum outcome { DONE, AGAIN, FAILED };

static void forget_now(struct ipt_raw *r)
{
	if (r->h)
		r->family->ops->free(r->h);
	r->h = NULL;
	ipt_table_free(&r->now);
	ipt_raw_plan_free(&r->plan);
}

void ipt_raw_free(struct ipt_raw *r)
{
	forget_now(r);
	ipt_layout_free(&r->want);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static const char *table_module(const struct ipt_family *f)
{
	return f->family == FAMILY_V4 ? "iptable_raw" : "ip6table_raw";
}

static int cannot_open(const struct ipt_raw *r, int errnum, const char *why, struct diag *d)
{
	diag_error(d, NULL, "iptables-legacy", 0,
		   "cannot open the iptables-legacy table %s " IPT_OWN_TABLE ": %s",
		   r->family->name, why);
	if (errnum == EPERM || errnum == EACCES)
		diag_cure(d, "run as root (CAP_NET_ADMIN in this network namespace)");
	else
		diag_cure(d, "load the kernel module %s, or set backend = nftables",
			  table_module(r->family));
	return -1;
}

static int open_again(struct ipt_raw *r, struct diag *d)
{
	struct xtc_handle *h = r->family->ops->init(IPT_OWN_TABLE);
	int errnum = errno;

	if (!h)
		return cannot_open(r, errnum, r->family->ops->strerror(errnum), d);
	forget_now(r);
	r->h = h;
	ipt_table_read(&r->now, r->family, IPT_OWN_TABLE, h, NULL);
	return 0;
}

int ipt_raw_open(struct ipt_raw *r, struct diag *d)
{
	if (!r->want.n && !ipt_table_exists(r->family, IPT_OWN_TABLE))
		return 0;
	return open_again(r, d);
}

/* ---- comparing ---------------------------------------------------------------------------------
 */

bool ipt_raw_is(const struct ipt_table *t, const struct ipt_layout *want)
{
	struct ipt_raw_plan p = { 0 };
	struct diag quiet = { 0 };
	bool is;

	if (!t)
		return !want->n;
	is = !ipt_raw_plan_make(&p, t, want, &quiet) && !p.n;
	ipt_raw_plan_free(&p);
	diag_free(&quiet);
	return is;
}

/* Nobody has changed the table since it was opened, as far as can be seen. A change that keeps the
 * number of rules is lost if we replace the table after it (FACTS B6), so we look once more as late
 * as we can. */
static bool is_still(const struct ipt_raw *r)
{
	struct xtc_handle *h = r->family->ops->init(IPT_OWN_TABLE);
	bool is = h && ipt_table_is(&r->now, h);

	if (h)
		r->family->ops->free(h);
	return is;
}

/* ---- what the kernel refuses ------------------------------------------------------------------
 */

#define MODULES "xt_CT, xt_multiport, xt_addrtype, xt_u32, xt_comment, xt_tcpudp"

static bool lists(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (const char *s = names; (s = strstr(s, name)); s += len)
		if ((s == names || s[-1] == '\n') && s[len] == '\n')
			return true;
	return false;
}

/* The extensions that the kernel has loaded: those that it looked for and does not have are not
 * among them. */
static char *loaded(const struct ipt_family *f, bool target)
{
	auto_free char *path =
		xasprintf("/proc/net/%s_tables_%s", f->name, target ? "targets" : "matches");
	size_t len;

	return read_file(AT_FDCWD, path, &len);
}

/* Of the edit's rule the first extension that the kernel lacks; the caller frees. */
static char *missing_of(const struct ipt_raw *r, const struct ipt_raw_edit *e, const char *matches,
			const char *targets)
{
	struct ipt_entry_parts p;
	char *name = NULL;

	if (e->op != IPT_RAW_INSERT || !ipt_entry_read(r->family->family, e->written.entry,
						       e->written.len, e->written.target, &p))
		return NULL;
	for (size_t i = 0; i < p.n_matches && !name; i++)
		if (!lists(matches, p.matches[i].name))
			name = xstrdup(p.matches[i].name);
	if (!name && e->written.kind == IPT_EXTENSION && !lists(targets, p.target.name))
		name = xstrdup(p.target.name);
	free(p.matches);
	return name;
}

/* The first edit whose rule needs what the kernel lacks, and the name of that; NULL: not known. */
static const struct ipt_raw_edit *find_missing(const struct ipt_raw *r, char **name)
{
	auto_free char *matches = loaded(r->family, false), *targets = loaded(r->family, true);

	*name = NULL;
	for (size_t i = 0; i < r->plan.n && matches && targets && !*name; i++) {
		*name = missing_of(r, &r->plan.v[i], matches, targets);
		if (*name)
			return &r->plan.v[i];
	}
	return NULL;
}

static const struct ipt_raw_edit *first_rule(const struct ipt_raw_plan *p, size_t *n)
{
	const struct ipt_raw_edit *first = NULL;

	*n = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].op != IPT_RAW_INSERT)
			continue;
		if (!first || (!first->rule && p->v[i].rule))
			first = &p->v[i];
		++*n;
	}
	return first ? first : &p->v[0];
}

/* The kernel does not say which of the rules it is that it refuses. */
static void tell_refusal(const struct ipt_raw *r, int errnum, const char *why, struct diag *d)
{
	auto_free char *name = NULL, *more = NULL;
	const struct ipt_raw_edit *e = errnum == ENOENT ? find_missing(r, &name) : NULL;
	struct text t = { 0 };
	size_t n;

	if (!e) {
		e = first_rule(&r->plan, &n);
		if (n > 1)
			more = xasprintf(" (this one, or one of %zu more that came with it)",
					 n - 1);
	}
	ipt_raw_edit_text(&r->now, e, &t);
	diag_error(d, e->rule ? &e->rule->at : NULL, "iptables-legacy", 0,
		   "the kernel refused a change of %s: %s%s", t.s, why, more ? more : "");
	if (errnum == EPERM || errnum == EACCES)
		diag_cure(d, "run as root (CAP_NET_ADMIN in this network namespace)");
	else if (name)
		diag_cure(d, "the kernel lacks the extension \"%s\": load its module, xt_%s", name,
			  strcmp(name, "tcp") == 0 || strcmp(name, "udp") == 0 ? "tcpudp" : name);
	else if (errnum == ENOMEM)
		diag_cure(d, "the kernel has no memory for that many rules: name fewer ports, or "
			     "ranges of them");
	else
		diag_cure(
			d,
			"see what the kernel has to say (dmesg); it needs the modules %s, " MODULES,
			table_module(r->family));
	free(t.s);
}

static void tell_edit(const struct ipt_raw *r, const struct ipt_raw_edit *e, const char *why,
		      struct diag *d)
{
	struct text t = { 0 };

	ipt_raw_edit_text(&r->now, e, &t);
	diag_error(d, e->rule ? &e->rule->at : NULL, "iptables-legacy", 0, "cannot change %s: %s",
		   t.s, why);
	free(t.s);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static int edit(struct ipt_raw *r, const struct ipt_raw_edit *e)
{
	const struct ipt_family *f = r->family;
	xt_chainlabel chain = "";

	memcpy(chain, e->chain, strnlen(e->chain, sizeof(chain) - 1));
	switch (e->op) {
	case IPT_RAW_CREATE:
		return f->ops->create_chain(chain, r->h);
	case IPT_RAW_INSERT:
		return f->insert(chain, e->written.entry, (unsigned)e->place, r->h);
	case IPT_RAW_DELETE:
		return f->delete_at(chain, (unsigned)e->place, r->h);
	case IPT_RAW_FLUSH:
		return f->ops->flush_entries(chain, r->h);
	case IPT_RAW_DROP:
		return ipt_chain_delete(f, chain, r->h);
	}
	return 0;
}

static int edit_all(struct ipt_raw *r, struct diag *d)
{
	for (size_t i = 0; i < r->plan.n; i++)
		if (!edit(r, &r->plan.v[i])) {
			tell_edit(r, &r->plan.v[i], r->family->ops->strerror(errno), d);
			return -1;
		}
	return 0;
}

/* The kernel refuses to replace a table that has another number of entries than the one that was
 * read (FACTS B6): where ours changes the number, nobody who had read the table before it can undo
 * it unseen. A chain has two entries besides its rules. */
static bool changes_number(const struct ipt_raw *r)
{
	long n = 0;

	for (size_t i = 0; i < r->plan.n; i++) {
		const struct ipt_raw_edit *e = &r->plan.v[i];

		switch (e->op) {
		case IPT_RAW_CREATE:
			n += 2;
			break;
		case IPT_RAW_INSERT:
			n++;
			break;
		case IPT_RAW_DELETE:
			n--;
			break;
		case IPT_RAW_FLUSH:
			n -= (long)ipt_table_chain(&r->now, e->chain)->n;
			break;
		case IPT_RAW_DROP:
			n -= 2;
			break;
		}
	}
	return n != 0;
}

/* After a commit that may not be what it says: what is there decides. */
static enum outcome judge(struct ipt_raw *r, bool said_yes, int errnum, const char *why,
			  struct diag *d)
{
	struct ipt_raw before = { .family = r->family, .now = r->now, .plan = r->plan };
	enum outcome outcome = AGAIN;

	r->family->ops->free(r->h);
	r->h = NULL;
	r->now = (struct ipt_table){ 0 };
	r->plan = (struct ipt_raw_plan){ 0 };
	if (open_again(r, d)) {
		outcome = FAILED;
	} else if (ipt_raw_is(&r->now, &r->want)) {
		outcome = DONE;
		if (!said_yes && errnum != EAGAIN) {
			diag_warn(d, NULL, "iptables-legacy",
				  "the iptables-legacy table %s " IPT_OWN_TABLE
				  " is as wanted, but the kernel reported \"%s\" and its counts "
				  "may have begun anew",
				  r->family->name, why);
		}
	} else if (!said_yes && errnum != EAGAIN && ipt_table_is(&before.now, r->h) &&
		   r->refusals++) { /* once may be somebody who wrote the same moment */
		tell_refusal(&before, errnum, why, d);
		outcome = FAILED;
	} else if (said_yes || errnum == EAGAIN || !ipt_table_is(&before.now, r->h)) {
		r->met = true;
	}
	forget_now(&before);
	return outcome;
}

static enum outcome attempt(struct ipt_raw *r, struct diag *d)
{
	auto_free char *why = NULL;
	struct ipt_policies policies;
	enum outcome outcome;
	int errnum, said_yes;

	if (ipt_raw_plan_make(&r->plan, &r->now, &r->want, d))
		return FAILED;
	if (!r->plan.n)
		return DONE;
	ipt_policies_read(&policies, r->family, r->h);
	if (edit_all(r, d))
		return FAILED;
	if (!is_still(r)) {
		r->met = true;
		return AGAIN;
	}
	said_yes = r->family->ops->commit(r->h);
	errnum = errno;
	why = xstrdup(r->family->ops->strerror(errnum));
	if (said_yes && !r->look && changes_number(r)) {
		forget_now(r);
		outcome = DONE;
	} else {
		outcome = judge(r, said_yes, errnum, why, d);
	}
	if (said_yes || (outcome == DONE && errnum != EAGAIN))
		ipt_policies_restore(&policies, r->family, IPT_OWN_TABLE, d);
	return outcome;
}

/* Lets the other one finish: half a second in all. */
static void pause_after(int tries)
{
	const struct timespec t = { .tv_nsec = (2l << tries) * 1000000 };

	nanosleep(&t, NULL);
}

static void tell_met(const struct ipt_raw *r, struct diag *d)
{
	diag_warn(d, NULL, "iptables-legacy",
		  "somebody changes the iptables-legacy table %s " IPT_OWN_TABLE
		  " without the lock of iptables, and may have lost a change by it",
		  r->family->name);
	diag_cure(d, "find out who it is, and see that it takes the lock, /run/xtables.lock");
}

int ipt_raw_write(struct ipt_raw *r, struct diag *d)
{
	enum outcome outcome = r->h ? AGAIN : DONE;

	for (int i = 0; i < TRIES && outcome == AGAIN; i++) {
		if (i)
			pause_after(i);
		outcome = i && open_again(r, d) ? FAILED : attempt(r, d);
	}
	if (r->met)
		tell_met(r, d);
	if (outcome == AGAIN) {
		diag_error(d, NULL, "iptables-legacy", 0,
			   "%d times somebody changed the iptables-legacy table %s " IPT_OWN_TABLE
			   " while it was written",
			   TRIES, r->family->name);
		diag_cure(d, "run it again when it is quiet");
	}
	return outcome == DONE ? 0 : -1;
}
