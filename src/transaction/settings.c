/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings of conntrack: looked at, written one by one with the record ahead of them, put back.
 */
#include "transaction/settings.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include "kernel/ct_sysctl.h"
#include "transaction/journal.h"
#include "util.h"

#define VALUE_MAX (ULONG_MAX >> 1)

/* ---- looking -----------------------------------------------------------------------------------
 */

/* 0, or -1 with a finding. */
static int read_now(struct setting *s, const char *dir, struct diag *d)
{
	auto_free char *name = ct_sysctl_name(s->key);
	int rc = ct_sysctl_read(dir, name, &s->now, d);

	s->is_there = !rc;
	return rc < 0 ? -1 : 0;
}

static enum setting_fate fate_of_wanted(const struct setting *s, const char *dir)
{
	auto_free char *name = ct_sysctl_name(s->key);

	if (!s->is_there)
		return ct_sysctl_is_there(dir) ? SETTING_UNKNOWN : SETTING_WAITING;
	if (s->now != s->want && ct_sysctl_ask(dir, name) == CT_SYSCTL_FIXED)
		return SETTING_FIXED;
	return SETTING_WANTED;
}

/* Somebody else's value is what was before, and stays when ours leaves. */
static bool is_ours(const struct setting *s, const struct setting_record *r)
{
	return r && s->is_there && (s->now == r->set || s->now == r->other);
}

static int add_wanted(struct settings *s, const char *dir, const struct ct_setting *c,
		      struct diag *d)
{
	const struct setting_record *r = settings_record_find(&s->record, c->key);
	struct setting *to = ARRAY_ADD(s->v, s->n);

	to->key = xstrdup(c->key);
	to->at = c->at;
	to->want = c->value;
	if (read_now(to, dir, d))
		return -1;
	to->recorded = is_ours(to, r);
	to->was = to->recorded ? r->was : to->now;
	to->fate = fate_of_wanted(to, dir);
	return 0;
}

static int add_leaving(struct settings *s, const char *dir, const struct setting_record *r,
		       struct diag *d)
{
	struct setting *to = ARRAY_ADD(s->v, s->n);

	to->key = xstrdup(r->key);
	to->want = to->was = r->was;
	if (read_now(to, dir, d))
		return -1;
	to->recorded = is_ours(to, r);
	to->fate = to->recorded ? SETTING_BACK : SETTING_KEPT;
	return 0;
}

static const struct ct_setting *find_wanted(const struct policy *p, const char *key)
{
	for (size_t i = 0; i < p->n_conntrack; i++)
		if (!strcmp(p->conntrack[i].key, key))
			return &p->conntrack[i];
	return NULL;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct setting *)a)->key, ((const struct setting *)b)->key);
}

int settings_look(struct settings *s, const char *dir, const struct state_paths *sp,
		  const struct policy *p, struct diag *d)
{
	int rc;

	settings_free(s);
	rc = settings_record_load(sp, &s->record, d);
	s->damaged = rc != 0;
	for (size_t i = 0; i < p->n_conntrack; i++)
		rc |= add_wanted(s, dir, &p->conntrack[i], d);
	for (size_t i = 0; i < s->record.n; i++)
		if (!find_wanted(p, s->record.v[i].key))
			rc |= add_leaving(s, dir, &s->record.v[i], d);
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_key);
	return rc ? -1 : 0;
}

void settings_free(struct settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].key);
	free(s->v);
	settings_record_free(&s->record);
	*s = (struct settings){ 0 };
}

/* ---- telling -----------------------------------------------------------------------------------
 */

static bool is_off(const struct setting *s)
{
	return (s->fate == SETTING_WANTED || s->fate == SETTING_BACK) && s->now != s->want;
}

size_t settings_differ(const struct settings *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += is_off(&s->v[i]);
	return n;
}

size_t settings_count(const struct settings *s, enum setting_fate fate)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].fate == fate;
	return n;
}

static const char *unit(const char *key)
{
	return strncmp(key, "timeout-", 8) ? "" : "s";
}

size_t settings_diff(const struct settings *s, FILE *out)
{
	for (size_t i = 0; out && i < s->n; i++) {
		const struct setting *v = &s->v[i];

		if (is_off(v))
			fprintf(out, "- conntrack %s = %lu%s\n+ conntrack %s = %lu%s\n", v->key,
				v->now, unit(v->key), v->key, v->want, unit(v->key));
	}
	return 2 * settings_differ(s);
}

char *settings_names(const struct settings *s)
{
	struct text t = { 0 };

	for (size_t i = 0; i < s->n; i++)
		if (is_off(&s->v[i]))
			text_add(&t, "%s%s", t.len ? ", " : "", s->v[i].key);
	return t.s;
}

static const struct origin *origin(const struct setting *s)
{
	return s->at.file ? &s->at : NULL;
}

static void tell_fixed(const struct setting *s, struct diag *d)
{
	diag_warn(d, origin(s), "conntrack-settings",
		  "%s = %lu cannot be set in this network namespace: it is %lu, and only the "
		  "initial one may change it, for all of them",
		  s->key, s->want, s->now);
	diag_cure(d, "set it on the host that this is a part of, or remove it from [conntrack]; "
		     "the other settings are not concerned");
}

static void tell_unknown(const struct setting *s, struct diag *d)
{
	auto_free char *name = ct_sysctl_name(s->key);

	diag_warn(d, origin(s), "conntrack-settings",
		  "%s cannot be set: this kernel has no net.netfilter.%s", s->key, name);
	diag_cure(d, "remove it from [conntrack]; the other settings are not concerned");
}

static void tell_kept(const struct setting *s, struct diag *d)
{
	if (!s->is_there || s->now == s->was)
		return;
	diag_warn(d, NULL, "conntrack-settings",
		  "%s is %lu%s, which somebody else has set since untrack did: it stays", s->key,
		  s->now, unit(s->key));
	diag_cure(d, "it was %lu%s before untrack set it, if that is what you want", s->was,
		  unit(s->key));
}

static void tell_waiting(const struct settings *s, struct diag *d)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].fate != SETTING_WAITING)
			continue;
		diag_warn(d, origin(&s->v[i]), "conntrack-settings",
			  "connection tracking is not in the kernel, so [conntrack] has nothing to "
			  "set yet (untrack does not load it for that)");
		diag_cure(d, "run untrack apply, or at the start of the host untrack apply --boot, "
			     "again after the module nf_conntrack is loaded");
		return;
	}
}

/* A table that holds more than it may takes nothing new. */
static void tell_full(const struct setting *s, const char *dir, struct diag *d)
{
	struct diag quiet = { 0 };
	unsigned long count = 0;

	if (!is_off(s) || strcmp(s->key, "max") ||
	    ct_sysctl_read(dir, "nf_conntrack_count", &count, &quiet) || count < s->want) {
		diag_free(&quiet);
		return;
	}
	diag_warn(d, origin(s), "conntrack-settings",
		  "max = %lu is not more than the %lu entries that are in the table: until they "
		  "are fewer, new connections are dropped",
		  s->want, count);
	diag_cure(d, "choose a larger max");
}

void settings_tell(const struct settings *s, const char *dir, struct diag *d)
{
	for (size_t i = 0; i < s->n; i++) {
		switch (s->v[i].fate) {
		case SETTING_WANTED:
		case SETTING_BACK:
			tell_full(&s->v[i], dir, d);
			break;
		case SETTING_KEPT:
			tell_kept(&s->v[i], d);
			break;
		case SETTING_FIXED:
			tell_fixed(&s->v[i], d);
			break;
		case SETTING_UNKNOWN:
			tell_unknown(&s->v[i], d);
			break;
		case SETTING_WAITING:
			break;
		}
	}
	tell_waiting(s, d);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static int error_write(const struct setting *s, unsigned long value, int errnum, struct diag *d)
{
	auto_free char *name = ct_sysctl_name(s->key);

	diag_error(d, origin(s), "conntrack-settings", errnum,
		   "cannot set net.netfilter.%s to %lu (%s)", name, value, s->key);
	if (errnum == EROFS)
		diag_cure(d, "in a container /proc/sys is for reading only: mount it writable, or "
			     "leave [conntrack] to the host");
	else if (errnum == EACCES || errnum == EPERM)
		diag_cure(d, "run it as root");
	else if (errnum == EINVAL)
		diag_cure(d, "this kernel does not take that value: choose a smaller one");
	else if (errnum == ENOMEM)
		diag_cure(d, "a table of that size does not fit into memory: fewer buckets");
	else
		diag_cure(d,
			  "see whether sysctl -w net.netfilter.%s=%lu can, or remove %s from "
			  "[conntrack]",
			  name, value, s->key);
	return -1;
}

int settings_ask(const struct settings *s, const char *dir, struct diag *d)
{
	int rc = 0;

	for (size_t i = 0; i < s->n; i++) {
		auto_free char *name = ct_sysctl_name(s->v[i].key);

		if (is_off(&s->v[i]) && ct_sysctl_ask(dir, name) == CT_SYSCTL_REFUSED)
			rc = error_write(&s->v[i], s->v[i].want, errno, d);
	}
	return rc;
}

/* Believes nothing but what is read back. */
static int write_one(const struct setting *s, const char *dir, unsigned long value, struct diag *d)
{
	auto_free char *name = ct_sysctl_name(s->key);
	struct setting after = *s;

	if (ct_sysctl_write(dir, name, value))
		return error_write(s, value, errno, d);
	if (read_now(&after, dir, d))
		return -1;
	if (after.is_there && after.now == value)
		return 0;
	if (!after.is_there)
		return error_write(s, value, ENOENT, d);
	diag_error(d, origin(s), "conntrack-settings", 0,
		   "%s: the kernel made %lu of %lu: it rounds or limits this value", s->key,
		   after.now, value);
	diag_cure(d, "write %s = %lu%s in [conntrack], if that is as good", s->key, after.now,
		  unit(s->key));
	return -1;
}

/* What is true while the values are being written: each is ours before and after. */
static int save_open(const struct settings *s, const struct state_paths *sp, struct diag *d)
{
	struct settings_record r = { 0 };
	int rc;

	for (size_t i = 0; i < s->n; i++) {
		const struct setting *v = &s->v[i];

		if (is_off(v) || (v->fate == SETTING_WANTED && v->recorded))
			settings_record_add(&r, v->key, v->was, v->want, v->now);
	}
	rc = settings_record_save(sp, &r, d);
	settings_record_free(&r);
	return rc;
}

int settings_write(const struct settings *s, const char *dir, const struct state_paths *sp,
		   struct diag *d)
{
	if (save_open(s, sp, d))
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (is_off(&s->v[i]) && write_one(&s->v[i], dir, s->v[i].want, d))
			return -1;
	return 0;
}

bool settings_lower_max(const struct settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].key, "max"))
			return is_off(&s->v[i]) && s->v[i].want < s->v[i].now;
	return false;
}

int settings_undo(const struct settings *s, const char *dir, const struct state_paths *sp,
		  struct diag *d)
{
	int rc = 0;

	for (size_t i = s->n; i-- > 0;) {
		struct setting is = s->v[i];

		if (!is_off(&is))
			continue;
		if (read_now(&is, dir, d) ||
		    (is.now != s->v[i].now && write_one(&s->v[i], dir, s->v[i].now, d)))
			rc = -1;
	}
	return rc || settings_record_save(sp, &s->record, d) ? -1 : 0;
}

static bool is_same_record(const struct settings_record *a, const struct settings_record *b)
{
	auto_free char *x = NULL, *y = NULL;

	if (a->n != b->n || !a->n)
		return a->n == b->n;
	x = settings_record_print(a);
	y = settings_record_print(b);
	return !strcmp(x, y);
}

/* What was as wanted by itself, and never on record, needs none: to put it back changes nothing. */
int settings_settle(const struct settings *s, const struct state_paths *sp, struct diag *d)
{
	struct settings_record r = { 0 };
	int rc = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct setting *v = &s->v[i];

		if (v->fate == SETTING_WANTED && (v->recorded || v->now != v->want))
			settings_record_add(&r, v->key, v->was, v->want, v->want);
	}
	if (s->damaged || !is_same_record(&r, &s->record))
		rc = settings_record_save(sp, &r, d);
	settings_record_free(&r);
	return rc;
}

/* ---- evidence ----------------------------------------------------------------------------------
 */

void settings_print(const struct settings *s, FILE *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct setting *v = &s->v[i];

		if (v->fate == SETTING_WAITING)
			fprintf(out, "%s - %lu\n", v->key, v->want);
		else if (v->fate == SETTING_WANTED || v->fate == SETTING_BACK)
			fprintf(out, "%s %lu %lu\n", v->key, v->now, v->want);
	}
}

static bool parse_step(char *line, struct settings *s)
{
	char *now = strchr(line, ' '), *want = now ? strchr(now + 1, ' ') : NULL;
	struct setting new = { .fate = SETTING_WAITING };

	if (!want)
		return false;
	*now++ = *want++ = '\0';
	new.is_there = strcmp(now, "-") != 0;
	if (!settings_is_key(line) || !parse_uint(want, 0, VALUE_MAX, &new.want) ||
	    (new.is_there && !parse_uint(now, 0, VALUE_MAX, &new.now)) ||
	    (s->n && strcmp(s->v[s->n - 1].key, line) >= 0))
		return false;
	if (new.is_there)
		new.fate = SETTING_WANTED;
	new.key = xstrdup(line);
	*ARRAY_ADD(s->v, s->n) = new;
	return true;
}

int settings_parse(struct settings *s, const char *text)
{
	auto_free char *copy = xstrdup(text);
	struct settings new = { 0 };
	char *line = copy, *end;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (!parse_step(line, &new))
			break;
	}
	if (*line) {
		settings_free(&new);
		return -1;
	}
	*s = new;
	return 0;
}

bool settings_hold(const struct settings *s, const char *dir, bool done)
{
	struct diag quiet = { 0 };
	bool holds = true;

	for (size_t i = 0; i < s->n; i++) {
		struct setting is = s->v[i];

		if (read_now(&is, dir, &quiet))
			holds = false;
		else if (is.is_there && (done || s->v[i].is_there))
			holds = holds && is.now == (done ? is.want : s->v[i].now);
	}
	diag_free(&quiet);
	return holds;
}
