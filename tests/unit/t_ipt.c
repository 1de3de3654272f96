/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of iptables-legacy against the kernel: two phases, other writers, and what is taken back.
 */
#include "ipt_namespace.h"

static const char firewall[] = "*filter\n"
			       ":INPUT DROP [7:700]\n"
			       ":FORWARD ACCEPT [8:800]\n"
			       ":OUTPUT ACCEPT [9:900]\n"
			       ":web - [0:0]\n"
			       "[5:500] -A INPUT -m state --state ESTABLISHED -j ACCEPT\n"
			       "[6:600] -A INPUT -p tcp -m state --state NEW -j web\n"
			       "[3:300] -A web -j RETURN\n"
			       "COMMIT\n";

#define TWIN4 "twin iptables-legacy ip filter INPUT "
#define TWIN6 "twin iptables-legacy ip6 filter INPUT "
#define WEB " untrack:web family ipv%d protocol tcp dport 80 :: verdict:accept\n"

static struct fixture *begin(void **state, char **before)
{
	struct fixture *f = need(state);

	restore(firewall);
	*before = saved();
	return f;
}

/* One in each family, the second before the rule of this number or last. */
static void want_twins(struct fixture *f, struct ruleset *rs, unsigned anchor4, const char *place6)
{
	auto_free char *lines =
		xasprintf(TWIN4 "before %u" WEB TWIN6 "%s" WEB, anchor4, 4, place6, 6);

	parse(f, rs, lines);
}

static void reads(void **state)
{
	char *before;
	struct fixture *f = begin(state, &before);
	struct ipt *x = ipt_new();
	struct fw fw = { 0 };
	struct ruleset ours;
	const struct fw_chain *c;

	run("iptables-legacy -t nat -A POSTROUTING -j RETURN && "
	    "iptables-legacy -t mangle -A OUTPUT -j RETURN");
	read_legacy(f, x, &ours, &fw);
	assert_int_equal(ours.n_twins, 0);
	assert_int_equal(fw.n_chains, 4 + 4 + 4 + 5);
	for (size_t i = 0; i < fw.n_chains; i++) {
		struct text t = { 0 };

		c = &fw.chains[i];
		assert_int_equal(c->form, FORM_LEGACY);
		text_add(&t, "%s %s %d %s", c->table, c->name, c->priority,
			 c->base ? c->type : "-");
		if (c->family == TABLE_IP && strstr(c->name, "INPUT") && strstr(c->table, "nat"))
			assert_string_equal(t.s, "nat INPUT 100 nat");
		if (c->family == TABLE_IP && strstr(c->name, "PREROUTING") &&
		    strstr(c->table, "nat"))
			assert_string_equal(t.s, "nat PREROUTING -100 nat");
		if (strstr(c->table, "mangle") && strstr(c->name, "OUTPUT"))
			assert_string_equal(t.s, "mangle OUTPUT -150 route");
		if (strstr(c->name, "web")) {
			assert_string_equal(t.s, "filter web 0 -");
			assert_int_equal(c->rules[0].exprs[0].target.verdict, FW_RETURN);
		}
		if (strstr(c->table, "filter") && strstr(c->name, "INPUT")) {
			assert_string_equal(t.s, "filter INPUT 0 filter");
			assert_int_equal(c->policy, FW_DROP);
			assert_int_equal(c->hook, HOOK_INPUT);
			assert_int_equal(c->n_rules, 2);
			assert_int_equal(c->rules[1].handle, 2);
			assert_int_equal(c->rules[1].twin, -1);
		}
		free(t.s);
	}
	fw_free(&fw);
	ruleset_free(&ours);
	ipt_free(x);
	free(before);
	run("iptables-legacy -t nat -F && iptables-legacy -t mangle -F");
}

/* The lock is held from the first commit to the next reading, and counts stay as they are. */
static void two_phases(void **state)
{
	char *before;
	struct fixture *f = begin(state, &before);
	struct ruleset first, second, ours, none = { 0 };
	struct ipt *x = ipt_new();
	struct fw fw = { 0 };
	auto_free char *once = NULL;

	want_twins(f, &first, 2, "before 1");
	want_twins(f, &second, 1, "last");
	read_legacy(f, x, &ours, NULL);
	ruleset_free(&ours);
	assert_int_equal(ipt_commit(x, &first, IPT_ADD, &f->d), 0);
	assert_true(lock_is_held());
	assert_int_equal(ipt_commit(x, &first, IPT_REMOVE, &f->d), 0);
	read_legacy(f, x, &ours, &fw);
	assert_equal(&first, &ours);
	ruleset_free(&ours);
	for (size_t i = 0; i < fw.n_chains; i++)
		if (!strcmp(fw.chains[i].name, "INPUT") && !strcmp(fw.chains[i].table, "filter"))
			assert_int_equal(fw.chains[i].n_rules, 3);
	fw_free(&fw);
	once = saved();
	/* To other places: in between both are there. */
	assert_int_equal(ipt_commit(x, &second, IPT_ADD, &f->d), 0);
	assert_int_equal(ipt_take_back(x, &f->d), 0);
	assert_saved(once);
	assert_legacy(f, x, &first);
	assert_int_equal(ipt_commit(x, &second, IPT_ADD, &f->d), 0);
	assert_int_equal(ipt_commit(x, &second, IPT_REMOVE, &f->d), 0);
	assert_legacy(f, x, &second);
	/* Nothing to do: nothing is locked. */
	assert_int_equal(ipt_commit(x, &second, IPT_ADD, &f->d), 0);
	assert_int_equal(ipt_commit(x, &second, IPT_REMOVE, &f->d), 0);
	assert_true(lock_is_free());
	assert_int_equal(ipt_commit(x, &none, IPT_ADD, &f->d), 0);
	assert_true(lock_is_held()); /* what will go is looked at before the raw rules do */
	assert_int_equal(ipt_commit(x, &none, IPT_REMOVE, &f->d), 0);
	assert_legacy(f, x, &none);
	assert_saved(before);
	no_findings(f);
	ruleset_free(&first);
	ruleset_free(&second);
	ipt_free(x);
	free(before);
}

/* Changed since it was read: rules, one rule for another, a policy, a chain. */
static void stale(void **state)
{
	static const char *const changes[] = {
		"iptables-legacy -A OUTPUT -p udp -j DROP",
		"iptables-legacy -R INPUT 2 -p udp -m state --state NEW -j web",
		"iptables-legacy -P FORWARD DROP",
		"iptables-legacy -N other",
		"iptables-legacy -F web",
		"ip6tables-legacy -A web -j ACCEPT",
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		char *before;
		struct fixture *f = begin(state, &before);
		struct ruleset want, none = { 0 };
		struct ipt *x = ipt_new();
		auto_free char *changed = NULL;

		want_twins(f, &want, 1, "before 1");
		assert_legacy(f, x, &none);
		run(changes[i]);
		changed = saved();
		if (ipt_commit(x, &want, IPT_ADD, &f->d) != 1)
			fail_msg("not stale: %s", changes[i]);
		assert_true(lock_is_free());
		assert_saved(changed);
		/* On the table as it is it works, and comes out of it whatever has happened. */
		assert_legacy(f, x, &none);
		assert_int_equal(ipt_commit(x, &want, IPT_ADD, &f->d), 0);
		assert_legacy(f, x, &want);
		assert_int_equal(ipt_commit(x, &none, IPT_ADD, &f->d), 0);
		run("iptables-legacy -I FORWARD -p udp -j DROP & " LOCKLESS
		    "iptables-legacy -I INPUT -p udp -j DROP");
		assert_int_equal(ipt_commit(x, &none, IPT_REMOVE, &f->d), 0);
		assert_legacy(f, x, &none);
		no_findings(f);
		ruleset_free(&want);
		ipt_free(x);
		free(before);
		run("while pidof iptables-legacy >/dev/null; do sleep 0.05; done");
	}
}

/* Somebody without the lock is faster than our commit, of the first table or of the second. */
static void overtaken(void **state)
{
	static const char *const commands[] = {
		LOCKLESS "iptables-legacy -A OUTPUT -p udp -j DROP",
		LOCKLESS "ip6tables-legacy -A OUTPUT -p udp -j DROP",
	};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char *before;
		struct fixture *f = begin(state, &before);
		struct ruleset want, none = { 0 };
		struct ipt *x = ipt_new();
		auto_free char *expected = NULL;

		want_twins(f, &want, 1, "before 1");
		run(commands[i]);
		expected = saved(); /* as his command leaves it; we keep the rest */
		free(before);
		before = NULL;
		begin(state, &before);
		assert_legacy(f, x, &none);
		before_commit = commands[i];
		assert_int_equal(ipt_commit(x, &want, IPT_ADD, &f->d), 1);
		assert_null(before_commit);
		no_findings(f);
		assert_saved(expected);
		assert_legacy(f, x, &none);
		ruleset_free(&want);
		ipt_free(x);
		free(before);
	}
}

static void kernel_refuses(void **state)
{
	/* A match of the name "nonesuch", in the second table. */
	const char *lines = TWIN4 "before 1 untrack:web family ipv4 protocol tcp dport 80 :: "
				  "verdict:accept\n" TWIN6
				  "before 1 untrack:web family ipv6 protocol tcp dport 80 :: "
				  "match:0d0001006e6f6e65737563680000000008000200000000000c000300"
				  "0000000000000000 verdict:accept\n";
	char *before;
	struct fixture *f = begin(state, &before);
	struct ruleset want, none = { 0 };
	struct ipt *x = ipt_new();

	parse(f, &want, lines);
	assert_legacy(f, x, &none);
	assert_int_equal(ipt_commit(x, &want, IPT_ADD, &f->d), -1);
	assert_int_equal(f->d.n, 1);
	assert_non_null(strstr(f->d.v[0].text, "chain INPUT"));
	assert_non_null(strstr(f->d.v[0].text, "table ip6 filter"));
	assert_non_null(strstr(f->d.v[0].text, "No chain/target/match by that name"));
	assert_non_null(strstr(f->d.v[0].text, "untrack:web"));
	diag_free(&f->d);
	assert_saved(before);
	assert_legacy(f, x, &none);
	ruleset_free(&want);
	ipt_free(x);
	free(before);
}

/* Through the backend: what comes with nft rules that cannot be written is taken back. */
static void with_nft(void **state)
{
	char *before;
	struct fixture *f = begin(state, &before);
	struct ruleset want, got, none = { 0 };
	auto_free char *lines = xasprintf("prerouting notrack web protocol tcp dport 80\n" TWIN4
					  "before 1" WEB TWIN6 "last" WEB,
					  4, 6);
	struct fw fw;

	parse(f, &want, lines);
	read_all(f, &got, NULL);
	assert_equal(&none, &got);
	ruleset_free(&got);
	must_nft("add table ip other");
	assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_STALE);
	no_findings(f);
	assert_saved(before);
	apply(f, &want);
	read_all(f, &got, &fw);
	for (size_t i = 0; i < fw.n_chains; i++)
		for (size_t k = 0; k < fw.chains[i].n_rules; k++) {
			const struct fw_rule *r = &fw.chains[i].rules[k];

			if (r->twin >= 0)
				assert_true(twin_is_in(&got.twins[r->twin], &fw.chains[i]));
			assert_int_equal(r->handle == 0, r->twin >= 0);
		}
	fw_free(&fw);
	ruleset_free(&got);
	apply(f, &none);
	assert_saved(before);
	ruleset_free(&want);
	free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),	  cmocka_unit_test(two_phases),
		cmocka_unit_test(stale),	  cmocka_unit_test(overtaken),
		cmocka_unit_test(kernel_refuses), cmocka_unit_test(with_nft),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
