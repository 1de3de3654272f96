/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins in the tables of a firewall, against the kernel. */
#include "nft_namespace.h"

static const char firewall[] =
	"table inet fw {\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy drop;\n"
	"		ct state established,related accept\n"
	"		ip saddr { 10.0.0.1, 10.0.0.2 } drop\n"
	"		ct state new tcp dport { 22, 80, 443 } accept\n"
	"	}\n"
	"}\n"
	"table ip legacy {\n"
	"	chain input {\n"
	"		type filter hook input priority 5; policy accept;\n"
	"		ct state vmap { established : accept, invalid : drop }\n"
	"	}\n"
	"}\n";

static const struct fw_chain *chain_of(const struct fw *fw, const char *table)
{
	for (size_t i = 0; i < fw->n_chains; i++)
		if (!strcmp(fw->chains[i].table, table))
			return &fw->chains[i];
	fail_msg("no chain in table %s", table);
	return NULL;
}

static void add_twin(struct ruleset *rs, const struct fw_chain *c, uint64_t anchor,
		     const char *names, const char *body, uint16_t port)
{
	struct twin *w = ruleset_add_twin(rs);

	w->family = c->family;
	w->table = xstrdup(c->table);
	w->chain = xstrdup(c->name);
	w->anchor = anchor;
	w->names = xstrdup(names);
	w->body = xstrdup(body);
	w->match.families = c->family == TABLE_IP ? FAMILIES_V4 : FAMILIES_BOTH;
	w->match.proto = IPPROTO_TCP;
	w->match.tcp = TCP_CONTINUING;
	ports_add(&w->match.dport, port, port);
}

static uint64_t handle_of(const struct ruleset *rs, const char *names)
{
	for (size_t i = 0; i < rs->n_twins; i++)
		if (!strcmp(rs->twins[i].names, names))
			return rs->twins[i].handle;
	fail_msg("no twin %s", names);
	return 0;
}

static void load_firewall(struct fixture *f, struct fw *fw)
{
	char *out = nft(firewall, NULL);
	struct ruleset none;

	assert_non_null(out);
	free(out);
	*fw = (struct fw){ 0 };
	read_all(f, &none, fw);
	assert_int_equal(none.n_twins, 0);
	ruleset_free(&none);
}

static void twins_come_stay_and_go(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want = { 0 }, got, none = { 0 };
	char *before, *after, *found, *listing;
	struct fw fw, later = { 0 };
	const struct fw_chain *c;
	uint64_t kept;

	load_firewall(f, &fw);
	before = nft(NULL, "list ruleset");
	c = chain_of(&fw, "fw");
	add_twin(&want, c, c->rules[0].handle, "web", "verdict:accept", 80);
	add_twin(&want, c, c->rules[2].handle, "web", "verdict:accept", 81);
	add_twin(&want, c, 0, "last", "verdict:drop", 82);
	ruleset_normalise(&want);
	apply(f, &want);
	read_all(f, &got, &later);
	kept = handle_of(&got, "last");
	for (size_t i = 0; i < chain_of(&later, "fw")->n_rules; i++) {
		const struct fw_rule *r = &chain_of(&later, "fw")->rules[i];

		assert_int_equal(r->twin >= 0, i == 0 || i == 3 || i == 5);
		if (r->twin >= 0)
			assert_int_equal(got.twins[r->twin].handle, r->handle);
	}
	fw_free(&later);
	ruleset_free(&got);
	ruleset_free(&want);

	/* Another one before each of two that stay, one goes, and the order within a place holds.
	 */
	add_twin(&want, c, c->rules[0].handle, "api", "verdict:accept", 90);
	add_twin(&want, c, c->rules[0].handle, "web", "verdict:accept", 80);
	add_twin(&want, c, c->rules[0].handle, "zoo", "verdict:accept", 91);
	add_twin(&want, c, 0, "first-of-last", "verdict:return", 83);
	add_twin(&want, c, 0, "last", "verdict:drop", 82);
	ruleset_normalise(&want);
	apply(f, &want);
	read_all(f, &got, NULL);
	assert_int_equal(handle_of(&got, "last"), kept);
	ruleset_free(&got);
	found = nft(NULL, "list chain inet fw input");
	listing = spelled(found);
	free(found);
	assert_non_null(strstr(listing,
			       "comment \"untrack:api\"\n\t\ttcp dport 80 tcp flags != syn / "
			       "fin,syn,rst,ack ct state untracked accept comment "
			       "\"untrack:web\"\n"));
	free(listing);
	ruleset_free(&want);
	apply(f, &none);
	after = nft(NULL, "list ruleset");
	assert_same_text(before, after);
	free(before);
	free(after);
	fw_free(&fw);
}

/* Bodies as they were read: each rule of the firewall behind a match of ours, lists of any length.
 */
static void twins_of_every_shape(void **state)
{
	struct fixture *f = need(state);
	uint64_t seed = 31337;
	char *before, *after;
	struct ruleset none = { 0 };
	struct fw fw;

	load_firewall(f, &fw);
	before = nft(NULL, "list ruleset");
	for (int round = 0; round < 15; round++) {
		struct ruleset want = { 0 };

		for (size_t i = 0; i < fw.n_chains; i++)
			for (size_t k = 0; k <= fw.chains[i].n_rules; k++) {
				const struct fw_chain *c = &fw.chains[i];
				const struct fw_rule *r = &c->rules[k < c->n_rules ? k : k - 1];
				struct text body = { 0 };
				struct twin *w;

				if (!random_below(&seed, 4))
					continue;
				w = ruleset_add_twin(&want);
				for (size_t e = 0; e < r->n_exprs; e++)
					text_add(&body, "%s%s", e ? " " : "", r->exprs[e].body);
				w->family = c->family;
				w->table = xstrdup(c->table);
				w->chain = xstrdup(c->name);
				w->anchor = k < c->n_rules ? r->handle : 0;
				w->names = xstrdup("web,api,+12");
				w->body = body.s;
				nft_random_match(&seed, c->family, true, &w->match);
				if (proto_has_ports(w->match.proto) && !random_below(&seed, 2))
					for (unsigned p = 0; p < 40; p++)
						ports_add(&w->match.dport, (uint16_t)(3 * p),
							  (uint16_t)(3 * p));
			}
		ruleset_normalise(&want);
		apply(f, &want);
		ruleset_free(&want);
	}
	apply(f, &none);
	after = nft(NULL, "list ruleset");
	assert_same_text(before, after);
	free(before);
	free(after);
	fw_free(&fw);
}

static void a_comment_makes_no_twin(void **state)
{
	struct fixture *f = need(state);
	struct ruleset got;
	struct fw fw;

	load_firewall(f, &fw);
	fw_free(&fw);
	must_nft("add rule inet fw input tcp dport 80 accept comment '\"untrack:web\"'");
	must_nft("add rule inet fw input ct state untracked comment '\"untrack:web\"'");
	must_nft("add rule inet fw input ct mark 1 ct state untracked accept comment "
		 "'\"untrack:web\"'");
	read_all(f, &got, NULL);
	assert_int_equal(got.n_twins, 0);
	assert_int_equal(got.n_foreign, 0);
	ruleset_free(&got);
	must_nft("add rule inet fw input tcp dport 80 ct state untracked accept comment "
		 "'\"untrack:web\"'");
	read_all(f, &got, NULL);
	assert_int_equal(got.n_twins, 1);
	ruleset_free(&got);
}

static void refusals_name_their_subject(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want = { 0 };
	struct fw fw;

	load_firewall(f, &fw);
	add_twin(&want, chain_of(&fw, "fw"), 0, "web", "verdict:jump:nowhere", 80);
	ruleset_normalise(&want);
	assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_FAILED);
	assert_true(f->d.n > 0);
	assert_non_null(strstr(f->d.v[0].text, "in chain input of table inet fw"));
	diag_free(&f->d);
	ruleset_free(&want);
	add_twin(&want, chain_of(&fw, "fw"), 4242, "web", "verdict:accept", 80);
	assert_int_equal(nft_backend.check(f->b, &want, &f->d), -1);
	assert_non_null(strstr(f->d.v[0].text, "untrack:web"));
	diag_free(&f->d);
	want.twins[0].match.icmp = ICMP_IS_ERROR;
	assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_FAILED);
	assert_non_null(strstr(f->d.v[0].text, "no single rule can match this"));
	diag_free(&f->d);
	ruleset_free(&want);
	fw_free(&fw);
	parse(f, &want, "");
	assert_holds(f, &want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twins_come_stay_and_go),
		cmocka_unit_test(twins_of_every_shape),
		cmocka_unit_test(a_comment_makes_no_twin),
		cmocka_unit_test(refusals_name_their_subject),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
