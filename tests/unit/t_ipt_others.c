/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our commits to the tables raw of iptables-legacy against somebody who writes there all the time
 * and leaves the number of rules as it is, which the kernel takes for no change (FACTS B6): with
 * the lock nothing of anybody's is lost; without it what he does to ours is met and written again.
 * UNTRACK_COMMITS: how many; 2000 for the long run. */
#include "ipt_namespace.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <time.h>

#include "kernel/ipt_family.h"
#include "kernel/ipt_entry.h"

static const char theirs[] = "*raw\n"
			     ":PREROUTING ACCEPT [7:700]\n"
			     ":OUTPUT ACCEPT [8:800]\n"
			     ":mine - [0:0]\n"
			     "[0:0] -A mine -j RETURN\n"
			     "COMMIT\n";

struct other { /* shared with him */
	volatile bool stop;
	volatile unsigned commits, lost, refused;
};

/* His one rule has the number of his last commit as its source address. */
static struct ipt_written rule_with(uint32_t number)
{
	struct ipt_entry *e = xcalloc(1, 256);
	struct xt_standard_target *t = (void *)((char *)e + sizeof(*e));

	e->ip.src.s_addr = htonl(number);
	e->ip.smsk.s_addr = UINT32_MAX;
	e->target_offset = sizeof(*e);
	e->next_offset = sizeof(*e) + sizeof(*t);
	t->target.u.user.target_size = sizeof(*t);
	snprintf(t->target.u.user.name, sizeof(t->target.u.user.name), "RETURN");
	return (struct ipt_written){ .entry = e, .len = e->next_offset };
}

static int take_lock(void)
{
	int fd = open(getenv("XTABLES_LOCKFILE"), O_RDONLY | O_CLOEXEC);

	while (flock(fd, LOCK_EX))
		;
	return fd;
}

/* One commit of his: the rule replaced by one with the next number. */
static void write_once(struct other *o, uint32_t *last)
{
	const struct ipt_family *f = ipt_family(FAMILY_V4);
	struct xtc_handle *h = f->ops->init("raw");
	xt_chainlabel chain = "mine";
	const struct ipt_entry *is = f->first_rule(chain, h);
	struct ipt_written next = rule_with(*last + 1);

	if (ntohl(is->ip.src.s_addr) != *last)
		o->lost++;
	if (f->delete_at(chain, 0, h) && f->insert(chain, next.entry, 0, h) && f->ops->commit(h)) {
		o->commits++;
		++*last;
	} else {
		o->refused++;
	}
	free(next.entry);
	f->ops->free(h);
}

static pid_t start_other(struct other *o, bool locks)
{
	const struct timespec rest = { .tv_nsec = 1000000 };
	uint32_t last = 0;
	pid_t pid = fork();

	if (pid)
		return pid;
	while (!o->stop) {
		auto_close int fd = locks ? take_lock() : -1;

		write_once(o, &last);
		if (fd >= 0)
			close(fd);
		fd = -1;
		nanosleep(&rest, NULL);
	}
	_exit(0);
}

struct outcome { /* of our commits */
	unsigned done, met, failed;
};

/* Changes one rule for another and back. */
static void write_all(struct fixture *f, struct ipt *x, unsigned n, struct outcome *out)
{
	struct ruleset want[2];

	parse(f, &want[0], "iptables-legacy prerouting notrack web protocol tcp dport 80\n");
	parse(f, &want[1], "iptables-legacy prerouting notrack web protocol tcp dport 81\n");
	for (unsigned i = 0; i < n; i++) {
		struct ruleset ours = { 0 };
		int rc;

		assert_int_equal(ipt_read(x, &ours, NULL, &f->d), 0);
		rc = commit_all(f, x, &want[i % 2]);
		out->done += !rc;
		out->failed += rc != 0;
		out->met += f->d.warnings;
		assert_int_equal(f->d.errors != 0, rc != 0);
		diag_free(&f->d);
		ruleset_free(&ours);
	}
	for (int i = 0; i < 2; i++)
		ruleset_free(&want[i]);
}

static struct outcome against(void **state, bool locks, struct other *seen)
{
	struct fixture *f = need(state);
	const char *given = getenv("UNTRACK_COMMITS");
	unsigned n = given ? (unsigned)atoi(given) : 100;
	struct other *o =
		mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ruleset want, none = { 0 };
	struct outcome out = { 0 };
	struct ipt *x = ipt_new();
	pid_t pid;

	restore(theirs);
	*o = (struct other){ 0 };
	pid = start_other(o, locks);
	write_all(f, x, n, &out);
	read_legacy(f, x, &want, NULL); /* releases the lock */
	ruleset_free(&want);
	o->stop = true;
	waitpid(pid, NULL, 0);
	*seen = *o;
	printf("# %s the lock: of ours %u done, %u failed, %u met him; of his %u done, %u refused, "
	       "%u lost\n",
	       locks ? "with" : "without", out.done, out.failed, out.met, seen->commits,
	       seen->refused, seen->lost);
	assert_int_equal(out.done + out.failed, n);
	/* Alone again, everything is as it should be at once. */
	parse(f, &want, "iptables-legacy prerouting notrack web protocol tcp dport 80-90\n");
	assert_int_equal(commit_all(f, x, &want), 0);
	no_findings(f);
	assert_legacy(f, x, &want);
	assert_int_equal(commit_all(f, x, &none), 0);
	no_findings(f);
	assert_legacy(f, x, &none);
	ruleset_free(&want);
	ipt_free(x);
	munmap(o, sizeof(*o));
	return out;
}

static void with_lock(void **state)
{
	struct other o;
	struct outcome out = against(state, true, &o);

	assert_int_equal(out.failed, 0);
	assert_int_equal(out.met, 0);
	assert_int_equal(o.lost, 0);
	assert_int_equal(o.refused, 0);
	assert_true(o.commits > 0);
}

/* What he loses to us between our last look and the kernel's own cannot be seen by anybody, and is
 * his to lose; how much that is depends on the machine. */
static void without_lock(void **state)
{
	struct other o;
	struct outcome out = against(state, false, &o);

	assert_true(out.met > 0);
	assert_true(out.failed <= out.done / 10);
	assert_true(o.commits > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_lock),
		cmocka_unit_test(without_lock),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
