/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables itself in a test's namespace. After cmocka.h. */
#ifndef UNTRACK_TESTS_IPTABLES_LAB_H
#define UNTRACK_TESTS_IPTABLES_LAB_H

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util.h"

/* Runs a command of the shell; what it printed, fresh. NULL: it failed or complained. */
static inline char *shell(const char *command, const char *input)
{
	FILE *in = tmpfile(), *out = tmpfile(), *err = tmpfile();
	char *s = NULL;
	int status;
	pid_t pid;

	assert_true(in && out && err);
	fputs(input ? input : "", in);
	rewind(in);
	pid = fork();
	if (pid == 0) {
		if (dup2(fileno(in), 0) < 0 || dup2(fileno(out), 1) < 0 || dup2(fileno(err), 2) < 0)
			_exit(126);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status == 0 && ftell(err) == 0) {
		long len = ftell(out);

		rewind(out);
		s = xcalloc((size_t)len + 1, 1);
		assert_int_equal(fread(s, 1, (size_t)len, out), (size_t)len);
	} else {
		char line[256];

		rewind(err);
		print_message("# %s: %s", command, fgets(line, sizeof line, err) ? line : "\n");
	}
	fclose(in);
	fclose(out);
	fclose(err);
	return s;
}

/* iptables-nft, or ip6tables-nft. */
static inline char *tool(int which, const char *suffix, const char *arguments, const char *input)
{
	auto_free char *command =
		xasprintf("ip%stables-nft%s %s", which ? "6" : "", suffix, arguments);

	return shell(command, input);
}

static inline char *must_tool(int which, const char *suffix, const char *arguments,
			      const char *input)
{
	char *s = tool(which, suffix, arguments, input);

	if (!s)
		fail_msg("ip%stables-nft%s %s", which ? "6" : "", suffix, arguments);
	return s;
}

#endif
