/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces that are gone when the child that made them is. */
#include "kernel/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum status { STATUS_DONE, STATUS_FORBIDDEN, STATUS_FAILED }; /* of the child */

enum step { STEP_NAMESPACE, STEP_MAP, STEP_RIGHTS };

struct obstacle { /* what a child says that gets no further */
	enum step step;
	int errnum;
};

/* ---- the child ---------------------------------------------------------------------------------
 */

static int write_proc(const char *name, const char *text)
{
	auto_close int fd = open(name, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);

	return fd >= 0 && write(fd, text, len) == (ssize_t)len ? 0 : -1;
}

/* We are root in there: files of /proc/net belong to root, and others cannot read them. */
static int map_ids(uid_t uid, gid_t gid)
{
	auto_free char *uids = xasprintf("0 %lu 1", (unsigned long)uid);
	auto_free char *gids = xasprintf("0 %lu 1", (unsigned long)gid);

	/* Without it no group can be mapped; kernels before 3.19 do not have the file. */
	if (write_proc("/proc/self/setgroups", "deny") && errno != ENOENT)
		return -1;
	return write_proc("/proc/self/uid_map", uids) || write_proc("/proc/self/gid_map", gids) ? -1
												: 0;
}

/* AppArmor lets programs make a user namespace and then takes every right away that it gives. */
static int has_rights(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &lo);
}

/* The lock of iptables is one for all network namespaces: ours is a file that nobody else sees. */
static int take_own_lock(void)
{
	int fd = memfd_create("xtables.lock", MFD_CLOEXEC);
	auto_free char *name = xasprintf("/proc/self/fd/%d", fd);

	return fd < 0 ? -1 : setenv("XTABLES_LOCKFILE", name, 1);
}

/* The user namespace comes first, with its root: files of /proc/net belong to whoever that is when
 * the network namespace is made (xt_proto_init() in net/netfilter/x_tables.c). */
static int enter(struct obstacle *o)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	bool user = !unshare(CLONE_NEWUSER);

	*o = (struct obstacle){ STEP_NAMESPACE, user ? 0 : errno };
	if (user && map_ids(uid, gid)) {
		*o = (struct obstacle){ STEP_MAP, errno };
		return -1;
	}
	if (unshare(CLONE_NEWNET) || take_own_lock()) {
		if (user) /* else why there is no user namespace */
			o->errnum = errno;
		return -1;
	}
	if (has_rights()) {
		*o = (struct obstacle){ STEP_RIGHTS, errno };
		return -1;
	}
	return 0;
}

static enum status child(void (*fn)(void *ctx, FILE *out), void *ctx, int fd, pid_t parent)
{
	struct obstacle o;
	FILE *out;

	if (enter(&o))
		return write(fd, &o, sizeof o) == sizeof o ? STATUS_FORBIDDEN : STATUS_FAILED;
	/* After the change of credentials, which undoes it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return STATUS_FAILED;
	out = fdopen(fd, "w");
	if (!out)
		return STATUS_FAILED;
	fn(ctx, out);
	return fclose(out) ? STATUS_FAILED : STATUS_DONE;
}

/* ---- the parent --------------------------------------------------------------------------------
 */

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Reads until the child has ended; false: the time is over. */
static bool listen_to(int fd, int limit_ms, struct text *said)
{
	const long long end = now_ms() + limit_ms;
	char buf[4096];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long long left = end - now_ms();
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		text_put(said, buf, (size_t)n);
	}
}

static bool is_set_to(const char *file, char digit)
{
	size_t len;
	auto_free char *text = read_file(AT_FDCWD, file, &len);

	return text && len && text[0] == digit && (len == 1 || text[1] == '\n');
}

static const char *cure_of(const struct obstacle *o)
{
	if (is_set_to("/proc/sys/user/max_user_namespaces", '0'))
		return "sysctl user.max_user_namespaces=1000, or run it as root";
	if (is_set_to("/proc/sys/kernel/unprivileged_userns_clone", '0'))
		return "sysctl kernel.unprivileged_userns_clone=1, or run it as root";
	if (is_set_to("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
		return "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run it as root";
	if (o->errnum == EINVAL || o->errnum == ENOSYS)
		return "this kernel has no user or no network namespaces: use another one";
	return "run it as root; in a container, allow it to make namespaces (a seccomp profile "
	       "with unshare, or --privileged)";
}

static void tell_obstacle(const struct text *said, struct sandbox_fault *f)
{
	struct obstacle o = { 0 };

	if (said->len == sizeof o)
		memcpy(&o, said->s, sizeof o);
	f->forbidden = true;
	f->cure = cure_of(&o);
	switch (o.step) {
	case STEP_NAMESPACE:
		f->why = xasprintf("no network namespace of our own can be made here: %s",
				   strerror(o.errnum));
		break;
	case STEP_MAP:
		f->why = xasprintf("nobody can be root in a user namespace of our own here: %s",
				   strerror(o.errnum));
		break;
	case STEP_RIGHTS:
		f->why = xasprintf("root has no rights in a namespace of our own here: %s",
				   strerror(o.errnum));
		break;
	}
}

static int judge(int status, bool in_time, int limit_ms, const struct text *said,
		 struct sandbox_fault *f)
{
	const char *signal_name;

	f->cure = "see what the kernel has to say (dmesg), and run it again";
	if (!in_time) {
		f->why = xasprintf("not done after %d seconds", limit_ms / 1000);
		f->cure = "run it again when the machine is less busy";
		return -1;
	}
	if (WIFSIGNALED(status)) {
		signal_name = sigabbrev_np(WTERMSIG(status));
		f->why = xasprintf("it was ended by the signal %s",
				   signal_name ? signal_name : "of an unknown name");
		return -1;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_DONE) {
		f->cure = NULL;
		return 0;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FORBIDDEN)
		tell_obstacle(said, f);
	else
		f->why = xstrdup("it ended before it was done");
	return -1;
}

int sandbox_run(void (*fn)(void *ctx, FILE *out), void *ctx, int limit_ms, struct text *said,
		struct sandbox_fault *f)
{
	const pid_t parent = getpid();
	int fds[2], status = 0;
	bool in_time;
	pid_t pid;

	*f = (struct sandbox_fault){ .cure = "see what is short (ulimit -u -n, free -m)" };
	if (pipe2(fds, O_CLOEXEC)) {
		f->why = xasprintf("no pipe: %s", strerror(errno));
		return -1;
	}
	pid = fork();
	if (!pid) {
		close(fds[0]);
		_exit(child(fn, ctx, fds[1], parent));
	}
	close(fds[1]);
	if (pid < 0) {
		f->why = xasprintf("no process: %s", strerror(errno));
		close(fds[0]);
		return -1;
	}
	in_time = listen_to(fds[0], limit_ms, said);
	close(fds[0]);
	if (!in_time)
		kill(pid, SIGKILL); /* not waited for yet: the number is still its own */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return judge(status, in_time, limit_ms, said, f);
}
