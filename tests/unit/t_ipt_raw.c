/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our chains in the tables raw of iptables-legacy against the kernel: what is written, what stays,
 * what is repaired, and what becomes of commits that fail or meet somebody else's. */
#include "ipt_namespace.h"

#include "kernel/ipt_family.h"

/* Somebody else's rules in raw, with counts; IPv6 has the same. */
static const char others[] = "*raw\n"
			     ":PREROUTING ACCEPT [7:700]\n"
			     ":OUTPUT DROP [8:800]\n"
			     ":mine - [0:0]\n"
			     "[5:500] -A PREROUTING -p udp -j mine\n"
			     "[6:600] -A PREROUTING -p 47 -j CT --notrack\n"
			     "[3:300] -A mine -p udp -j RETURN\n"
			     "COMMIT\n";

#define HOOKS(line)                             \
	"iptables-legacy prerouting " line "\n" \
	"iptables-legacy output " line "\n"
#define LOOPBACK                                              \
	"iptables-legacy prerouting notrack loopback in lo\n" \
	"iptables-legacy output notrack loopback out lo\n"
#define WEB HOOKS("notrack web protocol tcp dport 80,443")
#define API HOOKS("notrack api family ipv6 protocol tcp dport 8000-8010")

static struct fixture *begin(void **state, char **before)
{
	struct fixture *f = need(state);

	f->d = (struct diag){ 0 };
	fault.kind = FAULT_NONE;
	before_commit = NULL;
	restore(others);
	*before = saved();
	return f;
}

static void make(struct fixture *f, struct ipt *x, const struct ruleset *want)
{
	struct ruleset ours;

	read_legacy(f, x, &ours, NULL);
	ruleset_free(&ours);
	assert_int_equal(commit_all(f, x, want), 0);
	no_findings(f);
	assert_legacy(f, x, want);
}

/* What a listing has besides our chains and the jumps to them. */
static char *without_ours(const char *listing)
{
	struct text t = { 0 };

	text_add(&t, "%s", "");
	for (const char *end; (end = strchr(listing, '\n')); listing = end + 1) {
		auto_free char *line = xasprintf("%.*s\n", (int)(end - listing), listing);

		if (!strstr(line, "UNTRACK-"))
			text_add(&t, "%s", line);
	}
	return t.s;
}

static void assert_others(const char *before)
{
	auto_free char *now = saved(), *rest = without_ours(now);

	assert_same_text(before, rest);
}

static void assert_counter(struct fixture *f, struct ipt *x, const char *name, enum hook hook,
			   uint64_t packets)
{
	uint64_t got = 0, bytes = 0;
	struct ruleset ours;

	read_legacy(f, x, &ours, NULL);
	for (size_t i = 0; i < ours.n_counters; i++)
		if (!strcmp(ours.counters[i].name, name) && ours.counters[i].hook == hook) {
			got += ours.counters[i].packets;
			bytes += ours.counters[i].bytes;
		}
	assert_int_equal(got, packets);
	assert_int_equal(bytes, packets * 100);
	ruleset_free(&ours);
}

static void add_counter(struct ruleset *rs, const char *name, enum hook hook, uint64_t packets)
{
	struct counter *c = ARRAY_ADD(rs->counters, rs->n_counters);

	*c = (struct counter){ .hook = hook, .packets = packets, .bytes = packets * 100 };
	c->name = xstrdup(name);
}

static void end(struct fixture *f, struct ipt *x, char *before)
{
	struct ruleset none = { 0 };

	fault.kind = FAULT_NONE;
	diag_free(&f->d);
	make(f, x, &none);
	assert_saved(before);
	ipt_free(x);
	free(before);
}

static void comes_and_goes(void **state)
{
	char *before;
	struct fixture *f = begin(state, &before);
	struct ipt *x = ipt_new();
	struct ruleset want, ours;
	auto_free char *once = NULL;
	struct fw fw = { 0 };

	parse(f, &want, LOOPBACK WEB API);
	make(f, x, &want);
	assert_others(before);
	once = saved();
	assert_non_null(strstr(once, ":UNTRACK-PRE - "));
	/* The walks meet what others have there, numbered as if we had nothing. */
	read_legacy(f, x, &ours, &fw);
	for (size_t i = 0; i < fw.n_chains; i++) {
		const struct fw_chain *c = &fw.chains[i];

		assert_null(strstr(c->name, "UNTRACK"));
		if (!strcmp(c->name, "PREROUTING") && !strcmp(c->table, "raw")) {
			assert_int_equal(c->n_rules, 2);
			assert_int_equal(c->rules[0].handle, 1);
			assert_int_equal(c->rules[1].handle, 2);
		}
	}
	fw_free(&fw);
	ruleset_free(&ours);
	/* As it should be: nothing is locked, nothing written. */
	fault.times = 100;
	fault.kind = FAULT_BEFORE;
	assert_int_equal(commit_all(f, x, &want), 0);
	assert_true(lock_is_free());
	assert_saved(once);
	fault.kind = FAULT_NONE;
	ruleset_free(&want);
	end(f, x, before);
}

/* Reading makes no table, nor does a commit of nothing; a commit of rules makes what it needs. */
static void makes_no_table(void **state)
{
	struct fixture *f = *state;
	struct ruleset want, none = { 0 };
	struct ipt *x = ipt_new();
	auto_free char *names = NULL;

	if (!f->can)
		skip();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	make(f, x, &none);
	names = output("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names");
	assert_string_equal(names, "");
	parse(f, &want, API);
	make(f, x, &want);
	free(names);
	names = output("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names");
	assert_string_equal(names, "raw\n"); /* of the one family */
	make(f, x, &none);
	ruleset_free(&want);
	ipt_free(x);
}

/* Counts of rules that stay stay; of rules that go, go to what follows them. */
static void counts(void **state)
{
	static const char *const steps[] = {
		LOOPBACK WEB API,
		HOOKS("notrack web protocol tcp dport 80"), /* fewer ports */
		HOOKS("notrack web protocol tcp dport 80")
			HOOKS("notrack web protocol udp dport 80"), /* one more rule */
		HOOKS("notrack web protocol udp dport 80"),	    /* one less */
		HOOKS("notrack web family ipv4 protocol udp dport 1-9") API,
	};
	char *before;
	struct fixture *f = begin(state, &before);
	struct ipt *x = ipt_new();
	struct ruleset want;

	parse(f, &want, WEB);
	add_counter(&want, "web", HOOK_PREROUTING, 5);
	add_counter(&want, "web", HOOK_OUTPUT, 7);
	make(f, x, &want);
	ruleset_free(&want);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		parse(f, &want, steps[i]);
		add_counter(&want, "web", HOOK_PREROUTING, 1000); /* what is there counts */
		make(f, x, &want);
		assert_counter(f, x, "web", HOOK_PREROUTING, 5);
		assert_counter(f, x, "web", HOOK_OUTPUT, 7);
		assert_others(before);
		ruleset_free(&want);
	}
	end(f, x, before);
}

/* A family that joins the other begins at zero; one that takes its place goes on. */
static void counts_of_both(void **state)
{
	static const struct {
		const char *rules;
		uint64_t want;
	} steps[] = {
		{ HOOKS("notrack web family ipv6 protocol tcp dport 80"), 5 },
		{ HOOKS("notrack web protocol tcp dport 80"), 5 },
		{ HOOKS("notrack web protocol tcp dport 80,443"), 5 },
	};
	char *before;
	struct fixture *f = begin(state, &before);
	struct ipt *x = ipt_new();
	struct ruleset want;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		parse(f, &want, steps[i].rules);
		add_counter(&want, "web", HOOK_PREROUTING, steps[i].want); /* the sum, as is */
		make(f, x, &want);
		assert_counter(f, x, "web", HOOK_PREROUTING, steps[i].want);
		ruleset_free(&want);
	}
	end(f, x, before);
	/* Without the other. */
	f = begin(state, &before);
	x = ipt_new();
	for (int v = 6; v >= 4; v -= 2) {
		auto_free char *rules = xasprintf("iptables-legacy output notrack web family ipv%d "
						  "protocol tcp dport 80\n",
						  v);

		parse(f, &want, rules);
		add_counter(&want, "web", HOOK_OUTPUT, 9);
		make(f, x, &want);
		assert_counter(f, x, "web", HOOK_OUTPUT, 9);
		ruleset_free(&want);
	}
	end(f, x, before);
}

/* Of the one family or of both: what somebody did to what is ours, and the next commit. */
static void repairs(void **state)
{
	static const char *const changes[] = {
		"iptables-legacy -t raw -D PREROUTING 1",
		"ip6tables-legacy -t raw -D OUTPUT 1",
		"iptables-legacy -t raw -D PREROUTING 1 && "
		"iptables-legacy -t raw -A PREROUTING -j UNTRACK-PRE",
		"iptables-legacy -t raw -A PREROUTING -j UNTRACK-PRE",
		"iptables-legacy -t raw -I OUTPUT -j mine",
		"iptables-legacy -t raw -A mine -j UNTRACK-OUT",
		"iptables-legacy -t raw -A OUTPUT -p udp -g UNTRACK-OUT",
		"iptables-legacy -t raw -F UNTRACK-PRE",
		"iptables-legacy -t raw -D UNTRACK-OUT 1",
		"ip6tables-legacy -t raw -I UNTRACK-PRE -p udp -j DROP",
		"ip6tables-legacy -t raw -A UNTRACK-PRE -m limit -j mine",
		"iptables-legacy -t raw -N UNTRACK-ANOTHER && "
		"iptables-legacy -t raw -A UNTRACK-ANOTHER -p udp -j UNTRACK-PRE",
		"iptables-legacy -t raw -F && iptables-legacy -t raw -X",
		"iptables-legacy -t raw -A UNTRACK-PRE -p tcp -j UNTRACK-OUT",
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		char *before;
		struct fixture *f = begin(state, &before);
		struct ipt *x = ipt_new();
		struct ruleset want, got;
		auto_free char *changed = NULL, *rest = NULL;

		parse(f, &want, LOOPBACK WEB API);
		make(f, x, &want);
		run(changes[i]);
		changed = saved();
		rest = without_ours(changed);
		read_legacy(f, x, &got, NULL);
		if (!ruleset_diff(&want, &got, NULL))
			fail_msg("not seen: %s", changes[i]);
		ruleset_free(&got);
		make(f, x, &want);
		assert_others(rest);
		/* And from there to nothing. */
		run(changes[i]);
		ruleset_free(&want);
		want = (struct ruleset){ 0 };
		make(f, x, &want);
		free(changed);
		changed = saved();
		if (strstr(changed, "UNTRACK-"))
			fail_msg("left after: %s", changes[i]);
		ipt_free(x);
		free(before);
	}
}

/* Chains without a rule, or without a jump, are not nothing. */
static void husks(void **state)
{
	static const char *const changes[] = {
		"iptables-legacy -t raw -N UNTRACK-PRE",
		"ip6tables-legacy -t raw -N UNTRACK-X",
		("iptables-legacy -t raw -N UNTRACK-PRE && "
		 "iptables-legacy -t raw -A OUTPUT -j UNTRACK-PRE"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		char *before;
		struct fixture *f = begin(state, &before);
		struct ipt *x = ipt_new();
		struct ruleset got, none = { 0 };
		auto_free char *listing = NULL;

		run(changes[i]);
		free(before);
		listing = saved(); /* iptables itself sets the counts of policies to zero */
		before = without_ours(listing);
		read_legacy(f, x, &got, NULL);
		if (!ruleset_diff(&none, &got, NULL))
			fail_msg("not seen: %s", changes[i]);
		ruleset_free(&got);
		end(f, x, before);
	}
}

/* Somebody else's names are his, even where they look like ours. */
static void leaves_others(void **state)
{
	char *before;
	struct fixture *f = begin(state, &before);
	struct ipt *x = ipt_new();
	struct ruleset want;
	auto_free char *theirs = NULL;

	run("iptables-legacy -N UNTRACK-PRE && iptables-legacy -A INPUT -j UNTRACK-PRE && "
	    "iptables-legacy -t raw -N untrack-pre && iptables-legacy -t raw -A OUTPUT -j "
	    "untrack-pre");
	theirs = saved();
	parse(f, &want, WEB);
	make(f, x, &want);
	ruleset_free(&want);
	want = (struct ruleset){ 0 };
	make(f, x, &want);
	assert_saved(theirs);
	ipt_free(x);
	run("iptables-legacy -F INPUT && iptables-legacy -X UNTRACK-PRE");
	free(before);
}

static void add_chain(const char *name)
{
	const struct xtc_ops *ops = ipt_family(FAMILY_V4)->ops;
	struct xtc_handle *h = ops->init("raw");
	xt_chainlabel label = "";

	memcpy(label, name, strlen(name));
	assert_int_equal(ops->create_chain(label, h), 1);
	assert_int_equal(ops->commit(h), 1);
	ops->free(h);
}

/* Somebody with a chain named like a target: libiptc would make a jump of it. */
static void chain_like_target(void **state)
{
	char *before;
	struct fixture *f = begin(state, &before);
	struct ipt *x = ipt_new();
	struct ruleset want, none = { 0 };
	auto_free char *theirs = NULL;

	add_chain("CT"); /* iptables itself would not */
	theirs = saved();
	parse(f, &want, WEB);
	assert_legacy(f, x, &none);
	assert_int_equal(commit_all(f, x, &want), -1);
	assert_non_null(strstr(f->d.v[0].text, "a chain has the name of its target"));
	assert_non_null(strstr(f->d.v[0].cure, "CT"));
	diag_free(&f->d);
	assert_saved(theirs);
	ipt_free(x); /* and with it the lock */
	run("iptables-legacy -t raw -X CT");
	ruleset_free(&want);
	free(before);
}

/* ---- others, and commits that fail -------------------------------------------------------------
 */

/* Changes between our last look and the commit are met again if they change the number of rules;
 * what was there when we read does not matter at all. */
static void overtaken(void **state)
{
	static const char *const commands[] = {
		LOCKLESS "iptables-legacy -t raw -A PREROUTING -p udp -j DROP",
		LOCKLESS "ip6tables-legacy -t raw -N other",
		LOCKLESS "iptables-legacy -t raw -F mine",
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(commands); i++) {
		const bool early = i >= ARRAY_SIZE(commands);
		const char *command = commands[i % ARRAY_SIZE(commands)];
		char *before;
		struct fixture *f = begin(state, &before);
		struct ruleset want, none = { 0 };
		struct ipt *x = ipt_new();
		auto_free char *theirs = NULL;

		run(command);
		theirs = saved(); /* as his command leaves it */
		restore(others);
		parse(f, &want, LOOPBACK WEB API);
		assert_legacy(f, x, &none);
		if (early)
			run(command);
		else
			before_commit = command;
		assert_int_equal(commit_all(f, x, &want), 0);
		assert_null(before_commit);
		if (early) {
			no_findings(f);
		} else {
			assert_int_equal(f->d.n, 1);
			assert_int_equal(f->d.warnings, 1);
			assert_non_null(strstr(f->d.v[0].text, "without the lock"));
		}
		diag_free(&f->d);
		assert_legacy(f, x, &want);
		assert_others(theirs);
		ruleset_free(&want);
		make(f, x, &none);
		assert_saved(theirs);
		ipt_free(x);
		free(before);
	}
}

/* Each commit of the two fails once: before, after, without the counts. */
static void fails_once(void **state)
{
	static const struct {
		enum fault_kind kind;
		int error;
		bool warned;
	} faults[] = {
		{ FAULT_BEFORE, EAGAIN, true },	 { FAULT_BEFORE, EINVAL, false },
		{ FAULT_AFTER, EAGAIN, false },	 { FAULT_AFTER, EINVAL, true },
		{ FAULT_AFTER, ENOMEM, true },	 { FAULT_COUNTERS, EINVAL, true },
		{ FAULT_COUNTERS, EPERM, true },
	};
	static const int levels[] = { IPPROTO_IP, IPPROTO_IPV6 };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(faults); i++) {
		char *before;
		struct fixture *f = begin(state, &before);
		struct ruleset want, none = { 0 };
		struct ipt *x = ipt_new();

		parse(f, &want, LOOPBACK WEB);
		assert_legacy(f, x, &none);
		fault.kind = faults[i / 2].kind;
		fault.error = faults[i / 2].error;
		fault.level = levels[i % 2];
		fault.times = 1;
		assert_int_equal(commit_all(f, x, &want), 0);
		assert_int_equal(fault.times, 0);
		assert_int_equal(f->d.errors, 0);
		assert_int_equal(f->d.warnings, faults[i / 2].warned);
		diag_free(&f->d);
		fault.kind = FAULT_NONE;
		assert_legacy(f, x, &want);
		ruleset_free(&want);
		make(f, x, &none);
		ipt_free(x);
		free(before);
	}
}

/* And always: then what the other family has got is taken back by a commit of before. */
static void fails_always(void **state)
{
	static const int errors[] = { EINVAL, ENOENT, ENOMEM, EPERM, EAGAIN };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(errors); i++) {
		char *before;
		struct fixture *f = begin(state, &before);
		struct ruleset first, want;
		struct ipt *x = ipt_new();
		auto_free char *once = NULL;
		bool named;

		parse(f, &first, LOOPBACK WEB);
		make(f, x, &first);
		once = saved();
		parse(f, &want, LOOPBACK HOOKS("notrack web protocol tcp dport 80"));
		fault.kind = FAULT_BEFORE;
		fault.error = errors[i / 2];
		fault.level = i % 2 ? IPPROTO_IPV6 : IPPROTO_IP;
		fault.times = 1000;
		assert_int_equal(commit_all(f, x, &want), -1);
		assert_int_equal(f->d.errors, 1);
		named = strstr(f->d.v[f->d.n - 1].text, i % 2 ? "ip6 raw" : "ip raw");
		assert_true(named);
		assert_non_null(f->d.v[f->d.n - 1].cure);
		if (fault.error != EAGAIN)
			assert_non_null(strstr(f->d.v[0].text, "notrack web"));
		diag_free(&f->d);
		fault.kind = FAULT_NONE;
		make(f, x, &first);
		assert_saved(once);
		ruleset_free(&first);
		ruleset_free(&want);
		end(f, x, before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(counts),
		cmocka_unit_test(counts_of_both),
		cmocka_unit_test(repairs),
		cmocka_unit_test(husks),
		cmocka_unit_test(leaves_others),
		cmocka_unit_test(chain_like_target),
		cmocka_unit_test(overtaken),
		cmocka_unit_test(fails_once),
		cmocka_unit_test(fails_always),
		cmocka_unit_test(makes_no_table),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
