/* SPDX-License-Identifier: GPL-2.0-or-later */
/* measure [-n] COMMAND...: its wall time in ns, peak memory in KiB and exit status, on one line.
 * -n: in a fresh network namespace, whose making is not timed. Small, because a child's ru_maxrss
 * begins with its parent's memory. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t quiet;
	struct rusage usage;
	long long start, end;
	int status;
	pid_t pid;

	argv++;
	if (argc > 1 && !strcmp(*argv, "-n")) {
		if (unshare(CLONE_NEWNET)) {
			perror("measure: unshare");
			return 1;
		}
		argv++;
	}
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	start = now();
	if (!*argv || posix_spawnp(&pid, *argv, &quiet, NULL, argv, environ) ||
	    wait4(pid, &status, 0, &usage) < 0) {
		perror("measure");
		return 1;
	}
	end = now();
	printf("%lld %ld %d\n", end - start, usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128);
	return 0;
}
