/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pending confirmation through a transaction: looked at, begun, settled, ended. */
#include "command/confirmation.h"

#include <string.h>
#include <time.h>
#include <unistd.h>
#include "transaction/timer.h"

#define TERMINAL_MAX 100

char *confirmation_when(const struct pending *p)
{
	unsigned left = pending_seconds_left(p);
	time_t at = time(NULL) + left;
	char clock[16] = "";
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(clock, sizeof clock, "%H:%M:%S ", &tm);
	return xasprintf("%s(in %u s)", clock, left);
}

/* Files of a session may be named from where it is; the timer is elsewhere. */
static char *absolute(const char *path)
{
	char *found = realpath(path, NULL);

	return found ? found : xstrdup(path);
}

static char *own_terminal(void)
{
	char name[TERMINAL_MAX];

	for (int fd = 0; fd <= 2; fd++)
		if (isatty(fd) && !ttyname_r(fd, name, sizeof name))
			return xstrdup(name);
	return NULL;
}

static int refuse_second(const struct pending *p, struct diag *d)
{
	auto_free char *when = confirmation_when(p);

	diag_error(d, NULL, "unconfirmed", 0,
		   "generation %ld waits for its confirmation; without it the rules go back at %s",
		   p->generation, when);
	diag_cure(d, "untrack confirm keeps it, untrack rollback goes back now; or ask again, with "
		     "untrack apply --confirm");
	return -1;
}

/* A way out, and the timer's way back, lead past what cannot be read. */
static int look_at_damage(struct confirmation *c, struct diag *d, struct diag *faults)
{
	bool refused = c->kind == CONFIRMATION_NONE || c->kind == CONFIRMATION_ASKED ||
		       c->kind == CONFIRMATION_ASIDE;

	c->damaged = true;
	if (!refused)
		diag_soften(faults);
	diag_move(d, faults);
	return refused ? -1 : 0;
}

static int look_aside(struct confirmation *c, bool pending, struct diag *d)
{
	long newest = generation_newest(&c->s->paths, d);

	if (newest < 0)
		return -1;
	c->over = journal_is_stopped(&c->s->paths) ||
		  (!pending && newest > 0 && generation_is_unconfirmed(&c->s->paths, newest));
	return c->over ? -1 : 0;
}

int confirmation_look(struct confirmation *c, struct diag *d)
{
	struct diag faults = { 0 };
	int rc = pending_load(&c->s->paths, &c->old, &faults);

	if (rc < 0)
		return look_at_damage(c, d, &faults);
	diag_free(&faults);
	switch (c->kind) {
	case CONFIRMATION_NONE:
		return rc ? 0 : refuse_second(&c->old, d);
	case CONFIRMATION_ASKED:
	case CONFIRMATION_ENDED:
		return 0;
	case CONFIRMATION_DUE:
		c->over = rc || strcmp(c->old.token, c->token) != 0;
		return c->over ? -1 : 0;
	case CONFIRMATION_ASIDE:
		return look_aside(c, rc == 0, d);
	}
	return -1;
}

/* The canonical text of a generation; NULL with a finding. */
static char *generation_policy(const struct session *s, long n, struct diag *d)
{
	auto_free char *text = n ? generation_read(&s->paths, n, d) : xstrdup("");
	auto_free char *name = xasprintf("generation %ld", n);
	struct policy p = { 0 };
	char *policy = NULL;

	if (text && !policy_parse(&p, text, name, d))
		policy = policy_string(&p);
	policy_free(&p);
	return policy;
}

/* Are settings of conntrack ours since this host was started? */
static bool has_settings(const struct confirmation *c)
{
	struct settings_record r = { 0 };
	struct diag quiet = { 0 };
	bool some = !settings_record_load(&c->s->paths, &r, &quiet) && r.n;

	settings_record_free(&r);
	diag_free(&quiet);
	return some;
}

/* Where to? The first way back stays, however often the time is extended. Else to the last good
 * generation, if that is what the kernel held: where it held nothing (a boot), or not what the
 * newest generation says (somebody else's doing), only no rules at all are known to be harmless. */
static int choose_way_back(const struct confirmation *c, const struct ruleset *before,
			   struct pending *p, struct diag *d)
{
	auto_free char *good = NULL;
	long n;

	if (c->old.token) {
		p->back = c->old.back;
		p->policy = xstrdup(c->old.policy);
		return 0;
	}
	n = before->n_rules || before->n_twins || has_settings(c)
		    ? generation_last_good(&c->s->paths, d)
		    : 0;
	if (n < 0)
		return -1;
	good = generation_policy(c->s, n, d);
	if (!good)
		return -1;
	if (!strcmp(good, c->wanted))
		n = 0;
	p->back = n;
	p->policy = n ? xstrdup(good) : generation_policy(c->s, 0, d);
	return p->policy ? 0 : -1;
}

static int start(const struct session *s, struct pending *p, struct diag *d)
{
	static const char *const backends[] = { NULL, "auto", "nftables", "iptables" };
	auto_free char *config = absolute(s->config), *state = absolute(s->paths.state_dir);
	const char *words[8];
	size_t n = 0;

	words[n++] = "--config";
	words[n++] = config;
	if (s->req.state) { /* run_dir follows from it */
		words[n++] = "--state";
		words[n++] = state;
	}
	if (s->req.backend) {
		words[n++] = "--backend";
		words[n++] = backends[s->req.backend];
	}
	words[n] = NULL;
	return timer_start(p, &s->paths, words, d);
}

/* First the timer, then the file: whichever of the two is lost to a kill, what is pending after it
 * has a timer. */
static int begin(struct confirmation *c, struct pending *p, struct diag *d)
{
	p->token = pending_token(d);
	if (!p->token)
		return -1;
	p->deadline_ms = pending_now_ms() + c->seconds * 1000ull;
	p->terminal = own_terminal();
	if (start(c->s, p, d))
		return -1;
	if (pending_save(&c->s->paths, p, d)) {
		timer_stop(p);
		return -1;
	}
	return 0;
}

int confirmation_begin(void *ctx, const struct ruleset *before, struct diag *d)
{
	struct confirmation *c = ctx;
	struct pending p = { 0 };
	long newest;

	if (c->kind != CONFIRMATION_ASKED || c->mine.token)
		return 0;
	newest = generation_newest(&c->s->paths, d);
	p.generation = newest + !c->recorded;
	if (newest < 0 || choose_way_back(c, before, &p, d) || begin(c, &p, d)) {
		pending_free(&p);
		return -1;
	}
	c->mine = p;
	return 0;
}

/* Nothing came of it: what was pending before, with its own time, or nothing. */
static int take_back(struct confirmation *c, struct diag *d)
{
	if (!c->mine.token)
		return 0;
	if (c->old.token ? pending_save(&c->s->paths, &c->old, d) : pending_remove(&c->s->paths, d))
		return -1; /* its timer stays, too */
	timer_stop(&c->mine);
	pending_free(&c->mine);
	return 0;
}

static void end_old(const struct confirmation *c)
{
	if (c->mine.token && c->old.token)
		timer_stop(&c->old);
}

static bool newest_is_unconfirmed(const struct confirmation *c, struct diag *d)
{
	long newest = generation_newest(&c->s->paths, d);

	return c->recorded && newest > 0 && generation_is_unconfirmed(&c->s->paths, newest);
}

int confirmation_settle(struct confirmation *c, enum apply_result result, const struct ruleset *now,
			struct diag *d)
{
	int rc = 0;

	if (c->kind != CONFIRMATION_ASKED)
		return 0;
	switch (result) {
	case APPLY_UNCHANGED:
		if (c->old.token || newest_is_unconfirmed(c, d))
			rc = confirmation_begin(c, now, d);
		else
			rc = take_back(c, d);
		break;
	case APPLY_REFUSED:
	case APPLY_ROLLED_BACK:
		return take_back(c, d);
	case APPLY_CHANGED:
	case APPLY_UNKNOWN: /* if anything can put it right, the timer may */
		break;
	}
	end_old(c);
	return rc;
}

int confirmation_close(struct confirmation *c, struct diag *d)
{
	bool way_out = c->kind == CONFIRMATION_ENDED || c->kind == CONFIRMATION_DUE;

	if (!way_out || (!c->old.token && !c->damaged))
		return 0;
	if (pending_remove(&c->s->paths, d))
		return -1;
	if (c->old.token && c->kind == CONFIRMATION_ENDED)
		timer_stop(&c->old);
	return 0;
}

bool confirmation_is_pending(const struct confirmation *c)
{
	return c->mine.token;
}

void confirmation_free(struct confirmation *c)
{
	pending_free(&c->old);
	pending_free(&c->mine);
}

/* Damage makes an unconfirmed generation no better. */
static int way_back_without_file(const struct session *s, bool due, long *back, struct policy *p)
{
	long newest = generation_newest(&s->paths, s->d), good;
	auto_free char *text = NULL;

	if (newest < 0)
		return -1;
	if (!due && !generation_is_unconfirmed(&s->paths, newest))
		return 1;
	good = generation_last_good(&s->paths, s->d);
	text = good < 0 ? NULL : generation_policy(s, good, s->d);
	if (!text || policy_parse(p, text, "the last good generation", s->d))
		return -1;
	*back = good;
	return 0;
}

int confirmation_way_back(const struct session *s, bool due, long *back, struct policy *p)
{
	struct pending pending = { 0 };
	struct diag quiet = { 0 };
	int rc = pending_load(&s->paths, &pending, &quiet);

	if (!rc && policy_parse(p, pending.policy, PENDING_FILE, &quiet)) {
		policy_free(p);
		rc = -1;
	} else if (!rc) {
		*back = pending.back;
	}
	diag_free(&quiet); /* confirmation_look says it again */
	pending_free(&pending);
	return rc < 0 ? way_back_without_file(s, due, back, p) : rc;
}
