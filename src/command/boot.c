/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack apply --boot: nobody is watching, so what was never confirmed or does not work must not
 * keep the host from what did. */
#include "command/command.h"
#include "command/notify.h"

#include <string.h>

#define TRIED_MAX 3

struct boot { /* one boot */
	struct session *s;
	char *tried[TRIED_MAX]; /* canonical texts that are out of the question, or failed */
	size_t n_tried;
	bool fell_back;	     /* there was something to go back to */
	char *reason;	     /* why the files' policy is not in the kernel */
	enum exit_code code; /* what it comes to where nothing else helps */
};

static bool is_tried(const struct boot *b, const char *text)
{
	for (size_t i = 0; i < b->n_tried; i++)
		if (!strcmp(b->tried[i], text))
			return true;
	return false;
}

static bool is_in_list(const char *list, const char *id)
{
	for (size_t len; list && *list; list += len + strspn(list + len, ", ")) {
		len = strcspn(list, ",");
		if (strlen(id) == len && !strncmp(list, id, len))
			return true;
	}
	return false;
}

/* Was it refused only for what somebody went over with --force when it was applied? Objects of
 * others in our table are not those of that day. */
static bool was_forced(const struct diag *said, const char *forced)
{
	for (size_t i = 0; i < said->n; i++)
		if (said->v[i].severity == SEVERITY_ERROR &&
		    (!is_in_list(forced, said->v[i].id) ||
		     !strcmp(said->v[i].id, "foreign-objects")))
			return false;
	return said->errors > 0;
}

/* With findings of its own: what another attempt had to say is not on the record of this one. */
static enum exit_code attempt(const struct session *s, const struct policy *p,
			      const struct change_how *how, struct diag *said)
{
	struct session own = *s;

	own.d = said;
	return change_to(&own, p, how);
}

enum exit_code change_again(const struct session *s, const struct policy *p, const char *text,
			    struct change_how *how)
{
	struct generation_header h = { 0 };
	struct diag said = { 0 };
	enum exit_code code = attempt(s, p, how, &said);

	if (code == CODE_REFUSED && generation_find(&s->paths, text, &h) > 0 &&
	    was_forced(&said, h.forced)) {
		diag_free(&said);
		how->force = true;
		code = attempt(s, p, how, &said);
	}
	diag_move(s->d, &said);
	generation_header_free(&h);
	return code;
}

static enum exit_code try_policy(struct boot *b, const struct policy *p, const char *verb)
{
	struct change_how how = { .verb = verb, .force = b->s->req.force, .boot = true };
	char *text = b->tried[b->n_tried++] = policy_string(p);

	return change_again(b->s, p, text, &how);
}

/* Why p must not be applied, or NULL: it is what somebody wanted to see confirmed, and never did.
 * What was applied last counts; where that cannot be read, it may have been this. */
static char *find_fault(const struct boot *b, const char *text)
{
	struct generation_header h = { 0 };
	long n = generation_find(&b->s->paths, text, &h), newest;
	bool unconfirmed = h.unconfirmed;

	generation_header_free(&h);
	if (n > 0)
		return unconfirmed ? xasprintf("%s is generation %ld, which was never confirmed",
					       b->s->config, n)
				   : NULL;
	newest = generation_newest(&b->s->paths, b->s->d);
	if (newest <= 0 || !generation_header(&b->s->paths, newest, &h, b->s->d)) {
		generation_header_free(&h);
		return NULL;
	}
	return xasprintf("%s may be generation %ld, which cannot be read and may never have been "
			 "confirmed",
			 b->s->config, newest);
}

static bool is_unconfirmed(struct boot *b, const struct policy *p)
{
	char *text = policy_string(p);

	b->reason = find_fault(b, text);
	if (!b->reason) {
		free(text);
		return false;
	}
	b->tried[b->n_tried++] = text;
	b->code = CODE_REFUSED;
	return true;
}

static enum exit_code try_files(struct boot *b)
{
	struct policy p = { 0 };
	enum exit_code code = session_policy(b->s, &p);

	if (code != CODE_DONE) {
		b->reason = xasprintf("%s cannot be used", b->s->config);
	} else if (is_unconfirmed(b, &p)) {
		code = b->code;
	} else {
		code = try_policy(b, &p, "applied");
		b->reason = xasprintf("what %s says could not be applied", b->s->config);
	}
	policy_free(&p);
	b->code = code;
	return code;
}

/* Reads generation n if it is one that may still help. */
static bool is_candidate(const struct boot *b, long n, bool at_boot, struct policy *p)
{
	auto_free char *name = xasprintf("%s/generation-%ld.conf", b->s->paths.state_dir, n);
	auto_free char *text = generation_read(&b->s->paths, n, b->s->d), *canonical = NULL;
	struct generation_header h = { 0 };
	struct policy found = { 0 };
	const char *body;
	bool good = text && !generation_parse(text, strlen(text), name, &h, &body, b->s->d) &&
		    (!at_boot || h.good_at_boot) && !policy_parse(&found, text, name, b->s->d);

	generation_header_free(&h);
	canonical = good ? policy_string(&found) : NULL;
	if (good && !is_tried(b, canonical)) {
		*p = found;
		return true;
	}
	policy_free(&found);
	return false;
}

/* at_boot: only what was good at boot. True: there is one, and it was tried. */
static bool fall_back(struct boot *b, bool at_boot, long *n, enum exit_code *code)
{
	struct policy p = { 0 };
	auto_free char *verb = NULL;

	*n = generation_last_good(&b->s->paths, b->s->d);
	while (*n > 0 && !is_candidate(b, *n, at_boot, &p))
		*n = generation_good_before(&b->s->paths, *n, b->s->d);
	if (*n <= 0)
		return false;
	verb = xasprintf("applied generation %ld instead", *n);
	*code = try_policy(b, &p, verb);
	policy_free(&p);
	return true;
}

/* The last good generation, and where that fails, too, the last one that was good at boot. */
static enum exit_code go_back(struct boot *b)
{
	enum exit_code code = b->code;
	long n = 0;

	for (int at_boot = 0; at_boot < 2; at_boot++) {
		if (!fall_back(b, at_boot, &n, &code))
			continue;
		b->fell_back = true;
		if (code == CODE_DONE) {
			notify_status("generation %ld is in force instead: %s", n, b->reason);
			diag_error(b->s->d, NULL, "boot", 0,
				   "%s: generation %ld is in force instead", b->reason, n);
			diag_cure(b->s->d, "see what is wrong with untrack check and untrack diff, "
					   "then untrack apply");
			return CODE_NO;
		}
		if (code > b->code)
			b->code = code;
	}
	diag_error(b->s->d, NULL, "boot", 0,
		   b->fell_back ? "%s, and what was good before it could not either"
				: "%s, and there is no good generation to go back to",
		   b->reason);
	diag_cure(b->s->d, "see what is wrong with untrack check, then untrack apply");
	return b->code;
}

enum exit_code command_boot(struct session *s)
{
	struct boot b = { .s = s };
	enum exit_code code;

	if (s->req.confirm) {
		diag_error(s->d, NULL, "usage", 0,
			   "apply: --boot and --confirm exclude each other");
		diag_cure(s->d, "at boot nobody is there to confirm");
		return CODE_USAGE;
	}
	code = try_files(&b);
	if (code != CODE_DONE)
		code = go_back(&b);
	for (size_t i = 0; i < b.n_tried; i++)
		free(b.tried[i]);
	free(b.reason);
	return code;
}
