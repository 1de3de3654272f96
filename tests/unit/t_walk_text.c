/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walks in words, on small firewalls of every form. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include "fw_build.h"
#include "rules/walk_text.h"

enum { INV = 1, EST = 2, REL = 4, NEW = 8 };

static struct fw_rule *ct_state(struct fw_rule *r, uint32_t mask, bool negate)
{
	struct fw_expr *load = &r->exprs[r->n_exprs];

	b_state(r, mask, negate);
	free(load->name);
	load->name = xstrdup("ct state");
	return r;
}

static const char web[] = "[service web]\nprotocol = tcp\nport = 80\n";

struct world {
	struct fw fw;
	struct policy policy;
	struct ruleset want, have;
	struct twin_plan plan;
	struct walk_accounts accounts;
};

/* have: the twins that stand there, when they were read with the fw; else it is empty. */
static void tell(struct world *w, const char *conf)
{
	struct host_params h = HOST_PARAMS_DEFAULT;
	struct diag d = { 0 };

	assert_int_equal(policy_parse(&w->policy, conf, "t.conf", &d), 0);
	twin_derive(&w->policy, &h, &w->fw, &w->want, &w->plan, &d);
	walk_accounts_make(&w->policy, &h, &w->fw, &w->have, &w->plan, &w->accounts);
	diag_free(&d);
}

static void world_free(struct world *w)
{
	walk_accounts_free(&w->accounts);
	walk_accounts_free(&w->accounts);
	fw_free(&w->fw);
	policy_free(&w->policy);
	ruleset_free(&w->want);
	ruleset_free(&w->have);
	twin_plan_free(&w->plan);
}

/* The account of these packets: "web opening" */
static char *account_of(const struct world *w, const char *packets)
{
	for (size_t i = 0; i < w->accounts.n; i++) {
		const struct walk_account *a = &w->accounts.v[i];

		for (size_t k = 0; k < a->n_packets; k++) {
			struct text who = { 0 }, t = { 0 };
			bool found;

			walk_packets_text(&a->packets[k], &who);
			found = !strcmp(who.s, packets);
			free(who.s);
			if (!found)
				continue;
			walk_account_text(a, &t);
			return t.s;
		}
	}
	fail_msg("no account of %s", packets);
	return NULL;
}

static void check(const struct world *w, const char *packets, const char *expected)
{
	auto_free char *text = account_of(w, packets);

	assert_string_equal(text, expected);
}

static struct fw_chain *stateful(struct world *w)
{
	struct fw_chain *c = b_base(&w->fw, "input", HOOK_INPUT, FW_DROP);

	b_verdict(ct_state(b_rule(c), EST | REL, false), FW_ACCEPT, NULL);
	b_verdict(ct_state(b_rule(c), INV, false), FW_DROP, NULL);
	b_verdict(ct_state(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), NEW, false), FW_ACCEPT,
		  NULL);
	return c;
}

static void each_class_has_its_walk(void **state)
{
	struct world w = { 0 };

	(void)state;
	stateful(&w);
	tell(&w, web);
	assert_int_equal(w.accounts.n, 2);
	check(&w, "web opening",
	      "  inet filter input: web opening\n"
	      "      tracked      untracked  twin     rule\n"
	      "      no           no                  1  ct state established,related accept\n"
	      "      no           no                  2  ct state invalid drop\n"
	      "      yes: accept  no         missing  3  tcp dport 80-80 ct state new accept\n"
	      "    tracked: accepted\n"
	      "    untracked: dropped\n"
	      "    with twins: accepted\n");
	/* where the tracked packet ends, so does its walk */
	check(&w, "web continuing",
	      "  inet filter input: web continuing, web error\n"
	      "      tracked      untracked  twin     rule\n"
	      "      yes: accept  no         missing  1  ct state established,related accept\n"
	      "    tracked: accepted\n"
	      "    untracked: dropped\n"
	      "    with twins: accepted\n");
	world_free(&w);
}

static void what_fares_alike_is_told_once(void **state)
{
	struct world w = { 0 };

	(void)state;
	b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT);
	tell(&w, "[service web]\nprotocol = tcp\nport = 80\n"
		 "[service dns]\nprotocol = udp\nport = 53\nlocal = 192.0.2.1\n");
	assert_int_equal(w.accounts.n, 1);
	check(&w, "dns opening ipv4",
	      "  inet filter input: web opening, web continuing, web error, dns opening ipv4, "
	      "dns error ipv4\n    in either state: accepted\n");
	world_free(&w);
}

static void jumps_are_indented_and_rows_joined(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c, *deny, *deep;

	(void)state;
	c = b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT);
	deny = b_chain(&w.fw, "deny");
	deep = b_chain(&w.fw, "deep");
	b_verdict(b_rule(c), FW_JUMP, "deny");
	b_verdict(b_proto(b_rule(c), IPPROTO_TCP), FW_JUMP, "deep");
	b_verdict(b_rule(c), FW_JUMP, "deny");
	b_verdict(b_rule(c), FW_JUMP, "late");
	b_verdict(b_rule(b_chain(&w.fw, "late")), FW_RETURN, NULL);
	for (int i = 0; i < 6; i++)
		b_verdict(b_dport(b_proto(b_rule(deny), IPPROTO_UDP), 9, 9), FW_DROP, NULL);
	b_verdict(b_rule(deny), FW_JUMP, "deep");
	b_verdict(b_saddr(b_rule(deep), "192.0.2.1"), FW_DROP, NULL);
	b_verdict(b_dport(b_proto(b_rule(deep), IPPROTO_UDP), 8, 8), FW_DROP, NULL);
	b_verdict(b_dport(b_proto(b_rule(deep), IPPROTO_UDP), 7, 7), FW_DROP, NULL);
	tell(&w, "[untrack]\nfamily = ipv4\n[service web]\nprotocol = tcp\nport = 80\n");
	check(&w, "web opening ipv4",
	      "  inet filter input: web opening ipv4, web continuing ipv4\n"
	      "      tracked         untracked       twin     rule\n"
	      "      yes: jump deny  yes: jump deny           1  jump deny\n"
	      "      no              no                         1-6  none of them matches\n"
	      "      yes: jump deep  yes: jump deep             7  jump deep\n"
	      "      maybe: drop     maybe: drop                  1  ip saddr 192.0.2.1 drop\n"
	      "      no              no                           2  udp dport 8-8 drop\n"
	      "      no              no                           3  udp dport 7-7 drop\n"
	      "      yes: jump deep  yes: jump deep           2  meta l4proto tcp jump deep  # its "
	      "rules: above\n"
	      "      yes: jump deny  yes: jump deny           3  jump deny  # its rules: above\n"
	      "      yes: jump late  yes: jump late           4  jump late\n"
	      "      yes: return     yes: return                1  return\n"
	      "    in either state: maybe: rule 1 of deep may drop, else accepted\n");
	world_free(&w);
}

/* A rule in front of the last one of c, of untrack, for these packets. */
static void put_twin(struct world *w, struct fw_chain *c, enum form form, enum tcp_kind tcp)
{
	struct twin *t = ruleset_add_twin(&w->have);
	struct fw_rule copied = c->rules[c->n_rules - 1], *r = &c->rules[c->n_rules - 1];

	c->n_rules--;
	*r = (struct fw_rule){ 0 };
	b_verdict(b_rule(c), FW_ACCEPT, NULL);
	r->twin = (ssize_t)w->have.n_twins - 1;
	c->rules[c->n_rules++] = copied;
	t->form = form;
	t->names = xstrdup("web");
	t->match.families = FAMILIES_BOTH;
	t->match.proto = IPPROTO_TCP;
	t->match.tcp = tcp;
	ports_add(&t->match.dport, 80, 80);
}

/* It is there for some, and missing for others; our own rules are not counted. */
static void a_twin_that_stands_is_present(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c;

	(void)state;
	c = b_base(&w.fw, "INPUT", HOOK_INPUT, FW_DROP);
	c->form = FORM_LEGACY;
	c->family = TABLE_IP;
	b_verdict(b_saddr(b_rule(c), "192.0.2.1"), FW_DROP, NULL);
	b_verdict(ct_state(b_rule(c), NEW | EST, false), FW_ACCEPT, NULL);
	put_twin(&w, c, FORM_LEGACY, TCP_OPENING);
	tell(&w, "[untrack]\nfamily = ipv4\n[service web]\nprotocol = tcp\nport = 80\n");
	check(&w, "web opening ipv4",
	      "  iptables-legacy ip filter INPUT: web opening ipv4\n"
	      "      tracked      untracked    twin     rule\n"
	      "      maybe: drop  maybe: drop           1  ip saddr 192.0.2.1 drop\n"
	      "      yes: accept  no           present  2  ct state established,new accept\n"
	      "    tracked: maybe: rule 1 of INPUT may drop, else accepted\n"
	      "    untracked: dropped\n"
	      "    with twins: maybe: rule 1 of INPUT may drop, else accepted\n");
	check(&w, "web continuing ipv4",
	      "  iptables-legacy ip filter INPUT: web continuing ipv4\n"
	      "      tracked      untracked    twin     rule\n"
	      "      maybe: drop  maybe: drop           1  ip saddr 192.0.2.1 drop\n"
	      "      yes: accept  no           missing  2  ct state established,new accept\n"
	      "    tracked: maybe: rule 1 of INPUT may drop, else accepted\n"
	      "    untracked: dropped\n"
	      "    with twins: maybe: rule 1 of INPUT may drop, else accepted\n");
	world_free(&w);
}

/* Where no twin is needed, none is missing. */
static void no_need_no_twin(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c;

	(void)state;
	c = b_base(&w.fw, "INPUT", HOOK_INPUT, FW_DROP);
	c->form = FORM_IPTABLES_NFT;
	c->family = TABLE_IP6;
	b_verdict(ct_state(b_rule(c), EST, false), FW_ACCEPT, NULL);
	b_verdict(b_dport(b_proto(b_rule(c), IPPROTO_TCP), 80, 80), FW_ACCEPT, NULL);
	tell(&w, "[untrack]\nfamily = ipv6\n[service web]\nprotocol = tcp\nport = 80\n");
	check(&w, "web continuing ipv6",
	      "  iptables-nft ip6 filter INPUT: web continuing ipv6\n"
	      "      tracked      untracked  twin     rule\n"
	      "      yes: accept  no                  1  ct state established accept\n"
	      "    in either state: accepted\n");
	world_free(&w);
}

static void branches_of_a_map(void **state)
{
	struct world w = { 0 };
	struct fw_chain *c;
	struct fw_set *s;

	(void)state;
	c = b_base(&w.fw, "input", HOOK_INPUT, FW_ACCEPT);
	s = b_state_map(&w.fw, b_rule(c));
	free(c->rules[0].exprs[0].name);
	c->rules[0].exprs[0].name = xstrdup("ct state");
	b_element(s, EST, FW_ACCEPT, NULL);
	b_element(s, NEW, FW_GOTO, "new");
	b_verdict(b_saddr(b_rule(b_chain(&w.fw, "new")), "192.0.2.1"), FW_QUEUE, NULL);
	b_other(b_rule(c), FW_LIMIT, "limit");
	tell(&w, "[untrack]\nfamily = ipv4\n[service web]\nprotocol = tcp\nport = 80\n");
	check(&w, "web opening ipv4",
	      "  inet filter input: web opening ipv4\n"
	      "      tracked        untracked     twin     rule\n"
	      "      yes: goto new  no            missing  1  ct state vmap { established : "
	      "accept, "
	      "new : goto new }\n"
	      "      maybe: queue   maybe: queue             1  ip saddr 192.0.2.1 queue\n"
	      "    tracked: maybe: rule 1 of new may queue, else accepted\n"
	      "    untracked: accepted\n"
	      "    with twins: maybe: rule 1 of new may queue, else accepted\n");
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_class_has_its_walk),
		cmocka_unit_test(what_fares_alike_is_told_once),
		cmocka_unit_test(jumps_are_indented_and_rows_joined),
		cmocka_unit_test(a_twin_that_stands_is_present),
		cmocka_unit_test(no_need_no_twin),
		cmocka_unit_test(branches_of_a_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
