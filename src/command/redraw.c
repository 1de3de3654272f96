/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same thing printed again and again. */
#include "command/redraw.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include "util.h"

#define SECONDS_DEFAULT 2
#define SECONDS_MAX 86400

/* Another screen, which leaves what was on this one alone; no cursor; long lines are cut. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

struct screen {
	FILE *out;
	bool terminal; /* out is one */
	bool keys;     /* and so is standard input, and it is ours to read */
	int signals;   /* signalfd */
	sigset_t before;
	struct termios lines; /* of standard input, as it was */
	unsigned seconds;
};

bool redraw_interval(const char *given, unsigned *seconds, struct diag *d)
{
	unsigned long value = SECONDS_DEFAULT;

	if (*given && !parse_uint(given, 1, SECONDS_MAX, &value)) {
		diag_error(d, NULL, "usage", 0, "--watch takes seconds from 1 to %d, not '%s'",
			   SECONDS_MAX, given);
		return false;
	}
	*seconds = (unsigned)value;
	return true;
}

/* ---- the terminal ------------------------------------------------------------------------------
 */

static void screen_enter(struct screen *sc)
{
	struct termios raw = sc->lines;

	if (!sc->terminal)
		return;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	if (sc->keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	fputs(ENTER, sc->out);
	fflush(sc->out);
}

static void screen_leave(struct screen *sc)
{
	if (!sc->terminal)
		return;
	fputs(LEAVE, sc->out);
	fflush(sc->out);
	if (sc->keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &sc->lines);
}

/* plain: print, do not draw. */
static bool screen_open(struct screen *sc, FILE *out, unsigned seconds, bool plain)
{
	sigset_t set;

	*sc = (struct screen){ .out = out, .seconds = seconds };
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	/* In the background, a terminal is not ours to draw on. */
	sc->terminal = !plain && isatty(fileno(out)) && tcgetpgrp(fileno(out)) == getpgrp();
	sc->keys = sc->terminal && isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &sc->lines);
	if (sc->terminal) {
		sigaddset(&set, SIGTSTP);
		sigaddset(&set, SIGWINCH);
	}
	if (sigprocmask(SIG_BLOCK, &set, &sc->before))
		return false;
	sc->signals = signalfd(-1, &set, SFD_CLOEXEC);
	screen_enter(sc);
	return sc->signals >= 0;
}

static void screen_close(struct screen *sc)
{
	screen_leave(sc);
	if (sc->signals >= 0)
		close(sc->signals);
	sigprocmask(SIG_SETMASK, &sc->before, NULL);
}

static unsigned screen_rows(const struct screen *sc)
{
	struct winsize size = { 0 };

	if (ioctl(fileno(sc->out), TIOCGWINSZ, &size) || size.ws_row < 2)
		return 24;
	return size.ws_row;
}

/* As many lines as there is room for, and at the bottom what else there is. */
static void screen_show(const struct screen *sc, const char *text)
{
	unsigned rows = screen_rows(sc) - 1, shown = 0, left = 0;

	fputs("\033[H", sc->out);
	while (*text && shown < rows) {
		int len = (int)strcspn(text, "\n");

		fprintf(sc->out, "%.*s\033[K\n", len, text);
		text += len + (text[len] == '\n');
		shown++;
	}
	for (; *text; text++)
		left += *text == '\n';
	fputs("\033[J", sc->out);
	if (left)
		fprintf(sc->out, "%u more line%s in a higher window; ", left, left == 1 ? "" : "s");
	fprintf(sc->out, "every %u s; q ends", sc->seconds);
}

/* ---- between two pictures ----------------------------------------------------------------------
 */

enum word { WORD_NONE, WORD_DRAW, WORD_END };

static enum word read_signal(struct screen *sc)
{
	struct signalfd_siginfo got;

	if (read(sc->signals, &got, sizeof(got)) != sizeof(got))
		return WORD_NONE;
	if (got.ssi_signo == SIGWINCH)
		return WORD_DRAW;
	if (got.ssi_signo != SIGTSTP)
		return WORD_END;
	screen_leave(sc);
	raise(SIGSTOP); /* SIGTSTP is blocked; here we are again after SIGCONT */
	screen_enter(sc);
	return WORD_DRAW;
}

static enum word read_key(struct screen *sc)
{
	char key;

	if (read(STDIN_FILENO, &key, 1) == 1)
		return key == 'q' || key == 'Q' ? WORD_END : key == ' ' ? WORD_DRAW : WORD_NONE;
	sc->keys = false; /* the terminal is gone */
	return WORD_END;
}

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits for the next picture; false: it is over. */
static bool screen_wait(struct screen *sc)
{
	const double end = now_seconds() + sc->seconds;
	double left;

	while ((left = end - now_seconds()) > 0) {
		/* Of out, only that its reader has gone away. */
		struct pollfd fds[] = { { sc->signals, POLLIN, 0 },
					{ fileno(sc->out), 0, 0 },
					{ STDIN_FILENO, POLLIN, 0 } };
		enum word word = WORD_NONE;

		if (poll(fds, sc->keys ? 3 : 2, (int)(left * 1000) + 1) <= 0)
			continue;
		if (fds[0].revents)
			word = read_signal(sc);
		else if (fds[1].revents)
			word = WORD_END;
		else if (fds[2].revents)
			word = read_key(sc);
		if (word != WORD_NONE)
			return word == WORD_DRAW;
	}
	return true;
}

/* ---- the loop ----------------------------------------------------------------------------------
 */

/* One picture with its findings. */
static enum exit_code draw(struct session *s, bool terminal, picture_fn *picture, void *ctx,
			   char **text)
{
	struct session one = *s;
	struct diag d = { 0 };
	enum exit_code code;
	size_t len;
	FILE *out = xmemstream(text, &len);

	one.d = &d;
	one.out = out;
	if (terminal) /* the picture before is still there to look at */
		one.progress = NULL;
	code = picture(&one, ctx);
	if (code < CODE_USAGE && !s->req.json)
		diag_print(&d, out, s->req.quiet ? SEVERITY_WARNING : SEVERITY_NOTE, s->colour);
	else
		diag_move(s->d, &d);
	if (code < CODE_USAGE && s->say)
		s->say(s);
	diag_free(&d);
	fclose(out);
	return code;
}

enum exit_code redraw(struct session *s, unsigned seconds, picture_fn *picture, void *ctx)
{
	enum exit_code code = CODE_DONE;
	struct screen screen;
	bool on;

	if (!screen_open(&screen, s->out, seconds, s->req.json)) {
		diag_error(s->d, NULL, "output", errno, "signals cannot be waited for");
		return CODE_USAGE;
	}
	do {
		auto_free char *text = NULL;

		code = draw(s, screen.terminal, picture, ctx, &text);
		if (code >= CODE_USAGE)
			break;
		if (screen.terminal)
			screen_show(&screen, text);
		else
			fprintf(s->out, "%s\n", text);
		on = !fflush(s->out) && screen_wait(&screen);
		if (ferror(s->out) && errno == EPIPE) { /* whoever read has seen enough */
			__fpurge(s->out);
			clearerr(s->out);
		}
	} while (on);
	screen_close(&screen);
	return code;
}
