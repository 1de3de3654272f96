/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The snapshot of nf_tables: what is in it, what is not, and that it is of one moment. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include "kernel/nft_snapshot.h"
#include "nft_build.h"
#include "nft_lab.h"

static const char tables[] =
	"flush ruleset\n"
	"table inet untrack {\n"
	" counter web_in { packets 7 bytes 700; }\n"
	" set ports { type inet_service; flags interval; elements = { 80, 443 }; }\n"
	" set hosts { type ipv4_addr; elements = { 192.0.2.1 }; }\n"
	" map count { type inet_service : counter; flags interval;\n"
	"  elements = { 80-90 : \"web_in\" }; }\n"
	" chain prerouting { type filter hook prerouting priority -300; tcp dport @ports notrack; "
	"}\n"
	"}\n"
	"table inet filter {\n"
	" set hosts { type ipv4_addr; elements = { 192.0.2.1 }; }\n"
	" set untrack-1 { type ipv4_addr; elements = { 192.0.2.1 }; }\n"
	" chain input { type filter hook input priority 10; policy drop;\n"
	"  ct state established accept comment \"mine\"\n"
	"  ip saddr @hosts jump more\n"
	" }\n"
	" chain more { tcp dport { 22 } accept; }\n"
	" chain early { type filter hook ingress device \"lo\" priority 0; }\n"
	"}\n"
	"table ip asleep { flags dormant; chain i { type filter hook input priority 0; }; }\n"
	"table bridge b { chain i { type filter hook input priority -200; policy drop; }; }\n"
	"table netdev d { chain i { type filter hook ingress device \"lo\" priority 0; accept; }; "
	"}\n";

struct fixture {
	struct nft_wire *w;
	struct diag d;
	struct nft_snapshot s;
};

static int enter(void **state)
{
	static struct fixture f;

	if (!enter_namespace())
		return 0;
	f.w = nft_wire_open(&f.d);
	*state = &f;
	return f.w ? 0 : -1;
}

static int leave(void **state)
{
	struct fixture *f = *state;

	if (f) {
		nft_wire_close(f->w);
		diag_free(&f->d);
	}
	return 0;
}

static struct fixture *fixture(void **state, const char *script)
{
	struct fixture *f = *state;
	char *s = f ? nft("/dev/stdin", script) : NULL;

	if (!s)
		skip();
	free(s);
	assert_int_equal(nft_snapshot_read(f->w, &f->s, &f->d), 0);
	return f;
}

static void test_nothing(void **state)
{
	struct fixture *f = fixture(state, "flush ruleset\n");

	assert_true(f->s.genid);
	assert_false(f->s.own_table);
	assert_int_equal(f->s.fw.n_chains + f->s.own.n_chains, 0);
	nft_snapshot_free(&f->s);
	nft_snapshot_free(&f->s);
}

static void test_own_table(void **state)
{
	struct fixture *f = fixture(state, tables);
	const struct nft_snapshot *s = &f->s;
	auto_free char *text = NULL;

	assert_true(s->own_table);
	assert_int_equal(s->own_flags, 0);
	assert_int_equal(s->own.n_chains, 1);
	assert_string_equal(s->own.chains[0].name, "prerouting");
	assert_int_equal(s->own.chains[0].hook, HOOK_PREROUTING);
	assert_int_equal(s->own.chains[0].priority, -300);
	text = fw_rule_text(&s->own.chains[0].rules[0]);
	assert_string_equal(text, "tcp dport @ports notrack");
	assert_int_equal(s->n_objects, 1);
	assert_string_equal(s->objects[0].name, "web_in");
	assert_int_equal(s->objects[0].packets, 7);
	assert_int_equal(s->objects[0].bytes, 700);
	nft_snapshot_free(&f->s);
}

/* Ours with all elements, whatever their type; the addresses of others stay where they are. */
static void test_sets(void **state)
{
	struct fixture *f = fixture(state, tables);
	size_t in_own_table = 0;

	assert_int_equal(f->s.n_sets, 4);
	for (size_t i = 0; i < f->s.n_sets; i++) {
		const struct nft_set_info *info = &f->s.sets[i];

		assert_true(info->set->known);
		in_own_table += strcmp(info->table, NFT_OWN_TABLE) == 0;
		if (strcmp(info->set->name, "count") == 0) {
			assert_int_equal(info->set->n, 1);
			assert_int_equal(info->set->v[0].hi[1], 90);
			assert_string_equal(info->objects[0], "web_in");
		} else {
			assert_null(info->objects);
		}
	}
	assert_int_equal(in_own_table, 3);
	for (size_t i = 0; i < f->s.fw.n_sets; i++)
		assert_int_equal(f->s.fw.sets[i]->known,
				 strcmp(f->s.fw.sets[i]->name, "hosts") != 0);
	nft_snapshot_free(&f->s);
}

/* What hooks in elsewhere is known by its place. */
static void others_are_listed(const struct fw *fw)
{
	struct text t = { 0 };

	for (size_t i = 0; i < fw->n_others; i++) {
		const struct fw_other *o = &fw->others[i];

		text_add(&t, "%s %s %s %s %s %d%s%s\n", o->family, o->table, o->name, o->type,
			 o->hook, o->priority, o->drops ? " drops" : "",
			 o->dormant ? " dormant" : "");
	}
	assert_string_equal(t.s, "inet filter early filter ingress 0\n"
				 "ip asleep i filter input 0 dormant\n"
				 "bridge b i filter input -200 drops\n"
				 "netdev d i filter ingress 0\n");
	free(t.s);
}

static void test_others(void **state)
{
	struct fixture *f = fixture(state, tables);
	const struct fw *fw = &f->s.fw;
	const struct fw_chain *c = &fw->chains[0];

	assert_int_equal(fw->n_chains, 4); /* no bridge, no netdev */
	others_are_listed(fw);
	assert_string_equal(c->name, "input");
	assert_true(c->base);
	assert_false(c->owned);
	assert_int_equal(c->hook, HOOK_INPUT);
	assert_int_equal(c->priority, 10);
	assert_int_equal(c->policy, FW_DROP);
	assert_string_equal(c->type, "filter");
	assert_int_equal(c->n_rules, 2);
	assert_string_equal(c->rules[0].comment, "mine");
	assert_null(c->rules[1].comment);
	assert_true(c->rules[0].handle);
	assert_int_equal(c->rules[0].twin, -1);
	for (size_t i = 1; i < fw->n_chains; i++) /* jumped to, ingress, asleep */
		assert_false(fw->chains[i].base);
	nft_snapshot_free(&f->s);
}

/* Its table in the hands of another socket: EPERM for us. */
static void test_owner(void **state)
{
	struct fixture *f = fixture(state, tables);
	struct nft_wire *owner = nft_wire_open(&f->d);
	struct nft_batch b = { 0 };
	struct nlmsghdr *h =
		nft_batch_msg(&b, NFT_MSG_NEWTABLE, NFPROTO_IPV6, NLM_F_CREATE, NFT_ROOM);
	size_t n;

	nft_snapshot_free(&f->s);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, "theirs");
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	nft_batch_done(&b, h);
	h = nft_batch_msg(&b, NFT_MSG_NEWCHAIN, NFPROTO_IPV6, NLM_F_CREATE, NFT_ROOM);
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, "theirs");
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, "c");
	nft_batch_done(&b, h);
	assert_int_equal(
		nft_batch_send(owner, &b, nft_wire_genid(owner, &f->d), false, NULL, 0, &n),
		NFT_SENT);
	nft_batch_free(&b);
	assert_int_equal(nft_snapshot_read(f->w, &f->s, &f->d), 0);
	assert_string_equal(f->s.fw.chains[f->s.fw.n_chains - 1].table, "theirs");
	assert_true(f->s.fw.chains[f->s.fw.n_chains - 1].owned);
	nft_snapshot_free(&f->s);
	nft_wire_close(owner);
}

/* Somebody writes all the time, two rules at once: never is there an odd number of them. */
static void test_one_moment(void **state)
{
	struct fixture *f = fixture(state, "flush ruleset\n"
					   "table inet t { chain a { }; chain b { }; }\n");
	struct nft_snapshot s = { 0 };
	size_t read = 0;
	pid_t pid = fork();

	nft_snapshot_free(&f->s);
	for (int i = 0; pid == 0 && i < 5000; i++)
		free(nft("/dev/stdin", "add rule inet t a accept; add rule inet t b accept"));
	if (pid == 0)
		_exit(0);
	for (int i = 0; i < 300; i++) {
		struct diag d = { 0 };

		if (nft_snapshot_read(f->w, &s, &d) == 0) {
			assert_int_equal(s.fw.chains[0].n_rules, s.fw.chains[1].n_rules);
			read++;
		}
		diag_free(&d);
		nft_snapshot_free(&s);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(read > 0);
}

static void test_text_has_an_end(void **state)
{
	struct fw_expr v[100];
	struct fw_rule r = { .exprs = v, .n_exprs = ARRAY_SIZE(v) };
	char *s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = (struct fw_expr){ .op = FW_EFFECT, .name = (char *)"counter" };
	s = fw_rule_text(&r);
	assert_int_equal(strlen(s), 200);
	assert_string_equal(s + 197, "...");
	free(s);
	r.n_exprs = 0;
	s = fw_rule_text(&r);
	assert_string_equal(s, "");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_own_table),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_one_moment),
		cmocka_unit_test(test_text_has_an_end),
	};

	return cmocka_run_group_tests_name("nft_snapshot", tests, enter, leave);
}
