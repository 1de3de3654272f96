/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nft backend's own table, against the kernel. */
#include "kernel/nft_text.h"
#include "nft_namespace.h"

static void nothing_is_there(void **state)
{
	struct fixture *f = need(state);
	struct ruleset none = { 0 };

	assert_holds(f, &none);
	commit(f, &none);
}

/* One after the other into the same table, so that every step meets what another one left. */
static void random_rulesets(void **state)
{
	struct fixture *f = need(state);
	uint64_t seed = 4711;

	for (int i = 0; i < 60; i++) {
		struct ruleset want = { 0 };

		if (random_below(&seed, 8))
			nft_random_ruleset(&seed, &want);
		apply(f, &want);
		ruleset_free(&want);
	}
}

static char *text_of(const struct ruleset *rs)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	nft_text(rs, out);
	fclose(out);
	return text;
}

/* show --as nft is what nft lists, what nft loads, and what we read back from that. */
static void text_is_nfts(void **state)
{
	struct fixture *f = need(state);
	uint64_t seed = 99;

	for (int i = 0; i < 15; i++) {
		struct ruleset want;
		char *text, *listed, *loaded;

		flush();
		nft_random_ruleset(&seed, &want);
		apply(f, &want);
		text = text_of(&want);
		listed = nft(NULL, "list table inet untrack");
		assert_non_null(listed);
		assert_same_listing(text, listed);
		flush();
		loaded = nft(text, NULL);
		if (!loaded)
			fail_msg("nft does not load:\n%s", text);
		assert_holds(f, &want);
		free(loaded);
		loaded = nft(NULL, "list table inet untrack");
		assert_same_listing(text, loaded);
		free(text);
		free(listed);
		free(loaded);
		ruleset_free(&want);
	}
}

static const struct counter *counter_of(const struct ruleset *rs, const char *name, enum hook hook)
{
	for (size_t i = 0; i < rs->n_counters; i++)
		if (!strcmp(rs->counters[i].name, name) && rs->counters[i].hook == hook)
			return &rs->counters[i];
	fail_msg("no counter for %s", name);
	return NULL;
}

static void counters_survive(void **state)
{
	struct fixture *f = need(state);
	struct ruleset a, b, got;

	parse(f, &a,
	      "prerouting notrack web protocol tcp dport 80\n"
	      "output notrack web protocol tcp sport 80\n"
	      "counter web in packets 5 bytes 500\n");
	parse(f, &b,
	      "prerouting notrack api protocol tcp dport 81\n"
	      "prerouting notrack web protocol tcp dport 80,443\n"
	      "counter web in packets 77 bytes 7700\n");
	apply(f, &a);
	apply(f, &b);
	read_all(f, &got, NULL);
	assert_int_equal(got.n_counters, 2);
	assert_int_equal(counter_of(&got, "web", HOOK_PREROUTING)->packets, 5);
	assert_int_equal(counter_of(&got, "web", HOOK_PREROUTING)->bytes, 500);
	assert_int_equal(counter_of(&got, "api", HOOK_PREROUTING)->packets, 0);
	ruleset_free(&got);
	/* Somebody's rule makes the table be written anew: what was counted stays all the same. */
	must_nft("add rule inet untrack prerouting tcp dport 22 drop");
	apply(f, &b);
	read_all(f, &got, NULL);
	assert_int_equal(counter_of(&got, "web", HOOK_PREROUTING)->packets, 5);
	ruleset_free(&got);
	ruleset_free(&a);
	ruleset_free(&b);
}

static void foreign_objects_are_reported(void **state)
{
	static const char *const changes[][2] = {
		{ "add rule inet untrack prerouting tcp dport 22 drop",
		  "rule 2 of chain prerouting: " },
		{ "insert rule inet untrack output accept", "rule 1 of chain output: " },
		{ "add chain inet untrack other", "chain other" },
		{ "'add chain inet untrack icmp_in; add rule inet untrack icmp_in tcp dport 22 "
		  "drop'",
		  "rule 1 of chain icmp_in: " },
		{ "add set inet untrack s '{ type inet_service; }'", "set s, which no rule uses" },
		{ "add counter inet untrack c", "counter c, which no rule of ours uses" },
		{ "add quota inet untrack q over 1 mbytes", "object q" },
		{ "add table inet untrack '{ flags dormant; }'", "flags 0x1 of the table" },
		{ "add chain inet untrack output '{ policy drop; }'", "chain output" },
		{ "add rule inet untrack prerouting iifname eth9 return comment x",
		  "rule 2 of chain prerouting: " },
		{ "add rule inet untrack prerouting tcp dport @web_tcp counter name web_out "
		  "notrack",
		  "rule 2 of chain prerouting: " },
	};
	struct fixture *f = need(state);
	struct ruleset want;

	parse(f, &want,
	      "prerouting notrack web protocol tcp dport 80\n"
	      "output notrack web protocol tcp sport 80\n");
	apply(f, &want);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct ruleset got;
		bool said = false;

		must_nft(changes[i][0]);
		read_all(f, &got, NULL);
		for (size_t k = 0; k < got.n_foreign; k++)
			said |= !strncmp(got.foreign[k], changes[i][1], strlen(changes[i][1]));
		if (!said)
			fail_msg("%s: not reported (%zu others)", changes[i][0], got.n_foreign);
		assert_true(ruleset_diff(&want, &got, NULL) > 0);
		ruleset_free(&got);
		apply(f, &want);
	}
	ruleset_free(&want);
	must_nft("flush ruleset");
	must_nft("add table inet untrack");
	parse(f, &want, "");
	apply(f, &want);
	assert_null(nft(NULL, "list table inet untrack 2>/dev/null"));
}

/* What is left of our own is no difference, and the next commit clears it away. */
static void leftovers_go(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want;
	char *text, *listed;

	parse(f, &want, "prerouting notrack web protocol tcp dport 80\n");
	apply(f, &want);
	must_nft("add chain inet untrack icmp_in");
	must_nft("add chain inet untrack output '{ type filter hook output priority raw; }'");
	must_nft("add counter inet untrack old_in");
	must_nft("add set inet untrack old_tcp '{ type inet_service; flags interval; }'");
	assert_holds(f, &want);
	ruleset_free(&want);
	parse(f, &want, "prerouting notrack web protocol tcp dport 81\n");
	apply(f, &want);
	text = text_of(&want);
	listed = nft(NULL, "list table inet untrack");
	assert_same_text(text, listed);
	free(text);
	free(listed);
	ruleset_free(&want);
}

/* The rules behind a jump that somebody deleted see no packet: they do not count as there. */
static void a_lost_jump_is_a_difference(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want, got;
	char *listed, *jump;

	parse(f, &want, "prerouting notrack web error protocol tcp sport 80\n");
	apply(f, &want);
	listed = nft(NULL, "-a list chain inet untrack prerouting");
	jump = strstr(listed, "jump icmp_in # handle ");
	assert_non_null(jump);
	jump = xasprintf("delete rule inet untrack prerouting handle %lu",
			 strtoul(jump + strlen("jump icmp_in # handle "), NULL, 10));
	must_nft(jump);
	read_all(f, &got, NULL);
	assert_int_equal(got.n_foreign, 0);
	assert_int_equal(got.n_rules, 1);
	assert_int_equal(got.rules[0].match.families, FAMILIES_V6);
	ruleset_free(&got);
	apply(f, &want);
	free(jump);
	free(listed);
	ruleset_free(&want);
}

static void a_stale_commit_writes_nothing(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want, got;

	parse(f, &want, "prerouting notrack web protocol tcp dport 80\n");
	read_all(f, &got, NULL);
	must_nft("add table inet somebody");
	assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_STALE);
	no_findings(f);
	ruleset_free(&got);
	read_all(f, &got, NULL);
	assert_int_equal(got.n_rules, 0);
	ruleset_free(&got);
	apply(f, &want);
	ruleset_free(&want);
}

static void ten_thousand_ports(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want;
	auto_free char *line = NULL;
	struct text ports = { 0 };

	for (unsigned i = 0; i < 10000; i++)
		text_add(&ports, "%s%u", i ? "," : "", 5 + 6 * i);
	line = xasprintf("prerouting notrack web protocol tcp dport %s\n"
			 "output notrack web protocol tcp sport %s\n"
			 "output notrack web family ipv4 error protocol tcp dport %s\n",
			 ports.s, ports.s, ports.s);
	parse(f, &want, line);
	assert_int_equal(want.n_rules, 3);
	apply(f, &want);
	ruleset_free(&want);
	free(ports.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_there),
		cmocka_unit_test(random_rulesets),
		cmocka_unit_test(text_is_nfts),
		cmocka_unit_test(counters_survive),
		cmocka_unit_test(foreign_objects_are_reported),
		cmocka_unit_test(leftovers_go),
		cmocka_unit_test(a_lost_jump_is_a_difference),
		cmocka_unit_test(a_stale_commit_writes_nothing),
		cmocka_unit_test(ten_thousand_ports),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
