/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own, with the nft backend and nft itself in it. */
#ifndef UNTRACK_TESTS_NFT_NAMESPACE_H
#define UNTRACK_TESTS_NFT_NAMESPACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/backend.h"
#include "random_nft.h"

struct fixture {
	struct backend *b;
	struct diag d;
	bool can; /* a namespace and nft are there */
};

/* Runs nft with the text on its input, or with the arguments; its output, or NULL if it failed. */
static inline char *nft(const char *input, const char *arguments)
{
	int in[2], out[2], status;
	struct text t = { 0 };
	char buf[4096];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(in) | pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		auto_free char *command = xasprintf("exec nft %s", input ? "-f -" : arguments);

		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	if (input)
		assert_int_equal(write(in[1], input, strlen(input)), strlen(input));
	close(in[1]);
	text_add(&t, "%s", "");
	while ((n = read(out[0], buf, sizeof buf)) > 0)
		text_add(&t, "%.*s", (int)n, buf);
	close(out[0]);
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		free(t.s);
		return NULL;
	}
	return t.s;
}

static inline void assert_same_text(const char *want, const char *got)
{
	const char *a = want, *b = got;

	while (*a && *a == *b) {
		if (*a == '\n') {
			want = a + 1;
			got = b + 1;
		}
		a++;
		b++;
	}
	if (*a != *b)
		fail_msg("first line that differs:\n%.*s\n%.*s", (int)strcspn(want, "\n"), want,
			 (int)strcspn(got, "\n"), got);
}

/* A listing as one version of nft spells it, whichever this one is. */
static inline char *spelled(const char *listing)
{
	int fd = memfd_create("listing", 0);
	auto_free char *command =
		xasprintf("sed -f tests/spelling.sed /proc/%d/fd/%d", getpid(), fd);
	struct text t = { 0 };
	char buf[4096];
	size_t n;
	FILE *out;

	assert_int_equal(write(fd, listing, strlen(listing)), strlen(listing));
	out = popen(command, "r");
	assert_non_null(out);
	while ((n = fread(buf, 1, sizeof(buf), out)) > 0)
		text_put(&t, buf, n);
	assert_int_equal(pclose(out), 0);
	close(fd);
	return t.s ? t.s : xstrdup("");
}

static inline void assert_same_listing(const char *want, const char *got)
{
	auto_free char *a = spelled(want), *b = spelled(got);

	assert_same_text(a, b);
}

static inline void must_nft(const char *arguments)
{
	auto_free char *out = nft(NULL, arguments);

	if (!out)
		fail_msg("nft %s", arguments);
}

static inline void flush(void)
{
	must_nft("flush ruleset");
}

static inline int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	*state = &f;
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return getenv("UNTRACK_MUST_WORK") ? -1 : 0;
	free(nft(NULL, "--version"));
	if (nft_backend.open(&f.b, &f.d)) {
		diag_print(&f.d, stderr, SEVERITY_NOTE, false);
		return -1;
	}
	f.can = true;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	nft_backend.close(f->b);
	diag_free(&f->d);
	return 0;
}

static inline struct fixture *need(void **state)
{
	struct fixture *f = *state;

	if (!f->can)
		skip();
	flush();
	return f;
}

static inline void no_findings(struct fixture *f)
{
	if (f->d.n)
		diag_print(&f->d, stderr, SEVERITY_NOTE, false);
	assert_int_equal(f->d.n, 0);
}

static inline void read_all(struct fixture *f, struct ruleset *rs, struct fw *fw)
{
	*rs = (struct ruleset){ 0 };
	assert_int_equal(nft_backend.read(f->b, rs, fw, &f->d), 0);
	no_findings(f);
}

static inline void commit(struct fixture *f, const struct ruleset *want)
{
	assert_int_equal(nft_backend.check(f->b, want, &f->d), 0);
	no_findings(f);
	assert_int_equal(nft_backend.commit(f->b, want, &f->d), COMMIT_DONE);
	no_findings(f);
}

static inline void assert_equal(const struct ruleset *want, const struct ruleset *got)
{
	if (ruleset_diff(want, got, NULL)) {
		ruleset_print(want, stderr);
		ruleset_diff(want, got, stderr);
		fail_msg("the kernel holds something else");
	}
}

static inline void assert_holds(struct fixture *f, const struct ruleset *want)
{
	struct ruleset got;

	read_all(f, &got, NULL);
	assert_equal(want, &got);
	ruleset_free(&got);
}

static inline void apply(struct fixture *f, const struct ruleset *want)
{
	struct ruleset before;

	read_all(f, &before, NULL);
	ruleset_free(&before);
	commit(f, want);
	assert_holds(f, want);
}

static inline void parse(struct fixture *f, struct ruleset *rs, const char *lines)
{
	auto_free char *text = xasprintf("untrack-rules 1\n%send\n", lines);

	*rs = (struct ruleset){ 0 };
	if (ruleset_parse(rs, text, "test", &f->d))
		no_findings(f);
	ruleset_normalise(rs);
}

#endif
