/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status: what is compared, and what both printers say about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <string.h>
#include "report/status.h"

#define WEB                \
	"[service web]\n"  \
	"protocol = tcp\n" \
	"port = 80\n"

struct scene { /* a policy and what the kernel holds */
	struct policy policy;
	struct ruleset want, have;
	struct twin_plan plan;
	struct status st;
};

static void set_up(struct scene *s, const char *conf)
{
	struct diag d = { 0 };

	*s = (struct scene){ 0 };
	assert_int_equal(policy_parse(&s->policy, conf, "test.conf", &d), 0);
	compile_rules(&s->policy, &HOST_PARAMS_DEFAULT, &s->want, &d);
	ruleset_copy(&s->have, &s->want);
	s->st = (struct status){
		.policy = &s->policy,
		.want = &s->want,
		.have = &s->have,
		.plan = &s->plan,
		.backend = "nftables",
		.generation = 7,
		.applied = 1000000000,
	};
	diag_free(&d);
}

static void tear_down(struct scene *s)
{
	status_free(&s->st);
	status_free(&s->st);
	ruleset_free(&s->want);
	ruleset_free(&s->have);
	policy_free(&s->policy);
}

static char *text_of(const struct status *st, bool verbose, bool colour)
{
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	status_text(st, verbose, colour, f);
	fclose(f);
	return text;
}

static json_t *json_of(const struct status *st)
{
	auto_free char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);
	json_t *root;

	status_json(st, f);
	fclose(f);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	return root;
}

static void count(struct ruleset *rs, const char *name, enum hook hook, uint64_t packets,
		  uint64_t bytes)
{
	struct counter *c = ARRAY_ADD(rs->counters, rs->n_counters);

	c->name = xstrdup(name);
	c->hook = hook;
	c->packets = packets;
	c->bytes = bytes;
}

static void test_healthy(void **state)
{
	struct scene s;
	auto_free char *text = NULL;

	(void)state;
	set_up(&s, WEB);
	count(&s.have, "web", HOOK_PREROUTING, 12, 2048);
	count(&s.have, "web", HOOK_OUTPUT, 1, 20ull << 30);
	status_compare(&s.st);
	assert_int_equal(s.st.n_drift, 0);
	assert_int_equal(s.st.n_exemptions, 1);
	assert_int_equal(s.st.exemptions[0].want, 4); /* without the loopback rules */
	assert_int_equal(s.st.exemptions[0].have, 4);
	text = text_of(&s.st, false, false);
	assert_non_null(strstr(text, "generation 7 of 2001-09-"));
	assert_non_null(strstr(text, "12 packets, 2.0 KiB"));
	assert_non_null(strstr(text, "1 packet, 20 GiB"));
	assert_non_null(strstr(text, "loaded"));
	assert_null(strstr(text, "Drift"));
	assert_null(strchr(text, '\033'));
	tear_down(&s);
}

/* Two readings: a rate, but not of counters that were made anew meanwhile. */
static void test_rates(void **state)
{
	const struct counter before = { .packets = 10, .bytes = 1000 };
	const struct counter now = { .packets = 30, .bytes = 5096 };
	const struct counter fewer = { .packets = 9, .bytes = 5096 };
	struct counter_rate rate;
	struct ruleset earlier = { 0 };
	struct scene s;
	json_t *root;
	double a_second;

	(void)state;
	assert_true(counter_rate(&now, &before, 2, &rate));
	assert_true(rate.packets == 10 && rate.bytes == 2048);
	assert_false(counter_rate(&before, &now, 2, &rate));
	assert_false(counter_rate(&fewer, &before, 2, &rate));
	assert_false(counter_rate(&now, NULL, 2, &rate));
	assert_false(counter_rate(NULL, &before, 2, &rate));
	assert_false(counter_rate(&now, &before, 0, &rate));

	set_up(&s, WEB);
	count(&s.have, "web", HOOK_PREROUTING, 30, 5096);
	count(&s.have, "web", HOOK_OUTPUT, 5, 500);
	count(&earlier, "web", HOOK_PREROUTING, 10, 1000);
	count(&earlier, "web", HOOK_OUTPUT, 6, 600);
	s.st.before = &earlier;
	s.st.elapsed = 2;
	status_compare(&s.st);
	auto_free char *text = text_of(&s.st, false, false);

	assert_non_null(strstr(text, "30 packets, 5.0 KiB (10/s, 2.0 KiB/s)"));
	assert_non_null(strstr(text, " 5 packets, 500 B\n"));
	root = json_of(&s.st);
	assert_int_equal(json_unpack(root, "{s:[{s:{s:F}}]}", "exemptions", "in",
				     "packets_a_second", &a_second),
			 0);
	assert_true(a_second == 10);
	json_decref(root);
	ruleset_free(&earlier);
	tear_down(&s);
}

/* The table of connection tracking, where somebody has looked. */
static void test_table(void **state)
{
	struct table_status t = {
		.count = 12, .max = 16, .buckets = 16, .grows = true, .growth = -3
	};
	struct scene s;
	json_t *root;
	int count_of;

	(void)state;
	set_up(&s, WEB);
	s.st.table = &t;
	t.census_why = "no privileges";
	status_compare(&s.st);
	auto_free char *text = text_of(&s.st, false, false);

	assert_non_null(
		strstr(text, "\nConnection tracking\n  12 of 16 entries (75.0 %), -3 a second"));
	assert_non_null(strstr(text, "\n  no privileges\n"));
	root = json_of(&s.st);
	assert_int_equal(json_unpack(root, "{s:{s:i}}", "conntrack", "count", &count_of), 0);
	assert_int_equal(count_of, 12);
	assert_null(json_object_get(json_object_get(root, "conntrack"), "entries"));
	json_decref(root);
	tear_down(&s);
}

static void test_drift(void **state)
{
	struct scene s;
	auto_free char *text = NULL, *colours = NULL;

	(void)state;
	set_up(&s, WEB "[interface storage]\nname = eth9\n");
	ruleset_free(&s.have);
	status_compare(&s.st);
	assert_int_equal(s.st.n_drift, s.want.n_rules);
	assert_int_equal(s.st.exemptions[1].have, 0);
	text = text_of(&s.st, false, false);
	assert_non_null(strstr(text, "missing"));
	assert_non_null(strstr(text, "\n  + "));
	assert_non_null(strstr(text, "untrack apply"));
	colours = text_of(&s.st, false, true);
	assert_non_null(strstr(colours, "\033[32m+ "));
	tear_down(&s);
}

/* What apply would refuse is not called its cure. */
static void test_cure(void **state)
{
	struct scene s;
	auto_free char *foreign = NULL, *blocked = NULL;

	(void)state;
	set_up(&s, WEB);
	*ARRAY_ADD(s.have.foreign, s.have.n_foreign) = xstrdup("rule 5 of chain prerouting");
	status_compare(&s.st);
	foreign = text_of(&s.st, false, false);
	assert_non_null(strstr(foreign, "  cure: untrack apply --force "));
	s.st.blocked = true;
	blocked = text_of(&s.st, false, false);
	assert_non_null(strstr(blocked, "  cure: what the findings say, then untrack apply\n"));
	tear_down(&s);
}

/* A rule that differs in anything is another rule. */
static void test_almost_loaded(void **state)
{
	struct scene s;
	auto_free char *text = NULL;
	struct rule *last;

	(void)state;
	set_up(&s, WEB);
	last = &s.have.rules[s.have.n_rules - 1];
	last->hook = last->hook == HOOK_OUTPUT ? HOOK_PREROUTING : HOOK_OUTPUT;
	status_compare(&s.st);
	assert_int_equal(s.st.exemptions[0].want, 4);
	assert_int_equal(s.st.exemptions[0].have, 3);
	text = text_of(&s.st, false, false);
	assert_non_null(strstr(text, "3 of 4"));
	tear_down(&s);
}

static struct chain_need *add_need(struct scene *s, const struct fw_chain *c, const char *names,
				   enum packet_class class, enum twin_need need, const char *why)
{
	struct chain_need *n = ARRAY_ADD(s->plan.needs, s->plan.n_needs);

	n->chain = c;
	n->names = (char *)names;
	n->class = class;
	n->need = need;
	n->why = (char *)why;
	return n;
}

static void add_twin(struct ruleset *rs, const struct fw_chain *c, uint64_t anchor)
{
	*ruleset_add_twin(rs) = (struct twin){
		.form = c->form,
		.family = c->family,
		.table = xstrdup(c->table),
		.chain = xstrdup(c->name),
		.anchor = anchor,
		.names = xstrdup("web"),
		.match = { .families = FAMILIES_BOTH },
		.body = xstrdup(""),
	};
}

static struct fw_chain chain(enum form form, enum table_family f, const char *table,
			     const char *name)
{
	return (struct fw_chain){
		.form = form, .family = f, .table = (char *)table, .name = (char *)name
	};
}

static void check_twins(const struct scene *s, bool verbose, const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	status_print_twins(&s->st, verbose, f);
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
}

static void test_needs(void **state)
{
	struct fw_chain fw[] = {
		chain(FORM_NFT, TABLE_INET, "filter", "input"),
		chain(FORM_IPTABLES_NFT, TABLE_IP6, "filter", "OUTPUT"),
		chain(FORM_LEGACY, TABLE_IP, "filter", "INPUT"),
		chain(FORM_NFT, TABLE_IP, "nat", "pre"),
		chain(FORM_NFT, TABLE_INET, "filter", "sub"),
	};
	struct scene s;

	(void)state;
	set_up(&s, WEB);
	add_twin(&s.have, &fw[0], 1);
	add_twin(&s.want, &fw[0], 1);
	add_twin(&s.want, &fw[0], 2);
	add_twin(&s.want, &fw[4], 1);
	add_twin(&s.have, &fw[0], 9);
	free(s.have.twins[1].names);
	s.have.twins[1].names = xstrdup("gone");
	add_need(&s, &fw[0], "web", CLASS_OPENING, NEED_TWINS, "rule 1 asks");
	add_need(&s, &fw[0], "web", CLASS_ERROR, NEED_TWINS, "rule 2 asks");
	add_need(&s, &fw[0], "web", CLASS_OPENING, NEED_CLOSED, "nothing accepts it")->part =
		(char *)"443";
	add_need(&s, &fw[0], "dns", CLASS_OPENING, NEED_TWINS, "rule 1 asks");
	add_need(&s, &fw[0], "dns,web", CLASS_OPENING, NEED_TWINS, "rule 1 asks");
	add_need(&s, &fw[0], "web", CLASS_CONTINUING, NEED_NONE, "policy accept");
	add_need(&s, &fw[1], "web", CLASS_OPENING, NEED_NONE, "policy accept");
	add_need(&s, &fw[1], "web", CLASS_ERROR, NEED_NONE, "another reason");
	add_need(&s, &fw[2], "web", CLASS_OPENING, NEED_REFUSED, "no twin")->finding = "some-id";
	add_need(&s, &fw[2], "web", CLASS_OPENING, NEED_TWINS, "rule 9")->family = FAMILY_V6;
	add_need(&s, &fw[1], "web", CLASS_OPENING, NEED_NONE, "policy accept")->family = FAMILY_V6;
	add_need(&s, &fw[3], "web", CLASS_OPENING, NEED_IGNORED, "accept = none");
	add_need(&s, &fw[3], "a", CLASS_OPENING, NEED_CLOSED, "shut")->part = (char *)"1";
	add_need(&s, &fw[3], "b", CLASS_OPENING, NEED_CLOSED, "shut")->part = (char *)"2";
	add_need(&s, &fw[3], "c", CLASS_OPENING, NEED_REFUSED, "why")->finding = "one";
	add_need(&s, &fw[3], "d", CLASS_OPENING, NEED_REFUSED, "why")->finding = "two";
	status_compare(&s.st);
	check_twins(
		&s, false,
		"  inet filter input: web continuing: none needed: policy accept\n"
		"  inet filter input: dns,web opening,error: twins: 1 present, 1 missing\n"
		"  inet filter input: web port 443 opening: closed: nothing accepts it\n"
		"  iptables-nft ip6 filter OUTPUT: web: none needed: policy accept (and more: "
		"-v)\n"
		"  iptables-legacy ip filter INPUT: web ipv6: twins: in the chains that it leads "
		"to\n"
		"  iptables-legacy ip filter INPUT: web ipv4: refused (some-id): no twin\n"
		"  ip nat pre: a port 1: closed: shut\n"
		"  ip nat pre: b port 2: closed: shut\n"
		"  ip nat pre: c: refused (one): why\n"
		"  ip nat pre: d: refused (two): why\n"
		"  ip nat pre: web: left alone: accept = none\n"
		"  inet filter input: twins: 1 unneeded\n"
		"  inet filter sub: twins: 1 missing\n");
	check_twins(
		&s, true,
		"  inet filter input: web continuing: none needed: policy accept\n"
		"  inet filter input: dns: twins: rule 1 asks\n"
		"  inet filter input: dns,web: twins: rule 1 asks\n"
		"  inet filter input: web opening: twins: rule 1 asks\n"
		"  inet filter input: web error: twins: rule 2 asks\n"
		"  inet filter input: web port 443 opening: closed: nothing accepts it\n"
		"  iptables-nft ip6 filter OUTPUT: web ipv4 error: none needed: another reason\n"
		"  iptables-nft ip6 filter OUTPUT: web opening: none needed: policy accept\n"
		"  iptables-legacy ip filter INPUT: web ipv6: twins: rule 9\n"
		"  iptables-legacy ip filter INPUT: web ipv4: refused (some-id): no twin\n"
		"  ip nat pre: a port 1: closed: shut\n"
		"  ip nat pre: b port 2: closed: shut\n"
		"  ip nat pre: c: refused (one): why\n"
		"  ip nat pre: d: refused (two): why\n"
		"  ip nat pre: web: left alone: accept = none\n"
		"  inet filter input: twins: 1 present, 1 missing, 1 unneeded\n"
		"  inet filter sub: twins: 1 missing\n");
	free(s.plan.needs);
	tear_down(&s);
}

static void test_many_names(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
	struct fw_chain c = chain(FORM_NFT, TABLE_INET, "filter", "input");
	struct scene s;

	(void)state;
	set_up(&s, WEB);
	for (size_t i = ARRAY_SIZE(names); i-- > 0;)
		add_need(&s, &c, names[i], CLASS_OPENING, NEED_NONE, "it is open");
	status_compare(&s.st);
	check_twins(&s, false,
		    "  inet filter input: a,b,c,d,e,f,g,h,+2: none needed: it is open\n");
	free(s.plan.needs);
	tear_down(&s);
}

/* Twins where no exemption needs them any more are told all the same. */
static void test_twins_of_nobody(void **state)
{
	struct fw_chain c = chain(FORM_LEGACY, TABLE_IP, "filter", "INPUT");
	auto_free char *text = NULL;
	struct scene s;
	json_t *root, *twin;

	(void)state;
	set_up(&s, WEB);
	add_twin(&s.have, &c, 1);
	status_compare(&s.st);
	check_twins(&s, false, "  iptables-legacy ip filter INPUT: twins: 1 unneeded\n");
	text = text_of(&s.st, false, false);
	assert_non_null(
		strstr(text, "\n  - unneeded twin iptables-legacy ip filter INPUT before 1"));
	root = json_of(&s.st);
	twin = json_array_get(json_object_get(root, "twins"), 0);
	assert_string_equal(json_string_value(json_object_get(twin, "state")), "unneeded");
	assert_string_equal(json_string_value(json_object_get(twin, "form")), "iptables-legacy");
	json_decref(root);
	tear_down(&s);
}

static void test_json_of_chains(void **state)
{
	struct fw_chain c = chain(FORM_IPTABLES_NFT, TABLE_IP, "filter", "INPUT");
	struct walk_packets packets = { (char *)"web", CLASS_ERROR, FAMILIES_BOTH };
	struct fw_rule rule = { 0 };
	struct walk_line line = { .chain = &c,
				  .rule = &rule,
				  .number = 3,
				  .last = 5,
				  .depth = 1,
				  .tracked = (char *)"no",
				  .untracked = (char *)"maybe: drop" };
	struct walk_account account = { &c, &packets,		1,	     &line,
					1,  (char *)"accepted", (char *)"x", (char *)"y" };
	struct walk_accounts walks = { &account, 1 };
	struct chain_need *n;
	struct scene s;
	json_t *root, *need, *walk;
	auto_free char *text = NULL;

	(void)state;
	set_up(&s, WEB);
	add_twin(&s.want, &c, 1);
	n = add_need(&s, &c, "web", CLASS_ERROR, NEED_REFUSED, "w");
	n->finding = "state-lost";
	n->part = (char *)"80";
	status_compare(&s.st);
	root = json_of(&s.st);
	assert_null(json_object_get(root, "walks"));
	need = json_array_get(json_object_get(root, "needs"), 0);
	text = json_dumps(need, JSON_COMPACT);
	assert_string_equal(text, "{\"form\":\"iptables-nft\",\"family\":\"ip\",\"table\":"
				  "\"filter\",\"chain\":\"INPUT\",\"exemptions\":\"web\","
				  "\"class\":\"error\",\"packets\":\"ipv4\",\"ports\":\"80\","
				  "\"need\":\"refused\",\"finding\":\"state-lost\",\"why\":\"w\"}");
	json_decref(root);
	s.st.walks = &walks;
	root = json_of(&s.st);
	walk = json_array_get(json_object_get(root, "walks"), 0);
	free(text);
	text = json_dumps(walk, JSON_COMPACT);
	assert_string_equal(
		text,
		"{\"form\":\"iptables-nft\",\"family\":\"ip\",\"table\":\"filter\",\"chain\":"
		"\"INPUT\",\"packets\":[{\"exemptions\":\"web\",\"class\":\"error\",\"packets\":"
		"\"ipv4\"},{\"exemptions\":\"web\",\"class\":\"error\",\"packets\":\"ipv6\"}],"
		"\"rules\":[{\"chain\":\"INPUT\",\"depth\":1,\"first\":3,\"last\":5,\"rule\":"
		"null,\"tracked\":\"no\",\"untracked\":\"maybe: drop\",\"twin\":null}],"
		"\"tracked\":\"accepted\",\"untracked\":\"x\",\"twinned\":\"y\"}");
	json_decref(root);
	free(s.plan.needs);
	tear_down(&s);
}

static void test_json_of_diff(void **state)
{
	auto_free char *text = NULL, *compact = NULL;
	struct ruleset have = { 0 };
	size_t len;
	FILE *f = xmemstream(&text, &len);
	json_t *root;

	(void)state;
	status_diff_json("+ a\n- b\n", "nftables", &have, true, f);
	fclose(f);
	root = json_loads(text, 0, NULL);
	compact = json_dumps(root, JSON_COMPACT);
	assert_string_equal(compact, "{\"backend\":\"nftables\",\"equal\":false,\"blocked\":true,"
				     "\"rules\":0,\"twins\":0,\"differences\":[\"+ a\",\"- b\"]}");
	json_decref(root);
}

static void test_diff_lines(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	(void)state;
	status_print_diff("+ rule\n- other\n", "  ", false, f);
	fclose(f);
	assert_string_equal(text, "  + rule\n  - other\n");
	free(text);
}

static void test_json(void **state)
{
	struct scene s;
	json_t *root, *web;

	(void)state;
	set_up(&s, "[service web]\ndescription = \"a\\b\"\nprotocol = tcp\nport = 80\n");
	count(&s.have, "web", HOOK_PREROUTING, 12, 2048);
	s.st.pending = "p";
	status_compare(&s.st);
	root = json_of(&s.st);
	assert_int_equal(json_integer_value(json_object_get(root, "generation")), 7);
	assert_int_equal(json_integer_value(json_object_get(root, "applied")), 1000000000);
	assert_string_equal(json_string_value(json_object_get(root, "pending")), "p");
	assert_int_equal(json_array_size(json_object_get(root, "drift")), s.st.n_drift);
	web = json_array_get(json_object_get(root, "exemptions"), 0);
	assert_string_equal(json_string_value(json_object_get(web, "name")), "web");
	assert_string_equal(json_string_value(json_object_get(web, "kind")), "service");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(web, "in"), "packets")),
			 12);
	assert_true(json_is_null(json_object_get(web, "out")));
	json_decref(root);
	tear_down(&s);
}

static void test_nothing_applied(void **state)
{
	struct scene s;
	auto_free char *text = NULL;

	(void)state;
	set_up(&s, "");
	s.st.generation = 0;
	s.st.applied = 0;
	status_compare(&s.st);
	assert_int_equal(s.st.n_drift, 0);
	text = text_of(&s.st, true, false);
	assert_non_null(strstr(text, "nothing applied yet"));
	assert_null(strstr(text, "Exemptions"));
	assert_null(strstr(text, "Twins"));
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_cure),
		cmocka_unit_test(test_almost_loaded),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_twins_of_nobody),
		cmocka_unit_test(test_json_of_chains),
		cmocka_unit_test(test_json_of_diff),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_diff_lines),
		cmocka_unit_test(test_nothing_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
