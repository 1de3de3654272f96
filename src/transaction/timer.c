/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The confirm timer: a transient timer of systemd, or a detached process. */
#include "transaction/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "util.h"

#define SELF "/proc/self/exe"
#define SYSTEMD_WAIT_MS 10000
#define SYSTEMD_SAYS 400 /* bytes of what it says that a message quotes */

struct command_line { /* words that are ours to free; v ends with NULL */
	char **v;
	size_t n;
};

static void add_word(struct command_line *c, char *word)
{
	*ARRAY_ADD(c->v, c->n) = word;
}

static void add_expire(struct command_line *c, const char *const *options, const struct pending *p)
{
	for (; *options; options++)
		add_word(c, xstrdup(*options));
	add_word(c, xstrdup("expire"));
	add_word(c, xstrdup(p->token));
	add_word(c, xasprintf("%" PRIu64, p->deadline_ms));
	add_word(c, NULL);
}

static void command_line_free(struct command_line *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i]);
	free(c->v);
}

/* Field 22 of /proc/PID/stat: with it a number that another process got later is told apart. 0: no
 * such process. */
static uint64_t start_time(long pid)
{
	auto_free char *name = xasprintf("/proc/%ld/stat", pid);
	size_t len;
	auto_free char *text = read_file(AT_FDCWD, name, &len);
	const char *s = text ? strrchr(text, ')') : NULL; /* the name before it may hold anything */

	for (int field = 2; s && field < 22; field++)
		s = strchr(s + 1, ' ');
	return s ? strtoull(s + 1, NULL, 10) : 0;
}

/* In a session of its own, with no signal let through and no stream of ours: neither a hang-up nor
 * the end of a process group is its affair. The mask survives the exec. */
static int attributes(posix_spawnattr_t *a)
{
	sigset_t all;

	sigfillset(&all);
	return posix_spawnattr_setflags(a, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK) ||
	       posix_spawnattr_setsigmask(a, &all);
}

static int no_streams(posix_spawn_file_actions_t *f)
{
	int rc = posix_spawn_file_actions_addchdir_np(f, "/");

	for (int fd = 0; fd <= 2 && !rc; fd++)
		rc = posix_spawn_file_actions_addopen(f, fd, "/dev/null", O_RDWR, 0);
	return rc ? rc : posix_spawn_file_actions_addclosefrom_np(f, 3);
}

static int start_process(struct pending *p, const char *const *options, struct diag *d)
{
	struct command_line c = { 0 };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid = 0;
	int rc;

	add_word(&c, xstrdup("untrack"));
	add_expire(&c, options, p);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	rc = attributes(&attr) || no_streams(&files) ? ENOMEM : 0;
	if (!rc)
		rc = posix_spawn(&pid, SELF, &files, &attr, c.v, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	command_line_free(&c);
	if (rc) {
		diag_error(d, NULL, "timer", rc,
			   "the process that would go back cannot be started");
		diag_cure(d,
			  "see what is short (ulimit -u, free -m; is /proc mounted?), then run it "
			  "again; untrack apply without --confirm needs none");
		return -1;
	}
	p->pid = pid;
	p->started = start_time(pid);
	return 0;
}

/* Reads what a program says, for a bounded time; then ends it. Its exit status; -1: none. */
static int finish(pid_t pid, int fd, struct text *said)
{
	uint64_t end = pending_now_ms() + SYSTEMD_WAIT_MS;
	char buf[256];
	int status;

	for (;;) {
		struct pollfd f = { .fd = fd, .events = POLLIN };
		uint64_t now = pending_now_ms();
		int ready = now < end ? poll(&f, 1, (int)(end - now)) : 0;
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0) {
			kill(pid, SIGKILL); /* not waited for yet: the number is still its own */
			break;
		}
		n = read(fd, buf, sizeof buf);
		if (n <= 0)
			break;
		if (said->len < SYSTEMD_SAYS)
			text_put(said, buf, (size_t)n);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs a program of systemd to its end; 0: it was content. */
static int run_program(char *const *argv, struct text *said)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int fds[2], rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID) || /* Ctrl-C is not for it */
	     posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0) ||
	     posix_spawn_file_actions_adddup2(&files, fds[1], 1) ||
	     posix_spawn_file_actions_adddup2(&files, fds[1], 2);
	if (!rc)
		rc = posix_spawnp(&pid, argv[0], &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	close(fds[1]);
	if (rc)
		text_add(said, "%s", strerror(rc));
	rc = rc ? -1 : finish(pid, fds[0], said);
	close(fds[0]);
	return rc;
}

static void stop_unit(const char *unit)
{
	char *argv[] = { (char *)"systemctl", (char *)"--quiet", (char *)"stop", (char *)unit,
			 NULL };
	struct text said = { 0 };

	run_program(argv, &said);
	free(said.s);
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Does systemd run here, and does it see the same network and the same files as we do? What it
 * starts in another network namespace would go back in the wrong one. */
static bool is_systemd_here(const struct state_paths *sp)
{
	auto_free char *run_dir = realpath(sp->run_dir, NULL), *as_seen = NULL;
	struct stat st;

	if (lstat("/run/systemd/system", &st) || !S_ISDIR(st.st_mode) || !run_dir)
		return false;
	as_seen = xasprintf("/proc/1/root%s", run_dir);
	return is_same_file("/proc/1/ns/net", "/proc/self/ns/net") &&
	       is_same_file(as_seen, run_dir);
}

/* The path of this program; NULL: it is not there any more (an upgrade), or there is no /proc. */
static char *own_path(void)
{
	auto_free char *path = realpath(SELF, NULL);
	char *found = path;

	if (!path || !is_same_file(path, SELF))
		return NULL;
	path = NULL;
	return found;
}

static void add_systemd_options(struct command_line *c, const struct pending *p, const char *unit)
{
	const char *lock_file = getenv("XTABLES_LOCKFILE");
	uint64_t now = pending_now_ms();

	add_word(c, xstrdup("systemd-run"));
	add_word(c, xstrdup("--quiet"));
	add_word(c, xstrdup("--collect"));
	add_word(c, xasprintf("--unit=%s", unit));
	add_word(c, xstrdup("--description=untrack goes back unless it is confirmed"));
	add_word(c, xasprintf("--on-active=%" PRIu64 "ms",
			      p->deadline_ms > now ? p->deadline_ms - now : 1));
	/* The default is a minute. */
	add_word(c, xstrdup("--timer-property=AccuracySec=100ms"));
	if (lock_file)
		add_word(c, xasprintf("--setenv=XTABLES_LOCKFILE=%s", lock_file));
	add_word(c, xstrdup("--"));
}

/* In the words of a unit "$$" is what "$" is here. */
static void double_dollars(char **word)
{
	struct text t = { 0 };

	for (const char *s = *word; *s; s++)
		text_put(&t, *s == '$' ? "$$" : s, *s == '$' ? 2 : 1);
	if (!t.s)
		return;
	free(*word);
	*word = t.s;
}

static int start_unit(struct pending *p, const char *const *options, struct diag *d)
{
	auto_free char *path = own_path(), *unit = xasprintf("untrack-confirm-%s", p->token);
	struct command_line c = { 0 };
	struct text said = { 0 };
	size_t first;
	int rc = -1;

	if (path) {
		add_systemd_options(&c, p, unit);
		first = c.n;
		add_word(&c, xstrdup(path));
		add_expire(&c, options, p);
		for (size_t i = first; i + 1 < c.n; i++)
			double_dollars(&c.v[i]);
		rc = run_program(c.v, &said);
	}
	if (!rc) {
		p->unit = xasprintf("%s.timer", unit);
	} else {
		diag_warn(d, NULL, "timer", "systemd does not take the timer: %.*s",
			  said.s ? (int)strcspn(said.s, "\n") : 0, said.s ? said.s : "");
		diag_cure(d, "a process of untrack's own waits instead; if logind ends the "
			     "processes of a session with it (KillUserProcesses), stay logged in");
	}
	free(said.s);
	command_line_free(&c);
	return rc ? -1 : 0;
}

int timer_start(struct pending *p, const struct state_paths *sp, const char *const *options,
		struct diag *d)
{
	if (is_systemd_here(sp) && !start_unit(p, options, d))
		return 0;
	return start_process(p, options, d);
}

void timer_stop(const struct pending *p)
{
	int fd;

	if (p->unit)
		stop_unit(p->unit);
	if (!p->pid || p->pid == (long)getpid())
		return;
	fd = pidfd_open((pid_t)p->pid, 0);
	if (fd < 0)
		return;
	if (p->started && start_time(p->pid) == p->started) /* fd holds whoever has that number */
		pidfd_send_signal(fd, SIGKILL, NULL, 0);
	close(fd);
}
