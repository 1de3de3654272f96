/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a program with one fault at its N-th system call: it is killed there, or the call fails.
 *
 *	fault list FILE PROGRAM...		write a line "NAME ERROR..." for every call
 *	fault kill N PROGRAM...			SIGKILL before the N-th call
 *	fault inside N USEC PROGRAM...		SIGKILL so long after the N-th call has begun
 *	fault stop N PROGRAM...			SIGSTOP before the N-th call; its pid goes to stdout
 *	fault error N ERROR PROGRAM...		the N-th call is not made, and fails with this error
 *	fault errors N ERROR PROGRAM...		that one and all later calls of the same name
 *	fault lie N ERROR PROGRAM...		the N-th call is made, and reported as failed
 *
 * Calls count from 1, and from main: what the dynamic linker does is not the program's affair. N
 *may be NAME:N, the N-th call of this name. The name of the call goes to standard error: "fault:
 *NAME". The exit status is the program's, 137 if it was killed, 125 if this program failed. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define BROKEN 125

enum mode { LIST, KILL, INSIDE, STOP, ERROR_ONCE, ERROR_ALWAYS, LIE };

static const struct {
	const char *name;
	enum mode mode;
	bool has_value;
} modes[] = {
	{ "list", LIST, false }, { "kill", KILL, false },	{ "inside", INSIDE, true },
	{ "stop", STOP, false }, { "error", ERROR_ONCE, true }, { "errors", ERROR_ALWAYS, true },
	{ "lie", LIE, true },
};

static const struct {
	const char *name;
	int number;
} errors[] = {
	{ "EINTR", EINTR },   { "ENOMEM", ENOMEM }, { "ENOBUFS", ENOBUFS }, { "ENOSPC", ENOSPC },
	{ "EPERM", EPERM },   { "EAGAIN", EAGAIN }, { "EIO", EIO },	    { "EMFILE", EMFILE },
	{ "EROFS", EROFS },   { "ENOLCK", ENOLCK }, { "EACCES", EACCES },   { "EINVAL", EINVAL },
	{ "EDQUOT", EDQUOT }, { "ESTALE", ESTALE },
};

/* The calls, and what each may fail with. A call that is not here cannot fail. */
static const struct call {
	long number;
	const char *name, *errors;
} calls[] = {
	{ SYS_openat, "openat", "ENOMEM EPERM EMFILE EINTR" },
	{ SYS_open, "open", "ENOMEM EPERM EMFILE EINTR" },
	{ SYS_read, "read", "EINTR EIO" },
	{ SYS_pread64, "pread64", "EIO" },
	{ SYS_write, "write", "EINTR ENOSPC EIO EAGAIN" },
	{ SYS_pwrite64, "pwrite64", "ENOSPC EIO" },
	{ SYS_ftruncate, "ftruncate", "EIO EPERM" },
	{ SYS_fsync, "fsync", "EIO ENOSPC" },
	{ SYS_fdatasync, "fdatasync", "EIO ENOSPC" },
	{ SYS_sync_file_range, "sync_file_range", "EIO ENOSPC" },
	{ SYS_close, "close", "EIO EINTR ENOSPC" },
	{ SYS_fstat, "fstat", "ENOMEM" },
	{ SYS_stat, "stat", "ENOMEM EACCES" },
	{ SYS_newfstatat, "newfstatat", "ENOMEM EACCES" },
	{ SYS_access, "access", "EACCES ENOMEM" },
	{ SYS_faccessat, "faccessat", "EACCES ENOMEM" },
	{ SYS_readlink, "readlink", "EACCES ENOMEM" },
	{ SYS_readlinkat, "readlinkat", "EACCES ENOMEM" },
	{ SYS_lseek, "lseek", "EINVAL" },
	{ SYS_dup, "dup", "EMFILE" },
	{ SYS_fcntl, "fcntl", "EAGAIN" },
	{ SYS_getdents64, "getdents64", "EIO ENOMEM" },
	{ SYS_mkdir, "mkdir", "ENOSPC EPERM ENOMEM" },
	{ SYS_mkdirat, "mkdirat", "ENOSPC EPERM ENOMEM" },
	{ SYS_rename, "rename", "ENOSPC EPERM EIO EROFS" },
	{ SYS_renameat, "renameat", "ENOSPC EPERM EIO EROFS" },
	{ SYS_renameat2, "renameat2", "ENOSPC EPERM EIO EROFS" },
	{ SYS_unlink, "unlink", "EPERM EIO EROFS" },
	{ SYS_unlinkat, "unlinkat", "EPERM EIO EROFS" },
	{ SYS_flock, "flock", "EINTR ENOLCK EAGAIN" },
	{ SYS_socket, "socket", "ENOMEM ENOBUFS EPERM EMFILE" },
	{ SYS_bind, "bind", "ENOMEM EPERM" },
	{ SYS_connect, "connect", "EINTR EPERM EAGAIN" },
	{ SYS_getsockname, "getsockname", "ENOBUFS" },
	{ SYS_setsockopt, "setsockopt", "ENOMEM EPERM EAGAIN EINTR" },
	{ SYS_getsockopt, "getsockopt", "ENOMEM EPERM EAGAIN EINTR" },
	{ SYS_sendto, "sendto", "EINTR ENOBUFS ENOMEM EPERM EAGAIN" },
	{ SYS_sendmsg, "sendmsg", "EINTR ENOBUFS ENOMEM EPERM EAGAIN" },
	{ SYS_recvfrom, "recvfrom", "EINTR ENOBUFS ENOMEM EAGAIN" },
	{ SYS_recvmsg, "recvmsg", "EINTR ENOBUFS ENOMEM EAGAIN" },
	{ SYS_poll, "poll", "EINTR ENOMEM" },
	{ SYS_brk, "brk", "ENOMEM" },
	{ SYS_mmap, "mmap", "ENOMEM" },
	{ SYS_clock_nanosleep, "clock_nanosleep", "EINTR" },
	{ SYS_getrandom, "getrandom", "EINTR EAGAIN" },
	{ SYS_clone, "clone", "ENOMEM EAGAIN" },
	{ SYS_clone3, "clone3", "ENOMEM EAGAIN" },
	{ SYS_wait4, "wait4", "EINTR" },
	{ SYS_uname, "uname", "" },
	{ SYS_exit_group, "exit_group", "" },
};

struct fault { /* what to do, and how far we are */
	enum mode mode;
	unsigned long at; /* call, from 1 */
	long only;	  /* number of the calls that count; -1: all */
	long value;	  /* error or microseconds */
	FILE *list;
	bool begun;		     /* in main */
	unsigned long n;	     /* calls since then */
	bool here;		     /* the fault is at this call */
	long number;		     /* of the call that the fault was at */
	bool inject;		     /* at the exit of this call */
	unsigned long long argument; /* the first, of a call that is not made */
};

static void die(const char *what)
{
	fprintf(stderr, "fault: %s: %s\n", what, strerror(errno));
	exit(BROKEN);
}

static const struct call *call_find(long number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (calls[i].number == number)
			return &calls[i];
	}
	return NULL;
}

/* "N" or "NAME:N" */
static void parse_place(struct fault *f, const char *text)
{
	const char *colon = strchr(text, ':');

	f->only = -1;
	for (size_t i = 0; colon && i < sizeof(calls) / sizeof(*calls); i++) {
		if (!strncmp(calls[i].name, text, (size_t)(colon - text)) &&
		    !calls[i].name[colon - text])
			f->only = calls[i].number;
	}
	if (colon && f->only < 0) {
		fprintf(stderr, "fault: no call %s\n", text);
		exit(BROKEN);
	}
	f->at = strtoul(colon ? colon + 1 : text, NULL, 10);
}

static int error_find(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (!strcmp(errors[i].name, name))
			return errors[i].number;
	}
	fprintf(stderr, "fault: no error %s\n", name);
	exit(BROKEN);
}

#ifdef __x86_64__
/* At the entry of a call: it is not made. A brk that fails has the break as it is for an answer, no
 * error (mm/mmap.c): that is what brk(0) gives. */
static void skip(struct fault *f, pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		die("PTRACE_GETREGS");
	f->argument = regs.rdi;
	if (regs.orig_rax == SYS_brk)
		regs.rdi = 0;
	else
		regs.orig_rax = (unsigned long)-1;
	if (ptrace(PTRACE_SETREGS, pid, 0, &regs))
		die("PTRACE_SETREGS");
}

/* At the exit of a call. */
static void fail(struct fault *f, pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		die("PTRACE_GETREGS");
	if (regs.orig_rax == SYS_brk)
		regs.rdi = f->argument; /* the kernel keeps it */
	else
		regs.rax = (unsigned long)-f->value;
	if (ptrace(PTRACE_SETREGS, pid, 0, &regs))
		die("PTRACE_SETREGS");
}
#else
static void skip(struct fault *f, pid_t pid)
{
	(void)f;
	errno = ENOSYS;
	kill(pid, SIGKILL);
	die("only written for x86-64");
}

static void fail(struct fault *f, pid_t pid)
{
	skip(f, pid);
}
#endif

static void print_call(FILE *out, const char *before, long number, bool with_errors)
{
	const struct call *c = call_find(number);

	if (c)
		fprintf(out, "%s%s%s%s\n", before, c->name, with_errors ? " " : "",
			with_errors ? c->errors : "");
	else
		fprintf(out, "%scall-%ld\n", before, number);
}

/* Counts a call; is the fault here? */
static bool is_here(struct fault *f, long number)
{
	if (f->only < 0 || f->only == number)
		f->n++;
	else
		return false;
	if (f->mode == ERROR_ALWAYS && f->number >= 0)
		return f->number == number;
	if (f->n != f->at)
		return f->mode == ERROR_ALWAYS && f->number == number;
	f->number = number;
	return true;
}

static void act(struct fault *f, pid_t pid)
{
	switch (f->mode) {
	case LIST:
		break;
	case KILL:
		kill(pid, SIGKILL);
		break;
	case INSIDE: /* trace() does it once the call has begun */
		break;
	case STOP:
		printf("%ld\n", (long)pid);
		fflush(stdout);
		break;
	case ERROR_ONCE:
	case ERROR_ALWAYS:
		skip(f, pid);
		f->inject = true;
		break;
	case LIE:
		f->inject = true;
		break;
	}
}

/* The program is about to make a call. */
static void at_entry(struct fault *f, pid_t pid, const struct __ptrace_syscall_info *info)
{
	long number = (long)info->entry.nr;

	/* main begins by ignoring this signal. */
	if (number == SYS_rt_sigaction && info->entry.args[0] == SIGPIPE)
		f->begun = true;
	if (!f->begun)
		return;
	if (f->mode == LIST)
		print_call(f->list, "", number, true);
	f->here = is_here(f, number);
	if (!f->here)
		return;
	print_call(stderr, "fault: ", number, false);
	act(f, pid);
}

static void at_exit(struct fault *f, pid_t pid)
{
	if (f->inject)
		fail(f, pid);
	f->inject = false;
}

/* One stop of the program; the signal to go on with. */
static int at_stop(struct fault *f, pid_t pid, int status)
{
	struct __ptrace_syscall_info info;
	int sig = WSTOPSIG(status);

	if (status >> 16) /* exec */
		return 0;
	if (sig != (SIGTRAP | 0x80))
		return sig;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0) {
		if (errno == ESRCH)
			return 0;
		die("PTRACE_GET_SYSCALL_INFO");
	}
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		at_entry(f, pid, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		at_exit(f, pid);
	return 0;
}

static int trace(struct fault *f, pid_t pid)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC;
	int status, sig = 0;

	if (waitpid(pid, &status, 0) != pid || ptrace(PTRACE_SETOPTIONS, pid, 0, options))
		die("PTRACE_SETOPTIONS");
	for (;;) {
		bool here = f->here;

		f->here = false;
		if (here && f->mode == STOP)
			break;
		if (ptrace(PTRACE_SYSCALL, pid, 0, sig) && errno != ESRCH)
			die("PTRACE_SYSCALL");
		if (here && f->mode == INSIDE) {
			usleep((useconds_t)f->value);
			kill(pid, SIGKILL);
		}
		if (waitpid(pid, &status, 0) != pid)
			die("waitpid");
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		sig = at_stop(f, pid, status);
	}
	/* Stopped, and on its own: whoever reads the pid may let it go on. */
	if (ptrace(PTRACE_DETACH, pid, 0, SIGSTOP) || waitpid(pid, &status, 0) != pid)
		die("PTRACE_DETACH");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run(char **argv)
{
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		die("PTRACE_TRACEME");
	raise(SIGSTOP);
	execvp(argv[0], argv);
	die(argv[0]);
}

/* The words before the program; returns the program. */
static char **parse(struct fault *f, char **argv)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes) && argv[1] && argv[2]; i++) {
		if (strcmp(modes[i].name, argv[1]) != 0)
			continue;
		f->mode = modes[i].mode;
		if (f->mode == LIST && !(f->list = fopen(argv[2], "we")))
			die(argv[2]);
		if (f->mode != LIST)
			parse_place(f, argv[2]);
		argv += 3;
		if (modes[i].has_value && *argv) {
			f->value = f->mode == INSIDE ? strtol(*argv, NULL, 10) : error_find(*argv);
			argv++;
		}
		if (*argv)
			return argv;
		break;
	}
	fprintf(stderr, "fault: list FILE | kill N | inside N USEC | stop N | error N ERROR | "
			"errors N ERROR | lie N ERROR; then a program\n");
	exit(BROKEN);
}

int main(int argc, char **argv)
{
	struct fault f = { .mode = LIST, .only = -1, .number = -1 };
	char **program = parse(&f, argv);
	pid_t pid = fork();
	int status;

	(void)argc;
	if (pid < 0)
		die("fork");
	if (pid == 0)
		run(program);
	status = trace(&f, pid);
	if (f.list && fclose(f.list))
		die("list");
	return status;
}
