/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack apply --confirm and confirm, the question on a terminal, and what the timer runs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "command/confirmation.h"
#include "transaction/timer.h"

#define ON_TERMINAL_S 120
#define ELSEWHERE_S 600
#define LOOK_MS 500 /* how often the question looks whether it is still one */
#define GRACE_S 15  /* after the deadline: the timer is at work */
#define EXPIRE_TRIES 60
#define EXPIRE_PAUSE_S 30

static int confirm_time(const struct session *s, unsigned *seconds)
{
	const char *text = s->req.confirm;
	unsigned long n = 0;
	int rc = parse_time(text, PENDING_MAX_S, &n);

	if (!*text) {
		*seconds = s->terminal ? ON_TERMINAL_S : ELSEWHERE_S;
		return 0;
	}
	if (rc == -1) {
		diag_error(s->d, NULL, "usage", 0, "--confirm: '%s' is not a time", text);
		diag_cure(s->d, "write one number and its unit s, m or h, such as --confirm=5m");
		return -1;
	}
	if (rc || n < PENDING_MIN_S)
		return diag_error(s->d, NULL, "usage", 0,
				  "--confirm: %s is out of range (%us to %uh)", text, PENDING_MIN_S,
				  PENDING_MAX_S / 3600);
	*seconds = (unsigned)n;
	return 0;
}

/* Nothing is pending: was it too late? */
static enum exit_code nothing_pending(const struct session *s)
{
	long newest = generation_newest(&s->paths, s->d);

	diag_error(s->d, NULL, "confirm", 0, "nothing waits for a confirmation");
	if (newest > 0 && generation_is_unconfirmed(&s->paths, newest))
		diag_cure(s->d,
			  "generation %ld never was confirmed, and its time is over (or this host "
			  "was started anew): untrack apply --confirm asks again",
			  newest);
	else
		diag_cure(s->d, "untrack status says what is in force; untrack history, what was");
	return CODE_NO;
}

/* First the record, then the file: a run killed in between goes back, and has not said otherwise.
 */
static enum exit_code keep_pending(const struct session *s, const struct pending *p)
{
	auto_free char *when = confirmation_when(p);
	long newest = generation_newest(&s->paths, s->d);
	int rc;

	if (newest != p->generation) {
		diag_error(s->d, NULL, "confirm", 0, "generation %ld is not on record",
			   p->generation);
		diag_cure(s->d,
			  "make room in %s, run untrack apply --confirm again, and confirm that",
			  s->paths.state_dir);
		return CODE_REFUSED;
	}
	if (generation_mark(&s->paths, newest, GENERATION_CONFIRMED, s->d)) {
		diag_note(s->d, NULL, "unconfirmed",
			  "it is not confirmed: the rules go back at %s, unless untrack confirm "
			  "comes again and succeeds",
			  when);
		return CODE_REFUSED;
	}
	rc = pending_remove(&s->paths, s->d);
	timer_stop(p);
	if (rc)
		return CODE_UNKNOWN;
	if (!s->req.quiet)
		fprintf(s->out, "confirmed: generation %ld stays\n", p->generation);
	return CODE_DONE;
}

/* token: only this one; NULL: whichever is pending. */
static enum exit_code keep(const struct session *s, const char *token)
{
	auto_close int lock = session_lock(s, LOCK_WAIT_MS);
	struct pending p = { 0 };
	enum exit_code code = CODE_USAGE;
	int rc;

	if (lock < 0)
		return CODE_REFUSED;
	rc = pending_load(&s->paths, &p, s->d);
	if (rc > 0 || (!rc && token && strcmp(p.token, token) != 0))
		code = nothing_pending(s);
	else if (!rc)
		code = keep_pending(s, &p);
	pending_free(&p);
	return code;
}

enum exit_code command_confirm(struct session *s)
{
	return keep(s, NULL);
}

enum answer { ANSWER_NONE, ANSWER_KEEP, ANSWER_OTHER, ANSWER_ELSEWHERE, ANSWER_LATE };

static bool is_still_pending(const struct session *s, const char *token)
{
	struct pending p = { 0 };
	struct diag quiet = { 0 };
	int rc = pending_load(&s->paths, &p, &quiet);
	bool same = rc < 0 || (!rc && !strcmp(p.token, token));

	pending_free(&p);
	diag_free(&quiet);
	return same;
}

/* One line of the terminal; anything but the word is no. */
static enum answer read_answer(void)
{
	char line[64];
	ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return ANSWER_NONE;
	if (n <= 0)
		return ANSWER_OTHER;
	line[n] = '\0';
	line[strcspn(line, " \t\r\n")] = '\0';
	return strcmp(line, "keep") ? ANSWER_OTHER : ANSWER_KEEP;
}

/* Waits without the lock, so that somebody may confirm elsewhere, and the timer may go back. */
static enum answer ask(const struct session *s, const struct pending *p)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	enum answer answer = ANSWER_NONE;

	fprintf(s->out,
		"Open a NEW connection to this host. If it works, type 'keep' (goes back in %u "
		"s): ",
		pending_seconds_left(p));
	fflush(s->out);
	while (answer == ANSWER_NONE) {
		if (poll(&in, 1, LOOK_MS) > 0)
			answer = read_answer();
		else if (!is_still_pending(s, p->token))
			answer = ANSWER_ELSEWHERE;
		else if (pending_now_ms() > p->deadline_ms + GRACE_S * 1000)
			answer = ANSWER_LATE;
	}
	if (answer == ANSWER_ELSEWHERE || answer == ANSWER_LATE)
		fputc('\n', s->out);
	return answer;
}

static void say_when(const struct session *s, const struct pending *p)
{
	auto_free char *when = confirmation_when(p);
	auto_free char *back = p->back ? xasprintf("to generation %ld", p->back)
				       : xstrdup("to no rules of untrack at all");

	diag_note(s->d, NULL, "unconfirmed",
		  "generation %ld is not confirmed yet: without it the rules go back %s at %s",
		  p->generation, back, when);
	diag_cure(s->d, "open a new connection to this host; if it works, untrack confirm there");
}

/* It was confirmed elsewhere, asked for again, or its time is over. */
static enum exit_code settled_elsewhere(const struct session *s, const struct pending *p)
{
	long newest = generation_newest(&s->paths, s->d);
	struct pending now = { 0 };
	struct diag quiet = { 0 };
	int rc = pending_load(&s->paths, &now, &quiet);

	pending_free(&now);
	diag_free(&quiet);
	if (rc <= 0) {
		diag_note(s->d, NULL, "unconfirmed",
			  "somebody else has asked for a confirmation since: untrack status");
		return CODE_DONE;
	}
	if (newest == p->generation && !generation_is_unconfirmed(&s->paths, newest)) {
		if (!s->req.quiet)
			fprintf(s->out, "confirmed elsewhere: generation %ld stays\n", newest);
		return CODE_DONE;
	}
	diag_error(s->d, NULL, "unconfirmed", 0,
		   "generation %ld was not confirmed in time, and the rules before are back",
		   p->generation);
	diag_cure(s->d, "untrack status says what is in force; the system log, how it went");
	return CODE_REFUSED;
}

static enum exit_code ask_and_keep(struct session *s, const struct pending *p)
{
	if (s->say)
		s->say(s);
	switch (ask(s, p)) {
	case ANSWER_KEEP:
		return keep(s, p->token);
	case ANSWER_NONE:
	case ANSWER_OTHER:
		say_when(s, p);
		return CODE_DONE;
	case ANSWER_ELSEWHERE:
		return settled_elsewhere(s, p);
	case ANSWER_LATE:
		break;
	}
	diag_error(s->d, NULL, "unconfirmed", 0,
		   "the time is over, and the timer has not gone back");
	diag_cure(s->d, "the system log may say why; untrack rollback goes back, untrack confirm "
			"keeps the rules");
	return CODE_UNKNOWN;
}

enum exit_code confirm_apply(struct session *s, const struct policy *p)
{
	struct confirmation c = { .s = s, .kind = CONFIRMATION_ASKED };
	const struct change_how how = { &c, .verb = "applied", .force = s->req.force };
	enum exit_code code = CODE_USAGE;

	if (!confirm_time(s, &c.seconds))
		code = change_to(s, p, &how);
	if (confirmation_is_pending(&c)) {
		if (code == CODE_DONE && s->terminal)
			code = ask_and_keep(s, &c.mine);
		else
			say_when(s, &c.mine);
	}
	confirmation_free(&c);
	return code;
}

/* One line, if the terminal is still there. It may be somebody else's by now: no secret is told. */
static void tell_terminal(const char *terminal, const char *text)
{
	auto_close int fd =
		terminal ? open(terminal, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
	auto_free char *line = xasprintf("\r\nuntrack: %s\r\n", text);

	if (fd >= 0 && isatty(fd))
		(void)!write(fd, line, strlen(line));
}

static void tell(const char *terminal, int priority, const char *text)
{
	openlog("untrack", LOG_PID, LOG_DAEMON);
	syslog(priority, "%s", text);
	closelog();
	tell_terminal(terminal, text);
}

static void tell_outcome(const struct session *s, const char *terminal, long back,
			 enum exit_code code)
{
	auto_free char *where =
		back > 0 ? xasprintf("generation %ld is", back) : xstrdup("nothing of untrack is");
	auto_free char *text = NULL;
	const char *why = "no reason given";

	for (size_t i = s->d->n; i > 0; i--)
		if (s->d->v[i - 1].severity == SEVERITY_ERROR)
			why = s->d->v[i - 1].text;
	if (code == CODE_DONE)
		text = xasprintf("not confirmed in time: went back, and %s in the kernel, read "
				 "back and compared",
				 where);
	else
		text = xasprintf("not confirmed in time, and going back FAILED: %s", why);
	tell(terminal, code == CODE_DONE ? LOG_NOTICE : LOG_ERR, text);
}

/* What was in force before is not argued about now: force. CODE_NO: nothing is to be done any more.
 */
static enum exit_code go_back(const struct session *s, const char *token, long *back)
{
	struct confirmation c = { .s = s, .kind = CONFIRMATION_DUE, .token = token };
	const struct change_how how = { &c, .verb = "not confirmed, went back", .force = true };
	struct policy p = { 0 };
	enum exit_code code = CODE_REFUSED;
	int rc = confirmation_way_back(s, true, back, &p);

	if (rc > 0)
		code = CODE_NO;
	else if (!rc)
		code = change_to(s, &p, &how);
	if (code != CODE_DONE && c.over)
		code = CODE_NO;
	confirmation_free(&c);
	policy_free(&p);
	return code;
}

static char *pending_terminal(const struct session *s)
{
	struct pending p = { 0 };
	struct diag quiet = { 0 };
	char *terminal = NULL;

	if (!pending_load(&s->paths, &p, &quiet) && p.terminal)
		terminal = xstrdup(p.terminal);
	pending_free(&p);
	diag_free(&quiet);
	return terminal;
}

/* What stands in the way may go: somebody else's lock, or rules that change all the time. */
static enum exit_code try_to_go_back(struct session *s, const char *token)
{
	auto_free char *terminal = pending_terminal(s);
	enum exit_code code = CODE_NO;
	long back = 0;

	for (unsigned i = 1; i <= EXPIRE_TRIES; i++) {
		struct timespec pause = { .tv_sec = i < EXPIRE_PAUSE_S ? i : EXPIRE_PAUSE_S };

		diag_free(s->d);
		code = go_back(s, token, &back);
		if (code == CODE_NO)
			return CODE_DONE;
		if (code == CODE_DONE || i == 1 || i == EXPIRE_TRIES)
			tell_outcome(s, terminal, back, code);
		if (code == CODE_DONE)
			break;
		nanosleep(&pause, NULL);
	}
	return code;
}

enum exit_code command_expire(struct session *s)
{
	uint64_t deadline, max = pending_now_ms() + PENDING_MAX_S * 1000ull;

	if (s->req.n_operands != 2 || !pending_is_token(s->req.operands[0]) ||
	    !parse_u64(s->req.operands[1], 0, max, &deadline)) {
		diag_error(s->d, NULL, "usage", 0, "expire is what the timer of --confirm runs");
		diag_cure(s->d, "untrack rollback goes back, untrack confirm keeps the rules");
		return CODE_USAGE;
	}
	pending_sleep_until(deadline);
	return try_to_go_back(s, s->req.operands[0]);
}
