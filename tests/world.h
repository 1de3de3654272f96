/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands meet in a test: the fake kernel, a configuration, a state directory. What is
 * defined here is linked in place of the real modules. After cmocka.h. */
#ifndef UNTRACK_TESTS_WORLD_H
#define UNTRACK_TESTS_WORLD_H

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "command/command.h"
#include "fake_backend.h"
#include "kernel/conntrack.h"
#include "kernel/host.h"
#include "util.h"

#define WEB "[service web]\nprotocol = tcp\nport = 80\n"
#define DNS "[service dns]\nprotocol = udp\nport = 53\n"

struct drain_call {
	size_t rules;	  /* of the ruleset that was drained */
	unsigned commits; /* of the kernel when it was called */
};

static struct world { /* what the commands meet; one for each test */
	struct backend kernel;
	bool no_kernel;
	bool late_firewall; /* comes while the facts of the host are read */
	uint16_t ssh_port;
	struct drain_call drains[16];
	size_t n_drains;
	char dir[40], config[64], state[64], run_dir[64];
	struct state_paths paths;
} world;

static int fake_open(struct backend **b, struct diag *d)
{
	(void)d;
	*b = &world.kernel;
	return 0;
}

static void fake_close(struct backend *b)
{
	(void)b;
}

int backend_open(enum backend_choice choice, const struct backend_ops **ops, struct backend **b,
		 struct diag *d)
{
	static struct backend_ops fake;

	(void)choice;
	if (world.no_kernel)
		return diag_error(d, NULL, "nf-tables", 0, "no kernel today");
	fake = fake_backend;
	fake.open = fake_open;
	fake.close = fake_close;
	*ops = &fake;
	return fake.open(b, d);
}

enum exit_code check_kernel(struct session *s, const struct policy *p)
{
	(void)s;
	(void)p;
	return CODE_DONE;
}

int conntrack_drain(const struct ruleset *rs, struct drain_report *report, struct diag *d)
{
	assert_true(world.n_drains < ARRAY_SIZE(world.drains));
	world.drains[world.n_drains++] = (struct drain_call){ rs->n_rules, world.kernel.commits };
	report->deleted = 3;
	(void)d;
	return 0;
}

void host_params_read(struct host_params *h, unsigned facts)
{
	(void)facts;
	*h = HOST_PARAMS_DEFAULT;
}

void host_read(struct host *h, unsigned facts)
{
	(void)facts;
	h->params = HOST_PARAMS_DEFAULT;
	h->ssh_port = world.ssh_port;
	if (world.late_firewall) {
		fake_add_rule(&world.kernel, FAKE_ESTABLISHED, 0);
		fake_add_rule(&world.kernel, FAKE_PORT, 80);
	}
	*ARRAY_ADD(h->unread, h->n_unread) = xstrdup("listeners: not in a test");
}

struct run { /* one command and what came of it */
	enum exit_code code;
	char *said; /* on standard output */
	struct diag d;
};

static void run_free(struct run *r)
{
	free(r->said);
	diag_free(&r->d);
}

/* Writes the configuration first, where there is one. */
static struct run run_with(command_fn *command, const char *conf, struct request req)
{
	struct run r = { 0 };
	struct session s = { .req = req, .config = world.config, .paths = world.paths, .d = &r.d };
	size_t len;

	if (conf) {
		FILE *f = fopen(world.config, "w");

		assert_non_null(f);
		fputs(conf, f);
		fclose(f);
	}
	s.out = xmemstream(&r.said, &len);
	r.code = command(&s);
	fclose(s.out);
	return r;
}

/* Runs a command that must end so, with exactly these words. */
static inline void expect(command_fn *command, const char *conf, struct request req,
			  enum exit_code code, const char *said)
{
	struct run r = run_with(command, conf, req);

	assert_int_equal(r.code, code);
	assert_string_equal(r.said, said);
	assert_int_equal(r.d.errors > 0, code != CODE_DONE);
	run_free(&r);
}

static inline long newest(void)
{
	struct diag d = { 0 };
	long n = generation_newest(&world.paths, &d);

	diag_free(&d);
	return n;
}

static int set_up(void **state)
{
	(void)state;
	world = (struct world){ .dir = "/tmp/untrack-world.XXXXXX" };
	assert_non_null(mkdtemp(world.dir));
	snprintf(world.config, sizeof world.config, "%s/untrack.conf", world.dir);
	snprintf(world.state, sizeof world.state, "%s/state", world.dir);
	snprintf(world.run_dir, sizeof world.run_dir, "%s/run", world.dir);
	world.paths = (struct state_paths){ world.state, world.run_dir };
	return 0;
}

static int tear_down(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		execlp("rm", "rm", "-rf", world.dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	fake_free(&world.kernel);
	return 0;
}

#define PLAIN ((struct request){ 0 })

#endif
