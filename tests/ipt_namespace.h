/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own with iptables-legacy in it, and what happens to libiptc's
 * commits there. */
#ifndef UNTRACK_TESTS_IPT_NAMESPACE_H
#define UNTRACK_TESTS_IPT_NAMESPACE_H

#include "nft_namespace.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kernel/ipt.h"

/* The same numbers in both families. */
#define SO_SET_REPLACE 64
#define SO_SET_ADD_COUNTERS 65
#define SO_GET_ENTRIES 65
/* For a command of a shell's that is to take no notice of our lock. */
#define LOCKLESS "XTABLES_LOCKFILE=/proc/$PPID/exe "

static const char *before_commit; /* a command that another process runs just before libiptc's */

enum fault_kind {
	FAULT_NONE,
	FAULT_BEFORE,	/* nothing is written */
	FAULT_AFTER,	/* it is */
	FAULT_COUNTERS, /* it is, but for the counts */
};

static struct { /* what becomes of the next commits */
	enum fault_kind kind;
	int level, error; /* IPPROTO_IP or IPPROTO_IPV6 */
	unsigned times;
} fault;

static inline bool is_due(int level, enum fault_kind kind)
{
	if (fault.kind != kind || fault.level != level || !fault.times)
		return false;
	fault.times--;
	errno = fault.error;
	return true;
}

/* libiptc's commits pass here. */
int setsockopt(int fd, int level, int name, const void *v, socklen_t len)
{
	int (*real)(int, int, int, const void *, socklen_t);
	const char *command = before_commit;
	int rc;

	*(void **)&real = dlsym(RTLD_NEXT, "setsockopt");
	if (level != IPPROTO_IP && level != IPPROTO_IPV6)
		return real(fd, level, name, v, len);
	if (name == SO_SET_REPLACE && command) {
		before_commit = NULL;
		assert_int_equal(system(command), 0);
	}
	if ((name == SO_SET_REPLACE && is_due(level, FAULT_BEFORE)) ||
	    (name == SO_SET_ADD_COUNTERS && is_due(level, FAULT_COUNTERS)))
		return -1;
	rc = real(fd, level, name, v, len);
	return rc || name != SO_SET_REPLACE || !is_due(level, FAULT_AFTER) ? rc : -1;
}

static inline void run(const char *command)
{
	if (system(command))
		fail_msg("%s", command);
}

static inline char *output(const char *command)
{
	struct text t = { 0 };
	char buf[4096];
	FILE *in = popen(command, "r");
	size_t n;

	text_add(&t, "%s", "");
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		text_put(&t, buf, n);
	assert_int_equal(pclose(in), 0);
	return t.s;
}

static inline char *saved(void)
{
	return output("(iptables-legacy-save -c; ip6tables-legacy-save -c) | grep -v '^#'");
}

static inline void assert_saved(const char *want)
{
	auto_free char *now = saved();

	assert_same_text(want, now);
}

static inline bool lock_is_held(void)
{
	auto_close int fd = open(getenv("XTABLES_LOCKFILE"), O_RDONLY | O_CLOEXEC);

	return flock(fd, LOCK_EX | LOCK_NB) != 0;
}

/* On a machine under load a moment passes until the lock of who has ended is gone. */
static inline bool lock_is_free(void)
{
	for (int i = 0; i < 500; i++) {
		if (!lock_is_held())
			return true;
		usleep(10000);
	}
	return false;
}

/* A lock of this process's own, gone with it. */
static inline void set_lock(void)
{
	auto_free char *path = xasprintf("/proc/%d/fd/%d", getpid(), memfd_create("lock", 0));

	setenv("XTABLES_LOCKFILE", path, 1);
}

/* The tables as they are when each test begins; only those of the text change. */
static inline void restore(const char *tables)
{
	static const char *const tools[] = { "iptables", "ip6tables" };

	if (system("command -v iptables-legacy-restore >/dev/null"))
		skip();
	if (!getenv("XTABLES_LOCKFILE"))
		set_lock();
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		auto_free char *command = xasprintf("%s-legacy-restore -c", tools[i]);
		FILE *to = popen(command, "w");

		fputs(tables, to);
		assert_int_equal(pclose(to), 0);
	}
}

static inline void read_legacy(struct fixture *f, struct ipt *x, struct ruleset *ours,
			       struct fw *fw)
{
	*ours = (struct ruleset){ 0 };
	assert_int_equal(ipt_read(x, ours, fw, &f->d), 0);
	no_findings(f);
	ruleset_normalise(ours);
	assert_true(lock_is_free());
}

static inline void assert_legacy(struct fixture *f, struct ipt *x, const struct ruleset *want)
{
	struct ruleset got;

	read_legacy(f, x, &got, NULL);
	assert_equal(want, &got);
	ruleset_free(&got);
}

/* The three phases. */
static inline int commit_all(struct fixture *f, struct ipt *x, const struct ruleset *want)
{
	int rc = ipt_commit(x, want, IPT_ADD, &f->d);

	if (!rc)
		rc = ipt_commit(x, want, IPT_RAW, &f->d);
	return rc ? rc : ipt_commit(x, want, IPT_REMOVE, &f->d);
}

#endif
