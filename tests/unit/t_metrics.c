/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report/metrics: the text format of Prometheus, to the byte; tests/kernel/t_metrics.py holds it
 * against the rules of its linter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "report/metrics.h"
#include "rules/compile.h"
#include "util.h"

#define WEB "[service web]\nprotocol = tcp\nport = 80\n"

struct scene { /* what was applied, and what the kernel holds */
	struct policy policy;
	struct ruleset want, have;
	struct twin_plan plan;
	struct status st;
	struct diag found;
	struct metrics m;
};

static void set_up(struct scene *s, const char *conf)
{
	*s = (struct scene){ 0 };
	assert_int_equal(policy_parse(&s->policy, conf, "test.conf", &s->found), 0);
	compile_rules(&s->policy, &HOST_PARAMS_DEFAULT, &s->want, &s->found);
	ruleset_copy(&s->have, &s->want);
	s->st = (struct status){ .policy = &s->policy,
				 .want = &s->want,
				 .have = &s->have,
				 .plan = &s->plan,
				 .backend = "nftables" };
	s->m = (struct metrics){ .version = "1.2", .status = &s->st, .findings = &s->found };
}

static void tear_down(struct scene *s)
{
	status_free(&s->st);
	ruleset_free(&s->want);
	ruleset_free(&s->have);
	policy_free(&s->policy);
	diag_free(&s->found);
}

static char *text_of(struct scene *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	status_compare(&s->st);
	metrics_print(&s->m, f);
	fclose(f);
	return text;
}

static void count(struct ruleset *rs, const char *name, enum hook hook, uint64_t packets,
		  uint64_t bytes)
{
	struct counter *c = ARRAY_ADD(rs->counters, rs->n_counters);

	*c = (struct counter){ xstrdup(name), hook, packets, bytes };
}

/* What is not known is left out: nothing applied, no conntrack. */
static const char nothing[] =
	"# HELP untrack_build_info Always 1: the version, and where its rules are.\n"
	"# TYPE untrack_build_info gauge\n"
	"untrack_build_info{version=\"1.2\",backend=\"nftables\"} 1\n"
	"# HELP untrack_twins Copies of the firewall's state rules for exempt packets, by how they "
	"stand.\n"
	"# TYPE untrack_twins gauge\n"
	"untrack_twins{state=\"present\"} 0\n"
	"untrack_twins{state=\"missing\"} 0\n"
	"untrack_twins{state=\"displaced\"} 0\n"
	"untrack_twins{state=\"stale\"} 0\n"
	"untrack_twins{state=\"unneeded\"} 0\n"
	"# HELP untrack_generation Number of the configuration that was applied last; 0: none "
	"was.\n"
	"# TYPE untrack_generation gauge\n"
	"untrack_generation 0\n"
	"# HELP untrack_unconfirmed 1: it was applied with --confirm, and nobody confirmed.\n"
	"# TYPE untrack_unconfirmed gauge\n"
	"untrack_unconfirmed 0\n"
	"# HELP untrack_files_differ 1: the configuration files say something else, or are not "
	"valid.\n"
	"# TYPE untrack_files_differ gauge\n"
	"untrack_files_differ 0\n"
	"# HELP untrack_rules Rules of untrack in the kernel, without twins.\n"
	"# TYPE untrack_rules gauge\n"
	"untrack_rules 0\n"
	"# HELP untrack_drift Differences between the kernel and what was applied: lines of "
	"untrack status.\n"
	"# TYPE untrack_drift gauge\n"
	"untrack_drift 0\n"
	"# HELP untrack_blocked 1: the host's firewall does not allow what was applied any more.\n"
	"# TYPE untrack_blocked gauge\n"
	"untrack_blocked 0\n";

static void test_nothing(void **state)
{
	struct scene s;
	auto_free char *text = NULL;

	(void)state;
	set_up(&s, "");
	text = text_of(&s);
	assert_string_equal(text, nothing);
	tear_down(&s);
}

static void assert_says(const char *text, const char *lines)
{
	const char *at = strstr(text, lines);

	if (!at)
		fail_msg("not in it: %s\n%s", lines, text);
	assert_true(at == text || at[-1] == '\n');
	assert_null(strstr(at + 1, lines)); /* and once */
}

static void test_everything(void **state)
{
	const uint64_t entries = 1, max = UINT64_MAX, buckets = 3;
	const struct ct_stats stats = { .found = 4, .drop = 5, .chain_toolong = 6 };
	struct scene s;
	auto_free char *text = NULL;

	(void)state;
	set_up(&s, WEB);
	count(&s.have, "web", HOOK_PREROUTING, UINT64_MAX, 100);
	count(&s.have, "web", HOOK_OUTPUT, 2, 300);
	s.st.generation = 7;
	s.st.applied = 1000000000;
	s.st.unconfirmed.generation = 7;
	s.st.pending = "they differ";
	s.st.blocked = true;
	s.st.settings = "- conntrack max = 1\n+ conntrack max = 2\n";
	s.st.n_settings = 2;
	s.m.entries = &entries;
	s.m.max = &max;
	s.m.buckets = &buckets;
	s.m.stats = &stats;
	diag_warn(&s.found, NULL, "state-lost", "one");
	diag_note(&s.found, NULL, "no-listener", "two");
	diag_warn(&s.found, NULL, "state-lost", "three");
	diag_error(&s.found, NULL, "state-lost", 0, "four");
	text = text_of(&s);
	assert_says(text, "untrack_conntrack_entries 1\n");
	assert_says(text, "untrack_conntrack_entries_limit 18446744073709551615\n");
	assert_says(text, "untrack_conntrack_buckets 3\n");
	assert_says(text, "# TYPE untrack_conntrack_found_total counter\n"
			  "untrack_conntrack_found_total 4\n");
	assert_says(text, "untrack_conntrack_drop_total 5\n");
	assert_says(text, "untrack_conntrack_chain_too_long_total 6\n");
	assert_says(text, "# TYPE untrack_exempt_packets_total counter\n"
			  "untrack_exempt_packets_total{exemption=\"web\",direction=\"in\"} "
			  "18446744073709551615\n"
			  "untrack_exempt_packets_total{exemption=\"web\",direction=\"out\"} 2\n");
	assert_says(text, "untrack_exempt_bytes_total{exemption=\"web\",direction=\"out\"} 300\n");
	assert_says(text, "untrack_exemption_rules_missing{exemption=\"web\"} 0\n");
	assert_says(text, "untrack_generation 7\n");
	assert_says(text, "untrack_last_apply_timestamp_seconds 1000000000\n");
	assert_says(text, "untrack_unconfirmed 1\n");
	assert_says(text, "untrack_files_differ 1\n");
	assert_says(text, "untrack_drift 2\n");
	assert_says(text, "untrack_blocked 1\n");
	assert_says(text, "untrack_findings{id=\"state-lost\",severity=\"warning\"} 2\n"
			  "untrack_findings{id=\"no-listener\",severity=\"note\"} 1\n"
			  "untrack_findings{id=\"state-lost\",severity=\"error\"} 1\n");
	tear_down(&s);
}

static void add_twin(struct ruleset *rs, uint64_t anchor)
{
	struct twin *w = ruleset_add_twin(rs);

	w->family = TABLE_INET;
	w->table = xstrdup("filter");
	w->chain = xstrdup("input");
	w->anchor = anchor;
	w->names = xstrdup("web");
	w->match.families = FAMILIES_BOTH;
	w->match.proto = 6;
	w->body = xstrdup("immediate:00");
}

static void test_what_is_missing(void **state)
{
	struct scene s;
	auto_free char *text = NULL;

	(void)state;
	set_up(&s, WEB);
	for (size_t i = 0; i < s.have.n_rules; i++)
		rule_free(&s.have.rules[i]);
	s.have.n_rules = 0;
	add_twin(&s.want, 4);
	add_twin(&s.want, 6);
	add_twin(&s.have, 6);
	ruleset_normalise(&s.want);
	ruleset_normalise(&s.have);
	text = text_of(&s);
	assert_says(text, "untrack_exemption_rules_missing{exemption=\"web\"} 4\n");
	assert_says(text, "untrack_twins{state=\"present\"} 1\n");
	assert_says(text, "untrack_twins{state=\"missing\"} 1\n");
	assert_null(strstr(text, "exempt_packets")); /* no counter, no series, and no head */
	tear_down(&s);
}

static void test_labels_are_escaped(void **state)
{
	struct scene s;
	auto_free char *text = NULL;

	(void)state;
	set_up(&s, "");
	s.m.version = "a\"b\\c\nd{}=,";
	text = text_of(&s);
	assert_says(text, "untrack_build_info{version=\"a\\\"b\\\\c\\nd{}=,\",");
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_what_is_missing),
		cmocka_unit_test(test_labels_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
