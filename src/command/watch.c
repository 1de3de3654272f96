/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack watch: what is on record stays in the kernel, whoever takes it away. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include "command/confirmation.h"
#include "command/notify.h"
#include "command/pace.h"
#include "command/repair.h"
#include "kernel/ipt_watch.h"

#define PAUSE_TOLD_MS 1000u
#define POLL_MS 500u /* between looks at the sizes of iptables-legacy's tables */

struct watch {
	struct session *s;
	struct nft_watch *nft; /* NULL: this kernel has no nf_tables */
	struct ipt_watch *ipt;
	int signals;
	struct pace pace;
	struct suspects who; /* since the last look */
	uint64_t polled;
	uint64_t watchdog, barked; /* how often it is to be told, and when it was */
	char *said; /* the findings of the last look: they are not said again; NULL: none */
	bool failing;
	unsigned long repairs;
	bool again;  /* what is on record has changed during the look */
	bool paused; /* and said so */
	bool end;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void suspects_clear(struct suspects *who)
{
	free(who->legacy.s);
	*who = (struct suspects){ 0 };
}

/* ---- one look -----------------------------------------------------------------------------------
 */

/* What is on record, and in force unless somebody else has interfered. 0; 1: nothing was applied
 * yet; -1 with findings. */
static int read_record(const struct session *s, long *n, struct policy *p)
{
	auto_free char *text = NULL, *name = NULL;

	*n = generation_newest(&s->paths, s->d);
	if (*n <= 0)
		return *n < 0 ? -1 : 1;
	text = generation_read(&s->paths, *n, s->d);
	name = xasprintf("%s/generation-%ld.conf", s->paths.state_dir, *n);
	return text ? policy_parse(p, text, name, s->d) : -1;
}

static enum exit_code repair(const struct session *s, const struct policy *p,
			     struct change_seen *seen)
{
	struct confirmation c = { .s = s, .kind = CONFIRMATION_ASIDE };
	struct change_how how = { &c, .repair = true, .seen = seen,
				  .verb = s->req.once ? "repaired" : NULL };
	auto_free char *text = policy_string(p);
	enum exit_code code = change_again(s, p, text, &how);

	confirmation_free(&c);
	return code;
}

static void tell_status(const struct watch *w, long n, const struct change_seen *seen)
{
	struct text t = { 0 };

	repair_count(&seen->after, &t);
	notify_status("generation %ld: %s; repaired %lu time%s", n, t.s, w->repairs,
		      w->repairs == 1 ? "" : "s");
	free(t.s);
}

/* Others have decided meanwhile, or want nothing to be done. */
static enum pace_outcome stand_aside(struct watch *w, long n)
{
	struct diag quiet = { 0 };
	bool stopped = journal_is_stopped(&w->s->paths);

	w->again = generation_newest(&w->s->paths, &quiet) != n;
	diag_free(&quiet);
	notify_status(stopped ? "idle: untrack was stopped"
			      : "idle: generation %ld was never confirmed",
		      n);
	if (w->s->req.once)
		diag_note(w->s->d, NULL, "watch",
			  stopped ? "untrack was stopped (untrack remove --stop): nothing to repair"
				  : "what was applied last was never confirmed: nothing to repair");
	return PACE_EQUAL;
}

static enum pace_outcome tell_look(struct watch *w, long n, const struct change_seen *seen)
{
	uint64_t late = w->pace.last ? now_ms() - w->pace.last : 0;

	if (seen->wrote) {
		w->repairs++;
		repair_tell(seen, &w->who, late, w->s->d);
	} else if (w->failing) {
		diag_note(w->s->d, NULL, "watch", "all is well again");
	}
	/* The sizes that our own repair has left are not known until the next look. */
	w->again = seen->wrote && ipt_watch_has_tables(w->ipt);
	w->failing = false;
	tell_status(w, n, seen);
	return seen->wrote ? PACE_REPAIRED : PACE_EQUAL;
}

/* What every look finds is said once. */
static void say_once(struct watch *w)
{
	struct diag *d = w->s->d;
	struct text t = { 0 };

	for (size_t i = 0; i < d->n; i++) {
		text_add(&t, "%s\n", d->v[i].text);
		if (d->v[i].severity == SEVERITY_ERROR)
			notify_status("cannot repair: %s", d->v[i].text);
	}
	if (w->said && t.s && !strcmp(w->said, t.s))
		diag_free(d);
	free(w->said);
	w->said = t.s;
}

static enum exit_code look_once(struct watch *w, enum pace_outcome *outcome)
{
	struct change_seen seen = { 0 };
	enum exit_code code = CODE_USAGE;
	struct policy p = { 0 };
	long n;
	int rc = read_record(w->s, &n, &p);

	if (!rc)
		code = repair(w->s, &p, &seen);
	say_once(w);
	if (rc > 0) {
		notify_status("idle: nothing was applied yet");
		code = CODE_DONE;
		*outcome = PACE_EQUAL;
	} else if (code == CODE_NO) {
		code = CODE_DONE;
		*outcome = stand_aside(w, n);
	} else if (code == CODE_DONE) {
		*outcome = tell_look(w, n, &seen);
	} else {
		w->failing = true;
		*outcome = PACE_FAILED;
	}
	change_seen_free(&seen);
	policy_free(&p);
	return code;
}

static void tell_pause(struct watch *w, unsigned pause)
{
	if (pause >= PAUSE_TOLD_MS && !w->paused)
		diag_warn(w->s->d, NULL, "watch",
			  "somebody takes away again and again what is put back: from now on "
			  "with a pause in between, of up to %u s",
			  PACE_PAUSE_MAX_MS / 1000);
	w->paused = pause >= PAUSE_TOLD_MS;
}

/* Each look begins with the sizes of that time: what somebody changes from now on has others. */
static void take_sizes(struct watch *w)
{
	struct text late = { 0 };

	ipt_watch_look(w->ipt, w->who.legacy.len ? &late : &w->who.legacy);
	free(late.s);
}

static enum exit_code look(struct watch *w)
{
	enum pace_outcome outcome;
	enum exit_code code;
	unsigned pause;

	take_sizes(w);
	code = look_once(w, &outcome);
	pause = pace_looked(&w->pace, now_ms(), outcome);
	if (w->again)
		pace_changed(&w->pace, now_ms());
	w->again = false;
	if (outcome == PACE_REPAIRED)
		tell_pause(w, pause);
	suspects_clear(&w->who);
	if (w->s->say)
		w->s->say(w->s);
	return code;
}

/* ---- what happens -------------------------------------------------------------------------------
 */

static void reload(struct watch *w)
{
	struct timespec t;
	auto_free char *text = NULL;

	clock_gettime(CLOCK_MONOTONIC, &t);
	text = xasprintf("RELOADING=1\nMONOTONIC_USEC=%lld",
			 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	notify(text);
	w->pace = (struct pace){ 0 };
	look(w);
	notify("READY=1");
}

static void take_signal(struct watch *w)
{
	struct signalfd_siginfo info;

	if (read(w->signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGHUP)
		reload(w);
	else
		w->end = true;
}

static int take_news(struct watch *w)
{
	const struct nft_news before = w->who.nft;
	uint64_t now = now_ms();

	if (w->nft && nft_watch_read(w->nft, &w->who.nft))
		return diag_error(w->s->d, NULL, "watch", errno,
				  "nf_tables tells nothing any more");
	if (w->who.nft.commits != before.commits || w->who.nft.lost != before.lost)
		pace_changed(&w->pace, now);
	if (now >= w->polled + POLL_MS) {
		w->polled = now;
		if (ipt_watch_look(w->ipt, &w->who.legacy))
			pace_changed(&w->pace, now);
	}
	return 0;
}

static int milliseconds_until(uint64_t at)
{
	uint64_t now = now_ms();

	return at > now ? (int)(at - now) : 0;
}

static void wait(struct watch *w)
{
	struct pollfd f[] = { { .fd = w->signals, .events = POLLIN },
			      { .fd = w->nft ? nft_watch_fd(w->nft) : -1, .events = POLLIN } };
	uint64_t until = w->polled + POLL_MS, due = pace_due(&w->pace);

	if (w->watchdog && now_ms() >= w->barked + w->watchdog / 4) {
		w->barked = now_ms();
		notify("WATCHDOG=1");
	}
	if (poll(f, ARRAY_SIZE(f), milliseconds_until(due < until ? due : until)) > 0 &&
	    f[0].revents)
		take_signal(w);
}

static enum exit_code stay(struct watch *w)
{
	while (!w->end) {
		wait(w);
		if (take_news(w))
			return CODE_UNKNOWN;
		if (!w->end && now_ms() >= pace_due(&w->pace))
			look(w);
	}
	notify("STOPPING=1\nSTATUS=");
	return CODE_DONE;
}

/* Signals wait until a transaction is over. */
static int take_over_signals(struct watch *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	w->signals = -1;
	if (!sigprocmask(SIG_BLOCK, &set, NULL))
		w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? diag_error(w->s->d, NULL, "watch", errno, "no signals") : 0;
}

static enum exit_code watch(struct watch *w)
{
	bool absent;

	if (take_over_signals(w))
		return CODE_REFUSED;
	w->nft = nft_watch_open(&absent, w->s->d);
	if (!w->nft && !absent)
		return CODE_REFUSED;
	w->polled = now_ms();
	w->watchdog = notify_watchdog_ms();
	look(w);
	notify("READY=1");
	return stay(w);
}

enum exit_code command_watch(struct session *s)
{
	struct watch w = { .s = s, .signals = -1, .ipt = ipt_watch_open() };
	enum exit_code code = s->req.once ? look(&w) : watch(&w);

	nft_watch_close(w.nft);
	ipt_watch_close(w.ipt);
	if (w.signals >= 0)
		close(w.signals);
	suspects_clear(&w.who);
	free(w.said);
	return code;
}
