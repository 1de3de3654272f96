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

static void add_need(struct scene *s, const struct fw_chain *c, enum twin_need need,
		     const char *why)
{
	struct chain_need *n = ARRAY_ADD(s->plan.needs, s->plan.n_needs);

	n->chain = c;
	n->names = (char *)"web";
	n->need = need;
	n->why = (char *)why;
}

static void test_needs(void **state)
{
	struct fw_chain input = { .family = TABLE_INET,
				  .table = (char *)"filter",
				  .name = (char *)"input" };
	struct fw_chain output = { .family = TABLE_IP6,
				   .table = (char *)"f",
				   .name = (char *)"out" };
	auto_free char *text = NULL, *more = NULL;
	struct scene s;
	struct twin *w;

	(void)state;
	set_up(&s, WEB);
	w = ruleset_add_twin(&s.have);
	*w = (struct twin){
		.family = TABLE_INET,
		.table = xstrdup("filter"),
		.chain = xstrdup("input"),
		.names = xstrdup("web"),
		.match = { .families = FAMILIES_BOTH },
		.body = xstrdup(""),
	};
	add_need(&s, &input, NEED_TWINS, "rule 1 asks");
	add_need(&s, &input, NEED_CLOSED, "nothing accepts it");
	add_need(&s, &output, NEED_NONE, "policy accept");
	add_need(&s, &output, NEED_NONE, "another reason");
	status_compare(&s.st);
	text = text_of(&s.st, false, false);
	assert_non_null(strstr(text, "  inet filter input: 1 twin\n"));
	assert_non_null(strstr(text, "  inet filter input: closed: nothing accepts it\n"));
	assert_non_null(strstr(text, "  ip6 f out: none needed: policy accept (and more: -v)\n"));
	assert_null(strstr(text, "another reason"));
	assert_null(strstr(text, "rule 1 asks"));
	more = text_of(&s.st, true, false);
	assert_non_null(
		strstr(more, "  inet filter input: web ipv4 opening: twins: rule 1 asks\n"));
	assert_non_null(strstr(more, "another reason"));
	free(s.plan.needs);
	tear_down(&s);
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
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_almost_loaded),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_diff_lines),
		cmocka_unit_test(test_nothing_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
